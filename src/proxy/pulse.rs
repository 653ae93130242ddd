//! Whether the threads still turn: each notes the time again and again, and somebody outside looks.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How often a thread notes the time.
pub const EVERY: Duration = Duration::from_millis(250);

/// Who has not for so long does nothing else either.
const SILENT: Duration = Duration::from_secs(1);

/// One thread of several may be held up by a slow disk or a wild pattern for so long before it counts: clients that
/// come to the others are served.
const HELD_UP: Duration = Duration::from_secs(10);

/// The threads' notes.
#[derive(Debug)]
pub struct Pulse {
    epoch: Instant,
    /// Milliseconds since the epoch.
    beats: Vec<AtomicU64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Pulse::new(0)
    }
}

impl Pulse {
    /// Of so many threads, all of which live now.
    pub fn new(threads: usize) -> Self {
        Pulse { epoch: Instant::now(), beats: (0..threads).map(|_| AtomicU64::new(0)).collect() }
    }

    /// A thread notes that it turns.
    pub fn beat(&self, thread: usize) {
        if let Some(beat) = self.beats.get(thread) {
            beat.store(self.since_epoch(), Relaxed);
        }
    }

    /// All threads count as turning now.
    pub fn reset(&self) {
        (0..self.beats.len()).for_each(|thread| self.beat(thread));
    }

    /// Whether the threads serve.
    pub fn is_alive(&self) -> bool {
        let now = self.since_epoch();
        let silent = |beat: &AtomicU64| Duration::from_millis(now.saturating_sub(beat.load(Relaxed)));
        serve(self.beats.iter().map(silent))
    }

    fn since_epoch(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }
}

/// Whether threads serve that have been silent for so long.
fn serve(silent: impl Iterator<Item = Duration> + Clone) -> bool {
    let shortest = silent.clone().min().unwrap_or_default();
    shortest < SILENT && silent.max().unwrap_or_default() < HELD_UP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_turns_is_enough_for_a_while() {
        let serve = |silent: &[u64]| serve(silent.iter().map(|millis| Duration::from_millis(*millis)));
        assert!(serve(&[300]) && serve(&[]) && serve(&[5_000, 200]));
        assert!(!serve(&[1_200]) && !serve(&[1_200, 1_500]));
        assert!(!serve(&[200, 11_000]));
    }

    #[test]
    fn a_note_is_kept() {
        let mut pulse = Pulse::new(2);
        pulse.epoch -= Duration::from_secs(20);
        assert!(!pulse.is_alive());
        pulse.beat(0);
        assert!(!pulse.is_alive(), "the other one has been silent for long");
        pulse.reset();
        assert!(pulse.is_alive());
    }
}
