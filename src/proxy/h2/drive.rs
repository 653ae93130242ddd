//! The life of an HTTP/2 connection: bytes from the socket to the machine, requests begun and carried on, and what they
//! all have to say sent at once at the end of each turn.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, Stream as _};
use rkeep_parsers::table::value::{Level, Lingering};

use super::frame::{Code, PREFACE};
use super::hpack::Field;
use super::machine::{Event, Limits, Machine, USUAL};
use super::request;
use super::stream::{H2Stream, Hub};
use crate::proxy::clock;
use crate::proxy::compile::Server;
use crate::proxy::connection::Connection;
use crate::proxy::drive::linger;
use crate::proxy::intake::{self, Intake, Opening};
use crate::proxy::io::{Lease, Stream};
use crate::proxy::serve::serve;
use crate::proxy::stats::Stats;

type Requests = FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>>;

/// Bytes that may wait for the socket before nothing more is read.
const FULL: usize = 256 * 1024;

/// How long a client that has been told of the end may take to answer that it knows.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long a client may take to end a request that has been answered before it is told that nobody reads on.
const REST: Duration = Duration::from_millis(20);

/// The first release that answers HTTP/1 where `listen … http2` is written; those before speak nothing but HTTP/2 there.
const HTTP2_BESIDE_HTTP1: (u16, u16) = (1, 25);

/// Whether a client that has just connected speaks HTTP/2.
pub async fn is_spoken(conn: &Connection, deadline: Instant) -> bool {
    // Where TLS is demanded, who speaks without it is told so by HTTP/1.
    if let Some(tls) = conn.stream.tls() {
        return tls.with(|tls| tls.alpn_protocol() == Some(b"h2")).unwrap_or(false);
    }
    let Some(snapshot) = conn.thread.snapshot() else { return false };
    let Some(names) = snapshot.names(conn) else { return false };
    if names.http2 && snapshot.plan.compat.nginx < HTTP2_BESIDE_HTTP1 {
        return true;
    }
    let default = snapshot.servers.get(names.default_server());
    if !names.http2 && !default.is_some_and(|server| server.ir.conf.http2.on) {
        return false;
    }
    let mut greeting = [0; PREFACE.len()];
    loop {
        match conn.stream.try_peek(&mut greeting) {
            Ok(n) if n == PREFACE.len() => return greeting == *PREFACE,
            Ok(n) if n > 0 && !PREFACE.starts_with(greeting.get(..n).unwrap_or_default()) => return false,
            Ok(0) => return false,
            // The rest of a greeting that has begun comes soon, and nothing tells of it.
            Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = deadline.saturating_duration_since(clock::now());
                if left.is_zero() || conn.readable(left).await.is_err() {
                    return false;
                }
            }
            Err(_) => return false,
        }
        if Instant::now() > deadline {
            return false;
        }
    }
}

/// Bytes of a frame where larger heads or bodies than usual are asked for.
const LARGE: usize = 0x00ff_ffff;
/// `http2_body_preread_size` where nothing else is said.
const PREREAD: u32 = 64 * 1024;

fn limits(server: &Server) -> Limits {
    let conf = &server.ir.conf;
    let large = conf.http.large_client_header_buffers;
    let field = usize::try_from(large.size).unwrap_or(usize::MAX);
    let preread = u32::try_from(conf.http2.body_preread_size.0).unwrap_or(PREREAD);
    Limits {
        frame: if field <= USUAL && preread <= PREREAD { USUAL } else { LARGE },
        streams: usize::try_from(conf.http2.max_concurrent_streams.0).unwrap_or(usize::MAX).max(1),
        preread,
        block: usize::try_from(u64::from(large.count).saturating_mul(large.size)).unwrap_or(usize::MAX),
        field,
    }
}

