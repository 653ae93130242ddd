//! What a drill has shown, as lines for people or as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::bound::Bound;
use super::timeline::Silence;

/// One drill.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Its name.
    pub drill: &'static str,
    /// What was done, in a sentence.
    pub what: &'static str,
    /// Its parts: a fault, and the way back.
    pub legs: Vec<Measured>,
    /// What else was seen, in words.
    pub seen: Vec<String>,
    /// What did not hold. Empty: the drill held.
    pub broken: Vec<String>,
    /// Why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// What clients went through in one part of a drill.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The part.
    pub leg: &'static str,
    /// Who owned the address at its end.
    pub owner: String,
    /// The longest time, in milliseconds, that a client went without an answer.
    pub silent_ms: u64,
    /// The longest that the protocol allows.
    pub allowed_ms: u64,
    /// What that is made of.
    pub allowed: String,
    /// Requests sent.
    pub requests: usize,
    /// Those that failed.
    pub failed: usize,
    /// Mails that came.
    pub mails: usize,
}

impl Outcome {
    /// A drill that has not shown anything yet.
    pub fn new(drill: &'static str, what: &'static str) -> Outcome {
        Outcome { drill, what, ..Outcome::default() }
    }

    /// Whether all that was asked of it held.
    pub fn held(&self) -> bool {
        self.broken.is_empty()
    }

    /// Notes what was seen.
    pub fn see(&mut self, words: impl fmt::Display) {
        self.seen.push(words.to_string());
    }

    /// Notes what should hold and does not.
    pub fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(otherwise());
        }
    }

    /// Notes what clients went through, and holds it against what is allowed.
    pub fn measured(
        &mut self,
        leg: &'static str,
        owner: &impl fmt::Display,
        seen: Silence,
        bound: &Bound,
        mails: usize,
    ) {
        let (silent_ms, allowed_ms) = (millis(seen.longest), millis(bound.total()));
        self.expect(silent_ms <= allowed_ms, || {
            format!("{leg}: {silent_ms} ms without an answer, {allowed_ms} ms allowed ({bound})")
        });
        self.expect(seen.failed_late == 0, || {
            format!("{leg}: {} requests failed that had no reason to", seen.failed_late)
        });
        self.legs.push(Measured {
            leg,
            owner: owner.to_string(),
            silent_ms,
            allowed_ms,
            allowed: bound.to_string(),
            requests: seen.sent,
            failed: seen.failed,
            mails,
        });
    }
}

/// A time as a figure.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { leg, owner, silent_ms, allowed_ms, allowed, requests, failed, mails } = self;
        write!(f, "{leg:<8} ")?;
        if *requests > 0 {
            write!(f, "{silent_ms:>5} ms without answer, {allowed_ms} allowed ({allowed}); ")?;
            write!(f, "{failed} of {requests} requests failed; ")?;
        }
        if *mails > 0 {
            write!(f, "{mails} mails; ")?;
        }
        write!(f, "owned by {owner}")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (&self.left_out, self.held()) {
            (Some(_), _) => "left out",
            (None, true) => "held",
            (None, false) => "BROKEN",
        };
        writeln!(f, "{:<12} {verdict:<8} {}", self.drill, self.what)?;
        let indented = |f: &mut fmt::Formatter<'_>, line: &dyn fmt::Display| writeln!(f, "{:22}{line}", "");
        self.left_out.iter().try_for_each(|why| indented(f, why))?;
        self.seen.iter().try_for_each(|line| indented(f, line))?;
        self.legs.iter().try_for_each(|leg| indented(f, leg))?;
        self.broken.iter().try_for_each(|broken| indented(f, &format_args!("BROKEN: {broken}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::pair::Pair;
    use super::*;

    fn outcome(longest: u64, failed_late: usize) -> Outcome {
        let seen = Silence { sent: 100, failed: 3, failed_late, longest: Duration::from_millis(longest) };
        let mut outcome = Outcome::new("reload", "both reload");
        outcome.measured("reload", &"director 1", seen, &Bound::room(&Pair::default(), 0), 0);
        outcome
    }

    #[test]
    fn a_drill_holds_within_its_bound_only() {
        assert!(outcome(400, 0).held());
        assert!(!outcome(401, 0).held());
        assert!(!outcome(0, 1).held());
    }

    #[test]
    fn where_nobody_asks_only_the_owner_is_told() {
        let mut outcome = Outcome::new("reload", "both reload");
        outcome.measured("reload", &"director 1", Silence::default(), &Bound::room(&Pair::default(), 0), 0);
        assert!(outcome.held() && outcome.to_string().ends_with("  reload   owned by director 1\n"), "{outcome}");
    }

    #[test]
    fn what_broke_is_said() {
        let shown = outcome(401, 0).to_string();
        assert!(shown.starts_with("reload       BROKEN   both reload\n"), "{shown}");
        assert!(shown.contains("BROKEN: reload: 401 ms without an answer, 400 ms allowed (room 400)\n"), "{shown}");
    }
}
