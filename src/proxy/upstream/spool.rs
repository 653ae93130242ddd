//! What a backend sends faster than its client takes it: in memory up to `proxy_buffers`, then in a temporary file up to
//! `proxy_max_temp_file_size`.

use std::io;
use std::os::unix::fs::FileExt;

use rkeep_parsers::table::value::Level;

use crate::proxy::client_body::TempFile;
use crate::proxy::io::{BIG, Stream};
use crate::proxy::request::RequestCtx;
use crate::sys::tcp;

/// Bytes on their way, first in, first out.
#[derive(Debug, Default)]
pub struct Spool {
    memory: Vec<u8>,
    memory_at: usize,
    file: Option<TempFile>,
    file_at: u64,
    file_end: u64,
    memory_limit: usize,
    file_limit: u64,
    /// Bytes that wait elsewhere, in the same buffers as far as the operator is concerned.
    pub beside: usize,
}

impl Spool {
    /// As the directives of the location say; nothing is kept where the answer is not buffered.
    pub fn new(cx: &RequestCtx, buffered: bool) -> Self {
        if !buffered {
            return Spool::default();
        }
        let conf = &cx.conf().proxy;
        let memory = u64::from(conf.buffers.count) * conf.buffers.size;
        Spool {
            memory_limit: usize::try_from(memory).unwrap_or(usize::MAX),
            file_limit: conf.max_temp_file_size.0,
            ..Spool::default()
        }
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.memory_at == self.memory.len() && self.file_is_read()
    }

    fn file_is_read(&self) -> bool {
        self.file_at == self.file_end
    }

    /// How much more may be kept.
    pub fn room(&self) -> usize {
        let memory = if self.file_is_read() { self.memory_room() } else { 0 };
        memory.max(usize::try_from(self.file_limit.saturating_sub(self.file_end)).unwrap_or(usize::MAX))
    }

    fn memory_room(&self) -> usize {
        self.memory_limit.saturating_sub(self.memory.len() + self.beside)
    }

    /// How much may be read at once while the client keeps up: what it then does not take needs a place.
    pub fn gulp(&self) -> usize {
        let none = self.memory_limit == 0 || self.has_large_file();
        if none { usize::MAX } else { self.memory_limit }
    }

    /// How much of it may wait in memory at the client's socket; the rest is to be kept here.
    pub fn most_beside(&self) -> usize {
        if self.memory_limit > 0 && self.has_large_file() { self.memory_limit } else { usize::MAX }
    }

    /// How much may be moved at once to the client's socket, as far as that may not take it.
    pub fn draught(&self, client: &Stream) -> usize {
        match self.most_beside() {
            usize::MAX => self.slack(),
            // Little of it will have to go into the file.
            memory => memory.saturating_add(tcp::send_room(client).unwrap_or_default()),
        }
    }

    /// How much may come to wait in memory.
    pub fn slack(&self) -> usize {
        if self.memory_limit > 0 { self.memory_limit } else { usize::MAX }
    }

    fn has_large_file(&self) -> bool {
        self.file_limit >= BIG as u64
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// The temporary file cannot be made or written; the log says so.
    pub fn push(&mut self, cx: &RequestCtx, bytes: &[u8]) -> io::Result<()> {
        if self.file_is_read() && bytes.len() <= self.memory_room() {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(new_file(cx)?),
        };
        file.file.write_all_at(bytes, self.file_end).inspect_err(|error| {
            cx.error_io(Level::Crit, error, format_args!("pwrite() \"{}\" failed", file.path.display()));
        })?;
        self.file_end += bytes.len() as u64;
        Ok(())
    }

    /// Takes the next bytes, as many as `buffer` holds or fewer, and says how many.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let kept = self.memory.get(self.memory_at..).unwrap_or_default();
        if !kept.is_empty() {
            let n = kept.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(kept) {
                *to = *from;
            }
            self.memory_at += n;
            if self.memory_at == self.memory.len() {
                self.memory.clear();
                self.memory_at = 0;
            }
            return Ok(n);
        }
        let Some(file) = &self.file else { return Ok(0) };
        let left = usize::try_from(self.file_end - self.file_at).unwrap_or(usize::MAX).min(buffer.len());
        let n = file.file.read_at(buffer.get_mut(..left).unwrap_or_default(), self.file_at)?;
        if n == 0 && left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file_at += n as u64;
        if self.file_is_read() {
            (self.file_at, self.file_end) = (0, 0);
        }
        Ok(n)
    }
}

fn new_file(cx: &RequestCtx) -> io::Result<TempFile> {
    let made = TempFile::create(&cx.conf().proxy.temp_path, false);
    let file = made.map_err(|(path, error)| {
        cx.error_io(Level::Crit, &error, format_args!("open() \"{}\" failed", path.display()));
        error
    })?;
    let path = file.path.display();
    cx.error(Level::Warn, format_args!("an upstream response is buffered to a temporary file {path}"));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_elsewhere_takes_room_here() {
        let mut spool = Spool { memory_limit: 100, memory: vec![0; 20], ..Spool::default() };
        assert_eq!(spool.room(), 80);
        spool.beside = 50;
        assert_eq!(spool.room(), 30);
        spool.beside = 200;
        assert_eq!(spool.room(), 0);
        assert_eq!((spool.gulp(), spool.most_beside(), spool.slack()), (100, usize::MAX, 100));
        spool.file_limit = 1 << 30;
        assert_eq!((spool.gulp(), spool.most_beside(), spool.slack()), (usize::MAX, 100, 100));
    }

    #[test]
    fn without_buffers_nothing_is_held_back() {
        let spool = Spool::default();
        assert_eq!(
            (spool.room(), spool.gulp(), spool.most_beside(), spool.slack()),
            (0, usize::MAX, usize::MAX, usize::MAX)
        );
    }
}
