//! The context of one request: what every phase, filter, log line and the upstream side share. It is reused from
//! request to request of a thread, so that a request in steady state allocates little.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::body::ClientBody;
use super::cache::Told;
use super::clock;
use super::compile::{Location, Server, Snapshot};
use super::connection::Connection;
use super::http::fields::Fields;
use super::limits::Share;
use super::realip::Real;
use super::response::ResponseHead;
use super::spare::Memory;
use super::ssi::Known;
use super::userid::Seen;

/// The protocol a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// A bare `GET /uri`: the answer has no head.
    Http09,
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// What a client asked for, as it was sent.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The request line without its line end.
    pub line: Vec<u8>,
    /// The method as written.
    pub method: Vec<u8>,
    /// The URI as written (`$request_uri`), without an absolute form's scheme and host.
    pub raw_uri: Vec<u8>,
    /// The host of an absolute-form URI, with its port.
    pub uri_host: Option<Vec<u8>>,
    /// The absolute form has no path (`http://host?args`): `raw_uri` may not be passed on as it is.
    pub empty_path: bool,
    /// The protocol.
    pub version: Version,
    /// The header fields that are not dropped as invalid.
    pub fields: Fields,
    /// Whether `Host` is among them.
    pub has_host: bool,
    /// Bytes of request line and fields, line ends included.
    pub len: u64,
}

impl RequestHead {
    /// `$server_protocol`: as it was written.
    pub fn protocol(&self) -> Option<&[u8]> {
        let line = self.line.trim_ascii_end();
        let start = line.iter().rposition(|byte| *byte == b' ').map_or(line.len(), |space| space + 1);
        line.get(start..).filter(|word| word.starts_with(b"HTTP/") && !self.raw_uri.is_empty())
    }

    /// Makes it empty and keeps the memory.
    pub fn clear(&mut self) {
        self.line.clear();
        self.method.clear();
        self.raw_uri.clear();
        self.uri_host = None;
        self.empty_path = false;
        self.version = Version::Http11;
        self.fields.clear();
        self.has_host = false;
        self.len = 0;
    }
}

/// A regular expression's last match: the subject and the places of its groups.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    /// What was matched against.
    pub subject: Vec<u8>,
    /// Start and end of each group; `None` where it took no part.
    pub groups: Vec<Option<(usize, usize)>>,
}

impl Captures {
    /// Group `n`; empty where it took no part.
    pub fn get(&self, n: usize) -> &[u8] {
        self.groups.get(n).copied().flatten().and_then(|(start, end)| self.subject.get(start..end)).unwrap_or_default()
    }
}

/// One try at a backend, for `$upstream_*`.
#[derive(Clone, Debug, Default)]
pub struct UpstreamRecord {
    /// `ip:port`, `unix:path`, or the pool's name when no server was there.
    pub addr: Arc<str>,
    /// The status of the answer, 502 or 504 for failures; 0 is shown as `-`.
    pub status: u16,
    /// How long connecting took.
    pub connect_time: Option<Duration>,
    /// How long until the head of the answer had come.
    pub header_time: Option<Duration>,
    /// How long in all.
    pub response_time: Option<Duration>,
    /// Bytes of the body of the answer.
    pub response_length: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// The first try after an internal redirect: shown after ` : ` instead of `, `.
    pub new_group: bool,
}

/// What a request and its subrequests have in common.
#[derive(Debug, Default)]
pub struct Shared {
    /// Values of the configuration's own variables; `None` where not set.
    pub user: RefCell<Vec<Option<Vec<u8>>>>,
    /// What server-side includes know; none where there are none.
    pub pages: RefCell<Option<Box<Known>>>,
    /// The client's number, once somebody has asked for it.
    pub uid: OnceCell<Box<Seen>>,
}

impl Shared {
    /// Makes it empty and keeps the memory.
    pub fn clear(&self) {
        self.user.borrow_mut().clear();
        self.pages.borrow_mut().take();
    }
}

