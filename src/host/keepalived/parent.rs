//! The parent: one thread that waits for signals, its children's messages and their ends, and passes facts around.

mod orders;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::Ir;
use rkeep_parsers::ir::vrrp::Router;
use rkeep_parsers::keepalived::Global;
use rkeep_parsers::lower::keepalived::{Mode, Pass, legacy_lines};
use rustix::event::{PollFd, PollFlags, Timespec};
use tracing::{debug, error, info, warn};

use super::children::{Child, name};
use super::message::{FromChild, ToChild};
use super::predecessor::TakeOver;
use super::proxies::Proxies;
use super::start::{PARENT, log_lines, settings};
use super::{Wish, config, dump};
use crate::bus::hub::Hub;
use crate::bus::{Cause, Fact, Role, Subject, Verdict, cause};
use crate::host::daemon::Background;
use crate::host::guests::Guests;
use crate::host::notify::{self, State};
use crate::host::patience::{Again, Patience};
use crate::host::pidfile::{self, PidFile};
use crate::host::spawn::{self, Looks};
use crate::plan::VrrpLegacy;
use crate::sys::process::{self, Ended};
use crate::sys::signal::{self, SignalFd};

/// How long children may take to end.
const CHILD_WAIT: Duration = Duration::from_secs(5);

/// A configuration that the parent has accepted.
#[derive(Debug)]
pub struct Config {
    bundle: Arc<OwnedFd>,
    roles: Vec<Role>,
    global: Global,
    routers: Vec<Router>,
}

impl Config {
    /// Reads the files and logs what the parent has to say about them.
    ///
    /// # Errors
    /// The exit code that keepalived would end with.
    pub fn read(wish: &Wish) -> Result<Self, u8> {
        debug!("Opening file '{}'.", wish.pattern.display());
        let (loaded, bundle) = config::read_disk(&wish.pattern, &wish.config_id, PARENT);
        log_lines(&loaded);
        if bundle.files().next().is_none() {
            return Err(6);
        }
        info!("Configuration file {}", wish.pattern.display());
        let Some(ir) = loaded.ir else { return Err(2) };
        let bundle = bundle.seal().map_err(|cause| {
            error!("cannot keep the configuration in memory: {cause}");
            1
        })?;
        let roles = roles(wish, &ir);
        let routers = ir.routers.values().cloned().collect();
        Ok(Config { bundle: Arc::new(bundle), roles, global: ir.global.unwrap_or_default(), routers })
    }

    /// Reads the files for a reload, refusing what a child would end by.
    ///
    /// # Errors
    /// What is wrong, as the log has it.
    fn reread(wish: &Wish) -> Result<Self, String> {
        for pass in [Pass::Vrrp, Pass::Checkers] {
            let (loaded, _) = config::read_disk(&wish.pattern, &wish.config_id, Mode::Run(pass));
            if loaded.ir.is_none() {
                log_lines(&loaded);
                return Err(legacy_lines(&loaded.diagnostics).collect::<Vec<_>>().join("\n"));
            }
        }
        Config::read(wish).map_err(|_| format!("{} cannot be read", wish.pattern.display()))
    }
}

