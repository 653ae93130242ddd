//! The body of an answer on its way from the backend to the client: read as fast as it comes while buffers last, or only
//! as fast as the client takes it where the answer is not buffered.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use rkeep_parsers::table::value::Level;

use super::backend::{Backend, Client, Interrupted, poll_interrupt};
use super::body::Reader;
use super::idle::{self, Owner};
use super::outlet::Outlet;
use super::receive::{Rest, interrupted, rate};
use super::splice::{self, Pipe};
use super::spool::Spool;
use super::trailers;
use super::tries::Held;
use super::tunnel;
use super::upload::Upload;
use super::{fastcgi, http2};
use crate::proxy::cache::Saving;
use crate::proxy::clock;
use crate::proxy::h2::BackendStream;
use crate::proxy::io::Lease;
use crate::proxy::pace::{Leave, Pace};
use crate::proxy::request::RequestCtx;
use crate::proxy::sink::{SMALL, Sink};
use crate::proxy::source;

/// A backend's answer whose body is still to be passed on.
#[derive(Debug)]
pub struct AnswerStream {
    /// What is to be passed on.
    pub(super) kind: Kind,
    /// The connection, until the body has ended.
    pub(super) backend: Option<Box<Backend>>,
    /// Where the body ends.
    pub(super) reader: Reader,
    /// What was read with the head.
    pub(super) rest: Rest,
    /// Whose the connection is when it is idle.
    pub(super) owner: Owner,
    /// The server, until the body has ended.
    pub(super) held: Option<Held>,
    /// Whether the connection may serve again, as far as request and head are concerned.
    pub(super) reusable: bool,
    /// When the try began.
    pub(super) since: Instant,
    /// Whether the client's leaving ends it.
    pub(super) watch: Client,
    /// `proxy_limit_rate`
    pub(super) pace: Option<Pace>,
    /// The file it goes into besides.
    pub(super) saving: Option<Box<Saving>>,
    /// What is still to be sent of the request.
    pub(super) upload: Option<Box<Upload>>,
    /// It turned out to be no valid body.
    pub(super) spoilt: bool,
}

/// What is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A body.
    Body {
        /// Read ahead of the client.
        buffered: bool,
    },
    /// Both directions, after 101.
    Tunnel,
}

/// What the way is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// The backend's next bytes.
    Backend,
    /// The client to take some.
    Client,
    /// Either: there is room to read ahead.
    Both,
    /// `proxy_limit_rate` to allow more.
    Time(Instant),
    /// Nothing: the body has ended, complete or not.
    End(bool),
}

/// The client cannot be served any further.
struct Broken;

/// Empties a pipe into the client's socket, and what that does not take into what is kept for it.
fn drain(pipe: &mut Pipe, cx: &RequestCtx, out: &mut Outlet<'_>, spool: &mut Spool) -> io::Result<()> {
    while pipe.filled() > 0 {
        let sent = out.sink.direct().filter(|_| spool.is_empty()).map_or(Ok(0), |conn| pipe.empty(&conn.stream));
        match sent {
            Ok(n) if n > 0 => out.sink.passed(n as u64),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {
                let mut lease = Lease::take();
                let n = pipe.read(&mut lease)?;
                out.push_or_keep(cx, lease.get(..n).unwrap_or_default(), spool)?;
            }
        }
    }
    Ok(())
}

impl AnswerStream {
    /// Passes the body on to the client and returns when it has ended either way: whether it is complete.
    pub async fn pump(mut self, cx: &mut RequestCtx, sink: &mut Sink) -> bool {
        let Kind::Body { buffered } = self.kind else { return tunnel::run(self, cx, sink).await };
        cx.action = " while reading upstream";
        if sink.discards() && self.saving.is_some() {
            // The client waits only for the head; whether it gets it is found at the end.
            let _ = sink.flush().await;
        }
        let complete = self.pump_body(cx, sink, buffered).await.unwrap_or(false);
        if self.is_spoilt() {
            sink.forget();
        }
        if self.saving.is_some() {
            // The client has left; who asks next shall have the answer.
            self.drain(cx).await;
        }
        self.end(cx);
        cx.action = " while sending to client";
        complete
    }

