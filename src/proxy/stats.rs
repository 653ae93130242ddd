//! Counters of the engine: stub_status and the metrics show them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::flood::Flood;

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
    floods: [AtomicU64; Flood::ALL.len()],
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

    /// A connection has been ended for a flood.
    pub fn flooded(&self, flood: Flood) {
        self.floods.get(flood as usize).into_iter().for_each(|count| {
            count.fetch_add(1, Relaxed);
        });
    }

    /// Which floods there have been, and how many connections each has ended.
    pub fn floods(&self) -> impl Iterator<Item = (Flood, u64)> {
        let counted = Flood::ALL.into_iter().zip(&self.floods).map(|(flood, count)| (flood, count.load(Relaxed)));
        counted.filter(|(_, count)| *count > 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flood_has_its_counter() {
        let stats = Stats::default();
        assert_eq!(stats.floods().count(), 0);
        Flood::ALL.into_iter().zip(1..).for_each(|(flood, times)| (0..times).for_each(|_| stats.flooded(flood)));
        let all: Vec<_> = stats.floods().collect();
        assert_eq!(all, Flood::ALL.into_iter().zip(1..).collect::<Vec<_>>());
    }
}
