//! Reading the head of a backend's answer.

use crate::proxy::boxed::boxed;
use std::io;
use std::ops::Range;

use rkeep_parsers::ir::http::Protocol;
use rkeep_parsers::table::value::Level;

use super::backend::{Backend, Client, Interrupted};
use super::cgi;
use super::head::{self, Parsed};
use super::hints;
use super::meaning::{Meaning, Verdict};
use super::memcached;
use super::trouble::Trouble;
use super::{fastcgi, http2};
use crate::proxy::http::fields::Fields;
use crate::proxy::http::known::Known;
use crate::proxy::io::Lease;
use crate::proxy::paths;
use crate::proxy::request::{RequestCtx, Status};

/// Why a try gave no answer.
#[derive(Debug)]
pub enum Failed {
    /// The backend's fault: another may be asked.
    Try(Trouble),
    /// The request is over.
    Request(Status),
}

/// The head of an answer; its fields are in `cx.upstream_fields`.
#[derive(Debug)]
pub struct Received {
    /// The status; 200 for HTTP/0.9.
    pub status: u16,
    /// Status and reason as sent; empty for HTTP/0.9, none for a plain `200 OK`.
    pub status_line: Option<Vec<u8>>,
    /// What the fields say.
    pub meaning: Meaning,
    /// Whether there was a head at all.
    pub http09: bool,
    /// What was read beyond the head.
    pub rest: Rest,
    /// What the answer comes in.
    pub form: Form,
}

/// What an answer comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As HTTP/1 has it.
    #[default]
    Http,
    /// In HTTP/2's frames.
    Http2 {
        /// It has ended with the head.
        ended: bool,
    },
    /// Without framing: its length is told, or the connection's end is its end.
    Cgi,
    /// In FastCGI's records.
    Records,
    /// With memcached's trailer behind it.
    Memcached,
}

/// Bytes read beyond the head.
#[derive(Debug, Default)]
pub enum Rest {
    /// None.
    #[default]
    Nothing,
    /// In the buffer that was lent for reading; only until something is waited for.
    Lent(Lease, Range<usize>),
    /// In memory.
    Own(Vec<u8>, usize),
}

impl Rest {
    /// Forgets all but the first `len` bytes; says whether there were more.
    pub fn cut(&mut self, len: usize) -> bool {
        let more = self.bytes().len() > len;
        match self {
            Rest::Nothing => {}
            Rest::Lent(_, range) => range.end = range.end.min(range.start + len),
            Rest::Own(bytes, at) => bytes.truncate(*at + len),
        }
        more
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Rest::Nothing => &[],
            Rest::Lent(lease, range) => lease.get(range.clone()).unwrap_or_default(),
            Rest::Own(bytes, at) => bytes.get(*at..).unwrap_or_default(),
        }
    }
}

/// Reads until a final head is there. Interim answers (1xx but 101) are skipped. `request` is the head that was sent.
///
/// # Errors
/// [`Failed`]; the log says why.
pub async fn receive(
    cx: &mut RequestCtx,
    backend: &Backend,
    protocol: Protocol,
    request: &[u8],
    watch: Client,
) -> Result<Received, Failed> {
    if let Some(h2) = backend.stream.http2() {
        return boxed(|| http2::receive(cx, backend, h2, watch)).await;
    }
    cx.action = " while reading response header from upstream";
    let patience = cx.conf().proxy.read_timeout.duration();
    // A body whose rate is limited must not come whole with the head; the head itself may say the limit.
    let most = if may_be_slow(cx) { cx.conf().proxy.buffer_size.0 as usize } else { usize::MAX };
    let mut early: Vec<u8> = Vec::new();
    let mut hints = (protocol == Protocol::Http && hints::wanted(cx)).then_some(0);
    loop {
        let came = backend.read(&cx.conn, most, patience, watch).await;
        let (lease, n) = came.map_err(|why| interrupted(cx, why))?;
        if n == 0 {
            cx.error(Level::Error, format_args!("upstream prematurely closed connection"));
            return Err(Failed::Try(Trouble::Error));
        }
        if let Some(record) = cx.upstream.last_mut() {
            record.bytes_received += n as u64;
        }
        if protocol != Protocol::Http {
            early.extend_from_slice(lease.get(..n).unwrap_or_default());
            drop(lease);
            let received = match protocol {
                Protocol::FastCgi => fastcgi::answer::receive(cx, &early)?,
                Protocol::Memcached => memcached::receive(cx, &early, request)?,
                _ => cgi::receive(cx, &early)?,
            };
            if let Some(received) = received {
                return Ok(received);
            }
        } else if early.is_empty() && hints.is_none() {
            let bytes = lease.get(..n).unwrap_or_default();
            if let Some((found, at)) = read(cx, bytes)? {
                let rest = if at < n { Rest::Lent(lease, at..n) } else { Rest::Nothing };
                return Ok(Received { rest, ..found });
            }
            early.extend_from_slice(bytes);
        } else {
            early.extend_from_slice(lease.get(..n).unwrap_or_default());
            drop(lease);
            if let Some(passed) = &mut hints {
                *passed = boxed(|| hints::pass(cx, &early, *passed)).await;
            }
            if let Some((found, at)) = read(cx, &early)? {
                return Ok(Received { rest: Rest::Own(early, at), ..found });
            }
        }
    }
}

