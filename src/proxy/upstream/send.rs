//! Sending a request, and noticing an answer that comes before it is sent.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use rkeep_parsers::table::value::Level;

use super::backend::{Backend, Client, Interrupted, poll_interrupt};
use super::outgoing::{Failure, Outgoing, Progress, Step};
use super::receive::{Failed, interrupted};
use super::trouble::Trouble;
use crate::proxy::boxed::boxed;
use crate::proxy::clock;
use crate::proxy::request::{RequestCtx, Status};

/// How sending ended.
#[derive(Debug)]
pub enum Sent {
    /// All is sent.
    Whole,
    /// The backend answers already. By HTTP/1 the rest is not sent; by HTTP/2 both go on from where the request is.
    Early(Option<Box<Progress>>),
}

/// What a wait was ended by.
enum Woken {
    /// There is more to do.
    Go,
    /// The backend says something.
    Answer,
}

/// Sends a request.
///
/// # Errors
/// [`Failed`]; the log says why.
pub async fn send(cx: &mut RequestCtx, outgoing: &Outgoing, backend: &Backend, watch: Client) -> Result<Sent, Failed> {
    cx.action = " while sending request to upstream";
    let mut progress = Progress::default();
    if outgoing.comes_in_pieces() {
        backend.stream.set_nodelay(true);
    }
    let done = loop {
        let step = outgoing.step(cx, backend, &mut progress);
        if let Some(record) = cx.upstream.last_mut() {
            record.bytes_sent = progress.sent;
        }
        match step {
            Ok(Step::Done) => break Sent::Whole,
            Ok(step) => match boxed(|| wait(cx, backend, step, watch)).await? {
                Woken::Go => {}
                Woken::Answer => break early(backend, progress),
            },
            // What the backend said before it closed is worth more than that it closed.
            Err(Failure::Backend(_)) if progress.sent > 0 && has_answer(backend) => break Sent::Early(None),
            Err(Failure::Backend(error)) => {
                cx.error_io(Level::Error, &error, format_args!("{} failed", call_of(&error)));
                return Err(Failed::Try(Trouble::Error));
            }
            Err(Failure::Client(status)) => return Err(Failed::Request(status)),
        }
    };
    Ok(done)
}

fn early(backend: &Backend, progress: Progress) -> Sent {
    Sent::Early(backend.stream.http2().is_some().then(|| Box::new(progress)))
}

fn call_of(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::UnexpectedEof { "sendfile()" } else { "send()" }
}

/// Whether bytes of an answer can be read; the end alone is none.
fn has_answer(backend: &Backend) -> bool {
    matches!(backend.stream.try_peek(&mut [0]), Ok(1))
}

/// Waits until the step that could not be done can be, or the backend speaks.
async fn wait(cx: &mut RequestCtx, backend: &Backend, step: Step, watch: Client) -> Result<Woken, Failed> {
    let patience = match step {
        Step::Starved => cx.conf().core.client_body_timeout.duration(),
        _ => cx.conf().proxy.send_timeout.duration(),
    };
    let deadline = clock::now() + patience;
    let woken = {
        let cx = &*cx;
        poll_fn(|task| {
            if backend.stream.poll_readable(task).is_ready() && speaks(backend) {
                return Poll::Ready(Ok(Woken::Answer));
            }
            let ready = match step {
                Step::Starved => cx.poll_body(task).is_ready(),
                _ => backend.stream.poll_writable(task).is_ready(),
            };
            if ready {
                return Poll::Ready(Ok(Woken::Go));
            }
            let watch = if step == Step::Starved { Client::Ignored } else { watch };
            poll_interrupt(&cx.conn, deadline, watch, task).map(Err)
        })
        .await
    };
    woken.map_err(|why| match (step, why) {
        (Step::Starved, Interrupted::Timeout) => client_timed_out(cx),
        (_, why) => interrupted(cx, why),
    })
}

/// Whether the backend has sent or closed; a wake-up may be for nothing.
fn speaks(backend: &Backend) -> bool {
    !matches!(backend.stream.try_peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn client_timed_out(cx: &mut RequestCtx) -> Failed {
    let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
    cx.error_io(Level::Info, &error, format_args!("client timed out"));
    cx.body.broken = true;
    cx.keepalive = false;
    Failed::Request(Status(408))
}
