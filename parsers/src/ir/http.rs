//! nginx's `http` block: listeners, servers, locations, and the rewrite script of each level.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::Id;
use super::expr::{Expr, UserVar};
use super::pool::Pool;
use crate::nginx::{LocationConf, ServerConf};
use crate::source::Span;

/// What a socket is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// An IP address and a port.
    Inet(SocketAddr),
    /// A path.
    Unix(PathBuf),
}

/// One listening socket.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where.
    pub address: Address,
    /// How.
    pub options: ListenOptions,
    /// The server that answers names no other claims.
    pub default: Id<Server>,
    /// All servers that listen here, in the order of the file.
    pub servers: Vec<Id<Server>>,
    /// The `listen` that created it.
    pub span: Span,
}

/// The parameters of `listen`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    /// `default_server`
    pub default_server: bool,
    /// `ssl`
    pub ssl: bool,
    /// `http2`
    pub http2: bool,
    /// `proxy_protocol`
    pub proxy_protocol: bool,
    /// `backlog=N`; the default is 511.
    pub backlog: Option<u32>,
    /// `rcvbuf=SIZE`, bytes.
    pub rcvbuf: Option<u64>,
    /// `sndbuf=SIZE`, bytes.
    pub sndbuf: Option<u64>,
    /// `fastopen=N`
    pub fastopen: Option<u32>,
    /// `setfib`, `accept_filter` have no meaning on Linux; `deferred` has.
    pub deferred: bool,
    /// `bind`
    pub bind: bool,
    /// `ipv6only=on|off`; on unless said.
    pub ipv6only: Option<bool>,
    /// `reuseport`
    pub reuseport: bool,
    /// `so_keepalive=on|off|[idle]:[interval]:[count]`
    pub so_keepalive: Option<KeepaliveProbe>,
}

/// `so_keepalive` of a `listen`, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepaliveProbe {
    /// Off turns the option off.
    pub on: bool,
    /// `TCP_KEEPIDLE`
    pub idle: Option<u32>,
    /// `TCP_KEEPINTVL`
    pub interval: Option<u32>,
    /// `TCP_KEEPCNT`
    pub count: Option<u32>,
}

/// A `server` block.
#[derive(Clone, Debug)]
pub struct Server {
    /// `server_name`s; one empty name when none is written.
    pub names: Vec<ServerName>,
    /// Values of the server's own directives.
    pub conf: Arc<ServerConf>,
    /// The server level as a location: what holds outside every `location`. Its `children` are the locations.
    pub root: Id<Location>,
    /// The block.
    pub span: Span,
}

/// One name of a `server_name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    /// As it stands, lower case; may be empty.
    Exact(String),
    /// `*.example.com`: the suffix without `*` (`.example.com`). `.example.com` gives this and an `Exact`.
    Suffix(String),
    /// `.example.com`: the domain itself and all below it, shown as written.
    Dot(String),
    /// `www.*`: the prefix with its dot (`www.`).
    Prefix(String),
    /// `~pattern`, matched against the lower-cased host, case-insensitively where written in upper case.
    Regex(Regex),
}

/// A PCRE pattern that has been compiled once to know that it can be.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Regex {
    /// The pattern as written.
    pub pattern: String,
    /// `~*`
    pub caseless: bool,
    /// How many groups.
    pub groups: u16,
    /// Named groups and the variables they set.
    pub names: Vec<(u16, UserVar)>,
}

/// How a location is matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The server's own level.
    Server,
    /// `location = /uri`
    Exact(Vec<u8>),
    /// `location /prefix`; `^~` stops the search for regular expressions.
    Prefix {
        /// The prefix, unescaped.
        path: Vec<u8>,
        /// `^~`
        final_: bool,
    },
    /// `location ~ pattern`, `location ~* pattern`
    Regex(Regex),
    /// `location @name`
    Named(Vec<u8>),
    /// An `if` block: entered by its condition, never by a URI.
    If,
    /// A `limit_except` block: entered by the method.
    LimitExcept {
        /// The methods that do NOT enter it.
        methods: Vec<String>,
    },
}

/// A level of configuration that a request can be in.
#[derive(Clone, Debug)]
pub struct Location {
    /// How it is entered.
    pub matched: Match,
    /// Effective values of every directive here.
    pub conf: Arc<LocationConf>,
    /// What answers here; `Static` when nothing else is said.
    pub handler: Handler,
    /// Directives of the rewrite module, in order. For `Match::Server` it runs once before a location is looked for.
    pub script: Vec<Op>,
    /// Locations inside, in the order of the file.
    pub children: Vec<Id<Location>>,
    /// A `limit_except` inside.
    pub limit_except: Option<Id<Location>>,
    /// `location /dir/ { proxy_pass … }`: `/dir` is redirected to `/dir/`.
    pub auto_redirect: bool,
    /// Path as nginx shows it in messages.
    pub name: Vec<u8>,
    /// The block.
    pub span: Span,
}

/// What answers in a location.
#[derive(Clone, Debug, Default)]
pub enum Handler {
    /// `index`, then files.
    #[default]
    Static,
    /// `proxy_pass`
    Proxy(Box<ProxyPass>),
    /// `stub_status`
    StubStatus,
    /// `empty_gif`
    EmptyGif,
}

/// What is spoken to a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1
    #[default]
    Http,
    /// FastCGI
    FastCgi,
    /// gRPC: HTTP/2
    Grpc,
    /// SCGI
    Scgi,
    /// uwsgi
    Uwsgi,
    /// memcached's text protocol
    Memcached,
}

