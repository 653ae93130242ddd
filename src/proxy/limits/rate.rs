//! `limit_req`: a bucket that leaks at the zone's rate. Pure.

/// What is known of a key: requests ahead of the rate, in thousandths, at a moment in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    excess: u64,
    at: u64,
}

/// How much a limit takes, in thousandths of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests a second.
    pub rate: u64,
    /// Ahead of the rate at most.
    pub burst: u64,
    /// Ahead of the rate without delay.
    pub delay: u64,
}

impl Bucket {
    /// A request that comes at `now`: the bucket with it in, full or not. The first of a key finds it empty.
    pub fn with_one(known: Option<Bucket>, rate: u64, now: u64) -> Bucket {
        let Some(Bucket { excess, at }) = known else { return Bucket { excess: 0, at: now } };
        let leaked = rate.saturating_mul(now.saturating_sub(at)) / 1000;
        Bucket { excess: (excess + 1000).saturating_sub(leaked), at: now.max(at) }
    }

    /// Thousandths of requests ahead of the rate.
    pub fn excess(self) -> u64 {
        self.excess
    }

    /// How long the request in it has to wait, in milliseconds.
    pub fn wait(self, limit: Limit) -> u64 {
        self.excess.saturating_sub(limit.delay).saturating_mul(1000) / limit.rate.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_leaks_at_its_rate() {
        let limit = Limit { rate: 2000, burst: 1000, delay: 0 };
        let first = Bucket::with_one(None, limit.rate, 5000);
        assert_eq!((first.excess(), first.wait(limit)), (0, 0));
        let second = Bucket::with_one(Some(first), limit.rate, 5000);
        assert_eq!((second.excess(), second.wait(limit)), (1000, 500));
        let third = Bucket::with_one(Some(second), limit.rate, 5250);
        assert_eq!(third.excess(), 1500);
        assert!(third.excess() > limit.burst);
        assert_eq!(Bucket::with_one(Some(second), limit.rate, 60_000).excess(), 0);
    }

    #[test]
    fn some_may_pass_undelayed() {
        let limit = Limit { rate: 500, burst: 2000, delay: 1000 };
        let full = Bucket { excess: 1000, at: 0 };
        assert_eq!(full.wait(limit), 0);
        assert_eq!(Bucket::with_one(Some(full), limit.rate, 0).wait(limit), 2000);
    }

    #[test]
    fn a_clock_that_lags_changes_nothing() {
        let ahead = Bucket { excess: 500, at: 10 };
        assert_eq!(Bucket::with_one(Some(ahead), 1000, 8), Bucket { excess: 1500, at: 10 });
    }
}
