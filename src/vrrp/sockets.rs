//! The raw sockets of one interface: one that hears adverts, one that sends them.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::task::{Context, Poll};

use rustix::net::RecvFlags;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::wire::ipv4::VRRP;
use crate::sys::socket::watch;

/// What is kept for adverts that wait; each is below two kilobytes, the kernel doubles it.
const RECEIVE_BUFFER: usize = 128 * 1024;

/// An interface on which we speak.
#[derive(Debug)]
pub struct Speaking {
    /// Its name.
    pub name: String,
    /// Its index when the sockets were made.
    pub index: u32,
    receive: AsyncFd<Socket>,
    send: Socket,
}

impl Speaking {
    /// Opens both sockets and joins the group. Needs CAP_NET_RAW and a runtime.
    pub fn open(name: &str, index: u32, group: Ipv4Addr) -> io::Result<Self> {
        let receive = raw(i32::from(VRRP), name)?;
        receive.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))?;
        receive.set_multicast_all_v4(false)?;
        receive.set_recv_buffer_size(RECEIVE_BUFFER)?;
        // IPPROTO_RAW only sends, with the IP header from us.
        let send = raw(libc::IPPROTO_RAW, name)?;
        send.set_multicast_loop_v4(false)?;
        Ok(Speaking { name: name.to_owned(), index, receive: watch(receive, Interest::READABLE)?, send })
    }

    /// Sends a packet with its IP header.
    pub fn send(&self, packet: &[u8], to: Ipv4Addr) -> io::Result<()> {
        self.send.send_to(packet, &SocketAddrV4::new(to, 0).into()).map(drop)
    }

    /// Takes a packet that waits, if one does.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let mut receive = || rustix::net::recv(self.receive.get_ref(), &mut *buffer, RecvFlags::DONTWAIT);
        let (length, _) = match receive() {
            // An error that was pending, such as the interface's going down: netlink tells of it; packets may follow.
            Err(error) if error != rustix::io::Errno::AGAIN => receive().ok()?,
            received => received.ok()?,
        };
        buffer.get(..length)
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

fn raw(protocol: i32, interface: &str) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::RAW.nonblocking().cloexec(), Some(Protocol::from(protocol)))?;
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
