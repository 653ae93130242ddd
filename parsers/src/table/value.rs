//! How a directive's words become a value.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Arity;
use crate::diag::Diagnostic;
use crate::ir::expr::{Expr, Variables};
use crate::ir::http::Regex;
use crate::source::{Span, Spanned};
use crate::syntax::tree::Directive;

/// Whose language is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// nginx.conf.
    #[default]
    Nginx,
    /// keepalived.conf.
    Keepalived,
}

/// Which release's defaults hold; see the README's table of differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compat {
    /// nginx's version as major, minor: (1, 31) unless `compat nginx=1.22`.
    pub nginx: (u16, u16),
    /// keepalived's version: (2, 4) unless `compat keepalived=2.2`.
    pub keepalived: (u16, u16),
}

impl Default for Compat {
    fn default() -> Self {
        Compat { nginx: (1, 31), keepalived: (2, 4) }
    }
}

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The original's words, without level and place.
    pub text: String,
    /// The word at fault; the directive's name when none.
    pub at: Option<Span>,
    /// What to write instead.
    pub help: Option<String>,
}

impl Fault {
    /// A fault with the original's words.
    pub fn new(text: impl Into<String>) -> Self {
        Fault { text: text.into(), at: None, help: None }
    }

    /// At a word.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.at = Some(span);
        self
    }

    /// With a hint.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// What a value's parser may look at and write to besides its own words.
#[derive(Debug, Default)]
pub struct Cx {
    /// The language.
    pub dialect: Dialect,
    /// Whose defaults.
    pub compat: Compat,
    /// What paths in `-p` terms are relative to.
    pub prefix: PathBuf,
    /// The directory of the main configuration file.
    pub conf_dir: PathBuf,
    /// Variables seen so far.
    pub variables: Variables,
    /// Findings that do not stop the value.
    pub diagnostics: Vec<Diagnostic>,
}

/// A type that a directive's words can be read as.
pub trait Value: Clone + Default {
    /// How many words.
    const ARITY: Arity;
    /// The manual's word for it.
    const SYNTAX: &'static str;

    /// Reads the words of `directive`.
    ///
    /// # Errors
    /// A [`Fault`] with the original's words.
    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault>;

    /// Takes a second occurrence at the same level; most directives refuse it.
    ///
    /// # Errors
    /// `is duplicate`, or what the type says.
    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        let _ = more;
        Err(Fault::new("is duplicate"))
    }
}

/// Values that may be written several times at one level: each adds to the list.
impl<T: Value> Value for Vec<T> {
    const ARITY: Arity = T::ARITY;
    const SYNTAX: &'static str = T::SYNTAX;

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        Ok(vec![T::parse(directive, cx)?])
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.extend(more);
        Ok(())
    }
}

/// Values without a default.
impl<T: Value> Value for Option<T> {
    const ARITY: Arity = T::ARITY;
    const SYNTAX: &'static str = T::SYNTAX;

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        T::parse(directive, cx).map(Some)
    }
}

/// Values shared by many holders.
impl<T: Value> Value for std::sync::Arc<T> {
    const ARITY: Arity = T::ARITY;
    const SYNTAX: &'static str = T::SYNTAX;

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        T::parse(directive, cx).map(Self::new)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        match std::sync::Arc::try_unwrap(more) {
            Ok(more) => Self::make_mut(self).repeat(more),
            Err(more) => Self::make_mut(self).repeat((*more).clone()),
        }
    }
}

// ---- kinds of values ------------------------------------------------------------------------------------------

/// Types whose words are still read by nobody; each is replaced by its own parser.
macro_rules! pending {
    ($($type:ty, $arity:expr, $syntax:literal;)*) => {
        $(impl Value for $type {
            const ARITY: Arity = $arity;
            const SYNTAX: &'static str = $syntax;
            fn parse(_: &Directive, _: &mut Cx) -> Result<Self, Fault> {
                Ok(Self::default())
            }
        })*
    };
}

