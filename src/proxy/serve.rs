//! One request from its head to its last byte and its log line.

use super::boxed::boxed;
use rkeep_parsers::ir::expr::{Expr, Part};
use rkeep_parsers::table::value::Level;

use super::body::Body;
use super::compose::{self, Failed, Out};
use super::filters::{Prepared, head, headers};
use super::h2::{self, H2Stream};
use super::pace::Pace;
use super::paths;
use super::phases::{self, End, Step};
use super::request::{RequestCtx, Status, Version};
use super::sink::{Coding, Sink};

/// A request that is being served. It is logged at its end, also where that is the end of its connection's task: at
/// `worker_shutdown_timeout`, say.
struct Served<'a>(&'a mut RequestCtx);

impl Drop for Served<'_> {
    fn drop(&mut self) {
        let cx = &mut *self.0;
        cx.debug(format_args!("http status: {}, bytes sent: {}", cx.out.status, cx.sent));
        cx.action = " while closing request";
        cx.log_access();
    }
}

/// Answers a request; `early` is the status of a head that was refused.
pub async fn serve(cx: &mut RequestCtx, early: Option<Status>) {
    let served = Served(cx);
    let cx = &mut *served.0;
    cx.debug(format_args!("http request line: \"{}\"", cx.head.line.escape_ascii()));
    let step = match early {
        Some(status) => Step::Fail(status),
        None => Step::PostRead,
    };
    let end = phases::run(cx, step).await;
    if send(cx, end).await && cx.conf().core.post_action.is_some() {
        boxed(|| post_action(cx)).await;
    }
}

/// `post_action`: the request goes on elsewhere, and the client sees nothing of it.
async fn post_action(cx: &mut RequestCtx) {
    let mut before = None;
    while let Some(target) = cx.conf().core.post_action.clone() {
        // Where it leads to itself it has been done.
        if before.as_ref() == Some(&target) {
            return;
        }
        cx.out.clear();
        let step = match target.starts_with('@') {
            true => phases::named(cx, target.as_bytes()),
            false => phases::redirect(cx, target.clone().into_bytes(), Vec::new()),
        };
        if let End::Answer(prepared) = phases::run(cx, step).await {
            prepared.body.abandon(cx);
        }
        before = Some(target);
    }
}

impl RequestCtx {
    /// Writes the request to the access logs of the location it ended in.
    pub fn log_access(&self) {
        let mut append = |part: &Part, out: &mut Vec<u8>| match part {
            Part::Var(var) => self.var_into(var, out),
            part => {
                self.eval_part(part, out);
                true
            }
        };
        let mut complain = |text: String| self.error(Level::Crit, format_args!("{text}"));
        self.location.access_logs.write(&mut append, &mut complain);
    }
}

/// Sends the answer; false where there is none.
async fn send(cx: &mut RequestCtx, end: End) -> bool {
    let Prepared { body, encoder, edits, joins } = match end {
        End::Answer(prepared) => prepared,
        End::Silent(status) => {
            cx.error_status = status;
            cx.out.status = status;
            cx.keepalive = false;
            cx.body.broken = true;
            return false;
        }
    };
    head::settle(cx);
    if cx.head.version == Version::Http09 {
        cx.keepalive = false;
    }
    // What subrequests answer is not changed once more.
    let (edits, joined) = if joins.is_some() { (None, edits) } else { (edits, None) };
    let pace = pace(cx);
    let conn = cx.conn.clone();
    let h2 = conn.stream.h2();
    cx.out.chunked &= h2.is_none();
    let core = &cx.conf().core;
    let coding = Coding {
        pace,
        chunked: cx.out.chunked,
        discard: cx.out.header_only && cx.out.status != 101,
        encoder,
        edits,
        sendfile: core.sendfile,
        patience: core.send_timeout.duration(),
        closes: !cx.keepalive && h2.is_none(),
    };
    let mut sink = Sink::new(cx.conn.clone(), coding);
    let ends = matches!(body, Body::Empty) && joins.is_none() && !cx.expect_trailers;
    match h2 {
        Some(stream) => send_head(cx, stream, &mut sink, ends),
        None => sink.head(|bytes| head::write(cx, bytes)),
    }
    // The futures of what waits are large; most answers are here whole and need none.
    let complete = match joins {
        Some(_) => boxed(|| composed(cx, &mut sink, Prepared { body, encoder: None, edits: joined, joins })).await,
        None => match transfer_now(cx, &mut sink, body) {
            Moved::All(complete) => complete,
            Moved::Not(body) => boxed(|| transfer(cx, &mut sink, body)).await,
        },
    };
    if complete && (cx.out.chunked || h2.is_some()) && cx.expect_trailers {
        headers::trailers(cx);
    }
    let trailers = std::mem::take(&mut cx.out.trailers);
    let finished = match sink.finish(complete, &trailers) {
        Ok(true) => Ok(()),
        Ok(false) => sink.flush().await,
        Err(error) => Err(error),
    };
    cx.out.trailers = trailers;
    if let Some(stream) = h2.filter(|_| complete && finished.is_ok()) {
        match cx.out.trailers.is_empty() {
            true => stream.end(),
            false => stream.send_fields(&h2::answer::trailers(&cx.out.trailers), true),
        }
    }
    finish(cx, &sink, complete, finished);
    true
}

