//! A connection to a backend that speaks HTTP/2, as whoever proxies sees it: the body of the present request goes in, that
//! of its answer comes out, and what the connection itself has to say is said on the way.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use super::hpack::Field;
use super::machine::{Ended, Event, Machine};
use crate::proxy::io::{Lease, Stream, copy_file};

/// Bytes that may wait for the socket before the body has to.
const FULL: usize = 128 * 1024;
/// Bytes of an answer that may wait to be read before nothing more is taken from the socket.
const HELD: usize = 256 * 1024;
/// Interim answers that are kept until they are asked for.
const HINTS: usize = 16;
/// The most bytes of a frame.
const FRAME: usize = 16 * 1024;

/// A connection to a backend.
#[derive(Debug)]
pub struct BackendStream {
    under: Stream,
    machine: RefCell<Machine>,
    /// The stream of the present request; 0 between requests.
    id: Cell<u32>,
    /// Bytes on their way, and how many of them have gone.
    sending: RefCell<(Vec<u8>, usize)>,
    head: RefCell<Option<Vec<Field>>>,
    hints: RefCell<Vec<Vec<Field>>>,
    /// They end a wait; while the request is still being sent they do not.
    awaits_hints: Cell<bool>,
    trailers: RefCell<Option<Vec<Field>>>,
    /// Bytes that came for the present request.
    came: Cell<u64>,
}

impl BackendStream {
    /// A connection that has just been made; a head may have `block` bytes.
    pub fn new(under: Stream, block: usize) -> Self {
        BackendStream {
            under,
            machine: RefCell::new(Machine::client(block)),
            id: Cell::new(0),
            sending: RefCell::default(),
            head: RefCell::default(),
            hints: RefCell::default(),
            awaits_hints: Cell::new(false),
            trailers: RefCell::default(),
            came: Cell::new(0),
        }
    }

    /// The socket below.
    pub fn socket(&self) -> &Stream {
        &self.under
    }

    /// Begins a request; `ends`: it has no body.
    pub fn begin(&self, block: &[u8], ends: bool) {
        let id = self.machine.borrow_mut().request(block, ends);
        self.id.set(id.unwrap_or(0));
        self.head.take();
        self.hints.take();
        self.awaits_hints.set(false);
        self.trailers.take();
        self.came.set(0);
        if id.is_none() {
            self.machine.borrow_mut().abandon();
        }
    }

    /// The request has been said whole.
    pub fn finish(&self) {
        self.machine.borrow_mut().end(self.id.get());
        self.flush();
    }

    /// The head of the answer, once.
    pub fn take_head(&self) -> Option<Vec<Field>> {
        self.head.take()
    }

    /// Whoever waits to read is from here on told of interim answers, too.
    pub fn await_hints(&self) {
        self.awaits_hints.set(true);
    }

    /// Interim answers that have come, once.
    pub fn take_hints(&self) -> Vec<Vec<Field>> {
        self.hints.take()
    }

    /// What followed the body, once.
    pub fn take_trailers(&self) -> Option<Vec<Field>> {
        self.trailers.take()
    }

    /// Whether the answer has ended with what has been read of it.
    pub fn has_ended(&self) -> bool {
        let machine = self.machine.borrow();
        !machine.is_reset(self.id.get()) && machine.is_bodyless(self.id.get())
    }

    /// Why nothing more comes, if so.
    pub fn ended(&self) -> Option<Ended> {
        let machine = self.machine.borrow();
        machine.is_reset(self.id.get()).then(|| machine.why().unwrap_or(Ended::Closed))
    }

    /// Bytes that came for the present request.
    pub fn came(&self) -> u64 {
        self.came.get()
    }

    /// Ends the present request; says whether the connection may carry another one.
    pub fn settle(&self) -> bool {
        let mut machine = self.machine.borrow_mut();
        let id = self.id.replace(0);
        let done = machine.is_done(id) && !machine.is_spent();
        machine.release(id);
        done
    }

