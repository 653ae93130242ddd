//! The master: one thread that waits for signals, its workers' messages and their ends.

mod orders;
mod upgrade;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::source::DiskLoader;
use rkeep_parsers::table::value::Level;
use rustix::event::{PollFd, PollFlags, Timespec};

use self::upgrade::Relatives;
use super::Wish;
use super::config::{self, Context};
use super::message::{FromWorker, ToWorker, send};
use super::orphan::{Home, Orphan};
use super::resources::{Old, Resources};
use super::sockets::{self, Failed};
use super::watcher::{Watcher, introduce};
use crate::bus::Role;
use crate::bus::wire::Link;
use crate::host::daemon::Background;
use crate::host::guests::Guests;
use crate::host::notify::{self, State};
use crate::host::pidfile::PidFile;
use crate::host::spawn::{self, Looks};
use crate::log::nginx::{Copied, Log, with_errno};
use crate::sys::process::{self, Ended};
use crate::sys::signal::{self, Received, SignalFd};

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

/// A worker that has not ended yet.
#[derive(Debug)]
struct Worker {
    pid: i32,
    link: Link,
    /// The newest configuration that it has been given.
    generation: u64,
    /// It has been told to end.
    leaving: bool,
    since: Instant,
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

    // ---- signals

    fn heed(&mut self, Received { signal, sender }: Received) {
        let action = match signal {
            libc::SIGTERM | libc::SIGINT => ", exiting",
            libc::SIGQUIT => ", shutting down",
            libc::SIGHUP => ", reconfiguring",
            libc::SIGUSR1 => ", reopening logs",
            libc::SIGWINCH if self.daemon => ", stop accepting connections",
            libc::SIGUSR2 if self.may_upgrade() => ", changing binary",
            libc::SIGCHLD => "",
            _ => ", ignoring",
        };
        let from = if sender > 0 { format!(" from {sender}") } else { String::new() };
        let text = format!("signal {signal} ({}) received{from}{action}", signal::name(signal));
        self.log(Level::Notice, &text);
        match signal {
            libc::SIGTERM | libc::SIGINT => self.terminate(),
            libc::SIGQUIT => self.quit(),
            libc::SIGHUP if self.relatives.successor.is_some() => self.serve_again(),
            libc::SIGHUP => self.reload(),
            libc::SIGUSR1 => self.reopen(),
            libc::SIGUSR2 => self.upgrade(),
            libc::SIGWINCH if self.daemon => self.silence(),
            _ => {}
        }
    }

    fn terminate(&mut self) {
        notify::say(State::Stopping);
        self.life = Life::Terminating(Instant::now() + TERMINATE);
        self.respawn_at = None;
        self.tell_all(&ToWorker::Terminate);
    }

    fn quit(&mut self) {
        notify::say(State::Stopping);
        if !matches!(self.life, Life::Terminating(_)) {
            self.life = Life::Quitting;
        }
        self.respawn_at = None;
        self.tell_all(&ToWorker::Quit);
        // Who comes now is refused rather than left waiting; paths are removed at the end.
        self.resources.sockets.retain(|socket| matches!(socket.wanted.address, Address::Unix(_)));
    }

    /// One that has been told to end goes on ending: both signals may be read at once, in another order than they came.
    fn silence(&mut self) {
        if matches!(self.life, Life::Quitting | Life::Terminating(_)) {
            return;
        }
        self.life = Life::Silent;
        self.respawn_at = None;
        self.tell_all(&ToWorker::Quit);
    }

    /// Tells all workers to end. One that does not listen is ended.
    fn tell_all(&mut self, message: &ToWorker) {
        for worker in &mut self.workers {
            worker.leaving = true;
            if send(&worker.link, message, &[]).is_err() {
                let _ = process::signal(worker.pid, libc::SIGTERM);
            }
        }
    }

