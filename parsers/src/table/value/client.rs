//! Values about clients and their connections.

use std::net::SocketAddr;

use super::flags::{bits, one_of};
use super::{Arity, Cx, Fault, Msec, Value, parse_time};
use crate::syntax::tree::{Directive, Word};

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

impl Value for KeepaliveTimeout {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "timeout [header_timeout]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let read = |word: &Word, seconds| {
            let refused = || Fault::verdict("invalid value").at(word.span).help("write a time such as 65s");
            parse_time(&word.text, seconds).ok_or_else(refused)
        };
        let timeout = Msec(read(directive.arg(0), false)?);
        let header = directive.args.get(1).map(|word| read(word, true)).transpose()?;
        Ok(KeepaliveTimeout { timeout, header: header.map(|time| time / 1000) })
    }
}

/// A value that is one word of a list.
macro_rules! choice {
    ($($type:ident, $syntax:literal: $($word:literal => $value:expr),*;)*) => {
        $(impl Value for $type {
            const ARITY: Arity = Arity::ONE;
            const SYNTAX: &'static str = $syntax;

            fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
                let list: &[(&'static str, fn() -> Self)] = &[$(($word, || $value)),*];
                one_of(directive.arg(0), list).map(|make| make())
            }
        })*
    };
}

choice! {
    BodyInFile, "off | on | clean":
        "off" => BodyInFile::Off, "on" => BodyInFile::On, "clean" => BodyInFile::Clean;
    Lingering, "off | on | always":
        "off" => Lingering::Off, "on" => Lingering::On, "always" => Lingering::Always;
    ServerTokens, "on | off | build":
        "off" => ServerTokens::Off, "on" => ServerTokens::On, "build" => ServerTokens::Build;
    IfModifiedSince, "off | exact | before":
        "off" => IfModifiedSince::Off, "exact" => IfModifiedSince::Exact, "before" => IfModifiedSince::Before;
    Satisfy, "all | any":
        "all" => Satisfy::All, "any" => Satisfy::Any;
}

impl Value for GzipProxied {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str =
        "off | expired | no-cache | no-store | private | no_last_modified | no_etag | auth | any";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let list = [
            ("off", GzipProxied::OFF),
            ("expired", GzipProxied::EXPIRED),
            ("no-cache", GzipProxied::NO_CACHE),
            ("no-store", GzipProxied::NO_STORE),
            ("private", GzipProxied::PRIVATE),
            ("no_last_modified", GzipProxied::NO_LAST_MODIFIED),
            ("no_etag", GzipProxied::NO_ETAG),
            ("auth", GzipProxied::AUTH),
            ("any", GzipProxied::ANY),
        ];
        bits(directive, &list, cx).map(GzipProxied)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.0 |= more.0;
        Ok(())
    }
}

impl Value for Resolver {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "address … [valid=time] [ipv4=on|off] [ipv6=on|off]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let mut resolver = Resolver { ipv4: true, ipv6: true, ..Resolver::default() };
        for word in &directive.args {
            resolver_word(&mut resolver, word)?;
        }
        match (resolver.servers.is_empty(), resolver.ipv4 || resolver.ipv6) {
            (_, false) => Err(Fault::new("\"ipv4\" and \"ipv6\" cannot both be \"off\"")),
            (true, _) => Err(Fault::new("no name servers defined")),
            _ => Ok(resolver),
        }
    }
}

fn resolver_word(resolver: &mut Resolver, word: &Word) -> Result<(), Fault> {
    let text = word.lossy();
    let refused = || Fault::new(format!("invalid parameter: {text}")).at(word.span);
    match text.split_once('=') {
        Some(("valid", time)) => {
            resolver.valid = Some(Msec(parse_time(time.as_bytes(), true).ok_or_else(refused)?));
        }
        Some(("ipv4", on)) => resolver.ipv4 = switch(on).ok_or_else(refused)?,
        Some(("ipv6", on)) => resolver.ipv6 = switch(on).ok_or_else(refused)?,
        Some(("status_zone", _)) => {}
        _ => {
            let bare = text.trim_start_matches('[').trim_end_matches(']').parse().map(|ip| SocketAddr::new(ip, 53));
            let address = text.parse().or(bare);
            let missing = |_| {
                let fault = Fault::new(format!("host not found in resolver \"{text}\"")).at(word.span);
                fault.help("write the name server's address: its name cannot be resolved without it")
            };
            resolver.servers.push(address.map_err(missing)?);
        }
    }
    Ok(())
}

fn switch(word: &str) -> Option<bool> {
    match word {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}