    /// Ready when there may be something to read: a head, data, an end.
    ///
    /// # Errors
    /// Of the reactor.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |stream| stream.tells())
    }

    /// Ready when there may be room for data.
    ///
    /// # Errors
    /// Of the reactor.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |stream| stream.room() > 0 && stream.machine.borrow().is_writable(stream.id.get()))
    }

    /// Moves bytes both ways until `done`.
    fn poll(&self, cx: &mut Context<'_>, done: impl Fn(&Self) -> bool) -> Poll<io::Result<()>> {
        loop {
            self.flush();
            if done(self) || self.machine.borrow().over {
                return Poll::Ready(Ok(()));
            }
            let deaf = self.machine.borrow().held(self.id.get()) >= HELD;
            let readable = !deaf && self.under.poll_readable(cx)?.is_ready();
            if readable {
                self.pull();
            }
            let unsent = !self.sending.borrow().0.is_empty();
            let writable = unsent && self.under.poll_writable(cx)?.is_ready();
            if !readable && !writable {
                return Poll::Pending;
            }
        }
    }

    /// Whether there is something to say to whoever waits for the answer.
    fn tells(&self) -> bool {
        let machine = self.machine.borrow();
        match self.id.get() {
            0 => machine.is_spent(),
            id => {
                self.head.borrow().is_some()
                    || (self.awaits_hints.get() && !self.hints.borrow().is_empty())
                    || machine.is_readable(id)
            }
        }
    }

    fn room(&self) -> usize {
        let held = self.sending.borrow().0.len() + self.machine.borrow().out.len();
        FULL.saturating_sub(held)
    }

    /// Takes what has come.
    fn pull(&self) {
        let mut lease = Lease::take();
        match self.under.try_read(&mut lease) {
            Ok(n) if n > 0 => {
                self.came.set(self.came.get() + n as u64);
                let mut machine = self.machine.borrow_mut();
                machine.receive(lease.get(..n).unwrap_or_default());
                while let Some(event) = machine.event() {
                    match event {
                        Event::Answer { fields } => *self.head.borrow_mut() = Some(fields),
                        Event::Interim { fields } => {
                            let mut hints = self.hints.borrow_mut();
                            if hints.len() < HINTS {
                                hints.push(fields);
                            }
                        }
                        Event::Trailers { fields } => *self.trailers.borrow_mut() = Some(fields),
                        _ => {}
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => self.machine.borrow_mut().abandon(),
        }
    }

    /// Sends what the socket takes.
    pub fn flush(&self) {
        let mut sending = self.sending.borrow_mut();
        let (bytes, at) = &mut *sending;
        loop {
            if *at >= bytes.len() {
                bytes.clear();
                *at = 0;
                let mut machine = self.machine.borrow_mut();
                if machine.out.is_empty() {
                    return;
                }
                std::mem::swap(bytes, &mut machine.out);
                machine.flushed();
            }
            match self.under.try_write(bytes.get(*at..).unwrap_or_default()) {
                Ok(n) => *at += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // What it has said before it closed can still be read.
                    bytes.clear();
                    *at = 0;
                    self.machine.borrow_mut().out.clear();
                    return;
                }
            }
        }
    }

    /// Takes of the answer's body what is there; `Ok(0)` is its end.
    ///
    /// # Errors
    /// `WouldBlock`, or `ConnectionReset` where it ends too early.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let id = self.id.get();
        let got = self.read(id, buf);
        if !matches!(&got, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            return got;
        }
        self.pull();
        self.flush();
        self.read(id, buf)
    }

    fn read(&self, id: u32, buf: &mut [u8]) -> io::Result<usize> {
        let mut machine = self.machine.borrow_mut();
        if machine.is_reset(id) && machine.held(id) == 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        machine.read(id, buf).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    /// Says whether there is something to read without taking it; `Ok(0)` when nothing will come.
    ///
    /// # Errors
    /// `WouldBlock`
    pub fn try_peek(&self, _: &mut [u8]) -> io::Result<usize> {
        self.pull();
        self.flush();
        let machine = self.machine.borrow();
        let id = self.id.get();
        if id != 0 && (self.head.borrow().is_some() || machine.held(id) > 0) {
            return Ok(1);
        }
        if self.tells() { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Takes of several pieces of the request's body what the windows allow. It leaves with the next flush.
    ///
    /// # Errors
    /// `WouldBlock`, or `BrokenPipe` once the backend has broken it off.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let id = self.id.get();
        let mut sent = 0;
        for buf in bufs {
            let now = buf.get(..self.room().min(buf.len())).unwrap_or_default();
            let mut machine = self.machine.borrow_mut();
            if machine.is_reset(id) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let n = machine.send(id, now, FRAME);
            sent += n;
            if n < buf.len() {
                break;
            }
        }
        let empty = bufs.iter().all(|buf| buf.is_empty());
        if sent > 0 || empty {
            return Ok(sent);
        }
        self.flush();
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// The same of a part of a file; `offset` moves on.
    ///
    /// # Errors
    /// As [`Self::try_write_vectored`].
    pub fn try_send_file(&self, file: impl AsFd, offset: &mut u64, count: usize) -> io::Result<usize> {
        copy_file(file, offset, count, |part| self.try_write_vectored(&[IoSlice::new(part)]))
    }
}

impl AsFd for BackendStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.under.as_fd()
    }
}
