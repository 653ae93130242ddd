//! A child as its parent sees it: its process, its link, and what waits to be sent to it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use super::message::{FromChild, ToChild};
use crate::bus::Role;
use crate::bus::hub::Hub;
use crate::bus::wire::Link;
use crate::host::spawn;
use crate::sys::process;

/// A child that runs.
#[derive(Debug)]
pub struct Child {
    /// What it does.
    pub role: Role,
    /// Its id.
    pub pid: i32,
    /// The way to it.
    pub link: Link,
    /// It has said that it runs, or that it has taken up the newest configuration.
    pub settled: bool,
    /// When it was started.
    pub since: Instant,
    waiting: VecDeque<(ToChild, Option<Arc<OwnedFd>>)>,
}

impl Child {
    /// A child just started.
    pub fn new(role: Role, spawned: spawn::Child) -> Self {
        let (pid, link) = (spawned.pid, spawned.link);
        Child { role, pid, link, settled: false, since: Instant::now(), waiting: VecDeque::new() }
    }

    /// Sends a message as soon as the child reads.
    pub fn send(&mut self, message: ToChild, fd: Option<Arc<OwnedFd>>) {
        self.waiting.push_back((message, fd));
    }

    /// Sends what waits, as far as the child reads. True when something is left.
    pub fn flush(&mut self, hub: &mut Hub<Role>) -> bool {
        while let Some((message, fd)) = self.waiting.front() {
            let fds: Vec<_> = fd.iter().map(|fd| fd.as_fd()).collect();
            match self.link.send(message, &fds) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // A child that has gone is noticed by its end.
                _ => drop(self.waiting.pop_front()),
            }
        }
        while let Some(fact) = hub.next(self.role) {
            match self.link.send(&ToChild::Fact(fact.clone()), &[]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                _ => hub.sent(self.role),
            }
        }
        false
    }

    /// What the child has said; nothing more when there is none, or when it has gone.
    pub fn hear(&self) -> Option<FromChild> {
        self.link.receive::<FromChild>().ok().flatten().map(|(message, _)| message)
    }

    /// Ends it the hard way.
    pub fn kill(&self) {
        // Its end is reaped as any other.
        let _ = process::signal(self.pid, libc::SIGKILL);
    }
}

/// What a role's processes are called in the log.
pub fn name(role: Role) -> &'static str {
    match role {
        Role::Vrrp => "VRRP",
        Role::Checkers => "Healthcheck",
        _ => "Agent",
    }
}
