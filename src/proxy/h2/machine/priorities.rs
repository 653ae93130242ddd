//! Which streams are to be served before others, as their client says (RFC 7540, 5.3): a stream goes after the one that it
//! depends on, and of those at the same depth the one with the larger share first. Pure.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

/// The weight of streams whose client says nothing.
const WEIGHT: u32 = 16;
/// Streams that are closed, or not begun, and still known.
const KEPT: usize = 32;

/// What a client says about a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The stream that goes before; zero for none.
    pub parent: u32,
    /// 1 to 256.
    pub weight: u32,
    /// All others that depend on the same depend on this one from now on.
    pub exclusive: bool,
}

impl Wish {
    /// Reads it from a frame.
    pub fn read(payload: &[u8]) -> Option<Wish> {
        let (parent, rest) = payload.split_first_chunk()?;
        let parent = u32::from_be_bytes(*parent);
        let weight = u32::from(*rest.first()?) + 1;
        Some(Wish { parent: parent & 0x7fff_ffff, weight, exclusive: parent >> 31 == 1 })
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    weight: u32,
}

/// The streams of which something is known; all others depend on none and have the weight that holds unasked.
#[derive(Debug, Default)]
pub struct Priorities {
    nodes: HashMap<u32, Node>,
    /// In the order in which they became known.
    order: VecDeque<u32>,
}

impl Priorities {
    /// Takes a wish in; `open` tells which streams are open, of which there are at most `streams`.
    pub fn set(&mut self, id: u32, wish: Wish, streams: usize, open: impl Fn(u32) -> bool) {
        let usual = Wish { parent: 0, weight: WEIGHT, exclusive: false };
        if wish == usual && !self.nodes.contains_key(&id) {
            return;
        }
        let mut parent = wish.parent;
        if parent != 0 && !self.nodes.contains_key(&parent) {
            match open(parent) {
                true => self.insert(parent, Node { parent: 0, weight: WEIGHT }),
                false => parent = 0,
            }
        }
        // Who is to come after its own descendant takes that one out first.
        if self.above(parent).any(|above| above == id) {
            let before = self.nodes.get(&id).map_or(0, |node| node.parent);
            self.nodes.get_mut(&parent).into_iter().for_each(|node| node.parent = before);
        }
        if wish.exclusive {
            let siblings = self.nodes.iter_mut().filter(|(other, node)| node.parent == parent && **other != id);
            siblings.for_each(|(_, node)| node.parent = id);
        }
        self.insert(id, Node { parent, weight: wish.weight });
        while self.nodes.len() > KEPT.saturating_add(streams) && self.forget(&open) {}
    }

    fn insert(&mut self, id: u32, node: Node) {
        if self.nodes.insert(id, node).is_none() {
            self.order.push_back(id);
        }
    }

    /// Forgets the oldest that is not open; what depended on it depends on its parent.
    fn forget(&mut self, open: impl Fn(u32) -> bool) -> bool {
        let Some(at) = self.order.iter().position(|id| !open(*id)) else { return false };
        let Some(id) = self.order.remove(at) else { return false };
        let parent = self.nodes.remove(&id).map_or(0, |node| node.parent);
        self.nodes.values_mut().filter(|node| node.parent == id).for_each(|node| node.parent = parent);
        true
    }

    /// A stream and those that go before it.
    fn above(&self, id: u32) -> impl Iterator<Item = u32> {
        let parent = |id: &u32| self.nodes.get(id).map(|node| node.parent).filter(|parent| *parent != 0);
        std::iter::successors((id != 0).then_some(id), parent)
    }

    /// How deep a stream is, and its share of what streams so deep get. The smaller goes first.
    pub fn of(&self, id: u32) -> (usize, Reverse<u64>) {
        let mut depth = 0;
        let mut share = u64::from(u32::MAX);
        for id in self.above(id) {
            depth += 1;
            share = share * u64::from(self.nodes.get(&id).map_or(WEIGHT, |node| node.weight)) / 256;
        }
        (depth, Reverse(share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(priorities: &mut Priorities, id: u32, parent: u32, weight: u32) {
        priorities.set(id, Wish { parent, weight, exclusive: false }, 4, |_| false);
    }

    fn sorted(priorities: &Priorities, mut ids: Vec<u32>) -> Vec<u32> {
        ids.sort_by_key(|id| priorities.of(*id));
        ids
    }

    #[test]
    fn parents_first_then_weights() {
        let mut priorities = Priorities::default();
        set(&mut priorities, 5, 0, 17);
        set(&mut priorities, 1, 5, 1);
        set(&mut priorities, 3, 5, 256);
        assert_eq!(sorted(&priorities, vec![1, 3, 5, 7]), [5, 7, 3, 1]);
    }

    #[test]
    fn a_descendant_becomes_the_parent() {
        let mut priorities = Priorities::default();
        set(&mut priorities, 1, 0, 16);
        set(&mut priorities, 9, 0, 1);
        set(&mut priorities, 3, 9, 20);
        set(&mut priorities, 9, 3, 16);
        assert_eq!(sorted(&priorities, vec![9, 3]), [3, 9]);
        assert_eq!(priorities.of(9).0, 2);
    }

    #[test]
    fn an_exclusive_one_goes_before_its_siblings() {
        let mut priorities = Priorities::default();
        set(&mut priorities, 1, 0, 200);
        set(&mut priorities, 3, 0, 100);
        priorities.set(5, Wish { parent: 0, weight: 1, exclusive: true }, 4, |_| false);
        assert_eq!(sorted(&priorities, vec![1, 3, 5]), [5, 1, 3]);
    }

    #[test]
    fn what_is_known_is_bounded_and_has_no_cycles() {
        let mut priorities = Priorities::default();
        for id in 1..10_000_u32 {
            let exclusive = id % 3 == 0;
            let parent = id * 7 % 50;
            if parent != id % 60 {
                priorities.set(id % 60, Wish { parent, weight: id % 256 + 1, exclusive }, 4, |id| id < 4);
            }
            assert!(priorities.nodes.len() <= 36 && priorities.order.len() == priorities.nodes.len());
            assert!((0..60).all(|id| priorities.above(id).take(100).count() < 100), "a cycle after {id}");
        }
    }
}
