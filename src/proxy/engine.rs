//! The engine as its host sees it: threads that serve by the snapshot in force, and the calls that change it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use rkeep_parsers::ir::http::Address;
use tokio::sync::mpsc;

use super::clock;
use super::compile::Snapshot;
use super::logfile::LogFiles;
use super::pulse::Pulse;
use super::stats::{self, Stats};
use super::tls::inventory::{self, Entry};
use super::upstream::seconds;
use super::worker;
use crate::balance::Standing;
use crate::plan::ProxyPlan;

/// Called once something is over.
pub type Done = Box<dyn FnOnce() + Send>;

/// What all threads share.
#[derive(Debug, Default)]
pub struct Shared {
    /// The configuration in force; none before the first.
    pub snapshot: ArcSwapOption<Snapshot>,
    /// Counters.
    pub stats: Arc<Stats>,
    /// Numbers given to connections.
    pub numbers: AtomicU64,
    /// Open log files.
    pub logs: LogFiles,
    /// Whether the threads turn.
    pub pulse: Pulse,
}

/// What a thread is told.
pub enum Command {
    /// Accept on these sockets, and on no others.
    Listen(Vec<(Address, OwnedFd)>),
    /// End what still holds a snapshot older than this once the time has passed.
    Expire(u64, std::time::Duration),
    /// Note again and again that it turns.
    Beat,
    /// Accept no more, close idle connections; the last thread to end its connections drops the last guard.
    Drain(Arc<OnDrop>),
}

/// Calls back when dropped.
#[derive(Default)]
pub struct OnDrop(Mutex<Option<Done>>);

impl OnDrop {
    /// Sets what is called.
    pub fn set(&self, done: Option<Done>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = done;
    }
}

impl std::fmt::Debug for OnDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDrop")
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(done) = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            done();
        }
    }
}

/// The HTTP engine.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    threads: Vec<mpsc::UnboundedSender<Command>>,
}

impl Engine {
    /// Starts so many threads, at least one. They serve nothing before the first [`Engine::apply`].
    pub fn start(threads: usize) -> Self {
        let count = threads.max(1);
        let shared = Arc::new(Shared { pulse: Pulse::new(count), ..Shared::default() });
        let threads = (0..count).map(|index| worker::spawn(shared.clone(), index)).collect();
        Engine { shared, threads }
    }

    /// Serves by `plan` from now on: new requests meet it at once, those in flight finish on theirs. Sockets that are
    /// not named are closed; one with a thread index belongs to that thread, others to all. `drained` is called once
    /// nothing uses the plan of before.
    ///
    /// # Errors
    /// What cannot be served; everything stays as it was.
    pub fn apply(
        &self,
        plan: ProxyPlan,
        sockets: Vec<(Address, OwnedFd, Option<usize>)>,
        logs: HashMap<PathBuf, OwnedFd>,
        drained: Option<Done>,
    ) -> Result<(), String> {
        let patience = plan.main.core.worker_shutdown_timeout.duration();
        self.shared.logs.take(logs);
        let old = self.shared.snapshot.load_full();
        let new = Snapshot::compile(plan, old.as_deref(), &self.shared.logs, self.shared.stats.clone())?;
        let generation = new.generation;
        let shares = self.share(sockets)?;
        self.shared.snapshot.store(Some(Arc::new(new)));
        for (thread, share) in self.threads.iter().zip(shares) {
            // A thread that has gone has nothing to listen with.
            let _ = thread.send(Command::Listen(share));
            if !patience.is_zero() {
                let _ = thread.send(Command::Expire(generation, patience));
            }
        }
        match old {
            Some(old) => old.ended.set(drained),
            None => drained.into_iter().for_each(|done| done()),
        }
        Ok(())
    }

    /// Deals the sockets out to the threads.
    fn share(&self, sockets: Vec<(Address, OwnedFd, Option<usize>)>) -> Result<Vec<Vec<(Address, OwnedFd)>>, String> {
        let count = self.threads.len();
        let mut shares: Vec<_> = (0..count).map(|_| Vec::new()).collect();
        for (address, fd, owner) in sockets {
            let takers = shares.iter_mut().enumerate().filter(|(index, _)| owner.is_none_or(|n| n % count == *index));
            for (_, share) in takers {
                let copy = fd.try_clone().map_err(|error| format!("dup() failed ({error})"))?;
                share.push((address.clone(), copy));
            }
        }
        Ok(shares)
    }

    /// Writes to these logs from now on.
    pub fn reopen(&self, logs: HashMap<PathBuf, OwnedFd>) {
        self.shared.logs.buffers.flush();
        self.shared.logs.take(logs);
    }

    /// Writes out what logs still hold.
    pub fn flush(&self) {
        self.shared.logs.buffers.flush();
    }

    /// Stops accepting and closes idle connections; `done` is called once the others have ended.
    pub fn drain(&self, done: Done) {
        let guard = Arc::new(OnDrop::default());
        guard.set(Some(done));
        for thread in &self.threads {
            let _ = thread.send(Command::Drain(guard.clone()));
        }
    }

    /// From now on [`Engine::is_alive`] is known.
    pub fn watch(&self) {
        self.shared.pulse.reset();
        for thread in &self.threads {
            let _ = thread.send(Command::Beat);
        }
    }

    /// Whether the threads turn.
    pub fn is_alive(&self) -> bool {
        self.shared.pulse.is_alive()
    }

    /// How the servers of all upstreams stand, by name.
    pub fn upstreams(&self) -> Vec<(String, Vec<Standing>)> {
        let snapshot = self.shared.snapshot.load();
        clock::look();
        snapshot.as_ref().map(|snapshot| snapshot.upstreams.standing(seconds())).unwrap_or_default()
    }

    /// What connections were ended for, and how many.
    pub fn floods(&self) -> impl Iterator<Item = (String, u64)> {
        self.shared.stats.floods().map(|(flood, count)| (flood.text().to_owned(), count))
    }

    /// The certificates of the configuration in force.
    pub fn certificates(&self) -> Vec<Entry> {
        self.shared.snapshot.load().as_ref().map(|snapshot| inventory::all(&snapshot.plan)).unwrap_or_default()
    }

    /// The counters.
    pub fn stats(&self) -> stats::Snapshot {
        self.shared.stats.read()
    }
}
