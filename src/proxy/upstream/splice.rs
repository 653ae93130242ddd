//! Passing a large body from socket to socket without copying it: splice(2) through a pipe that each thread keeps.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;

use crate::proxy::io::Stream;

/// Bodies below this size are copied: that is cheaper.
pub const WORTH: u64 = 256 * 1024;

const CAPACITY: usize = 256 * 1024;

/// A pipe; goes back to its thread when it is empty.
#[derive(Debug)]
pub struct Pipe {
    ends: Option<(OwnedFd, OwnedFd)>,
    filled: usize,
}

thread_local! {
    static IDLE: RefCell<Vec<(OwnedFd, OwnedFd)>> = const { RefCell::new(Vec::new()) };
}

impl Pipe {
    /// An empty pipe.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn take() -> io::Result<Pipe> {
        let idle = IDLE.with_borrow_mut(Vec::pop);
        let ends = match idle {
            Some(ends) => ends,
            None => {
                let ends = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
                // A smaller pipe works as well.
                let _ = fcntl_setpipe_size(&ends.1, CAPACITY);
                ends
            }
        };
        Ok(Pipe { ends: Some(ends), filled: 0 })
    }

    /// Fills the empty pipe from a socket with at most `most` bytes, one at least; 0 is the socket's end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn fill(&mut self, from: &Stream, most: u64) -> io::Result<usize> {
        let Some((_, into)) = &self.ends else { return Ok(0) };
        let most = usize::try_from(most).unwrap_or(usize::MAX).clamp(1, CAPACITY);
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let n = from.try_io(Interest::READABLE, |socket| {
            Ok(rustix::io::retry_on_intr(|| splice(socket, None, into.as_fd(), None, most, flags))?)
        })?;
        self.filled = n;
        Ok(n)
    }

    /// Empties the pipe into a socket as far as it takes it. Says how much went.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn empty(&mut self, to: &Stream) -> io::Result<usize> {
        let Some((out, _)) = &self.ends else { return Ok(0) };
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let n = to.try_io(Interest::WRITABLE, |socket| {
            Ok(rustix::io::retry_on_intr(|| splice(out.as_fd(), None, socket, None, self.filled, flags))?)
        })?;
        self.filled -= n.min(self.filled);
        Ok(n)
    }

    /// Reads what the socket did not take.
    ///
    /// # Errors
    /// Of read(2).
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((out, _)) = &self.ends else { return Ok(0) };
        let n = rustix::io::retry_on_intr(|| rustix::io::read(out, &mut *buffer))?;
        self.filled -= n.min(self.filled);
        Ok(n)
    }

    /// Bytes in it.
    pub fn filled(&self) -> usize {
        self.filled
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if self.filled == 0
            && let Some(ends) = self.ends.take()
        {
            IDLE.with_borrow_mut(|idle| {
                if idle.len() < 16 {
                    idle.push(ends);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn passes_and_gives_back_what_does_not_fit() {
        let (from, mut source) = UnixStream::pair().expect("sockets");
        let (to, mut sink) = UnixStream::pair().expect("sockets");
        let (from, to) = (Stream::Unix(from), Stream::Unix(to));
        let mut pipe = Pipe::take().expect("a pipe");
        assert_eq!(pipe.fill(&from, 100).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));

        tokio::io::AsyncWriteExt::write_all(&mut source, b"hello world").await.expect("written");
        std::future::poll_fn(|cx| from.poll_readable(cx)).await.expect("ready");
        assert_eq!(pipe.fill(&from, 5).expect("filled"), 5);
        std::future::poll_fn(|cx| to.poll_writable(cx)).await.expect("ready");
        assert_eq!(pipe.empty(&to).expect("emptied"), 5);
        assert_eq!(pipe.fill(&from, 100).expect("filled"), 6);
        let mut rest = [0; 16];
        assert_eq!(pipe.read(&mut rest).expect("read"), 6);
        assert_eq!((&rest[..6], pipe.filled()), (&b" world"[..], 0));

        let mut got = [0; 5];
        tokio::io::AsyncReadExt::read_exact(&mut sink, &mut got).await.expect("read");
        assert_eq!(&got, b"hello");
        drop(source);
        std::future::poll_fn(|cx| from.poll_readable(cx)).await.expect("ready");
        assert_eq!(pipe.fill(&from, 100).expect("the end"), 0);
    }
}
