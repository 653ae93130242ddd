//! A successor beside this master (USR2): the pid file steps aside, the old workers may go (WINCH) and come back (HUP),
//! and if the successor ends, everything is as it was.

use std::path::PathBuf;

use rkeep_parsers::table::value::Level;

use super::workers::how;
use super::{Life, Master};
use crate::host::nginx::sockets::{self, Listening};
use crate::host::nginx::successor;
use crate::host::notify::{self, State};
use crate::log::nginx::with_errno;
use crate::sys::process::Ended;

/// Other masters that share this one's sockets.
#[derive(Debug, Default)]
pub(super) struct Relatives {
    /// The one that has handed them to us.
    pub predecessor: Option<i32>,
    /// The one that we have handed them to.
    pub successor: Option<i32>,
}

impl Relatives {
    /// Those of a master that has just been started.
    pub fn find() -> Self {
        let handed = std::env::var_os(successor::VARIABLE).is_some();
        Relatives { predecessor: handed.then(parent).filter(|pid| *pid > 1), successor: None }
    }

    /// Whether the master before us is still there.
    pub fn have_predecessor(&self) -> bool {
        self.predecessor == Some(parent())
    }
}

fn parent() -> i32 {
    rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get())
}

impl Master {
    /// Whether a successor may be started: not while there are two of us already.
    pub(super) fn may_upgrade(&self) -> bool {
        let two = self.relatives.successor.is_some() || self.relatives.have_predecessor();
        !two && matches!(self.life, Life::Running | Life::Silent)
    }

    pub(super) fn upgrade(&mut self) {
        if !self.may_upgrade() {
            let text = "the changing binary signal is ignored: you should shutdown or terminate before either old or \
                        new binary's process";
            return self.log(Level::Crit, text);
        }
        self.log(Level::Notice, "changing binary");
        if !self.move_pid_file(self.old_path()) {
            return;
        }
        match successor::start(&self.wish.called, &self.resources.sockets) {
            Ok(pid) => {
                self.log(Level::Notice, &format!("start new binary process {pid}"));
                self.relatives.successor = Some(pid);
                self.watcher.step_aside();
                notify::say(State::MainPid(pid));
            }
            Err(error) => {
                let name = self.wish.called.first().map(|name| name.display().to_string()).unwrap_or_default();
                self.log(Level::Alert, &with_errno(&format!("execve() failed while executing \"{name}\""), &error));
                self.move_pid_file(self.resources.config.pid.clone());
            }
        }
    }

    /// The successor has ended: this master is the only one again.
    pub(super) fn outlive(&mut self, ended: Ended) {
        let Some(pid) = self.relatives.successor.take() else { return };
        let (level, how) = how(ended);
        self.log(level, &format!("new binary process {pid} exited {how}"));
        self.move_pid_file(self.resources.config.pid.clone());
        let pid = self.resources.config.pid.clone();
        self.settle(&pid);
        if self.life == Life::Silent {
            self.serve_again();
        }
        // It had taken that over, too.
        self.open_control();
        notify::say(State::MainPid(std::process::id() as i32));
    }

    /// Workers of the configuration in force, where there are none.
    pub(super) fn serve_again(&mut self) {
        self.life = Life::Running;
        if self.workers.iter().all(|worker| worker.leaving) {
            self.log(Level::Notice, "start worker processes");
            self.start_worker();
        }
    }

    /// Removes the paths of unix sockets that nobody listens on once this master has gone.
    pub(super) fn remove_own_paths(&self) {
        let shared = |socket: &&Listening| {
            self.relatives.successor.is_some() || socket.inherited && self.relatives.have_predecessor()
        };
        let kept: Vec<Listening> = self.resources.sockets.iter().filter(shared).cloned().collect();
        sockets::remove_paths(&self.resources.sockets, &kept);
    }

    fn old_path(&self) -> PathBuf {
        let mut path = self.resources.config.pid.clone().into_os_string();
        path.push(".oldbin");
        path.into()
    }

    fn move_pid_file(&mut self, to: PathBuf) -> bool {
        let from = self.pid_file.path().to_owned();
        let moved = self.pid_file.rename(&to);
        if let Err(error) = &moved {
            let text = format!("rename() \"{}\" to \"{}\" failed", from.display(), to.display());
            self.log(Level::Alert, &with_errno(&text, error));
        }
        moved.is_ok()
    }
}
