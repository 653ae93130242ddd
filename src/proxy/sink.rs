//! Where an answer goes: head, framing and body to the client's socket with the fewest calls. Bytes that the socket
//! does not take are kept until it does; nothing else is.

use std::cell::Cell;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::clock;
use super::connection::Connection;
use super::filters::edit::Edits;
use super::filters::gzip::Encoder;
use super::http::chunked::{LAST_CHUNK, chunk_line};
use super::http::fields::Fields;
use super::io::{Lease, Timer};
use super::pace::{Leave, Pace};
use super::spare::Buffer;

/// Pieces below this size are gathered before they are sent (`postpone_output`).
pub const SMALL: usize = 1460;
/// Files up to this size are read and sent in one call with the head, larger ones go by sendfile(2).
const INLINE_FILE: u64 = 16 * 1024;

/// The way of one answer to its client.
#[derive(Debug)]
pub struct Sink {
    conn: Rc<Connection>,
    pending: Buffer,
    at: usize,
    chunked: bool,
    discard: bool,
    encoder: Option<Box<Encoder>>,
    edits: Option<Box<Edits>>,
    pace: Option<Pace>,
    timer: Timer,
    patience: Duration,
    sendfile: bool,
    closes: bool,
    /// Bytes given to the socket for this answer.
    sent: u64,
    head: u64,
    failed: Cell<bool>,
}

/// How an answer's body is framed and changed on its way.
#[derive(Debug, Default)]
pub struct Coding {
    /// Chunked.
    pub chunked: bool,
    /// No body is sent: HEAD, 204, 304.
    pub discard: bool,
    /// Compresses.
    pub encoder: Option<Box<Encoder>>,
    /// Changes bytes before that.
    pub edits: Option<Box<Edits>>,
    /// `limit_rate`.
    pub pace: Option<Pace>,
    /// `sendfile on`.
    pub sendfile: bool,
    /// `send_timeout`.
    pub patience: Duration,
    /// The connection ends with this answer.
    pub closes: bool,
}

impl Sink {
    /// The way to `conn`. `buffer` lends its memory and is given back by [`Self::finish`].
    pub fn new(conn: Rc<Connection>, coding: Coding) -> Self {
        Sink {
            conn,
            pending: Buffer::take(),
            at: 0,
            chunked: coding.chunked,
            discard: coding.discard,
            encoder: coding.encoder,
            edits: coding.edits,
            pace: coding.pace,
            timer: Timer::default(),
            patience: coding.patience,
            sendfile: coding.sendfile,
            closes: coding.closes,
            sent: 0,
            head: 0,
            failed: Cell::new(false),
        }
    }

