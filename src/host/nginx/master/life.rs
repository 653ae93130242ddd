//! What the master is told by signals: to end, to fall silent, to open its logs anew.

use std::time::Instant;

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::table::value::Level;

use super::{Life, Master, TERMINATE};
use crate::host::nginx::message::{ToWorker, send};
use crate::host::notify::{self, State};
use crate::sys::process;
use crate::sys::signal::{self, Received};

impl Master {
    pub(super) fn heed(&mut self, Received { signal, sender }: Received) {
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

    pub(super) fn terminate(&mut self) {
        notify::say(State::Stopping);
        self.life = Life::Terminating(Instant::now() + TERMINATE);
        self.respawn_at = None;
        self.tell_all(&ToWorker::Terminate);
    }

    pub(super) fn quit(&mut self) {
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
    pub(super) fn tell_all(&mut self, message: &ToWorker) {
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
}
