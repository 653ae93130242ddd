//! A socket that speaks TLS as soon as it has a session; before that it passes bytes as they are, so that what comes
//! first (a PROXY protocol line, or plain HTTP by mistake) can be read.

use std::cell::RefCell;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use rustls::{Connection, ProtocolVersion};

use crate::proxy::io::{Lease, Stream, copy_file};

/// The most plaintext that is encrypted before the socket has taken it.
const AT_ONCE: usize = 64 * 1024;

/// A TLS connection over a plain one.
#[derive(Debug)]
pub struct TlsStream {
    under: Stream,
    session: RefCell<Option<Box<Session>>>,
}

/// What is known of a session.
#[derive(Debug)]
struct Session {
    tls: Connection,
    /// Bytes that have been encrypted and not yet reported as sent: whoever sends offers them again.
    owed: usize,
    /// Ciphertext that has been read from the socket and not yet been looked at.
    rest: Vec<u8>,
    /// Plaintext that came before the handshake has ended.
    early: Vec<u8>,
    /// How much of it has been looked at.
    at: usize,
    /// There may be plaintext although the socket is silent.
    ready: bool,
    /// The other side has ended.
    ended: bool,
}

impl TlsStream {
    /// A stream without a session.
    pub fn new(under: Stream) -> Self {
        TlsStream { under, session: RefCell::default() }
    }

    /// From here on the stream speaks TLS; `rest` is what has been read beyond the handshake.
    pub fn begin(&self, tls: impl Into<Connection>, rest: Vec<u8>) {
        let session =
            Session { tls: tls.into(), owed: 0, ready: !rest.is_empty(), rest, early: Vec::new(), at: 0, ended: false };
        *self.session.borrow_mut() = Some(Box::new(session));
    }

    /// The socket below.
    pub fn under(&self) -> &Stream {
        &self.under
    }

    /// Whether it speaks TLS.
    pub fn is_encrypted(&self) -> bool {
        self.session.borrow().is_some()
    }

    /// Looks at the session, if there is one.
    pub fn with<R>(&self, look: impl FnOnce(&mut Connection) -> R) -> Option<R> {
        self.session.borrow_mut().as_mut().map(|session| look(&mut session.tls))
    }

    /// Whether the client has not yet proved that it is here: what it has said may be said again by others.
    pub fn is_early(&self) -> bool {
        self.session.borrow().as_ref().is_some_and(|session| session.tls.is_handshaking())
    }

    /// Takes what has come and sends what is due, until the handshake is over or something to serve has come before.
    /// Tickets of TLS 1.3 are due later: they leave with an answer, or when there is nothing to do but wait.
    ///
    /// # Errors
    /// `WouldBlock` while it is not, `InvalidData` for what is no TLS or not acceptable, `UnexpectedEof`.
    pub fn shake_hands(&self) -> io::Result<()> {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else { return Ok(()) };
        while session.tls.is_handshaking() && session.early.is_empty() {
            session.flush(&self.under)?;
            // Some may have come with the first message.
            if session.process(&self.under)? || !session.tls.is_handshaking() {
                break;
            }
            session.take_in(&self.under)?;
            if session.ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        match session.owes_only_tickets() {
            true => Ok(()),
            false => session.flush(&self.under),
        }
    }

    /// Ready when there may be something to read.
    ///
    /// # Errors
    /// Of the reactor.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut session = self.session.borrow_mut();
        if session.as_ref().is_some_and(|session| session.ready || session.ended) {
            return Poll::Ready(Ok(()));
        }
        let here = self.under.poll_readable(cx)?;
        if let Some(session) = session.as_mut().filter(|_| here.is_pending()) {
            // Tickets and alerts leave meanwhile.
            while session.owed == 0 && session.tls.wants_write() {
                match session.flush(&self.under) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.under.poll_writable(cx)?.is_pending() {
                            break;
                        }
                    }
                    done => done?,
                }
            }
        }
        here.map(Ok)
    }

    /// Reads plaintext that is there; `Ok(0)` is the peer's end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.session.borrow_mut().as_mut() {
            Some(session) => session.read(&self.under, buf),
            None => self.under.try_read(buf),
        }
    }

    /// Looks at plaintext without taking it.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        match self.session.borrow_mut().as_mut() {
            Some(session) => session.peek(&self.under, buf),
            None => self.under.try_peek(buf),
        }
    }

    /// Sends of several pieces what the socket takes. What was refused must be offered again first.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.session.borrow_mut().as_mut() {
            Some(session) => session.write(&self.under, bufs, false),
            None => self.under.try_write_vectored(bufs),
        }
    }

    /// Sends the last bytes, and with them that nothing follows.
    ///
    /// # Errors
    /// As [`Self::try_write_vectored`].
    pub fn try_write_last(&self, buf: &[u8]) -> io::Result<usize> {
        match self.session.borrow_mut().as_mut() {
            Some(session) => session.write(&self.under, &[IoSlice::new(buf)], true),
            None => self.under.try_write(buf),
        }
    }

    /// Sends a part of a file as far as the socket takes it; `offset` moves on.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing.
    pub fn try_send_file(&self, file: impl AsFd, offset: &mut u64, count: usize) -> io::Result<usize> {
        if !self.is_encrypted() {
            return self.under.try_send_file(file, offset, count);
        }
        copy_file(file, offset, count.min(AT_ONCE), |part| self.try_write_vectored(&[IoSlice::new(part)]))
    }

    /// Tells the other side that nothing follows.
    pub fn say_goodbye(&self) {
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.tls.send_close_notify();
            // Who is slow does not hear it.
            let _ = session.flush(&self.under);
        }
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        self.say_goodbye();
    }
}

