//! What no library offers safely about sockets.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Lets a socket take connections that were addressed to others (`IP_TRANSPARENT`, `IPV6_TRANSPARENT`).
///
/// # Errors
/// Without CAP_NET_ADMIN.
pub fn set_transparent(socket: &impl AsFd, ipv4: bool) -> io::Result<()> {
    let (level, option) = match ipv4 {
        true => (libc::SOL_IP, libc::IP_TRANSPARENT),
        false => (libc::SOL_IPV6, libc::IPV6_TRANSPARENT),
    };
    set(socket, level, option, 1)
}

/// `TCP_FASTOPEN`: how many connections may send data before they are set up.
///
/// # Errors
/// Those of `setsockopt`.
pub fn set_fastopen(socket: &impl AsFd, queue: u32) -> io::Result<()> {
    set(socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, queue as libc::c_int)
}

/// `TCP_DEFER_ACCEPT`: a connection is not accepted before its first data.
///
/// # Errors
/// Those of `setsockopt`.
pub fn set_defer_accept(socket: &impl AsFd, on: bool) -> io::Result<()> {
    set(socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, on.into())
}

/// Drops what comes with a lower hop limit (`IP_MINTTL`, `IPV6_MINHOPCOUNT`): it was routed.
///
/// # Errors
/// Those of `setsockopt`.
pub fn set_least_hops(socket: &impl AsFd, ipv4: bool, hops: u8) -> io::Result<()> {
    let (level, option) = match ipv4 {
        true => (libc::SOL_IP, libc::IP_MINTTL),
        false => (libc::SOL_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    set(socket, level, option, hops.into())
}

fn set(socket: &impl AsFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = size_of_val(&value) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `fd` is open for the length of the borrow, and the kernel only reads the int whose size it is told.
    let result = unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Watches a descriptor with the runtime of the caller. Accepted connections of a listener are bound to no runtime, so
/// that another thread may take them.
///
/// # Errors
/// When epoll cannot take it.
pub fn watch<T: AsRawFd + Into<OwnedFd>>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: what can become an OwnedFd owns its descriptor: it always names the same one and closes it only when
    // dropped, which is after the AsyncFd that holds it has taken it out of epoll.
    unsafe { AsyncFd::register_with_interest(owner, interest) }.map_err(io::Error::from)
}
