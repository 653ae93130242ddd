//! What is known of scripts, files and processes, as the agent tells it, and what it does to a priority. Pure.

use std::collections::BTreeMap;

use rkeep_parsers::ir::track::{Kind, Track, Trackers as Defined, Weight};

use crate::bus::{Fact, Subject, Verdict};

/// What a tracked thing, or all that an instance tracks, comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The instance cannot take part.
    pub fault: bool,
    /// Nothing is known yet, and it may be a fault: the instance does not begin.
    pub waiting: bool,
    /// What is added to the priority.
    pub weight: i32,
}

impl Outcome {
    /// Both.
    pub fn and(self, other: Outcome) -> Outcome {
        Outcome {
            fault: self.fault || other.fault,
            waiting: self.waiting || other.waiting,
            weight: self.weight + other.weight,
        }
    }
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It has not been looked at.
    Unknown,
    Good,
    Bad,
    /// A file's number.
    Number(i64),
}

/// All that is defined.
#[derive(Clone, Debug, Default)]
pub struct Trackers {
    known: BTreeMap<(Kind, String), Standing>,
}

/// Where a file's number makes a fault of it.
const LOWEST: i64 = -254;

impl Trackers {
    /// Takes definitions up. What is known of a thing is kept; what is new at a reload counts as good until it is looked
    /// at, so that a reload moves no address.
    pub fn adopt(&mut self, defined: &Defined, reload: bool) {
        let old = std::mem::take(&mut self.known);
        let unknown = if reload { Standing::Good } else { Standing::Unknown };
        let scripts = defined.scripts.iter().map(|script| {
            let begin = if script.init_fail && !reload { Standing::Bad } else { unknown };
            (Kind::Script, &script.name, begin)
        });
        let files = defined.files.iter().map(|file| (Kind::File, &file.name, Standing::Number(0)));
        let processes = defined.processes.iter().map(|process| (Kind::Process, &process.name, unknown));
        let sessions = defined.sessions.iter().map(|session| (Kind::Bfd, &session.name, Standing::Bad));
        let links = defined.links.iter().map(|beat| (Kind::Interface, &beat.interface, Standing::Good));
        for (kind, name, begin) in scripts.chain(files).chain(processes).chain(sessions).chain(links) {
            let key = (kind, name.clone());
            let standing = old.get(&key).copied().unwrap_or(begin);
            self.known.insert(key, standing);
        }
    }

    /// Takes a fact in. Whether anything may follow from it.
    pub fn note(&mut self, fact: &Fact) -> bool {
        let Subject::Tracked(kind, name) = &fact.subject else { return false };
        let Some(standing) = self.known.get_mut(&(kind.0, name.clone())) else { return false };
        let now = match (kind.0, fact.verdict) {
            (Kind::File, _) => Standing::Number(fact.cause.value),
            (_, Verdict::Up) => Standing::Good,
            (_, Verdict::Down) => Standing::Bad,
            _ => return false,
        };
        std::mem::replace(standing, now) != now
    }

    /// Whether an interface's link is gone, as far as it was asked.
    pub fn is_unlinked(&self, interface: &str) -> bool {
        self.known.get(&(Kind::Interface, interface.to_owned())) == Some(&Standing::Bad)
    }

    /// How a session is. Whether anything may follow from it.
    pub fn note_session(&mut self, name: &str, up: bool) -> bool {
        let now = if up { Standing::Good } else { Standing::Bad };
        let known = self.known.get_mut(&(Kind::Bfd, name.to_owned()));
        known.is_some_and(|standing| std::mem::replace(standing, now) != now)
    }

    /// How a thing is, in a word or a number.
    pub fn shown(&self, kind: Kind, name: &str) -> String {
        match self.known.get(&(kind, name.to_owned())) {
            Some(Standing::Good) => "GOOD".to_owned(),
            Some(Standing::Bad) => "BAD".to_owned(),
            Some(Standing::Number(number)) => number.to_string(),
            Some(Standing::Unknown) | None => "unknown".to_owned(),
        }
    }

    /// What a thing that an instance tracks comes to; nothing where it is not defined.
    pub fn outcome(&self, track: &Track) -> Outcome {
        match self.known.get(&(track.kind, track.name.clone())) {
            None => Outcome::default(),
            Some(Standing::Unknown) => Outcome { waiting: track.weight.value == 0, ..Outcome::default() },
            Some(Standing::Good) => weigh(true, track.weight),
            Some(Standing::Bad) => weigh(false, track.weight),
            Some(Standing::Number(number)) => multiply(*number, track.weight),
        }
    }
}

