//! Reading a client's body: whole into memory or a file, as it comes, or only to get rid of it.

use std::fs::{File, OpenOptions};
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use rkeep_parsers::table::value::{BodyInFile, Level, TempPath};

use super::body::{Framing, Stored, Took};
use super::clock;
use super::h2::H2Stream;
use super::h2::frame::Code;
use super::io::Lease;
use super::request::{RequestCtx, Status, Version};

/// The most that a [`RequestCtx::body_take`] appends at once.
const PIECE: usize = 64 * 1024;

impl RequestCtx {
    /// Takes what has come of the body, at most 64 KB, and appends it to `out`.
    ///
    /// # Errors
    /// 400 for a malformed or broken-off body, 413 for one that is too large.
    pub fn body_take(&mut self, out: &mut Vec<u8>) -> Result<Took, Status> {
        if self.body.done {
            return Ok(Took::End);
        }
        self.send_continue();
        let took = self.decode_input(out)?;
        if took > 0 {
            return Ok(Took::Data(took));
        }
        if self.body_at_end() {
            return Ok(Took::End);
        }
        if !self.fill_input()? {
            return Ok(if self.body_at_end() { Took::End } else { Took::Pending });
        }
        let took = self.decode_input(out)?;
        Ok(match took {
            0 if self.body_at_end() => Took::End,
            0 => Took::Pending,
            n => Took::Data(n),
        })
    }

    /// Ready when [`Self::body_take`] may have more.
    pub fn poll_body(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.conn.stream.poll_readable(cx).map(|_| ())
    }

    /// Waits until [`Self::body_take`] may have more.
    ///
    /// # Errors
    /// 408 after `client_body_timeout`.
    pub async fn body_wait(&mut self) -> Result<(), Status> {
        let patience = self.conf().core.client_body_timeout.duration();
        let deadline = clock::now() + patience;
        let conn = &self.conn;
        let waited = poll_fn(|cx| match conn.stream.poll_readable(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => conn.poll_deadline(deadline, cx).map(Err),
        })
        .await;
        waited.map_err(|error| self.body_failed(&error))
    }

    /// Reads the whole body: up to `client_body_buffer_size` to memory, more to a file.
    ///
    /// # Errors
    /// As [`Self::body_take`], and 500 when the file cannot be written.
    pub async fn read_body(&mut self) -> Result<(), Status> {
        self.send_continue();
        if !matches!(self.body.stored, Stored::Nowhere) || self.body.done {
            return Ok(());
        }
        let in_file = self.conf().core.client_body_in_file_only != BodyInFile::Off && !self.body.unbuffered;
        let room = self.conf().core.client_body_buffer_size.0 as usize;
        let mut memory = Vec::new();
        let mut file: Option<TempFile> = None;
        loop {
            match self.body_take(&mut memory)? {
                Took::End => break,
                Took::Pending => self.body_wait().await?,
                // What is not to be kept is read here only once all of it has come.
                Took::Data(_) if self.body.unbuffered => {}
                Took::Data(_) if memory.len() > room || (file.is_some() && memory.len() >= PIECE) => {
                    self.spill(&mut file, &mut memory)?;
                }
                Took::Data(_) => {}
            }
        }
        // HTTP/2 alone has bodies without a byte.
        let here = self.body.received > 0 || matches!(self.body.framing, Framing::Whole);
        if file.is_some() || (in_file && here) {
            self.spill(&mut file, &mut memory)?;
        }
        self.body.stored = match file {
            Some(file) => Stored::File { file: Arc::new(file.file), len: file.len, path: file.path },
            None => Stored::Memory(memory),
        };
        Ok(())
    }

    fn spill(&mut self, file: &mut Option<TempFile>, memory: &mut Vec<u8>) -> Result<(), Status> {
        if file.is_none() {
            let keep = self.conf().core.client_body_in_file_only;
            let made = TempFile::create(&self.conf().core.client_body_temp_path, keep != BodyInFile::Off);
            let made = made.map_err(|(path, error)| {
                self.error_io(Level::Crit, &error, format_args!("open() \"{}\" failed", path.display()));
                Status(500)
            })?;
            let warn = format_args!("a client request body is buffered to a temporary file {}", made.path.display());
            self.error(Level::Warn, warn);
            *file = Some(made);
        }
        if let Some(file) = file {
            file.write(memory).map_err(|error| {
                self.error_io(Level::Crit, &error, format_args!("write() \"{}\" failed", file.path.display()));
                Status(500)
            })?;
        }
        memory.clear();
        Ok(())
    }

