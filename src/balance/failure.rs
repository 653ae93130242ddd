//! What is known about a peer while it serves, and when it is given up for a while.

use super::Seconds;
use super::group::Peer;

/// A peer's counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerState {
    /// Its weight as its failures left it.
    pub effective_weight: i64,
    /// Its place in the smooth weighted turn.
    pub current_weight: i64,
    /// Requests it is serving now.
    pub conns: u32,
    /// Failures that are not forgiven.
    pub fails: u32,
    /// When it failed last.
    pub accessed: Seconds,
    /// When it was last given a chance, or failed.
    pub checked: Seconds,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered, or its answer was one that is tried elsewhere without being a failure (403, 404).
    Served,
    /// It did not.
    Failed,
}

impl PeerState {
    /// Whether `peer` may be asked now: not `down`, not given up, below `max_conns`.
    pub fn usable(&self, peer: &Peer, now: Seconds) -> bool {
        !peer.down && !self.given_up(peer, now) && !self.full(peer)
    }

    /// Whether it failed `max_fails` times and `fail_timeout` has not passed since.
    pub fn given_up(&self, peer: &Peer, now: Seconds) -> bool {
        peer.max_fails > 0 && self.fails >= peer.max_fails && now - self.checked <= peer.fail_timeout
    }

    /// Whether it serves as many requests as it may.
    pub fn full(&self, peer: &Peer) -> bool {
        peer.max_conns > 0 && self.conns >= peer.max_conns
    }

    /// Takes part in one round of the smooth weighted turn. Returns what it added to the round.
    pub fn advance(&mut self, peer: &Peer) -> i64 {
        let share = self.effective_weight;
        self.current_weight += share;
        if self.effective_weight < peer.weight {
            self.effective_weight += 1;
        }
        share
    }

    /// Is given a request. A quiet `fail_timeout` begins a new period of counting.
    pub fn chosen(&mut self, peer: &Peer, now: Seconds) {
        self.conns += 1;
        if now - self.checked > peer.fail_timeout {
            self.checked = now;
        }
    }

    /// Counts a failure. True when it made the peer given up.
    pub fn failed(&mut self, peer: &Peer, now: Seconds) -> bool {
        self.fails = self.fails.saturating_add(1);
        self.accessed = now;
        self.checked = now;
        if peer.max_fails == 0 {
            return false;
        }
        self.effective_weight = (self.effective_weight - peer.weight / i64::from(peer.max_fails)).max(0);
        self.fails >= peer.max_fails
    }

    /// Has served. Failures are forgiven when the last one lies before the period that [`Self::chosen`] began.
    pub fn served(&mut self) {
        if self.accessed < self.checked {
            self.fails = 0;
        }
    }
}
