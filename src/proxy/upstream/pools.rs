//! The upstreams of a snapshot: a pool to choose from, and what is kept for its connections.

use std::sync::Arc;

use rkeep_parsers::ir::Id;
use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::ir::http::Address;
use rkeep_parsers::ir::pool as ir;
use rkeep_parsers::table::value;

use super::idle::Keep;
use super::named::Named;
use crate::balance::{Key, Pool, Registry, Seconds, Standing};
use crate::plan::ProxyPlan;
use crate::proxy::request::RequestCtx;
use crate::proxy::resolver::Resolver;

/// Gives the resolver of a directive.
pub type Asked<'a> = dyn FnMut(&value::Resolver) -> Arc<Resolver> + 'a;

/// All upstreams of a snapshot. The counters of their peers live on from one snapshot to the next.
#[derive(Debug, Default)]
pub struct Upstreams {
    registry: Arc<Registry>,
    pools: Vec<Slot>,
}

/// An upstream's place in a snapshot.
#[derive(Debug)]
enum Slot {
    /// Its servers' addresses are written.
    Fixed(Arc<Upstream>),
    /// They change with the names they stand for.
    Named(Arc<Named>),
}

impl Slot {
    fn now(&self) -> Arc<Upstream> {
        match self {
            Slot::Fixed(upstream) => Arc::clone(upstream),
            Slot::Named(named) => named.now(),
        }
    }
}

/// An `upstream`, or what a `proxy_pass` names.
#[derive(Debug)]
pub struct Upstream {
    /// Its servers.
    pub pool: Pool,
    /// How idle connections are kept, if they are.
    pub keep: Option<Keep>,
    /// The port it stands for, where a `proxy_pass` implied it; `None` for an `upstream` block.
    pub implied: bool,
    key: KeyOf,
}

/// What its requests are balanced by.
#[derive(Debug)]
enum KeyOf {
    Nothing,
    Address,
    Expr(Expr),
}

impl Upstreams {
    /// Builds the pools of a plan; peers keep the state they have in `old`, and names the addresses they had.
    ///
    /// # Errors
    /// None so far: the lowering has checked everything.
    pub fn compile(plan: &ProxyPlan, old: Option<&Upstreams>, resolvers: &mut Asked<'_>) -> Result<Upstreams, String> {
        let registry = old.map(|old| Arc::clone(&old.registry)).unwrap_or_default();
        let slot = |pool: &ir::Pool| match &pool.resolver {
            None => Slot::Fixed(Arc::new(Upstream::new(pool, &registry))),
            Some((conf, timeout)) => {
                let known = old.and_then(|old| old.named().find(|named| named.name == pool.name));
                let resolver = resolvers(conf);
                Slot::Named(Arc::new(Named::new(pool, Arc::clone(&registry), resolver, *timeout, known)))
            }
        };
        let pools = plan.pools.values().map(slot).collect();
        Ok(Upstreams { registry, pools })
    }

    /// Those whose servers' names are to be asked for.
    pub fn named(&self) -> impl Iterator<Item = &Arc<Named>> {
        self.pools.iter().filter_map(|slot| match slot {
            Slot::Named(named) => Some(named),
            Slot::Fixed(_) => None,
        })
    }

    /// The upstream of an id.
    pub fn get(&self, id: Id<ir::Pool>) -> Option<Arc<Upstream>> {
        self.pools.get(id.index()).map(Slot::now)
    }

    /// The upstream that a URL with variables names: a block by its bare name, an implied one by host and port.
    pub fn by_name(&self, host: &str, port: Option<u16>, default_port: u16) -> Option<Arc<Upstream>> {
        let called = |slot: &&Slot| match slot {
            Slot::Fixed(upstream) if upstream.implied => {
                is_host_and_port(&upstream.pool.name, host, port.unwrap_or(default_port), default_port)
            }
            Slot::Fixed(upstream) => port.is_none() && upstream.pool.name.eq_ignore_ascii_case(host),
            Slot::Named(named) => port.is_none() && named.name.eq_ignore_ascii_case(host),
        };
        self.pools.iter().find(called).map(Slot::now)
    }

    /// How the servers of all of them stand, by name.
    pub fn standing(&self, now: Seconds) -> Vec<(String, Vec<Standing>)> {
        let standing = |upstream: Arc<Upstream>| (upstream.pool.name.to_string(), upstream.pool.standing(now));
        self.pools.iter().map(Slot::now).map(standing).collect()
    }

    /// A pool of a single request, for an address that no upstream names.
    pub fn alone(&self, name: &str, addresses: Vec<Address>) -> Arc<Upstream> {
        let pool = ir::Pool {
            name: name.to_owned(),
            servers: vec![ir::PoolServer::alone(name, addresses)],
            ..ir::Pool::default()
        };
        Arc::new(Upstream::new(&pool, &Registry::default()))
    }
}

/// Whether the name of an implied pool, with or without a port, stands for this host and port.
fn is_host_and_port(name: &str, host: &str, port: u16, default_port: u16) -> bool {
    match name.strip_prefix(host) {
        Some("") => port == default_port,
        Some(rest) => rest.strip_prefix(':').and_then(|rest| rest.parse().ok()) == Some(port),
        None => false,
    }
}

impl Upstream {
    /// Of a pool as it stands.
    pub fn new(pool: &ir::Pool, registry: &Registry) -> Self {
        Upstream {
            pool: Pool::new(pool, registry),
            keep: Keep::new(pool),
            implied: !pool.explicit,
            key: match &pool.balancer {
                ir::Balancer::IpHash => KeyOf::Address,
                ir::Balancer::Hash { key, .. } => KeyOf::Expr(key.clone()),
                _ => KeyOf::Nothing,
            },
        }
    }

    /// What a request is balanced by.
    pub fn key(&self, cx: &RequestCtx) -> Key {
        match &self.key {
            KeyOf::Nothing => Key::None,
            KeyOf::Address => Key::Address(cx.client_ip()),
            KeyOf::Expr(key) => Key::Text(cx.eval(key)),
        }
    }
}