/// Serves a connection until it ends.
pub async fn connection(conn: &Rc<Connection>, slot: usize) {
    let Some(snapshot) = conn.thread.snapshot() else { return };
    let Some(server) = snapshot.default_server(conn).cloned() else { return };
    drop(snapshot);
    let machine = Machine::new(limits(&server));
    let mut turn = Turn {
        conn: conn.clone(),
        slot,
        hub: Rc::new(Hub::new(machine, conn.stream.clone())),
        requests: FuturesUnordered::new(),
        sending: Vec::new(),
        at: 0,
        idle: clock::now() + server.ir.conf.http.client_header_timeout.duration(),
        leaves: None,
        rest: None,
        dead: false,
        gone: false,
        server,
    };
    poll_fn(|cx| turn.poll(cx)).await;
    complain(conn, &turn.hub);
    let core = &turn.server.root.ir.conf.core;
    if !turn.dead && !turn.gone && core.lingering_close != Lingering::Off {
        linger(conn, core).await;
    }
}

/// Says what the client has sent too much of, if it was that.
fn complain(conn: &Connection, hub: &Hub) {
    let Some(flood) = hub.machine.borrow().flood else { return };
    conn.thread.stats().flooded(flood);
    let (number, client, what) = (conn.number, &conn.client, flood.text());
    conn.thread.log(Level::Info, &format!("*{number} http2 flood detected: {what}, client: {client}"));
}

/// What a connection's turns work on.
struct Turn {
    conn: Rc<Connection>,
    slot: usize,
    hub: Rc<Hub>,
    requests: Requests,
    /// Bytes on their way, and how many of them have gone.
    sending: Vec<u8>,
    at: usize,
    /// When a connection without requests ends.
    idle: Instant,
    /// When a client that has been told of the end knows, whatever it says.
    leaves: Option<Instant>,
    /// When clients are told that nobody reads on.
    rest: Option<Instant>,
    /// The socket is of no use any more.
    dead: bool,
    /// The client has ended.
    gone: bool,
    server: std::sync::Arc<Server>,
}

impl Turn {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let hub = self.hub.clone();
        hub.drive_by(cx.waker());
        hub.busy(true);
        let done = self.work(cx);
        hub.busy(false);
        if done {
            return Poll::Ready(());
        }
        let Some(end) = self.deadline() else { return Poll::Pending };
        if self.conn.poll_deadline(end, cx).is_pending() {
            return Poll::Pending;
        }
        if self.late(end) {
            // Who does not take it need not know.
            let _ = self.flush();
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// When something is late, if all stays as it is.
    fn deadline(&mut self) -> Option<Instant> {
        let machine = self.hub.machine.borrow();
        self.rest = machine.has_answered().then(|| self.rest.unwrap_or_else(|| clock::now() + REST));
        let idle = (machine.open() == 0).then(|| self.leaves.map_or(self.idle, |leaves| leaves.min(self.idle)));
        [self.rest, idle].into_iter().flatten().min()
    }

    /// The deadline `end` has come; true when the connection is over.
    fn late(&mut self, end: Instant) -> bool {
        let mut machine = self.hub.machine.borrow_mut();
        if self.rest == Some(end) {
            machine.dismiss();
            return false;
        }
        // Whoever is late with a head is refused only that.
        if machine.give_up_head() {
            self.idle = clock::now() + self.server.root.ir.conf.core.keepalive_timeout.timeout.duration();
            return false;
        }
        machine.leave();
        true
    }

    /// Does all that can be done; true at the end of the connection.
    fn work(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            self.take_leave();
            let mut moved = self.read();
            moved |= self.events();
            while let Poll::Ready(Some(())) = Pin::new(&mut self.requests).poll_next(cx) {
                moved = true;
                self.idle = clock::now() + self.server.root.ir.conf.core.keepalive_timeout.timeout.duration();
                self.conn.thread.serving(self.slot, None);
            }
            moved |= self.events();
            match self.flush() {
                Ok(flushed) => moved |= flushed,
                Err(_) => {
                    self.hub.machine.borrow_mut().abandon();
                    self.dead = true;
                    moved = true;
                }
            }
            let sent = self.dead || self.sending.is_empty();
            // Requests notice themselves that nobody waits for them, and are logged.
            if sent && self.requests.is_empty() && self.hub.machine.borrow().has_left() {
                return true;
            }
            if !moved {
                // Interest is told again where the socket has become ready meanwhile.
                let machine = self.hub.machine.borrow();
                let deaf = machine.over || machine.out.len() >= FULL;
                drop(machine);
                let readable = !deaf && self.conn.stream.poll_readable(cx).is_ready();
                let writable = !sent && self.conn.stream.poll_writable(cx).is_ready();
                if !readable && !writable {
                    return false;
                }
            }
        }
    }

