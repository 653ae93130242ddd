//! What a simulation of an operator's pair consists of: networks, addresses, stub back ends. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use rkeep_parsers::ir::Ir;
use rkeep_parsers::ir::http::Address;
use rkeep_parsers::ir::track::Kind;
use rkeep_parsers::ir::vrrp::{Router, VirtualAddress};

/// How many clients ask.
const CLIENTS: usize = 4;
/// The network of an address whose file does not say.
const USUAL: u8 = 24;
/// Where there is no virtual address to go by.
const FALLBACK: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 0);

/// A network: one interface of each director is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The interface's name on each director.
    pub interface: [String; 2],
    /// The directors' own addresses on it. The first of either is the one it speaks from.
    pub own: [Vec<Ipv4Addr>; 2],
    /// The length of their prefix.
    pub prefix: u8,
    /// The address of the box behind which the rest of the world is.
    pub world: Ipv4Addr,
    /// The clients' addresses.
    pub clients: Vec<Ipv4Addr>,
}

/// All networks. The first carries the clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// They.
    pub segments: Vec<Segment>,
    /// What had to be made up, in words.
    pub invented: Vec<String>,
}

impl Networks {
    /// Finds the addresses that the files name for the two boxes and makes up those that they do not.
    pub fn plan(own: &Ir, peer: Option<&Ir>, nginx: Option<&Ir>) -> Networks {
        let mut taken = named(own, nginx);
        let mut networks = Networks::default();
        for interface in interfaces(own) {
            let segment = networks.segment(&interface, own, peer, nginx, &mut taken);
            networks.segments.push(segment);
        }
        networks
    }

    fn segment(
        &mut self,
        interface: &str,
        own: &Ir,
        peer: Option<&Ir>,
        nginx: Option<&Ir>,
        taken: &mut BTreeSet<Ipv4Addr>,
    ) -> Segment {
        let here: Vec<&Router> = own.routers.values().filter(|router| router.interface == interface).collect();
        let there: Vec<&Router> = peer.into_iter().flat_map(|peer| counterparts(&here, peer)).collect();
        let is_first = self.segments.is_empty();
        let listens = if is_first { listened(own, nginx) } else { Vec::new() };
        let mut addresses = [sources(&here), sources(&there)];
        addresses[0].extend(there.iter().flat_map(|router| peers(router)).take(1));
        addresses[0].extend(&listens);
        addresses[1].extend(here.iter().flat_map(|router| peers(router)).take(1));
        addresses[1].extend(if is_first { fellow(own, &listens) } else { None });
        addresses.iter_mut().for_each(unique);
        taken.extend(addresses.iter().flatten());

        let base = addresses.iter().flatten().next().copied().map(|address| (address, USUAL));
        let (base, prefix) = base.or_else(|| virtual_network(&here)).unwrap_or((FALLBACK, USUAL));
        for (director, addresses) in addresses.iter_mut().enumerate() {
            if addresses.is_empty() {
                let address = free(base, prefix, taken);
                self.invented.push(format!("{interface} of director {} gets {address}/{prefix}", director + 1));
                addresses.push(address);
            }
        }
        let world = free(base, prefix, taken);
        let clients = if is_first { (0..CLIENTS).map(|_| free(base, prefix, taken)).collect() } else { Vec::new() };
        let theirs = there.first().map_or(interface, |router| &router.interface).to_owned();
        Segment { interface: [interface.to_owned(), theirs], own: addresses, prefix, world, clients }
    }

    /// All addresses of a director.
    pub fn own(&self, director: usize) -> Vec<Ipv4Addr> {
        self.segments.iter().flat_map(|segment| segment.own[director].iter().copied()).collect()
    }
}

/// All interfaces that a file names, the first instance's first.
fn interfaces(ir: &Ir) -> Vec<String> {
    let devices = |addresses: &[VirtualAddress]| {
        addresses.iter().filter_map(|address| address.device.clone()).collect::<Vec<_>>()
    };
    let of = |router: &Router| {
        let tracked = router.tracked(Kind::Interface).map(|track| track.name.clone());
        let all = std::iter::once(router.interface.clone()).chain(tracked);
        all.chain(devices(&router.addresses)).chain(devices(&router.excluded)).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = Vec::new();
    for name in ir.routers.values().map(|router| router.interface.clone()).chain(ir.routers.values().flat_map(of)) {
        if name != "lo" && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        names.push("eth0".to_owned());
    }
    names
}

fn counterparts<'a>(here: &[&Router], peer: &'a Ir) -> Vec<&'a Router> {
    peer.routers.values().filter(|other| here.iter().any(|router| router.vrid == other.vrid)).collect()
}

fn sources(routers: &[&Router]) -> Vec<Ipv4Addr> {
    routers.iter().filter_map(|router| v4(router.source.as_slice()).into_iter().next()).collect()
}

/// Whom an instance speaks to instead of all.
fn peers(router: &Router) -> Vec<Ipv4Addr> {
    v4(&router.unicast_peers.iter().map(|peer| peer.address).collect::<Vec<_>>())
}

