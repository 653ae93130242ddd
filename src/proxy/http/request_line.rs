//! The request line to nginx's letter.

use super::scan;
use crate::proxy::request::{RequestHead, Version};

/// Why a request line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// `client sent invalid method`
    Method,
    /// `client sent invalid request`
    Request,
    /// `client sent invalid version`
    Version,
    /// `client sent invalid method in HTTP/0.9 request`
    Http09Method,
}

impl BadLine {
    /// nginx's words.
    pub fn text(self) -> &'static str {
        match self {
            BadLine::Method => "client sent invalid method while reading client request line",
            BadLine::Request => "client sent invalid request while reading client request line",
            BadLine::Version => "client sent invalid version while reading client request line",
            BadLine::Http09Method => "client sent invalid method in HTTP/0.9 request while reading client request line",
        }
    }

    /// The status it is answered with.
    pub fn status(self) -> u16 {
        if self == BadLine::Version { 505 } else { 400 }
    }
}

type Parsed<T> = Result<T, BadLine>;

fn method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'_' || byte == b'-'
}

/// Whether what has come of a line may still become a request.
pub fn may_become(part: &[u8]) -> bool {
    let part = part.strip_suffix(b"\r").unwrap_or(part);
    if part.first() == Some(&b' ') {
        return false;
    }
    let method_end = part.iter().position(|byte| *byte == b' ').unwrap_or(part.len());
    let (method, rest) = part.split_at(method_end);
    let rest = trim_spaces(rest);
    let (target, rest) = rest.split_at(rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len()));
    let version = trim_spaces(rest).iter().zip(b"HTTP/").all(|(byte, expected)| byte == expected);
    let begun = match target.first() {
        None => true,
        Some(_) if method == b"CONNECT" => may_become_host(target, b""),
        Some(first) => *first == b'/' || may_become_absolute(target),
    };
    method.iter().all(|byte| method_byte(*byte)) && !has_control(target) && begun && version
}

/// Whether what has come of a target may still become one with scheme and host.
fn may_become_absolute(target: &[u8]) -> bool {
    let (_, rest) = target.split_at(target.iter().position(|byte| !scheme_byte(*byte)).unwrap_or(target.len()));
    let Some(rest) = rest.strip_prefix(b"://") else { return b"://".starts_with(rest) };
    may_become_host(rest, b"/?")
}

/// Whether what has come may still become a host with a port, after which one of some bytes may follow.
fn may_become_host(rest: &[u8], follows: &[u8]) -> bool {
    match host_and_port(rest) {
        Ok((_, after)) => after.first().is_none_or(|byte| follows.contains(byte)),
        // A literal address whose bracket is still open.
        Err(_) => rest.iter().skip(1).all(|byte| literal_byte(*byte)) && !rest.contains(&b']'),
    }
}

fn scheme_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

fn has_control(target: &[u8]) -> bool {
    target.iter().any(u8::is_ascii_control)
}

/// Splits a request line (without line end) and stores its parts in `head`.
///
/// # Errors
/// [`BadLine`]
pub fn parse(line: &[u8], head: &mut RequestHead) -> Parsed<()> {
    let method_end = line.iter().position(|byte| !method_byte(*byte)).unwrap_or(line.len());
    let (method, rest) = line.split_at(method_end);
    if method.is_empty() || rest.first() != Some(&b' ') {
        return Err(BadLine::Method);
    }
    head.method.extend_from_slice(method);
    let rest = trim_spaces(rest);
    let connect = method == b"CONNECT";
    let rest = match rest.first() {
        _ if connect => authority(rest, head)?,
        Some(b'/') => path(rest, head)?,
        Some(byte) if byte.is_ascii_alphabetic() => absolute(rest, head)?,
        _ => return Err(BadLine::Request),
    };
    head.version = version(trim_spaces(rest))?;
    if head.version == Version::Http09 && method != b"GET" {
        return Err(BadLine::Http09Method);
    }
    Ok(())
}

fn trim_spaces(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != b' ').unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// Takes a path with its arguments up to the next space.
fn path<'a>(bytes: &'a [u8], head: &mut RequestHead) -> Parsed<&'a [u8]> {
    let (path, rest) = bytes.split_at(scan::word_stop(bytes));
    if rest.first().is_some_and(u8::is_ascii_control) {
        return Err(BadLine::Request);
    }
    head.raw_uri.extend_from_slice(path);
    Ok(rest)
}

/// Takes `scheme://host[:port]` and what follows.
fn absolute<'a>(bytes: &'a [u8], head: &mut RequestHead) -> Parsed<&'a [u8]> {
    let end = bytes.iter().position(|byte| !scheme_byte(*byte)).ok_or(BadLine::Request)?;
    let rest = bytes.get(end..).and_then(|rest| rest.strip_prefix(b"://")).ok_or(BadLine::Request)?;
    let (host, rest) = host_and_port(rest)?;
    head.uri_host = Some(host.to_vec());
    match rest.first() {
        Some(b'/') => path(rest, head),
        Some(b'?') => {
            let rest = path(rest, head)?;
            head.empty_path = true;
            Ok(rest)
        }
        Some(b' ') => {
            head.raw_uri.push(b'/');
            Ok(rest)
        }
        _ => Err(BadLine::Request),
    }
}

