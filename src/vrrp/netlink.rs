//! The kernel's interfaces and addresses by rtnetlink: news of them, and our changes to them. Connected before needed.

use std::io;
use std::net::IpAddr;

use futures_util::{StreamExt, TryStreamExt, pin_mut};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope, CacheInfo,
};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage, MacVlanMode};
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::rule::RuleMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rkeep_parsers::ir::vrrp::VirtualAddress;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::{Error, Handle, LinkMacVlan, MulticastGroup};

use super::links::Change;
use super::wire::arp::Mac;

type Messages =
    futures_channel::mpsc::UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, rtnetlink::sys::SocketAddr)>;

/// What is told about.
const GROUPS: [MulticastGroup; 3] = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];

/// Both connections to the kernel.
pub struct Netlink {
    commands: Handle,
    monitor: Messages,
}

/// What the kernel told.
#[derive(Debug)]
pub enum News {
    /// A change.
    Change(Change),
    /// Something was missed: everything must be read anew.
    Missed,
}

impl Netlink {
    /// Connects. Must be called within a runtime.
    pub fn connect() -> io::Result<Self> {
        let (connection, commands, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Netlink { commands, monitor: monitor()? })
    }

    /// The next news. May be dropped while it waits.
    pub async fn next(&mut self) -> News {
        loop {
            let Some((message, _)) = self.monitor.next().await else {
                return self.monitor_anew().await;
            };
            match message.payload {
                NetlinkPayload::InnerMessage(message) => {
                    if let Some(change) = change(message) {
                        return News::Change(change);
                    }
                }
                NetlinkPayload::Overrun(_) => return News::Missed,
                _ => {}
            }
        }
    }

