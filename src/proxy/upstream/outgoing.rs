//! A request on its way to a backend: its head, then its body from memory, from a file, or as the client sends it.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rkeep_parsers::ir::http::{Protocol, ProxyPass};
use rkeep_parsers::table::value::{HttpVersion, Level};

use super::backend::Backend;
use super::headers::Length;
use super::memcached;
use super::packets;
use super::params;
use super::route::Route;
use super::splice::{self, Pipe};
use super::target::Destination;
use super::{fastcgi, http2};
use crate::proxy::body::{Stored, Took};
use crate::proxy::http::chunked::{LAST_CHUNK, chunk_line};
use crate::proxy::io::Lease;
use crate::proxy::request::{RequestCtx, Status};
use crate::proxy::spare::Buffer;

/// With fewer bytes at hand more are taken, so that small windows are filled by one frame.
const WORTH: usize = 16 * 1024;

/// A request as it will be sent, however often.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Everything up to the body, and a `proxy_set_body`.
    head: Buffer,
    /// Where the URI is in `head`.
    uri: std::ops::Range<usize>,
    body: Source,
    /// Whether the answer will have no body.
    pub is_head: bool,
    /// Where it goes by HTTP/2.
    http2: Option<Http2>,
}

/// What HTTP/2 does otherwise.
#[derive(Clone, Copy, Debug)]
struct Http2 {
    https: bool,
    /// Where the head ends within [`Outgoing::head`]: it leaves as fields.
    end: usize,
}

/// Where the body comes from.
#[derive(Debug, Default)]
enum Source {
    /// Nowhere.
    #[default]
    None,
    /// `cx.body.stored`
    Memory,
    File(Arc<File>, u64),
    /// The client, while it is sent.
    Client(Frame),
    /// A file, framed as it is sent.
    Records(Arc<File>, u64),
}

impl Source {
    /// The client's body as it is, but for chunks.
    fn of(cx: &RequestCtx, streamed: bool) -> Source {
        match &cx.body.stored {
            _ if !cx.conf().proxy.pass_request_body => Source::None,
            _ if streamed => {
                Source::Client(if cx.body.chunked() && !by_http2(cx) { Frame::Chunked } else { Frame::Plain })
            }
            Stored::Memory(bytes) if !bytes.is_empty() => Source::Memory,
            Stored::File { file, len, .. } => Source::File(Arc::clone(file), *len),
            _ => Source::None,
        }
    }
}

/// What is put around pieces of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Plain,
    Chunked,
    Records,
}

impl Frame {
    /// Appends a piece; `last`: none follows.
    fn wrap(self, piece: &[u8], last: bool, out: &mut Vec<u8>) {
        match self {
            Frame::Plain => out.extend_from_slice(piece),
            Frame::Records => fastcgi::stdin(piece, last, out),
            Frame::Chunked => {
                if !piece.is_empty() {
                    chunk_line(piece.len(), out);
                    out.extend_from_slice(piece);
                    out.extend_from_slice(b"\r\n");
                }
                if last {
                    out.extend_from_slice(LAST_CHUNK);
                }
            }
        }
    }
}

/// How far one sending has come.
#[derive(Debug, Default)]
pub struct Progress {
    head: usize,
    body: u64,
    /// What was taken from the client and is not sent yet.
    taken: Vec<u8>,
    taken_at: usize,
    ended: bool,
    /// Bytes sent in all.
    pub sent: u64,
}

/// What a step of sending came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All is sent.
    Done,
    /// The backend takes no more now.
    Blocked,
    /// The client's next bytes have not come.
    Starved,
}

/// Why sending cannot go on.
#[derive(Debug)]
pub enum Failure {
    /// The backend's end.
    Backend(io::Error),
    /// The client's end.
    Client(Status),
}

impl Outgoing {
    /// Whether the client's body may pass without being kept.
    pub fn streams(cx: &RequestCtx) -> bool {
        let conf = &cx.conf().proxy;
        !conf.request_buffering
            && conf.pass_request_body
            && conf.set_body.is_none()
            && cx.body.present()
            && !cx.body.unwanted
            && matches!(cx.body.stored, Stored::Nowhere)
            && (!cx.body.chunked() || conf.http_version != HttpVersion::Http10)
    }