pending! {
    bool, Arity::ONE, "on | off";
    String, Arity::ONE, "string";
    Expr, Arity::ONE, "string";
    Msec, Arity::ONE, "time";
    Size, Arity::ONE, "size";
    Number, Arity::ONE, "number";
    SignedNumber, Arity::ONE, "number";
    Words, Arity::SOME, "word …";
    Present, Arity::NONE, "";
    User, Arity::range(1, 2), "user [group]";
    WorkerProcesses, Arity::ONE, "number | auto";
    Buffers, Arity::range(2, 2), "number size";
    PathTemplate, Arity::ONE, "path";
    TryFiles, Arity::range(2, u8::MAX), "file … uri | =code";
    ErrorPage, Arity::range(2, u8::MAX), "code … [=[response]] uri";
    Types, Arity::NONE.with_block(), "{ … }";
    KeepaliveTimeout, Arity::range(1, 2), "timeout [header_timeout]";
    BodyInFile, Arity::ONE, "on | clean | off";
    TempPath, Arity::range(1, 4), "path [level1 [level2 [level3]]]";
    Lingering, Arity::ONE, "off | on | always";
    ServerTokens, Arity::ONE, "on | off | build | string";
    IfModifiedSince, Arity::ONE, "off | exact | before";
    Satisfy, Arity::ONE, "all | any";
    Resolver, Arity::SOME, "address … [valid=time] [ipv4=on|off] [ipv6=on|off]";
    HeaderPair, Arity::range(2, 2), "field value";
    HttpVersion, Arity::ONE, "1.0 | 1.1";
    NextUpstream, Arity::SOME, "error | timeout | invalid_header | http_500 | … | off …";
    Redirects, Arity::range(1, 2), "default | off | redirect replacement";
    CookieRewrite, Arity::SOME, "off | value replacement";
    Bind, Arity::range(1, 2), "address [transparent] | off";
    Store, Arity::ONE, "on | off | string";
    AccessLogs, Arity::SOME, "path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off";
    ErrorLog, Arity::range(1, 2), "file [level]";
    AccessRule, Arity::ONE, "address | CIDR | unix: | all";
    GzipProxied, Arity::SOME, "off | expired | no-cache | … | any";
    MediaTypes, Arity::SOME, "mime-type …";
    AddHeader, Arity::range(2, 3), "name value [always]";
    Expires, Arity::range(1, 2), "[modified] time | epoch | max | off";
    CharsetName, Arity::ONE, "charset | off";
    Exprs, Arity::SOME, "file …";
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Msec(pub u64);

impl Msec {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u64);

/// A whole number that may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedNumber(pub i64);

/// All words as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

/// There, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(pub bool);

/// `user`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user's name.
    pub user: String,
    /// The group's; the user's name unless written.
    pub group: Option<String>,
}

/// `worker_processes`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkerProcesses {
    /// As many as there are cores.
    #[default]
    Auto,
    /// So many.
    Count(u32),
}

/// Number and size of buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// How many.
    pub count: u32,
    /// Bytes of each.
    pub size: u64,
}

/// A path that may have variables; without them it is already absolute (relative ones are below the prefix).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathTemplate(pub Expr);

/// Several expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exprs(pub Vec<Expr>);

/// `try_files`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TryFiles {
    /// Names tried in order; `dir` where written with `/` at the end (which is not in the name).
    pub files: Vec<TryFile>,
    /// What holds when none is there.
    pub fallback: TryFallback,
}

/// One file of `try_files`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TryFile {
    /// The path below the root.
    pub path: Expr,
    /// Looked for as a directory.
    pub dir: bool,
}

/// The last word of `try_files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryFallback {
    /// `=code`
    Code(u16),
    /// A URI, or `@name`.
    Uri(Expr),
}

impl Default for TryFallback {
    fn default() -> Self {
        TryFallback::Code(404)
    }
}

/// One `error_page`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPage {
    /// The statuses it is for.
    pub codes: Vec<u16>,
    /// `=code` replaces the status; `=` takes that of the page (0).
    pub response: Option<u16>,
    /// URI, URL or `@name`.
    pub target: Expr,
}

