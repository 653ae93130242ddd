//! Messages between our own processes: whole JSON records over a SOCK_SEQPACKET pair, with descriptors beside them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest record.
const LONGEST: usize = 128 * 1024;

/// The most descriptors of one record; the kernel takes 253.
pub const MOST_FDS: usize = 128;

/// One end of a pair.
#[derive(Debug)]
pub struct Link {
    fd: OwnedFd,
}

impl Link {
    /// Both ends.
    ///
    /// # Errors
    /// Those of `socketpair`.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (one, other) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Link { fd: one }, Link { fd: other }))
    }

    /// An end that this process was started with.
    pub fn from_fd(fd: OwnedFd) -> Self {
        Link { fd }
    }

    /// Sends a record and copies of descriptors.
    ///
    /// # Errors
    /// `WouldBlock` while the other side does not read; `InvalidInput` for too long a record or too many descriptors;
    /// else the other side has gone.
    pub fn send(&self, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        if bytes.len() > LONGEST || fds.len() > MOST_FDS {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let data = [IoSlice::new(&bytes)];
        rustix::io::retry_on_intr(|| rustix::net::sendmsg(&self.fd, &data, &mut control, SendFlags::NOSIGNAL))?;
        Ok(())
    }

    /// The next record and its descriptors; none when the other side has gone.
    ///
    /// # Errors
    /// `WouldBlock` when nothing waits; `InvalidData` for what is not a record.
    pub fn receive<M: DeserializeOwned>(&self) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
        let mut bytes = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut data = [IoSliceMut::new(&mut bytes)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let read = rustix::io::retry_on_intr(|| rustix::net::recvmsg(&self.fd, &mut data, &mut control, flags))?;
        let messages = control.drain();
        let fds = messages.filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        let fds: Vec<OwnedFd> = fds.flatten().collect();
        match bytes.get(..read.bytes) {
            None | Some([]) => Ok(None),
            Some(bytes) => Ok(Some((serde_json::from_slice(bytes)?, fds))),
        }
    }

    /// Waits until a record waits, or the other side has gone.
    ///
    /// # Errors
    /// Those of `poll`.
    pub fn wait(&self) -> io::Result<()> {
        self.poll(None).map(drop)
    }

    /// The same for at most that long. Whether it came to that.
    pub fn wait_for(&self, limit: Duration) -> bool {
        let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
        self.poll(Some(&limit)).is_ok_and(|ready| ready > 0)
    }

    fn poll(&self, limit: Option<&Timespec>) -> io::Result<usize> {
        let wait = || rustix::event::poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], limit);
        Ok(rustix::io::retry_on_intr(wait)?)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Link> for OwnedFd {
    fn from(link: Link) -> Self {
        link.fd
    }
}

impl std::os::fd::AsRawFd for Link {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_record_arrives_whole_with_its_descriptors() {
        let (here, there) = Link::pair().unwrap();
        let file = crate::host::bundle::seal(b"hello").unwrap();
        here.send(&("words", 7), &[file.as_fd(), file.as_fd()]).unwrap();
        here.send(&("more", 8), &[]).unwrap();
        let (message, fds) = there.receive::<(String, u32)>().unwrap().unwrap();
        assert_eq!((message, fds.len()), (("words".to_owned(), 7), 2));
        let bytes = crate::host::bundle::unseal(fds.into_iter().next().unwrap()).unwrap();
        assert_eq!(bytes, b"hello");
        assert_eq!(there.receive::<(String, u32)>().unwrap().unwrap().0.1, 8);
    }

    #[test]
    fn an_empty_link_blocks_and_a_gone_peer_ends_it() {
        let (here, there) = Link::pair().unwrap();
        assert_eq!(there.receive::<u32>().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(here);
        assert!(there.receive::<u32>().unwrap().is_none());
        assert!(there.send(&1, &[]).is_err());
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        let (here, there) = Link::pair().unwrap();
        here.send(&"text", &[]).unwrap();
        assert_eq!(there.receive::<u32>().unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(here.send(&"x".repeat(LONGEST), &[]).is_err());
        // A descriptor that nobody takes is closed with its record.
        let (mut reader, writer) = std::io::pipe().unwrap();
        here.send(&1, &[writer.as_fd()]).unwrap();
        drop(writer);
        drop(there.receive::<u32>().unwrap());
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
}