    /// Writes the head. The client's body has been read unless it is streamed.
    /// `for_cache`: its answer may be kept.
    ///
    /// # Errors
    /// 500 for what the protocol cannot say; the log says what.
    pub fn compose(
        cx: &RequestCtx,
        route: &Route,
        pass: &ProxyPass,
        to: &Destination<'_>,
        streamed: bool,
        for_cache: bool,
    ) -> Result<Outgoing, Status> {
        match pass.protocol {
            Protocol::Http | Protocol::Grpc => {}
            Protocol::FastCgi => return Ok(Outgoing::of_records(cx, streamed, for_cache)),
            Protocol::Scgi | Protocol::Uwsgi => return Outgoing::of_params(cx, pass.protocol, streamed, for_cache),
            Protocol::Memcached => return Outgoing::of_item(cx, pass),
        }
        let conf = &cx.conf().proxy;
        let mut head = Buffer::take();
        let method = conf.method.as_ref().map(|method| cx.eval(method));
        // A cache keeps whole answers.
        let own: &[u8] = if for_cache && conf.cache_convert_head && cx.is_head() { b"GET" } else { &cx.method };
        let method = method.as_deref().unwrap_or(own);
        head.extend_from_slice(method);
        head.push(b' ');
        let start = head.len();
        to.write_uri(cx, pass, &mut head);
        let uri = start..head.len();
        head.extend_from_slice(match conf.http_version {
            HttpVersion::Http10 => b" HTTP/1.0\r\n",
            HttpVersion::Http11 | HttpVersion::Http20 => b" HTTP/1.1\r\n",
        });
        let own_body = conf.set_body.as_ref().map(|body| cx.eval(body));
        let is_http2 = by_http2(cx);
        let length = match pass.protocol {
            // The end of the stream tells, unless the client has told.
            Protocol::Grpc => cx.body.content_length.map_or(Length::None, Length::Known),
            _ => length(cx, own_body.as_deref(), streamed),
        };
        let headers = route.headers_for_cache.as_ref().filter(|_| for_cache).unwrap_or(&route.headers);
        headers.write(cx, &to.host, length, &mut head);
        if pass.protocol == Protocol::Grpc && wants_trailers(cx) && !route.sets_te {
            head.extend_from_slice(b"TE: trailers\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let http2 = is_http2.then_some(Http2 { https: to.https, end: head.len() });
        head.extend_from_slice(own_body.as_deref().unwrap_or_default());
        let body = if own_body.is_some() { Source::None } else { Source::of(cx, streamed) };
        Ok(Outgoing { is_head: method.eq_ignore_ascii_case(b"HEAD"), head, uri, body, http2 })
    }

    /// The same as the parameters of SCGI or uwsgi, with the body behind them.
    fn of_params(cx: &RequestCtx, protocol: Protocol, streamed: bool, for_cache: bool) -> Result<Outgoing, Status> {
        let (mut head, mut params, mut fits) = (Buffer::take(), Vec::new(), true);
        params::each(cx, protocol, for_cache, |name, value| match protocol {
            Protocol::Scgi => packets::scgi_param(name, value, &mut params),
            _ => fits &= packets::uwsgi_param(name, value, &mut params),
        });
        if protocol == Protocol::Scgi {
            let length = match length(cx, None, streamed) {
                Length::Known(length) => length,
                Length::None | Length::Chunked => 0,
            };
            packets::scgi(length, &params, &mut head);
        } else {
            let conf = &cx.conf().uwsgi;
            params.extend_from_slice(conf.string.as_deref().unwrap_or_default().as_bytes());
            fits &= packets::uwsgi((conf.modifier1.0 as u8, conf.modifier2.0 as u8), &params, &mut head);
        }
        if !fits {
            cx.error(Level::Alert, format_args!("uwsgi request is too big: {}", params.len()));
            return Err(Status(500));
        }
        Ok(Outgoing { is_head: false, head, uri: 0..0, body: Source::of(cx, streamed), http2: None })
    }

    /// The request for an item of memcached.
    fn of_item(cx: &RequestCtx, pass: &ProxyPass) -> Result<Outgoing, Status> {
        let key = pass.key.as_ref().map(|key| cx.eval(key)).filter(|key| !key.is_empty());
        let Some(key) = key else {
            cx.error(Level::Error, format_args!("the \"$memcached_key\" variable is not set"));
            return Err(Status(500));
        };
        let mut head = Buffer::take();
        memcached::request(&key, &mut head);
        Ok(Outgoing { is_head: false, head, uri: 0..0, body: Source::None, http2: None })
    }

    /// The same as FastCGI's records; what is in memory of the body goes with the head.
    fn of_records(cx: &RequestCtx, streamed: bool, for_cache: bool) -> Outgoing {
        let mut head = Buffer::take();
        fastcgi::request::head(cx, for_cache, &mut head);
        let body = match &cx.body.stored {
            _ if !cx.conf().proxy.pass_request_body => Source::None,
            _ if streamed => Source::Client(Frame::Records),
            Stored::File { file, len, .. } => Source::Records(Arc::clone(file), *len),
            _ => Source::None,
        };
        if matches!(body, Source::None) {
            let bytes = match &cx.body.stored {
                Stored::Memory(bytes) if cx.conf().proxy.pass_request_body => bytes.as_slice(),
                _ => &[],
            };
            fastcgi::stdin(bytes, true, &mut head);
        }
        // A name for the log; nothing of it is sent by itself.
        Outgoing { is_head: false, head, uri: 0..0, body, http2: None }
    }

    /// Whether the body leaves in pieces as the client sends it: they must not wait for one another's acknowledgement.
    pub fn comes_in_pieces(&self) -> bool {
        matches!(self.body, Source::Client(_))
    }

    /// What is sent before the body.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The URI.
    pub fn uri(&self) -> &[u8] {
        self.head.get(self.uri.clone()).unwrap_or_default()
    }

    /// Whether the URI came to nothing.
    pub fn has_no_uri(&self) -> bool {
        // Parameters are no URI.
        self.uri.is_empty() && self.uri.start > 0
    }

    /// Sends as far as the backend takes it.
    ///
    /// # Errors
    /// [`Failure`]
    pub fn step(&self, cx: &mut RequestCtx, backend: &Backend, progress: &mut Progress) -> Result<Step, Failure> {
        let step = self.advance(cx, backend, progress);
        if let Some(h2) = backend.stream.http2() {
            match step {
                Ok(Step::Done) => h2.finish(),
                _ => h2.flush(),
            }
        }
        step
    }

    fn advance(&self, cx: &mut RequestCtx, backend: &Backend, progress: &mut Progress) -> Result<Step, Failure> {
        loop {
            if !backend.stream.is_encrypted()
                && self.may_splice(cx, progress)
                && let Some(step) = splice_up(cx, backend, progress)?
            {
                return Ok(step);
            }
            let left = progress.taken.len() - progress.taken_at;
            let in_pieces = matches!(self.body, Source::Client(_) | Source::Records(..));
            // Frames of HTTP/2 are worth filling.
            let hungry = in_pieces && (left == 0 || (self.http2.is_some() && left < WORTH));
            if hungry && !progress.ended && !self.take(cx, progress)? && left == 0 && progress.head == self.head.len() {
                return Ok(Step::Starved);
            }
            match self.write(cx, backend, progress) {
                Ok(0) => return Ok(Step::Done),
                Ok(n) => progress.sent += n as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Step::Blocked),
                Err(error) => return Err(Failure::Backend(error)),
            }
            if self.is_sent(cx, progress) {
                return Ok(Step::Done);
            }
        }
    }

    /// Whether what is to come of the body may pass from socket to socket.
    fn may_splice(&self, cx: &RequestCtx, progress: &Progress) -> bool {
        matches!(self.body, Source::Client(Frame::Plain))
            && progress.head == self.head.len()
            && progress.taken_at == progress.taken.len()
            && !cx.body.expects_continue
            && !cx.conn.stream.is_encrypted()
            && cx.body_plain().is_some_and(|left| left >= splice::WORTH)
    }

    fn is_sent(&self, cx: &RequestCtx, progress: &Progress) -> bool {
        progress.head == self.head.len()
            && match &self.body {
                Source::None => true,
                Source::Memory => progress.body == cx.body.stored.len(),
                Source::File(_, len) => progress.body == *len,
                Source::Client(_) | Source::Records(..) => progress.ended && progress.taken_at == progress.taken.len(),
            }
    }

    /// Takes what is here of a body that is framed as it is sent. Says whether there was something.
    fn take(&self, cx: &mut RequestCtx, progress: &mut Progress) -> Result<bool, Failure> {
        let mut raw = std::mem::take(&mut progress.taken);
        raw.drain(..progress.taken_at);
        progress.taken_at = 0;
        let frame = match &self.body {
            Source::Client(frame) => *frame,
            Source::Records(file, len) => {
                read_piece(file, progress, &mut raw).map_err(Failure::Backend)?;
                progress.ended = progress.body >= *len;
                Frame::Records
            }
            _ => return Ok(false),
        };
        if let Source::Client(_) = self.body {
            let took = cx.body_take(&mut raw).map_err(Failure::Client)?;
            if took == Took::Pending {
                progress.taken = raw;
                return Ok(false);
            }
            // Where the end has come with the data it leaves with them.
            progress.ended = took == Took::End || cx.body.done;
        }
        if frame == Frame::Plain {
            progress.taken = raw;
        } else {
            progress.taken = Vec::with_capacity(raw.len() + 32);
            frame.wrap(&raw, progress.ended, &mut progress.taken);
        }
        Ok(true)
    }

    /// One call that sends.
    fn write(&self, cx: &RequestCtx, backend: &Backend, progress: &mut Progress) -> io::Result<usize> {
        if let (Some(own), Some(h2)) = (&self.http2, backend.stream.http2())
            && progress.head < own.end
        {
            let bodyless = matches!(self.body, Source::None) && own.end == self.head.len();
            let text = self.head.get(..own.end).unwrap_or_default();
            h2.begin(&http2::block(text, own.https), bodyless);
            progress.head = own.end;
            return Ok(own.end);
        }
        let head = self.head.get(progress.head..).unwrap_or_default();
        let (n, body) = match &self.body {
            Source::File(..) if !head.is_empty() => (backend.stream.try_write_more(head)?, &[][..]),
            Source::File(file, len) => {
                let left = usize::try_from(len - progress.body).unwrap_or(usize::MAX).min(2 << 20);
                if left == 0 {
                    return Ok(0);
                }
                return match backend.stream.try_send_file(file, &mut progress.body, left)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    n => Ok(n),
                };
            }
            _ => {
                let body = self.in_memory(cx, progress);
                let n = match (head.is_empty(), body.is_empty()) {
                    (true, true) => return Ok(0),
                    (false, true) => backend.stream.try_write(head)?,
                    (true, false) => backend.stream.try_write(body)?,
                    (false, false) => backend.stream.try_write_vectored(&[IoSlice::new(head), IoSlice::new(body)])?,
                };
                (n, body)
            }
        };
        let of_head = n.min(head.len());
        let of_body = (n - of_head).min(body.len());
        progress.head += of_head;
        match self.body {
            Source::Client(_) | Source::Records(..) => progress.taken_at += of_body,
            _ => progress.body += of_body as u64,
        }
        Ok(n)
    }