    /// Reads the rest of the body only to throw it away, as far as it is already there. Says whether it has ended.
    ///
    /// # Errors
    /// As [`Self::body_take`].
    pub fn body_discard(&mut self) -> Result<bool, Status> {
        self.send_continue();
        self.body.unwanted = true;
        if self.body.broken {
            // It has been told what is wrong.
            return Ok(true);
        }
        let mut sink = Vec::new();
        loop {
            sink.clear();
            match self.body_take(&mut sink) {
                Ok(Took::End) => return Ok(true),
                Ok(Took::Data(_)) => {}
                Ok(Took::Pending) => return Ok(false),
                Err(status) => {
                    self.body.broken = true;
                    return Err(status);
                }
            }
        }
    }

    /// Whether the whole body can be had without waiting; looks at the socket once.
    ///
    /// # Errors
    /// As [`Self::body_take`].
    pub fn body_is_here(&mut self) -> Result<bool, Status> {
        if self.body.done {
            return Ok(true);
        }
        let here = |cx: &Self| match &cx.body.framing {
            Framing::None => true,
            Framing::Whole => cx.conn.stream.h2().is_some_and(|h2| h2.has_ended()),
            Framing::Length(left) => cx.input.len() as u64 >= *left,
            Framing::Chunked(decoder) => {
                let mut decoder = decoder.clone();
                // What is wrong with it is found again, and told, when it is taken.
                decoder.decode(&cx.input, &mut Vec::new(), usize::MAX).is_err() || decoder.done()
            }
        };
        Ok(here(self) || (self.fill_input()? && here(self)))
    }

    /// Bytes still to come of a body that may pass from socket to socket: its length is known, and none are here.
    pub fn body_plain(&self) -> Option<u64> {
        match self.body.framing {
            Framing::Length(left) if self.input.is_empty() => Some(left),
            _ => None,
        }
    }

    /// Counts bytes that passed from socket to socket.
    pub fn body_passed(&mut self, bytes: u64) {
        if let Framing::Length(left) = &mut self.body.framing {
            *left = left.saturating_sub(bytes);
            self.body.done = *left == 0;
        }
        self.body.received += bytes;
        self.body.wire += bytes;
        self.body.expects_continue = false;
    }

    /// Decodes what is in `input`.
    fn decode_input(&mut self, out: &mut Vec<u8>) -> Result<usize, Status> {
        let before = out.len();
        let used = match &mut self.body.framing {
            Framing::None => {
                self.body.done = true;
                0
            }
            Framing::Length(left) => {
                let take = self.input.len().min(PIECE).min(usize::try_from(*left).unwrap_or(usize::MAX));
                out.extend_from_slice(self.input.get(..take).unwrap_or_default());
                *left -= take as u64;
                self.body.done = *left == 0;
                take
            }
            Framing::Whole => {
                let take = self.input.len().min(PIECE);
                out.extend_from_slice(self.input.get(..take).unwrap_or_default());
                // The end is told with the last of it.
                let last = take > 0 && take == self.input.len();
                self.body.done = last && self.conn.stream.h2().is_some_and(H2Stream::is_bodyless);
                take
            }
            Framing::Chunked(decoder) => match decoder.decode(&self.input, out, PIECE) {
                Ok(used) => {
                    self.body.done = decoder.done();
                    used
                }
                Err(_) => {
                    self.body.broken = true;
                    // What was too large before it was wrong is too large.
                    self.body.received += (out.len() - before) as u64;
                    self.check_size(0)?;
                    self.error(Level::Info, format_args!("client sent invalid chunked body"));
                    return Err(Status(400));
                }
            },
        };
        self.input.drain(..used);
        self.body.wire += used as u64;
        let got = out.len() - before;
        self.body.received += got as u64;
        if got > 0 {
            self.body.expects_continue = false;
            let ahead = match &self.body.framing {
                Framing::Chunked(decoder) => decoder.at_least(),
                _ => 0,
            };
            self.check_size(ahead)?;
        }
        // Data and the end may come together: the data is told first, the end by the next call.
        Ok(got)
    }

    fn body_at_end(&self) -> bool {
        self.body.done
    }