/// What a request is to the client's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It is the client's.
    #[default]
    Main,
    /// It was made for another.
    Subrequest {
        /// How deep below the client's.
        depth: u8,
        /// What goes wrong is answered by a page.
        pages: bool,
    },
}

impl Role {
    /// Whether what goes wrong is answered by nothing.
    pub fn is_plain(self) -> bool {
        matches!(self, Role::Subrequest { pages: false, .. })
    }
}

/// Everything known about the request that is being served.
#[derive(Debug)]
pub struct RequestCtx {
    /// The client's connection.
    pub conn: Rc<Connection>,
    /// The client as a trusted proxy tells it.
    pub real: Option<Box<Real>>,
    /// Its share in limits.
    pub limits: Share,
    /// The configuration the request began with.
    pub snapshot: Arc<Snapshot>,
    /// The server chosen by address and name.
    pub server: Arc<Server>,
    /// The level of configuration the request is in.
    pub location: Arc<Location>,
    /// What the client sent.
    pub head: Box<RequestHead>,
    /// The method as it counts now: `error_page` and X-Accel-Redirect make GET of others. `head.method` stays.
    pub method: Vec<u8>,
    /// The path: decoded, dots resolved, slashes merged; rewritten by redirects.
    pub uri: Vec<u8>,
    /// The arguments, without `?`.
    pub args: Vec<u8>,
    /// Whether `uri` is still the client's, so that `head.raw_uri` may be passed on as it is.
    pub uri_untouched: bool,
    /// Whether the location's prefix still stands at the start of `uri`, so that `proxy_pass` may replace it.
    pub valid_location: bool,
    /// An `if` with a backend was followed by one without: nginx keeps asking for a backend then, and has none.
    pub backend_left: bool,
    /// Whether `alias` gets the whole `uri` added (a name of `try_files` does not contain the location's prefix).
    pub uri_below_alias: bool,
    /// The valid host asked for: lower case, without port; empty when none.
    pub host: Vec<u8>,
    /// The port asked for.
    pub host_port: Option<u16>,
    /// The client's body: its framing and where it is.
    pub body: ClientBody,
    /// Bytes read from the client and not yet taken: rest of the body, or pipelined requests.
    pub input: Vec<u8>,
    /// An internal redirect or a rewrite happened.
    pub internal: bool,
    /// A rewrite asks for a new location.
    pub uri_changed: bool,
    /// The path had escapes or `+`: captures that go into arguments are escaped again.
    pub quoted_uri: bool,
    /// Redirects left before `rewrite or internal redirection cycle`.
    pub redirects_left: u8,
    /// `$1` … `$9`.
    pub captures: RefCell<Captures>,
    /// What it shares with its subrequests.
    pub shared: Rc<Shared>,
    /// What it is to the client's request.
    pub role: Role,
    /// How many maps are being looked up, one for another.
    pub map_depth: Cell<u8>,
    /// The head of the answer under construction.
    pub out: Box<ResponseHead>,
    /// The status that replaces whatever a handler says, as errors and `error_page` set it; 0 when none does.
    pub error_status: u16,
    /// Whether `error_page` has been entered.
    pub error_page: bool,
    /// Tries at backends.
    pub upstream: Vec<UpstreamRecord>,
    /// What became of it at a cache.
    pub cache: Option<Box<Told>>,
    /// Fields of the last backend's answer, for `$upstream_http_*`.
    pub upstream_fields: Fields,
    /// `$proxy_host`, `$proxy_port` where `proxy_pass` has variables; else those of the location.
    pub proxy_host: Option<Box<(Vec<u8>, u16)>>,
    /// Whether the connection stays open after this answer.
    pub keepalive: bool,
    /// Whether the client may have to be read on after the answer, lest a reset destroys it.
    pub lingering: bool,
    /// The request came with the one before.
    pub pipelined: bool,
    /// Trailer fields are due, so that the answer must be chunked.
    pub expect_trailers: bool,
    /// The part of a backend's body that the client asked for: first byte and one past the last.
    pub cut: Option<Box<(u64, u64)>>,
    /// When the first byte of the request was read.
    pub began: Instant,
    /// The same by the wall clock.
    pub began_at: SystemTime,
    /// Bytes of the answer sent, head and body.
    pub sent: u64,
    /// Bytes of the answer's head.
    pub sent_head: u64,
    /// Whether the answer was sent whole.
    pub complete: bool,
    /// Bytes of plain and compressed body, for `$gzip_ratio`.
    pub gzip_bytes: (u64, u64),
    /// `$limit_rate` as `set` or X-Accel-Limit-Rate left it.
    pub limit_rate: Option<u64>,
    /// How server-side includes want `$date_local` and `$date_gmt` written.
    pub time_format: Option<Box<[u8]>>,
    /// `$request_id`, made when first asked for.
    pub request_id: OnceCell<Box<[u8; 16]>>,
    /// What the request is doing, for error messages: ` while connecting to upstream`.
    pub action: &'static str,
    /// The URL of the backend being talked to, for error messages.
    pub upstream_url: Vec<u8>,
}