    /// The monitor ended: something in it could not be understood.
    async fn monitor_anew(&mut self) -> News {
        match monitor() {
            Ok(monitor) => self.monitor = monitor,
            Err(error) => {
                tracing::warn!("Netlink: cannot watch interfaces: {error}");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
        News::Missed
    }

    /// All interfaces and addresses as they are.
    pub async fn snapshot(&self) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        let links = self.commands.link().get().execute();
        pin_mut!(links);
        while let Some(message) = links.try_next().await? {
            changes.extend(link(message));
        }
        let addresses = self.commands.address().get().execute();
        pin_mut!(addresses);
        while let Some(message) = addresses.try_next().await? {
            changes.extend(address(&message).map(|(index, address)| Change::Address { index, address }));
        }
        Ok(changes)
    }

    /// Sets an address; one that is there already is fine.
    pub async fn add(&self, index: u32, address: &VirtualAddress) -> Result<(), Error> {
        let mut request = self.commands.address().add(index, address.address, address.prefix);
        *request.message_mut() = message(index, address);
        accept(request.execute().await, libc::EEXIST)
    }

    /// Removes an address that matches exactly; one that is not there, or whose interface is not, is fine.
    pub async fn remove(&self, index: u32, address: &VirtualAddress) -> Result<(), Error> {
        let gone = self.commands.address().del(bare(index, address.address, address.prefix)).execute().await;
        accept(accept(gone, libc::EADDRNOTAVAIL), libc::ENODEV)
    }

    /// Sets a route, in place of the same one, or removes it; one that is not there is fine.
    pub async fn route(&self, message: RouteMessage, set: bool) -> Result<(), Error> {
        let routes = self.commands.route();
        match set {
            true => routes.add(message).replace().execute().await,
            false => accept(routes.del(message).execute().await, libc::ESRCH),
        }
    }

    /// Sets a rule or removes it; one that is there already, or is not, is fine.
    pub async fn rule(&self, message: RuleMessage, set: bool) -> Result<(), Error> {
        let rules = self.commands.rule();
        match set {
            true => {
                let mut request = rules.add();
                *request.message_mut() = message;
                accept(request.execute().await, libc::EEXIST)
            }
            false => accept(rules.del(message).execute().await, libc::ENOENT),
        }
    }

    /// Makes a private macvlan on an interface, up, with this MAC address.
    pub async fn add_macvlan(&self, name: &str, base: u32, mac: Mac) -> Result<(), Error> {
        let link = LinkMacVlan::new(name, base, MacVlanMode::Private).address(mac.to_vec()).up().build();
        self.commands.link().add(link).execute().await
    }

    /// Removes an interface; one that is not there is fine.
    pub async fn remove_link(&self, index: u32) -> Result<(), Error> {
        accept(self.commands.link().del(index).execute().await, libc::ENODEV)
    }

    /// Whether the interface has the address with this prefix.
    pub async fn has(&self, index: u32, address: &VirtualAddress) -> Result<bool, Error> {
        let request = self.commands.address().get().set_link_index_filter(index);
        let found = request.set_address_filter(address.address).set_prefix_length_filter(address.prefix).execute();
        pin_mut!(found);
        Ok(found.try_next().await?.is_some())
    }
}

fn monitor() -> io::Result<Messages> {
    let (connection, _, messages) = rtnetlink::new_multicast_connection(&GROUPS)?;
    tokio::spawn(connection);
    Ok(messages)
}

/// Takes one of the kernel's errors for success.
fn accept(outcome: Result<(), Error>, code: i32) -> Result<(), Error> {
    match outcome {
        Err(Error::NetlinkError(error)) if error.raw_code() == -code => Ok(()),
        outcome => outcome,
    }
}

fn bare(index: u32, address: IpAddr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    message.header.prefix_len = prefix;
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
    message
}

/// As keepalived sets it: nothing that is not written, but that an IPv6 address needs no duplicate detection.
fn message(index: u32, wanted: &VirtualAddress) -> AddressMessage {
    let mut message = bare(index, wanted.address, wanted.prefix);
    message.header.scope = AddressScope::from(wanted.scope);
    if let Some(IpAddr::V4(broadcast)) = wanted.broadcast {
        message.attributes.push(AddressAttribute::Broadcast(broadcast));
    }
    if let Some(label) = &wanted.label {
        message.attributes.push(AddressAttribute::Label(label.clone()));
    }
    if wanted.address.is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        // An address alone is not one to speak from.
        if wanted.prefix == 128 {
            let mut lifetime = CacheInfo::default();
            lifetime.ifa_valid = u32::MAX;
            message.attributes.push(AddressAttribute::CacheInfo(lifetime));
        }
    }
    message
}

fn change(message: RouteNetlinkMessage) -> Option<Change> {
    match message {
        RouteNetlinkMessage::NewLink(message) => link(message),
        RouteNetlinkMessage::DelLink(message) => Some(Change::LinkGone { index: message.header.index }),
        RouteNetlinkMessage::NewAddress(message) => {
            address(&message).map(|(index, address)| Change::Address { index, address })
        }
        RouteNetlinkMessage::DelAddress(message) => {
            address(&message).map(|(index, address)| Change::AddressGone { index, address })
        }
        _ => None,
    }
}

fn link(message: LinkMessage) -> Option<Change> {
    let flags = message.header.flags;
    let arp = message.header.link_layer_type == LinkLayerType::Ether && !flags.contains(LinkFlags::Noarp);
    let (mut name, mut mac) = (None, None);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(value) => name = Some(value),
            LinkAttribute::Address(value) if arp => mac = Mac::try_from(value).ok(),
            _ => {}
        }
    }
    let up = flags.contains(LinkFlags::Up | LinkFlags::Running);
    name.map(|name| Change::Link { index: message.header.index, name, up, mac })
}

/// The interface's own side of an address: IFA_LOCAL where there is a peer.
fn address(message: &AddressMessage) -> Option<(u32, IpAddr)> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let any = || {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    };
    local.or_else(any).map(|address| (message.header.index, address))
}