impl Session {
    fn read(&mut self, under: &Stream, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        loop {
            done += self.taken(buf.get_mut(done..).unwrap_or_default())?;
            if done == buf.len() {
                self.ready = true;
                return Ok(done);
            }
            if self.ended {
                return Ok(done);
            }
            match self.take_in(under) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
        }
    }

    fn peek(&mut self, under: &Stream, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(n) = self.early.get(..self.early.len().min(buf.len())).filter(|early| !early.is_empty()) {
            buf.iter_mut().zip(n).for_each(|(to, from)| *to = *from);
            return Ok(n.len());
        }
        loop {
            match self.tls.reader().fill_buf() {
                Ok(here) if !here.is_empty() => {
                    self.ready = true;
                    let n = here.len().min(buf.len());
                    buf.iter_mut().zip(here).for_each(|(to, from)| *to = *from);
                    return Ok(n);
                }
                _ if self.ended => return Ok(0),
                _ => self.take_in(under)?,
            }
        }
    }

    /// Plaintext that is here; zero when there is none.
    fn taken(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut done = self.early.len().min(buf.len());
        buf.iter_mut().zip(self.early.drain(..done)).for_each(|(to, from)| *to = from);
        while done < buf.len() {
            match self.tls.reader().read(buf.get_mut(done..).unwrap_or_default()) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Without a good-bye: how most clients leave.
                Err(_) => {
                    self.ended = true;
                    break;
                }
            }
        }
        Ok(done)
    }

    /// Decrypts some of what has come.
    fn take_in(&mut self, under: &Stream) -> io::Result<()> {
        self.ready = false;
        if self.at < self.rest.len() {
            let rest = std::mem::take(&mut self.rest);
            self.at += self.decrypt(rest.get(self.at..).unwrap_or_default(), under)?;
            if self.at < rest.len() {
                self.rest = rest;
                self.ready = true;
            }
            return Ok(());
        }
        let mut lease = Lease::take();
        match under.try_read(&mut lease)? {
            0 => {
                // rustls notes an end that no alert has announced.
                let _ = self.tls.read_tls(&mut io::empty());
                self.ended = true;
            }
            n => {
                let new = lease.get(..n).unwrap_or_default();
                let used = self.decrypt(new, under)?;
                self.rest = new.get(used..).unwrap_or_default().to_vec();
                self.at = 0;
                self.ready |= !self.rest.is_empty();
            }
        }
        Ok(())
    }

    /// Decrypts until plaintext has to be taken first; says how many bytes are used.
    fn decrypt(&mut self, bytes: &[u8], under: &Stream) -> io::Result<usize> {
        let mut left = bytes;
        while !left.is_empty() {
            if self.tls.read_tls(&mut left)? == 0 {
                break;
            }
            if self.process(under)? {
                break;
            }
        }
        Ok(bytes.len() - left.len())
    }

    /// Looks at what rustls has taken; says whether there is plaintext.
    fn process(&mut self, under: &Stream) -> io::Result<bool> {
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(error) => {
                // The alert says why.
                let _ = self.flush(under);
                self.ended = true;
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        };
        if state.plaintext_bytes_to_read() > 0 || self.take_early() {
            self.ready = true;
            return Ok(true);
        }
        self.ended |= state.peer_has_closed();
        Ok(false)
    }

    /// Takes plaintext that came before the handshake's end, which is bounded by the session; says whether there is any.
    fn take_early(&mut self) -> bool {
        if let Connection::Server(tls) = &mut self.tls
            && let Some(mut early) = tls.early_data()
        {
            // It has nothing to fail by.
            let _ = early.read_to_end(&mut self.early);
        }
        !self.early.is_empty()
    }

    /// Whether all that has not been sent are tickets.
    fn owes_only_tickets(&self) -> bool {
        let Connection::Server(tls) = &self.tls else { return false };
        !tls.is_handshaking() && tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }

    /// Sends what of the pieces the socket takes, and a good-bye behind the `last` byte.
    fn write(&mut self, under: &Stream, bufs: &[IoSlice<'_>], last: bool) -> io::Result<usize> {
        let offered = bufs.iter().map(|buf| buf.len()).sum();
        if self.owed > 0 {
            self.flush(under)?;
            let now = self.owed.min(offered);
            self.owed -= now;
            return Ok(now);
        }
        let written = self.tls.writer().write_vectored(bufs)?;
        if last && written == offered {
            self.tls.send_close_notify();
        }
        match self.flush(under) {
            Ok(()) => Ok(written),
            Err(error) => {
                if error.kind() == io::ErrorKind::WouldBlock {
                    self.owed = written;
                }
                Err(error)
            }
        }
    }

    /// Sends all ciphertext.
    fn flush(&mut self, under: &Stream) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut Out(under))?;
        }
        Ok(())
    }
}

/// The socket as rustls writes to it.
struct Out<'a>(&'a Stream);

impl Write for Out<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match bufs {
            // The cheaper call.
            [one] => self.0.try_write(one),
            more => self.0.try_write_vectored(more),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
