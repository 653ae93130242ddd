//! The parent's children: starting them, hearing them, and what becomes of their work when they die.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::{debug, error, info, warn};

use super::{Life, Parent};
use crate::bus::{Cause, Fact, Role, Subject, Verdict, cause};
use crate::host::keepalived::children::{Child, name};
use crate::host::keepalived::message::{FromChild, ToChild};
use crate::host::keepalived::start::settings;
use crate::host::patience::Again;
use crate::host::pidfile;
use crate::host::spawn::{self, Looks};
use crate::plan::VrrpLegacy;
use crate::sys::process::Ended;
use crate::sys::signal;

impl Parent {
    pub(super) fn start(&mut self, role: Role) {
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

    pub(super) fn child_pid_file(&self, role: Role) -> Option<PathBuf> {
        match role {
            Role::Vrrp => Some(self.wish.vrrp_pid.clone()),
            Role::Checkers => Some(self.wish.checkers_pid.clone()),
            _ => None,
        }
    }

    pub(super) fn hear(&mut self) {
        let mut facts = Vec::new();
        for child in &mut self.children {
            while let Some(message) = child.hear() {
                match message {
                    FromChild::Ready => {
                        child.settled = true;
                        self.hub.say(Subject::Process(child.role), Verdict::Up, Cause::kind("start"));
                    }
                    FromChild::Reloaded => child.settled = true,
                    FromChild::Alive => self.pulse.beat(Instant::now()),
                    FromChild::Fact(fact) => facts.push((child.role, fact)),
                }
            }
        }
        for (role, fact) in facts {
            self.hub.publish(Some(role), fact);
        }
    }

    /// Virtual servers of a process that hangs, or does not come again, answer nobody.
    pub(super) fn feel_pulse(&mut self) {
        if matches!(self.life, Life::Stopping(_)) || !self.config.roles.contains(&Role::Checkers) {
            self.pulse.forget();
        }
        let Some(verdict) = self.pulse.judge(Instant::now()) else { return };
        match verdict {
            Verdict::Down => warn!("The healthcheckers do not answer: virtual servers count as not served"),
            _ => info!("The healthcheckers answer again"),
        }
        self.hub.say(Subject::Process(Role::Checkers), verdict, Cause::kind(cause::LEASE));
    }

    pub(super) fn bury(&mut self, pid: i32, ended: Ended) {
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