/// Takes `host:port` of a CONNECT.
fn authority<'a>(bytes: &'a [u8], head: &mut RequestHead) -> Parsed<&'a [u8]> {
    let (host, rest) = host_and_port(bytes)?;
    let digits = host.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let colon = host.len().checked_sub(digits + 1).and_then(|at| host.get(at));
    if digits == 0 || colon != Some(&b':') || rest.first() != Some(&b' ') {
        return Err(BadLine::Request);
    }
    head.uri_host = Some(host.to_vec());
    head.raw_uri.push(b'/');
    Ok(rest)
}

/// Splits after a host and its port; whether the host is valid is looked at later.
fn host_and_port(bytes: &[u8]) -> Parsed<(&[u8], &[u8])> {
    let host_end = if bytes.first() == Some(&b'[') {
        bytes.iter().position(|byte| *byte == b']').ok_or(BadLine::Request)? + 1
    } else {
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        bytes.iter().position(|byte| !part(byte)).unwrap_or(bytes.len())
    };
    let literal = bytes.get(..host_end).unwrap_or_default();
    if literal.first() == Some(&b'[') && !literal.iter().skip(1).all(|byte| literal_byte(*byte)) {
        return Err(BadLine::Request);
    }
    let rest = bytes.get(host_end..).unwrap_or_default();
    let digits = match rest.split_first() {
        Some((b':', port)) => 1 + port.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    Ok(bytes.split_at(host_end + digits))
}

fn literal_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":]-._~!$&'()*+,;=".contains(&byte)
}

/// Reads `HTTP/1.x` and what may follow; nothing at all is HTTP/0.9.
fn version(bytes: &[u8]) -> Parsed<Version> {
    if bytes.is_empty() {
        return Ok(Version::Http09);
    }
    let digits = bytes.strip_prefix(b"HTTP/").ok_or(BadLine::Request)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (major, rest) = digits.split_at(end);
    match major {
        [] | [b'0', ..] => return Err(BadLine::Request),
        [b'1'] => {}
        _ => return Err(BadLine::Version),
    }
    let rest = rest.strip_prefix(b".").ok_or(BadLine::Request)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (minor, rest) = rest.split_at(end);
    if minor.is_empty() || minor.len() > 3 || !trim_spaces(rest).is_empty() {
        return Err(BadLine::Request);
    }
    Ok(if minor.iter().all(|digit| *digit == b'0') { Version::Http10 } else { Version::Http11 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &[u8]) -> Parsed<RequestHead> {
        let mut head = RequestHead::default();
        parse(text, &mut head).map(|()| head)
    }

    #[test]
    fn forms_of_the_target() {
        let head = line(b"GET  /a?b HTTP/1.1").expect("valid");
        assert_eq!((head.raw_uri.as_slice(), head.version), (&b"/a?b"[..], Version::Http11));
        let head = line(b"GET http://h:80?x HTTP/1.0").expect("valid");
        assert_eq!((head.uri_host.as_deref(), head.raw_uri.as_slice()), (Some(&b"h:80"[..]), &b"?x"[..]));
        assert!(head.empty_path);
        let head = line(b"GET http://[::1]:8080 HTTP/1.1 ").expect("valid");
        assert_eq!((head.uri_host.as_deref(), head.raw_uri.as_slice()), (Some(&b"[::1]:8080"[..]), &b"/"[..]));
        assert_eq!(line(b"GET /").expect("valid").version, Version::Http09);
        assert_eq!(line(b"CONNECT h:443 HTTP/1.1").expect("valid").uri_host.as_deref(), Some(&b"h:443"[..]));
    }

    #[test]
    fn beginnings() {
        for text in [
            "",
            "GE",
            "GET ",
            "GET /a",
            "GET ht",
            "GET http:/",
            "GET http://a.b:8",
            "GET http://[::1",
            "GET http://[::1]:8/",
            "GET http://a?b",
            "GET / HTT",
            "CONNECT h:44",
        ] {
            assert!(may_become(text.as_bytes()), "{text}");
        }
        for text in [
            " ",
            "get",
            "GET *",
            "GET http:a",
            "GET http://a%20/",
            "GET http://a_b",
            "GET http://[::1/",
            "GET http://[1]x",
            "GET http://a:b/",
            "GET / HTX",
            "CONNECT h/",
        ] {
            assert!(!may_become(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn refused() {
        for (text, why) in [
            (&b"get / HTTP/1.1"[..], BadLine::Method),
            (b"GET / HTTP/2.0", BadLine::Version),
            (b"GET / HTTP/1", BadLine::Request),
            (b"GET / HTTX/1.1", BadLine::Request),
            (b"GET /a b HTTP/1.1", BadLine::Request),
            (b"GET /\x01 HTTP/1.1", BadLine::Request),
            (b"GET * HTTP/1.1", BadLine::Request),
            (b"POST /", BadLine::Http09Method),
            (b"CONNECT h HTTP/1.1", BadLine::Request),
        ] {
            assert_eq!(line(text).err(), Some(why), "{}", text.escape_ascii());
        }
    }
}
