//! `hash key`: the distribution of Perl's Cache::Memcached, hashing again with a counter where a peer cannot be used.

use super::attempt::{Attempt, Key};
use super::crc32::Crc32;
use super::failure::PeerState;
use super::{Group, Seconds};

/// The peer for the key; none when the turn is to decide.
pub(super) fn choose(group: &Group, states: &[PeerState], attempt: &mut Attempt, now: Seconds) -> Option<usize> {
    let Attempt { key: Key::Text(key), walk, tried, .. } = attempt else { return None };
    if walk.is_over() || group.peers.len() < 2 || key.is_empty() {
        return None;
    }
    loop {
        walk.hash = walk.hash.wrapping_add(hash(walk.rehash, key));
        walk.rehash += 1;
        let index = group.at_weight(i64::from(walk.hash))?;
        let peer = group.peers.get(index)?;
        if !tried.has(index) && states.get(peer.slot)?.usable(peer, now) {
            return Some(index);
        }
        if walk.in_vain() {
            return None;
        }
    }
}

fn hash(rehash: u32, key: &[u8]) -> u32 {
    let start = match rehash {
        0 => Crc32::new(),
        n => Crc32::new().and(n.to_string().as_bytes()),
    };
    (start.and(key).finish() >> 16) & 0x7fff
}