/// What a thing that is well or not comes to.
pub fn weigh(good: bool, weight: Weight) -> Outcome {
    let value = i32::from(weight.value);
    if value == 0 {
        return Outcome { fault: good == weight.reverse, ..Outcome::default() };
    }
    let counts = good == (value > 0);
    let sign = if weight.reverse { -1 } else { 1 };
    Outcome { weight: if counts { sign * value } else { 0 }, ..Outcome::default() }
}

/// What a file's number comes to.
fn multiply(number: i64, weight: Weight) -> Outcome {
    if weight.value == 0 {
        return Outcome { fault: (number == 0) == weight.reverse, ..Outcome::default() };
    }
    let sign = if weight.reverse { -1 } else { 1 };
    let product = number.saturating_mul(i64::from(weight.value) * sign);
    let fault = product <= LOWEST;
    Outcome { fault, weight: if fault { 0 } else { product.min(253) as i32 }, ..Outcome::default() }
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::ir::track::TrackFile;
    use rkeep_parsers::source::Span;

    use super::*;
    use crate::bus::fact::Tracked;
    use crate::bus::{Cause, Fact};

    /// What keepalived 2.4.3 made of files with these numbers and weights: an effective priority of 100 and this, or FAULT.
    #[test]
    fn files_are_weighed_as_keepalived_weighs_them() {
        let outcome = |number, value, reverse| {
            let outcome = multiply(number, Weight { value, reverse });
            (!outcome.fault).then_some(outcome.weight)
        };
        assert_eq!([outcome(10, 1, false), outcome(10, 3, false)], [Some(10), Some(30)]);
        assert_eq!([outcome(10, 3, true), outcome(10, -2, false)], [Some(-30), Some(-20)]);
        assert_eq!([outcome(10, 0, false), outcome(-1000, 1, false), outcome(-1000, 0, false)], [None, None, None]);
        assert_eq!(outcome(0, 0, false), Some(0));
    }

    #[test]
    fn what_nobody_has_looked_at_holds_up_what_it_could_fault() {
        let file = TrackFile {
            name: "f".to_owned(),
            path: String::new(),
            weight: Weight::default(),
            init: None,
            span: Span::NONE,
        };
        let script = rkeep_parsers::ir::track::TrackScript {
            name: "s".to_owned(),
            script: rkeep_parsers::ir::vrrp::Script { argv: vec![], user: None, span: Span::NONE },
            interval: std::time::Duration::from_secs(1),
            timeout: std::time::Duration::from_secs(1),
            weight: Weight::default(),
            rise: 1,
            fall: 1,
            init_fail: false,
            span: Span::NONE,
        };
        let defined = Defined { scripts: vec![script], files: vec![file], ..Defined::default() };
        let track = |kind, value| Track {
            kind,
            name: if kind == Kind::File { "f" } else { "s" }.to_owned(),
            weight: Weight { value, reverse: false },
        };
        let mut trackers = Trackers::default();
        trackers.adopt(&defined, false);
        assert!(trackers.outcome(&track(Kind::Script, 0)).waiting);
        assert!(!trackers.outcome(&track(Kind::Script, 5)).waiting);
        assert_eq!(trackers.outcome(&track(Kind::File, 1)), Outcome::default());
        let fact = |kind, name: &str, verdict, value| Fact {
            subject: Subject::Tracked(Tracked(kind), name.to_owned()),
            verdict,
            cause: Cause { value, ..Cause::default() },
            since: std::time::UNIX_EPOCH,
            seq: 1,
        };
        assert!(trackers.note(&fact(Kind::Script, "s", Verdict::Down, 1)));
        assert!(!trackers.note(&fact(Kind::Script, "s", Verdict::Down, 1)));
        assert!(!trackers.note(&fact(Kind::Script, "other", Verdict::Down, 1)));
        assert!(trackers.outcome(&track(Kind::Script, 0)).fault);
        trackers.adopt(&defined, true);
        assert!(trackers.outcome(&track(Kind::Script, 0)).fault, "a reload forgets nothing");
    }
}