/// Suffixes and media types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(pub Arc<HashMap<String, String>>);

/// `keepalive_timeout`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepaliveTimeout {
    /// How long; 0 closes after each request.
    pub timeout: Msec,
    /// Seconds told in `Keep-Alive: timeout=`.
    pub header: Option<u64>,
}

/// `client_body_in_file_only`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyInFile {
    /// Only long bodies.
    #[default]
    Off,
    /// All; files stay.
    On,
    /// All; files are removed.
    Clean,
}

/// A directory of temporary files and its levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TempPath {
    /// The directory, absolute.
    pub path: PathBuf,
    /// Digits of each level below.
    pub levels: Vec<u8>,
}

/// `lingering_close`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lingering {
    /// Never.
    Off,
    /// When the client may still send.
    #[default]
    On,
    /// Always.
    Always,
}

/// `server_tokens`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerTokens {
    /// `nginx/1.31.5`
    #[default]
    On,
    /// `nginx`
    Off,
    /// `nginx/1.31.5 (rkeep …)`
    Build,
}

/// `if_modified_since`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfModifiedSince {
    /// Ignored.
    Off,
    /// The same second.
    #[default]
    Exact,
    /// Not younger.
    Before,
}

/// `satisfy`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Satisfy {
    /// Everything must agree.
    #[default]
    All,
    /// One suffices.
    Any,
}

/// `resolver`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    /// Name servers.
    pub servers: Vec<SocketAddr>,
    /// `valid=` instead of the answer's own time.
    pub valid: Option<Msec>,
    /// Whether A records are asked for.
    pub ipv4: bool,
    /// Whether AAAA records are.
    pub ipv6: bool,
}

/// A header field and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderPair {
    /// The field's name as written.
    pub name: String,
    /// Its value; an empty one removes the field.
    pub value: Expr,
}

/// An HTTP version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// `proxy_next_upstream`, a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextUpstream(pub u32);

impl NextUpstream {
    /// `error`
    pub const ERROR: u32 = 1;
    /// `timeout`
    pub const TIMEOUT: u32 = 1 << 1;
    /// `invalid_header`
    pub const INVALID_HEADER: u32 = 1 << 2;
    /// `http_500`
    pub const HTTP_500: u32 = 1 << 3;
    /// `http_502`
    pub const HTTP_502: u32 = 1 << 4;
    /// `http_503`
    pub const HTTP_503: u32 = 1 << 5;
    /// `http_504`
    pub const HTTP_504: u32 = 1 << 6;
    /// `http_403`
    pub const HTTP_403: u32 = 1 << 7;
    /// `http_404`
    pub const HTTP_404: u32 = 1 << 8;
    /// `http_429`
    pub const HTTP_429: u32 = 1 << 9;
    /// `updating` (caches)
    pub const UPDATING: u32 = 1 << 10;
    /// `non_idempotent`
    pub const NON_IDEMPOTENT: u32 = 1 << 11;
    /// `off`
    pub const OFF: u32 = 1 << 12;

    /// Whether a flag is in the set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// `proxy_redirect`; not written is `default`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// The URL of `proxy_pass` becomes the location's prefix.
    #[default]
    Default,
    /// Nothing is rewritten.
    Off,
    /// Rules in order; the first that matches.
    Rules(Vec<RedirectRule>),
}

/// One `proxy_redirect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectRule {
    /// `default` among others.
    Default,
    /// A prefix and its replacement.
    Prefix(Expr, Expr),
    /// A pattern and its replacement.
    Regex(Regex, Expr),
}

/// `proxy_cookie_domain`, `_path`, `_flags`: the words as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieRewrite {
    /// `off` alone clears what was inherited.
    pub words: Vec<Expr>,
}

/// `proxy_bind`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// The address; none is `off`.
    pub address: Option<Expr>,
    /// `transparent`
    pub transparent: bool,
}

/// `proxy_store`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store(pub Option<Expr>);

/// All `access_log`s of a level; `off` empties them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLogs(pub Vec<AccessLog>);

