//! The head of a request: request line and header lines, with nginx's rules about what is dropped and what refused.

use memchr::memchr;

use super::fields::{self, Line, trim};
use super::request_line::{self, BadLine};
use super::{scan, uri};
use crate::proxy::request::{RequestHead, Version};

/// The rules of a server about heads.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `ignore_invalid_headers`
    pub ignore_invalid: bool,
    /// `underscores_in_headers`
    pub underscores: bool,
    /// `merge_slashes`
    pub merge_slashes: bool,
    /// `max_headers`
    pub max_headers: u64,
    /// `client_header_buffer_size`
    pub first_buffer: usize,
    /// `large_client_header_buffers`: number and size.
    pub large: (usize, usize),
}

/// Why a head is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status to answer with; 494 for a head that is too large.
    pub status: u16,
    /// nginx's words for error.log.
    pub text: String,
}

/// What became of the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is needed.
    Incomplete,
    /// The head is whole; so many bytes belong to it.
    Complete(usize),
}

/// Header lines that a server dropped, for error.log.
pub type Dropped = Vec<String>;

/// Reads a head from `bytes`. `rules` are those of the address's default server until a `Host` is seen: then
/// `on_host` may replace them by those of the named server, or refuse the name.
///
/// # Errors
/// [`Refused`]; `head` holds what was read until then.
pub fn parse(
    bytes: &[u8],
    mut rules: Rules,
    head: &mut RequestHead,
    dropped: &mut Dropped,
    mut on_host: impl FnMut(&[u8], bool) -> Result<Rules, Refused>,
) -> Result<Progress, Refused> {
    head.clear();
    dropped.clear();
    let skipped = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let mut lines = Lines { bytes, at: skipped, buffers: Buffers::new(&rules) };
    let line = match lines.next_line() {
        Ok(Some(line)) => line,
        Ok(None) => return lines.partial_request_line(head),
        Err(TooLong) => return Err(lines.too_long(head)),
    };
    head.line.extend_from_slice(line);
    if let Err(bad) = request_line::parse(line, head) {
        head.line.truncate(lines.buffers.seen(line, rules.first_buffer));
        head.raw_uri.clear();
        if bad == BadLine::Http09Method {
            // A page is sent whatever the method was.
            head.method.clear();
        }
        return Err(refuse(bad.status(), bad.text()));
    }
    if bad_target(&head.raw_uri, rules.merge_slashes) {
        return Err(refuse(400, BadLine::Request.text()));
    }
    if let Some(host) = &head.uri_host {
        rules = on_host(host, true)?;
    }
    if head.version == Version::Http09 {
        head.len = (lines.at - skipped) as u64;
        return Ok(Progress::Complete(lines.at));
    }
    loop {
        let start = lines.at;
        let line = match lines.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => {
                check_partial_name(bytes.get(lines.at..).unwrap_or_default())?;
                return Ok(Progress::Incomplete);
            }
            Err(TooLong) => {
                check_partial_name(lines.held())?;
                return Err(refuse(494, "client sent too long header line"));
            }
        };
        if line.is_empty() {
            head.len = (lines.at - skipped) as u64;
            return Ok(Progress::Complete(lines.at));
        }
        if let Some((name, value)) = field(line, &rules, dropped)? {
            if head.fields.len() as u64 >= rules.max_headers {
                return Err(refuse(494, "client sent too many header lines"));
            }
            check_unique(head, name, value)?;
            let text = bytes.get(start..lines.at).unwrap_or_default();
            head.fields.push_line(&Line { name, value, text }, None);
            if fields::is_named(name, b"host") {
                head.has_host = true;
                rules = on_host(value, false)?;
            }
        }
    }
}

/// Whether the target is no path: that is known before any field is. Plain ones are not looked at twice.
fn bad_target(raw: &[u8], merge_slashes: bool) -> bool {
    let path = raw.get(..scan::either(raw, b'?', b'#')).unwrap_or(raw);
    let suspect = path.get(scan::either(path, b'%', b'.').saturating_sub(1)..).unwrap_or_default();
    let odd = suspect.contains(&b'%') || suspect.windows(2).any(|pair| pair == b"/.");
    odd && uri::normalise(path, merge_slashes, &mut Vec::new(), &mut Vec::new()).is_err()
}

fn refuse(status: u16, text: impl Into<String>) -> Refused {
    Refused { status, text: text.into() }
}

/// Fields that may stand only once.
const UNIQUE: &[&[u8]] = &[
    b"host",
    b"if-modified-since",
    b"if-unmodified-since",
    b"if-match",
    b"if-none-match",
    b"content-length",
    b"content-range",
    b"if-range",
    b"transfer-encoding",
    b"expect",
    b"authorization",
    b"proxy-authorization",
];