    /// Passes on what came with the head. Says whether the body is complete if it ended there; none when more is to come.
    pub fn pass_whole(&mut self, cx: &mut RequestCtx, sink: &mut Sink) -> Option<bool> {
        if cx.cut.is_some() || self.saving.is_some() || !matches!(self.kind, Kind::Body { .. }) {
            return None;
        }
        cx.action = " while reading upstream";
        let rest = std::mem::take(&mut self.rest);
        let passed = self.pass(cx, rest.bytes(), |_, data| sink.push(data));
        if passed.is_ok() && !self.reader.ended() && self.backend.is_some() {
            return None;
        }
        if self.is_spoilt() {
            sink.forget();
        }
        self.end(cx);
        cx.action = " while sending to client";
        Some(passed.is_ok() && self.reader.ended())
    }

    /// The body, if all of it has come with the head: then the exchange with the backend is over.
    pub(super) fn take_whole(&mut self, cx: &mut RequestCtx) -> Option<Rest> {
        let len = self.reader.plain().and_then(|left| usize::try_from(left).ok())?;
        let plain = self.kind != Kind::Tunnel && self.saving.is_none() && !cx.head.fields.has(b"Range");
        if !plain || len > self.rest.bytes().len() {
            return None;
        }
        cx.action = " while reading upstream";
        let mut body = std::mem::take(&mut self.rest);
        self.reader.passed(len as u64);
        if body.cut(len) {
            self.tell_excess(cx);
        }
        self.end(cx);
        cx.action = " while sending to client";
        Some(body)
    }

    fn tell_excess(&mut self, cx: &RequestCtx) {
        self.reusable = false;
        cx.error(Level::Warn, format_args!("{}", self.reader.excess_text()));
    }

    async fn pump_body(&mut self, cx: &mut RequestCtx, sink: &mut Sink, buffered: bool) -> Result<bool, Broken> {
        let mut spool = Spool::new(cx, buffered);
        if buffered {
            self.pace = Pace::new(rate(cx), 0);
        }
        let mut out = Outlet::new(sink, cx.cut.take().map(|cut| *cut));
        let rest = std::mem::take(&mut self.rest);
        self.pass(cx, rest.bytes(), |cx, data| out.push_or_keep(cx, data, &mut spool))?;
        drop(rest);
        loop {
            match self.advance(cx, &mut out, &mut spool)? {
                Wants::End(complete) => return Ok(complete),
                wants => self.wait(cx, out.sink, wants, buffered).await?,
            }
        }
    }

    /// Moves bytes as far as they go without waiting.
    fn advance(&mut self, cx: &mut RequestCtx, out: &mut Outlet<'_>, spool: &mut Spool) -> Result<Wants, Broken> {
        loop {
            self.carry_on(cx)?;
            let blocked = out.sink.pending() >= SMALL;
            if self.reader.ended() {
                self.end(cx);
            }
            let done = self.backend.is_none();
            let pause = if done { None } else { self.pause() };
            spool.beside = out.sink.pending();
            if blocked {
                if done || pause.is_some() || spool.room() == 0 {
                    return Ok(Wants::Client);
                }
                if !self.read(cx, spool.room(), |cx, data| spool.push(cx, data))? {
                    return Ok(Wants::Both);
                }
            } else if !spool.is_empty() {
                let mut lease = Lease::take();
                let most = spool.draught(&out.sink.connection().stream).min(lease.len());
                let n = spool.take(lease.get_mut(..most).unwrap_or_default()).map_err(|_| Broken)?;
                out.push(lease.get(..n).unwrap_or_default()).map_err(|_| Broken)?;
            } else if done {
                return Ok(Wants::End(self.reader.ended()));
            } else if let Some(until) = pause {
                return Ok(Wants::Time(until));
            } else if out.is_plain() && self.is_worth_splicing(out.sink) {
                if !self.splice(cx, out, spool)? {
                    return Ok(Wants::Backend);
                }
            } else if !self.read(cx, spool.gulp(), |cx, data| out.push_or_keep(cx, data, spool))? {
                return Ok(Wants::Backend);
            }
        }
    }