fn v4(addresses: &[IpAddr]) -> Vec<Ipv4Addr> {
    addresses
        .iter()
        .filter_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        })
        .collect()
}

fn virtuals(ir: &Ir) -> Vec<Ipv4Addr> {
    let all = ir.routers.values().flat_map(|router| router.addresses.iter().chain(&router.excluded));
    v4(&all.map(|one| one.address).collect::<Vec<_>>())
}

/// The addresses that nginx listens on and that do not move: this box's own.
fn listened(own: &Ir, nginx: Option<&Ir>) -> Vec<Ipv4Addr> {
    let moving = virtuals(own);
    let listeners = nginx.into_iter().flat_map(|nginx| nginx.listeners.values());
    let addresses = listeners.filter_map(|listener| match &listener.address {
        Address::Inet(SocketAddr::V4(bound)) => Some(*bound.ip()),
        _ => None,
    });
    addresses.filter(|it| !it.is_unspecified() && !it.is_loopback() && !moving.contains(it)).collect()
}

/// Where this box's nginx is a real server, the next real server of the same service is the other box's.
fn fellow(own: &Ir, listens: &[Ipv4Addr]) -> Option<Ipv4Addr> {
    own.services.values().find_map(|service| {
        let reals = v4(&service.real_servers.iter().map(|real| real.address.ip()).collect::<Vec<_>>());
        let has_own = reals.iter().any(|real| listens.contains(real));
        reals.into_iter().find(|real| has_own && !listens.contains(real))
    })
}

/// The network of the first virtual address.
fn virtual_network(routers: &[&Router]) -> Option<(Ipv4Addr, u8)> {
    let first = routers.iter().flat_map(|router| &router.addresses).find_map(|one| match one.address {
        IpAddr::V4(address) => Some((address, one.prefix)),
        IpAddr::V6(_) => None,
    });
    first.map(|(address, prefix)| (address, if (8..=28).contains(&prefix) { prefix } else { USUAL }))
}

/// All addresses that occur in the files.
fn named(own: &Ir, nginx: Option<&Ir>) -> BTreeSet<Ipv4Addr> {
    let backends = backends(own, nginx).into_keys().map(|at| *at.ip());
    virtuals(own).into_iter().chain(listened(own, nginx)).chain(backends).collect()
}

/// An address of a network that nobody has, from the end; it is taken then.
fn free(base: Ipv4Addr, prefix: u8, taken: &mut BTreeSet<Ipv4Addr>) -> Ipv4Addr {
    let size = 1u32 << (32 - u32::from(prefix.clamp(8, 28)));
    let network = u32::from(base) & !(size - 1);
    let hosts = (1..size - 1).rev().map(|host| Ipv4Addr::from(network + host));
    let found = hosts.into_iter().find(|address| !taken.contains(address)).unwrap_or(base);
    taken.insert(found);
    found
}

fn unique(addresses: &mut Vec<Ipv4Addr>) {
    let mut seen = BTreeSet::new();
    addresses.retain(|address| seen.insert(*address));
}

/// All servers behind the directors, with whether nginx or keepalived names them: any box's address may be among them.
pub fn backends(own: &Ir, nginx: Option<&Ir>) -> BTreeMap<SocketAddrV4, &'static str> {
    let mut all = BTreeMap::new();
    let mut add = |address: SocketAddr, whose| {
        if let SocketAddr::V4(at) = address {
            all.entry(at).or_insert(whose);
        }
    };
    for service in own.services.values() {
        service.real_servers.iter().for_each(|real| add(real.address, "a real server"));
        service.sorry_server.iter().for_each(|sorry| add(*sorry, "a sorry server"));
    }
    for address in nginx.into_iter().flat_map(pooled) {
        if let Address::Inet(at) = address {
            add(*at, "an upstream server");
        }
    }
    all
}

/// Sockets in the file system that nginx passes requests to.
pub fn sockets(nginx: Option<&Ir>) -> BTreeSet<PathBuf> {
    let paths = nginx.into_iter().flat_map(pooled).filter_map(|address| match address {
        Address::Unix(path) => Some(path.clone()),
        Address::Inet(_) => None,
    });
    paths.collect()
}

fn pooled(nginx: &Ir) -> impl Iterator<Item = &Address> {
    nginx.pools.values().flat_map(|pool| &pool.servers).flat_map(|server| &server.addresses)
}

/// Where a stub has to stand so that the directors find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the world behind the directors.
    World,
    /// On each director itself.
    Local,
    /// On one director.
    Director(usize),
    /// Nowhere: nginx itself answers there, or the address moves.
    Nowhere,
}