fn check_unique(head: &RequestHead, name: &[u8], value: &[u8]) -> Result<(), Refused> {
    if !head.fields.has(name) || !UNIQUE.iter().any(|unique| unique.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let Some((before, previous)) = head.fields.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)) else {
        return Ok(());
    };
    let what = if name.eq_ignore_ascii_case(b"host") { "host header" } else { "header line" };
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (name, value, before, previous) = (show(name), show(value), show(before), show(previous));
    let text = format!("client sent duplicate {what}: \"{name}: {value}\", previous value: \"{before}: {previous}\"");
    Err(refuse(400, text))
}

/// A header's name and value.
type Field<'a> = (&'a [u8], &'a [u8]);

/// Takes a header line apart; none when it is to be dropped.
fn field<'a>(line: &'a [u8], rules: &Rules, dropped: &mut Dropped) -> Result<Option<Field<'a>>, Refused> {
    let line = before_line_end(line);
    let mut valid = true;
    let mut end = 0;
    // Plain bytes are looked up, since nearly all are.
    while let Some(&byte) = line.get(end) {
        match byte {
            _ if is_plain(byte) => {}
            b':' if end > 0 => break,
            b'_' => valid &= rules.underscores,
            0..=0x20 | 0x7f | b':' => return Err(invalid(line, end)),
            _ => valid = false,
        }
        end += 1;
    }
    let (name, rest) = line.split_at(end);
    let value = trim(rest.get(1..).unwrap_or_default());
    // There is no line feed in it.
    if let Some(at) = scan::line_stop(value) {
        return Err(invalid(line, line.len() - value.len() + at));
    }
    if !valid && rules.ignore_invalid {
        dropped.push(format!("client sent invalid header line: \"{}\"", String::from_utf8_lossy(line)));
        return Ok(None);
    }
    Ok(Some((name, value)))
}

/// Any number of CRs may come before the line feed, but nowhere else.
fn before_line_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(1, |at| at + 1);
    line.get(..end).unwrap_or(line)
}

/// Whether a byte may stand in any name.
fn is_plain(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0u8;
        while byte < 128 {
            plain[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'-';
            byte += 1;
        }
        plain
    };
    PLAIN[usize::from(byte)]
}

fn invalid(line: &[u8], at: usize) -> Refused {
    let (before, byte) = (line.get(..at).unwrap_or_default(), line.get(at).copied().unwrap_or(0));
    refuse(400, format!("client sent invalid header line: \"{}\\x{byte:02x}...\"", String::from_utf8_lossy(before)))
}

/// A name that cannot become valid is refused before its line has ended.
fn check_partial_name(part: &[u8]) -> Result<(), Refused> {
    let alone = |pair: &[u8]| pair.first() == Some(&b'\r') && !matches!(pair.get(1), Some(b'\r' | b'\n'));
    if let Some(at) = part.windows(2).position(alone) {
        return Err(invalid(part, at));
    }
    let bad = |(at, byte): (usize, &u8)| match byte {
        b'\r' => None,
        0..=0x20 | 0x7f => Some(at),
        b':' if at == 0 => Some(at),
        _ => None,
    };
    let name = part.iter().enumerate().take_while(|(at, byte)| *at == 0 || **byte != b':');
    match name.filter_map(bad).next() {
        Some(at) => Err(invalid(part, at)),
        None => Ok(()),
    }
}

/// A line is longer than a large buffer, or there are too many of them.
struct TooLong;

/// Takes lines and counts the buffers that nginx would need for them.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    buffers: Buffers,
}

impl<'a> Lines<'a> {
    /// The next line without its end; none when it is not whole yet.
    fn next_line(&mut self) -> Result<Option<&'a [u8]>, TooLong> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(end) = memchr(b'\n', rest) else {
            self.buffers.fits(rest.len() + 1)?;
            return Ok(None);
        };
        self.buffers.fits(end + 1)?;
        self.buffers.take(end + 1);
        self.at += end + 1;
        let line = rest.get(..end).unwrap_or_default();
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// As much of a line that is too long as the buffers hold.
    fn held(&self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.get(..self.buffers.holds()).unwrap_or(rest)
    }

    /// The request line is too long, unless it could not have become one anyway.
    fn too_long(&self, head: &mut RequestHead) -> Refused {
        let part = self.held();
        head.line.extend_from_slice(part);
        if !request_line::may_become(part) {
            head.line.truncate(self.buffers.seen(part, self.buffers.room));
            return refuse(400, BadLine::Method.text());
        }
        head.method.extend(part.iter().take_while(|byte| **byte != b' '));
        refuse(414, "client sent too long URI")
    }

    fn partial_request_line(&self, head: &mut RequestHead) -> Result<Progress, Refused> {
        let part = self.bytes.get(self.at..).unwrap_or_default();
        if request_line::may_become(part) {
            return Ok(Progress::Incomplete);
        }
        head.line.extend_from_slice(part);
        head.line.truncate(self.buffers.seen(part, self.buffers.room));
        Err(refuse(400, BadLine::Method.text()))
    }
}

/// nginx's buffers: a first small one, then large ones; a line never lies in two.
struct Buffers {
    room: usize,
    left: usize,
    large: usize,
    unused: usize,
}

