//! The network between the nodes: one bridge in a node of its own, a cable to each box, cables that can be pulled.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use futures_util::TryStreamExt;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags};
use netlink_packet_route::link::{InfoData, InfoVeth};
use netlink_packet_route::route::RouteScope;
use rtnetlink::{Handle, LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};

use super::Node;

/// The interface of every box.
pub const INTERFACE: &str = "eth0";
const LOOPBACK: &str = "lo";
const BRIDGE: &str = "br0";

/// A switch.
#[derive(Debug)]
pub struct Lan {
    switch: Node,
}

impl Lan {
    /// A switch with nothing plugged in.
    ///
    /// # Errors
    /// As [`Node::new`], or the kernel has no bridges.
    pub fn new() -> io::Result<Lan> {
        let switch = Node::new("switch", "", &[])?;
        switch.within_async(|| async {
            let links = netlink()?;
            links.link().add(LinkBridge::new(BRIDGE).build()).execute().await.map_err(failed)
        })?;
        Ok(Lan { switch })
    }

    /// Gives a box its `eth0` with these addresses (each a /24), plugged in and up.
    ///
    /// # Errors
    /// Two nodes of one name, a bad address, no veth in the kernel.
    pub fn plug(&self, node: &Node, addresses: &[Ipv4Addr]) -> io::Result<()> {
        let addresses: Vec<_> = addresses.iter().map(|address| (IpAddr::V4(*address), 24)).collect();
        self.plug_as(node, INTERFACE, &addresses)
    }

    /// Gives a box an interface with these addresses and their prefixes, plugged in and up.
    ///
    /// # Errors
    /// Two nodes of one name, a bad address or name, no veth in the kernel.
    pub fn plug_as(&self, node: &Node, interface: &str, addresses: &[(IpAddr, u8)]) -> io::Result<()> {
        let (port, network, name) = (port(node), node.network().try_clone()?, interface.to_owned());
        let mac = addresses.iter().find_map(|(address, _)| match address {
            IpAddr::V4(address) => Some(mac(*address)),
            IpAddr::V6(_) => None,
        });
        self.switch.within_async(move || async move {
            let mut peer = LinkMessageBuilder::<LinkUnspec>::new().name(&name).setns_by_fd(network.as_raw_fd());
            if let Some(mac) = mac {
                peer = peer.address(mac.to_vec());
            }
            let peer = InfoData::Veth(InfoVeth::Peer(peer.build()));
            let veth = LinkVeth::new(&port, &name).set_info_data(peer).controller(index(BRIDGE)?).up().build();
            netlink()?.link().add(veth).execute().await.map_err(failed)
        })?;
        node.set_addresses(&[LOOPBACK, interface], interface, addresses)
    }

    /// Pulls a box's cable: the box sees its link go down.
    ///
    /// # Errors
    /// It was never plugged in.
    pub fn unplug(&self, node: &Node) -> io::Result<()> {
        self.change(node, |port| port.down())
    }

    /// Puts a pulled cable back.
    ///
    /// # Errors
    /// It was never plugged in.
    pub fn replug(&self, node: &Node) -> io::Result<()> {
        self.change(node, |port| port.up())
    }

    /// Cuts a box off without its noticing: the link stays up, nothing passes.
    ///
    /// # Errors
    /// It was never plugged in.
    pub fn cut(&self, node: &Node) -> io::Result<()> {
        self.change(node, |port| port.nocontroller())
    }

    /// Ends what [`Lan::cut`] did.
    ///
    /// # Errors
    /// It was never plugged in.
    pub fn mend(&self, node: &Node) -> io::Result<()> {
        let bridge = self.switch.within(|| index(BRIDGE))?;
        self.change(node, move |port| port.controller(bridge))
    }

    /// Keeps a box and the others that are isolated from hearing each other; or lets them again.
    ///
    /// # Errors
    /// It was never plugged in.
    pub fn isolate(&self, node: &Node, isolated: bool) -> io::Result<()> {
        self.change_port(node, move |port| port.isolated(isolated))
    }

    /// Lets a box hear no multicast any more, and so no VRRP.
    ///
    /// # Errors
    /// It was never plugged in.
    pub fn deafen(&self, node: &Node) -> io::Result<()> {
        self.change_port(node, |port| port.mcast_flood(false))
    }

    fn change_port(
        &self,
        node: &Node,
        how: impl FnOnce(LinkMessageBuilder<LinkBridgePort>) -> LinkMessageBuilder<LinkBridgePort> + Send + 'static,
    ) -> io::Result<()> {
        let port = port(node);
        self.switch.within_async(move || async move {
            let message = how(LinkBridgePort::new(index(&port)?)).build();
            netlink()?.link().set_port(message).execute().await.map_err(failed)
        })
    }