/// Sends the head on a stream of HTTP/2; `ends`: nothing follows it.
fn send_head(cx: &RequestCtx, stream: &H2Stream, sink: &mut Sink, ends: bool) {
    let mut text = Vec::with_capacity(512);
    head::write(cx, &mut text);
    let block = h2::answer::head(&text);
    stream.set_chunk(usize::try_from(cx.conf().http2.chunk_size.0).unwrap_or(usize::MAX).max(1));
    stream.send_fields(&block, ends || sink.discards());
    sink.sent_head(block.len() as u64 + 9);
}

/// The limit of the location, unless `set $limit_rate` or a backend has set another.
fn pace(cx: &RequestCtx) -> Option<Pace> {
    let core = &cx.conf().core;
    let value = |expr: &Expr| match expr.as_text() {
        Some(b"0") => Some(0),
        Some(text) => paths::size(text),
        None => paths::size(&cx.eval(expr)),
    };
    let rate = cx.limit_rate.or_else(|| value(&core.limit_rate)).filter(|rate| *rate > 0)?;
    Pace::new(rate, value(&core.limit_rate_after).unwrap_or(0))
}

fn finish(cx: &mut RequestCtx, sink: &Sink, complete: bool, finished: std::io::Result<()>) {
    (cx.sent, cx.sent_head) = sink.counts();
    cx.gzip_bytes = sink.compression().unwrap_or_default();
    cx.complete = complete && finished.is_ok();
    if let Err(error) = finished
        && error.kind() == std::io::ErrorKind::TimedOut
    {
        if cx.conf().core.reset_timedout_connection {
            cx.conn.stream.reset_on_close();
        }
        let error = std::io::Error::from_raw_os_error(libc::ETIMEDOUT);
        cx.error_io(Level::Info, &error, format_args!("client timed out"));
    }
    if !cx.complete {
        cx.keepalive = false;
        cx.body.broken = true;
    }
}

/// What moving a body without waiting came to.
enum Moved {
    /// It has ended, whole or not.
    All(bool),
    /// It has to be waited for.
    Not(Body),
}

/// Sends a body that is here.
fn transfer_now(cx: &mut RequestCtx, sink: &mut Sink, body: Body) -> Moved {
    match body {
        Body::Empty => Moved::All(true),
        Body::Memory(bytes) => Moved::All(sink.push(&bytes).is_ok()),
        Body::Received(body) => Moved::All(sink.push(body.bytes()).is_ok()),
        Body::Upstream(mut stream) => match stream.pass_whole(cx, sink) {
            Some(complete) => Moved::All(complete),
            None => Moved::Not(Body::Upstream(stream)),
        },
        body => Moved::Not(body),
    }
}

/// Sends the body; false when it ended too early.
async fn transfer(cx: &mut RequestCtx, sink: &mut Sink, body: Body) -> bool {
    match body {
        Body::Empty => true,
        Body::Memory(bytes) => sink.push(&bytes).is_ok(),
        Body::Received(body) => sink.push(body.bytes()).is_ok(),
        Body::File { file, offset, len } => sent(cx, sink.file(&file, offset, len).await),
        Body::Parts(parts) => {
            for part in parts {
                let done = match part {
                    Body::Memory(bytes) => sink.push(&bytes).is_ok(),
                    Body::File { file, offset, len } => sent(cx, sink.file(&file, offset, len).await),
                    _ => true,
                };
                if !done {
                    return false;
                }
            }
            true
        }
        Body::Upstream(stream) => stream.pump(cx, sink).await,
    }
}

/// Sends a body that is put together; false when it ended too early.
async fn composed(cx: &mut RequestCtx, sink: &mut Sink, prepared: Prepared) -> bool {
    let done = compose::deliver(cx, prepared, &mut Out::client(sink)).await;
    if done == Err(Failed::Spoilt) {
        sink.forget();
    }
    done.is_ok()
}

fn sent(cx: &RequestCtx, done: std::io::Result<()>) -> bool {
    if let Err(error) = &done
        && error.kind() == std::io::ErrorKind::UnexpectedEof
    {
        cx.error(Level::Alert, format_args!("a file was truncated while it was being sent"));
    }
    done.is_ok()
}
