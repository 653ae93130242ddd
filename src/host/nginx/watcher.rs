//! The way from a master to whoever moves the virtual addresses of this box: when he appears, the worker gets a link to
//! him.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use super::message::{ToWorker, send};
use crate::bus::lease::FromProxy;
use crate::bus::wire::Link;
use crate::host::meet::{self, BUS, Openings};

/// Looks out for him.
#[derive(Debug)]
pub struct Watcher {
    openings: Option<Openings>,
    /// Says that a master is there, as long as it is open.
    presence: Option<Link>,
}

impl Watcher {
    /// A master that is not root meets nobody.
    pub fn new() -> Self {
        Watcher { openings: Openings::watch(BUS).ok(), presence: None }
    }

    /// Makes a master known to him, if he is there.
    pub fn stand(&mut self, pid: &Path) {
        self.presence = meet::connect(BUS).ok();
        if let Some(link) = &self.presence {
            // One who has gone since needs to know nothing.
            let _ = link.send(&FromProxy::Stands { instance: instance(pid) }, &[]);
        }
    }

    /// Somebody else has the sockets too.
    pub fn step_aside(&mut self) {
        self.presence = None;
    }

    /// Readable when he may have appeared.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.openings.as_ref().map(AsFd::as_fd)
    }

    /// Whether he has appeared since the last time.
    pub fn has_come(&self) -> bool {
        self.openings.as_ref().is_some_and(Openings::any)
    }
}

/// What a proxy is known by: its pid file.
pub fn instance(pid: &Path) -> String {
    pid.display().to_string()
}

/// Gives a worker a link to him, if he is there.
pub fn introduce(worker: &Link) {
    if let Ok(link) = meet::connect(BUS) {
        // A worker that has gone is noticed by its end.
        let _ = send(worker, &ToWorker::Watched, &[link.as_fd()]);
    }
}
