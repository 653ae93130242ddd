//! The head of a backend's answer, read to nginx's letter: bare line feeds are taken, names may hold nearly anything,
//! and what has no status line at all is the body of an HTTP/0.9 answer. Pure.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::proxy::http::fields::{Line, trim};
use crate::proxy::http::scan;

/// What a buffer holds so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The head has not ended.
    Incomplete,
    /// No status line: everything is body.
    Http09,
    /// A head.
    Head(Head),
}

/// A head. Ranges are places in the buffer it was read from.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes, the empty line included.
    pub len: usize,
    /// Major and minor version.
    pub version: (u16, u16),
    /// The status.
    pub status: u16,
    /// Status and reason as sent.
    pub status_line: Range<usize>,
}

/// A field line that cannot be read, as the log shows it: what came before the byte at fault, and that byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Of the line.
    pub before: Vec<u8>,
    /// At fault.
    pub byte: u8,
}

/// Reads a head. `field` is given each field in order.
///
/// # Errors
/// [`Invalid`] for a field line that cannot be read.
pub fn parse(buffer: &[u8], mut field: impl FnMut(&Line<'_>)) -> Result<Parsed, Invalid> {
    let (mut head, mut at) = match status_line(buffer) {
        Start::Incomplete => return Ok(Parsed::Incomplete),
        Start::Other => return Ok(Parsed::Http09),
        Start::Status(head, at) => (head, at),
    };
    loop {
        let rest = buffer.get(at..).unwrap_or_default();
        if let Some(line) = plain_line(rest) {
            at += line.text.len();
            field(&line);
            continue;
        }
        let Some(end) = memchr(b'\n', rest) else { break };
        at += end + 1;
        match odd_line(rest.get(..=end).unwrap_or_default())? {
            OddLine::End => {
                head.len = at;
                return Ok(Parsed::Head(head));
            }
            OddLine::Field(line) => field(&line),
            OddLine::Ignored => {}
        }
    }
    check_part(buffer.get(at..).unwrap_or_default())?;
    Ok(Parsed::Incomplete)
}

/// A line that cannot become valid is refused before it has ended.
fn check_part(part: &[u8]) -> Result<(), Invalid> {
    let invalid = |at: usize| {
        let byte = part.get(at).copied().unwrap_or(b'\n');
        Err(Invalid { before: part.get(..at).unwrap_or_default().to_vec(), byte })
    };
    let stop = scan::name_stop(part);
    match part.get(stop) {
        Some(b'\r') => match part.get(stop + 1..).and_then(|rest| rest.iter().position(|&byte| byte != b'\r')) {
            Some(more) => invalid(stop + 1 + more),
            None => Ok(()),
        },
        Some(b':') if stop > 0 => Ok(()),
        Some(_) => invalid(stop),
        None => Ok(()),
    }
}

/// What a buffer begins with.
enum Start {
    Incomplete,
    Other,
    Status(Head, usize),
}

/// `HTTP/1.1 200 OK`: version, one to many spaces, three digits, then the reason up to the line's end.
fn status_line(buffer: &[u8]) -> Start {
    let prefix = b"HTTP/";
    let seen = buffer.len().min(prefix.len());
    if buffer.get(..seen) != prefix.get(..seen) {
        return Start::Other;
    }
    let mut scan = Scan { buffer, at: prefix.len() };
    let Some(read) = scan.status() else { return Start::Incomplete };
    let Some((version, status, start)) = read else { return Start::Other };
    let Some(end) = buffer.get(scan.at..).and_then(|rest| memchr(b'\n', rest)) else { return Start::Incomplete };
    let end = scan.at + end;
    let text = buffer.get(start..end).unwrap_or_default();
    let reason = text.strip_suffix(b"\r").unwrap_or(text);
    // nginx takes a CR only right before the line feed.
    if reason.contains(&b'\r') {
        return Start::Other;
    }
    let head = Head { len: 0, version, status, status_line: start..start + reason.len() };
    Start::Status(head, end + 1)
}

/// A cursor over the status line. The outer `Option` says whether the bytes suffice, the inner whether they are right.
struct Scan<'a> {
    buffer: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.buffer.get(self.at).copied()
    }

    /// Version, status, and where the status begins.
    #[allow(clippy::type_complexity, reason = "told apart right where it is called")]
    fn status(&mut self) -> Option<Option<((u16, u16), u16, usize)>> {
        let Some(major) = self.number(b'.')? else { return Some(None) };
        let Some(minor) = self.number(b' ')? else { return Some(None) };
        while self.peek()? == b' ' {
            self.at += 1;
        }
        let start = self.at;
        let mut status = 0;
        for _ in 0..3 {
            let byte = self.peek()?;
            if !byte.is_ascii_digit() {
                return Some(None);
            }
            status = status * 10 + u16::from(byte - b'0');
            self.at += 1;
        }
        let ends = matches!(self.peek()?, b' ' | b'.' | b'\r' | b'\n');
        Some((ends && major > 0).then_some(((major, minor), status, start)))
    }

    /// Digits up to `end`, at most three.
    fn number(&mut self, end: u8) -> Option<Option<u16>> {
        let start = self.at;
        let mut number: u16 = 0;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            if byte == end && self.at > start + 1 {
                return Some(Some(number));
            }
            if !byte.is_ascii_digit() || number > 99 {
                return Some(None);
            }
            number = number * 10 + u16::from(byte - b'0');
        }
    }
}

