//! Answers of several ranges: `multipart/byteranges` (RFC 9110 §14.6), byte for byte as nginx frames them.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::range::{ByteRange, content_range};
use crate::proxy::body::Body;
use crate::proxy::response::ResponseHead;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Rewrites head and body of an answer of known length so that only the ranges are sent.
pub fn cut(answer: &mut ResponseHead, body: Body, ranges: &[ByteRange]) -> Body {
    let length = answer.content_length.unwrap_or_default();
    answer.status = 206;
    answer.status_line = None;
    answer.allow_ranges = false;
    match ranges {
        [range] => {
            answer.content_length = Some(range.end - range.start);
            answer.fields.push(b"Content-Range", content_range(*range, length).as_bytes());
            slice(&body, *range)
        }
        _ => several(answer, &body, ranges, length),
    }
}

/// Makes a 416 of an answer: the caller sends the built-in page.
pub fn unsatisfiable(answer: &mut ResponseHead) {
    let length = answer.content_length.unwrap_or_default();
    answer.clear_body_fields();
    answer.fields.push(b"Content-Range", format!("bytes */{length}").as_bytes());
}

fn several(answer: &mut ResponseHead, body: &Body, ranges: &[ByteRange], length: u64) -> Body {
    let boundary = format!("{:020}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut parts = Vec::with_capacity(ranges.len() * 2 + 1);
    let mut total = 0;
    for range in ranges {
        let head = part_head(answer, &boundary, *range, length);
        total += head.len() as u64 + (range.end - range.start);
        parts.push(Body::Memory(Bytes::from(head)));
        parts.push(slice(body, *range));
    }
    let tail = format!("\r\n--{boundary}--\r\n");
    total += tail.len() as u64;
    parts.push(Body::Memory(Bytes::from(tail)));
    answer.content_type = format!("multipart/byteranges; boundary={boundary}").into_bytes();
    answer.charset.clear();
    answer.charset_open = false;
    answer.content_length = Some(total);
    Body::Parts(parts)
}

fn part_head(answer: &ResponseHead, boundary: &str, range: ByteRange, length: u64) -> Vec<u8> {
    let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
    if !answer.content_type.is_empty() {
        head.extend_from_slice(b"Content-Type: ");
        head.extend_from_slice(&answer.content_type);
        if !answer.charset.is_empty() {
            head.extend_from_slice(b"; charset=");
            head.extend_from_slice(&answer.charset);
        }
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(format!("Content-Range: {}\r\n\r\n", content_range(range, length)).as_bytes());
    head
}

/// A part of a body that is at hand. Streams cannot be cut here and stay whole: they never allow ranges.
fn slice(body: &Body, range: ByteRange) -> Body {
    match body {
        Body::Memory(bytes) => {
            let end = (range.end as usize).min(bytes.len());
            Body::Memory(bytes.slice((range.start as usize).min(end)..end))
        }
        Body::File { file, offset, .. } => {
            Body::File { file: file.clone(), offset: offset + range.start, len: range.end - range.start }
        }
        Body::Empty | Body::Parts(_) | Body::Upstream(_) => Body::Empty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> ResponseHead {
        ResponseHead {
            status: 200,
            content_type: b"text/plain".to_vec(),
            content_length: Some(100),
            ..ResponseHead::default()
        }
    }

    fn size(body: &Body) -> usize {
        match body {
            Body::Memory(bytes) => bytes.len(),
            Body::Parts(parts) => parts.iter().map(size).sum(),
            _ => 0,
        }
    }

    #[test]
    fn one_range() {
        let mut answer = head();
        let body = Body::Memory(Bytes::from("0123456789".repeat(10)));
        let body = cut(&mut answer, body, &[ByteRange { start: 0, end: 5 }]);
        assert_eq!((answer.status, answer.content_length), (206, Some(5)));
        assert_eq!(answer.fields.get(b"Content-Range"), Some(&b"bytes 0-4/100"[..]));
        assert!(matches!(body, Body::Memory(bytes) if bytes == "01234"));
    }

    #[test]
    fn the_length_of_several_is_what_is_sent() {
        let mut answer = head();
        let body = Body::Memory(Bytes::from("0123456789".repeat(10)));
        let ranges = [ByteRange { start: 0, end: 5 }, ByteRange { start: 7, end: 9 }];
        let body = cut(&mut answer, body, &ranges);
        // nginx 1.31.5 announces 233 for the same answer with "; charset=utf-8" in both parts.
        assert_eq!(answer.content_length, Some(233 - 30));
        assert_eq!(size(&body) as u64, 203);
    }
}