/// Whether `proxy_limit_rate` is written.
fn may_be_slow(cx: &RequestCtx) -> bool {
    !matches!(cx.conf().proxy.limit_rate.as_text(), Some(b"" | b"0"))
}

/// `proxy_limit_rate`
pub fn rate(cx: &RequestCtx) -> u64 {
    let written = &cx.conf().proxy.limit_rate;
    match may_be_slow(cx) {
        false => 0,
        true => paths::size(&cx.eval(written)).unwrap_or(0),
    }
}

/// What ended a wait for the backend, told to the log.
pub fn interrupted(cx: &mut RequestCtx, why: Interrupted) -> Failed {
    match why {
        Interrupted::Timeout => {
            let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
            cx.error_io(Level::Error, &error, format_args!("upstream timed out"));
            Failed::Try(Trouble::Timeout)
        }
        Interrupted::ClientGone => {
            cx.error(
                Level::Info,
                format_args!("epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too"),
            );
            cx.keepalive = false;
            Failed::Request(Status(499))
        }
        Interrupted::Failed(error) => {
            cx.error_io(Level::Error, &error, format_args!("recv() failed"));
            Failed::Try(Trouble::Error)
        }
    }
}

/// A head that has been kept; its fields are in `cx.upstream_fields` then.
pub fn stored(cx: &mut RequestCtx, head: &[u8]) -> Option<Received> {
    read(cx, head).ok().flatten().map(|(received, _)| received)
}

/// Reads what is there; where the head ends.
///
/// # Errors
/// [`Failed`]; the log says why.
pub fn read(cx: &mut RequestCtx, bytes: &[u8]) -> Result<Option<(Received, usize)>, Failed> {
    let mut at = 0;
    loop {
        let buffer = bytes.get(at..).unwrap_or_default();
        let mut fields = std::mem::take(&mut cx.upstream_fields);
        fields.clear();
        let read = take_fields(cx, buffer, &mut fields);
        cx.upstream_fields = fields;
        match read? {
            (Parsed::Incomplete, _) if buffer.len() as u64 >= cx.conf().proxy.buffer_size.0 => return Err(too_big(cx)),
            (Parsed::Incomplete, _) => return Ok(None),
            (Parsed::Http09, _) => {
                cx.error(Level::Error, format_args!("upstream sent no valid HTTP/1.0 header"));
                cx.upstream_fields.clear();
                return Ok(Some((Received::new(200, Some(Vec::new()), Meaning::of_nothing(), true), at)));
            }
            (Parsed::Head(head), _) if head.len as u64 > cx.conf().proxy.buffer_size.0 => return Err(too_big(cx)),
            (Parsed::Head(head), _) if head.status / 100 == 1 && head.status != 101 => at += head.len,
            (Parsed::Head(head), mut meaning) => {
                meaning.close |= head.version < (1, 1);
                let line = buffer.get(head.status_line.clone()).unwrap_or_default();
                let line = (line != b"200 OK").then(|| line.to_vec());
                return Ok(Some((Received::new(head.status, line, meaning, false), at + head.len)));
            }
        }
    }
}

impl Received {
    fn new(status: u16, status_line: Option<Vec<u8>>, meaning: Meaning, http09: bool) -> Self {
        Received { status, status_line, meaning, http09, rest: Rest::Nothing, form: Form::Http }
    }

    /// Of an answer that has no fields but a length.
    pub fn of_length(status: u16, length: u64) -> Self {
        let meaning = Meaning::of_length(length);
        Received::new(status, None, meaning, false)
    }
}

fn too_big(cx: &mut RequestCtx) -> Failed {
    cx.error(Level::Error, format_args!("upstream sent too big header"));
    Failed::Try(Trouble::InvalidHeader)
}

/// Reads a head into `fields`; tells the log what is wrong with them.
fn take_fields(cx: &RequestCtx, buffer: &[u8], fields: &mut Fields) -> Result<(Parsed, Meaning), Failed> {
    let mut meaning = Meaning::default();
    let mut refused = false;
    let parsed = head::parse(buffer, |line| {
        if refused {
            return;
        }
        let known = Known::of(line.name);
        match meaning.take(known, line.name, line.value, fields) {
            Verdict::Keep => fields.push_line(line, known),
            Verdict::Ignore(why) => cx.error(Level::Warn, format_args!("{why}")),
            Verdict::Refuse(why) => {
                cx.error(Level::Error, format_args!("{why}"));
                refused = true;
            }
        }
    });
    match parsed {
        Ok(parsed) if !refused => Ok((parsed, meaning)),
        Ok(_) => Err(Failed::Try(Trouble::InvalidHeader)),
        Err(invalid) => {
            let before = String::from_utf8_lossy(&invalid.before);
            cx.error(
                Level::Error,
                format_args!("upstream sent invalid header: \"{before}\\x{:02x}...\"", invalid.byte),
            );
            Err(Failed::Try(Trouble::InvalidHeader))
        }
    }
}
