//! The time as one turn of a connection's work sees it: read once when the connection's task runs, as nginx reads it once
//! a turn of its event loop. Only code that runs inside such a task may ask.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

/// How far the wall clock's reading may lie behind.
const WALL: Duration = Duration::from_millis(1);

#[derive(Clone, Copy)]
struct Reading {
    now: Instant,
    wall: SystemTime,
    wall_read: Instant,
}

thread_local! {
    static READING: Cell<Option<Reading>> = const { Cell::new(None) };
}

fn read() -> Reading {
    let now = Instant::now();
    let reading = match READING.get() {
        Some(last) if now.saturating_duration_since(last.wall_read) < WALL => Reading { now, ..last },
        _ => Reading { now, wall: SystemTime::now(), wall_read: now },
    };
    READING.set(Some(reading));
    reading
}

/// Runs a connection's work; each turn begins with a look at the clock.
pub async fn turns(work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    poll_fn(|cx| {
        read();
        work.as_mut().poll(cx)
    })
    .await;
}

/// When this turn began.
pub fn now() -> Instant {
    READING.get().unwrap_or_else(read).now
}

/// The same by the wall clock, to a millisecond.
pub fn wall() -> SystemTime {
    READING.get().unwrap_or_else(read).wall
}

/// How long ago `since` was.
pub fn since(since: Instant) -> Duration {
    now().saturating_duration_since(since)
}
