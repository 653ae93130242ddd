//! The raw sockets of one interface and family: one that hears adverts, one that sends them.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::task::{Context, Poll};

use rustix::net::RecvFlags;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::wire::packet::{Packet, TooShort};
use crate::sys::packet::receive_ipv6;
use crate::sys::socket::watch;

/// What is kept for adverts that wait; each is below two kilobytes, the kernel doubles it.
const RECEIVE_BUFFER: usize = 128 * 1024;

/// Where instances speak: those with the same share sockets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The interface that adverts come in and leave by.
    pub name: String,
    /// The IP protocol: VRRP's own, or that of the authentication header.
    pub protocol: u8,
    /// The group that adverts go to, also where an instance speaks unicast: it says the family.
    pub group: IpAddr,
}

/// A place where we speak.
#[derive(Debug)]
pub struct Speaking {
    /// Where.
    pub place: Place,
    /// The interface's index when the sockets were made.
    pub index: u32,
    receive: AsyncFd<Socket>,
    send: Socket,
}

impl Speaking {
    /// Opens both sockets and joins the group. Needs CAP_NET_RAW and a runtime.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(place: Place, index: u32) -> io::Result<Self> {
        let domain = if place.group.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let receive = raw(domain, i32::from(place.protocol), &place.name)?;
        // IPPROTO_RAW only sends, with the IP header from us.
        let send = raw(domain, libc::IPPROTO_RAW, &place.name)?;
        match &place.group {
            IpAddr::V4(group) => {
                receive.join_multicast_v4_n(group, &InterfaceIndexOrAddress::Index(index))?;
                receive.set_multicast_all_v4(false)?;
                send.set_multicast_loop_v4(false)?;
            }
            IpAddr::V6(group) => {
                receive.join_multicast_v6(group, index)?;
                receive.set_multicast_all_v6(false)?;
                receive.set_recv_hoplimit_v6(true)?;
                crate::sys::packet::want_destination(&receive)?;
                send.set_multicast_loop_v6(false)?;
            }
        }
        receive.set_recv_buffer_size(RECEIVE_BUFFER)?;
        Ok(Speaking { place, index, receive: watch(receive, Interest::READABLE)?, send })
    }

    /// Sends a packet with its IP header.
    ///
    /// # Errors
    /// The kernel's, as when the link is down.
    pub fn send(&self, packet: &[u8], to: IpAddr) -> io::Result<()> {
        let to = match to {
            IpAddr::V4(_) => SocketAddr::new(to, 0),
            IpAddr::V6(to) => SocketAddrV6::new(to, 0, 0, self.index).into(),
        };
        self.send.send_to(packet, &to.into()).map(drop)
    }

    /// Takes a packet that waits, if one does.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<Result<Packet<'a>, TooShort>> {
        match self.place.group {
            IpAddr::V4(_) => self.receive_ipv4(buffer),
            IpAddr::V6(_) => self.receive_ipv6(buffer),
        }
    }

    fn receive_ipv4<'a>(&self, buffer: &'a mut [u8]) -> Option<Result<Packet<'a>, TooShort>> {
        let mut receive = || rustix::net::recv(self.receive.get_ref(), &mut *buffer, RecvFlags::DONTWAIT);
        let (length, _) = match receive() {
            // An error that was pending, such as the interface's going down: netlink tells of it; packets may follow.
            Err(error) if error != rustix::io::Errno::AGAIN => receive().ok()?,
            received => received.ok()?,
        };
        buffer.get(..length).map(Packet::of_ipv4)
    }

    fn receive_ipv6<'a>(&self, buffer: &'a mut [u8]) -> Option<Result<Packet<'a>, TooShort>> {
        let mut receive = || receive_ipv6(self.receive.get_ref(), &mut *buffer);
        let received = match receive() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => receive().ok()?,
            received => received.ok()?,
        };
        let payload = buffer.get(..received.length)?;
        if payload.len() < super::wire::advert::HEADER {
            return Some(Err(TooShort(payload.len())));
        }
        let (source, destination) = (received.source.into(), received.destination.into());
        Some(Ok(Packet { source, destination, ttl: received.hops, payload, seal: None }))
    }

    /// Ready once packets wait. All of them must be taken then.
    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.receive.poll_read_ready(context) {
            Poll::Ready(Ok(mut ready)) => {
                ready.clear_ready();
                Poll::Ready(())
            }
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

fn raw(domain: Domain, protocol: i32, interface: &str) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::RAW.nonblocking().cloexec(), Some(Protocol::from(protocol)))?;
    socket.bind_device(Some(interface.as_bytes()))?;
    Ok(socket)
}

/// Waits until packets wait on any of these. Cancel safe.
pub async fn heard(sockets: &[Speaking]) {
    std::future::poll_fn(|context| {
        // All are asked, so that each wakes us later.
        let ready = sockets.iter().filter(|socket| socket.poll(context).is_ready()).count();
        if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
