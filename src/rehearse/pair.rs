//! What the drills must know of a pair of directors, read from its files. Pure.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rkeep_parsers::ir::http::{Address, Handler, Listener, Location, Match, ProxyPass, Server, ServerName, Target};
use rkeep_parsers::ir::pool::{Balancer, Pool};
use rkeep_parsers::ir::service::{self, Protocol, RealServer, Service};
use rkeep_parsers::ir::vrrp::Router;
use rkeep_parsers::ir::{Id, Ir};

use super::clients::Probe;
use super::lan::link_local;

/// Both directors, as their files describe them.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// Their virtual routers.
    pub instances: Vec<Instance>,
    /// The virtual servers of the first.
    pub services: Vec<Service>,
    /// Their own addresses.
    pub addresses: [Vec<IpAddr>; 2],
    /// What clients ask virtual addresses for, by IPv4 and by IPv6; nothing where nobody answers on any.
    pub probes: Vec<Probe>,
    /// What each director's own nginx is asked for.
    pub direct: [Option<Direct>; 2],
}

/// A virtual router.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name on the first director.
    pub name: String,
    /// Its number.
    pub router: u8,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// What either director does as one of its two.
    pub sides: [Terms; 2],
}

/// One director's part in a virtual router.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// `priority`
    pub priority: u8,
    /// `version`
    pub version: u8,
    /// `advert_int`
    pub interval: Duration,
    /// `down_timer_adverts`
    pub adverts: u8,
    /// `nopreempt`
    pub nopreempt: bool,
    /// `preempt_delay`
    pub preempt_delay: Duration,
}

/// A listener that passes requests to a pool, asked directly.
#[derive(Clone, Debug)]
pub struct Direct {
    /// The request.
    pub probe: Probe,
    /// The servers that get the requests and their weights, where they go in turn.
    pub shares: Vec<(SocketAddr, u32)>,
    /// Whether another server takes the requests of one that fails.
    pub spare: bool,
    /// The longest `fail_timeout`: a server that is back is tried again after that.
    pub forgiven: Duration,
}

impl Pair {
    /// Reads it from the models of both directors' files.
    pub fn read(keepalived: [&Ir; 2], nginx: [&Ir; 2], addresses: [Vec<IpAddr>; 2]) -> Pair {
        let instances = instances(keepalived);
        let services: Vec<Service> = keepalived[0].services.values().cloned().collect();
        let virtuals = instances.iter().flat_map(|instance| instance.addresses.iter().copied());
        let by = |ipv4: bool| {
            let mut family = virtuals.clone().filter(|address| address.is_ipv4() == ipv4);
            family.find_map(|address| probe(address, &services, nginx[0]))
        };
        let probes = by(true).into_iter().chain(by(false)).collect();
        let direct = [0, 1].map(|which: usize| {
            addresses[which].iter().find_map(|own| direct(nginx[which], |listener| is_bound(listener, *own), *own))
        });
        Pair { instances, services, addresses, probes, direct }
    }

    /// Who has the addresses when all is well: the director that outranks the other.
    pub fn home(&self) -> usize {
        self.instances.first().map_or(0, Instance::home)
    }

    /// Whether a director sends its adverts from that address: one of its own, or the link's.
    pub fn speaks_from(&self, director: usize, from: IpAddr) -> bool {
        self.addresses[director].iter().any(|own| match (own, from) {
            (IpAddr::V4(own), IpAddr::V6(from)) => from == link_local(*own),
            (own, from) => from == *own,
        })
    }