    /// Ends the connection of a thread that drains, so that no request is lost: who has only just come may ask first, and
    /// what a client asks before it knows of the end is answered.
    fn take_leave(&mut self) {
        if !self.conn.thread.draining() || self.conn.requests.get() == 0 {
            return;
        }
        let now = clock::now();
        let leaves = *self.leaves.get_or_insert(now + FAREWELL);
        let mut machine = self.hub.machine.borrow_mut();
        machine.announce_leave();
        if now >= leaves {
            machine.leave();
        }
    }

    /// Reads what the client has sent.
    fn read(&mut self) -> bool {
        let mut moved = false;
        let mut lease = Lease::take();
        loop {
            if self.hub.machine.borrow().over || self.hub.machine.borrow().out.len() >= FULL {
                return moved;
            }
            match self.conn.stream.try_read(&mut lease) {
                Ok(0) => {
                    self.gone = true;
                    self.hub.machine.borrow_mut().abandon();
                    return true;
                }
                Ok(n) => {
                    self.hub.machine.borrow_mut().receive(lease.get(..n).unwrap_or_default());
                    moved = true;
                    // What has come is answered before more is taken.
                    if n < lease.len() {
                        return moved;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return moved,
                Err(_) => {
                    self.gone = true;
                    self.hub.machine.borrow_mut().abandon();
                    return true;
                }
            }
        }
    }

    /// Begins requests and wakes those that wait.
    fn events(&mut self) -> bool {
        let mut any = false;
        loop {
            let event = self.hub.machine.borrow_mut().event();
            let Some(event) = event else {
                if any {
                    self.hub.wake_writers();
                }
                return any;
            };
            any = true;
            self.hub.wake(&event);
            if let Event::Request { stream, fields, size, ends } = event {
                self.begin(stream, &fields, size, ends);
            }
        }
    }

    fn begin(&mut self, id: u32, fields: &[Field], size: usize, ended: bool) {
        let conn = &self.conn;
        conn.requests.set(conn.requests.get() + 1);
        let core = &self.server.root.ir.conf.core;
        let old = conn.since.elapsed() > core.keepalive_time.duration();
        if conn.requests.get() >= core.keepalive_requests.0 || old {
            self.hub.machine.borrow_mut().leave();
        }
        let stream = H2Stream::new(self.hub.clone(), id);
        let Some(head) = request::head(fields) else {
            self.hub.machine.borrow_mut().break_off(id, Code::Protocol);
            return;
        };
        if head.malformed {
            self.hub.machine.borrow_mut().blame(id);
        }
        let opening = Opening { line: head.line, size, ended, authority: head.authority };
        let conn = Rc::new(conn.for_stream(Stream::H2(Box::new(stream))));
        let slot = self.slot;
        self.requests.push(Box::pin(async move { request(&conn, slot, &head.text, opening).await }));
    }

    /// Sends what there is; true when something went.
    fn flush(&mut self) -> io::Result<bool> {
        if self.dead {
            return Ok(false);
        }
        let mut any = false;
        loop {
            if self.at >= self.sending.len() {
                self.sending.clear();
                self.at = 0;
                let mut machine = self.hub.machine.borrow_mut();
                if machine.out.is_empty() {
                    return Ok(any);
                }
                std::mem::swap(&mut self.sending, &mut machine.out);
                machine.flushed();
                drop(machine);
                self.hub.wake(&Event::AllWritable);
                self.hub.wake_writers();
            }
            match self.conn.stream.try_write(self.sending.get(self.at..).unwrap_or_default()) {
                Ok(n) => {
                    self.at += n;
                    any = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(any),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Serves the request of one stream.
async fn request(conn: &Rc<Connection>, slot: usize, text: &[u8], opening: Opening) {
    let Some(Intake { mut cx, early }) = intake::of_stream(conn, text, &opening) else { return };
    let stats = conn.thread.stats();
    conn.thread.serving(slot, Some(cx.snapshot.generation));
    stats.requests.fetch_add(1, Relaxed);
    let _writing = Stats::hold(&stats.writing);
    serve(&mut cx, early).await;
    intake::recycle(cx);
}
