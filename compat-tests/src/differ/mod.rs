//! The same conversation, made by chance, with nginx and with rkeep: what can be told apart from outside?
//!
//! Client and backend say what a [`Case`] says, well-formed or not. Compared are the client's answers, whether its
//! connection is still good afterwards, what the backend received, and the access log. A difference counts if it comes
//! again; it is then made as small as it can be.

pub mod backend;
pub mod case;
pub mod client;
pub mod explained;
pub mod message;
mod minimise;
mod mutate;
mod replies;
mod requests;
pub mod side;
mod text;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use case::Case;
use side::{Seen, Side, both};
use text::shortened;

use crate::chance::Chance;
use crate::proxy::Proxy;

/// Questions for making one case smaller.
const QUESTIONS: usize = 400;
/// Of each kind of difference so many are made small and shown.
const OF_EACH: usize = 2;
/// So often in a row a difference must show.
const AGAIN: usize = 6;
/// So long it is waited before asking again: what a busy machine delays must not look like a difference.
const PAUSE: Duration = Duration::from_millis(50);
/// So long after the last case may cases still be made smaller.
const AFTER: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Run {
    /// nginx's executable.
    pub nginx: String,
    /// Where chance begins.
    pub seed: u64,
    /// The first case.
    pub first: u64,
    /// How many cases.
    pub cases: u64,
    /// How long at most.
    pub time: Duration,
    /// How many cases at the same time.
    pub lanes: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Cases run.
    pub cases: u64,
    /// How often each explanation held.
    pub explained: BTreeMap<&'static str, usize>,
    /// Kinds of unexplained differences: how often, and examples.
    pub differences: BTreeMap<String, (usize, Vec<String>)>,
}

/// The case of a number.
pub fn case(seed: u64, number: u64) -> Case {
    let mut chance = Chance::new(seed, number);
    Case { client: requests::conversation(&mut chance), replies: replies::conversation(&mut chance) }
}

/// nginx's minor version, as `-v` says it.
///
/// # Panics
/// It cannot be run, or says something else.
pub fn minor_version(nginx: &str) -> u32 {
    let said = Command::new(nginx).arg("-v").output().unwrap_or_else(|error| panic!("{nginx}: {error}"));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let minor = said.split_once("nginx/1.").and_then(|(_, rest)| rest.split('.').next()?.parse().ok());
    minor.unwrap_or_else(|| panic!("{nginx} -v says {said}"))
}

struct Search {
    run: Run,
    minor: u32,
    nginx: Side,
    rkeep: Side,
    until: Instant,
    next: AtomicU64,
    outcome: Mutex<Outcome>,
}

