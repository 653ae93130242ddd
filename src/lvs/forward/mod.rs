//! The user-space TCP forwarder. [`listen`] gets the connections (with [`steer`] where the kernel can hand them over),
//! [`dial`] finds each a real server, [`relay`] carries the bytes on the threads of [`crew`].

mod crew;
mod dial;
mod listen;
mod relay;
mod steer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tracing::error;

use self::crew::Crew;
use self::steer::Steering;
use super::pool::Pool;
use super::table::{Change, Terms};

/// Descriptors that a connection takes at most: two sockets and a pipe each way.
const DESCRIPTORS: u64 = 6;

/// Descriptors for everything else.
const RESERVE: u64 = 256;

/// More connections than this at a time are left waiting in the kernel's queue.
const MOST_CONNECTIONS: u64 = 100_000;

/// All virtual servers that are being served.
#[derive(Default)]
pub struct Forwarder {
    services: HashMap<SocketAddr, Served>,
    /// There from the first virtual server on.
    works: Option<Works>,
}

/// What all connections share.
#[derive(Clone)]
struct Works {
    crew: Arc<Crew>,
    room: Arc<Semaphore>,
    steering: Arc<Steering>,
}

/// One virtual server that is being served.
struct Served {
    pool: Shared,
    listener: AbortHandle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// A pool and its lock, which is only ever held for a moment.
#[derive(Clone)]
struct Shared(Arc<Mutex<Pool>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forwarder {
    /// Carries a change of the table out. Connections that are open go on whatever the change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::AddService(service, terms) => self.add(service, &terms),
            Change::EditService(service, terms) => self.with(service, |pool| pool.reconfigure(&terms)),
            Change::RemoveService(service) => {
                self.services.remove(&service);
            }
            Change::AddDestination(service, server, weight) => self.with(service, |pool| pool.add(server, weight)),
            Change::EditDestination(service, server, weight) => self.with(service, |pool| pool.reweigh(server, weight)),
            Change::RemoveDestination(service, server) => self.with(service, |pool| pool.remove(server)),
        }
    }

    fn add(&mut self, service: SocketAddr, terms: &Terms) {
        let Some(works) = self.works() else { return };
        let Some(pool) = Pool::new(terms) else { return };
        let pool = Shared(Arc::new(Mutex::new(pool)));
        let listener = tokio::spawn(listen::serve(service, pool.clone(), works)).abort_handle();
        self.services.insert(service, Served { pool, listener });
    }

    fn with(&self, service: SocketAddr, act: impl FnOnce(&mut Pool)) {
        if let Some(served) = self.services.get(&service) {
            act(&mut served.pool.lock());
        }
    }

    fn works(&mut self) -> Option<Works> {
        if self.works.is_none() {
            let crew = Crew::start().inspect_err(|why| error!("No virtual server is served: {why}")).ok()?;
            let room = Arc::new(Semaphore::new(room()));
            self.works = Some(Works { crew: Arc::new(crew), room, steering: Arc::default() });
        }
        self.works.clone()
    }
}

/// How many connections fit, after raising the limit of descriptors as far as it goes.
fn room() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    let descriptors = limit.current.unwrap_or(u64::MAX).saturating_sub(RESERVE);
    (descriptors / DESCRIPTORS).clamp(1, MOST_CONNECTIONS) as usize
}
