//! From the first byte of a request to a context that the phases can work on.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::table::value::Level;

use super::body::Framing;
use super::clock;
use super::compile::{Server, Snapshot};
use super::connection::Connection;
use super::http::chunked::Decoder;
use super::http::head::{self, Progress, Refused, Rules};
use super::http::{host, scan, uri};
use super::io::{Lease, Stream};
use super::names::Names;
use super::request::{RequestCtx, RequestHead, Status, Version};
use super::spare::Memory;
use super::stats::Stats;
use super::tls;

/// A request that has been read.
#[derive(Debug)]
pub struct Intake {
    /// Its context.
    pub cx: Box<RequestCtx>,
    /// The status of a head that was refused.
    pub early: Option<Status>,
}

/// What reading a head came to.
#[derive(Debug)]
pub enum Read {
    /// A request, whole or refused.
    Request(Intake),
    /// Nothing has come yet after all.
    Nothing,
    /// The connection has ended, or its time is up.
    Gone,
}

/// Which server a head asks for.
struct Choice<'a> {
    snapshot: &'a Snapshot,
    names: &'a Names,
    server: usize,
    host: Vec<u8>,
    port: Option<u16>,
    from_line: bool,
    named: Vec<(rkeep_parsers::ir::expr::UserVar, Vec<u8>)>,
    /// Fields beyond `max_headers`, for those that are none.
    spare: u64,
}

/// Reads a head from what has come already and from the socket.
pub async fn read(conn: &Rc<Connection>, input: Vec<u8>) -> Read {
    match read_head(conn, input).await {
        Some(read) => read,
        None => Read::Gone,
    }
}

