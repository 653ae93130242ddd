//! The keepalived whose place this one takes while it runs (`--take-over`): rkeep or the original. Its VRRP process is
//! ended without a word and its addresses stay set (`vrrp::drive::succeed`); here is who it is, and whose the pid files
//! are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Wish;
use crate::host::control::{Answer, KEEPALIVED, Master, Order, unpack};
use crate::host::{pidfile, report};
use crate::plan::Predecessor;
use crate::sys::process::{is_alive, parent_of};

/// How often it is looked whether all of it has ended.
const LOOK: Duration = Duration::from_millis(100);

/// How long it may take to answer; one that does not is treated as the original is.
const ANSWER: Duration = Duration::from_secs(2);

/// A keepalived to take over from.
#[derive(Debug)]
pub struct TakeOver {
    /// Its processes that matter to VRRP.
    pub from: Predecessor,
    checkers: Option<i32>,
    /// The pid files and what they say of it.
    files: Vec<(PathBuf, i32)>,
    /// The way to it, if it is ours: it knows that it is followed as long as this is open.
    _link: Option<Master>,
}

impl TakeOver {
    /// Looks the keepalived up that a word of the command line means.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn find(word: &str, wish: &Wish) -> Result<Self, String> {
        let parent = word.parse().ok().filter(|pid| *pid > 1).ok_or(format!("--take-over: {word} is no process id"))?;
        if !is_keepalived(parent) {
            return Err(format!("--take-over: process {parent} is no keepalived"));
        }
        if network(parent) != network(std::process::id() as i32) {
            return Err(format!("--take-over: process {parent} is in another network namespace"));
        }
        let child = |file: &Path| pidfile::read(file).ok().filter(|pid| parent_of(*pid) == Some(parent));
        let speaker = child(&wish.vrrp_pid).ok_or_else(|| {
            let file = wish.vrrp_pid.display();
            format!("--take-over: {file} names no child of process {parent}; name the right file with --vrrp_pid")
        })?;
        let checkers = child(&wish.checkers_pid);
        let known = [(&wish.pid, Some(parent)), (&wish.vrrp_pid, Some(speaker)), (&wish.checkers_pid, checkers)];
        let files = known.into_iter().filter_map(|(file, pid)| Some((file.clone(), pid?))).collect();
        let link = told(parent);
        // One of ours lives on for its connections, and leaves the pid files to who follows.
        let checkers = checkers.filter(|_| link.is_none());
        Ok(TakeOver { from: Predecessor { parent, speaker }, checkers, files, _link: link })
    }

    /// When to look again.
    pub fn look_at(&self) -> Instant {
        Instant::now() + LOOK
    }

    /// Whether all of it has ended. What ends removes its pid file, which by then is ours.
    pub fn is_over(&self) -> bool {
        let all = [Some(self.from.parent), Some(self.from.speaker), self.checkers];
        !all.into_iter().flatten().any(is_alive)
    }

    /// Gives the pid files back if it lives on.
    pub fn give_back(self) {
        if !is_alive(self.from.speaker) {
            return;
        }
        info!("keepalived, pid {}, runs on", self.from.parent);
        for (file, pid) in self.files {
            if let Err(error) = pidfile::write(&file, pid) {
                warn!("cannot write {}: {error}", file.display());
            }
        }
    }
}

/// Tells one of ours that it is followed. None for the original, or one that does not understand.
fn told(parent: i32) -> Option<Master> {
    let master = Master::meet(KEEPALIVED).ok()?;
    let report: report::Keepalived = unpack(master.tell(Order::Report, ANSWER).ok()?.1).ok()?;
    let told = report.pid == parent && matches!(master.tell(Order::Yield, ANSWER), Ok((Answer::Done(_), _)));
    told.then_some(master)
}

/// Whether a process is a keepalived, so that a number that has been given to somebody else does not count.
pub fn is_keepalived(pid: i32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm"));
    // One that has died and that nobody has waited for is none any more.
    name.is_ok_and(|name| name.starts_with("keepalived")) && is_alive(pid)
}

fn network(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}
