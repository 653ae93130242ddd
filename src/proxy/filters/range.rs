//! `Range`: one part, several parts as multipart/byteranges, or 416.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

use crate::proxy::body::Body;
use crate::proxy::http::date;
use crate::proxy::request::{RequestCtx, Status, Version};

/// A part of an entity: first byte and one past the last.
pub type Part = (u64, u64);

/// What a Range header comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// These parts.
    Parts(Vec<Part>),
    /// The whole entity.
    Whole,
    /// None can be had.
    Unsatisfiable,
}

/// Cuts what the client asked for out of the body.
///
/// # Errors
/// 416
pub fn filter(cx: &mut RequestCtx, body: Body) -> Result<Body, Status> {
    let Some(length) = cx.out.content_length else { return Ok(body) };
    let max = cx.conf().core.max_ranges.0;
    if cx.head.version < Version::Http10 || cx.out.status != 200 || !cx.out.allow_ranges || max == 0 {
        return Ok(body);
    }
    let asked =
        cx.head.fields.get(b"Range").filter(|range| {
            range.len() >= 7 && range.get(..6).is_some_and(|unit| unit.eq_ignore_ascii_case(b"bytes="))
        });
    let asked = asked.filter(|_| still_the_same(cx)).and_then(|range| range.get(6..));
    let single = matches!(body, Body::Upstream(_));
    let ranges = asked.map(|range| parse(range, length, if single { 1 } else { max }));
    match ranges {
        None | Some(Ranges::Whole) => {
            cx.out.fields.push(b"Accept-Ranges", b"bytes");
            Ok(body)
        }
        Some(Ranges::Unsatisfiable) => {
            cx.out.fields.remove(b"Content-Range");
            cx.out.fields.push(b"Content-Range", format!("bytes */{length}").as_bytes());
            cx.out.content_length = None;
            Err(Status(416))
        }
        Some(Ranges::Parts(parts)) => {
            cx.out.status = 206;
            cx.out.status_line = None;
            cx.out.fields.remove(b"Content-Range");
            Ok(match parts.as_slice() {
                [part] => one(cx, body, *part, length),
                parts => several(cx, &body, parts, length),
            })
        }
    }
}

/// `If-Range`: the range holds only for the entity that the client has a part of.
fn still_the_same(cx: &RequestCtx) -> bool {
    let Some(condition) = cx.head.fields.get(b"If-Range") else { return true };
    if condition.len() >= 2 && condition.ends_with(b"\"") {
        return cx.out.fields.get(b"ETag") == Some(condition);
    }
    cx.out.last_modified.is_some() && date::parse(condition) == cx.out.last_modified
}

/// Reads the ranges of a header (after `bytes=`) for an entity of `length` bytes; at most `max` of them.
pub fn parse(text: &[u8], length: u64, max: u64) -> Ranges {
    let mut parts: Vec<Part> = Vec::new();
    let mut size = 0u64;
    for spec in text.split(|byte| *byte == b',') {
        let Some((start, end)) = parse_one(spec, length) else { return Ranges::Unsatisfiable };
        if start < end {
            if parts.len() as u64 == max {
                return Ranges::Whole;
            }
            let Some(sum) = size.checked_add(end - start) else { return Ranges::Unsatisfiable };
            size = sum;
            parts.push((start, end));
        } else if start == 0 {
            return Ranges::Whole;
        }
    }
    match parts.len() {
        0 => Ranges::Unsatisfiable,
        1 => Ranges::Parts(parts),
        _ if size > length => Ranges::Whole,
        // Unless the limit is set, parts may not cost more than the whole with some slack.
        n if max == UNLIMITED && size + n as u64 * 256 > length + 4096 => Ranges::Whole,
        _ => Ranges::Parts(parts),
    }
}

/// The default of `max_ranges`.
const UNLIMITED: u64 = 2_147_483_647;

