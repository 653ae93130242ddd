//! Bytes from a client to its real server and back, until both have said all.
//!
//! Short exchanges are copied through one buffer per thread, so that a quiet connection holds no memory but its sockets;
//! bulk goes by splice(2) through a pipe and never enters this process. Either side may close its half first.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What is read at once.
const CHUNK: usize = 64 << 10;

/// So much in one direction, and it is bulk.
const BULK: u64 = 256 << 10;

/// A pipe's size; the kernel may give less.
const PIPE: usize = 256 << 10;

/// Pipes that a thread keeps for the next bulk transfer.
const SPARE_PIPES: usize = 16;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
    static PIPES: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

/// Carries both directions. When one side breaks, the other is told by a reset, as if the two had been one connection.
pub(super) async fn relay(client: &TcpStream, server: &TcpStream) {
    prepare(client);
    prepare(server);
    if tokio::try_join!(pump(client, server), pump(server, client)).is_err() {
        reset(client);
        reset(server);
    }
}

/// Makes the coming close a reset.
pub(super) fn reset(stream: &TcpStream) {
    // When even this fails, the close is an ordinary one.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Small pieces go out at once; a peer that silently vanished is noticed within a few minutes. A live peer may be
/// silent for as long as it likes.
fn prepare(stream: &TcpStream) {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(6);
    // Without these a connection still works.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// One direction, to its end of file.
async fn pump(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let mut moved = 0;
    while moved < BULK {
        match copy_some(from, to).await? {
            0 => return shut(to),
            n => moved += n as u64,
        }
    }
    match Pipe::take() {
        Some(pipe) => splice_all(from, to, pipe).await?,
        None => while copy_some(from, to).await? > 0 {},
    }
    shut(to)
}

/// Ends one half. The other side may have closed everything already, which its own half reports.
fn shut(to: &TcpStream) -> io::Result<()> {
    match SockRef::from(to).shutdown(std::net::Shutdown::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}

/// Moves what is there, at most a chunk. 0 at end of file.
async fn copy_some(from: &TcpStream, to: &TcpStream) -> io::Result<usize> {
    loop {
        from.readable().await?;
        let (read, rest) = match BUFFER.with_borrow_mut(|buffer| copy_now(from, to, buffer)) {
            Ok(copied) => copied,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        write_all(to, &rest).await?;
        return Ok(read);
    }
}

/// Reads once and writes as much as goes at once; what is left over is the second part.
fn copy_now(from: &TcpStream, to: &TcpStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<u8>)> {
    let read = from.try_read(buffer)?;
    let mut rest = buffer.get(..read).unwrap_or_default();
    while !rest.is_empty() {
        match to.try_write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok((read, rest.to_vec()))
}

async fn write_all(to: &TcpStream, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        to.writable().await?;
        match to.try_write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A pipe that is empty whenever nobody uses it.
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipe {
    /// One of this thread's, or a new one if there are descriptors left.
    fn take() -> Option<Pipe> {
        if let Some(pipe) = PIPES.with_borrow_mut(Vec::pop) {
            return Some(pipe);
        }
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // An unprivileged process may have to live with a smaller one.
        let _ = fcntl_setpipe_size(&write, PIPE);
        Some(Pipe { read, write })
    }

    /// Keeps an empty one for the next.
    fn give_back(self) {
        PIPES.with_borrow_mut(|pipes| {
            if pipes.len() < SPARE_PIPES {
                pipes.push(self);
            }
        });
    }
}

/// Moves everything up to end of file through a pipe, which is filled only when it is empty: what cannot be read then
/// is not there yet.
async fn splice_all(from: &TcpStream, to: &TcpStream, pipe: Pipe) -> io::Result<()> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    loop {
        let read = || Ok(splice(from, None, &pipe.write, None, PIPE, flags)?);
        let mut held = from.async_io(Interest::READABLE, read).await?;
        if held == 0 {
            pipe.give_back();
            return Ok(());
        }
        while held > 0 {
            let write = || Ok(splice(&pipe.read, None, to, None, held, flags)?);
            held -= to.async_io(Interest::WRITABLE, write).await?;
        }
    }
}
