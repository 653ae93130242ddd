//! A client's connection: its socket, who is at both ends, its timer, and what it has carried.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rkeep_parsers::ir::http::Address;

use super::clock;
use super::io::{Peer, Stream, Timer};
use super::proxy_protocol::Told;
use super::thread::Thread;
use super::tls::accept::Handshake;

/// A client's connection. Shared by the request that is being served and whatever reads or writes for it.
#[derive(Debug)]
pub struct Connection {
    /// The socket; shared with what subrequests take for the connection.
    pub stream: Rc<Stream>,
    /// nginx's `*N`: unique in the engine.
    pub number: u64,
    /// The other end.
    pub peer: Peer,
    /// The other end's address as logs show it: without port, `unix:` for a unix socket.
    pub client: String,
    /// Whether `debug_connection` names the client.
    pub debug: bool,
    /// What the listening socket was bound to.
    pub listen: Address,
    /// When it was accepted.
    pub since: Instant,
    /// Requests begun on it, this one included.
    pub requests: Cell<u64>,
    /// Bytes sent on it.
    pub sent: Cell<u64>,
    /// The thread it lives on.
    pub thread: Rc<Thread>,
    told: OnceCell<Box<Told>>,
    handshake: OnceCell<Rc<Handshake>>,
    local: OnceCell<Option<SocketAddr>>,
    timer: RefCell<Timer>,
}

impl Connection {
    /// Takes over an accepted socket.
    pub fn new(stream: Stream, peer: Peer, listen: Address, number: u64, thread: Rc<Thread>) -> Self {
        let client = match &peer {
            Peer::Inet(address) => address.ip().to_string(),
            Peer::Unix => "unix:".to_owned(),
        };
        Connection {
            stream: Rc::new(stream),
            number,
            peer,
            client,
            debug: false,
            listen,
            since: Instant::now(),
            requests: Cell::new(0),
            sent: Cell::new(0),
            thread,
            told: OnceCell::new(),
            handshake: OnceCell::new(),
            local: OnceCell::new(),
            timer: RefCell::new(Timer::default()),
        }
    }

    /// The connection as a subrequest sees it: who is there, and a timer of its own. Only the request itself reads,
    /// writes or watches the socket.
    pub fn for_subrequest(&self) -> Self {
        Connection {
            stream: self.stream.clone(),
            number: self.number,
            peer: self.peer.clone(),
            client: self.client.clone(),
            debug: self.debug,
            listen: self.listen.clone(),
            since: self.since,
            requests: self.requests.clone(),
            sent: self.sent.clone(),
            thread: self.thread.clone(),
            told: self.told.clone(),
            handshake: self.handshake.clone(),
            local: self.local.clone(),
            timer: RefCell::default(),
        }
    }

    /// The connection as a request on one of its streams sees it.
    pub fn for_stream(&self, stream: Stream) -> Self {
        Connection { stream: Rc::new(stream), ..self.for_subrequest() }
    }

    /// The client's IP address.
    pub fn client_ip(&self) -> Option<IpAddr> {
        match &self.peer {
            Peer::Inet(address) => Some(address.ip()),
            Peer::Unix => None,
        }
    }

    /// The client's port, where it has one.
    pub fn client_port(&self) -> Option<u16> {
        match &self.peer {
            Peer::Inet(address) => Some(address.port()),
            Peer::Unix => None,
        }
    }

    /// Notes what a proxy in front tells of the client.
    pub fn tell(&self, told: Told) {
        // It is told once.
        let _ = self.told.set(Box::new(told));
    }

    /// What a proxy in front has told of the client.
    pub fn told(&self) -> Option<&Told> {
        self.told.get().map(Box::as_ref)
    }

    /// Notes what the handshake has brought to light.
    pub fn secured(&self, handshake: Handshake) {
        // There is one handshake.
        let _ = self.handshake.set(Rc::new(handshake));
    }

    /// What the handshake has brought to light; none on plain connections.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.handshake.get().map(Rc::as_ref)
    }

    /// The own address; asked for only where the socket listens on any address.
    pub fn local(&self) -> Option<SocketAddr> {
        *self.local.get_or_init(|| match &self.listen {
            Address::Inet(address) if !address.ip().is_unspecified() => Some(*address),
            Address::Inet(_) => self.stream.local(),
            Address::Unix(_) => None,
        })
    }

    /// Ready with `TimedOut` once the deadline has passed.
    pub fn poll_deadline(&self, deadline: Instant, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.timer.borrow_mut().poll(deadline, cx).map(|()| io::ErrorKind::TimedOut.into())
    }

    /// Waits for something to read.
    ///
    /// # Errors
    /// `TimedOut` after `patience`.
    pub async fn readable(&self, patience: Duration) -> io::Result<()> {
        let deadline = clock::now() + patience;
        poll_fn(|cx| match self.stream.poll_readable(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.poll_deadline(deadline, cx).map(Err),
        })
        .await
    }

    /// Waits for room to write.
    ///
    /// # Errors
    /// `TimedOut` after `patience`.
    pub async fn writable(&self, patience: Duration) -> io::Result<()> {
        let deadline = clock::now() + patience;
        poll_fn(|cx| match self.stream.poll_writable(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.poll_deadline(deadline, cx).map(Err),
        })
        .await
    }

    /// Ready once the client has closed its end or the connection is broken; pending while there is nothing or data.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(h2) = self.stream.h2() {
            return h2.poll_gone(cx);
        }
        let mut byte = [0];
        loop {
            match self.stream.poll_readable(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => match self.stream.try_peek(&mut byte) {
                    Ok(0) => return Poll::Ready(()),
                    // Data waits: the next request. A later end is seen when it has been read.
                    Ok(_) => return Poll::Pending,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return Poll::Ready(()),
                },
            }
        }
    }

    /// Notes bytes sent.
    pub fn count_sent(&self, bytes: u64) {
        self.sent.set(self.sent.get() + bytes);
    }
}
