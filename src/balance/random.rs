//! `random`: a peer by chance and weight; `random two`: the less busy of two.

use super::attempt::Attempt;
use super::failure::PeerState;
use super::pool::Chance;
use super::{Group, Seconds};

/// A peer by chance; none when the turn is to decide.
pub(super) fn choose(
    group: &Group,
    states: &[PeerState],
    attempt: &mut Attempt,
    now: Seconds,
    two: bool,
    chance: Chance<'_>,
) -> Option<usize> {
    if attempt.walk.is_over() || group.peers.len() < 2 {
        return None;
    }
    let mut first = None;
    loop {
        let index = group.at_weight(i64::from(chance()))?;
        if Some(index) != first && usable(group, states, attempt, index, now) {
            match first {
                Some(first) => return Some(less_busy(group, states, first, index)),
                None if two => first = Some(index),
                None => return Some(index),
            }
            continue;
        }
        if attempt.walk.in_vain() {
            return None;
        }
    }
}

fn usable(group: &Group, states: &[PeerState], attempt: &Attempt, index: usize, now: Seconds) -> bool {
    let peer = group.peers.get(index);
    let state = peer.and_then(|peer| states.get(peer.slot));
    !attempt.tried.has(index) && peer.zip(state).is_some_and(|(peer, state)| state.usable(peer, now))
}

/// The second, unless the first has fewer requests for its weight.
fn less_busy(group: &Group, states: &[PeerState], first: usize, second: usize) -> usize {
    let load = |index: usize| {
        let peer = group.peers.get(index)?;
        Some((i64::from(states.get(peer.slot)?.conns), peer.weight))
    };
    match (load(first), load(second)) {
        (Some((conns, weight)), Some((other, its_weight))) if other * weight > conns * its_weight => first,
        _ => second,
    }
}
