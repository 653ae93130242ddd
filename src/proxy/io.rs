//! The only place of the proxy that knows `tokio::net`: sockets, waiting with a coarse deadline, and big buffers that
//! are lent for one turn of work and never held while a connection waits.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use rkeep_parsers::ir::http::Address;
use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixListener, UnixStream};
use tokio::time::Sleep;

use super::h2::{BackendStream, H2Stream};
use super::tls::TlsStream;

/// Bytes of a lent buffer.
pub const BIG: usize = 128 * 1024;

/// A connected stream socket.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
    /// Either of them, encrypted.
    Tls(Box<TlsStream>),
    /// One stream of an HTTP/2 connection.
    H2(Box<H2Stream>),
    /// An HTTP/2 connection to a backend.
    Http2(Box<BackendStream>),
}

macro_rules! either {
    ($self:expr, $stream:ident => $body:expr, $tls:ident => $encrypted:expr, $h2:ident => $one:expr) => {
        match $self {
            Stream::Tcp($stream) => $body,
            Stream::Unix($stream) => $body,
            Stream::Tls($tls) => $encrypted,
            Stream::H2($h2) => $one,
            Stream::Http2($h2) => $one,
        }
    };
}

impl Stream {
    /// Connects to a backend.
    ///
    /// # Errors
    /// Of the socket calls.
    pub async fn connect(to: &Address, how: Connect) -> io::Result<Stream> {
        let to = match to {
            Address::Unix(path) => return UnixStream::connect(path).await.map(Stream::Unix),
            Address::Inet(to) => *to,
        };
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        how.prepare(&socket)?;
        Ok(Stream::Tcp(socket.connect(to).await?))
    }

