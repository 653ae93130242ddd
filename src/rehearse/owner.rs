//! Who has claimed a virtual router when: a box's adverts are its claim. Pure.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

/// An advert that a director has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// When.
    pub at: Instant,
    /// Which director.
    pub director: usize,
    /// Its priority; 0 is a good-bye.
    pub priority: u8,
}

/// Who claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// Nobody.
    #[default]
    Nobody,
    /// One director.
    One(usize),
    /// Both at once.
    Both,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Nobody => f.write_str("nobody"),
            Owner::One(director) => write!(f, "director {}", director + 1),
            Owner::Both => f.write_str("both directors"),
        }
    }
}

/// The changes of ownership that adverts, in the order of their times, amount to. A master that has died owns until another
/// claims. A box that has claimed and hears the other go on claiming owns together with it.
pub fn changes(claims: &[Claim], interval: Duration) -> Vec<(Instant, Owner)> {
    let mut history = History::default();
    // A claim lasts until the next one should have come.
    let lasts = interval * 3 / 2;
    for claim in claims {
        history.age(claim.at, lasts);
        history.hear(claim, lasts);
    }
    history.changes
}

#[derive(Default)]
struct History {
    owner: Owner,
    last: [Option<Instant>; 2],
    changes: Vec<(Instant, Owner)>,
}

impl History {
    fn becomes(&mut self, at: Instant, owner: Owner) {
        if self.owner != owner {
            self.owner = owner;
            self.changes.push((at, owner));
        }
    }

    /// Of two who claim, one may have fallen silent.
    fn age(&mut self, now: Instant, lasts: Duration) {
        if self.owner != Owner::Both {
            return;
        }
        for director in [0, 1] {
            if let Some(last) = self.last[director].filter(|last| now > *last + lasts) {
                self.becomes(last, Owner::One(1 - director));
            }
        }
    }

    fn hear(&mut self, claim: &Claim, lasts: Duration) {
        let Claim { at, director, priority } = *claim;
        let other = 1 - director;
        if priority == 0 {
            self.last[director] = None;
            match self.owner {
                Owner::One(owner) if owner == director => self.becomes(at, Owner::Nobody),
                Owner::Both => self.becomes(at, Owner::One(other)),
                _ => {}
            }
            return;
        }
        let first_since_the_other = self.last[director].is_none_or(|own| self.last[other].is_some_and(|it| it > own));
        let contested = self.last[director].is_some_and(|own| at < own + lasts)
            && self.last[other].is_some_and(|it| at < it + lasts)
            && first_since_the_other;
        self.last[director] = Some(at);
        match self.owner {
            Owner::Both => {}
            Owner::One(owner) if owner != director && contested => self.becomes(at, Owner::Both),
            _ => self.becomes(at, Owner::One(director)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adverts as (milliseconds, director, priority).
    fn told(adverts: &[(u64, usize, u8)]) -> Vec<(u64, Owner)> {
        let start = Instant::now();
        let claim = |&(at, director, priority): &(u64, usize, u8)| Claim {
            at: start + Duration::from_millis(at),
            director,
            priority,
        };
        let claims: Vec<_> = adverts.iter().map(claim).collect();
        let changes = changes(&claims, Duration::from_secs(1));
        changes.into_iter().map(|(at, owner)| (u64::try_from((at - start).as_millis()).unwrap_or(0), owner)).collect()
    }

    #[test]
    fn a_good_bye_leaves_nobody_until_the_next_claims() {
        let adverts = [(0, 0, 100), (1000, 0, 100), (1500, 0, 0), (2113, 1, 99), (3113, 1, 99)];
        assert_eq!(told(&adverts), [(0, Owner::One(0)), (1500, Owner::Nobody), (2113, Owner::One(1))]);
    }

    #[test]
    fn a_dead_master_owns_until_the_next_claims() {
        assert_eq!(told(&[(0, 0, 100), (3609, 1, 99)]), [(0, Owner::One(0)), (3609, Owner::One(1))]);
    }

    #[test]
    fn one_claim_after_another_is_a_handover_and_not_a_quarrel() {
        let adverts = [(0, 1, 99), (1000, 1, 99), (1200, 0, 100), (2200, 0, 100)];
        assert_eq!(told(&adverts), [(0, Owner::One(1)), (1200, Owner::One(0))]);
    }

    #[test]
    fn two_who_go_on_claiming_own_both_until_one_is_silent() {
        let adverts = [(0, 0, 100), (500, 1, 99), (1000, 0, 100), (1500, 1, 99), (2000, 0, 100), (3100, 0, 100)];
        let changes = [(0, Owner::One(0)), (500, Owner::One(1)), (1000, Owner::Both), (1500, Owner::One(0))];
        assert_eq!(told(&adverts), changes);
    }
}
