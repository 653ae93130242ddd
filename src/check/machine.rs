//! One check: when to probe next, and when an outcome changes its mind. Pure.

use std::time::Duration;

/// How often a check probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// `delay_loop`: between two probes.
    pub delay_loop: Duration,
    /// `retry`: further probes before a server counts as down.
    pub retry: u32,
    /// `delay_before_retry`: before each of those.
    pub delay_before_retry: Duration,
}

/// What a check believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checker {
    up: bool,
    has_run: bool,
    retries: u32,
}

/// What an outcome leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Until the next probe.
    pub wait: Duration,
    /// What the check has come to believe, if that is news.
    pub news: Option<News>,
}

/// What a check has come to believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The first success, or the first after failures.
    Success {
        /// It was down before.
        changed: bool,
    },
    /// Failed, also on all retries.
    Failure {
        /// It was up before.
        changed: bool,
        /// How many retries were made.
        retries: u32,
    },
}

impl Checker {
    /// A check that has not run. With `alpha` its server is down until it succeeds.
    pub fn new(alpha: bool) -> Self {
        Checker { up: !alpha, has_run: false, retries: 0 }
    }

    /// A check that has found its server to be down.
    pub fn failed() -> Self {
        Checker { up: false, has_run: true, retries: 0 }
    }

    /// Whether it holds its server to be up.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether any probe has come to a result.
    pub fn has_run(&self) -> bool {
        self.has_run
    }

    /// Retries made since the last settled result.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Takes a probe's outcome.
    pub fn outcome(&mut self, success: bool, timing: &Timing) -> Step {
        if !success && self.up && self.retries < timing.retry {
            self.retries += 1;
            return Step { wait: timing.delay_before_retry, news: None };
        }
        let changed = self.up != success;
        let news = (changed || !self.has_run).then_some(match success {
            true => News::Success { changed },
            false => News::Failure { changed, retries: self.retries },
        });
        *self = Checker { up: success, has_run: true, retries: 0 };
        Step { wait: timing.delay_loop, news }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing =
        Timing { delay_loop: Duration::from_secs(6), retry: 2, delay_before_retry: Duration::from_secs(3) };

    #[test]
    fn goes_down_only_after_its_retries() {
        let mut checker = Checker::new(false);
        assert_eq!(checker.outcome(true, &TIMING).news, Some(News::Success { changed: false }));
        let waits: Vec<Step> = (0..4).map(|_| checker.outcome(false, &TIMING)).collect();
        assert_eq!(waits[0], Step { wait: TIMING.delay_before_retry, news: None });
        assert_eq!(waits[1], Step { wait: TIMING.delay_before_retry, news: None });
        let down = News::Failure { changed: true, retries: 2 };
        assert_eq!(waits[2], Step { wait: TIMING.delay_loop, news: Some(down) });
        assert_eq!(waits[3], Step { wait: TIMING.delay_loop, news: None }, "no retries while down");
    }

    #[test]
    fn a_success_forgives_the_retries() {
        let mut checker = Checker::new(false);
        checker.outcome(true, &TIMING);
        checker.outcome(false, &TIMING);
        checker.outcome(false, &TIMING);
        assert_eq!(checker.outcome(true, &TIMING), Step { wait: TIMING.delay_loop, news: None });
        assert_eq!(checker.retries(), 0);
        assert_eq!(checker.outcome(false, &TIMING).news, None);
    }

    #[test]
    fn alpha_starts_down_and_needs_one_success() {
        let mut checker = Checker::new(true);
        assert!(!checker.is_up());
        let first = checker.outcome(false, &TIMING);
        assert_eq!(first.news, Some(News::Failure { changed: false, retries: 0 }));
        assert_eq!(checker.outcome(true, &TIMING).news, Some(News::Success { changed: true }));
    }
}