    /// Takes the head of the answer; it leaves with the first of the body.
    pub fn head(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.pending);
        self.head = self.pending.len() as u64;
    }

    /// The head has been sent another way; it had so many bytes.
    pub fn sent_head(&mut self, bytes: u64) {
        self.head = bytes;
        self.passed(bytes);
    }

    /// Passes body bytes on. Large ones are sent at once as far as the socket takes them, the rest is kept.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.discard || bytes.is_empty() {
            return Ok(());
        }
        if let Some(edits) = &mut self.edits {
            let mut edited = Vec::with_capacity(bytes.len());
            edits.edit(bytes, &mut edited)?;
            return self.encode(&edited);
        }
        self.encode(bytes)
    }

    /// The same, but where the bytes stay as they are no more than `most` are kept. Says how many of them have gone or are.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn push_some(&mut self, bytes: &[u8], most: usize) -> io::Result<usize> {
        let small = self.pending() + bytes.len() < SMALL;
        if small || self.chunked || self.discard || self.changes() || self.pace.is_some() {
            return self.push(bytes).map(|()| bytes.len());
        }
        let gone = self.send(bytes, b"")?;
        let taken = bytes.len().min(gone.saturating_add(most.saturating_sub(self.pending())));
        self.pending.extend_from_slice(bytes.get(gone..taken).unwrap_or_default());
        Ok(taken.max(gone))
    }

    fn encode(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.encoder.take() {
            Some(mut encoder) => {
                let mut packed = Vec::new();
                encoder.encode(bytes, &mut packed);
                self.encoder = Some(encoder);
                self.frame(&packed)
            }
            None => self.frame(bytes),
        }
    }

    fn frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.chunked {
            chunk_line(bytes.len(), &mut self.pending);
        }
        let tail: &[u8] = if self.chunked { b"\r\n" } else { b"" };
        if self.pending.len() - self.at + bytes.len() < SMALL || self.pace.is_some() {
            self.pending.extend_from_slice(bytes);
            self.pending.extend_from_slice(tail);
            return Ok(());
        }
        let mut gone = self.send(bytes, tail)?;
        for piece in [bytes, tail] {
            self.pending.extend_from_slice(piece.get(gone.min(piece.len())..).unwrap_or_default());
            gone = gone.saturating_sub(piece.len());
        }
        Ok(())
    }

    /// Sends what is kept, then `bytes` and `tail` as far as the socket takes them. Says how much of these two has gone.
    fn send(&mut self, bytes: &[u8], tail: &[u8]) -> io::Result<usize> {
        let kept = self.pending.get(self.at..).unwrap_or_default();
        let mut done =
            match self.conn.stream.try_write_vectored(&[IoSlice::new(kept), IoSlice::new(bytes), IoSlice::new(tail)]) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(self.fail(error)),
            };
        let kept = kept.len();
        self.passed(done as u64);
        if done < kept {
            self.at += done;
            done = 0;
        } else {
            done -= kept;
            self.pending.clear();
            self.at = 0;
        }
        Ok(done)
    }

    fn fail(&self, error: io::Error) -> io::Error {
        self.failed.set(true);
        error
    }

    /// Bytes that are kept because the client is slower than the source.
    pub fn pending(&self) -> usize {
        self.pending.len() - self.at
    }

    /// Sends what the socket takes at once; true when nothing is kept. `last`: nothing follows on the connection.
    ///
    /// # Errors
    /// The connection is broken.
    fn flush_now(&mut self, last: bool) -> io::Result<bool> {
        if self.pace.is_none() && self.pending() > 0 {
            let kept = self.pending.get(self.at..).unwrap_or_default();
            let stream = &self.conn.stream;
            match if last { stream.try_write_last(kept) } else { stream.try_write(kept) } {
                Ok(n) => {
                    self.passed(n as u64);
                    self.at += n;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(self.pending() == 0)
    }

    /// Ready once nothing is kept.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.at < self.pending.len() {
            let room = match self.pace.map(|pace| pace.leave(Instant::now(), self.sent)) {
                None => usize::MAX,
                Some(Leave::Send(room)) => room,
                Some(Leave::Wait(until)) => {
                    if self.conn.poll_gone(cx).is_ready() {
                        return Poll::Ready(Err(self.fail(io::ErrorKind::ConnectionReset.into())));
                    }
                    ready!(self.timer.poll(until, cx));
                    continue;
                }
            };
            let kept = self.pending.get(self.at..).unwrap_or_default();
            match self.conn.stream.try_write(kept.get(..room).unwrap_or(kept)) {
                Ok(n) => {
                    self.passed(n as u64);
                    self.at += n;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.conn.stream.poll_writable(cx))?;
                }
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
        self.pending.clear();
        self.at = 0;
        if self.pending.capacity() > 64 * 1024 {
            self.pending = Buffer::take();
        }
        Poll::Ready(Ok(()))
    }

    /// Sends all that is kept; the client may be silent for `send_timeout`.
    ///
    /// # Errors
    /// The connection is broken, or `TimedOut`.
    pub async fn flush(&mut self) -> io::Result<()> {
        let mut before = self.sent;
        let mut deadline = clock::now() + self.patience;
        poll_fn(|cx| {
            if let Poll::Ready(done) = self.poll_flush(cx) {
                return Poll::Ready(done);
            }
            if self.sent != before {
                before = self.sent;
                deadline = clock::now() + self.patience;
            }
            if self.pace.is_some_and(|pace| matches!(pace.leave(Instant::now(), self.sent), Leave::Wait(_))) {
                // The wait is ours, not the client's.
                deadline = clock::now() + self.patience;
            }
            self.conn.poll_deadline(deadline, cx).map(|error| Err(self.fail(error)))
        })
        .await
    }

    /// Forgets what is kept: it is not to be sent.
    pub fn forget(&mut self) {
        self.pending.clear();
        self.at = 0;
    }

    /// How long the client may take no byte.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// The connection itself, when body bytes may go to its socket as they are and nothing is kept: for splice(2).
    /// What is spliced must be told to [`Self::passed`].
    pub fn direct(&self) -> Option<&Rc<Connection>> {
        let plain = !self.chunked && !self.discard && !self.changes() && self.pace.is_none() && self.pending() == 0;
        let plain = plain && !self.conn.stream.is_encrypted();
        plain.then_some(&self.conn)
    }

    /// Whether the bytes of the body are changed on their way.
    fn changes(&self) -> bool {
        self.encoder.is_some() || self.edits.is_some()
    }

    /// The client's connection.
    pub fn connection(&self) -> &Rc<Connection> {
        &self.conn
    }

    /// Whether no body is wanted.
    pub fn discards(&self) -> bool {
        self.discard
    }

    /// Counts bytes that went to the socket.
    pub fn passed(&mut self, bytes: u64) {
        self.sent += bytes;
        self.conn.count_sent(bytes);
    }

    /// Bytes given to the socket for this answer, and how many of them are its head.
    pub fn counts(&self) -> (u64, u64) {
        (self.sent, self.head.min(self.sent))
    }

    /// Sends a part of a file.
    ///
    /// # Errors
    /// The connection is broken, `TimedOut`, or the file is shorter than it was (`UnexpectedEof`).
    pub async fn file(&mut self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        if self.discard || len == 0 {
            return Ok(());
        }
        if self.sendfile && len > INLINE_FILE && !self.chunked && !self.changes() && self.pace.is_none() {
            self.send_file(file, offset, len).await
        } else {
            self.copy_file(file, offset, len).await
        }
    }

    async fn copy_file(&mut self, file: &File, mut offset: u64, mut len: u64) -> io::Result<()> {
        while len > 0 {
            {
                let mut lease = Lease::take();
                let want = usize::try_from(len).unwrap_or(usize::MAX).min(lease.len());
                let got = file.read_at(lease.get_mut(..want).unwrap_or_default(), offset)?;
                if got == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.push(lease.get(..got).unwrap_or_default())?;
                offset += got as u64;
                len -= got as u64;
            }
            if self.pending() >= SMALL {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn send_file(&mut self, file: &File, mut offset: u64, len: u64) -> io::Result<()> {
        let end = offset + len;
        self.flush_more().await?;
        while offset < end {
            let count = usize::try_from(end - offset).unwrap_or(usize::MAX).min(2 << 20);
            let before = offset;
            match self.conn.stream.try_send_file(file, &mut offset, count) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => self.passed(offset - before),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.conn.writable(self.patience).await.map_err(|error| self.fail(error))?;
                }
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(())
    }

    /// Sends what is kept and tells the kernel that more follows, so that the head shares its packet with the file.
    async fn flush_more(&mut self) -> io::Result<()> {
        let kept = self.pending.get(self.at..).unwrap_or_default();
        if let Ok(n) = self.conn.stream.try_write_more(kept) {
            self.at += n;
            self.passed(n as u64);
        }
        self.flush().await
    }

    /// Ends the body and says whether all is sent; what is not goes by [`Self::flush`]. A body that is not `complete` must
    /// not look so: the last chunk is left out.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn finish(&mut self, complete: bool, trailers: &Fields) -> io::Result<bool> {
        if complete && !self.discard {
            if let Some(mut edits) = self.edits.take() {
                let mut rest = Vec::new();
                edits.finish(&mut rest)?;
                self.encode(&rest)?;
            }
            if let Some(mut encoder) = self.encoder.take() {
                let mut rest = Vec::new();
                encoder.finish(&mut rest);
                self.frame(&rest)?;
                self.encoder = Some(encoder);
            }
            if self.chunked {
                self.last_chunk(trailers);
            }
        }
        self.flush_now(complete && self.closes)
    }

    fn last_chunk(&mut self, trailers: &Fields) {
        if trailers.is_empty() {
            self.pending.extend_from_slice(LAST_CHUNK);
            return;
        }
        self.pending.extend_from_slice(b"0\r\n");
        for (name, value) in trailers.iter() {
            for piece in [name, b": ", value, b"\r\n"] {
                self.pending.extend_from_slice(piece);
            }
        }
        self.pending.extend_from_slice(b"\r\n");
    }

    /// Plain and compressed bytes, where the answer is compressed.
    pub fn compression(&self) -> Option<(u64, u64)> {
        self.encoder.as_ref().map(|encoder| encoder.counts())
    }

    /// Whether the connection broke or the client was too slow.
    pub fn failed(&self) -> bool {
        self.failed.get()
    }
}
