//! The master's workers: starting them, hearing them, and what follows from their ends.

use std::io;
use std::time::Instant;

use rkeep_parsers::table::value::Level;

use super::{Life, Master, SHORT_LIFE};
use crate::bus::Role;
use crate::bus::wire::Link;
use crate::host::nginx::Wish;
use crate::host::nginx::message::FromWorker;
use crate::host::nginx::resources::Resources;
use crate::host::nginx::watcher::introduce;
use crate::host::spawn::{self, Looks};
use crate::log::nginx::with_errno;
use crate::sys::process::Ended;

/// A worker that has not ended yet.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pid: i32,
    pub(super) link: Link,
    /// The newest configuration that it has been given.
    pub(super) generation: u64,
    /// It has been told to end.
    pub(super) leaving: bool,
    pub(super) since: Instant,
}

impl Master {
    /// Starts a worker of what runs.
    pub(super) fn start_worker(&mut self) {
        let started = start(&self.resources, &self.wish);
        if !self.take_worker(started) {
            self.respawn_at = Some(Instant::now() + SHORT_LIFE);
        }
    }

    /// Notes a worker that has been started. False when it has not.
    pub(super) fn take_worker(&mut self, started: io::Result<Worker>) -> bool {
        match started {
            Ok(worker) => {
                self.log(Level::Notice, &format!("start worker process {}", worker.pid));
                self.home.show(&worker.link);
                self.workers.push(worker);
                true
            }
            Err(error) => {
                self.log(Level::Alert, &with_errno("fork() failed while spawning \"worker process\"", &error));
                false
            }
        }
    }

    pub(super) fn read_workers(&mut self) {
        let mut messages = Vec::new();
        for worker in &self.workers {
            while let Ok(Some((message, _))) = worker.link.receive::<FromWorker>() {
                messages.push((worker.pid, message));
            }
        }
        for (pid, message) in messages {
            match message {
                FromWorker::Applied(generation) => self.applied(pid, generation),
                FromWorker::Refused(generation, text) => self.refused(generation, &text),
                // nginx's words for the end of the process that served the old configuration: scripts wait for them.
                FromWorker::Drained(generation) => self.log(
                    Level::Notice,
                    &format!(
                        "worker process {pid} exited with code 0 (configuration {generation} only; the process stays)"
                    ),
                ),
            }
        }
    }

    pub(super) fn bury(&mut self, pid: i32, ended: Ended) {
        if self.relatives.successor == Some(pid) {
            return self.outlive(ended);
        }
        let (level, how) = how(ended);
        self.log(level, &format!("worker process {pid} exited {how}"));
        let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) else { return };
        let worker = self.workers.swap_remove(at);
        if self.next.take_if(|next| next.generation == worker.generation).is_some() {
            let text = "the new configuration was not taken up; the old one stays";
            self.log(Level::Emerg, text);
            self.reloaded(Err(text.to_owned()));
        }
        let served = self.workers.iter().any(|worker| !worker.leaving);
        if worker.leaving || served || self.life != Life::Running {
            return;
        }
        match ended {
            Ended::Code(2) => {
                let text = format!("worker process {pid} exited with fatal code 2 and cannot be respawned");
                self.log(Level::Alert, &text);
            }
            _ if worker.since.elapsed() < SHORT_LIFE => self.respawn_at = Some(Instant::now() + SHORT_LIFE),
            _ => self.start_worker(),
        }
    }
}

/// A process's end in nginx's words.
pub(super) fn how(ended: Ended) -> (Level, String) {
    match ended {
        Ended::Code(code) => (Level::Notice, format!("with code {code}")),
        Ended::Signal(signal, core) => {
            (Level::Alert, format!("on signal {signal}{}", if core { " (core dumped)" } else { "" }))
        }
    }
}

/// Starts a worker and hands it a configuration.
pub(super) fn start(resources: &Resources, wish: &Wish) -> io::Result<Worker> {
    let env = resources.config.environment();
    let looks = Looks { title: "nginx: worker process".into(), args: Vec::new(), env: Some(env) };
    let child = spawn::spawn(Role::Worker, &looks)?;
    // A worker that dies at once is noticed by its end.
    let _ = resources.send(wish, &child.link);
    introduce(&child.link);
    let generation = resources.generation;
    Ok(Worker { pid: child.pid, link: child.link, generation, leaving: false, since: Instant::now() })
}
