//! Both faces under one process, for a container or a single unit: it starts them, passes signals on, starts one that was
//! killed again, and as process 1 buries whatever has lost its parent.

mod member;

use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, set_child_subreaper};

pub use member::{FOREGROUND, Face, Member};

use crate::host::notify::{self, State};
use crate::sys::process::{self, Ended};
use crate::sys::signal::{self, SignalFd};

/// The supervisor.
#[derive(Debug)]
pub struct Supervisor {
    members: Vec<Member>,
    /// By which signal nginx is told to end, once it is time to.
    stopping: Option<i32>,
    ready: bool,
    code: u8,
}

impl Supervisor {
    /// A supervisor of what has not been started yet.
    pub fn new(members: Vec<Member>) -> Self {
        Supervisor { members, stopping: None, ready: false, code: 0 }
    }

    /// Runs until it is told to end, or one of the faces ends by itself; its exit code is then the supervisor's.
    pub fn run(mut self) -> ExitCode {
        let signals = match SignalFd::new(&signal::MASTER) {
            Ok(signals) => signals,
            Err(error) => {
                say(&format!("cannot receive signals: {error}"));
                return ExitCode::FAILURE;
            }
        };
        // A new master that nginx has started in its place (USR2) becomes ours when the old one ends.
        let _ = set_child_subreaper(Pid::from_raw(1));
        self.start_due();
        while !self.members.iter().all(Member::has_ended) {
            self.wait(&signals);
            while let Some(received) = signals.next() {
                self.heed(received.signal);
            }
            self.listen();
            while let Some((pid, ended)) = process::reap() {
                self.bury(pid, ended);
            }
            self.start_due();
        }
        ExitCode::from(self.code)
    }

    fn wait(&self, signals: &SignalFd) {
        let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
        let sockets = self.members.iter().filter_map(Member::socket);
        fds.extend(sockets.map(|socket| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)));
        let due = self.members.iter().filter_map(Member::due).min();
        let left = due.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() });
        // An interrupted wait is as good as one that has ended.
        let _ = rustix::event::poll(&mut fds, left.as_ref());
    }

    fn heed(&mut self, signal: i32) {
        match signal {
            libc::SIGTERM | libc::SIGINT => self.stop(libc::SIGTERM),
            libc::SIGQUIT => self.stop(libc::SIGQUIT),
            libc::SIGHUP => self.pass_on(libc::SIGHUP, |_| true),
            // To keepalived this means something else.
            libc::SIGUSR1 => self.pass_on(libc::SIGUSR1, |face| face == Face::Nginx),
            libc::SIGCHLD => {}
            other => say(&format!("{} is not passed on; signal nginx or keepalived itself", signal::name(other))),
        }
    }

    fn pass_on(&self, signal: i32, to: impl Fn(Face) -> bool) {
        self.members.iter().filter(|member| to(member.face())).for_each(|member| member.signal(signal));
    }

    /// keepalived goes first, so that the addresses are elsewhere before nobody answers on them here.
    fn stop(&mut self, signal: i32) {
        if self.stopping.is_none() {
            notify::say(State::Stopping);
        }
        self.stopping = Some(signal);
        self.members.iter_mut().for_each(Member::forget_start);
        self.pass_on(libc::SIGTERM, |face| face == Face::Keepalived);
        self.stop_nginx();
    }

    fn stop_nginx(&self) {
        let Some(signal) = self.stopping else { return };
        let keepalived = self.members.iter().filter(|member| member.face() == Face::Keepalived);
        if keepalived.clone().all(Member::has_ended) {
            self.pass_on(signal, |face| face == Face::Nginx);
        }
    }

    /// Hears how far the faces are.
    fn listen(&mut self) {
        for state in self.members.iter_mut().flat_map(Member::hear) {
            if state == State::Reloading {
                notify::say(state);
                self.ready = false;
            }
        }
        if !self.ready && self.stopping.is_none() && self.members.iter().all(Member::is_ready) {
            self.ready = true;
            notify::say(State::Ready);
        }
    }

    fn bury(&mut self, pid: i32, ended: Ended) {
        let Some(member) = self.members.iter_mut().find(|member| member.pid() == Some(pid)) else { return };
        let name = member.face().name();
        member.bury();
        match (ended, self.stopping) {
            (_, Some(_)) => self.stop_nginx(),
            (Ended::Signal(signal, _), None) => {
                say(&format!("{name} was killed ({}); it is started again", signal::describe(signal)));
                member.start_later();
            }
            (Ended::Code(code), None) => {
                say(&format!("{name} has ended with code {code}; the rest ends, too"));
                self.code = code.clamp(0, 255) as u8;
                self.stop(libc::SIGQUIT);
            }
        }
    }

    fn start_due(&mut self) {
        for member in self.members.iter_mut().filter(|member| member.due().is_some_and(|at| at <= Instant::now())) {
            if let Err(error) = member.start() {
                say(&format!("{} cannot be started: {error}", member.face().name()));
                member.start_later();
            }
        }
    }
}

fn say(text: &str) {
    // A closed standard error is no error.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("rkeep run: {text}\n").as_bytes());
}
