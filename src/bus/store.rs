//! What is known: the newest fact about each subject. Pure.

use std::collections::BTreeMap;

use super::{Fact, Subject};

/// The newest fact about each subject, in a stable order.
#[derive(Clone, Debug, Default)]
pub struct Store {
    facts: BTreeMap<Subject, Fact>,
    seq: u64,
}

impl Store {
    /// Takes a fact in and numbers it. Returns it if it says something new: another verdict or another cause.
    pub fn take(&mut self, mut fact: Fact) -> Option<Fact> {
        let known = self.facts.get(&fact.subject);
        if known.is_some_and(|known| known.verdict == fact.verdict && known.cause == fact.cause) {
            return None;
        }
        self.seq += 1;
        fact.seq = self.seq;
        self.facts.insert(fact.subject.clone(), fact.clone());
        Some(fact)
    }

    /// The newest fact about a subject.
    pub fn get(&self, subject: &Subject) -> Option<&Fact> {
        self.facts.get(subject)
    }

    /// Everything known: what a new subscriber gets first.
    pub fn snapshot(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values()
    }
}
