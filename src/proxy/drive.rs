//! The life of a client's connection: wait, read a head, answer, and again. Nothing but the socket, its timer and this
//! small loop is held while it is idle.

use super::boxed::boxed;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::clock;
use super::compile::Snapshot;
use super::connection::Connection;
use super::h2;
use super::intake::{self, Intake, Read};
use super::io::Lease;
use super::proxy_protocol;
use super::request::RequestCtx;
use super::serve::serve;
use super::stats::Stats;
use super::tls::TlsStream;
use super::tls::accept::{self, Begun};
use rkeep_parsers::nginx::HttpCore;
use rkeep_parsers::table::value::Lingering;

/// How long after an answer a client is given to ask again of a thread that drains, and to hear `Connection: close` by an
/// answer, rather than to have its next request meet a closed connection.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves a connection until it ends; `slot` is its place in the thread's list.
pub async fn connection(conn: &Rc<Connection>, slot: usize) {
    poll_fn(|cx| {
        conn.thread.wake_by(slot, cx.waker().clone());
        Poll::Ready(())
    })
    .await;
    let mut deadline = clock::now() + first_patience(conn);
    // Until then the connection stays, whatever else would end it: who has only just come may ask first.
    let mut kept_until = Some(deadline);
    let mut answered = None;
    let mut rest = Vec::new();
    if told_by_proxy(conn) && !boxed(|| introduced(conn, deadline)).await {
        return;
    }
    if conn.stream.tls().is_some() && boxed(|| accept::begin(conn, deadline)).await == Begun::Gone {
        return;
    }
    if boxed(|| h2::drive::is_spoken(conn, deadline)).await {
        return boxed(|| h2::drive::connection(conn, slot)).await;
    }
    loop {
        let kept = kept_until.filter(|until| conn.thread.draining() || *until > clock::now());
        let begun = match kept {
            _ if !rest.is_empty() => true,
            Some(until) => wait_anyway(conn, until).await || wait(conn, deadline, answered).await,
            None => wait(conn, deadline, answered).await,
        };
        if !begun {
            return;
        }
        // In a box of its own, so that the idle connection holds none of it.
        match boxed(|| request(conn, slot, std::mem::take(&mut rest))).await {
            After::Close => return,
            After::Wait => {}
            After::Keep { patience, least, input } => {
                conn.thread.serving(slot, None);
                let now = clock::now();
                answered = Some(now);
                deadline = now + patience;
                kept_until = (!least.is_zero()).then(|| now + least);
                rest = input;
            }
        }
    }
}

