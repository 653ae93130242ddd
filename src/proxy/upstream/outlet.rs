//! Where a body's bytes leave for the client: all of them, or the range that was asked for.

use std::io;

use super::spool::Spool;
use crate::proxy::request::RequestCtx;
use crate::proxy::sink::Sink;

/// The client's end of a body.
#[derive(Debug)]
pub struct Outlet<'a> {
    /// The way to the client.
    pub sink: &'a mut Sink,
    /// First byte and one past the last.
    cut: Option<(u64, u64)>,
    /// Bytes that have come here.
    at: u64,
}

impl<'a> Outlet<'a> {
    /// An outlet for all bytes, or for those of `cut`.
    pub fn new(sink: &'a mut Sink, cut: Option<(u64, u64)>) -> Self {
        Outlet { sink, cut, at: 0 }
    }

    /// Whether every byte leaves as it comes.
    pub fn is_plain(&self) -> bool {
        self.cut.is_none()
    }

    /// Passes bytes on; of those that the client does not take as many as `spool` allows wait at its socket, the others
    /// there.
    ///
    /// # Errors
    /// The client's connection is broken, or the spool's file.
    pub fn push_or_keep(&mut self, cx: &RequestCtx, data: &[u8], spool: &mut Spool) -> io::Result<()> {
        if self.cut.is_some() {
            return self.push(data);
        }
        if !spool.is_empty() {
            return spool.push(cx, data);
        }
        let taken = self.sink.push_some(data, spool.most_beside())?;
        spool.beside = self.sink.pending();
        match data.get(taken..) {
            Some(rest) if !rest.is_empty() => spool.push(cx, rest),
            _ => Ok(()),
        }
    }

    /// Passes bytes on.
    ///
    /// # Errors
    /// The client's connection is broken.
    pub fn push(&mut self, data: &[u8]) -> io::Result<()> {
        let Some((first, end)) = self.cut else { return self.sink.push(data) };
        let place = |position: u64| position.saturating_sub(self.at).min(data.len() as u64) as usize;
        let wanted = data.get(place(first)..place(end)).unwrap_or_default();
        self.at += data.len() as u64;
        self.sink.push(wanted)
    }
}
