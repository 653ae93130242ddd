//! What is known of this machine's interfaces and their addresses. Pure; the kernel's news come in as [`Change`]s.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::wire::arp::Mac;

/// Something the kernel told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An interface is so.
    Link {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// Up and running.
        up: bool,
        /// Its Ethernet address, where it has one and speaks ARP.
        mac: Option<Mac>,
    },
    /// An interface is gone.
    LinkGone {
        /// Its index.
        index: u32,
    },
    /// An interface has an address.
    Address {
        /// The interface.
        index: u32,
        /// The address.
        address: IpAddr,
    },
    /// An interface has lost an address.
    AddressGone {
        /// The interface.
        index: u32,
        /// The address.
        address: IpAddr,
    },
}

/// The kind of address that adverts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4.
    V4,
    /// IPv6, of this link: what multicast adverts come from.
    Link,
    /// IPv6, of all the world: for peers that have such an address too.
    Global,
}

impl Kind {
    fn is(self, address: &IpAddr) -> bool {
        match (self, address) {
            (Kind::V4, IpAddr::V4(_)) => true,
            (Kind::Link, IpAddr::V6(address)) => address.is_unicast_link_local(),
            (Kind::Global, IpAddr::V6(address)) => !address.is_unicast_link_local(),
            _ => false,
        }
    }
}

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Up and running.
    pub up: bool,
    /// Its Ethernet address, where it has one and speaks ARP.
    pub mac: Option<Mac>,
    /// Its addresses in the kernel's order.
    pub addresses: Vec<IpAddr>,
}

/// All interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    by_index: BTreeMap<u32, Link>,
}

/// What a change means to an operator, in keepalived's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An interface went up or down.
    State {
        /// Its name.
        name: String,
        /// Up.
        up: bool,
    },
    /// An address came.
    Assigned {
        /// The interface's name.
        name: String,
        /// The address.
        address: IpAddr,
    },
    /// An address went.
    Deassigned {
        /// The interface's name.
        name: String,
        /// The address.
        address: IpAddr,
    },
}

impl News {
    /// The interface they are of.
    pub fn interface(&self) -> &str {
        match self {
            News::State { name, .. } | News::Assigned { name, .. } | News::Deassigned { name, .. } => name,
        }
    }

    /// The address they are of, if of one.
    pub fn address(&self) -> Option<&IpAddr> {
        match self {
            News::State { .. } => None,
            News::Assigned { address, .. } | News::Deassigned { address, .. } => Some(address),
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            News::State { name, up } => write!(f, "Netlink reports {name} {}", if *up { "up" } else { "down" }),
            News::Assigned { name, address } => write!(f, "Assigned address {address} for interface {name}"),
            News::Deassigned { name, address } => write!(f, "Deassigned address {address} from interface {name}"),
        }
    }
}

impl Links {
    /// Takes a change in; says what is new about it.
    pub fn apply(&mut self, change: Change) -> Option<News> {
        match change {
            Change::Link { index, name, up, mac } => self.set_link(index, name, up, mac),
            Change::LinkGone { index } => {
                let gone = self.by_index.remove(&index)?;
                gone.up.then_some(News::State { name: gone.name, up: false })
            }
            Change::Address { index, address } => {
                let link = self.by_index.get_mut(&index)?;
                if link.addresses.contains(&address) {
                    return None;
                }
                link.addresses.push(address);
                Some(News::Assigned { name: link.name.clone(), address })
            }
            Change::AddressGone { index, address } => {
                let link = self.by_index.get_mut(&index)?;
                let at = link.addresses.iter().position(|known| *known == address)?;
                link.addresses.remove(at);
                Some(News::Deassigned { name: link.name.clone(), address })
            }
        }
    }

    fn set_link(&mut self, index: u32, name: String, up: bool, mac: Option<Mac>) -> Option<News> {
        let link = self.by_index.entry(index).or_default();
        // An interface that appears is no news while it is down.
        let changed = link.up != up;
        *link = Link { index, name, up, mac, addresses: std::mem::take(&mut link.addresses) };
        changed.then(|| News::State { name: link.name.clone(), up })
    }

    /// The interface of that name.
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.by_index.values().find(|link| link.name == name)
    }

    /// The interface of that index.
    pub fn get(&self, index: u32) -> Option<&Link> {
        self.by_index.get(&index)
    }

    /// Whether it is there, up and running.
    pub fn is_up(&self, name: &str) -> bool {
        self.named(name).is_some_and(|link| link.up)
    }

    /// Whether an interface of this machine has the hardware address.
    pub fn has_mac(&self, mac: Mac) -> bool {
        self.by_index.values().any(|link| link.mac == Some(mac))
    }

    /// Whether any interface has the address.
    pub fn has(&self, address: IpAddr) -> bool {
        self.by_index.values().any(|link| link.addresses.contains(&address))
    }

    /// The address adverts come from: an interface's first of the kind that is not virtual.
    pub fn source(&self, name: &str, kind: Kind, is_virtual: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
        let mut own = self.named(name)?.addresses.iter().filter(|address| !is_virtual(address));
        own.find(|address| kind.is(address)).copied()
    }

    /// All interfaces.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.by_index.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(up: bool) -> Change {
        Change::Link { index: 2, name: "eth0".to_owned(), up, mac: Some([2, 0, 0, 0, 0, 1]) }
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 3, last])
    }

    fn said(news: Option<News>) -> String {
        news.map(|news| news.to_string()).unwrap_or_default()
    }

    #[test]
    fn tells_only_what_is_new() {
        let mut links = Links::default();
        assert_eq!(said(links.apply(link(false))), "");
        assert_eq!(said(links.apply(link(true))), "Netlink reports eth0 up");
        assert_eq!(said(links.apply(link(true))), "");
        let came = Change::Address { index: 2, address: address(10) };
        assert_eq!(said(links.apply(came.clone())), "Assigned address 192.168.3.10 for interface eth0");
        assert_eq!(said(links.apply(came)), "");
        let went = Change::AddressGone { index: 2, address: address(10) };
        assert_eq!(said(links.apply(went.clone())), "Deassigned address 192.168.3.10 from interface eth0");
        assert_eq!(said(links.apply(went)), "");
        assert_eq!(said(links.apply(Change::LinkGone { index: 2 })), "Netlink reports eth0 down");
        assert!(!links.is_up("eth0"));
    }

    #[test]
    fn the_source_is_the_first_address_of_its_own() {
        let mut links = Links::default();
        links.apply(link(true));
        for last in [253, 10, 12] {
            links.apply(Change::Address { index: 2, address: address(last) });
        }
        let virtual_one = |one: &IpAddr| *one == address(253);
        assert_eq!(links.source("eth0", Kind::V4, virtual_one), Some([192, 168, 3, 10].into()));
        assert_eq!(links.source("eth1", Kind::V4, |_| false), None);
        for text in ["2001:db8::1", "fe80::1"] {
            let address = text.parse().expect("an address");
            links.apply(Change::Address { index: 2, address });
        }
        let source = |kind| links.source("eth0", kind, |_| false).map(|address| address.to_string());
        assert_eq!(source(Kind::Link).as_deref(), Some("fe80::1"));
        assert_eq!(source(Kind::Global).as_deref(), Some("2001:db8::1"));
    }
}
