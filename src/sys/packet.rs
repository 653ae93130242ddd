//! Frames onto a link: a packet socket that sends only. Frames off a link, as a filter chooses them. Packets off an IPv6 raw
//! socket, with what their header said.

use std::io;
use std::net::Ipv6Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use socket2::SockFilter;

/// An AF_PACKET socket that receives nothing.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Opens one; needs CAP_NET_RAW.
    pub fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and nobody else's.
        Ok(PacketSocket(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends a whole Ethernet frame on the interface of this index.
    pub fn send(&self, index: u32, frame: &[u8]) -> io::Result<()> {
        // SAFETY: all-zero bytes are a valid sockaddr_ll, which holds integers only.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_ifindex = index as i32;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: both pointers are to live memory of the lengths given, and sendto only reads it.
        let sent = unsafe {
            let to = &raw const to;
            libc::sendto(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0, to.cast(), length)
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// An AF_PACKET socket that sees what comes in by one interface, before any packet filter of this machine.
#[derive(Debug)]
pub struct Tap(socket2::Socket);

impl Tap {
    /// Watches frames of an EtherType that the filter lets pass; few of them are kept. Needs CAP_NET_RAW.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(index: u32, kind: u16, filter: &[SockFilter]) -> io::Result<Self> {
        // Of no protocol until it is bound, so that nothing comes unfiltered.
        let socket = socket2::Socket::new(
            socket2::Domain::PACKET,
            socket2::Type::RAW.nonblocking().cloexec(),
            Some(socket2::Protocol::from(0)),
        )?;
        socket.attach_filter(filter)?;
        socket.set_recv_buffer_size(16 * 1024)?;
        // SAFETY: all-zero bytes are a valid sockaddr_ll, which holds integers only.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_protocol = kind.to_be();
        to.sll_ifindex = index as i32;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the kernel only reads the address, of the length given.
        let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const to).cast(), length) };
        if result == 0 { Ok(Tap(socket)) } else { Err(io::Error::last_os_error()) }
    }

    /// Takes a frame that waits, if one does; its length.
    pub fn receive(&self, buffer: &mut [u8]) -> Option<usize> {
        let receive = |buffer: &mut [u8]| rustix::net::recv(&self.0, buffer, rustix::net::RecvFlags::DONTWAIT);
        match receive(buffer) {
            // An error that was pending, such as the interface's going down; frames may follow.
            Err(error) if error != rustix::io::Errno::AGAIN => receive(buffer).ok(),
            received => received.ok(),
        }
        .map(|(length, _)| length)
    }
}

/// A packet of an IPv6 raw socket, without its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How long it is.
    pub length: usize,
    /// Who sent it.
    pub source: Ipv6Addr,
    /// To whom.
    pub destination: Ipv6Addr,
    /// Its hop limit.
    pub hops: u8,
}

/// Asks an IPv6 socket for where packets were sent to.
///
/// # Errors
/// The kernel's.
pub fn want_destination(socket: &impl AsRawFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel only reads the int whose size it is told.
    let result = unsafe {
        let on = &raw const on;
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, on.cast(), size)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes a packet that waits on an IPv6 raw socket that was asked for hop limits and destinations.
///
/// # Errors
/// The kernel's; `WouldBlock` when none waits.
pub fn receive_ipv6(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Received> {
    // SAFETY: all-zero bytes are valid for both, which hold integers and null pointers.
    let (mut from, mut message): (libc::sockaddr_in6, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut control = [0u64; 16];
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    message.msg_name = (&raw mut from).cast();
    message.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: every pointer is to live memory of the length beside it.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut received = Received {
        length: length as usize,
        source: from.sin6_addr.s6_addr.into(),
        destination: Ipv6Addr::UNSPECIFIED,
        hops: 0,
    };
    // SAFETY: the kernel has filled the control buffer in, and the CMSG functions walk within the length it has set; what
    // is read of each message is no longer than its kind says, and may lie unaligned.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(&raw const message);
        while let Some(header) = at.as_ref() {
            let data = libc::CMSG_DATA(at);
            match (header.cmsg_level, header.cmsg_type) {
                (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    received.hops = data.cast::<libc::c_int>().read_unaligned() as u8;
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    received.destination = info.ipi6_addr.s6_addr.into();
                }
                _ => {}
            }
            at = libc::CMSG_NXTHDR(&raw const message, at);
        }
    }
    Ok(received)
}