    fn reopen(&mut self) {
        self.log(Level::Notice, "reopening logs");
        let owner = self.resources.config.account.as_ref().map(|account| account.ids.uid);
        self.resources.reopen(owner);
        for worker in &self.workers {
            // A worker that has gone is noticed by its end.
            let _ = self.resources.send_logs(&worker.link);
        }
    }

    // ---- configurations

    fn reload(&mut self) {
        if matches!(self.life, Life::Quitting | Life::Terminating(_)) {
            return;
        }
        if self.next.is_some() {
            self.again = true;
            return;
        }
        self.log(Level::Notice, "reconfiguring");
        notify::say(State::Reloading);
        let next = match self.open_next() {
            Ok(next) => next,
            Err(text) => return self.reloaded(Err(text)),
        };
        self.log(Level::Notice, "using the \"epoll\" event method");
        let worker = self.workers.iter_mut().find(|worker| !worker.leaving);
        match worker.filter(|_| self.resources.same_process(&next)) {
            Some(worker) => {
                worker.generation = next.generation;
                if let Err(error) = next.send(&self.wish, &worker.link) {
                    let text = with_errno("sendmsg() failed", &error);
                    self.log(Level::Alert, &text);
                    return self.reloaded(Err(text));
                }
                self.next = Some(next);
            }
            None => {
                self.log(Level::Notice, "start worker processes");
                self.life = Life::Running;
                let started = start(&next, &self.wish);
                self.next = self.take_worker(started).then_some(next);
                if self.next.is_none() {
                    self.reloaded(Err("no worker process can be started".to_owned()));
                }
            }
        }
    }

    /// Reads the files anew and opens what they name.
    ///
    /// # Errors
    /// What the log has been told.
    fn open_next(&mut self) -> Result<Resources, String> {
        let errors = Copied::default();
        let log = self.resources.log.clone().copying(Some(errors.clone()));
        self.read_next(&log).map_err(|Failed| {
            let errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
            errors.join("\n")
        })
    }

    fn read_next(&mut self, log: &Log) -> Result<Resources, Failed> {
        let context = Context::new(&self.wish.paths, self.wish.globals.as_deref());
        let reading = config::read(&context, DiskLoader);
        for (level, text) in &reading.lines {
            log.write(*level, text);
        }
        let generation =
            self.workers.iter().map(|worker| worker.generation).max().unwrap_or(0).max(self.resources.generation) + 1;
        let old = Old { sockets: &self.resources.sockets };
        let mut next = Resources::open(reading.config.ok_or(Failed)?, generation, old, log, false)?;
        next.log = std::mem::take(&mut next.log).copying(None);
        if next.config.pid != self.pid_file.path() {
            match PidFile::create(&next.config.pid) {
                Ok(file) => {
                    self.pid_file = file;
                    self.settle(&next.config.pid);
                }
                Err(error) => {
                    let text = format!("open() \"{}\" failed", next.config.pid.display());
                    log.write(Level::Emerg, &with_errno(&text, &error));
                    return Err(Failed);
                }
            }
        }
        Ok(next)
    }

    /// Is found by its pid file from now on, and so is its worker after its death.
    fn settle(&mut self, pid: &Path) {
        self.watcher.stand(pid);
        self.home = Home::open(pid);
        self.workers.iter().for_each(|worker| self.home.show(&worker.link));
    }

    /// A worker uses a configuration: it is now the one that counts.
    fn applied(&mut self, pid: i32, generation: u64) {
        self.orphan.take().iter().for_each(Orphan::release);
        let Some(next) = self.next.take_if(|next| next.generation == generation) else { return };
        let old = std::mem::replace(&mut self.resources, next);
        sockets::remove_paths(&old.sockets, &self.resources.sockets);
        for worker in self.workers.iter_mut().filter(|worker| worker.pid != pid && !worker.leaving) {
            worker.leaving = true;
            let _ = send(&worker.link, &ToWorker::Quit, &[]);
        }
        self.reloaded(Ok(()));
    }

