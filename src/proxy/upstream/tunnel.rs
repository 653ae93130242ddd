//! A tunnel after `101 Switching Protocols`: bytes go both ways as they come, until one end closes or both are silent.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use rkeep_parsers::table::value::Level;

use super::backend::Interrupted;
use super::stream::AnswerStream;
use crate::proxy::clock;
use crate::proxy::io::{Lease, Stream};
use crate::proxy::request::RequestCtx;
use crate::proxy::sink::Sink;

/// One direction: what was read and is not written yet.
#[derive(Debug, Default)]
struct Way {
    kept: Vec<u8>,
    at: usize,
    /// The reading end has closed.
    closed: bool,
    moved: u64,
}

/// Runs the tunnel until it ends.
pub async fn run(mut stream: AnswerStream, cx: &mut RequestCtx, sink: &mut Sink) -> bool {
    cx.action = " while proxying upgraded connection";
    cx.keepalive = false;
    let flushed = sink.flush().await.is_ok();
    if let Some(backend) = stream.backend.as_ref().filter(|_| flushed) {
        backend.stream.set_nodelay(true);
        let down = Way { kept: stream.rest.bytes().to_vec(), ..Way::default() };
        let up = Way { kept: std::mem::take(&mut cx.input), ..Way::default() };
        let (down, up, ended) = both(cx, &backend.stream, down, up).await;
        sink.passed(down.moved);
        if let Some(record) = cx.upstream.last_mut() {
            record.bytes_received += down.moved;
            record.bytes_sent += up.moved;
        }
        stream.reader.length += down.moved;
        tell(cx, ended);
    }
    stream.reusable = false;
    stream.end(cx);
    flushed
}

fn tell(cx: &RequestCtx, ended: Result<(), Interrupted>) {
    match ended {
        Ok(()) | Err(Interrupted::ClientGone) => {}
        Err(Interrupted::Timeout) => {
            let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
            cx.error_io(Level::Error, &error, format_args!("upstream timed out"));
        }
        Err(Interrupted::Failed(error)) => cx.error_io(Level::Info, &error, format_args!("connection broken")),
    }
}

async fn both(cx: &RequestCtx, backend: &Stream, mut down: Way, mut up: Way) -> (Way, Way, Result<(), Interrupted>) {
    let client = &cx.conn.stream;
    let patience = cx.conf().proxy.read_timeout.duration();
    let mut deadline = clock::now() + patience;
    let ended = poll_fn(|task| {
        let before = (down.moved, up.moved);
        let ways = [down.poll(backend, client, task), up.poll(client, backend, task)];
        for way in ways {
            match way {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Interrupted::Failed(error))),
                Poll::Pending => {}
            }
        }
        if before != (down.moved, up.moved) {
            deadline = clock::now() + patience;
        }
        cx.conn.poll_deadline(deadline, task).map(|_| Err(Interrupted::Timeout))
    })
    .await;
    (down, up, ended)
}

impl Way {
    /// Moves bytes as far as they go. Ready when the reading end has closed and all is written.
    fn poll(&mut self, from: &Stream, to: &Stream, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.at < self.kept.len() {
                match to.try_write(self.kept.get(self.at..).unwrap_or_default()) {
                    Ok(n) => {
                        self.at += n;
                        self.moved += n as u64;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if to.poll_writable(task)?.is_pending() {
                            return Poll::Pending;
                        }
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
                continue;
            }
            self.kept.clear();
            self.at = 0;
            if self.closed {
                return Poll::Ready(Ok(()));
            }
            if from.poll_readable(task)?.is_pending() {
                return Poll::Pending;
            }
            self.read(from, to)?;
        }
    }

    /// Reads once, and writes at once what `to` takes.
    fn read(&mut self, from: &Stream, to: &Stream) -> io::Result<()> {
        let mut lease = Lease::take();
        let n = match from.try_read(&mut lease) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        self.closed = n == 0;
        if self.closed {
            return Ok(());
        }
        let bytes = lease.get(..n).unwrap_or_default();
        let written = match to.try_write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.moved += written as u64;
        self.kept.extend_from_slice(bytes.get(written..).unwrap_or_default());
        Ok(())
    }
}