/// `first-last`, `first-`, `-count`; none for anything else.
fn parse_one(spec: &[u8], length: u64) -> Option<Part> {
    let text = std::str::from_utf8(spec).ok()?.trim_matches(' ');
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim_end_matches(' '), last.trim_start_matches(' '));
    if first.is_empty() {
        let count = number(last)?;
        return Some((length.saturating_sub(count), length));
    }
    let start = number(first)?;
    if last.is_empty() {
        return Some((start, length));
    }
    Some((start, number(last)?.saturating_add(1).min(length)))
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|n| *n <= i64::MAX as u64)
}

fn one(cx: &mut RequestCtx, body: Body, (start, end): Part, length: u64) -> Body {
    let value = format!("bytes {start}-{}/{length}", end - 1);
    cx.out.fields.push(b"Content-Range", value.as_bytes());
    cx.out.content_length = Some(end - start);
    if let Body::Upstream(stream) = body {
        cx.cut = Some(Box::new((start, end)));
        return Body::Upstream(stream);
    }
    cut(&body, start, end)
}

/// A part of a body whose bytes can be had in any order.
fn cut(body: &Body, start: u64, end: u64) -> Body {
    match body {
        Body::Memory(bytes) => {
            let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            Body::Memory(bytes.slice(clamp(start)..clamp(end)))
        }
        Body::File { file, offset, .. } => Body::File { file: file.clone(), offset: offset + start, len: end - start },
        _ => Body::Empty,
    }
}

static BOUNDARY: AtomicU32 = AtomicU32::new(1);

fn several(cx: &mut RequestCtx, body: &Body, parts: &[Part], length: u64) -> Body {
    let boundary = format!("{:020}", BOUNDARY.fetch_add(1, Ordering::Relaxed));
    let mut kind = Vec::new();
    if !cx.out.content_type.is_empty() {
        kind.extend_from_slice(b"Content-Type: ");
        kind.extend_from_slice(&cx.out.content_type);
        if !cx.out.charset.is_empty() {
            kind.extend_from_slice(b"; charset=");
            kind.extend_from_slice(&cx.out.charset);
        }
        kind.extend_from_slice(b"\r\n");
    }
    let mut pieces = Vec::with_capacity(parts.len() * 2 + 1);
    let mut size = 0;
    for &(start, end) in parts {
        let range = format!("Content-Range: bytes {start}-{}/{length}\r\n\r\n", end - 1);
        let head = [b"\r\n--", boundary.as_bytes(), b"\r\n", &kind, range.as_bytes()].concat();
        size += head.len() as u64 + (end - start);
        pieces.push(Body::Memory(Bytes::from(head)));
        pieces.push(cut(body, start, end));
    }
    let tail = format!("\r\n--{boundary}--\r\n");
    size += tail.len() as u64;
    pieces.push(Body::Memory(Bytes::from(tail)));
    cx.out.content_length = Some(size);
    cx.out.content_type = format!("multipart/byteranges; boundary={boundary}").into_bytes();
    cx.out.charset.clear();
    cx.out.charset_open = false;
    Body::Parts(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let parts = |list: &[Part]| Ranges::Parts(list.to_vec());
        for (text, expected) in [
            ("0-8", parts(&[(0, 9)])),
            ("-10", parts(&[(990, 1000)])),
            ("990-", parts(&[(990, 1000)])),
            ("990-2000", parts(&[(990, 1000)])),
            (" 0 - 8 , -1 ", parts(&[(0, 9), (999, 1000)])),
            ("1000-", Ranges::Unsatisfiable),
            ("0-8,x", Ranges::Unsatisfiable),
            ("", Ranges::Unsatisfiable),
            ("-", Ranges::Unsatisfiable),
            ("-0", Ranges::Unsatisfiable),
            ("0-500,0-600", Ranges::Whole),
            ("5-3", Ranges::Unsatisfiable),
        ] {
            assert_eq!(parse(text.as_bytes(), 1000, UNLIMITED), expected, "{text}");
        }
        assert_eq!(parse(b"0-1,2-3", 1000, 1), Ranges::Whole);
    }
}