    /// Ready when there may be something to read.
    ///
    /// # Errors
    /// Of the reactor.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read_ready(cx), tls => tls.poll_readable(cx), h2 => h2.poll_readable(cx))
    }

    /// Ready when there may be room to write.
    ///
    /// # Errors
    /// Of the reactor.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_write_ready(cx), tls => tls.under().poll_writable(cx), h2 => h2.poll_writable(cx))
    }

    /// Reads what is there; `Ok(0)` is the peer's end. A short read also says that the socket is drained, so that the
    /// next wait needs no further call.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut got = None;
        let done = either!(self, stream => stream.try_io(Interest::READABLE, || {
            let n = rustix::io::retry_on_intr(|| rustix::net::recv(stream, &mut *buf, rustix::net::RecvFlags::empty()))?.1;
            if n == 0 || n == buf.len() {
                return Ok(n);
            }
            got = Some(n);
            Err(io::ErrorKind::WouldBlock.into())
        }), tls => return tls.try_read(buf), h2 => return h2.try_read(buf));
        got.map_or(done, Ok)
    }

    /// Looks at what is there without taking it.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        either!(self, stream => stream.try_io(Interest::READABLE, || {
            Ok(rustix::io::retry_on_intr(|| rustix::net::recv(stream, &mut *buf, rustix::net::RecvFlags::PEEK))?.1)
        }), tls => tls.try_peek(buf), h2 => h2.try_peek(buf))
    }

    /// Sends all, however long it takes.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.try_write(bytes) {
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.poll_writable(cx)).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Fills a buffer, however long it takes.
    ///
    /// # Errors
    /// The connection is broken or ends before.
    pub async fn read_exact(&self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.try_read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => buffer = buffer.get_mut(n..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.poll_readable(cx)).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends what the socket takes.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.send(buf, SendFlags::NOSIGNAL)
    }

    /// Sends what the socket takes of the last bytes; TLS says in the same call that nothing follows.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn try_write_last(&self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tls(tls) => tls.try_write_last(buf),
            _ => self.try_write(buf),
        }
    }

    /// Sends what the socket takes and says that more follows at once.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn try_write_more(&self, buf: &[u8]) -> io::Result<usize> {
        self.send(buf, SendFlags::MORE | SendFlags::NOSIGNAL)
    }

    // By the system call itself: the C library's is a place where threads may be cancelled, which costs.
    fn send(&self, buf: &[u8], flags: SendFlags) -> io::Result<usize> {
        either!(self, stream => stream.try_io(Interest::WRITABLE, || {
            Ok(rustix::io::retry_on_intr(|| rustix::net::send(stream, buf, flags))?)
        }), tls => tls.try_write_vectored(&[IoSlice::new(buf)]), h2 => h2.try_write_vectored(&[IoSlice::new(buf)]))
    }

    /// Sends what the socket takes of several pieces.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, stream => stream.try_io(Interest::WRITABLE, || {
            Ok(rustix::io::retry_on_intr(|| rustix::io::writev(stream, bufs))?)
        }), tls => tls.try_write_vectored(bufs), h2 => h2.try_write_vectored(bufs))
    }

    /// Sends a part of a file as far as the socket takes it; `offset` moves on.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn try_send_file(&self, file: impl AsFd, offset: &mut u64, count: usize) -> io::Result<usize> {
        either!(self, stream => stream.try_io(Interest::WRITABLE, || {
            Ok(rustix::io::retry_on_intr(|| rustix::fs::sendfile(stream, &file, Some(&mut *offset), count))?)
        }), tls => tls.try_send_file(file, offset, count), h2 => h2.try_send_file(file, offset, count))
    }

    /// Runs a call on the socket that may say `WouldBlock`, for splice(2) and its like. Not for encrypted streams: see
    /// [`Self::is_encrypted`].
    ///
    /// # Errors
    /// What `call` says.
    pub fn try_io<R>(&self, interest: Interest, call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        either!(self, stream => stream.try_io(interest, || call(stream.as_fd())), tls => tls.under().try_io(interest, call), h2 => h2.socket().try_io(interest, call))
    }

    /// Whether what is read and written is not what passes the socket.
    pub fn is_encrypted(&self) -> bool {
        match self {
            Stream::Tls(tls) => tls.is_encrypted(),
            Stream::H2(_) | Stream::Http2(_) => true,
            Stream::Tcp(_) | Stream::Unix(_) => false,
        }
    }

    /// The stream as one that speaks TLS, or may.
    pub fn tls(&self) -> Option<&TlsStream> {
        match self {
            Stream::Tls(tls) => Some(tls),
            Stream::H2(h2) => h2.socket().tls(),
            Stream::Http2(h2) => h2.socket().tls(),
            Stream::Tcp(_) | Stream::Unix(_) => None,
        }
    }

    /// The stream as one of an HTTP/2 connection.
    pub fn h2(&self) -> Option<&H2Stream> {
        match self {
            Stream::H2(h2) => Some(h2),
            _ => None,
        }
    }

    /// The stream as a connection to a backend that speaks HTTP/2.
    pub fn http2(&self) -> Option<&BackendStream> {
        match self {
            Stream::Http2(h2) => Some(h2),
            _ => None,
        }
    }

    /// The own address, if it is an IP one.
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.local_addr().ok(),
            Stream::Unix(_) => None,
            Stream::Tls(tls) => tls.under().local(),
            Stream::H2(h2) => h2.socket().local(),
            Stream::Http2(h2) => h2.socket().local(),
        }
    }

    /// Ends the sending half.
    pub fn shutdown_write(&self) {
        match self {
            Stream::Tls(tls) => tls.say_goodbye(),
            Stream::H2(_) | Stream::Http2(_) => return,
            Stream::Tcp(_) | Stream::Unix(_) => {}
        }
        let _ = rustix::net::shutdown(self, rustix::net::Shutdown::Write);
    }

    /// TCP_NODELAY.
    pub fn set_nodelay(&self, on: bool) {
        match self {
            Stream::Tcp(stream) => drop(stream.set_nodelay(on)),
            Stream::Unix(_) | Stream::H2(_) => {}
            Stream::Tls(tls) => tls.under().set_nodelay(on),
            Stream::Http2(h2) => h2.socket().set_nodelay(on),
        }
    }

    /// Makes closing send a reset.
    pub fn reset_on_close(&self) {
        match self {
            Stream::Tcp(stream) => drop(socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))),
            Stream::Unix(_) | Stream::H2(_) | Stream::Http2(_) => {}
            Stream::Tls(tls) => tls.under().reset_on_close(),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        either!(self, stream => stream.as_fd(), tls => tls.under().as_fd(), h2 => h2.as_fd())
    }
}

/// A datagram socket that talks to one other.
#[derive(Debug)]
pub struct Datagram(UdpSocket);

