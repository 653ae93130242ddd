//! What a simulation of an operator's pair consists of: networks, addresses, stub back ends. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use rkeep_parsers::ir::Ir;
use rkeep_parsers::ir::http::Address;
use rkeep_parsers::ir::track::Kind;
use rkeep_parsers::ir::vrrp::{Router, VirtualAddress};

use crate::rehearse::pair::is_of_link;

/// The two families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// How many clients ask by IPv4, and how many by IPv6.
const CLIENTS: [usize; 2] = [4, 2];
/// The network of an address whose file does not say.
const USUAL: [u8; 2] = [24, 64];
/// Where there is no virtual address to go by; that of IPv6 is for documentation.
const FALLBACK: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 168, 3, 0)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 3, 0, 0, 0, 0))];
/// How many addresses of a network, at its end or its beginning, are thought of when one is made up.
const THOUGHT_OF: u128 = 1 << 16;

impl Family {
    const ALL: [Family; 2] = [Family::V4, Family::V6];

    fn has(self, address: &IpAddr) -> bool {
        address.is_ipv4() == (self == Family::V4)
    }

    fn of<T: Copy>(self, both: [T; 2]) -> T {
        both[self as usize]
    }
}

/// A network: one interface of each director is on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The interface's name on each director.
    pub interface: [String; 2],
    /// The directors' own addresses on it, those of IPv4 first. The first of either family is the one it speaks from.
    pub own: [Vec<IpAddr>; 2],
    /// The length of their prefixes, by IPv4 and by IPv6.
    pub prefix: [u8; 2],
    /// The addresses of the box behind which the rest of the world is.
    pub world: Vec<IpAddr>,
    /// The clients' addresses.
    pub clients: Vec<IpAddr>,
}

/// All networks. The first carries the clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// They.
    pub segments: Vec<Segment>,
    /// What had to be made up, in words.
    pub invented: Vec<String>,
}

/// What networks are planned by.
struct Files<'a> {
    own: &'a Ir,
    peer: Option<&'a Ir>,
    nginx: Option<&'a Ir>,
}

impl Segment {
    /// Addresses with the lengths of their prefixes.
    pub fn with_prefix(&self, addresses: &[IpAddr]) -> Vec<(IpAddr, u8)> {
        addresses.iter().map(|address| (*address, self.prefix[usize::from(address.is_ipv6())])).collect()
    }
}

impl Networks {
    /// Finds the addresses that the files name for the two boxes and makes up those that they do not.
    pub fn plan(own: &Ir, peer: Option<&Ir>, nginx: Option<&Ir>) -> Networks {
        let (mut taken, files) = (named(own, nginx), Files { own, peer, nginx });
        let mut networks = Networks::default();
        for interface in interfaces(own) {
            let segment = networks.segment(&interface, &files, &mut taken);
            networks.segments.push(segment);
        }
        networks
    }

    fn segment(&mut self, interface: &str, files: &Files<'_>, taken: &mut BTreeSet<IpAddr>) -> Segment {
        let here: Vec<&Router> = files.own.routers.values().filter(|router| router.interface == interface).collect();
        let there: Vec<&Router> = files.peer.into_iter().flat_map(|peer| counterparts(&here, peer)).collect();
        let is_first = self.segments.is_empty();
        let listens = if is_first { listened(files.own, files.nginx) } else { Vec::new() };
        let theirs = there.first().map_or(interface, |router| &router.interface).to_owned();
        let mut segment = Segment { interface: [interface.to_owned(), theirs], prefix: USUAL, ..Segment::default() };
        for family in Family::ALL.into_iter().filter(|family| files.need(*family, &here, is_first)) {
            let mut addresses = [sources(family, &here), sources(family, &there)];
            addresses[0].extend(there.iter().flat_map(|router| peers(family, router)).take(1));
            addresses[0].extend(listens.iter().filter(|one| family.has(one)));
            addresses[1].extend(here.iter().flat_map(|router| peers(family, router)).take(1));
            addresses[1].extend(fellow(family, files.own, &listens).filter(|_| is_first));
            addresses.iter_mut().for_each(unique);
            taken.extend(addresses.iter().flatten());

            let base = addresses.iter().flatten().next().map(|address| (*address, family.of(USUAL)));
            let fallback = (family.of(FALLBACK), family.of(USUAL));
            let (base, prefix) = base.or_else(|| virtual_network(family, &here)).unwrap_or(fallback);
            for (director, addresses) in addresses.iter_mut().enumerate() {
                if addresses.is_empty() {
                    let address = free(base, prefix, taken);
                    self.invented.push(format!("{interface} of director {} gets {address}/{prefix}", director + 1));
                    addresses.push(address);
                }
            }
            segment.prefix[family as usize] = prefix;
            for (all, more) in segment.own.iter_mut().zip(addresses) {
                all.extend(more);
            }
            segment.world.push(free(base, prefix, taken));
            let clients = if is_first { family.of(CLIENTS) } else { 0 };
            segment.clients.extend((0..clients).map(|_| free(base, prefix, taken)));
        }
        segment
    }

