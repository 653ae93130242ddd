//! Messages as they were on the wire, made comparable: a head as it is, a body without its chunks' borders.

use std::io::Read;

use super::text::escaped;

/// A head and what follows it.
pub struct Parted<'b> {
    /// Up to and with the empty line.
    pub head: &'b [u8],
    /// The rest.
    pub rest: &'b [u8],
}

/// A head, if a whole one is there.
pub fn part(bytes: &[u8]) -> Option<Parted<'_>> {
    let crlf = find(bytes, b"\r\n\r\n").map(|at| at + 4);
    let bare = find(bytes, b"\n\n").map(|at| at + 2);
    let end = [crlf, bare].into_iter().flatten().min()?;
    Some(Parted { head: &bytes[..end], rest: &bytes[end..] })
}

/// Where a string begins.
pub fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A field's value.
pub fn field(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head).into_owned();
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// A body, how many bytes it took, and whether it was all there.
pub struct Body {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Trailers, if any.
    pub trailer: Vec<u8>,
    /// Taken of what was given.
    pub taken: usize,
    /// Whether its end was seen.
    pub whole: bool,
}

/// The body that a head announces, read kindly.
pub fn body(head: &[u8], rest: &[u8]) -> Body {
    if field(head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return chunked(rest);
    }
    let length = field(head, "content-length").and_then(|value| value.parse::<usize>().ok());
    let taken = length.map_or(rest.len(), |length| length.min(rest.len()));
    Body {
        bytes: rest[..taken].to_vec(),
        trailer: Vec::new(),
        taken,
        whole: length.is_some_and(|length| length == taken),
    }
}

fn chunked(rest: &[u8]) -> Body {
    let mut body = Body { bytes: Vec::new(), trailer: Vec::new(), taken: 0, whole: false };
    while let Some(line) = find(&rest[body.taken..], b"\r\n") {
        let text = String::from_utf8_lossy(&rest[body.taken..body.taken + line]).into_owned();
        let Ok(size) = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16) else { break };
        body.taken += line + 2;
        if size == 0 {
            return trailer(rest, body);
        }
        let end = body.taken.saturating_add(size).min(rest.len());
        body.bytes.extend_from_slice(&rest[body.taken..end]);
        body.taken = end.saturating_add(2).min(rest.len());
    }
    body.taken = rest.len();
    body
}

fn trailer(rest: &[u8], mut body: Body) -> Body {
    let left = &rest[body.taken..];
    if left.starts_with(b"\r\n") {
        return Body { taken: body.taken + 2, whole: true, ..body };
    }
    match find(left, b"\r\n\r\n") {
        Some(end) => {
            body.trailer = left[..end + 4].to_vec();
            Body { taken: body.taken + end + 4, whole: true, ..body }
        }
        None => Body { taken: rest.len(), ..body },
    }
}

/// What a client received: its answers, each as lines.
pub fn answers(mut bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    while !bytes.is_empty() {
        let Some(parted) = part(bytes).filter(|parted| parted.head.starts_with(b"HTTP/")) else {
            lines.push(format!("bare: {}", escaped(bytes)));
            break;
        };
        lines.extend(escaped(parted.head).split("\\r\\n").map(str::to_owned));
        let informational = parted.head.get(9) == Some(&b'1');
        // What answers to HEAD and what has no body are followed by the next answer or nothing.
        if informational || parted.rest.starts_with(b"HTTP/1.") || parted.rest.is_empty() {
            bytes = parted.rest;
            continue;
        }
        let body = body(parted.head, parted.rest);
        lines.push(told(parted.head, &body));
        bytes = &parted.rest[body.taken..];
    }
    lines
}

fn told(head: &[u8], body: &Body) -> String {
    let zipped = field(head, "content-encoding").is_some_and(|value| value == "gzip");
    let bytes = if zipped { unzipped(&body.bytes) } else { body.bytes.clone() };
    let ended = if body.whole { "" } else { " (to the end)" };
    format!("body{ended}: {} {}", escaped(&bytes), escaped(&body.trailer))
}

/// Two deflaters need not write the same bytes.
fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = b"gzip of ".to_vec();
    match flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain) {
        Ok(_) => plain,
        Err(_) => bytes.to_vec(),
    }
}