impl Datagram {
    /// Talks to `to`, from a port that the system chooses.
    ///
    /// # Errors
    /// Of the socket calls.
    pub async fn connect(to: SocketAddr) -> io::Result<Datagram> {
        let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(to).await?;
        Ok(Datagram(socket))
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// Of the socket call, also about datagrams sent before.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(bytes).await.map(|_| ())
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// Of the socket call, also about datagrams sent before.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buffer).await
    }
}

/// How a connection to a backend is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connect {
    /// The own address, `proxy_bind`.
    pub from: Option<SocketAddr>,
    /// The own address may be anybody's: `proxy_bind … transparent`.
    pub transparent: bool,
    /// The kernel probes the connection for life: `proxy_socket_keepalive`.
    pub keepalive: bool,
}

impl Connect {
    fn prepare(self, socket: &TcpSocket) -> io::Result<()> {
        if self.keepalive {
            socket.set_keepalive(true)?;
        }
        let Some(from) = self.from else { return Ok(()) };
        let options = socket2::SockRef::from(socket);
        match from {
            SocketAddr::V4(_) if self.transparent => options.set_ip_transparent_v4(true)?,
            SocketAddr::V6(_) if self.transparent => options.set_ip_transparent_v6(true)?,
            _ => {}
        }
        if from.port() != 0 {
            socket.set_reuseaddr(true)?;
        }
        socket.bind(from)
    }
}

/// Who is at the other end of an accepted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An IP address and port.
    Inet(SocketAddr),
    /// Somebody on a unix socket.
    Unix,
}

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// Takes over a bound and listening socket.
    ///
    /// # Errors
    /// Of the reactor.
    pub fn from_fd(address: &Address, fd: OwnedFd) -> io::Result<Listener> {
        Ok(match address {
            Address::Inet(_) => {
                let listener = std::net::TcpListener::from(fd);
                listener.set_nonblocking(true)?;
                // What is accepted inherits it.
                rustix::net::sockopt::set_tcp_nodelay(&listener, true)?;
                Listener::Tcp(TcpListener::from_std(listener)?)
            }
            Address::Unix(_) => {
                let listener = std::os::unix::net::UnixListener::from(fd);
                listener.set_nonblocking(true)?;
                Listener::Unix(UnixListener::from_std(listener)?)
            }
        })
    }

    /// The next connection.
    ///
    /// # Errors
    /// Of accept(2).
    pub async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Peer::Inet(peer)))
            }
            Listener::Unix(listener) => Ok((Stream::Unix(listener.accept().await?.0), Peer::Unix)),
        }
    }
}

/// A deadline that can be moved for next to nothing: the runtime's timer is touched only when it fires too early or
/// would fire too late, or when another task waits.
#[derive(Debug, Default)]
pub struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// Who is woken when it fires.
    waiting: Option<Waker>,
}

impl Timer {
    /// Ready once `deadline` has passed.
    pub fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let at = tokio::time::Instant::from_std(deadline);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        } else if !sleep.is_elapsed() && self.waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.waiting = Some(cx.waker().clone());
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }

    /// Gives `future` until `deadline`.
    ///
    /// # Errors
    /// `TimedOut`.
    pub async fn limit<T>(&mut self, deadline: Instant, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = future.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            self.poll(deadline, cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
        })
        .await
    }
}

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of [`BIG`] bytes lent by the thread until dropped. Never held across a wait.
#[derive(Debug)]
pub struct Lease(Vec<u8>);

impl Lease {
    /// Borrows one.
    pub fn take() -> Lease {
        Lease(BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; BIG]))
    }
}

impl Deref for Lease {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        BUFFERS.with_borrow_mut(|free| {
            if free.len() < 4 {
                free.push(buffer);
            }
        });
    }
}

/// Sends a part of a file through memory, where the kernel cannot: up to `most` bytes go to `write`, and `offset` moves on by
/// what it takes.
///
/// # Errors
/// The file cannot be read, or those of `write`.
pub fn copy_file(
    file: impl AsFd,
    offset: &mut u64,
    most: usize,
    write: impl FnOnce(&[u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut lease = Lease::take();
    let most = most.min(lease.len());
    let got = rustix::io::pread(file, lease.get_mut(..most).unwrap_or_default(), *offset)?;
    if got == 0 {
        return Ok(0);
    }
    let sent = write(lease.get(..got).unwrap_or_default())?;
    *offset += sent as u64;
    Ok(sent)
}

/// How an address is written in logs and variables: `127.0.0.1:80`, `[::1]:80`, `unix:/path`.
pub fn address_text(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}
