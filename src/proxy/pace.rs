//! `limit_rate`: how fast an answer may leave.

use std::time::{Duration, Instant};

/// A limit on the bytes of one answer. As with nginx a second's worth may leave at once.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes a second, above zero.
    rate: u64,
    /// Bytes before the limit holds.
    after: u64,
    since: Instant,
}

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// So many bytes may go.
    Send(usize),
    /// None before this moment.
    Wait(Instant),
}

impl Pace {
    /// A limit that counts from now; none for a rate of 0.
    pub fn new(rate: u64, after: u64) -> Option<Pace> {
        (rate > 0).then(|| Pace { rate, after, since: Instant::now() })
    }

    /// What may leave at `now` after `sent` bytes have.
    pub fn leave(&self, now: Instant, sent: u64) -> Leave {
        let seconds = now.saturating_duration_since(self.since).as_secs() + 1;
        let budget = self.rate.saturating_mul(seconds).saturating_add(self.after);
        match budget.checked_sub(sent).filter(|left| *left > 0) {
            Some(left) => Leave::Send(usize::try_from(left).unwrap_or(usize::MAX)),
            None => {
                let over = sent - budget;
                let millis = over.saturating_mul(1000) / self.rate + 1;
                let next = self.since + Duration::from_secs(seconds);
                Leave::Wait(next.max(now + Duration::from_millis(millis)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_at_a_time() {
        let pace = Pace::new(100, 50).expect("a limit");
        let at = |millis| pace.since + Duration::from_millis(millis);
        assert_eq!(pace.leave(at(0), 0), Leave::Send(150));
        assert_eq!(pace.leave(at(500), 150), Leave::Wait(at(1000)));
        assert_eq!(pace.leave(at(1000), 150), Leave::Send(100));
        assert!(Pace::new(0, 0).is_none());
    }
}