/// Waits until the proxy in front has told of the client; false when the connection is to be closed.
async fn introduced(conn: &Connection, deadline: Instant) -> bool {
    while wait_anyway(conn, deadline).await {
        match proxy_protocol::read(conn).await {
            Ok(()) => return true,
            // Nothing has come after all.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
    false
}

/// Whether a proxy in front tells of the client.
fn told_by_proxy(conn: &Connection) -> bool {
    let snapshot = conn.thread.snapshot();
    snapshot.is_some_and(|snapshot| snapshot.names(conn).is_some_and(|names| names.proxy_protocol))
}

/// How long a new connection may be silent.
fn first_patience(conn: &Connection) -> Duration {
    let snapshot = conn.thread.snapshot();
    let server = snapshot.as_ref().and_then(|snapshot| snapshot.default_server(conn));
    server.map_or(Duration::from_secs(60), |server| server.ir.conf.http.client_header_timeout.duration())
}

/// Waits for the first byte of a request even if the thread drains; false when none has come.
async fn wait_anyway(conn: &Connection, until: Instant) -> bool {
    poll_fn(|cx| {
        if let Poll::Ready(ready) = conn.stream.poll_readable(cx) {
            return Poll::Ready(ready.is_ok());
        }
        conn.poll_deadline(until, cx).map(|_| false)
    })
    .await
}

/// Waits for the first byte of a request; false when the connection is to be closed: at the deadline, or, while the thread
/// drains, once the last answer is so long ago that the client hardly asks just now.
async fn wait(conn: &Connection, deadline: Instant, answered: Option<Instant>) -> bool {
    poll_fn(|cx| {
        if let Poll::Ready(ready) = conn.stream.poll_readable(cx) {
            return Poll::Ready(ready.is_ok());
        }
        let deadline = match answered {
            _ if !conn.thread.draining() => deadline,
            Some(answered) => deadline.min(answered + FAREWELL),
            None => return Poll::Ready(false),
        };
        conn.poll_deadline(deadline, cx).map(|_| false)
    })
    .await
}

/// What becomes of the connection after a request.
enum After {
    /// It ends.
    Close,
    /// It waits on: nothing had come.
    Wait,
    /// It waits for the next request.
    Keep {
        /// How long.
        patience: Duration,
        /// How long even if the thread drains.
        least: Duration,
        /// Bytes of the next requests that have come already.
        input: Vec<u8>,
    },
}

/// Reads and answers one request.
async fn request(conn: &Rc<Connection>, slot: usize, input: Vec<u8>) -> After {
    let stats = conn.thread.stats();
    let Intake { mut cx, early } = match intake::read(conn, input).await {
        Read::Request(intake) => intake,
        Read::Nothing => return After::Wait,
        Read::Gone => return After::Close,
    };
    conn.thread.serving(slot, Some(cx.snapshot.generation));
    stats.requests.fetch_add(1, Relaxed);
    let _writing = Stats::hold(&stats.writing);
    serve(&mut cx, early).await;
    after(conn, cx).await
}

// What seldom waits is in boxes, so that the futures of all others are no larger for it.
async fn after(conn: &Rc<Connection>, mut cx: Box<RequestCtx>) -> After {
    if cx.keepalive && !cx.body.broken && (cx.body.done || boxed(|| discard(&mut cx)).await) {
        let patience = cx.conf().core.keepalive_timeout.timeout.duration();
        let least = cx.conf().core.keepalive_min_timeout.duration().min(patience);
        let input = std::mem::take(&mut cx.input);
        intake::recycle(cx);
        return After::Keep { patience, least, input };
    }
    let lingering = cx.conf().core.lingering_close;
    // The end of a handshake that has not come yet is something that the client sends, too.
    let unread = (cx.body.present() && !cx.body.done) || conn.stream.tls().is_some_and(TlsStream::is_early);
    let wanted = match lingering {
        Lingering::Off => false,
        Lingering::On => (cx.complete || cx.sent > 0) && (unread || !cx.input.is_empty()),
        Lingering::Always => true,
    };
    if wanted {
        boxed(|| linger(conn, &cx.conf().core)).await;
    }
    After::Close
}

/// Reads the rest of the body to get to the next request.
async fn discard(cx: &mut RequestCtx) -> bool {
    let patience = cx.conf().core.lingering_timeout.duration();
    let end = Instant::now() + cx.conf().core.lingering_time.duration();
    loop {
        match cx.body_discard() {
            Ok(true) => return true,
            Ok(false) => {}
            Err(_) => return false,
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || cx.conn.readable(patience.min(left)).await.is_err() {
            return false;
        }
    }
}

/// Reads on after the answer, lest what the client still sends makes the kernel destroy it by a reset.
pub(super) async fn linger(conn: &Connection, core: &HttpCore) {
    conn.stream.shutdown_write();
    let patience = core.lingering_timeout.duration();
    let end = Instant::now() + core.lingering_time.duration();
    loop {
        let read = conn.stream.try_read(&mut Lease::take());
        match read {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() || conn.readable(patience.min(left)).await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
        if Instant::now() >= end {
            return;
        }
    }
}

impl Snapshot {
    /// The server of a connection's address that answers names no other claims.
    pub fn default_server(&self, conn: &Connection) -> Option<&Arc<super::compile::Server>> {
        self.servers.get(self.names(conn)?.default_server())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<F: Future>(_: impl FnOnce(&'static Rc<Connection>, usize) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_that_waits_is_small() {
        let (task, conn) = (size(connection), size_of::<Connection>());
        assert!(task + conn < 1024, "{task} and {conn} bytes");
    }
}
