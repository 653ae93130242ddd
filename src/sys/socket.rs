//! What no library offers safely about sockets.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd};

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
    let on: libc::c_int = 1;
    let size = size_of_val(&on) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `fd` is open for the length of the borrow, and the kernel only reads the int whose size it is told.
    let result = unsafe { libc::setsockopt(fd, level, option, (&raw const on).cast(), size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A listener whose accepted connections are bound to no runtime, so that another thread may take them.
///
/// # Errors
/// When epoll cannot take it.
pub fn watch_listener(listener: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    // SAFETY: a TcpListener owns its descriptor, always names the same one and closes it only when dropped, which is
    // after the AsyncFd that holds it has taken it out of epoll.
    unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) }.map_err(io::Error::from)
}