    /// What is in memory of the body and not sent.
    fn in_memory<'a>(&self, cx: &'a RequestCtx, progress: &'a Progress) -> &'a [u8] {
        match (&self.body, &cx.body.stored) {
            (Source::Memory, Stored::Memory(bytes)) => bytes.get(progress.body as usize..).unwrap_or_default(),
            (Source::Client(_) | Source::Records(..), _) => progress.taken.get(progress.taken_at..).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Passes a part of the body from socket to socket. None when the usual way is to be gone: the client has closed, or the
/// backend did not take everything.
fn splice_up(cx: &mut RequestCtx, backend: &Backend, progress: &mut Progress) -> Result<Option<Step>, Failure> {
    let (Some(left), Ok(mut pipe)) = (cx.body_plain(), Pipe::take()) else { return Ok(None) };
    let filled = match pipe.fill(&cx.conn.stream, left) {
        Ok(n) if n > 0 => n,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Some(Step::Starved)),
        _ => return Ok(None),
    };
    cx.body_passed(filled as u64);
    while pipe.filled() > 0 {
        match pipe.empty(&backend.stream) {
            Ok(n) if n > 0 => progress.sent += n as u64,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(Failure::Backend(error)),
            _ => break,
        }
    }
    progress.taken.resize(pipe.filled(), 0);
    progress.taken_at = 0;
    let mut at = 0;
    while pipe.filled() > 0 {
        match pipe.read(progress.taken.get_mut(at..).unwrap_or_default()).map_err(Failure::Backend)? {
            0 => return Err(Failure::Backend(io::ErrorKind::UnexpectedEof.into())),
            n => at += n,
        }
    }
    Ok(None)
}

/// The next bytes of a file.
fn read_piece(file: &File, progress: &mut Progress, out: &mut Vec<u8>) -> io::Result<()> {
    let mut lease = Lease::take();
    match file.read_at(&mut lease, progress.body)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        n => {
            progress.body += n as u64;
            out.extend_from_slice(lease.get(..n).unwrap_or_default());
            Ok(())
        }
    }
}

/// Whether requests leave as frames of HTTP/2.
fn by_http2(cx: &RequestCtx) -> bool {
    cx.conf().proxy.http_version == HttpVersion::Http20
}

/// Whether the client takes trailers.
fn wants_trailers(cx: &RequestCtx) -> bool {
    cx.head.fields.get(b"TE").is_some_and(|te| te.windows(8).any(|word| word.eq_ignore_ascii_case(b"trailers")))
}

/// The framing of the body as the backend is told of it.
fn length(cx: &RequestCtx, own_body: Option<&[u8]>, streamed: bool) -> Length {
    match own_body {
        Some(body) => Length::Known(body.len() as u64),
        // What another request has read; its head says how it was framed then.
        None if cx.is_subrequest() && cx.body.stored.is_empty() => Length::None,
        None if cx.is_subrequest() => Length::Known(cx.body.stored.len()),
        None if cx.body.chunked() && streamed => Length::Chunked,
        None if cx.body.chunked() => Length::Known(cx.body.stored.len()),
        None => cx.body.content_length.map_or(Length::None, Length::Known),
    }
}
