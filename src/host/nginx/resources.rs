//! A configuration with everything it needs: sockets and logs open, bytes sealed, ready to be handed to a worker.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::config::Config;
use super::files;
use super::message::{Manifest, ToWorker, address_text, send};
use super::sockets::{self, Failed, Listening};
use super::{Wish, layout};
use crate::bus::wire::Link;
use crate::host::bundle;
use crate::log::nginx::{Files, Log};

/// A configuration ready to run.
#[derive(Debug)]
pub struct Resources {
    /// The configuration.
    pub config: Config,
    /// Its number.
    pub generation: u64,
    /// Its sockets.
    pub sockets: Vec<Listening>,
    /// Its logs.
    pub files: Files,
    /// The logs of its main level.
    pub log: Log,
}

/// What a configuration may take over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Old<'a> {
    /// Sockets that listen already.
    pub sockets: &'a [Listening],
}

impl Resources {
    /// Opens what a configuration needs. With `test`, addresses that somebody holds are no failure.
    ///
    /// # Errors
    /// When something cannot be opened; `log` says what and why.
    pub fn open(config: Config, generation: u64, old: Old<'_>, log: &Log, test: bool) -> Result<Self, Failed> {
        let owner = config.account.as_ref().map(|account| account.ids.uid);
        files::create_temp_dirs(&config.plan, owner, log)?;
        let files = files::open_logs(&files::log_paths(&config.plan), log)?;
        let own_log = Log::of(&config.plan.main.core.error_log, &files).echoing(log.echoes()).copying(log.copied());
        let wanted = sockets::wanted(&config.plan, config.threads);
        let sockets = sockets::open(&wanted, old.sockets, &own_log, test)?;
        Ok(Resources { config, generation, sockets, files, log: own_log })
    }

    /// Whether a worker of this configuration can take up `next`: only what a process cannot change speaks against it.
    pub fn same_process(&self, next: &Resources) -> bool {
        let (old, new) = (&self.config.plan.main.core, &next.config.plan.main.core);
        self.config.account == next.config.account
            && self.config.threads == next.config.threads
            && old.worker_rlimit_nofile == new.worker_rlimit_nofile
            && old.worker_priority == new.worker_priority
            && old.working_directory == new.working_directory
            && old.env == new.env
    }

    /// Hands everything to a worker.
    ///
    /// # Errors
    /// When the worker has gone or does not read.
    pub fn send(&self, wish: &Wish, link: &Link) -> io::Result<()> {
        let sealed = self.config.bundle.seal()?;
        let manifest = bundle::seal(&serde_json::to_vec(&self.manifest(wish))?)?;
        let files = self.files.values().map(|file| file.as_fd());
        let sockets = self.sockets.iter().map(|socket| socket.fd.as_fd());
        let fds: Vec<BorrowedFd<'_>> =
            [sealed.as_fd(), manifest.as_fd()].into_iter().chain(sockets).chain(files).collect();
        send(link, &ToWorker::Apply, &fds)
    }

    /// Opens the logs anew.
    pub fn reopen(&mut self, owner: Option<u32>) {
        self.files = files::reopen_logs(&self.files, owner, &self.log);
        self.log = Log::of(&self.config.plan.main.core.error_log, &self.files);
    }

    /// Hands logs that have been opened anew to a worker.
    ///
    /// # Errors
    /// When the worker has gone or does not read.
    pub fn send_logs(&self, link: &Link) -> io::Result<()> {
        let paths: Vec<_> = self.files.keys().collect();
        let paths: OwnedFd = bundle::seal(&serde_json::to_vec(&paths)?)?;
        let fds: Vec<BorrowedFd<'_>> =
            std::iter::once(paths.as_fd()).chain(self.files.values().map(|file| file.as_fd())).collect();
        send(link, &ToWorker::Reopen, &fds)
    }

    /// What goes with the descriptors.
    pub fn manifest(&self, wish: &Wish) -> Manifest {
        Manifest {
            generation: self.generation,
            prefix: wish.paths.prefix.clone(),
            conf: wish.paths.conf.clone(),
            error_log: wish.paths.error_log.clone(),
            debian: wish.paths.layout == &layout::DEBIAN,
            globals: self.config.globals.clone(),
            privileged: self.config.account.is_some(),
            sockets: self.sockets.iter().map(|s| (address_text(&s.wanted.address), s.wanted.thread)).collect(),
            logs: self.files.keys().cloned().collect(),
        }
    }
}
