//! Hosts and ports as `listen`, `server` and `proxy_pass` write them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::ir::http::Address;
use crate::source::Loader;
use crate::table::value::parse_number;

/// A host, a port, perhaps a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Name or address without brackets; a path for a unix socket.
    pub host: Host,
    /// The port, written or not.
    pub port: u16,
    /// The last port of a range.
    pub last_port: u16,
    /// Whether no port is written.
    pub no_port: bool,
    /// Host and port as written.
    pub authority: String,
    /// What follows the host.
    pub uri: Option<Vec<u8>>,
}

/// Where a URL points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An address.
    Ip(IpAddr),
    /// A name.
    Name(String),
    /// A unix socket.
    Unix(PathBuf),
}

/// What a URL may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `*`, a port alone, a range of ports.
    Listen,
    /// A host and a port.
    Server,
    /// A host, a port, a URI.
    Pass,
}

type Parsed<T> = Result<T, &'static str>;

/// Reads a URL without its scheme.
///
/// # Errors
/// nginx's words, such as `invalid port`.
pub(super) fn parse(text: &str, kind: Kind, default_port: u16) -> Parsed<Url> {
    if let Some(path) = strip_unix(text) {
        return unix(path, text, kind);
    }
    if kind == Kind::Listen
        && let Some(url) = port_alone(text)?
    {
        return Ok(url);
    }
    let (authority, uri) = match text.find(['/', '?']) {
        Some(_) if kind != Kind::Pass => return Err("invalid host"),
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (host, port) = split_port(authority)?;
    let (port, last_port) = match port {
        Some(port) => ports(port, kind)?,
        None => (default_port, default_port),
    };
    let no_port = split_port(authority)?.1.is_none();
    let host = host_of(host, kind)?;
    let uri = (!uri.is_empty()).then(|| uri.as_bytes().to_vec());
    Ok(Url { host, port, last_port, no_port, authority: authority.to_owned(), uri })
}

fn strip_unix(text: &str) -> Option<&str> {
    text.get(..5).filter(|head| head.eq_ignore_ascii_case("unix:")).and_then(|_| text.get(5..))
}

fn unix(path: &str, text: &str, kind: Kind) -> Parsed<Url> {
    let (path, uri) = match path.split_once(':') {
        Some((path, uri)) if kind == Kind::Pass => (path, (!uri.is_empty()).then(|| uri.as_bytes().to_vec())),
        _ => (path, None),
    };
    match path.len() {
        0 => return Err("no path in the unix domain socket"),
        // What sun_path holds, its final NUL included.
        108.. => return Err("too long path in the unix domain socket"),
        _ => {}
    }
    let authority = text.get(..5 + path.len()).unwrap_or(text).to_owned();
    Ok(Url { host: Host::Unix(path.into()), port: 0, last_port: 0, no_port: true, authority, uri })
}

/// `8080` or `8080-8090`.
fn port_alone(text: &str) -> Parsed<Option<Url>> {
    let digits = |text: &str| parse_number(text.as_bytes()).is_some();
    let (first, last) = text.split_once('-').map_or((text, text), |(first, last)| (first, last));
    if !digits(first) || !digits(last) {
        return Ok(None);
    }
    let (port, last_port) = ports(text, Kind::Listen)?;
    let host = Host::Ip(Ipv4Addr::UNSPECIFIED.into());
    Ok(Some(Url { host, port, last_port, no_port: false, authority: text.to_owned(), uri: None }))
}

/// Host (brackets kept) and what follows its colon.
fn split_port(authority: &str) -> Parsed<(&str, Option<&str>)> {
    if !authority.starts_with('[') {
        return Ok(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))));
    }
    let end = authority.find(']').ok_or("invalid host")? + 1;
    let (host, rest) = authority.split_at(end);
    match (rest.strip_prefix(':'), rest) {
        (Some(port), _) => Ok((host, Some(port))),
        (None, "") => Ok((host, None)),
        _ => Err("invalid host"),
    }
}

