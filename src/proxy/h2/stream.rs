//! A stream as requests see it: something to read a body from and to write an answer to.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::frame::Code;
use super::machine::{Event, Machine};
use crate::proxy::io::{Stream, copy_file};

/// Bytes that may wait for the socket before streams have to.
const FULL: usize = 128 * 1024;

/// What the streams of a connection share.
#[derive(Debug)]
pub struct Hub {
    /// The connection's state.
    pub machine: RefCell<Machine>,
    wakers: RefCell<HashMap<u32, Wakers>>,
    driver: RefCell<Option<Waker>>,
    /// The driver is at work and looks at everything of itself.
    busy: Cell<bool>,
    /// The socket.
    pub socket: Rc<Stream>,
}

#[derive(Debug, Default)]
struct Wakers {
    read: Option<Waker>,
    write: Option<Waker>,
    may_write: bool,
}

impl Hub {
    /// The hub of a connection.
    pub fn new(machine: Machine, socket: Rc<Stream>) -> Hub {
        Hub {
            machine: RefCell::new(machine),
            wakers: RefCell::default(),
            driver: RefCell::default(),
            busy: Cell::new(false),
            socket,
        }
    }

    /// Who moves bytes between the machine and the socket.
    pub fn drive_by(&self, waker: &Waker) {
        *self.driver.borrow_mut() = Some(waker.clone());
    }

    /// The driver begins or ends a turn.
    pub fn busy(&self, busy: bool) {
        self.busy.set(busy);
    }

    fn nudge(&self) {
        if self.busy.get() {
            return;
        }
        if let Some(driver) = self.driver.borrow().as_ref() {
            driver.wake_by_ref();
        }
    }

    /// Wakes whom an event is for.
    pub fn wake(&self, event: &Event) {
        let mut wakers = self.wakers.borrow_mut();
        let wake = |waker: &mut Option<Waker>| waker.take().into_iter().for_each(Waker::wake);
        match event {
            Event::Request { .. } | Event::Answer { .. } | Event::Interim { .. } | Event::Trailers { .. } => {}
            Event::Readable(id) => wakers.get_mut(id).into_iter().for_each(|one| wake(&mut one.read)),
            Event::Writable(id) => wakers.get_mut(id).into_iter().for_each(|one| one.may_write = true),
            Event::AllWritable => wakers.values_mut().for_each(|one| one.may_write = true),
        }
    }

    /// Wakes all that may write, by their priority: in that order they take of the connection's window.
    pub fn wake_writers(&self) {
        let mut wakers = self.wakers.borrow_mut();
        let ready = |(id, one): (&u32, &mut Wakers)| {
            let waker = std::mem::take(&mut one.may_write).then(|| one.write.take()).flatten();
            waker.map(|waker| (*id, waker))
        };
        let mut ready: Vec<_> = wakers.iter_mut().filter_map(ready).collect();
        if ready.len() > 1 {
            let machine = self.machine.borrow();
            ready.sort_by_cached_key(|(id, _)| (machine.priority(*id), *id));
        }
        ready.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// One stream of a connection.
#[derive(Debug)]
pub struct H2Stream {
    hub: Rc<Hub>,
    id: u32,
    /// The most bytes of one frame: `http2_chunk_size`.
    chunk: Cell<usize>,
}

impl H2Stream {
    /// A stream that has just begun.
    pub fn new(hub: Rc<Hub>, id: u32) -> Self {
        hub.wakers.borrow_mut().insert(id, Wakers::default());
        H2Stream { hub, id, chunk: Cell::new(8192) }
    }

    /// The socket below.
    pub fn socket(&self) -> &Stream {
        &self.hub.socket
    }

    /// Sends fields.
    pub fn send_fields(&self, block: &[u8], ends: bool) {
        self.hub.machine.borrow_mut().send_fields(self.id, block, ends);
        self.hub.nudge();
    }

    /// Bytes of one frame of data from here on.
    pub fn set_chunk(&self, bytes: usize) {
        self.chunk.set(bytes);
    }

    /// Says that the answer is whole.
    pub fn end(&self) {
        self.hub.machine.borrow_mut().end(self.id);
        self.hub.nudge();
    }

    /// Breaks it off.
    pub fn break_off(&self, code: Code) {
        self.hub.machine.borrow_mut().break_off(self.id, code);
        self.hub.nudge();
    }

    /// Whether the client has said all.
    pub fn has_ended(&self) -> bool {
        self.hub.machine.borrow().has_ended(self.id)
    }

    /// Whether the request has come whole without a body.
    pub fn is_bodyless(&self) -> bool {
        self.hub.machine.borrow().is_bodyless(self.id)
    }

    /// Ready when there may be something to read.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.hub.machine.borrow().is_readable(self.id) {
            return Poll::Ready(Ok(()));
        }
        if let Some(wakers) = self.hub.wakers.borrow_mut().get_mut(&self.id) {
            wakers.read = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Ready when there may be room to write.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        {
            let machine = self.hub.machine.borrow();
            if machine.is_reset(self.id) || (machine.out.len() < FULL && machine.is_writable(self.id)) {
                return Poll::Ready(Ok(()));
            }
        }
        if let Some(wakers) = self.hub.wakers.borrow_mut().get_mut(&self.id) {
            wakers.write = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Ready once the client has left or broken the stream off; that it has said all is no leaving.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.hub.machine.borrow().is_reset(self.id) {
            return Poll::Ready(());
        }
        if let Some(wakers) = self.hub.wakers.borrow_mut().get_mut(&self.id) {
            wakers.read = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Takes of the body what is there; `Ok(0)` is its end.
    ///
    /// # Errors
    /// `WouldBlock`, `ConnectionReset` once the client has broken it off, `InvalidData` for a body of the wrong length.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut machine = self.hub.machine.borrow_mut();
        if machine.is_reset(self.id) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if machine.is_faulty(self.id) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let got = machine.read(self.id, buf);
        drop(machine);
        self.hub.nudge();
        got.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    /// Nothing can be looked at without taking it.
    ///
    /// # Errors
    /// `WouldBlock`
    pub fn try_peek(&self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Sends of several pieces what the windows and the socket take.
    ///
    /// # Errors
    /// `WouldBlock`, or `BrokenPipe` once the client has broken it off.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut machine = self.hub.machine.borrow_mut();
        if machine.is_reset(self.id) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut sent = 0;
        for buf in bufs {
            let room = FULL.saturating_sub(machine.out.len());
            let now = buf.get(..room.min(buf.len())).unwrap_or_default();
            let n = machine.send(self.id, now, self.chunk.get());
            sent += n;
            if n < buf.len() {
                break;
            }
        }
        drop(machine);
        self.hub.nudge();
        let empty = bufs.iter().all(|buf| buf.is_empty());
        if sent == 0 && !empty { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(sent) }
    }

    /// Sends a part of a file as far as it is taken; `offset` moves on.
    ///
    /// # Errors
    /// As [`Self::try_write_vectored`].
    pub fn try_send_file(&self, file: impl AsFd, offset: &mut u64, count: usize) -> io::Result<usize> {
        copy_file(file, offset, count, |part| self.try_write_vectored(&[IoSlice::new(part)]))
    }
}

impl AsFd for H2Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.hub.socket.as_fd()
    }
}

impl Drop for H2Stream {
    fn drop(&mut self) {
        self.hub.machine.borrow_mut().release(self.id);
        self.hub.wakers.borrow_mut().remove(&self.id);
        self.hub.nudge();
    }
}