/// The children that a configuration needs.
fn roles(wish: &Wish, ir: &Ir) -> Vec<Role> {
    let neither = !wish.vrrp_only && !wish.check_only;
    let mut roles = Vec::new();
    if (neither || wish.check_only) && (wish.all || !ir.services.is_empty()) {
        roles.push(Role::Checkers);
    }
    if (neither || wish.vrrp_only) && (wish.all || !ir.routers.is_empty()) {
        roles.push(Role::Vrrp);
    }
    if !roles.is_empty() {
        roles.push(Role::Agent);
    }
    roles
}

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
            patience,
            respawns,
            life: Life::Starting,
            legacy: VrrpLegacy { predecessor, ..VrrpLegacy::default() },
            take_over,
            code: 0,
            generation: 1,
            guests: Guests::default(),
            asking: Vec::new(),
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
        let others = [stop, look, self.proxies.deadline()].into_iter().flatten();
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
            self.life = Life::Stopping(now + CHILD_WAIT);
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

    fn heed(&mut self, signal: i32) {
        match signal {
            libc::SIGTERM | libc::SIGINT => self.stop(),
            libc::SIGHUP => self.reload(),
            libc::SIGUSR1 => {
                info!("Printing parent data for process({}) on signal", std::process::id());
                dump::write(&self.config.global, &self.children, self.hub.store());
                self.tell(|_| Some(ToChild::Dump));
            }
            libc::SIGUSR2 => self.tell(|role| (role == Role::Vrrp).then_some(ToChild::Stats { clear: false })),
            other if other == signal::rt_max() - 1 => {
                self.tell(|role| (role == Role::Vrrp).then_some(ToChild::Stats { clear: true }));
            }
            other if other == signal::rt_min() + 2 => warn!("JSON output is not built into rkeep; ignored"),
            _ => {}
        }
    }

    fn tell(&mut self, message: impl Fn(Role) -> Option<ToChild>) {
        for child in &mut self.children {
            if let Some(message) = message(child.role) {
                child.send(message, None);
            }
        }
    }

    fn stop(&mut self) {
        if matches!(self.life, Life::Stopping(_)) {
            return;
        }
        info!("Stopping");
        notify::say(State::Stopping);
        self.life = Life::Stopping(Instant::now() + CHILD_WAIT);
        self.respawns.clear();
        self.tell(|role| (role != Role::Agent).then_some(ToChild::Stop));
        self.stop_agent();
    }

    /// The agent ends last, so that it sends what the others' ends give rise to.
    fn stop_agent(&mut self) {
        let others = self.children.iter().any(|child| child.role != Role::Agent);
        if matches!(self.life, Life::Stopping(_)) && !others {
            self.tell(|role| (role == Role::Agent).then_some(ToChild::Stop));
        }
    }

    fn reload(&mut self) {
        if matches!(self.life, Life::Stopping(_)) {
            return;
        }
        info!("Reloading ...");
        notify::say(State::Reloading);
        let config = match Config::reread(&self.wish) {
            Ok(config) => config,
            Err(text) => {
                warn!("the new configuration cannot be run; the old one stays");
                notify::say(State::Ready);
                return self.reloaded(Err(text));
            }
        };
        self.generation += 1;
        let old = std::mem::replace(&mut self.config, config);
        self.life = Life::Reloading;
        for child in &mut self.children {
            child.settled = false;
            match self.config.roles.contains(&child.role) {
                true => child.send(ToChild::Reload, Some(self.config.bundle.clone())),
                // Nothing is left to do for it.
                false => child.send(ToChild::Stop, None),
            }
        }
        let new: Vec<Role> = self.config.roles.iter().copied().filter(|role| !old.roles.contains(role)).collect();
        new.into_iter().for_each(|role| self.start(role));
        self.respawns.retain(|(_, role)| self.config.roles.contains(role));
    }

    // ---- children

    fn start(&mut self, role: Role) {
        let mut args = self.wish.args.iter().cloned();
        let looks =
            Looks { title: args.next().unwrap_or(OsString::from("keepalived")), args: args.collect(), env: None };
        let spawned = match spawn::spawn(role, &looks) {
            Ok(spawned) => spawned,
            Err(cause) => {
                error!("cannot start the {} child process: {cause}", name(role));
                self.respawns.push((Instant::now() + Duration::from_secs(1), role));
                return;
            }
        };
        match role {
            Role::Agent => debug!("Starting {} child process, pid={}", name(role), spawned.pid),
            _ => info!("Starting {} child process, pid={}", name(role), spawned.pid),
        }
        let mut child = Child::new(role, spawned);
        let mut settings = settings(&self.wish, self.child_pid_file(role).as_deref());
        if role == Role::Vrrp {
            self.proxies.open();
            settings.legacy = std::mem::take(&mut self.legacy);
        }
        if role == Role::Checkers {
            let checked = |fact: &&Fact| matches!(fact.subject, Subject::Service(_) | Subject::RealServer { .. });
            settings.said = self.hub.store().snapshot().filter(checked).cloned().collect();
        }
        child.send(ToChild::Run(settings), Some(self.config.bundle.clone()));
        self.hub.subscribe(role);
        self.children.push(child);
    }

    fn child_pid_file(&self, role: Role) -> Option<PathBuf> {
        match role {
            Role::Vrrp => Some(self.wish.vrrp_pid.clone()),
            Role::Checkers => Some(self.wish.checkers_pid.clone()),
            _ => None,
        }
    }

    fn hear(&mut self) {
        let mut facts = Vec::new();
        for child in &mut self.children {
            while let Some(message) = child.hear() {
                match message {
                    FromChild::Ready => {
                        child.settled = true;
                        self.hub.say(Subject::Process(child.role), Verdict::Up, Cause::kind("start"));
                    }
                    FromChild::Reloaded => child.settled = true,
                    FromChild::Fact(fact) => facts.push((child.role, fact)),
                }
            }
        }
        for (role, fact) in facts {
            self.hub.publish(Some(role), fact);
        }
    }

    /// Says that everything is there, once it is.
    fn settle(&mut self) {
        if !matches!(self.life, Life::Starting | Life::Reloading) || !self.children.iter().all(|child| child.settled) {
            return;
        }
        match self.life {
            Life::Starting => info!("Startup complete"),
            _ => info!("Reload complete"),
        }
        self.life = Life::Running;
        notify::say(State::Ready);
        self.reloaded(Ok(()));
    }

    fn bury(&mut self, pid: i32, ended: Ended) {
        let Some(at) = self.children.iter().position(|child| child.pid == pid) else { return };
        let child = self.children.swap_remove(at);
        // What it said last is still to be heard.
        while let Some(FromChild::Fact(fact)) = child.hear() {
            self.hub.publish(Some(child.role), fact);
        }
        self.hub.unsubscribe(child.role);
        self.forget_pid_file(&child);
        self.hub.say(Subject::Process(child.role), Verdict::Down, Cause::kind("exit"));
        self.stop_agent();
        if matches!(self.life, Life::Stopping(_)) || !self.config.roles.contains(&child.role) {
            return;
        }
        match ended {
            Ended::Code(code @ (1 | 2 | 4)) => self.give_up(pid, code),
            Ended::Code(_) => self.respawn(&child),
            Ended::Signal(signal, _) => {
                info!("pid {pid} exited due to signal {signal} ({})", signal::describe(signal));
                self.respawn(&child);
            }
        }
    }

    /// A child that was killed leaves its pid file behind.
    fn forget_pid_file(&self, child: &Child) {
        if let Some(path) = self.child_pid_file(child.role).filter(|path| pidfile::read(path).ok() == Some(child.pid)) {
            // Somebody else may have removed it.
            let _ = std::fs::remove_file(path);
        }
    }

    /// A child has ended in a way that starting it again would not mend.
    fn give_up(&mut self, pid: i32, code: i32) {
        let what = match code {
            1 => "FATAL",
            2 => "CONFIG",
            _ => "missing permission",
        };
        error!("pid {pid} exited with permanent error {what}. Terminating");
        self.code = code as u8;
        self.stop();
    }

    /// The instances that were master are taken up by the next process; one that dies again lets the peers have them.
    fn inherit(&mut self, take_up: bool) {
        let masters = self.hub.store().snapshot().filter_map(|fact| match (&fact.subject, fact.verdict) {
            (Subject::Router(name), Verdict::Master) => Some(name.clone()),
            _ => None,
        });
        let (masters, nobody) = (masters.collect(), Vec::new());
        self.legacy = match take_up {
            true => VrrpLegacy { take_up: masters, resign: nobody, predecessor: None },
            false => VrrpLegacy { take_up: nobody, resign: masters, predecessor: None },
        };
    }

    fn respawn(&mut self, child: &Child) {
        let name = name(child.role);
        if !self.wish.respawn {
            info!("{name} child process({}) died: Exiting", child.pid);
            return self.stop();
        }
        info!("{name} child process({}) died: Respawning", child.pid);
        let Again { delay, take_up } =
            self.patience.entry(child.role).or_default().again(child.role, child.since.elapsed());
        info!("Restart of {name} process delayed {} seconds to limit respawn rate", delay.as_secs());
        if child.role == Role::Vrrp {
            self.inherit(take_up);
        }
        self.respawns.push((Instant::now() + delay, child.role));
    }
}
