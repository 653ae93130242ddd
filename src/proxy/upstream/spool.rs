//! What a backend sends faster than its client takes it: in memory up to `proxy_buffers`, then in a temporary file up to
//! `proxy_max_temp_file_size`.

use std::io;
use std::os::unix::fs::FileExt;

use rkeep_parsers::table::value::Level;

use crate::proxy::client_body::TempFile;
use crate::proxy::request::RequestCtx;

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
        let memory = if self.file_is_read() { self.memory_limit.saturating_sub(self.memory.len()) } else { 0 };
        memory.max(usize::try_from(self.file_limit.saturating_sub(self.file_end)).unwrap_or(usize::MAX))
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// The temporary file cannot be made or written; the log says so.
    pub fn push(&mut self, cx: &RequestCtx, bytes: &[u8]) -> io::Result<()> {
        if self.file_is_read() && self.memory.len() + bytes.len() <= self.memory_limit {
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
