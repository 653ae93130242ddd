//! memcached's text protocol, as far as fetching one item needs it.

use rkeep_parsers::table::value::Level;

use super::receive::{Failed, Form, Received, Rest};
use super::trouble::Trouble;
use crate::proxy::request::RequestCtx;

/// What follows an item.
pub const TRAILER: &[u8] = b"\r\nEND\r\n";

const GET: &[u8] = b"get ";

/// Appends the request for an item.
pub fn request(key: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(GET);
    for &byte in key {
        match byte {
            0..=b' ' | b'%' => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The item a request is for, as it was sent.
fn asked(request: &[u8]) -> &[u8] {
    request.strip_prefix(GET).and_then(|rest| rest.strip_suffix(b"\r\n")).unwrap_or_default()
}

/// What a first line says.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// An item of so many bytes with these flags, as written.
    Item {
        flags: Vec<u8>,
        length: Vec<u8>,
    },
    Missing,
    OtherKey,
    Invalid,
}

fn parse(line: &[u8], key: &[u8]) -> Line {
    if line == b"END" {
        return Line::Missing;
    }
    let Some(rest) = line.strip_prefix(b"VALUE ") else { return Line::Invalid };
    let Some(rest) = rest.strip_prefix(key) else { return Line::OtherKey };
    let Some(rest) = rest.strip_prefix(b" ") else { return Line::Invalid };
    match rest.iter().position(|&byte| byte == b' ') {
        Some(space) => {
            let (flags, length) = rest.split_at(space);
            Line::Item { flags: flags.to_vec(), length: length.get(1..).unwrap_or_default().to_vec() }
        }
        None => Line::Invalid,
    }
}

/// Reads the first line out of all that has come; none when more is needed. `request`: what was sent.
///
/// # Errors
/// [`Failed`]; the log says why.
pub fn receive(cx: &mut RequestCtx, raw: &[u8], request: &[u8]) -> Result<Option<Received>, Failed> {
    let key = asked(request);
    let invalid = |cx: &RequestCtx, what: String| {
        cx.error(Level::Error, format_args!("memcached sent invalid {what}"));
        Err(Failed::Try(Trouble::InvalidHeader))
    };
    cx.upstream_fields.clear();
    let Some(end) = raw.iter().position(|&byte| byte == b'\n') else {
        if raw.len() as u64 >= cx.conf().proxy.buffer_size.0 {
            return invalid(cx, "response".to_owned());
        }
        return Ok(None);
    };
    let line = raw.get(..end).unwrap_or_default();
    let shown = String::from_utf8_lossy(line).into_owned();
    let Some(line) = line.strip_suffix(b"\r") else { return invalid(cx, format!("response: \"{shown}\"")) };
    let about = format!("in response \"{shown}\" for key \"{}\"", String::from_utf8_lossy(key));
    let (status, length, form) = match parse(line, key) {
        Line::Invalid => return invalid(cx, format!("response: \"{shown}\"")),
        Line::OtherKey => return invalid(cx, format!("key {about}")),
        Line::Missing => {
            let key = String::from_utf8_lossy(key).into_owned();
            cx.error(Level::Info, format_args!("key: \"{key}\" was not found by memcached"));
            (404, 0, Form::Http)
        }
        Line::Item { flags, length } => {
            let Some(length) = super::meaning::digits(&length) else { return invalid(cx, format!("length {about}")) };
            if let Some(compressed) = cx.conf().memcached.gzip_flag.map(|flag| flag.0).filter(|flag| *flag != 0) {
                let Some(flags) = super::meaning::digits(&flags) else { return invalid(cx, format!("flags {about}")) };
                if flags & compressed != 0 {
                    cx.upstream_fields.push(b"Content-Encoding", b"gzip");
                }
            }
            (200, length, Form::Memcached)
        }
    };
    let rest = Rest::Own(raw.to_vec(), end + 1);
    Ok(Some(Received { rest, form, ..Received::of_length(status, length) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_escaped() {
        let mut out = Vec::new();
        request(b"/a b%", &mut out);
        assert_eq!(out, b"get /a%20b%25\r\n");
        assert_eq!(asked(&out), b"/a%20b%25");
    }

    #[test]
    fn first_lines() {
        let item = |flags: &[u8], length: &[u8]| Line::Item { flags: flags.to_vec(), length: length.to_vec() };
        assert_eq!(parse(b"VALUE k 2 10", b"k"), item(b"2", b"10"));
        assert_eq!(parse(b"VALUE kk 2 10", b"k"), Line::Invalid);
        assert_eq!(parse(b"VALUE other 2 10", b"k"), Line::OtherKey);
        assert_eq!(parse(b"END", b"k"), Line::Missing);
        assert_eq!(parse(b"ERROR", b"k"), Line::Invalid);
    }
}
