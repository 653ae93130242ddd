//! Facts: all that the engines ever tell each other. [`fact`] is what is said, [`store`] what is known, [`lease`] how long
//! the proxy's word counts (all three pure).

pub mod cause;
pub mod fact;
pub mod hub;
pub mod lease;
pub mod store;
pub mod wire;

pub use fact::{Cause, Fact, Role, Subject, Verdict};

use std::time::SystemTime;
use tokio::sync::mpsc;

/// What an engine is told while it runs. `P` is its plan.
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// Take up this plan in place of the old one.
    Reload(P),
    /// Somebody else's fact.
    Fact(Fact),
    /// Write the data dump (SIGUSR1).
    Dump,
    /// Write the JSON dump.
    Json,
    /// Write the statistics (SIGUSR2), and clear them if said.
    Stats {
        /// Clear them afterwards.
        clear: bool,
    },
    /// Another keepalived starts on this box: keep its addresses set, end without a word, and let connections go on to
    /// their own end. Or not, after all.
    Hold(bool),
    /// End gracefully.
    Stop,
}

/// How an engine ended; keepalived's exit codes of a child follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Asked to: code 0.
    Done,
    /// It can never work here: code 1; not respawned.
    Fatal(String),
    /// The configuration cannot be run: code 2; not respawned.
    Config(String),
    /// A right is missing: code 4; not respawned.
    NoPermission(String),
}

/// An engine's way to say facts. Never blocks.
#[derive(Clone, Debug)]
pub struct Publisher {
    facts: mpsc::UnboundedSender<Fact>,
}

impl Publisher {
    /// A publisher and the end where its facts come out.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Fact>) {
        let (facts, out) = mpsc::unbounded_channel();
        (Publisher { facts }, out)
    }

    /// Says a fact. Sequence numbers are given by the hub.
    pub fn say(&self, subject: Subject, verdict: Verdict, cause: Cause) {
        let fact = Fact { subject, verdict, cause, since: SystemTime::now(), seq: 0 };
        // The receiver only goes away when the role ends.
        let _ = self.facts.send(fact);
    }
}
