//! Noticing that this process was kept from running for so long that peers may have noticed, too.

use std::time::{Duration, Instant};

/// It is said once in this time at most: all instances share the process, so one of them speaks for all.
const EVERY: Duration = Duration::from_secs(1);

/// When it was last said.
#[derive(Debug, Default)]
pub(super) struct Lag(Option<Instant>);

impl Lag {
    /// Whether it is to be said at `now` that something was done so late for an instance of this advert interval.
    pub(super) fn is_due(&mut self, late: Duration, interval: Duration, now: Instant) -> bool {
        let due = late * 4 >= interval && self.0.is_none_or(|last| now.duration_since(last) >= EVERY);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_an_interval_is_said_once_a_second() {
        let (mut lag, start) = (Lag::default(), Instant::now());
        let mut due = |late, interval, at| {
            lag.is_due(Duration::from_millis(late), Duration::from_millis(interval), start + Duration::from_millis(at))
        };
        assert!(!due(249, 1000, 0));
        assert!(due(250, 1000, 0));
        assert!(!due(30, 10, 999));
        assert!(due(3, 10, 1000));
        assert!(!due(2, 10, 3000));
    }
}
