//! Stands in for the engine until it is there: accepts connections and closes them.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rkeep_parsers::ir::http::Address;

use crate::plan::ProxyPlan;

/// Called once something is over.
pub type Done = Box<dyn FnOnce() + Send>;

/// The engine's contract with its host.
#[derive(Debug)]
pub struct Engine;

impl Engine {
    /// Starts so many threads.
    pub fn start(_threads: usize) -> Self {
        Engine
    }

    /// Serves by `plan` from now on; `drained` is called once nothing uses the plan of before.
    pub fn apply(
        &self,
        _plan: ProxyPlan,
        _sockets: Vec<(Address, OwnedFd, Option<usize>)>,
        _logs: HashMap<PathBuf, OwnedFd>,
        drained: Option<Done>,
    ) -> Result<(), String> {
        drained.into_iter().for_each(|done| done());
        Ok(())
    }

    /// Writes to these logs from now on.
    pub fn reopen(&self, _logs: HashMap<PathBuf, OwnedFd>) {}

    /// Stops accepting, closes idle connections; `done` is called once the others have ended.
    pub fn drain(&self, done: Done) {
        done();
    }

    /// Writes out what logs still hold.
    pub fn flush(&self) {}
}
