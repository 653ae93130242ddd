//! The master: one thread that waits for signals, its workers' messages and their ends.

mod life;
mod orders;
mod reload;
mod upgrade;
mod workers;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rkeep_parsers::table::value::Level;
use rustix::event::{PollFd, PollFlags, Timespec};

use self::upgrade::Relatives;
use self::workers::Worker;
use super::Wish;
use super::orphan::{Home, Orphan};
use super::resources::Resources;
use super::watcher::{Watcher, introduce};
use crate::host::daemon::Background;
use crate::host::guests::Guests;
use crate::host::notify::{self, State};
use crate::host::pidfile::PidFile;
use crate::log::nginx::with_errno;
use crate::sys::process;
use crate::sys::signal::{self, SignalFd};

/// How long a worker may take to end at once.
const TERMINATE: Duration = Duration::from_secs(1);

/// A worker that dies sooner than this is not started anew for as long.
const SHORT_LIFE: Duration = Duration::from_millis(500);

/// The master.
#[derive(Debug)]
pub struct Master {
    wish: Wish,
    /// What runs.
    resources: Resources,
    /// What shall run once a worker has taken it up.
    next: Option<Resources>,
    workers: Vec<Worker>,
    pid_file: PidFile,
    daemon: bool,
    watcher: Watcher,
    home: Home,
    /// The worker of a dead master whose sockets these are.
    orphan: Option<Orphan>,
    life: Life,
    /// A reload was asked for while another one was under way.
    again: bool,
    respawn_at: Option<Instant>,
    relatives: Relatives,
    guests: Guests,
    /// Those of them who wait for the end of a reload.
    asking: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// WINCH: no worker, until a reload.
    Silent,
    /// Until the last worker has ended.
    Quitting,
    /// Until the last worker has ended, which it must before this.
    Terminating(Instant),
}

impl Master {
    /// A master of what has been opened.
    pub fn new(wish: Wish, resources: Resources, pid_file: PidFile, daemon: bool) -> Self {
        let (workers, life) = (Vec::new(), Life::Running);
        let relatives = Relatives::find();
        // As for nginx, one that has been handed its sockets counts as a daemon.
        let daemon = daemon || relatives.predecessor.is_some();
        let (watcher, home) = (Watcher::new(), Home::open(pid_file.path()));
        let (next, again, respawn_at, orphan) = (None, false, None, None);
        let (guests, asking) = (Guests::default(), Vec::new());
        Master {
            wish,
            resources,
            next,
            workers,
            pid_file,
            daemon,
            watcher,
            home,
            orphan,
            life,
            again,
            respawn_at,
            relatives,
            guests,
            asking,
        }
    }

    /// The same that takes the place of a dead one.
    pub fn following(self, orphan: Option<Orphan>) -> Self {
        Master { orphan, ..self }
    }

    /// Runs until it is told to end.
    pub fn run(mut self, background: Background) -> ExitCode {
        let signals = match SignalFd::new(&signal::MASTER) {
            Ok(signals) => signals,
            Err(error) => {
                self.log(Level::Emerg, &with_errno("signalfd() failed", &error));
                return ExitCode::FAILURE;
            }
        };
        self.log(Level::Notice, "start worker processes");
        self.watcher.stand(&self.resources.config.pid);
        self.start_worker();
        self.open_control();
        background.ready();
        notify::say(State::Ready);
        while !self.ended() {
            self.wait(&signals);
            while let Some(received) = signals.next() {
                self.heed(received);
            }
            self.read_workers();
            self.home.answer();
            self.hear_guests();
            if self.watcher.has_come() {
                self.watcher.stand(&self.resources.config.pid);
                self.workers.iter().filter(|worker| !worker.leaving).for_each(|worker| introduce(&worker.link));
            }
            while let Some((pid, ended)) = process::reap() {
                self.bury(pid, ended);
            }
            self.keep_time();
        }
        self.leave()
    }

    fn log(&self, level: Level, text: &str) {
        self.resources.log.write(level, text);
    }

    fn ended(&self) -> bool {
        self.workers.is_empty() && matches!(self.life, Life::Quitting | Life::Terminating(_))
    }

    fn leave(self) -> ExitCode {
        self.remove_own_paths();
        drop(self.pid_file);
        self.resources.log.write(Level::Notice, "exit");
        ExitCode::SUCCESS
    }

    /// Waits for a signal, a message, or the next moment at which something is due.
    fn wait(&self, signals: &SignalFd) {
        let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
        fds.extend(self.workers.iter().map(|worker| PollFd::new(&worker.link, PollFlags::IN)));
        let others = self.watcher.fd().into_iter().chain(self.home.fd()).chain(self.guests.fds());
        fds.extend(others.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let deadline = match self.life {
            Life::Terminating(at) => Some(at),
            _ => self.respawn_at,
        };
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        // An interrupted wait is as good as one that has ended.
        let _ = rustix::event::poll(&mut fds, left.as_ref());
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        if matches!(self.life, Life::Terminating(at) if at <= now) {
            for worker in &self.workers {
                // Its end is reaped as any other.
                let _ = process::signal(worker.pid, libc::SIGKILL);
            }
            self.life = Life::Terminating(now + TERMINATE);
        }
        if self.respawn_at.is_some_and(|at| at <= now) {
            self.respawn_at = None;
            self.start_worker();
        }
    }
}
