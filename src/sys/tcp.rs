//! What the kernel knows about a TCP connection, or holds for a socket.

use std::os::fd::{AsFd, AsRawFd};

/// Parts of `TCP_INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Smoothed round trip, microseconds.
    pub rtt: u32,
    /// Its variation, microseconds.
    pub rttvar: u32,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// Receive window, bytes.
    pub rcv_space: u32,
}

/// Asks the kernel; none for what is not TCP.
pub fn info(socket: impl AsFd) -> Option<Info> {
    // SAFETY: `tcp_info` holds only integers, for which zero is valid.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut len = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the descriptor is open while borrowed; the kernel writes at most `len` bytes into `info`.
    let done = unsafe {
        let fd = socket.as_fd().as_raw_fd();
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &mut len)
    };
    (done == 0).then_some(Info {
        rtt: info.tcpi_rtt,
        rttvar: info.tcpi_rttvar,
        snd_cwnd: info.tcpi_snd_cwnd,
        rcv_space: info.tcpi_rcv_space,
    })
}

/// Bytes that a socket takes before it has to be waited for, about; none where the kernel does not say.
pub fn send_room(socket: impl AsFd) -> Option<usize> {
    // What the kernel holds for a socket, by the indices of its SK_MEMINFO_…
    const ALLOCATED: usize = 2;
    const SEND_BUFFER: usize = 3;
    const QUEUED: usize = 5;
    let mut held = [0_u32; 9];
    let mut len = size_of_val(&held) as libc::socklen_t;
    // SAFETY: the descriptor is open while borrowed; the kernel writes at most `len` bytes into `held`.
    let done = unsafe {
        let fd = socket.as_fd().as_raw_fd();
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, held.as_mut_ptr().cast(), &mut len)
    };
    // Unix sockets count what is allocated, TCP what is queued.
    (done == 0).then(|| held[SEND_BUFFER].saturating_sub(held[ALLOCATED].max(held[QUEUED])) as usize)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_is_sent_takes_room() {
        let (mut from, _to) = UnixStream::pair().unwrap();
        from.set_nonblocking(true).unwrap();
        let before = send_room(&from).unwrap();
        from.write_all(&[0; 4096]).unwrap();
        let after = send_room(&from).unwrap();
        assert!(after + 4096 <= before, "{before} {after}");
        while from.write(&[0; 4096]).is_ok() {}
        assert_eq!(from.write(&[0; 4096]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(send_room(&from).unwrap() < 8192);
    }
}
