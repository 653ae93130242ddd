//! Whether the process that serves the virtual servers turns. Its facts are about real servers and say nothing of itself, so
//! it says again and again that it lives. Pure.

use std::time::Instant;

use crate::bus::Verdict;
use crate::bus::lease::LEASE;

/// What has been heard of it.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Until when it counts as living; none before it has said so, or where there shall be none.
    until: Option<Instant>,
    lost: bool,
}

impl Pulse {
    /// It lives.
    pub fn beat(&mut self, now: Instant) {
        self.until = Some(now + LEASE);
    }

    /// There shall be none any more.
    pub fn forget(&mut self) {
        *self = Pulse::default();
    }

    /// What has changed by now.
    pub fn judge(&mut self, now: Instant) -> Option<Verdict> {
        let lost = self.until.is_some_and(|until| until <= now);
        let changed = std::mem::replace(&mut self.lost, lost) != lost;
        changed.then_some(if lost { Verdict::Down } else { Verdict::Up })
    }

    /// When it must be judged though nothing is heard.
    pub fn deadline(&self) -> Option<Instant> {
        self.until.filter(|_| !self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_from_the_last_beat_on() {
        let (mut pulse, now) = (Pulse::default(), Instant::now());
        assert_eq!((pulse.judge(now + LEASE * 9), pulse.deadline()), (None, None), "there is none yet");
        pulse.beat(now);
        assert_eq!((pulse.judge(now), pulse.deadline()), (None, Some(now + LEASE)));
        assert_eq!(pulse.judge(now + LEASE), Some(Verdict::Down));
        assert_eq!((pulse.judge(now + LEASE * 2), pulse.deadline()), (None, None), "once");
        pulse.beat(now + LEASE * 3);
        assert_eq!(pulse.judge(now + LEASE * 3), Some(Verdict::Up));
        pulse.forget();
        assert_eq!(pulse.judge(now + LEASE * 9), None);
    }
}