    /// A worker cannot use a configuration; 0 stands for one whose number it could not read.
    fn refused(&mut self, generation: u64, text: &str) {
        self.log(Level::Emerg, text);
        if self.next.take_if(|next| generation == 0 || next.generation == generation).is_some() {
            self.reloaded(Err(text.to_owned()));
        }
    }

    // ---- workers

    /// Starts a worker of what runs.
    fn start_worker(&mut self) {
        let started = start(&self.resources, &self.wish);
        if !self.take_worker(started) {
            self.respawn_at = Some(Instant::now() + SHORT_LIFE);
        }
    }

    /// Notes a worker that has been started. False when it has not.
    fn take_worker(&mut self, started: io::Result<Worker>) -> bool {
        match started {
            Ok(worker) => {
                self.log(Level::Notice, &format!("start worker process {}", worker.pid));
                self.home.show(&worker.link);
                self.workers.push(worker);
                true
            }
            Err(error) => {
                self.log(Level::Alert, &with_errno("fork() failed while spawning \"worker process\"", &error));
                false
            }
        }
    }

    fn read_workers(&mut self) {
        let mut messages = Vec::new();
        for worker in &self.workers {
            while let Ok(Some((message, _))) = worker.link.receive::<FromWorker>() {
                messages.push((worker.pid, message));
            }
        }
        for (pid, message) in messages {
            match message {
                FromWorker::Applied(generation) => self.applied(pid, generation),
                FromWorker::Refused(generation, text) => self.refused(generation, &text),
                // nginx's words for the end of the process that served the old configuration: scripts wait for them.
                FromWorker::Drained(generation) => self.log(
                    Level::Notice,
                    &format!(
                        "worker process {pid} exited with code 0 (configuration {generation} only; the process stays)"
                    ),
                ),
            }
        }
    }

    fn bury(&mut self, pid: i32, ended: Ended) {
        if self.relatives.successor == Some(pid) {
            return self.outlive(ended);
        }
        let (level, how) = how(ended);
        self.log(level, &format!("worker process {pid} exited {how}"));
        let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) else { return };
        let worker = self.workers.swap_remove(at);
        if self.next.take_if(|next| next.generation == worker.generation).is_some() {
            let text = "the new configuration was not taken up; the old one stays";
            self.log(Level::Emerg, text);
            self.reloaded(Err(text.to_owned()));
        }
        let served = self.workers.iter().any(|worker| !worker.leaving);
        if worker.leaving || served || self.life != Life::Running {
            return;
        }
        match ended {
            Ended::Code(2) => {
                let text = format!("worker process {pid} exited with fatal code 2 and cannot be respawned");
                self.log(Level::Alert, &text);
            }
            _ if worker.since.elapsed() < SHORT_LIFE => self.respawn_at = Some(Instant::now() + SHORT_LIFE),
            _ => self.start_worker(),
        }
    }
}

/// A process's end in nginx's words.
fn how(ended: Ended) -> (Level, String) {
    match ended {
        Ended::Code(code) => (Level::Notice, format!("with code {code}")),
        Ended::Signal(signal, core) => {
            (Level::Alert, format!("on signal {signal}{}", if core { " (core dumped)" } else { "" }))
        }
    }
}

/// Starts a worker and hands it a configuration.
fn start(resources: &Resources, wish: &Wish) -> io::Result<Worker> {
    let env = resources.config.environment();
    let looks = Looks { title: "nginx: worker process".into(), args: Vec::new(), env: Some(env) };
    let child = spawn::spawn(Role::Worker, &looks)?;
    // A worker that dies at once is noticed by its end.
    let _ = resources.send(wish, &child.link);
    introduce(&child.link);
    let generation = resources.generation;
    Ok(Worker { pid: child.pid, link: child.link, generation, leaving: false, since: Instant::now() })
}