    /// All addresses of a director.
    pub fn own(&self, director: usize) -> Vec<IpAddr> {
        self.segments.iter().flat_map(|segment| segment.own[director].iter().copied()).collect()
    }

    /// The first director's addresses, each with the other one's in its place.
    pub fn pairs(&self) -> Vec<(IpAddr, IpAddr)> {
        let of = |segment: &Segment, director: usize, family: Family| {
            segment.own[director].iter().copied().filter(|one| family.has(one)).collect::<Vec<_>>()
        };
        let both = self.segments.iter().flat_map(|segment| Family::ALL.map(|family| (segment, family)));
        both.flat_map(|(segment, family)| of(segment, 0, family).into_iter().zip(of(segment, 1, family))).collect()
    }
}

impl Files<'_> {
    /// Whether a network needs addresses of that family. Those of IPv4 also tell the boxes' hardware addresses.
    fn need(&self, family: Family, here: &[&Router], is_first: bool) -> bool {
        let moving = here.iter().any(|router| {
            let virtuals = router.addresses.iter().chain(&router.excluded).map(|one| one.address);
            virtuals.filter(|one| !is_of_link(*one)).any(|one| family.has(&one))
                || !sources(family, &[router]).is_empty()
                || !peers(family, router).is_empty()
        });
        let reached = || {
            let listened = listened(self.own, self.nginx).into_iter();
            let behind = backends(self.own, self.nginx).into_keys().map(|at| at.ip());
            listened.chain(behind).any(|one| family.has(&one) && !one.is_loopback())
        };
        family == Family::V4 || moving || is_first && reached()
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

/// From where instances speak; the link's own addresses every box has.
fn sources(family: Family, routers: &[&Router]) -> Vec<IpAddr> {
    let sources = routers.iter().filter_map(|router| router.source);
    sources.filter(|one| family.has(one) && !is_of_link(*one)).collect()
}

/// Whom an instance speaks to instead of all.
fn peers(family: Family, router: &Router) -> Vec<IpAddr> {
    let peers = router.unicast_peers.iter().map(|peer| peer.address);
    peers.filter(|one| family.has(one) && !is_of_link(*one)).collect()
}

fn virtuals(ir: &Ir) -> Vec<IpAddr> {
    let all = ir.routers.values().flat_map(|router| router.addresses.iter().chain(&router.excluded));
    all.map(|one| one.address).collect()
}

/// The addresses that nginx listens on and that do not move: this box's own.
fn listened(own: &Ir, nginx: Option<&Ir>) -> Vec<IpAddr> {
    let moving = virtuals(own);
    let listeners = nginx.into_iter().flat_map(|nginx| nginx.listeners.values());
    let addresses = listeners.filter_map(|listener| match &listener.address {
        Address::Inet(bound) => Some(bound.ip()),
        Address::Unix(_) => None,
    });
    addresses.filter(|it| !it.is_unspecified() && !it.is_loopback() && !moving.contains(it)).collect()
}

/// Where this box's nginx is a real server, the next real server of the same service is the other box's.
fn fellow(family: Family, own: &Ir, listens: &[IpAddr]) -> Option<IpAddr> {
    own.services.values().find_map(|service| {
        let reals = || service.real_servers.iter().map(|real| real.address.ip()).filter(|one| family.has(one));
        let has_own = reals().any(|real| listens.contains(&real));
        reals().find(|real| has_own && !listens.contains(real))
    })
}

/// The network of the first virtual address.
fn virtual_network(family: Family, routers: &[&Router]) -> Option<(IpAddr, u8)> {
    let mut all = routers.iter().flat_map(|router| router.addresses.iter().chain(&router.excluded));
    let first = all.find(|one| family.has(&one.address) && !is_of_link(one.address))?;
    let is_network = match family {
        Family::V4 => (8..=28).contains(&first.prefix),
        Family::V6 => (16..=120).contains(&first.prefix),
    };
    Some((first.address, if is_network { first.prefix } else { family.of(USUAL) }))
}

/// All addresses that occur in the files.
fn named(own: &Ir, nginx: Option<&Ir>) -> BTreeSet<IpAddr> {
    let backends = backends(own, nginx).into_keys().map(|at| at.ip());
    virtuals(own).into_iter().chain(listened(own, nginx)).chain(backends).collect()
}

/// An address of a network that nobody has: of IPv4 from its end, of IPv6 near its beginning. It is taken then.
fn free(base: IpAddr, prefix: u8, taken: &mut BTreeSet<IpAddr>) -> IpAddr {
    let (number, bits) = match base {
        IpAddr::V4(base) => (u128::from(u32::from(base)), 32),
        IpAddr::V6(base) => (u128::from(base), 128),
    };
    let size = 1u128 << (bits - u32::from(prefix)).clamp(4, 127);
    let network = number & !(size - 1);
    let last = size.min(THOUGHT_OF) - 1;
    let address = |host: u128| match base {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from((network + host) as u32)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(network + host)),
    };
    let found = match base {
        IpAddr::V4(_) => (1..last).map(|back| address(size - 1 - back)).find(|one| !taken.contains(one)),
        IpAddr::V6(_) => (0xf0..last).map(address).find(|one| !taken.contains(one)),
    };
    let found = found.unwrap_or(base);
    taken.insert(found);
    found
}