    /// `ahead`: so many bytes are announced.
    fn check_size(&mut self, ahead: u64) -> Result<(), Status> {
        let limit = self.conf().core.client_max_body_size.0;
        // What is thrown away may be as large as it likes.
        let chunked = self.body.content_length.is_none() && !self.body.unwanted;
        let size = self.body.received.saturating_add(ahead);
        if chunked && limit != 0 && size > limit {
            self.error(Level::Error, format_args!("client intended to send too large chunked body: {size} bytes"));
            self.body.broken = true;
            return Err(Status(413));
        }
        Ok(())
    }

    /// Reads once from the socket into `input`; says whether something came.
    fn fill_input(&mut self) -> Result<bool, Status> {
        let mut lease = Lease::take();
        match self.conn.stream.try_read(&mut lease) {
            Ok(0) if matches!(self.body.framing, Framing::Whole) => {
                self.body.done = true;
                Ok(false)
            }
            Ok(0) => {
                self.body.broken = true;
                self.body.gone = true;
                self.keepalive = false;
                self.error(Level::Info, format_args!("client prematurely closed connection"));
                Err(Status(400))
            }
            Ok(n) => {
                self.input.extend_from_slice(lease.get(..n).unwrap_or_default());
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(self.body_failed(&error)),
        }
    }

    fn body_failed(&mut self, error: &io::Error) -> Status {
        self.body.broken = true;
        self.keepalive = false;
        if error.kind() == io::ErrorKind::TimedOut {
            self.error_io(Level::Info, &io::Error::from_raw_os_error(110), format_args!("client timed out"));
            if let Some(h2) = self.conn.stream.h2() {
                h2.break_off(Code::Protocol);
            }
            return Status(408);
        }
        match error.kind() {
            io::ErrorKind::InvalidData => {
                self.error(Level::Info, format_args!("client sent a body that is not as long as \"content-length\""));
            }
            _ => self.error_io(Level::Info, error, format_args!("recv() failed")),
        }
        Status(400)
    }

    /// Answers `Expect: 100-continue`, once.
    fn send_continue(&mut self) {
        if !self.body.expects_continue {
            return;
        }
        self.body.expects_continue = false;
        if self.head.version == Version::Http11 {
            let line = b"HTTP/1.1 100 Continue\r\n\r\n";
            if let Ok(n) = self.conn.stream.try_write(line) {
                self.conn.count_sent(n as u64);
            }
        }
    }
}

/// A file that a body is written to.
#[derive(Debug)]
pub struct TempFile {
    /// The file, open for reading and writing.
    pub file: File,
    /// Its path; gone unless it is kept.
    pub path: PathBuf,
    /// Bytes written.
    pub len: u64,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl TempFile {
    /// Makes a new one below `place` with nginx's names (`levels/…/0000000001`); it vanishes at once from the
    /// directory unless `keep`.
    ///
    /// # Errors
    /// The path and what the system says.
    pub fn create(place: &TempPath, keep: bool) -> Result<TempFile, (PathBuf, io::Error)> {
        let mut last = None;
        for _ in 0..1000 {
            let number = NEXT.fetch_add(1, Ordering::Relaxed) + 1;
            let path = temp_path(place, number);
            match open_new(&path) {
                Ok(file) => {
                    if !keep {
                        let _ = std::fs::remove_file(&path);
                    }
                    return Ok(TempFile { file, path, len: 0 });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some((path, error)),
                Err(error) => return Err((path, error)),
            }
        }
        Err(last.unwrap_or_else(|| (place.path.clone(), io::ErrorKind::AlreadyExists.into())))
    }

    /// Appends.
    ///
    /// # Errors
    /// Of write(2).
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

fn open_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            options.open(path)
        }
        other => other,
    }
}

/// nginx's name of the `number`th file: levels are digits from its end.
fn temp_path(place: &TempPath, number: u64) -> PathBuf {
    let name = format!("{number:010}");
    let mut path = place.path.clone();
    let mut end = name.len();
    for &digits in &place.levels {
        let start = end.saturating_sub(usize::from(digits));
        path.push(name.get(start..end).unwrap_or_default());
        end = start;
    }
    path.push(name);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_from_the_end() {
        let place = TempPath { path: "/t".into(), levels: vec![1, 2] };
        assert_eq!(temp_path(&place, 12345), PathBuf::from("/t/5/34/0000012345"));
    }
}