impl Buffers {
    fn new(rules: &Rules) -> Self {
        let (unused, large) = rules.large;
        Buffers { room: rules.first_buffer, left: rules.first_buffer, large, unused }
    }

    /// Whether a line of `len` bytes, or as much as has come of it, can be held.
    fn fits(&self, len: usize) -> Result<(), TooLong> {
        let here = len <= self.left;
        let next = self.unused > 0 && len <= self.large;
        if here || next { Ok(()) } else { Err(TooLong) }
    }

    /// The longest line that can be held.
    fn holds(&self) -> usize {
        if self.unused > 0 { self.left.max(self.large) } else { self.left }
    }

    /// How much of a bad request line has been read when it is found to be bad: it is logged as far, at most to its
    /// first CR. `first` is the size of the buffer that it begins in.
    fn seen(&self, line: &[u8], first: usize) -> usize {
        let read = match line.get(..first) {
            Some(begin) if !request_line::may_become(begin) => first,
            _ => line.len().min(first.max(self.large)),
        };
        memchr(b'\r', line).map_or(read, |at| at.min(read))
    }

    fn take(&mut self, len: usize) {
        if len > self.left {
            self.unused = self.unused.saturating_sub(1);
            self.room = self.large;
            self.left = self.room;
        }
        self.left = self.left.saturating_sub(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        ignore_invalid: true,
        underscores: false,
        merge_slashes: true,
        max_headers: 1000,
        first_buffer: 1024,
        large: (4, 8192),
    };

    fn read(bytes: &[u8], rules: Rules) -> (Result<Progress, Refused>, RequestHead) {
        let mut head = RequestHead::default();
        let progress = parse(bytes, rules, &mut head, &mut Vec::new(), |_, _| Ok(rules));
        (progress, head)
    }

    #[test]
    fn fields_and_rest() {
        let bytes = b"\r\nGET / HTTP/1.1\nHost: a\r\nX_y: 1\r\nX-Z:  v  \r\n\r\nrest";
        let (progress, head) = read(bytes, RULES);
        assert_eq!(progress, Ok(Progress::Complete(bytes.len() - 4)));
        assert_eq!(head.fields.iter().collect::<Vec<_>>(), [(&b"Host"[..], &b"a"[..]), (b"X-Z", b"v")]);
        assert_eq!(head.len, bytes.len() as u64 - 6);
        let (_, head) = read(bytes, Rules { underscores: true, ..RULES });
        assert!(head.fields.has(b"x_y"));
        for end in 2..bytes.len() - 5 {
            assert_eq!(read(bytes.get(..end).unwrap_or_default(), RULES).0, Ok(Progress::Incomplete), "{end}");
        }
    }

    #[test]
    fn refused() {
        let status = |bytes: &[u8], rules| read(bytes, rules).0.err().map(|refused| refused.status);
        assert_eq!(status(b"GET / HTTP/1.1\r\n: x\r\n\r\n", RULES), Some(400));
        assert_eq!(status(b"GET / HTTP/1.1\r\nX y: x\r\n\r\n", RULES), Some(400));
        assert_eq!(status(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", RULES), Some(400));
        for field in ["A: b\rc", "A: \rb", "A\r: b", "\r"] {
            let head = format!("GET / HTTP/1.1\r\n{field}\r\n\r\n");
            assert_eq!(status(head.as_bytes(), RULES), Some(400), "{field:?}");
        }
        assert_eq!(status(b"GET / HTTP/1.1\r\nA: b\r\r\n\r\n", RULES), None);
        assert_eq!(status(b"\x16\x03\x01", RULES), Some(400));
        assert_eq!(status(b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n", Rules { max_headers: 1, ..RULES }), Some(494));
        let long = [b"GET /".as_slice(), &[b'a'; 9000], b" HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(status(&long, RULES), Some(414));
        let long = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; 9000], b"\r\n\r\n"].concat();
        assert_eq!(status(&long, RULES), Some(494));
        // What lies beyond the buffers has not been seen.
        let long = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &[b'a'; 9000], b"\r\nb: \rc\r\n\r\n"].concat();
        assert_eq!(status(&long, RULES), Some(494));
        for target in ["/%00", "/../", "/a//../..", "/%2e%2e/", "/a%", "/%zz"] {
            let (progress, head) = read(format!("GET {target} HTTP/1.1\r\nHost: a\r\n").as_bytes(), RULES);
            assert_eq!(progress.err().map(|refused| refused.status), Some(400), "{target}");
            assert!(head.fields.is_empty(), "{target}");
        }
        assert_eq!(status(b"GET /a/%2e%2e/.b?../%00 HTTP/1.1\r\n\r\n", RULES), None);
        let many = [b"GET / HTTP/1.1\r\n".as_slice(), &[b"A: ".as_slice(), &[b'a'; 8000], b"\r\n"].concat().repeat(6)]
            .concat();
        assert_eq!(status(&many, RULES), Some(494));
    }
}
