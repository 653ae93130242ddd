//! A connection to a backend, and waiting on it while the client may leave.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::http::Address;

use crate::proxy::clock;
use crate::proxy::connection::Connection;
use crate::proxy::io::{Connect, Lease, Stream};

/// A connection to a backend.
#[derive(Debug)]
pub struct Backend {
    /// The socket.
    pub stream: Stream,
    /// Whose it is.
    pub address: Address,
    /// When it was made.
    pub since: Instant,
    /// Requests it has carried, the present one included.
    pub requests: u64,
    /// Whether it has been idle before.
    pub cached: bool,
}

/// What ended a wait.
#[derive(Debug)]
pub enum Interrupted {
    /// The time is over.
    Timeout,
    /// The client has left.
    ClientGone,
    /// The system says so.
    Failed(io::Error),
}

/// Whether a wait ends when the client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// It does.
    Watched,
    /// `proxy_ignore_client_abort on`, or the client's bytes are read elsewhere.
    Ignored,
}

impl Backend {
    /// Connects.
    ///
    /// # Errors
    /// [`Interrupted`]
    pub async fn connect(
        client: &Connection,
        address: &Address,
        how: Connect,
        patience: Duration,
        watch: Client,
    ) -> Result<Box<Backend>, Interrupted> {
        let deadline = clock::now() + patience;
        let mut connecting = std::pin::pin!(Stream::connect(address, how));
        let stream = poll_fn(|cx| {
            if let Poll::Ready(done) = connecting.as_mut().poll(cx) {
                return Poll::Ready(done.map_err(Interrupted::Failed));
            }
            poll_interrupt(client, deadline, watch, cx).map(Err)
        })
        .await?;
        let address = address.clone();
        Ok(Box::new(Backend { stream, address, since: clock::now(), requests: 0, cached: false }))
    }

    /// Waits for something to read.
    ///
    /// # Errors
    /// [`Interrupted`]
    pub async fn readable(&self, client: &Connection, patience: Duration, watch: Client) -> Result<(), Interrupted> {
        let deadline = clock::now() + patience;
        poll_fn(|cx| {
            if let Poll::Ready(done) = self.stream.poll_readable(cx) {
                return Poll::Ready(done.map_err(Interrupted::Failed));
            }
            poll_interrupt(client, deadline, watch, cx).map(Err)
        })
        .await
    }

    /// Reads what comes next, at most so many bytes; none at the end.
    ///
    /// # Errors
    /// [`Interrupted`]
    pub fn read(
        &self,
        client: &Connection,
        most: usize,
        patience: Duration,
        watch: Client,
    ) -> impl Future<Output = Result<(Lease, usize), Interrupted>> {
        let deadline = clock::now() + patience;
        // What was asked for has hardly come before the first wait; who is woken afterwards hardly finds nothing.
        let mut woken = false;
        // As a plain future it holds each of these once: requests wait here.
        poll_fn(move |cx| {
            loop {
                if woken {
                    let mut lease = Lease::take();
                    let most = most.min(lease.len());
                    match self.stream.try_read(lease.get_mut(..most).unwrap_or_default()) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Poll::Ready(Err(Interrupted::Failed(error))),
                        Ok(n) => return Poll::Ready(Ok((lease, n))),
                    }
                }
                woken = true;
                match self.stream.poll_readable(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Interrupted::Failed(error))),
                    Poll::Pending => return poll_interrupt(client, deadline, watch, cx).map(Err),
                }
            }
        })
    }
}

/// Ready when a wait is over although nothing came.
pub fn poll_interrupt(
    client: &Connection,
    deadline: Instant,
    watch: Client,
    cx: &mut std::task::Context<'_>,
) -> Poll<Interrupted> {
    if watch == Client::Watched && client.poll_gone(cx).is_ready() {
        return Poll::Ready(Interrupted::ClientGone);
    }
    client.poll_deadline(deadline, cx).map(|_| Interrupted::Timeout)
}
