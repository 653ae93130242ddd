//! The parent: one thread that waits for signals, its children's messages and their ends, and passes facts around.

mod accepted;
mod family;
mod life;
mod orders;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use tracing::{error, info, warn};

pub use self::accepted::Config;
use super::Wish;
use super::children::Child;
use super::predecessor::TakeOver;
use super::proxies::Proxies;
use super::pulse::Pulse;
use super::script;
use crate::bus::hub::Hub;
use crate::bus::{Cause, Role, cause};
use crate::host::daemon::Background;
use crate::host::guests::Guests;
use crate::host::patience::Patience;
use crate::host::pidfile::{self, PidFile};
use crate::plan::VrrpLegacy;
use crate::sys::process;
use crate::sys::signal::{self, SignalFd};

/// How long children may take to end.
const CHILD_WAIT: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Starting,
    Running,
    /// Until all children have taken up the new configuration.
    Reloading,
    /// Until the last child has ended, which it must before this.
    Stopping(Instant),
}

/// The parent.
#[derive(Debug)]
pub struct Parent {
    wish: Wish,
    config: Config,
    pid_file: PidFile,
    children: Vec<Child>,
    hub: Hub<Role>,
    proxies: Proxies,
    /// The checkers'.
    pulse: Pulse,
    patience: BTreeMap<Role, Patience>,
    respawns: Vec<(Instant, Role)>,
    life: Life,
    /// What the VRRP process that died last has left.
    legacy: VrrpLegacy,
    /// The keepalived whose place this one takes, until all of it has ended.
    take_over: Option<TakeOver>,
    /// The exit code.
    code: u8,
    /// The number of the configuration.
    generation: u64,
    guests: Guests,
    /// Those of them who wait for the end of a reload.
    asking: Vec<u64>,
    /// The one of them who takes our place.
    yielding: Option<u64>,
}

impl Parent {
    /// A parent of what has been read.
    pub fn new(wish: Wish, config: Config, pid_file: PidFile, take_over: Option<TakeOver>) -> Self {
        let predecessor = take_over.as_ref().map(|old| old.from);
        let (children, hub, patience, respawns) = (Vec::new(), Hub::new(), BTreeMap::new(), Vec::new());
        let proxies = Proxies::default();
        Parent {
            wish,
            config,
            pid_file,
            children,
            hub,
            proxies,
            pulse: Pulse::default(),
            patience,
            respawns,
            life: Life::Starting,
            legacy: VrrpLegacy { predecessor, ..VrrpLegacy::default() },
            take_over,
            code: 0,
            generation: 1,
            guests: Guests::default(),
            asking: Vec::new(),
            yielding: None,
        }
    }

    /// Runs until it is told to end.
    pub fn run(mut self, background: Background) -> ExitCode {
        let signals = match SignalFd::new(&self.signals()) {
            Ok(signals) => signals,
            Err(cause) => {
                error!("cannot receive signals: {cause}");
                return ExitCode::FAILURE;
            }
        };
        let global = &self.config.global;
        script::run("startup_script", global.startup_script.as_ref(), global, global.startup_timeout);
        if self.config.roles.is_empty() {
            info!("Warning - keepalived has no configuration to run");
        }
        for role in self.config.roles.clone() {
            self.start(role);
        }
        self.open_control();
        let mut background = Some(background);
        self.settle();
        while !self.ended() {
            if self.life != Life::Starting {
                background.take().into_iter().for_each(Background::ready);
            }
            self.turn(&signals);
        }
        self.leave()
    }

    fn signals(&self) -> Vec<i32> {
        let mut signals = vec![libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGCHLD];
        signals.extend([signal::rt_min() + 2, signal::rt_max() - 1]);
        if !self.wish.ignore_sigint {
            signals.push(libc::SIGINT);
        }
        signals
    }

    fn turn(&mut self, signals: &SignalFd) {
        let mut full = Vec::new();
        for child in &mut self.children {
            full.push(child.flush(&mut self.hub));
        }
        self.wait(signals, &full);
        while let Some(received) = signals.next() {
            self.heed(received.signal);
        }
        self.hear();
        self.hear_guests();
        for (subject, verdict) in self.proxies.turn() {
            self.hub.say(subject, verdict, Cause::kind(cause::LEASE));
        }
        self.feel_pulse();
        while let Some((pid, ended)) = process::reap() {
            self.bury(pid, ended);
        }
        self.keep_time();
        self.settle();
    }

    fn ended(&self) -> bool {
        self.children.is_empty() && matches!(self.life, Life::Stopping(_))
    }

    fn leave(self) -> ExitCode {
        let global = &self.config.global;
        script::run("shutdown_script", global.shutdown_script.as_ref(), global, global.shutdown_timeout);
        drop(self.pid_file);
        self.take_over.into_iter().for_each(TakeOver::give_back);
        info!("Stopped Keepalived v{} (rkeep {})", crate::KEEPALIVED_VERSION, env!("CARGO_PKG_VERSION"));
        ExitCode::from(self.code)
    }

    /// Waits for a signal, a message, room for one, or the next moment at which something is due.
    fn wait(&self, signals: &SignalFd, full: &[bool]) {
        let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
        for (child, full) in self.children.iter().zip(full) {
            let flags = if *full { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            fds.push(PollFd::new(&child.link, flags));
        }
        fds.extend(self.guests.fds().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        fds.extend(self.proxies.fds().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let stop = match self.life {
            Life::Stopping(at) => Some(at),
            _ => None,
        };
        let look = self.take_over.as_ref().map(TakeOver::look_at);
        let others = [stop, look, self.proxies.deadline(), self.pulse.deadline()].into_iter().flatten();
        let due = self.respawns.iter().map(|(at, _)| *at).chain(others).min();
        let left = due.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        // An interrupted wait is as good as one that has ended.
        let _ = rustix::event::poll(&mut fds, left.as_ref());
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        if matches!(self.life, Life::Stopping(at) if at <= now) {
            self.children.iter().for_each(Child::kill);
            self.life = Life::Stopping(now + self.config.child_wait());
        }
        let due: Vec<Role> = self.respawns.iter().filter(|(at, _)| *at <= now).map(|(_, role)| *role).collect();
        self.respawns.retain(|(at, _)| *at > now);
        due.into_iter().for_each(|role| self.start(role));
        if self.take_over.take_if(|old| old.is_over()).is_some() {
            self.write_pid_files();
        }
    }

    /// The one before us has removed its pid files, which were ours by then.
    fn write_pid_files(&self) {
        let own = (self.pid_file.path().to_owned(), std::process::id() as i32);
        let children = self.children.iter().filter_map(|child| Some((self.child_pid_file(child.role)?, child.pid)));
        for (path, pid) in std::iter::once(own).chain(children).filter(|(path, _)| !path.exists()) {
            if let Err(cause) = pidfile::write(&path, pid) {
                warn!("cannot write {}: {cause}", path.display());
            }
        }
    }

    // ---- signals
}