/// A status that ends normal processing: it goes through `error_page` and becomes a built-in page unless one is set.
/// 444 closes silently, 499 says that the client has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

/// What a content handler answers.
#[derive(Debug)]
pub enum Answer {
    /// `cx.out` is the head and this is the body.
    Body(super::body::Body),
    /// The request goes to another URI, as X-Accel-Redirect or an index asks.
    Redirect {
        /// The path.
        uri: Vec<u8>,
        /// The arguments.
        args: Vec<u8>,
    },
    /// The request goes to a named location (`@` included).
    Named(Vec<u8>),
}

impl RequestCtx {
    /// A request about which nothing is known but its connection and the server of its address.
    pub fn new(conn: Rc<Connection>, snapshot: Arc<Snapshot>, server: Arc<Server>) -> Box<Self> {
        let location = server.root.clone();
        let memory = Memory::take();
        // Written where it stays: it is large.
        let place = Box::new_uninit();
        let cx = RequestCtx {
            conn,
            real: None,
            limits: Share::default(),
            snapshot,
            server,
            location,
            head: memory.head,
            method: memory.method,
            uri: memory.uri,
            args: memory.args,
            uri_untouched: true,
            valid_location: true,
            backend_left: false,
            uri_below_alias: false,
            host: memory.host,
            host_port: None,
            body: ClientBody::default(),
            input: Vec::new(),
            internal: false,
            uri_changed: false,
            quoted_uri: false,
            redirects_left: 10,
            captures: RefCell::default(),
            shared: memory.shared,
            role: Role::Main,
            map_depth: Cell::new(0),
            out: memory.out,
            error_status: 0,
            error_page: false,
            upstream: memory.upstream,
            cache: None,
            upstream_fields: memory.upstream_fields,
            proxy_host: None,
            keepalive: false,
            lingering: false,
            pipelined: false,
            expect_trailers: false,
            cut: None,
            began: clock::now(),
            began_at: clock::wall(),
            sent: 0,
            sent_head: 0,
            complete: false,
            gzip_bytes: (0, 0),
            limit_rate: None,
            time_format: None,
            request_id: OnceCell::new(),
            action: "",
            upstream_url: memory.upstream_url,
        };
        Box::write(place, cx)
    }

    /// The values of the directives that hold here.
    pub fn conf(&self) -> &rkeep_parsers::nginx::LocationConf {
        &self.location.ir.conf
    }

    /// Whether it was made for another request.
    pub fn is_subrequest(&self) -> bool {
        self.role != Role::Main
    }

    /// Whether the client asked only for the head.
    pub fn is_head(&self) -> bool {
        self.method == b"HEAD"
    }

    /// Whether an `error_page` is set here for a status and may still be entered: what `proxy_intercept_errors` asks.
    pub fn has_error_page(&self, status: u16) -> bool {
        (!self.error_page || self.conf().core.recursive_error_pages)
            && self.conf().core.error_page.iter().any(|page| page.codes.contains(&status))
    }

    /// The own address of the connection as `$server_addr` and `$server_port` show it.
    pub fn local(&self) -> Option<SocketAddr> {
        self.conn.local()
    }
}
