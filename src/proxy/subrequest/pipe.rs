//! The way of a subrequest's body to the one that asked for it: in order, and no further ahead than a little.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// How much waits for a reader that is busy with something else, bytes.
const ROOM: usize = 64 * 1024;

/// How a subrequest ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The status of its answer.
    pub status: u16,
    /// Its body came whole.
    pub complete: bool,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ended: Option<Ended>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The reading end.
#[derive(Debug)]
pub struct Reader(Rc<RefCell<State>>);

/// The writing end. One that is dropped without a word has ended badly.
#[derive(Debug)]
pub struct Writer(Rc<RefCell<State>>);

/// Both ends.
pub fn pipe() -> (Writer, Reader) {
    let state = Rc::default();
    (Writer(Rc::clone(&state)), Reader(state))
}

impl Writer {
    /// Passes bytes on once there is room.
    pub async fn put(&self, bytes: &[u8]) {
        poll_fn(|task| self.poll_room(task)).await;
        let mut state = self.0.borrow_mut();
        state.bytes.extend_from_slice(bytes);
        wake(&mut state.reader);
    }

    fn poll_room(&self, task: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.borrow_mut();
        if state.bytes.len() < ROOM {
            return Poll::Ready(());
        }
        state.writer = Some(task.waker().clone());
        Poll::Pending
    }

    /// Says how it ended; the first word counts.
    pub fn end(&self, ended: Ended) {
        let mut state = self.0.borrow_mut();
        state.ended.get_or_insert(ended);
        wake(&mut state.reader);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end(Ended::default());
    }
}

impl Reader {
    /// The next bytes, or how it ended.
    pub fn poll_take(&self, task: &mut Context<'_>) -> Poll<Result<Vec<u8>, Ended>> {
        let mut state = self.0.borrow_mut();
        if !state.bytes.is_empty() {
            wake(&mut state.writer);
            return Poll::Ready(Ok(std::mem::take(&mut state.bytes)));
        }
        if let Some(ended) = state.ended {
            return Poll::Ready(Err(ended));
        }
        state.reader = Some(task.waker().clone());
        Poll::Pending
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(reader: &Reader) -> Result<Vec<u8>, Ended> {
        poll_fn(|task| reader.poll_take(task)).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_reader_gets_everything_and_then_the_end() {
        let (writer, reader) = pipe();
        let ended = Ended { status: 200, complete: true };
        let write = async {
            for _ in 0..5 {
                writer.put(&[b'x'; 40_000]).await;
            }
            writer.end(ended);
        };
        let read = async {
            let mut bytes = 0;
            loop {
                match take(&reader).await {
                    Ok(piece) => bytes += piece.len(),
                    Err(end) => return (bytes, end),
                }
            }
        };
        let ((), got) = tokio::join!(write, read);
        assert_eq!(got, (200_000, ended));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_writer_that_is_dropped_has_failed() {
        let (writer, reader) = pipe();
        drop(writer);
        assert_eq!(take(&reader).await, Err(Ended::default()));
    }
}