fn ports(text: &str, kind: Kind) -> Parsed<(u16, u16)> {
    let number = |text: &str| parse_number(text.as_bytes()).and_then(|port| u16::try_from(port).ok());
    let one = |text: &str| number(text).filter(|port| *port > 0).ok_or("invalid port");
    match text.split_once('-').filter(|_| kind == Kind::Listen) {
        None => one(text).map(|port| (port, port)),
        Some((first, last)) => {
            let (last, first) = (one(last)?, one(first)?);
            if first > last { Err("invalid port range") } else { Ok((first, last)) }
        }
    }
}

fn host_of(host: &str, kind: Kind) -> Parsed<Host> {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return match inner {
            "" => Err("no host"),
            _ => inner.parse().map(|ip| Host::Ip(IpAddr::V6(ip))).map_err(|_| "invalid IPv6 address"),
        };
    }
    match host {
        "" => Err("no host"),
        "*" if kind == Kind::Listen => Ok(Host::Ip(Ipv4Addr::UNSPECIFIED.into())),
        _ => Ok(host.parse().map_or_else(|_| Host::Name(host.to_owned()), |ip| Host::Ip(IpAddr::V4(ip)))),
    }
}

impl Url {
    /// All addresses the URL stands for; names are asked for.
    ///
    /// # Errors
    /// `host not found`.
    pub(super) fn addresses(&self, loader: &dyn Loader) -> Parsed<Vec<Address>> {
        let hosts = match &self.host {
            Host::Unix(path) => return Ok(vec![Address::Unix(path.clone())]),
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => resolved(name, loader)?,
        };
        let ports = self.port..=self.last_port;
        Ok(ports.flat_map(|port| hosts.iter().map(move |ip| Address::Inet(SocketAddr::new(*ip, port)))).collect())
    }
}

/// A name's addresses: IPv4 first, each once.
fn resolved(name: &str, loader: &dyn Loader) -> Parsed<Vec<IpAddr>> {
    let mut all = loader.resolve(name).unwrap_or_default();
    all.sort_by_key(IpAddr::is_ipv6);
    let mut unique: Vec<IpAddr> = Vec::new();
    for address in all {
        if !unique.contains(&address) {
            unique.push(address);
        }
    }
    if unique.is_empty() { Err("host not found") } else { Ok(unique) }
}

/// An address as nginx shows it: `1.2.3.4:80`, `[::1]:80`, `unix:/path`.
pub(super) fn shown(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(text: &str) -> Parsed<(Host, u16, u16)> {
        parse(text, Kind::Listen, 80).map(|url| (url.host, url.port, url.last_port))
    }

    fn ip(text: &str) -> Host {
        Host::Ip(text.parse().expect("an address"))
    }

    #[test]
    fn listen_forms() {
        assert_eq!(listen("8080"), Ok((ip("0.0.0.0"), 8080, 8080)));
        assert_eq!(listen("*:81"), Ok((ip("0.0.0.0"), 81, 81)));
        assert_eq!(listen("127.0.0.1"), Ok((ip("127.0.0.1"), 80, 80)));
        assert_eq!(listen("[::]:443"), Ok((ip("::"), 443, 443)));
        assert_eq!(listen("127.0.0.1:8000-8002"), Ok((ip("127.0.0.1"), 8000, 8002)));
        assert_eq!(listen("localhost:80"), Ok((Host::Name("localhost".to_owned()), 80, 80)));
        assert_eq!(listen("0"), Err("invalid port"));
        assert_eq!(listen("70000"), Err("invalid port"));
        assert_eq!(listen("10-9"), Err("invalid port range"));
        assert_eq!(listen("[::1"), Err("invalid host"));
        assert_eq!(listen(":80"), Err("no host"));
        assert_eq!(listen("a/b"), Err("invalid host"));
        assert_eq!(listen("unix:"), Err("no path in the unix domain socket"));
    }

    #[test]
    fn pass_forms() {
        let pass = |text| parse(text, Kind::Pass, 80).map(|url| (url.authority, url.no_port, url.uri));
        assert_eq!(pass("b/x?y"), Ok(("b".to_owned(), true, Some(b"/x?y".to_vec()))));
        assert_eq!(pass("b:81"), Ok(("b:81".to_owned(), false, None)));
        assert_eq!(pass("unix:/s:/u"), Ok(("unix:/s".to_owned(), true, Some(b"/u".to_vec()))));
        assert_eq!(pass("b?q"), Ok(("b".to_owned(), true, Some(b"?q".to_vec()))));
    }
}
