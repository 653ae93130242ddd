//! Where peers' counters live: by pool and address, so that a reload finds them again, and shared by all threads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::failure::PeerState;
use super::group::Peer;

/// The counters of all pools.
#[derive(Debug, Default)]
pub struct Registry {
    pools: Mutex<HashMap<String, Arc<Counters>>>,
    next: AtomicU64,
}

/// The counters of one pool, whichever generation looks at them.
#[derive(Debug)]
pub struct Counters {
    /// Another one for each name.
    pub(super) id: u64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    states: Vec<PeerState>,
    /// Who each state belongs to, and how many generations hold it.
    owners: Vec<Option<Owner>>,
    slots: HashMap<PeerKey, usize>,
    free: Vec<usize>,
}

/// The address, and which of several alike it is.
type PeerKey = (Arc<str>, usize);

#[derive(Debug)]
struct Owner {
    key: PeerKey,
    weight: i64,
    holders: usize,
}

/// The counters of a pool, locked for the time of one choice.
pub(super) struct Locked<'a>(MutexGuard<'a, Table>);

impl Registry {
    /// The counters kept under a pool's name, with a slot for each of `peers`.
    pub(super) fn counters<'a>(&self, name: &str, peers: impl Iterator<Item = &'a mut Peer>) -> Arc<Counters> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|_, counters| Arc::strong_count(counters) > 1 || counters.in_use());
        let new = || Arc::new(Counters { id: self.next.fetch_add(1, Ordering::Relaxed), table: Mutex::default() });
        let counters = Arc::clone(pools.entry(name.to_owned()).or_insert_with(new));
        counters.join(peers);
        counters
    }
}

impl Counters {
    pub(super) fn lock(&self) -> Locked<'_> {
        Locked(self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn join<'a>(&self, peers: impl Iterator<Item = &'a mut Peer>) {
        let mut table = self.lock();
        let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
        for peer in peers {
            let nth = seen.entry(peer.name.clone()).or_default();
            peer.slot = table.0.slot((peer.name.clone(), *nth), peer.weight);
            *nth += 1;
        }
    }

    /// A generation is gone: what no other holds is forgotten.
    pub(super) fn leave<'a>(&self, peers: impl Iterator<Item = &'a Peer>) {
        let mut table = self.lock();
        for peer in peers {
            table.0.leave(peer.slot);
        }
    }

    fn in_use(&self) -> bool {
        self.lock().0.owners.iter().any(Option::is_some)
    }
}

impl Table {
    fn slot(&mut self, key: PeerKey, weight: i64) -> usize {
        let Some(&slot) = self.slots.get(&key) else { return self.new_slot(key, weight) };
        if let Some(owner) = self.owners.get_mut(slot).and_then(Option::as_mut) {
            owner.holders += 1;
            let old = std::mem::replace(&mut owner.weight, weight);
            if let Some(state) = self.states.get_mut(slot).filter(|_| old != weight) {
                (state.effective_weight, state.current_weight) = (weight, 0);
            }
        }
        slot
    }

    fn new_slot(&mut self, key: PeerKey, weight: i64) -> usize {
        let slot = self.free.pop().unwrap_or(self.states.len());
        if slot == self.states.len() {
            self.owners.push(None);
            self.states.push(PeerState::default());
        }
        self.states[slot] = PeerState { effective_weight: weight, ..PeerState::default() };
        self.slots.insert(key.clone(), slot);
        self.owners[slot] = Some(Owner { key, weight, holders: 1 });
        slot
    }

    fn leave(&mut self, slot: usize) {
        let Some(entry) = self.owners.get_mut(slot) else { return };
        let Some(owner) = entry.as_mut() else { return };
        owner.holders -= 1;
        if owner.holders == 0 {
            self.slots.remove(&owner.key);
            *entry = None;
            self.free.push(slot);
        }
    }
}

impl std::ops::Deref for Locked<'_> {
    type Target = [PeerState];
    fn deref(&self) -> &[PeerState] {
        &self.0.states
    }
}

impl std::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut [PeerState] {
        &mut self.0.states
    }
}