/// A field line as nearly all are.
#[inline(always)]
fn plain_line(rest: &[u8]) -> Option<Line<'_>> {
    let (name, after) = rest.split_at_checked(scan::name_stop(rest))?;
    let ([first, ..], [b':', value @ ..]) = (name, after) else { return None };
    if *first == b'H' {
        // What begins like a status line may be one.
        return None;
    }
    let (value, end) = value.split_at_checked(scan::line_stop(value)?)?;
    let end = match end {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => return None,
    };
    let text = rest.get(..name.len() + 1 + value.len() + end)?;
    Some(Line { name, value: trim(value), text })
}

/// What any other line is.
enum OddLine<'a> {
    End,
    Field(Line<'a>),
    Ignored,
}

/// Reads any line; `text` ends with its line feed.
fn odd_line(text: &[u8]) -> Result<OddLine<'_>, Invalid> {
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    let invalid = |at: usize| Invalid {
        before: line.get(..at).unwrap_or_default().to_vec(),
        byte: line.get(at).copied().unwrap_or(b'\n'),
    };
    let mut bare = line;
    while let [before @ .., b'\r'] = bare {
        bare = before;
    }
    if bare.is_empty() {
        return if line.len() < 2 { Ok(OddLine::End) } else { Err(invalid(1)) };
    }
    let stop = scan::name_stop(bare);
    let (name, rest) = bare.split_at(stop);
    let value = match rest {
        // An old server repeats its status line among the fields.
        _ if name.starts_with(b"HTTP/") => return Ok(OddLine::Ignored),
        [b':', value @ ..] if stop > 0 => value,
        [] => return Ok(OddLine::Field(Line { name, value: b"", text })),
        _ => return Err(invalid(stop)),
    };
    if let Some(at) = memchr2(0, b'\r', value) {
        return Err(invalid(stop + 1 + at));
    }
    Ok(OddLine::Field(Line { name, value: trim(value), text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Parsed, String), Invalid> {
        let mut fields = String::new();
        let parsed = parse(text.as_bytes(), |line| {
            fields += &format!("{}={};", line.name.escape_ascii(), line.value.escape_ascii());
        })?;
        Ok((parsed, fields))
    }

    fn head(text: &str) -> (u16, String, String) {
        match read(text) {
            Ok((Parsed::Head(head), fields)) => (head.status, text[head.status_line].to_owned(), fields),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_and_bare_line_feeds() {
        let crlf = "HTTP/1.1 200 OK\r\nA: b\r\nX_y.z:  c d \r\nEmpty:\r\nNone\r\n\r\nbody";
        assert_eq!(head(crlf), (200, "200 OK".into(), "A=b;X_y.z=c d;Empty=;None=;".into()));
        assert_eq!(head(&crlf.replace('\r', "")), head(crlf));
        let Ok((Parsed::Head(head), _)) = read(crlf) else { panic!("no head") };
        assert_eq!((&crlf[head.len..], head.version), ("body", (1, 1)));
    }

    #[test]
    fn odd_status_lines() {
        assert_eq!(head("HTTP/1.0   404\n\n"), (404, "404".into(), String::new()));
        assert_eq!(head("HTTP/1.1 403.1 No\n\n"), (403, "403.1 No".into(), String::new()));
        assert_eq!(head("HTTP/1.1 200 \r\n\r\n"), (200, "200 ".into(), String::new()));
        for other in
            ["X", "HTTX", "HTTP/0.9 200\n\n", "HTTP/1.1 20x\n\n", "HTTP/1.1 2000\n\n", "HTTP/.1 200 OK\n\n", "\n"]
        {
            assert_eq!(read(other), Ok((Parsed::Http09, String::new())), "{other}");
        }
    }

    #[test]
    fn every_prefix_is_incomplete() {
        let whole = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]).map(|(parsed, _)| parsed), Ok(Parsed::Incomplete), "{end}");
        }
    }

    #[test]
    fn invalid_lines() {
        let invalid = |line: &str| read(&format!("HTTP/1.1 200 OK\n{line}\n\n")).map(|(parsed, _)| parsed);
        for (line, before, byte) in [
            ("a b: c", "a", b' '),
            (": c", "", b':'),
            ("a: b\0c", "a: b", 0),
            ("a: b\rc", "a: b", b'\r'),
            (" a: b", "", b' '),
        ] {
            assert_eq!(invalid(line), Err(Invalid { before: before.into(), byte }), "{line}");
        }
    }

    #[test]
    fn refused_before_the_line_has_ended() {
        for part in ["\rbody", "a b", ": c", "A\rb"] {
            assert!(read(&format!("HTTP/1.1 200 OK\r\n{part}")).is_err(), "{part}");
        }
    }

    #[test]
    fn a_repeated_status_line_is_skipped() {
        assert_eq!(head("HTTP/1.1 200 OK\nHTTP/1.1 200 OK\nA: b\n\n").2, "A=b;");
    }
}
