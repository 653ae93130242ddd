//! What the parent is told by signals, and the stations of its life that follow: reloading, stopping, running again.

use std::time::Instant;

use tracing::{info, warn};

use super::{Config, Life, Parent};
use crate::bus::Role;
use crate::host::keepalived::dump;
use crate::host::keepalived::message::ToChild;
use crate::host::notify::{self, State};
use crate::sys::signal;

impl Parent {
    pub(super) fn heed(&mut self, signal: i32) {
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
            other if other == signal::rt_min() + 2 => {
                self.tell(|role| (role == Role::Vrrp).then_some(ToChild::Json));
            }
            _ => {}
        }
    }

    pub(super) fn tell(&mut self, message: impl Fn(Role) -> Option<ToChild>) {
        for child in &mut self.children {
            if let Some(message) = message(child.role) {
                child.send(message, None);
            }
        }
    }

    pub(super) fn stop(&mut self) {
        if matches!(self.life, Life::Stopping(_)) {
            return;
        }
        info!("Stopping");
        notify::say(State::Stopping);
        self.life = Life::Stopping(Instant::now() + self.config.child_wait());
        self.respawns.clear();
        self.tell(|role| (role != Role::Agent).then_some(ToChild::Stop));
        self.stop_agent();
    }

    /// The agent ends last, so that it sends what the others' ends give rise to.
    pub(super) fn stop_agent(&mut self) {
        let others = self.children.iter().any(|child| child.role != Role::Agent);
        if matches!(self.life, Life::Stopping(_)) && !others {
            self.tell(|role| (role == Role::Agent).then_some(ToChild::Stop));
        }
    }

    pub(super) fn reload(&mut self) {
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

    /// Says that everything is there, once it is.
    pub(super) fn settle(&mut self) {
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
}