/// Finds it.
pub fn place(at: SocketAddrV4, networks: &Networks, own: &Ir, nginx: Option<&Ir>) -> Place {
    let [own_addresses, others] = [networks.own(0), networks.own(1)];
    let mut listeners = nginx.into_iter().flat_map(|nginx| nginx.listeners.values());
    // The other director's nginx listens as this one's does here.
    let is_there = |bound: IpAddr| {
        bound.is_unspecified()
            || bound == IpAddr::V4(*at.ip())
            || others.contains(at.ip()) && own_addresses.iter().any(|own| IpAddr::V4(*own) == bound)
    };
    let answered = listeners.any(|listener| match &listener.address {
        Address::Inet(bound) => bound.port() == at.port() && is_there(bound.ip()),
        Address::Unix(_) => false,
    });
    let local = at.ip().is_loopback() || at.ip().is_unspecified();
    match at.ip() {
        ip if virtuals(own).contains(ip) => Place::Nowhere,
        ip if (local || own_addresses.contains(ip) || others.contains(ip)) && answered => Place::Nowhere,
        _ if local => Place::Local,
        ip if own_addresses.contains(ip) => Place::Director(0),
        ip if others.contains(ip) => Place::Director(1),
        _ => Place::World,
    }
}

/// Whether nginx listens on an address that moves, which a box can do before it has it only when it is told to.
pub fn listens_on_virtual(own: &Ir, nginx: Option<&Ir>) -> bool {
    let moving = virtuals(own);
    nginx.into_iter().flat_map(|nginx| nginx.listeners.values()).any(|listener| match &listener.address {
        Address::Inet(SocketAddr::V4(bound)) => moving.contains(bound.ip()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rkeep_parsers::keepalived::{self, AnyMachine, Mode};
    use rkeep_parsers::source::MapLoader;

    use super::*;

    fn keepalived(text: &str) -> Ir {
        let files = MapLoader::default().file("/k.conf", text);
        keepalived::load(Path::new("/k.conf"), "", &files, &AnyMachine, Mode::Check { own: false }).ir.unwrap()
    }

    fn nginx(text: &str) -> Ir {
        let files = MapLoader::default().file("/n.conf", text);
        let compat = rkeep_parsers::table::Compat::default();
        rkeep_parsers::nginx::load(Path::new("/n.conf"), Path::new("/"), None, &files, compat).ir.unwrap()
    }

    fn instance(more: &str) -> String {
        format!(
            "vrrp_instance A {{\n interface ens3\n virtual_router_id 7\n priority 100\n {more}\n virtual_ipaddress {{\n \
             10.1.2.100/24\n }}\n}}\n"
        )
    }

    #[test]
    fn addresses_that_no_file_names_are_made_up_in_the_network_of_the_virtual_one() {
        let networks = Networks::plan(&keepalived(&instance("")), None, None);
        let segment = &networks.segments[0];
        assert_eq!(segment.interface, ["ens3", "ens3"]);
        assert_eq!(segment.own, [[Ipv4Addr::new(10, 1, 2, 254)], [Ipv4Addr::new(10, 1, 2, 253)]]);
        assert_eq!((segment.world, segment.clients.len()), (Ipv4Addr::new(10, 1, 2, 252), 4));
        assert_eq!(networks.invented.len(), 2);
    }

    #[test]
    fn unicast_names_both_boxes() {
        let own = keepalived(&instance("unicast_src_ip 10.9.9.1\n unicast_peer {\n 10.9.9.2\n }"));
        let networks = Networks::plan(&own, None, None);
        assert_eq!(networks.segments[0].own, [[Ipv4Addr::new(10, 9, 9, 1)], [Ipv4Addr::new(10, 9, 9, 2)]]);
        assert!(networks.invented.is_empty());
    }

    #[test]
    fn a_real_server_that_nginx_listens_on_is_this_box_and_its_fellow_the_other() {
        let service = "virtual_server 10.1.2.100 80 {\n lb_kind NAT\n real_server 10.1.2.1 80 {\n }\n real_server \
                       10.1.2.2 80 {\n }\n}\n";
        let own = keepalived(&(instance("") + service));
        let nginx =
            nginx("events {} http { server { listen 10.1.2.1:80; location / { proxy_pass http://10.5.5.5:81; } } }");
        let networks = Networks::plan(&own, None, Some(&nginx));
        assert_eq!(networks.segments[0].own, [[Ipv4Addr::new(10, 1, 2, 1)], [Ipv4Addr::new(10, 1, 2, 2)]]);
        let where_is = |at: &str| place(at.parse().unwrap(), &networks, &own, Some(&nginx));
        assert_eq!(where_is("10.1.2.1:80"), Place::Nowhere);
        assert_eq!(where_is("10.1.2.2:80"), Place::Nowhere);
        assert_eq!(where_is("10.5.5.5:81"), Place::World);
        assert_eq!(where_is("127.0.0.1:3000"), Place::Local);
        assert_eq!(where_is("10.1.2.100:80"), Place::Nowhere);
        let all: Vec<_> = backends(&own, Some(&nginx)).into_keys().map(|at| at.to_string()).collect();
        assert_eq!(all, ["10.1.2.1:80", "10.1.2.2:80", "10.5.5.5:81"]);
    }
}
