//! Counters of the engine: stub_status and the metrics show them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters since the engine started, and gauges.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Connections handled.
    pub handled: AtomicU64,
    /// Requests begun.
    pub requests: AtomicU64,
    /// Open connections.
    pub active: AtomicU64,
    /// Connections whose request is being read.
    pub reading: AtomicU64,
    /// Connections whose request is being answered.
    pub writing: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in `Stats`")]
pub struct Snapshot {
    pub accepted: u64,
    pub handled: u64,
    pub requests: u64,
    pub active: u64,
    pub reading: u64,
    pub writing: u64,
    pub waiting: u64,
}

impl Stats {
    /// Reads all counters.
    pub fn read(&self) -> Snapshot {
        let (active, reading, writing) =
            (self.active.load(Relaxed), self.reading.load(Relaxed), self.writing.load(Relaxed));
        Snapshot {
            accepted: self.accepted.load(Relaxed),
            handled: self.handled.load(Relaxed),
            requests: self.requests.load(Relaxed),
            active,
            reading,
            writing,
            // Every open connection is in one of three states.
            waiting: active.saturating_sub(reading + writing),
        }
    }

    /// Holds a gauge up as long as the guard lives.
    pub fn hold(gauge: &AtomicU64) -> Held<'_> {
        gauge.fetch_add(1, Relaxed);
        Held(gauge)
    }
}

/// See [`Stats::hold`].
#[derive(Debug)]
pub struct Held<'a>(&'a AtomicU64);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