impl Protocol {
    /// What the URL of a backend begins with.
    pub fn scheme(self, https: bool) -> &'static str {
        match (self, https) {
            (Protocol::Http, false) => "http://",
            (Protocol::Http, true) => "https://",
            (Protocol::FastCgi, _) => "fastcgi://",
            (Protocol::Grpc, false) => "grpc://",
            (Protocol::Grpc, true) => "grpcs://",
            (Protocol::Scgi, _) => "scgi://",
            (Protocol::Uwsgi, false) => "uwsgi://",
            (Protocol::Uwsgi, true) => "suwsgi://",
            (Protocol::Memcached, _) => "memcached://",
        }
    }

    /// Whether its URLs may say so themselves, and may ask for TLS.
    pub fn has_schemes(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Grpc | Protocol::Uwsgi)
    }

    /// What its directives begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Protocol::Http => "proxy",
            Protocol::FastCgi => "fastcgi",
            Protocol::Grpc => "grpc",
            Protocol::Scgi => "scgi",
            Protocol::Uwsgi => "uwsgi",
            Protocol::Memcached => "memcached",
        }
    }
}

/// Where `proxy_pass` and its like go.
#[derive(Clone, Debug)]
pub struct ProxyPass {
    /// What is spoken there.
    pub protocol: Protocol,
    /// `http` or `https`.
    pub https: bool,
    /// To whom.
    pub target: Target,
    /// The URI part as written (`/path`); none when the URL ends with the host, so that the request's URI is passed.
    pub uri: Option<Vec<u8>>,
    /// Host and port as written, for `$proxy_host` and the default `Host`.
    pub host: Vec<u8>,
    /// Port written, or the scheme's.
    pub port: u16,
    /// The whole URL as written.
    pub url: Vec<u8>,
    /// The prefix of the location that the URI replaces; empty in regex and named locations.
    pub replaced: Vec<u8>,
    /// What a memcached server is asked for.
    pub key: Option<Expr>,
    /// The directive.
    pub span: Span,
}

impl ProxyPass {
    /// Whether requests may go to a backend by TLS; of a URL with variables only a request knows.
    pub fn may_be_https(&self) -> bool {
        self.https || (self.protocol.has_schemes() && matches!(self.target, Target::Dynamic(_)))
    }
}

/// To whom `proxy_pass` goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// A pool, written or implied.
    Pool(Id<Pool>),
    /// A URL with variables, evaluated for each request: names an upstream, or is resolved.
    Dynamic(Expr),
}

/// One directive of the rewrite module.
#[derive(Clone, Debug)]
pub enum Op {
    /// `set $var value`
    Set {
        /// The variable.
        var: SetTarget,
        /// Its value.
        value: Expr,
    },
    /// `if (condition) { … }`: on success the request is in `location` and runs its script.
    If {
        /// The condition.
        condition: Condition,
        /// The block.
        location: Id<Location>,
    },
    /// `rewrite regex replacement [flag]`
    Rewrite {
        /// The pattern.
        regex: Regex,
        /// The replacement as written but for a `?` at its end.
        replacement: Expr,
        /// Whether the request's arguments are added: no `?` at the end of the replacement.
        add_args: bool,
        /// What happens after a match.
        flag: RewriteFlag,
    },
    /// `return code [text]`, `return URL`
    Return {
        /// The status.
        code: u16,
        /// Text or URL.
        text: Option<Expr>,
    },
    /// `break`
    Break,
}

/// What `set` writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTarget {
    /// A variable of the configuration.
    User(UserVar),
    /// `$args`
    Args,
    /// `$limit_rate`
    LimitRate,
}

/// What happens after a `rewrite` matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RewriteFlag {
    /// Goes on with the next directive; a new location is looked for at the end.
    #[default]
    None,
    /// Stops here and looks for a new location.
    Last,
    /// Stops here and stays.
    Break,
    /// 302
    Redirect,
    /// 301
    Permanent,
}

/// A condition of `if`.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `$var`: not empty and not `0`.
    True(Expr),
    /// `=`, `!=`
    Equal {
        /// Left side.
        left: Expr,
        /// Right side.
        right: Expr,
        /// `!=`
        negate: bool,
    },
    /// `~`, `~*`, `!~`, `!~*`
    Matches {
        /// Left side.
        left: Expr,
        /// Right side.
        regex: Regex,
        /// `!~`
        negate: bool,
    },
    /// `-f`, `-d`, `-e`, `-x` and their negations.
    File {
        /// Which test.
        test: FileTest,
        /// The path.
        path: Expr,
        /// `!`
        negate: bool,
    },
}

/// `-f`, `-d`, `-e`, `-x`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileTest {
    /// `-f`
    File,
    /// `-d`
    Directory,
    /// `-e`
    Exists,
    /// `-x`
    Executable,
}

/// A `log_format`.
#[derive(Clone, Debug)]
pub struct LogFormat {
    /// Its name.
    pub name: String,
    /// How bytes are escaped.
    pub escape: Escape,
    /// The line, without its line feed.
    pub line: Expr,
}

/// `escape=` of a `log_format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// `\xHH` for quotes, backslashes and bytes outside 32…126; an empty value is `-`.
    #[default]
    Default,
    /// As in JSON strings.
    Json,
    /// Not at all.
    None,
}
