//! Who is told what: one store of facts, and for each subscriber those that it has not been sent yet. Pure.

use std::collections::{BTreeMap, VecDeque};

use super::store::Store;
use super::{Cause, Fact, Subject, Verdict};

/// The most facts that wait for one subscriber. One that falls further behind gets everything known once it has caught
/// up: facts say how things are, so nothing is lost by leaving out what has changed since.
const MOST_WAITING: usize = 1024;

/// The hub; `K` names its subscribers.
#[derive(Debug, Default)]
pub struct Hub<K> {
    store: Store,
    subscribers: BTreeMap<K, Outbox>,
}

#[derive(Debug, Default)]
struct Outbox {
    waiting: VecDeque<Fact>,
    behind: bool,
}

impl<K: Ord + Copy> Hub<K> {
    /// A hub that knows nothing yet.
    pub fn new() -> Self {
        Hub { store: Store::default(), subscribers: BTreeMap::new() }
    }

    /// Adds a subscriber: it is sent everything known, then every change.
    pub fn subscribe(&mut self, key: K) {
        let waiting = self.store.snapshot().cloned().collect();
        self.subscribers.insert(key, Outbox { waiting, behind: false });
    }

    /// Removes a subscriber.
    pub fn unsubscribe(&mut self, key: K) {
        self.subscribers.remove(&key);
    }

    /// Takes in what a subscriber says, and tells the others if it is news.
    pub fn publish(&mut self, from: Option<K>, fact: Fact) {
        let Some(fact) = self.store.take(fact) else { return };
        for (_, outbox) in self.subscribers.iter_mut().filter(|(key, _)| Some(**key) != from) {
            match outbox.waiting.len() < MOST_WAITING && !outbox.behind {
                true => outbox.waiting.push_back(fact.clone()),
                false => outbox.behind = true,
            }
        }
    }

    /// Says a fact of the hub's own.
    pub fn say(&mut self, subject: Subject, verdict: Verdict, cause: Cause) {
        let since = std::time::SystemTime::now();
        self.publish(None, Fact { subject, verdict, cause, since, seq: 0 });
    }

    /// The next fact for a subscriber, which stays the next until [`Hub::sent`].
    pub fn next(&mut self, key: K) -> Option<&Fact> {
        let outbox = self.subscribers.get_mut(&key)?;
        if outbox.waiting.is_empty() && std::mem::take(&mut outbox.behind) {
            outbox.waiting = self.store.snapshot().cloned().collect();
        }
        outbox.waiting.front()
    }

    /// The next fact has been sent.
    pub fn sent(&mut self, key: K) {
        if let Some(outbox) = self.subscribers.get_mut(&key) {
            outbox.waiting.pop_front();
        }
    }

    /// What is known.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(name: &str, verdict: Verdict) -> Fact {
        let cause = Cause::kind("test");
        Fact { subject: Subject::Router(name.to_owned()), verdict, cause, since: std::time::UNIX_EPOCH, seq: 0 }
    }

    fn all(hub: &mut Hub<u8>, key: u8) -> Vec<(u64, Verdict)> {
        let mut got = Vec::new();
        while let Some(fact) = hub.next(key) {
            got.push((fact.seq, fact.verdict));
            hub.sent(key);
        }
        got
    }

    #[test]
    fn changes_go_to_all_but_who_said_them() {
        let mut hub = Hub::new();
        hub.subscribe(1);
        hub.subscribe(2);
        hub.publish(Some(1), fact("a", Verdict::Backup));
        hub.publish(Some(1), fact("a", Verdict::Backup));
        hub.publish(Some(1), fact("a", Verdict::Master));
        assert_eq!(all(&mut hub, 1), []);
        assert_eq!(all(&mut hub, 2), [(1, Verdict::Backup), (2, Verdict::Master)]);
    }

    #[test]
    fn a_newcomer_gets_what_is_known_then_changes() {
        let mut hub = Hub::new();
        hub.publish(None, fact("a", Verdict::Backup));
        hub.publish(None, fact("a", Verdict::Master));
        hub.publish(None, fact("b", Verdict::Fault));
        hub.subscribe(1);
        assert_eq!(all(&mut hub, 1), [(2, Verdict::Master), (3, Verdict::Fault)]);
        hub.publish(None, fact("b", Verdict::Backup));
        assert_eq!(all(&mut hub, 1), [(4, Verdict::Backup)]);
        hub.unsubscribe(1);
        assert!(hub.next(1).is_none());
    }

    #[test]
    fn who_does_not_read_costs_little_and_still_learns_how_things_are() {
        let mut hub = Hub::new();
        hub.subscribe(1);
        for round in 0..5000 {
            let verdict = if round % 2 == 0 { Verdict::Backup } else { Verdict::Master };
            hub.publish(None, fact("a", verdict));
        }
        let got = all(&mut hub, 1);
        assert_eq!(got.len(), MOST_WAITING + 1);
        assert_eq!(got.last(), Some(&(5000, Verdict::Master)));
    }
}
