//! Upstreams whose servers are names that are asked for again and again: `server NAME resolve`.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rkeep_parsers::ir::http::Address;
use rkeep_parsers::ir::pool as ir;

use super::pools::Upstream;
use crate::balance::Registry;
use crate::proxy::resolver::Resolver;
use crate::proxy::resolver::gather::Failure;

/// The least time between two questions for a name.
const LEAST: Duration = Duration::from_secs(1);

/// Such an upstream.
#[derive(Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    registry: Arc<Registry>,
    resolver: Arc<Resolver>,
    /// How long an answer may take.
    patience: Duration,
    /// What is written, with the addresses that are known.
    pool: Mutex<ir::Pool>,
    now: ArcSwap<Upstream>,
}

impl Named {
    /// Begins with the addresses that `old` knows of the same names.
    pub fn new(
        pool: &ir::Pool,
        registry: Arc<Registry>,
        resolver: Arc<Resolver>,
        patience: Duration,
        old: Option<&Arc<Named>>,
    ) -> Self {
        let mut pool = pool.clone();
        for server in &mut pool.servers {
            let Some((name, port)) = &server.resolve else { continue };
            let known = old.and_then(|old| old.known(name)).unwrap_or_default();
            server.addresses = known.into_iter().map(|ip| Address::Inet(SocketAddr::new(ip, *port))).collect();
        }
        let now = ArcSwap::from_pointee(Upstream::new(&pool, &registry));
        Named { name: pool.name.clone(), registry, resolver, patience, pool: Mutex::new(pool), now }
    }

    /// As it stands now.
    pub fn now(&self) -> Arc<Upstream> {
        self.now.load_full()
    }

    /// The names of its servers, each once.
    fn names(&self) -> Vec<String> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> =
            pool.servers.iter().filter_map(|server| Some(server.resolve.as_ref()?.0.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    fn known(&self, name: &str) -> Option<Vec<IpAddr>> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let server = pool.servers.iter().find(|server| server.resolve.as_ref().is_some_and(|own| own.0 == name))?;
        let ip = |address: &Address| match address {
            Address::Inet(address) => Some(address.ip()),
            Address::Unix(_) => None,
        };
        Some(server.addresses.iter().filter_map(ip).collect())
    }

    /// A name stands for these addresses from now on; those it had before keep their places.
    fn update(&self, name: &str, found: &[IpAddr]) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for server in &mut pool.servers {
            let Some((_, port)) = server.resolve.as_ref().filter(|own| own.0 == name) else { continue };
            let port = *port;
            let wanted = found.iter().map(|ip| Address::Inet(SocketAddr::new(*ip, port)));
            let before = server.addresses.clone();
            let mut after: Vec<_> =
                before.iter().filter(|old| wanted.clone().any(|new| new == **old)).cloned().collect();
            after.extend(wanted.filter(|new| !before.contains(new)));
            changed |= after != before;
            server.addresses = after;
        }
        if changed {
            self.now.store(Arc::new(Upstream::new(&pool, &self.registry)));
        }
    }

    /// Asks for the names for as long as it is wanted; `log` is told of those that cannot be resolved.
    pub fn watch(self: &Arc<Self>, log: impl Fn(&str) + Clone + 'static) -> Vec<tokio::task::JoinHandle<()>> {
        let watch = |name: String| tokio::task::spawn_local(Arc::clone(self).watch_name(name, log.clone()));
        self.names().into_iter().map(watch).collect()
    }

    async fn watch_name(self: Arc<Self>, name: String, log: impl Fn(&str)) {
        loop {
            let asked = tokio::time::timeout(self.patience, self.resolver.resolve_for(&name)).await;
            let (found, lasting) = asked.unwrap_or((Err(Failure::TIMED_OUT), Duration::ZERO));
            let next = match found {
                Ok(found) => {
                    self.update(&name, &found);
                    lasting
                }
                Err(failure) => {
                    log(&format!("{name} could not be resolved ({}: {})", failure.0, failure.text()));
                    if failure == Failure::NOT_FOUND {
                        self.update(&name, &[]);
                    }
                    self.patience
                }
            };
            tokio::time::sleep(next.max(LEAST)).await;
        }
    }
}