async fn read_head(conn: &Rc<Connection>, mut input: Vec<u8>) -> Option<Read> {
    let pipelined = !input.is_empty();
    let snapshot = conn.thread.snapshot()?;
    let names = snapshot.names(conn)?;
    let default = snapshot.servers.get(names.default_server())?.clone();
    let deadline = clock::now() + default.ir.conf.http.client_header_timeout.duration();
    let mut cx = RequestCtx::new(conn.clone(), snapshot.clone(), default);
    cx.pipelined = pipelined;
    cx.action = " while reading client request line";
    if pipelined && let Some(intake) = take(&mut cx, &input, &snapshot, names) {
        return Some(Read::Request(finish(cx, intake, &input)));
    }
    let mut reading = None;
    loop {
        let step = {
            let mut lease = Lease::take();
            match conn.stream.try_read(&mut lease) {
                Ok(0) if input.is_empty() => return None,
                Ok(0) => {
                    cx.error(Level::Info, format_args!("client prematurely closed connection"));
                    return gone(cx, &input, 400);
                }
                Ok(n) => {
                    let new = lease.get(..n).unwrap_or_default();
                    if input.is_empty() {
                        if let Some(intake) = take(&mut cx, new, &snapshot, names) {
                            return Some(Read::Request(finish(cx, intake, new)));
                        }
                        input.extend_from_slice(new);
                    } else {
                        input.extend_from_slice(new);
                        if let Some(intake) = take(&mut cx, &input, &snapshot, names) {
                            return Some(Read::Request(finish(cx, intake, &input)));
                        }
                    }
                    true
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && input.is_empty() => {
                    return Some(Read::Nothing);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
                Err(_) => return None,
            }
        };
        if !step {
            reading.get_or_insert_with(|| Stats::hold(&conn.thread.stats().reading));
            let left = deadline.saturating_duration_since(clock::now()).max(Duration::from_millis(1));
            if conn.readable(left).await.is_err() {
                let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
                cx.error_io(Level::Info, &error, format_args!("client timed out"));
                return gone(cx, &input, 408);
            }
        }
    }
}

/// A client that left or dawdled in the middle of a head: nothing is sent, but it is logged.
fn gone(mut cx: Box<RequestCtx>, input: &[u8], status: u16) -> Option<Read> {
    if cx.head.line.is_empty() {
        cx.head.line.extend_from_slice(first_line(input));
    }
    cx.out.status = status;
    if !input.is_empty() {
        cx.log_access();
    }
    None
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let rest = bytes.get(start..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// How a head ended: bytes used, or why it was refused.
type Taken = Result<usize, Refused>;

/// Tries to take a head from `bytes`; none when more is needed.
fn take(cx: &mut RequestCtx, bytes: &[u8], snapshot: &Arc<Snapshot>, names: &Names) -> Option<Taken> {
    take_with(cx, bytes, snapshot, names, 0)
}

/// The same; so many fields do not count.
fn take_with(cx: &mut RequestCtx, bytes: &[u8], snapshot: &Arc<Snapshot>, names: &Names, spare: u64) -> Option<Taken> {
    let mut choice = Choice {
        snapshot,
        names,
        server: names.default_server(),
        host: std::mem::take(&mut cx.host),
        port: None,
        from_line: false,
        named: Vec::new(),
        spare,
    };
    let rules = choice.rules()?;
    let mut dropped = Vec::new();
    let done = head::parse(bytes, rules, &mut cx.head, &mut dropped, |name, in_line| choice.host(name, in_line));
    if matches!(done, Ok(Progress::Incomplete)) {
        cx.host = choice.host;
        cx.host.clear();
        return None;
    }
    if done.is_err() && cx.head.line.is_empty() {
        cx.head.line.extend_from_slice(first_line(bytes));
    }
    choice.settle(cx);
    cx.action = " while reading client request headers";
    for text in dropped {
        cx.error(Level::Info, format_args!("{text}"));
    }
    match done {
        Ok(Progress::Complete(used)) => Some(Ok(used)),
        Ok(Progress::Incomplete) => None,
        Err(refused) => Some(Err(refused)),
    }
}

fn rules(server: &Server) -> Rules {
    let http = &server.ir.conf.http;
    Rules {
        ignore_invalid: http.ignore_invalid_headers,
        underscores: http.underscores_in_headers,
        merge_slashes: http.merge_slashes,
        max_headers: http.max_headers.0,
        first_buffer: http.client_header_buffer_size.0 as usize,
        large: (http.large_client_header_buffers.count as usize, http.large_client_header_buffers.size as usize),
    }
}

impl Choice<'_> {
    /// Takes the host of the request line or of a `Host` field and says whose rules hold from here.
    fn host(&mut self, text: &[u8], in_line: bool) -> Result<Rules, Refused> {
        let place = if in_line { "host in request line" } else { "host header" };
        let invalid = |_| Refused { status: 400, text: format!("client sent invalid {place}") };
        if in_line || !self.from_line {
            self.port = host::parse(text, &mut self.host).map_err(invalid)?;
            self.from_line = in_line;
            self.choose();
        } else {
            host::parse(text, &mut Vec::new()).map_err(invalid)?;
        }
        self.rules().ok_or_else(|| Refused { status: 500, text: "no server".to_owned() })
    }

    fn rules(&self) -> Option<Rules> {
        let rules = rules(self.snapshot.servers.get(self.server)?);
        Some(Rules { max_headers: rules.max_headers.saturating_add(self.spare), ..rules })
    }

    fn choose(&mut self) {
        let (server, found) = self.names.find(&self.host);
        self.server = server;
        self.named = found.map(|(regex, captures)| regex.named(&captures)).unwrap_or_default();
    }

    /// Gives the request its server and host.
    fn settle(mut self, cx: &mut RequestCtx) {
        if self.host.is_empty() {
            self.choose();
        }
        if self.server != self.names.default_server()
            && let Some(server) = self.snapshot.servers.get(self.server)
        {
            cx.server = server.clone();
            cx.location = server.root.clone();
        }
        for (var, value) in self.named {
            cx.set_user(var, value);
        }
        cx.host = self.host;
        cx.host_port = self.port;
    }
}

/// Completes the context once the head has been taken or refused.
fn finish(mut cx: Box<RequestCtx>, taken: Taken, bytes: &[u8]) -> Intake {
    if cx.conn.stream.h2().is_none() {
        cx.conn.requests.set(cx.conn.requests.get() + 1);
    }
    cx.method.clear();
    let RequestCtx { method, head, .. } = &mut *cx;
    method.extend_from_slice(&head.method);
    let early = match taken {
        Ok(used) => {
            cx.input.extend_from_slice(bytes.get(used..).unwrap_or_default());
            accept(&mut cx).err()
        }
        Err(refused) => {
            if !cx.head.raw_uri.is_empty() {
                // For the log.
                let _ = target(&mut cx);
            }
            Some(refused)
        }
    };
    let early = early.map(|refused| {
        cx.error(Level::Info, format_args!("{}", refused.text));
        cx.keepalive = false;
        cx.lingering = true;
        cx.body.broken = true;
        Status(refused.status)
    });
    if early.is_none() {
        cx.action = "";
    }
    Intake { cx, early }
}

/// Checks what the head says as a whole and prepares path, body and connection.
fn accept(cx: &mut RequestCtx) -> Result<(), Refused> {
    let refuse = |status, text: &str| Refused { status, text: text.to_owned() };
    target(cx)?;
    if cx.head.version == Version::Http11 && !cx.head.has_host {
        return Err(refuse(400, "client sent HTTP/1.1 request without \"Host\" header"));
    }
    framing(cx)?;
    match cx.head.method.as_slice() {
        b"CONNECT" => return Err(refuse(405, "client sent CONNECT method")),
        b"TRACE" => return Err(refuse(405, "client sent TRACE method")),
        _ => {}
    }
    tls::accept::check(cx).map_err(|(status, text)| Refused { status, text })?;
    cx.keepalive = wants_keepalive(&cx.head);
    cx.lingering = cx.body.present();
    let expects = cx.head.fields.get(b"Expect").is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
    cx.body.expects_continue = expects && cx.head.version == Version::Http11;
    Ok(())
}

/// Path and arguments of what was asked for.
fn target(cx: &mut RequestCtx) -> Result<(), Refused> {
    let mut raw = std::mem::take(&mut cx.head.raw_uri);
    let merge = cx.server.ir.conf.http.merge_slashes;
    let normal = uri::normalise(&raw, merge, &mut cx.uri, &mut cx.args);
    let path = raw.get(..scan::either(&raw, b'?', b'?')).unwrap_or_default();
    cx.quoted_uri = scan::either(path, b'%', b'+') < path.len();
    cx.uri_untouched = !cx.head.empty_path;
    std::mem::swap(&mut cx.head.raw_uri, &mut raw);
    if normal.is_err() {
        cx.uri.clear();
        return Err(Refused { status: 400, text: "client sent invalid request".to_owned() });
    }
    Ok(())
}

fn framing(cx: &mut RequestCtx) -> Result<(), Refused> {
    let refuse = |status, text: String| Err(Refused { status, text });
    let fields = &cx.head.fields;
    let length = match fields.get(b"Content-Length").map(decimal) {
        Some(None) => return refuse(400, "client sent invalid \"Content-Length\" header".to_owned()),
        Some(length) => length,
        None => None,
    };
    let Some(coding) = fields.get(b"Transfer-Encoding") else {
        cx.body.content_length = length;
        cx.body.framing = length.filter(|length| *length > 0).map_or(Framing::None, Framing::Length);
        cx.body.done = !cx.body.present();
        return Ok(());
    };
    if cx.head.version < Version::Http11 {
        return refuse(400, "client sent HTTP/1.0 request with \"Transfer-Encoding\" header".to_owned());
    }
    if !coding.eq_ignore_ascii_case(b"chunked") {
        let coding = String::from_utf8_lossy(coding);
        return refuse(501, format!("client sent unknown \"Transfer-Encoding\": \"{coding}\""));
    }
    if length.is_some() {
        let text = "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
        return refuse(400, text.to_owned());
    }
    cx.body.framing = Framing::Chunked(Decoder::default());
    Ok(())
}

fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok().filter(|n| *n <= i64::MAX as u64)
}

fn wants_keepalive(head: &RequestHead) -> bool {
    let contains =
        |value: &[u8], word: &[u8]| value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    let mut wanted = head.version == Version::Http11;
    for value in head.fields.all(b"Connection") {
        if contains(value, b"close") {
            wanted = false;
        } else if contains(value, b"keep-alive") {
            wanted = true;
        }
    }
    wanted
}

/// What is known of a request of HTTP/2 besides its head.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Bytes of the request line in the head as HTTP/1 would have sent it.
    pub line: usize,
    /// Bytes of the head as it came.
    pub size: usize,
    /// It has no body.
    pub ended: bool,
    /// The first field was no field: `:authority`.
    pub authority: bool,
}

/// The request of an HTTP/2 stream, whose head is `text` in HTTP/1's words.
pub fn of_stream(conn: &Rc<Connection>, text: &[u8], opening: &Opening) -> Option<Intake> {
    let snapshot = conn.thread.snapshot()?;
    let names = snapshot.names(conn)?;
    let default = snapshot.servers.get(names.default_server())?.clone();
    let mut cx = RequestCtx::new(conn.clone(), snapshot.clone(), default);
    cx.action = " while processing HTTP/2 connection";
    let whole = |text: &str| Refused { status: 400, text: text.to_owned() };
    let taken = take_with(&mut cx, text, &snapshot, names, opening.authority.into());
    let taken = taken.unwrap_or_else(|| Err(whole("client sent an incomplete head")));
    let mut intake = finish(cx, taken, text);
    let cx = &mut intake.cx;
    cx.head.line.clear();
    cx.head.line.extend_from_slice(text.get(..opening.line.saturating_sub("HTTP/1.1".len())).unwrap_or_default());
    cx.head.line.extend_from_slice(b"HTTP/2.0");
    cx.input.clear();
    cx.head.len = opening.size as u64;
    cx.body.framing = if opening.ended { Framing::None } else { Framing::Whole };
    cx.body.done = opening.ended;
    cx.body.expects_continue = false;
    Some(intake)
}

/// Gives a context's memory back.
pub fn recycle(cx: Box<RequestCtx>) {
    Memory::give_back(cx);
}

impl Snapshot {
    /// Whether connections to an address begin with a handshake.
    pub fn begins_with_tls(&self, listen: &Address, stream: &Stream) -> bool {
        self.names_at(listen, || stream.local()).is_some_and(|names| names.tls)
    }

    /// The names of the address that a connection came to: its own, or that of the socket.
    pub fn names(&self, conn: &Connection) -> Option<&Names> {
        self.names_at(&conn.listen, || conn.local())
    }

    fn names_at(&self, listen: &Address, local: impl FnOnce() -> Option<SocketAddr>) -> Option<&Names> {
        let own = match listen {
            Address::Inet(bound) if bound.ip().is_unspecified() && self.listeners.len() > 1 => {
                local().and_then(|local| self.listeners.get(&Address::Inet(local)))
            }
            _ => None,
        };
        own.or_else(|| self.listeners.get(listen))
    }
}