    fn change(
        &self,
        node: &Node,
        how: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec> + Send + 'static,
    ) -> io::Result<()> {
        let port = port(node);
        self.switch.within_async(move || async move {
            let message = how(LinkUnspec::new_with_index(index(&port)?)).build();
            netlink()?.link().set(message).execute().await.map_err(failed)
        })
    }
}

impl Node {
    /// The IPv4 addresses on its `eth0`, in the kernel's order.
    ///
    /// # Errors
    /// It was never plugged in.
    pub fn addresses(&self) -> io::Result<Vec<Ipv4Addr>> {
        self.within_async(|| async {
            let links = netlink()?;
            let mut found = links.address().get().set_link_index_filter(index(INTERFACE)?).execute();
            let mut addresses = Vec::new();
            while let Some(message) = found.try_next().await.map_err(failed)? {
                addresses.extend(message.attributes.iter().find_map(|attribute| match attribute {
                    AddressAttribute::Address(std::net::IpAddr::V4(address)) => Some(*address),
                    _ => None,
                }));
            }
            Ok(addresses)
        })
    }

    /// Gives it further addresses, each by itself: those of IPv4 it answers for on every network, those of IPv6 on that of
    /// one interface, as neighbours are told of no others.
    ///
    /// # Errors
    /// It has one already.
    pub fn has_also(&self, addresses: &[IpAddr], interface: &str) -> io::Result<()> {
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| address.is_ipv4());
        for (interface, length, addresses) in [(LOOPBACK, 32, v4), (interface, 128, v6)] {
            let addresses: Vec<_> = addresses.into_iter().map(|address| (address, length)).collect();
            self.set_addresses(&[LOOPBACK], interface, &addresses)?;
        }
        Ok(())
    }

    /// Lets it look for every address that no other route is for on the network of that interface.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn reach_everything(&self, interface: &str) -> io::Result<()> {
        let interface = interface.to_owned();
        self.within_async(move || async move {
            let (routes, index) = (netlink()?, index(&interface)?);
            let v4 = RouteMessageBuilder::<Ipv4Addr>::new().output_interface(index).scope(RouteScope::Link).build();
            let v6 = RouteMessageBuilder::<Ipv6Addr>::new().output_interface(index).build();
            routes.route().add(v4).execute().await.map_err(failed)?;
            // A kernel without IPv6 needs no such route.
            let _ = routes.route().add(v6).execute().await;
            Ok(())
        })
    }

    fn set_addresses(&self, up: &[&str], interface: &str, addresses: &[(IpAddr, u8)]) -> io::Result<()> {
        let (interface, addresses) = (interface.to_owned(), addresses.to_vec());
        let up: Vec<String> = up.iter().map(|name| (*name).to_owned()).collect();
        self.within_async(move || async move {
            let links = netlink()?;
            for name in up {
                links
                    .link()
                    .set(LinkUnspec::new_with_index(index(&name)?).up().build())
                    .execute()
                    .await
                    .map_err(failed)?;
            }
            for (address, prefix) in addresses {
                let mut request = links.address().add(index(&interface)?, address, prefix);
                // Nobody else has it, so nobody needs to be asked for it first.
                request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
                request.execute().await.map_err(failed)?;
            }
            Ok(())
        })
    }

    /// Adds or removes an address on its `eth0` with that prefix length, as an administrator would.
    ///
    /// # Errors
    /// It is there already, or is not there.
    pub fn readdress(&self, address: Ipv4Addr, prefix: u8, present: bool) -> io::Result<()> {
        self.within_async(move || async move {
            let links = netlink()?;
            let mut request = links.address().add(index(INTERFACE)?, address.into(), prefix);
            if present {
                request.execute().await.map_err(failed)
            } else {
                let message = request.message_mut().clone();
                links.address().del(message).execute().await.map_err(failed)
            }
        })
    }
}

/// The hardware address a box with that address gets, so that captures read easily.
pub fn mac(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x00, a, b, c, d]
}

/// The address of the link that a box with that address has: made from its hardware address.
pub fn link_local(address: Ipv4Addr) -> Ipv6Addr {
    let [a, b, c, d] = address.octets().map(u16::from);
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, a << 8 | 0xff, 0xfe00 | b, c << 8 | d)
}

/// The switch's end of a box's cable. Interface names have at most 15 bytes.
fn port(node: &Node) -> String {
    format!("p-{}", node.name()).chars().take(15).collect()
}

/// A connection to the kernel of the current thread's network; its other half runs on the current runtime.
fn netlink() -> io::Result<Handle> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    tokio::spawn(connection);
    Ok(handle)
}

fn index(name: &str) -> io::Result<u32> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").or_else(|_| std::net::UdpSocket::bind("0.0.0.0:0"))?;
    rustix::net::netdevice::name_to_index(&socket, name)
        .map_err(|error| io::Error::new(io::Error::from(error).kind(), format!("interface {name}: {error}")))
}

fn failed(error: rtnetlink::Error) -> io::Error {
    match &error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        _ => io::Error::other(error),
    }
}
