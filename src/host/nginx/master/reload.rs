//! From a file that has changed to a worker that uses it. Until it does, the old configuration is the one that counts.

use std::path::Path;
use std::sync::PoisonError;

use rkeep_parsers::source::DiskLoader;
use rkeep_parsers::table::value::Level;

use super::workers::start;
use super::{Life, Master};
use crate::host::nginx::config::{self, Context};
use crate::host::nginx::message::{ToWorker, send};
use crate::host::nginx::orphan::{Home, Orphan};
use crate::host::nginx::resources::{Old, Resources};
use crate::host::nginx::sockets::{self, Failed};
use crate::host::notify::{self, State};
use crate::host::pidfile::PidFile;
use crate::log::nginx::{Copied, Log, with_errno};

impl Master {
    pub(super) fn reload(&mut self) {
        if matches!(self.life, Life::Quitting | Life::Terminating(_)) {
            return;
        }
        if self.next.is_some() {
            self.again = true;
            return;
        }
        self.log(Level::Notice, "reconfiguring");
        notify::say(State::Reloading);
        let next = match self.open_next() {
            Ok(next) => next,
            Err(text) => return self.reloaded(Err(text)),
        };
        self.log(Level::Notice, "using the \"epoll\" event method");
        let worker = self.workers.iter_mut().find(|worker| !worker.leaving);
        match worker.filter(|_| self.resources.same_process(&next)) {
            Some(worker) => {
                worker.generation = next.generation;
                if let Err(error) = next.send(&self.wish, &worker.link) {
                    let text = with_errno("sendmsg() failed", &error);
                    self.log(Level::Alert, &text);
                    return self.reloaded(Err(text));
                }
                self.next = Some(next);
            }
            None => {
                self.log(Level::Notice, "start worker processes");
                self.life = Life::Running;
                let started = start(&next, &self.wish);
                self.next = self.take_worker(started).then_some(next);
                if self.next.is_none() {
                    self.reloaded(Err("no worker process can be started".to_owned()));
                }
            }
        }
    }

    /// Reads the files anew and opens what they name.
    ///
    /// # Errors
    /// What the log has been told.
    fn open_next(&mut self) -> Result<Resources, String> {
        let errors = Copied::default();
        let log = self.resources.log.clone().copying(Some(errors.clone()));
        self.read_next(&log).map_err(|Failed| {
            let errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
            errors.join("\n")
        })
    }

    fn read_next(&mut self, log: &Log) -> Result<Resources, Failed> {
        let context = Context::new(&self.wish.paths, self.wish.globals.as_deref());
        let reading = config::read(&context, DiskLoader);
        for (level, text) in &reading.lines {
            log.write(*level, text);
        }
        let generation =
            self.workers.iter().map(|worker| worker.generation).max().unwrap_or(0).max(self.resources.generation) + 1;
        let old = Old { sockets: &self.resources.sockets };
        let mut next = Resources::open(reading.config.ok_or(Failed)?, generation, old, log, false)?;
        next.log = std::mem::take(&mut next.log).copying(None);
        if next.config.pid != self.pid_file.path() {
            match PidFile::create(&next.config.pid) {
                Ok(file) => {
                    self.pid_file = file;
                    self.settle(&next.config.pid);
                }
                Err(error) => {
                    let text = format!("open() \"{}\" failed", next.config.pid.display());
                    log.write(Level::Emerg, &with_errno(&text, &error));
                    return Err(Failed);
                }
            }
        }
        Ok(next)
    }

    /// Is found by its pid file from now on, and so is its worker after its death.
    pub(super) fn settle(&mut self, pid: &Path) {
        self.watcher.stand(pid);
        self.home = Home::open(pid);
        self.workers.iter().for_each(|worker| self.home.show(&worker.link));
    }

    /// A worker uses a configuration: it is now the one that counts.
    pub(super) fn applied(&mut self, pid: i32, generation: u64) {
        self.orphan.take().iter().for_each(Orphan::release);
        let Some(next) = self.next.take_if(|next| next.generation == generation) else { return };
        let old = std::mem::replace(&mut self.resources, next);
        sockets::remove_paths(&old.sockets, &self.resources.sockets);
        if old.config.pid != self.resources.config.pid {
            self.open_control();
        }
        for worker in self.workers.iter_mut().filter(|worker| worker.pid != pid && !worker.leaving) {
            worker.leaving = true;
            let _ = send(&worker.link, &ToWorker::Quit, &[]);
        }
        self.reloaded(Ok(()));
    }

    /// A worker cannot use a configuration; 0 stands for one whose number it could not read.
    pub(super) fn refused(&mut self, generation: u64, text: &str) {
        self.log(Level::Emerg, text);
        if self.next.take_if(|next| generation == 0 || next.generation == generation).is_some() {
            self.reloaded(Err(text.to_owned()));
        }
    }
}