fn unique(addresses: &mut Vec<IpAddr>) {
    let mut seen = BTreeSet::new();
    addresses.retain(|address| seen.insert(*address));
}

/// All servers behind the directors, with whether nginx or keepalived names them: any box's address may be among them.
pub fn backends(own: &Ir, nginx: Option<&Ir>) -> BTreeMap<SocketAddr, &'static str> {
    let mut all = BTreeMap::new();
    let mut add = |address: SocketAddr, whose| {
        all.entry(address).or_insert(whose);
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
pub fn place(at: SocketAddr, networks: &Networks, own: &Ir, nginx: Option<&Ir>) -> Place {
    let [own_addresses, others] = [networks.own(0), networks.own(1)];
    let mut listeners = nginx.into_iter().flat_map(|nginx| nginx.listeners.values());
    // The other director's nginx listens as this one's does here.
    let is_there = |bound: IpAddr| {
        bound.is_unspecified() && bound.is_ipv4() == at.is_ipv4()
            || bound == at.ip()
            || others.contains(&at.ip()) && own_addresses.contains(&bound)
    };
    let answered = listeners.any(|listener| match &listener.address {
        Address::Inet(bound) => bound.port() == at.port() && is_there(bound.ip()),
        Address::Unix(_) => false,
    });
    let local = at.ip().is_loopback() || at.ip().is_unspecified();
    match at.ip() {
        ip if virtuals(own).contains(&ip) => Place::Nowhere,
        ip if (local || own_addresses.contains(&ip) || others.contains(&ip)) && answered => Place::Nowhere,
        _ if local => Place::Local,
        ip if own_addresses.contains(&ip) => Place::Director(0),
        ip if others.contains(&ip) => Place::Director(1),
        _ => Place::World,
    }
}

/// Whether nginx listens on an address that moves, which a box can do before it has it only when it is told to.
pub fn listens_on_virtual(own: &Ir, nginx: Option<&Ir>) -> bool {
    let moving = virtuals(own);
    nginx.into_iter().flat_map(|nginx| nginx.listeners.values()).any(|listener| match &listener.address {
        Address::Inet(bound) => moving.contains(&bound.ip()),
        Address::Unix(_) => false,
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

    fn shown(own: &[Vec<IpAddr>; 2]) -> [Vec<String>; 2] {
        own.each_ref().map(|addresses| addresses.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn ipv6_has_addresses_of_its_own_beside() {
        let own = keepalived(&instance("virtual_ipaddress_excluded {\n 2001:db8:7::9/64\n fe80::9/64\n }"));
        let networks = Networks::plan(&own, None, None);
        let segment = &networks.segments[0];
        assert_eq!(shown(&segment.own), [["10.1.2.254", "2001:db8:7::f0"], ["10.1.2.253", "2001:db8:7::f1"]]);
        assert_eq!((segment.prefix, segment.world.len(), segment.clients.len()), ([24, 64], 2, 6));
        assert_eq!(networks.pairs().len(), 2);
        assert!(networks.pairs().iter().all(|(own, other)| own.is_ipv4() == other.is_ipv4()));
    }

    #[test]
    fn addresses_that_no_file_names_are_made_up_in_the_network_of_the_virtual_one() {
        let networks = Networks::plan(&keepalived(&instance("")), None, None);
        let segment = &networks.segments[0];
        assert_eq!(segment.interface, ["ens3", "ens3"]);
        assert_eq!(shown(&segment.own), [["10.1.2.254"], ["10.1.2.253"]]);
        assert_eq!((segment.world[0].to_string().as_str(), segment.clients.len()), ("10.1.2.252", 4));
        assert_eq!(networks.invented.len(), 2);
    }

    #[test]
    fn unicast_names_both_boxes() {
        let own = keepalived(&instance("unicast_src_ip 10.9.9.1\n unicast_peer {\n 10.9.9.2\n }"));
        let networks = Networks::plan(&own, None, None);
        assert_eq!(shown(&networks.segments[0].own), [["10.9.9.1"], ["10.9.9.2"]]);
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
        assert_eq!(shown(&networks.segments[0].own), [["10.1.2.1"], ["10.1.2.2"]]);
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
