//! The PROXY protocol, versions 1 and 2: who the client is, as a proxy in front tells it before the first request.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rkeep_parsers::table::value::Level;

use super::connection::Connection;

/// What a version 2 header begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1.
const LONGEST_LINE: usize = 107;
/// The longest header that is taken.
const LONGEST: usize = 4096;

/// What the header tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The client and the address it came to; none where the proxy does not say.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// Further values, as they came.
    values: Vec<u8>,
}

/// Takes the header from a new connection.
///
/// # Errors
/// The header is broken; the log says so.
pub async fn read(conn: &Connection) -> io::Result<()> {
    let mut bytes = [0; LONGEST];
    let got = conn.stream.try_peek(&mut bytes)?;
    let seen = bytes.get(..got).unwrap_or_default();
    let Some((told, used)) = parse(seen) else {
        let line = seen.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let (number, client, shown) = (conn.number, &conn.client, String::from_utf8_lossy(line));
        let text = format!("*{number} broken header: \"{shown}\" while reading PROXY protocol, client: {client}");
        conn.thread.log(Level::Error, &text);
        return Err(io::ErrorKind::InvalidData.into());
    };
    conn.stream.read_exact(bytes.get_mut(..used).unwrap_or_default()).await?;
    conn.tell(told);
    Ok(())
}

/// A header, and how many bytes it has.
fn parse(bytes: &[u8]) -> Option<(Told, usize)> {
    match bytes.strip_prefix(SIGNATURE) {
        Some(rest) => binary(rest).map(|(told, used)| (told, used + SIGNATURE.len())),
        None => line(bytes),
    }
}

fn line(bytes: &[u8]) -> Option<(Told, usize)> {
    let end = bytes.windows(2).take(LONGEST_LINE).position(|pair| pair == b"\r\n")?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?.strip_prefix("PROXY ")?;
    let mut words = text.split(' ');
    let ends = match words.next()? {
        "UNKNOWN" => None,
        family @ ("TCP4" | "TCP6") => {
            let address = |word: &str| word.parse::<IpAddr>().ok().filter(|ip| ip.is_ipv4() == (family == "TCP4"));
            let (source, destination) = (address(words.next()?)?, address(words.next()?)?);
            let (from, to) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((SocketAddr::new(source, from), SocketAddr::new(destination, to)))
        }
        _ => return None,
    };
    Some((Told { ends, values: Vec::new() }, end + 2))
}

fn binary(bytes: &[u8]) -> Option<(Told, usize)> {
    let (&[version, family, high, low], rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let body = rest.get(..length)?;
    // Version 2; what is not told about a stream is passed over.
    let told = match (version, family) {
        (0x21, 0x11) => addresses::<4>(body)?,
        (0x21, 0x21) => addresses::<16>(body)?,
        (0x20..=0x2f, _) => Told::default(),
        _ => return None,
    };
    Some((told, length + 4))
}

fn addresses<const N: usize>(body: &[u8]) -> Option<Told> {
    let (source, rest) = body.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (&[a, b, c, d], values) = rest.split_first_chunk::<4>()?;
    let source = SocketAddr::new(ip(source)?, u16::from_be_bytes([a, b]));
    let destination = SocketAddr::new(ip(destination)?, u16::from_be_bytes([c, d]));
    Some(Told { ends: Some((source, destination)), values: values.to_vec() })
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))).ok()
}

/// The value of a type among type-length-value triples.
fn value(mut triples: &[u8], kind: u8) -> Option<&[u8]> {
    loop {
        let (&[found, high, low], rest) = triples.split_first_chunk::<3>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        if found == kind {
            return Some(value);
        }
        triples = rest;
    }
}

/// Bytes before the values inside of the one about TLS: flags, and how the client's certificate was verified.
const TLS_HEAD: usize = 5;

impl Told {
    /// `$proxy_protocol_tlv_NAME`
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        let Some(inner) = name.strip_prefix("ssl_") else {
            let names = [("alpn", 1), ("authority", 2), ("unique_id", 5), ("ssl", 0x20), ("netns", 0x30)];
            return value(&self.values, number(name, &names)?).map(<[u8]>::to_vec);
        };
        let (head, values) = value(&self.values, 0x20)?.split_at_checked(TLS_HEAD)?;
        if inner == "verify" {
            let verify = head.get(1..)?.try_into().ok()?;
            return Some(u32::from_be_bytes(verify).to_string().into_bytes());
        }
        let names = [("version", 0x21), ("cn", 0x22), ("cipher", 0x23), ("sig_alg", 0x24), ("key_alg", 0x25)];
        value(values, number(inner, &names)?).map(<[u8]>::to_vec)
    }
}

/// The number of a name, or of `0x…`.
fn number(name: &str, names: &[(&str, u8)]) -> Option<u8> {
    let hex = || name.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits.trim_start_matches('0'), 16).ok());
    names.iter().find(|(known, _)| *known == name).map(|(_, number)| *number).or_else(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(bytes: &[u8]) -> Option<(Option<String>, usize)> {
        parse(bytes).map(|(told, used)| (told.ends.map(|(from, to)| format!("{from} {to}")), used))
    }

    #[test]
    fn lines() {
        let text = b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\nGET / HTTP/1.0\r\n";
        assert_eq!(ends(text), Some((Some("192.0.2.1:123 192.0.2.2:5678".into()), 41)));
        assert_eq!(ends(b"PROXY UNKNOWN 1 2\r\nGET"), Some((None, 19)));
        let six = b"PROXY TCP6 2001:Db8::1 2001:Db8::2 123 5678\r\n";
        assert_eq!(ends(six), Some((Some("[2001:db8::1]:123 [2001:db8::2]:5678".into()), six.len())));
        for broken in ["PROXY TCP4 x", "GET / HTTP/1.0\r\n", "PROXY TCP4 ::1 ::2 1 2\r\n", "PROXY TCP4 1.2.3.4\r\n", ""]
        {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }

    fn header(family: u8, body: &[u8]) -> Vec<u8> {
        [SIGNATURE.as_slice(), &[0x21, family], &(body.len() as u16).to_be_bytes(), body].concat()
    }

    #[test]
    fn binary_headers() {
        let body = [192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46];
        assert_eq!(ends(&header(0x11, &body)), Some((Some("192.0.2.1:123 192.0.2.2:5678".into()), 28)));
        assert_eq!(ends(&header(0x41, &[1, 2, 3, 4])), Some((None, 20)));
        assert_eq!(parse(&header(0x11, &body[..8])), None);
        assert_eq!(parse(header(0x11, &body).get(..20).expect("longer")), None);
    }

    #[test]
    fn values() {
        let triple = |kind: u8, value: &[u8]| [&[kind], (value.len() as u16).to_be_bytes().as_slice(), value].concat();
        let tls = [&[1, 0, 0, 0, 255][..], &triple(0x22, b"example.com")].concat();
        let values = [triple(1, b"h2"), triple(0x20, &tls), triple(0xae, b"x")].concat();
        let body = [&[127, 0, 0, 1, 127, 0, 0, 1, 0, 1, 0, 2][..], &values].concat();
        let (told, _) = parse(&header(0x11, &body)).expect("valid");
        let text = |name: &str| told.value(name).map(|value| String::from_utf8_lossy(&value).into_owned());
        assert_eq!(text("alpn").as_deref(), Some("h2"));
        assert_eq!(text("0x000ae").as_deref(), Some("x"));
        assert_eq!(text("ssl_cn").as_deref(), Some("example.com"));
        assert_eq!(text("ssl_verify").as_deref(), Some("255"));
        assert_eq!(text("netns"), None);
    }
}
