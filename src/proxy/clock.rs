//! The time as one turn of a connection's work sees it: read when the thread has waited, and again every few turns of
//! connections' tasks, as nginx reads it once a turn of its event loop. Only code that runs inside such a task may ask.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many turns may share a reading.
const TURNS: u32 = 16;

/// How far the wall clock's reading may lie behind.
const WALL: Duration = Duration::from_millis(1);

#[derive(Clone, Copy)]
struct Reading {
    now: Instant,
    wall: SystemTime,
    wall_read: Instant,
    /// The wall clock's seconds since 1970, and as they would be had nobody set it since the start.
    seconds: (i64, i64),
}

thread_local! {
    static READING: Cell<Option<Reading>> = const { Cell::new(None) };
    /// Turns that may still use it.
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// Looks at the clock, for those who are no connection's task.
pub fn look() {
    read();
}

fn read() -> Reading {
    let now = Instant::now();
    let reading = match READING.get() {
        Some(last) if now.saturating_duration_since(last.wall_read) < WALL => Reading { now, ..last },
        _ => read_wall(now),
    };
    READING.set(Some(reading));
    reading
}

fn read_wall(now: Instant) -> Reading {
    static START: OnceLock<(Instant, Duration)> = OnceLock::new();
    let wall = SystemTime::now();
    let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (start, epoch) = START.get_or_init(|| (now, since_epoch));
    let steady = *epoch + now.saturating_duration_since(*start);
    Reading { now, wall, wall_read: now, seconds: (since_epoch.as_secs() as i64, steady.as_secs() as i64) }
}

/// The thread has waited: the last reading is old.
pub fn waited() {
    LEFT.set(0);
}

fn turn() {
    match LEFT.get() {
        0 => {
            read();
            LEFT.set(TURNS - 1);
        }
        left => LEFT.set(left - 1),
    }
}

/// Runs a connection's work, whose turns have the time. The work is in a box: held by an `async fn` it would take twice
/// its memory, once as the argument and once where it is pinned.
pub fn turns(work: impl Future<Output = ()>) -> impl Future<Output = ()> {
    let mut work = Box::pin(work);
    poll_fn(move |cx| {
        turn();
        work.as_mut().poll(cx)
    })
}

/// When this turn began, or one of the few before it.
pub fn now() -> Instant {
    READING.get().unwrap_or_else(read).now
}

/// The same by the wall clock, to a millisecond.
pub fn wall() -> SystemTime {
    READING.get().unwrap_or_else(read).wall
}

/// The wall clock's seconds since 1970.
pub fn seconds() -> i64 {
    READING.get().unwrap_or_else(read).seconds.0
}

/// The wall clock's seconds as they would be had nobody set the clock since the start.
pub fn steady_seconds() -> i64 {
    READING.get().unwrap_or_else(read).seconds.1
}

/// How long ago `since` was.
pub fn since(since: Instant) -> Duration {
    now().saturating_duration_since(since)
}
