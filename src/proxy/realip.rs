//! The client's address as proxies that are trusted tell it.

use std::net::{IpAddr, SocketAddr};

use rkeep_parsers::table::value::{RealIpHeader, Whom};

use super::connection::Connection;
use super::phases::access::is_whom;
use super::request::RequestCtx;

/// A client as a proxy tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Real {
    /// Its address.
    pub ip: IpAddr,
    /// Its port; 0 where nobody says it.
    pub port: u16,
    /// The address as logs show it.
    text: String,
}

impl Real {
    fn new(ip: IpAddr, port: u16) -> Real {
        Real { ip, port, text: ip.to_string() }
    }
}

impl RequestCtx {
    /// The client's address as logs show it: without port, `unix:` for a unix socket.
    pub fn client_text(&self) -> &str {
        self.real.as_ref().map_or(&self.conn.client, |real| &real.text)
    }

    /// The client's IP address.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.real.as_ref().map_or_else(|| self.conn.client_ip(), |real| Some(real.ip))
    }

    /// The client's port, where it has one.
    pub fn client_port(&self) -> Option<u16> {
        self.real.as_ref().map_or_else(|| self.conn.client_port(), |real| Some(real.port)).filter(|port| *port > 0)
    }
}

/// Takes over the address that a trusted proxy tells, once for a request.
pub fn apply(cx: &mut RequestCtx) {
    if cx.real.is_some() || cx.conf().realip.from.0.is_empty() {
        return;
    }
    let conf = &cx.conf().realip;
    let fields = &cx.head.fields;
    let (trusted, recursive) = (conf.from.0.as_slice(), conf.recursive);
    let found = match &conf.header {
        RealIpHeader::XRealIp => forwarded(&cx.conn, fields.get(b"X-Real-IP"), trusted, recursive),
        RealIpHeader::XForwardedFor => forwarded(&cx.conn, fields.all(b"X-Forwarded-For"), trusted, recursive),
        RealIpHeader::ProxyProtocol => cx.conn.told().and_then(|told| told.ends).and_then(|(from, _)| {
            let (ip, _) = forwarded(&cx.conn, [from.ip().to_string().as_bytes()], trusted, recursive)?;
            Some((ip, from.port()))
        }),
        RealIpHeader::Field(name) => forwarded(&cx.conn, fields.get(name.as_bytes()), trusted, recursive),
    };
    cx.real = found.map(|(ip, port)| Box::new(Real::new(ip, port)));
}

fn forwarded<'a>(
    conn: &Connection,
    lists: impl IntoIterator<Item = &'a [u8]>,
    trusted: &[Whom],
    recursive: bool,
) -> Option<(IpAddr, u16)> {
    walk(conn.client_ip(), lists, trusted, recursive)
}

/// Goes back from the connection's own address: whom a trusted one names comes before it. Without `recursive` one step
/// is made.
pub fn walk<'a>(
    peer: Option<IpAddr>,
    lists: impl IntoIterator<Item = &'a [u8]>,
    trusted: &[Whom],
    recursive: bool,
) -> Option<(IpAddr, u16)> {
    let lists: Vec<&[u8]> = lists.into_iter().collect();
    let separator = |byte: &u8| matches!(byte, b' ' | b',');
    let names = lists.iter().rev().flat_map(|list| list.rsplit(separator)).filter(|name| !name.is_empty());
    let (mut at, mut found) = (peer, None);
    for name in names {
        if !trusted.iter().any(|whom| is_whom(whom, at.map(|ip| ip.to_canonical()))) {
            break;
        }
        let Some((ip, port)) = address(name) else { break };
        (at, found) = (Some(ip), Some((ip, port)));
        if !recursive {
            break;
        }
    }
    found
}

/// `ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]:PORT`.
fn address(text: &[u8]) -> Option<(IpAddr, u16)> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| (address.ip(), address.port()));
    bare.parse().ok().map(|ip| (ip, 0)).or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_ones_are_believed() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let trusted = [Whom::Network(ip("127.0.0.1"), 32), Whom::Network(ip("10.0.1.0"), 24)];
        let run = |peer: &str, lists: &[&str], recursive| {
            let lists = lists.iter().map(|list| list.as_bytes());
            walk(Some(ip(peer)), lists, &trusted, recursive).map(|(ip, _)| ip.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(run("127.0.0.1", &["10.0.0.1, 192.0.2.1"], false), some("192.0.2.1"));
        assert_eq!(run("127.0.0.1", &["192.0.2.1, 10.0.1.1, 127.0.0.1"], false), some("127.0.0.1"));
        assert_eq!(run("127.0.0.1", &["10.0.1.1, 192.0.2.1, 127.0.0.1"], true), some("192.0.2.1"));
        assert_eq!(run("127.0.0.1", &["192.0.2.1", "127.0.0.1, 10.0.1.1"], true), some("192.0.2.1"));
        assert_eq!(run("192.0.2.9", &["192.0.2.1"], true), None);
        assert_eq!(run("127.0.0.1", &["192.0.2.1, unknown"], true), None);
        assert_eq!(run("127.0.0.1", &["192.0.2.1,unknown, 10.0.1.5"], true), some("10.0.1.5"));
        assert_eq!(walk(None, [&b"192.0.2.1"[..]], &[Whom::Unix], false), Some((ip("192.0.2.1"), 0)));
    }

    #[test]
    fn addresses_may_have_ports() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(address(b"1.2.3.4:80"), Some((ip("1.2.3.4"), 80)));
        assert_eq!(address(b"[::1]:80"), Some((ip("::1"), 80)));
        assert_eq!(address(b"[::1]"), Some((ip("::1"), 0)));
        assert_eq!(address(b"::1"), Some((ip("::1"), 0)));
        assert_eq!(address(b"x"), None);
    }
}