    /// What a client with that address asks for.
    pub fn probe_of(&self, client: &IpAddr) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.is_for(client))
    }

    /// The virtual router whose fate is followed.
    pub fn router(&self) -> Option<&Instance> {
        self.instances.first()
    }

    /// Who has the addresses once that director, which had them, is back: `nopreempt` leaves them where they are.
    pub fn after_return(&self, director: usize) -> usize {
        let waits = |instance: &Instance| instance.home() == director && instance.sides[director].nopreempt;
        if self.router().is_some_and(waits) { 1 - director } else { self.home() }
    }

    /// Whether nginx itself answers what clients ask, and no virtual server does.
    pub fn is_served_by_nginx(&self) -> bool {
        let answers = |probe: &Probe| !self.services.iter().any(|service| service.address == probe.at);
        self.probes.first().is_some_and(answers)
    }

    /// Whether a virtual server sends clients to that director.
    pub fn is_real_server(&self, director: usize) -> bool {
        self.real_servers(director).next().is_some()
    }

    fn real_servers(&self, director: usize) -> impl Iterator<Item = (&Service, &RealServer)> {
        let own = move |real: &&RealServer| self.addresses[director].contains(&real.address.ip());
        self.services
            .iter()
            .flat_map(move |service| service.real_servers.iter().filter(own).map(move |it| (service, it)))
    }

    /// The ends of the subjects of the mails that checkers send when they find that director's servers so.
    pub fn reports(&self, director: usize, verdict: &str) -> Vec<String> {
        let alerting = self.real_servers(director).filter(|(_, real)| real.smtp_alert && !real.checks.is_empty());
        let report = |(service, real): (&Service, &RealServer)| {
            let real = service::shown(real.address, service.protocol);
            format!("Realserver {real} of virtual server {} - {verdict}", service.shown())
        };
        alerting.map(report).collect()
    }
}

impl Instance {
    /// The director that has it when all is well.
    pub fn home(&self) -> usize {
        usize::from(self.sides[1].priority > self.sides[0].priority)
    }
}

fn instances(keepalived: [&Ir; 2]) -> Vec<Instance> {
    // Those that more clients can reach come first.
    let all = || keepalived[0].routers.values();
    let pairs = all().filter(|own| !own.is_ipv6()).chain(all().filter(|own| own.is_ipv6()));
    let pairs = pairs.filter_map(|own| {
        let other = keepalived[1].routers.values().find(|other| other.vrid == own.vrid)?;
        Some((own, other))
    });
    let instance = |(own, other): (&Router, &Router)| Instance {
        name: own.name.clone(),
        router: own.vrid,
        addresses: own
            .addresses
            .iter()
            .chain(&own.excluded)
            .map(|one| one.address)
            .filter(|one| !is_of_link(*one))
            .collect(),
        sides: [terms(own), terms(other)],
    };
    pairs.map(instance).collect()
}

fn terms(router: &Router) -> Terms {
    Terms {
        priority: router.priority,
        version: router.version,
        interval: router.advert_interval,
        adverts: router.down_timer_adverts,
        nopreempt: router.nopreempt,
        preempt_delay: router.preempt_delay,
    }
}

/// Whether an address is good on one link only; to name it takes an interface besides.
pub fn is_of_link(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if Ipv6Addr::is_unicast_link_local(&address))
}

/// Stubs speak both, so the port tells what their clients would.
const HTTPS: u16 = 443;

/// What answers on a virtual address: a virtual server, or else nginx.
fn probe(address: IpAddr, services: &[Service], nginx: &Ir) -> Option<Probe> {
    let takes = |service: &&Service| service.address.ip() == address && service.protocol == Protocol::Tcp;
    let on_service = services.iter().find(takes).map(|service| {
        let at = SocketAddr::new(address, service.address.port());
        // The real servers of such a pair are most often the two nginx themselves.
        let through = direct(nginx, |listener| port(listener) == Some(at.port()), address).map(|it| it.probe);
        let tls = at.port() == HTTPS;
        let (host, path, limited) = ("localhost".to_owned(), "/".to_owned(), None);
        through.unwrap_or(Probe { at, tls, host, path, limited })
    });
    on_service.or_else(|| direct(nginx, |listener| is_bound(listener, address), address).map(|it| it.probe))
}

fn port(listener: &Listener) -> Option<u16> {
    match &listener.address {
        Address::Inet(address) => Some(address.port()),
        Address::Unix(_) => None,
    }
}

/// Whether a listener takes connections to an address from clients themselves.
fn is_bound(listener: &Listener, to: IpAddr) -> bool {
    let takes = |bound: IpAddr| match bound.is_ipv4() == to.is_ipv4() {
        true => bound.is_unspecified() || bound == to,
        false => to.is_ipv4() && bound.is_unspecified() && listener.options.ipv6only == Some(false),
    };
    let bound = matches!(&listener.address, Address::Inet(bound) if takes(bound.ip()));
    bound && !listener.options.proxy_protocol
}