    /// Sends more of the request, where that is still to be done.
    fn carry_on(&mut self, cx: &mut RequestCtx) -> Result<(), Broken> {
        let (Some(upload), Some(backend)) = (&mut self.upload, &self.backend) else { return Ok(()) };
        match upload.advance(cx, backend) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.upload = None;
                Ok(())
            }
            Err(()) => {
                self.give_up(cx);
                Err(Broken)
            }
        }
    }

    /// The stream of HTTP/2 has ended: with what follows the body, and perhaps too early.
    fn stream_ended(&mut self, cx: &mut RequestCtx) {
        self.reader.finish();
        if self.reader.is_short() {
            cx.error(Level::Error, format_args!("upstream prematurely closed stream"));
            return self.give_up(cx);
        }
        let trailers = self.backend.as_ref().and_then(|backend| backend.stream.http2()?.take_trailers());
        if !trailers::of_fields(cx, &trailers.unwrap_or_default()) {
            self.reader.fail();
            self.give_up(cx);
        }
    }

    /// Until when nothing may be read.
    fn pause(&self) -> Option<Instant> {
        match self.pace?.leave(Instant::now(), self.reader.length) {
            Leave::Wait(until) => Some(until),
            Leave::Send(_) => None,
        }
    }

    fn allowance(&self) -> usize {
        match self.pace.map(|pace| pace.leave(Instant::now(), self.reader.length)) {
            Some(Leave::Send(bytes)) => bytes,
            Some(Leave::Wait(_)) | None => usize::MAX,
        }
    }

    /// Reads once and gives what belongs to the body to `to`. Says whether there was anything to read, the end included.
    fn read(
        &mut self,
        cx: &mut RequestCtx,
        limit: usize,
        to: impl FnMut(&mut RequestCtx, &[u8]) -> io::Result<()>,
    ) -> Result<bool, Broken> {
        let Some(backend) = &self.backend else { return Ok(false) };
        let mut lease = Lease::take();
        let limit = limit.min(lease.len()).min(self.allowance());
        match backend.stream.try_read(lease.get_mut(..limit).unwrap_or_default()) {
            Ok(0) if self.reader.is_stream() => self.stream_ended(cx),
            Ok(0) => self.closed(cx),
            Ok(n) => {
                if let Some(record) = cx.upstream.last_mut() {
                    record.bytes_received += n as u64;
                }
                self.pass(cx, lease.get(..n).unwrap_or_default(), to)?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => {
                match backend.stream.http2().and_then(BackendStream::ended) {
                    Some(why) => http2::tell(cx, why),
                    None => cx.error_io(Level::Error, &error, format_args!("recv() failed")),
                }
                self.give_up(cx);
            }
        }
        Ok(true)
    }

    fn is_worth_splicing(&self, sink: &Sink) -> bool {
        self.pace.is_none()
            && self.saving.is_none()
            && self.backend.as_ref().is_some_and(|backend| !backend.stream.is_encrypted())
            && self.reader.plain().is_some_and(|left| left >= splice::WORTH)
            && sink.direct().is_some()
    }

    /// Passes bytes from socket to socket. Says whether there were any, the end included. What the client does not take
    /// at once goes the usual way.
    fn splice(&mut self, cx: &mut RequestCtx, out: &mut Outlet<'_>, spool: &mut Spool) -> Result<bool, Broken> {
        let (Some(backend), Some(left), Ok(mut pipe)) = (&self.backend, self.reader.plain(), Pipe::take()) else {
            return self.read(cx, spool.gulp(), |cx, data| out.push_or_keep(cx, data, spool));
        };
        let most = spool.draught(&out.sink.connection().stream) as u64;
        let filled = match pipe.fill(&backend.stream, left.min(most)) {
            Ok(0) => {
                self.closed(cx);
                return Ok(true);
            }
            Ok(n) => n as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => return self.read(cx, spool.gulp(), |cx, data| out.push_or_keep(cx, data, spool)),
        };
        if let Some(record) = cx.upstream.last_mut() {
            record.bytes_received += filled;
        }
        self.reader.passed(filled);
        drain(&mut pipe, cx, out, spool).map_err(|_| Broken)?;
        Ok(true)
    }

    /// The backend has closed the connection.
    fn closed(&mut self, cx: &mut RequestCtx) {
        if self.reader.ends_with_connection() {
            self.reader.finish();
        } else {
            cx.error(Level::Error, format_args!("upstream prematurely closed connection"));
        }
        self.give_up(cx);
    }

    fn pass(
        &mut self,
        cx: &mut RequestCtx,
        bytes: &[u8],
        mut to: impl FnMut(&mut RequestCtx, &[u8]) -> io::Result<()>,
    ) -> Result<(), Broken> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut decoded = Vec::new();
        let Ok(taken) = self.reader.take(bytes, &mut decoded) else {
            cx.error(Level::Error, format_args!("upstream sent invalid chunked response"));
            self.spoilt = true;
            self.give_up(cx);
            return Ok(());
        };
        let excess = taken.excess;
        if !taken.data.is_empty() {
            if let Some(saving) = &mut self.saving {
                saving.push(cx, taken.data);
            }
            to(cx, taken.data).map_err(|_| Broken)?;
        }
        if let Some(said) = self.reader.stderr() {
            fastcgi::answer::complain(cx, &said);
        }
        if let Some(lines) = self.reader.take_trailers() {
            trailers::of_lines(cx, &lines);
        }
        if self.reader.is_short() {
            self.closed(cx);
        }
        if excess {
            self.tell_excess(cx);
            if self.reader.is_stream() {
                self.reader.fail();
                self.give_up(cx);
            }
        }
        Ok(())
    }

    async fn wait(&mut self, cx: &mut RequestCtx, sink: &mut Sink, wants: Wants, buffered: bool) -> Result<(), Broken> {
        let deadline = match wants {
            Wants::Time(until) => until,
            Wants::Backend => clock::now() + cx.conf().proxy.read_timeout.duration(),
            _ => clock::now() + sink.patience(),
        };
        let woken = {
            let cx = &*cx;
            poll_fn(|task| self.poll_wait(cx, sink, wants, buffered, deadline, task)).await
        };
        match (woken, wants) {
            (Ok(()), _) | (Err(Interrupted::Timeout), Wants::Time(_)) => Ok(()),
            (Err(Interrupted::Timeout), Wants::Client | Wants::Both) => {
                cx.action = " while sending to client";
                let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
                cx.error_io(Level::Info, &error, format_args!("client timed out"));
                Err(Broken)
            }
            (Err(why), _) => {
                let gone = matches!(why, Interrupted::ClientGone);
                interrupted(cx, why);
                self.give_up(cx);
                if gone { Err(Broken) } else { Ok(()) }
            }
        }
    }

    fn poll_wait(
        &self,
        cx: &RequestCtx,
        sink: &mut Sink,
        wants: Wants,
        buffered: bool,
        deadline: Instant,
        task: &mut Context<'_>,
    ) -> Poll<Result<(), Interrupted>> {
        if matches!(wants, Wants::Client | Wants::Both) || !buffered {
            let before = sink.pending();
            match sink.poll_flush(task) {
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Interrupted::ClientGone)),
                _ if matches!(wants, Wants::Client | Wants::Both) && sink.pending() < before => {
                    return Poll::Ready(Ok(()));
                }
                _ => {}
            }
        }
        if matches!(wants, Wants::Backend | Wants::Both)
            && let Some(backend) = &self.backend
            && backend.stream.poll_readable(task).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        if let (Some(upload), Some(backend)) = (&self.upload, &self.backend)
            && upload.poll(cx, backend, task).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        let watch = if matches!(wants, Wants::Backend | Wants::Time(_)) { self.watch } else { Client::Ignored };
        poll_interrupt(&cx.conn, deadline, watch, task).map(Err)
    }

    /// Whether not even the head is to be sent: what came with it is no body.
    fn is_spoilt(&self) -> bool {
        self.spoilt && self.reader.length == 0
    }

    /// Whether nothing is to come.
    pub(super) fn is_whole(&self) -> bool {
        self.reader.ended() && self.rest.bytes().is_empty()
    }

    /// Ends the exchange with the backend: the connection becomes idle if it may serve again.
    pub(super) fn end(&mut self, cx: &mut RequestCtx) {
        if let Some(saving) = self.saving.take()
            && self.reader.ended()
        {
            saving.keep(cx);
        }
        let (backend, held) = (self.backend.take(), self.held.take());
        let (Some(backend), Some(held)) = (backend, held) else { return };
        if let Some(record) = cx.upstream.last_mut() {
            record.response_time = Some(clock::since(self.since));
            record.response_length = self.reader.length;
        }
        self.upload = None;
        let mut reusable = self.reusable && self.reader.keeps_connection() && self.rest.bytes().is_empty();
        if let Some(h2) = backend.stream.http2() {
            reusable &= h2.settle();
        }
        if let Some(keep) = held.upstream().keep.as_ref().filter(|keep| reusable && keep.allows(&backend)) {
            idle::put(self.owner.clone(), backend, keep);
        }
    }

    /// Ends it without.
    fn give_up(&mut self, cx: &mut RequestCtx) {
        self.reusable = false;
        self.end(cx);
    }

    /// Ends it unread: the connection stays only if the body has come already.
    pub fn abandon(mut self, cx: &mut RequestCtx) {
        let rest = std::mem::take(&mut self.rest);
        // Nothing is done with the bytes, so nothing fails.
        let _ = self.pass(cx, rest.bytes(), |_, _| Ok(()));
        self.reusable &= self.reader.ended();
        self.end(cx);
    }

    /// Takes the rest of the body only for what it is kept in.
    pub async fn drain(&mut self, cx: &mut RequestCtx) {
        let mut bytes = Vec::new();
        while matches!(self.next(cx, &mut bytes).await, Ok(true)) {
            bytes.clear();
        }
    }

    /// Appends the next bytes of the body to `out`; false at its end.
    ///
    /// # Errors
    /// [`source::Broken`] where it ends too early.
    pub async fn next(&mut self, cx: &mut RequestCtx, out: &mut Vec<u8>) -> Result<bool, source::Broken> {
        let before = out.len();
        let mut keep = |_: &mut RequestCtx, data: &[u8]| {
            out.extend_from_slice(data);
            Ok(())
        };
        let rest = std::mem::take(&mut self.rest);
        self.pass(cx, rest.bytes(), &mut keep).map_err(|_| source::Broken)?;
        drop(rest);
        loop {
            if self.reader.ended() {
                self.end(cx);
                return Ok(out.len() > before);
            }
            if out.len() > before {
                return Ok(true);
            }
            self.carry_on(cx).map_err(|_| source::Broken)?;
            let Some(backend) = &self.backend else { return Err(source::Broken) };
            let patience = cx.conf().proxy.read_timeout.duration();
            if let Err(why) = backend.readable(&cx.conn, patience, self.watch).await {
                interrupted(cx, why);
                self.give_up(cx);
                return Err(source::Broken);
            }
            self.read(cx, usize::MAX, |_, data| {
                out.extend_from_slice(data);
                Ok(())
            })
            .map_err(|_| source::Broken)?;
        }
    }
}
