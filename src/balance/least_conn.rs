//! `least_conn`: the peer with the fewest requests for its weight; among equals the turn decides.

use super::attempt::Tried;
use super::failure::PeerState;
use super::group::Peer;
use super::{Group, Seconds, round_robin};

/// Requests divided by weight, as a fraction that is compared exactly.
#[derive(Clone, Copy)]
struct Load {
    conns: i64,
    weight: i64,
}

impl Load {
    fn of(peer: &Peer, state: &PeerState) -> Self {
        Load { conns: i64::from(state.conns), weight: peer.weight }
    }

    fn compare(self, other: Load) -> std::cmp::Ordering {
        (self.conns * other.weight).cmp(&(other.conns * self.weight))
    }
}

/// The least busy peer.
pub(super) fn choose(group: &Group, states: &mut [PeerState], tried: &Tried, now: Seconds) -> Option<usize> {
    let (index, least, many) = least(group, states, tried, now)?;
    if !many {
        return Some(index);
    }
    round_robin::turn(group, states, tried, now, |peer, state| Load::of(peer, state).compare(least).is_eq())
}

/// The first of the least busy, its load, and whether there are others.
fn least(group: &Group, states: &[PeerState], tried: &Tried, now: Seconds) -> Option<(usize, Load, bool)> {
    let mut best: Option<(usize, Load, bool)> = None;
    for (index, peer) in group.peers.iter().enumerate() {
        let Some(state) = states.get(peer.slot) else { continue };
        if tried.has(index) || !state.usable(peer, now) {
            continue;
        }
        let load = Load::of(peer, state);
        match best.as_mut().map(|(_, least, many)| (load.compare(*least), many)) {
            Some((std::cmp::Ordering::Equal, many)) => *many = true,
            Some((std::cmp::Ordering::Greater, _)) => {}
            Some((std::cmp::Ordering::Less, _)) | None => best = Some((index, load, false)),
        }
    }
    best
}