/// One `access_log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// Where to.
    pub target: LogTarget,
    /// The `log_format`'s name.
    pub format: String,
    /// `buffer=`, bytes.
    pub buffer: Option<u64>,
    /// `flush=`
    pub flush: Option<Msec>,
    /// `gzip[=level]`
    pub gzip: Option<u8>,
    /// `if=`
    pub condition: Option<Expr>,
    /// The directive.
    pub span: Span,
}

/// Where a log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogTarget {
    /// Standard error.
    #[default]
    Stderr,
    /// A file, absolute.
    File(PathBuf),
    /// A path with variables.
    Template(Expr),
    /// `syslog:server=…,facility=…,severity=…,tag=…,nohostname`
    Syslog(Syslog),
}

/// A syslog target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Syslog {
    /// `server=`: address, name or `unix:` path.
    pub server: String,
    /// `facility=`, 23 (local7) unless said.
    pub facility: u8,
    /// `severity=`, 6 (info) unless said.
    pub severity: u8,
    /// `tag=`, `nginx` unless said.
    pub tag: String,
    /// `nohostname`
    pub nohostname: bool,
}

/// One `error_log`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ErrorLog {
    /// Where to.
    pub target: LogTarget,
    /// The least level.
    pub level: Level,
}

/// Levels of `error_log`; smaller is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "syslog's own names")]
pub enum Level {
    Emerg = 1,
    Alert,
    Crit,
    #[default]
    Error,
    Warn,
    Notice,
    Info,
    Debug,
}

/// One `allow` or `deny`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRule {
    /// `allow`
    pub allow: bool,
    /// Whom.
    pub whom: Whom,
}

/// Whom an access rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Whom {
    /// Everybody.
    #[default]
    All,
    /// Clients on a unix socket.
    Unix,
    /// Addresses of a network, with its prefix length.
    Network(IpAddr, u8),
}

/// `gzip_proxied`, a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GzipProxied(pub u32);

impl GzipProxied {
    /// `off`
    pub const OFF: u32 = 1;
    /// `expired`
    pub const EXPIRED: u32 = 1 << 1;
    /// `no-cache`
    pub const NO_CACHE: u32 = 1 << 2;
    /// `no-store`
    pub const NO_STORE: u32 = 1 << 3;
    /// `private`
    pub const PRIVATE: u32 = 1 << 4;
    /// `no_last_modified`
    pub const NO_LAST_MODIFIED: u32 = 1 << 5;
    /// `no_etag`
    pub const NO_ETAG: u32 = 1 << 6;
    /// `auth`
    pub const AUTH: u32 = 1 << 7;
    /// `any`
    pub const ANY: u32 = 1 << 8;
}

/// A set of media types; `*` is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaTypes {
    /// `*`
    pub all: bool,
    /// The types, lower case.
    pub types: Arc<Vec<String>>,
}

/// One `add_header` or `add_trailer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddHeader {
    /// The field's name as written.
    pub name: String,
    /// Its value; where empty nothing is added.
    pub value: Expr,
    /// Whatever the status.
    pub always: bool,
}

/// `expires`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expires {
    /// Nothing is added.
    #[default]
    Off,
    /// `epoch`: in the past.
    Epoch,
    /// `max`: in ten years.
    Max,
    /// Seconds from now, negative for the past.
    Access(i64),
    /// Seconds from the time of the file.
    Modified(i64),
    /// `@time`: seconds after midnight.
    Daily(u32),
    /// A variable that holds one of these.
    Variable(Expr),
}

/// `charset`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CharsetName(pub Option<Expr>);

/// `types { … }`: an inner block replaces the outer one.
///
/// # Errors
/// Of a line that is no type.
pub fn set_types(field: &mut Option<Spanned<Types>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    super::set_field(field, directive, cx)
}

/// `proxy_redirect`: rules of one level add up; `off` and `default` exclude each other.
///
/// # Errors
/// `is duplicate`, or what is wrong with the rule.
pub fn set_redirect(field: &mut Option<Spanned<Redirects>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    super::set_field(field, directive, cx)
}