/// Looks for differences.
///
/// # Panics
/// One of the two does not start, or does not last.
pub fn search(run: &Run) -> Outcome {
    let minor = minor_version(&run.nginx);
    let level = if minor < 30 { "1.22" } else { "1.31" };
    let search = Search {
        minor,
        nginx: Side::start(Command::new(&run.nginx), "nginx", level, run.lanes),
        rkeep: Side::start(Proxy::rkeep(), "rkeep", level, run.lanes),
        until: Instant::now() + run.time,
        next: AtomicU64::new(run.first),
        outcome: Mutex::new(Outcome::default()),
        run: run.clone(),
    };
    std::thread::scope(|scope| {
        for lane in 0..run.lanes {
            let search = &search;
            scope.spawn(move || search.lane(lane));
        }
    });
    search.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Search {
    fn lane(&self, lane: usize) {
        while Instant::now() < self.until {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.run.first + self.run.cases {
                return;
            }
            self.look(lane, number);
        }
    }

    fn ask(&self, lane: usize, case: &Case) -> (Seen, Seen) {
        both(case, self.nginx.lane(lane), self.rkeep.lane(lane))
    }

    /// What differs again when asked again, and has no explanation.
    fn difference(&self, lane: usize, case: &Case) -> Option<(String, Seen, Seen)> {
        let mut found: Option<(String, Seen, Seen)> = None;
        for _ in 0..AGAIN {
            let (nginx, rkeep) = self.ask(lane, case);
            let kind = kind(&nginx, &rkeep)?;
            if found.as_ref().is_some_and(|(before, ..)| *before != kind) {
                return None;
            }
            found = Some((kind, nginx, rkeep));
            std::thread::sleep(PAUSE);
        }
        found
    }

    fn look(&self, lane: usize, number: u64) {
        let case = case(self.run.seed, number);
        let difference = self.difference(lane, &case);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.cases += 1;
        let Some((kind, nginx, rkeep)) = difference else { return };
        if let Some(reason) = explained::explained(&case, &nginx, &rkeep, self.minor) {
            *outcome.explained.entry(reason).or_default() += 1;
            return;
        }
        let known = outcome.differences.entry(kind.clone()).or_default();
        known.0 += 1;
        if known.1.len() < OF_EACH {
            // The place is taken while it is being made smaller.
            let place = known.1.len();
            known.1.push(String::new());
            drop(outcome);
            let example = self.example(lane, number, &case, &kind);
            let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
            outcome.differences.entry(kind).or_default().1[place] = example;
        }
    }

    fn example(&self, lane: usize, number: u64, case: &Case, kind: &str) -> String {
        let same = |candidate: &Case| {
            Instant::now() < self.until + AFTER
                && self.difference(lane, candidate).is_some_and(|(found, nginx, rkeep)| {
                    found == kind && explained::explained(candidate, &nginx, &rkeep, self.minor).is_none()
                })
        };
        let small = minimise::minimise(case, QUESTIONS, same);
        let (nginx, rkeep) = self.ask(lane, &small);
        format!("--seed {} --case {number}\n{small}{}", self.run.seed, told(&nginx, &rkeep))
    }
}

/// In what the two differ, if they do.
fn kind(nginx: &Seen, rkeep: &Seen) -> Option<String> {
    let status = |seen: &Seen| {
        let line = seen.answers.iter().find(|line| line.starts_with("HTTP/") && !line.starts_with("HTTP/1.1 10"));
        line.map_or("none", |line| line.get(9..12).unwrap_or("none")).to_owned()
    };
    let mut parts = Vec::new();
    if nginx.answers != rkeep.answers {
        parts.push(format!("answers {} {}", status(nginx), status(rkeep)));
    }
    if nginx.closed != rkeep.closed {
        parts.push(format!("closed {} / {}", nginx.closed, rkeep.closed));
    }
    if nginx.received != rkeep.received {
        parts.push(format!("backend {} {}", nginx.received.len(), rkeep.received.len()));
    }
    if nginx.logged != rkeep.logged {
        parts.push("log".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What differs, line by line.
fn told(nginx: &Seen, rkeep: &Seen) -> String {
    let mut text = String::new();
    if nginx.closed != rkeep.closed {
        let _ = writeln!(text, "  closed: nginx {}, rkeep {}", nginx.closed, rkeep.closed);
    }
    for (what, theirs, ours) in [
        ("answers", &nginx.answers, &rkeep.answers),
        ("received", &nginx.received, &rkeep.received),
        ("logged", &nginx.logged, &rkeep.logged),
    ] {
        if theirs != ours {
            let _ = writeln!(text, "  {what}:");
            for line in theirs.iter().filter(|line| !ours.contains(line)) {
                let _ = writeln!(text, "    nginx {}", shortened(line));
            }
            for line in ours.iter().filter(|line| !theirs.contains(line)) {
                let _ = writeln!(text, "    rkeep {}", shortened(line));
            }
        }
    }
    text
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (kind, (count, examples)) in &self.differences {
            writeln!(f, "{count} × {kind}")?;
            examples.iter().try_for_each(|example| writeln!(f, "{example}"))?;
        }
        for (reason, count) in &self.explained {
            writeln!(f, "{count} explained: {reason}")?;
        }
        writeln!(f, "{} cases, {} kinds of differences", self.cases, self.differences.len())
    }
}
