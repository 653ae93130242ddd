//! The memory of limits: what is known of each key, bounded by the zone's size, shared by threads and by generations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use rkeep_parsers::ir::limit::LimitZone;

use super::rate::Bucket;

/// Bytes that nginx spends on a key.
const KEY_COST: u64 = 128;

/// What a zone holds.
#[derive(Debug)]
enum Memory {
    Requests(Mutex<LruCache<Box<[u8]>, Bucket>>),
    Connections(Mutex<HashMap<Box<[u8]>, u32>>),
}

/// A `limit_req_zone` or `limit_conn_zone`.
#[derive(Clone, Debug)]
pub struct Zone {
    /// As written.
    pub ir: LimitZone,
    memory: Arc<Memory>,
}

/// All zones of a snapshot.
#[derive(Debug, Default)]
pub struct Zones(Vec<Zone>);

impl Zones {
    /// The zones of a plan; those that count the same as before go on counting.
    pub fn compile(plan: &[LimitZone], old: Option<&Zones>) -> Zones {
        let zones = plan.iter().map(|ir| {
            let same = |zone: &&Zone| zone.ir.size == ir.size && zone.ir.key == ir.key;
            let memory = old.and_then(|old| old.get(&ir.name, ir.rate.is_some())).filter(same);
            Zone {
                ir: ir.clone(),
                memory: memory.map_or_else(|| Arc::new(Memory::new(ir)), |zone| zone.memory.clone()),
            }
        });
        Zones(zones.collect())
    }

    /// The zone of a name, of the kind that counts requests or of the other.
    pub fn get(&self, name: &str, requests: bool) -> Option<&Zone> {
        self.0.iter().find(|zone| zone.ir.name == name && zone.ir.rate.is_some() == requests)
    }
}

impl Memory {
    fn new(ir: &LimitZone) -> Memory {
        match ir.rate {
            Some(_) => Memory::Requests(Mutex::new(LruCache::unbounded())),
            None => Memory::Connections(Mutex::default()),
        }
    }
}

/// The buckets of a zone, for as long as nobody else looks at them.
pub type Buckets<'a> = MutexGuard<'a, LruCache<Box<[u8]>, Bucket>>;

impl Zone {
    /// How many keys it may know.
    fn room(&self) -> usize {
        usize::try_from(self.ir.size / KEY_COST).unwrap_or(usize::MAX).max(1)
    }

    /// Its buckets, if it counts requests.
    pub fn buckets(&self) -> Option<Buckets<'_>> {
        match &*self.memory {
            Memory::Requests(buckets) => Some(buckets.lock().unwrap_or_else(PoisonError::into_inner)),
            Memory::Connections(_) => None,
        }
    }

    /// Keeps a key's bucket; the one that has not been used for longest makes room.
    pub fn keep(&self, buckets: &mut Buckets<'_>, key: &[u8], bucket: Bucket) {
        match buckets.get_mut(key) {
            Some(known) => *known = bucket,
            None => {
                buckets.put(key.into(), bucket);
                if buckets.len() > self.room() {
                    buckets.pop_lru();
                }
            }
        }
    }

    /// Counts a request of a key until the guard is dropped; none where there are `most` already, or no room.
    pub fn count(&self, key: &[u8], most: u32) -> Option<Counted> {
        let Memory::Connections(counts) = &*self.memory else { return None };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= self.room();
        match counts.get_mut(key) {
            Some(count) if *count >= most => return None,
            Some(count) => *count += 1,
            None if full => return None,
            None => {
                counts.insert(key.into(), 1);
            }
        }
        Some(Counted { memory: self.memory.clone(), key: key.into() })
    }
}

/// A request that a `limit_conn` counts.
#[derive(Debug)]
pub struct Counted {
    memory: Arc<Memory>,
    key: Box<[u8]>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Memory::Connections(counts) = &*self.memory else { return };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rkeep_parsers::ir::expr::Expr;
    use rkeep_parsers::source::Span;

    fn zone(rate: Option<u64>, keys: u64) -> LimitZone {
        let (key, written) = (Expr::default(), String::new());
        LimitZone { name: "z".into(), key, written, size: keys * KEY_COST, rate, span: Span::NONE }
    }

    #[test]
    fn counts_last_as_long_as_their_guards() {
        let zones = Zones::compile(&[zone(None, 2)], None);
        let zone = zones.get("z", false).expect("the zone");
        let first = zone.count(b"a", 2);
        assert!(first.is_some());
        let second = zone.count(b"a", 2);
        assert!(second.is_some() && zone.count(b"a", 2).is_none());
        drop(second);
        assert!(zone.count(b"a", 2).is_some());
        let other = zone.count(b"b", 1);
        assert!(other.is_some() && zone.count(b"c", 1).is_none(), "there is room for two keys");
    }

    #[test]
    fn what_counts_the_same_goes_on_after_a_reload() {
        let old = Zones::compile(&[zone(None, 2)], None);
        let held = old.get("z", false).and_then(|zone| zone.count(b"a", 1));
        let new = Zones::compile(&[zone(None, 2)], Some(&old));
        assert!(new.get("z", false).is_some_and(|zone| zone.count(b"a", 1).is_none()));
        drop(held);
        assert!(new.get("z", false).is_some_and(|zone| zone.count(b"a", 1).is_some()));
        let other = Zones::compile(&[zone(Some(1000), 2)], Some(&new));
        assert!(other.get("z", false).is_none());
    }

    #[test]
    fn the_key_unused_for_longest_is_forgotten() {
        let zones = Zones::compile(&[zone(Some(1000), 2)], None);
        let zone = zones.get("z", true).expect("the zone");
        let mut buckets = zone.buckets().expect("buckets");
        for key in [b"a", b"b", b"a", b"c"] {
            zone.keep(&mut buckets, key, Bucket::default());
        }
        assert!(buckets.peek(b"a".as_slice()).is_some() && buckets.peek(b"b".as_slice()).is_none());
    }
}
