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

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tracing::{error, info};

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
    /// One place for each connection that may be open at a time.
    room: Arc<Semaphore>,
    places: u32,
    steering: Arc<Steering>,
    /// No new connections are to be taken any more.
    closing: watch::Sender<bool>,
}

/// One virtual server that is being served.
struct Served {
    pool: Shared,
    listener: JoinHandle<()>,
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
        let listener = tokio::spawn(listen::serve(service, pool.clone(), works));
        self.services.insert(service, Served { pool, listener });
    }

    fn with(&self, service: SocketAddr, act: impl FnOnce(&mut Pool)) {
        if let Some(served) = self.services.get(&service) {
            act(&mut served.pool.lock());
        }
    }

    /// Takes no new connections, and waits until those that are open have ended.
    pub async fn finish(&mut self) {
        let Some(works) = &self.works else { return };
        works.closing.send_replace(true);
        for served in self.services.values_mut() {
            // Nobody aborts it meanwhile.
            let _ = (&mut served.listener).await;
        }
        let open = works.places as usize - works.room.available_permits();
        info!("Finishing {open} connections, as another keepalived serves now");
        // The semaphore is never closed.
        let _ = works.room.acquire_many(works.places).await;
    }

    fn works(&mut self) -> Option<Works> {
        if self.works.is_none() {
            let crew = Crew::start().inspect_err(|why| error!("No virtual server is served: {why}")).ok()?;
            let places = room();
            let room = Arc::new(Semaphore::new(places as usize));
            let (crew, steering, closing) = (Arc::new(crew), Arc::default(), watch::Sender::new(false));
            self.works = Some(Works { crew, room, places, steering, closing });
        }
        self.works.clone()
    }
}

/// How many connections fit, after raising the limit of descriptors as far as it goes.
fn room() -> u32 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    let descriptors = limit.current.unwrap_or(u64::MAX).saturating_sub(RESERVE);
    (descriptors / DESCRIPTORS).clamp(1, MOST_CONNECTIONS) as u32
}