/// The first listener that fits and passes requests on; failing that, the first that fits.
fn direct(nginx: &Ir, fits: impl Fn(&Listener) -> bool, to: IpAddr) -> Option<Direct> {
    let all: Vec<Direct> =
        nginx.listeners.values().filter(|it| fits(it)).filter_map(|listener| asked(nginx, listener, to)).collect();
    all.iter().find(|direct| !direct.shares.is_empty()).or(all.first()).cloned()
}

fn asked(nginx: &Ir, listener: &Listener, to: IpAddr) -> Option<Direct> {
    let servers = || listener.servers.iter().filter_map(|id| nginx.servers.get(*id));
    let proxied = servers().find_map(|server| Some((server, passing(nginx, server)?)));
    let (server, path, pool) = match proxied {
        Some((server, (path, pool))) => (server, path, pool),
        None => {
            let server = servers().find(|server| passes_by_name(nginx, server));
            (server.or_else(|| nginx.servers.get(listener.default))?, "/".to_owned(), None)
        }
    };
    let (at, tls) = (SocketAddr::new(to, port(listener)?), listener.options.ssl);
    let probe = Probe { at, tls, host: host(server), path, limited: limited(nginx, server) };
    let others = pool.map_or(0, |pool| pool.servers.iter().filter(|server| !server.down).count());
    let forgiven = pool.into_iter().flat_map(|pool| &pool.servers).map(|server| server.fail_timeout).max();
    let (shares, forgiven) = (pool.map(shares).unwrap_or_default(), forgiven.unwrap_or_default());
    Some(Direct { probe, shares, spare: others > 1, forgiven })
}

/// The status that some location of a server may answer because requests come too often.
fn limited(nginx: &Ir, server: &Server) -> Option<u16> {
    let root = nginx.locations.get(server.root)?;
    let all = std::iter::once(root).chain(root.children.iter().filter_map(|id| nginx.locations.get(*id)));
    let mut limits = all.map(|location| &location.conf.limit_req);
    limits.find(|limit| !limit.limits.0.is_empty() && !limit.dry_run).map(|limit| limit.status.0)
}

/// A name that the server goes by.
fn host(server: &Server) -> String {
    let name = server.names.iter().find_map(|name| match name {
        ServerName::Exact(name) if !name.is_empty() && name != "_" => Some(name.clone()),
        ServerName::Suffix(suffix) => Some(format!("www{suffix}")),
        ServerName::Dot(domain) => Some(domain.trim_start_matches('.').to_owned()),
        _ => None,
    });
    name.unwrap_or_else(|| "localhost".to_owned())
}

/// The first path of a server that is passed on, `/` before others, and the servers that share its requests.
fn passing<'a>(nginx: &'a Ir, server: &Server) -> Option<(String, Option<&'a Pool>)> {
    let root = nginx.locations.get(server.root)?;
    let mut paths: Vec<(String, &ProxyPass)> = root
        .children
        .iter()
        .filter_map(|id| nginx.locations.get(*id))
        .filter_map(|location| match (&location.matched, &location.handler) {
            (Match::Prefix { path, .. } | Match::Exact(path), Handler::Proxy(pass)) => {
                Some((String::from_utf8(path.clone()).ok()?, &**pass))
            }
            _ => None,
        })
        .collect();
    paths.sort_by_key(|(path, _)| path != "/");
    let (path, pass) = paths.into_iter().next()?;
    match pass.target {
        Target::Pool(pool) => Some((path, nginx.pools.get(pool))),
        Target::Dynamic(_) => Some((path, None)),
    }
}

/// Whether some location that no path leads to directly passes requests on, as after `try_files`.
fn passes_by_name(nginx: &Ir, server: &Server) -> bool {
    let locations = nginx.locations.get(server.root).into_iter().flat_map(|root| &root.children);
    let passes = |id: &Id<Location>| {
        nginx.locations.get(*id).is_some_and(|location| matches!(location.handler, Handler::Proxy(_)))
    };
    locations.into_iter().any(passes)
}

fn shares(pool: &Pool) -> Vec<(SocketAddr, u32)> {
    if !matches!(pool.balancer, Balancer::RoundRobin) {
        return Vec::new();
    }
    let working = pool.servers.iter().filter(|server| !server.down && !server.backup);
    let shares = working.flat_map(|server| {
        server.addresses.iter().filter_map(|address| match address {
            Address::Inet(address) => Some((*address, server.weight)),
            Address::Unix(_) => None,
        })
    });
    shares.collect()
}
