//! Smooth weighted round robin: each round every usable peer gains its effective weight, the heaviest is chosen and pays
//! what all gained. Weights 5, 1, 1 give a a b a c a a.

use super::attempt::Tried;
use super::failure::PeerState;
use super::group::Peer;
use super::{Group, Seconds};

/// The peer whose turn it is, among those usable, not tried and `eligible`.
pub(super) fn turn(
    group: &Group,
    states: &mut [PeerState],
    tried: &Tried,
    now: Seconds,
    eligible: impl Fn(&Peer, &PeerState) -> bool,
) -> Option<usize> {
    let mut total = 0;
    let mut best: Option<(usize, i64)> = None;
    for (index, peer) in group.peers.iter().enumerate() {
        let Some(state) = states.get_mut(peer.slot) else { continue };
        if tried.has(index) || !state.usable(peer, now) || !eligible(peer, state) {
            continue;
        }
        total += state.advance(peer);
        if best.is_none_or(|(_, weight)| state.current_weight > weight) {
            best = Some((index, state.current_weight));
        }
    }
    let (index, _) = best?;
    if let Some(state) = group.peers.get(index).and_then(|peer| states.get_mut(peer.slot)) {
        state.current_weight -= total;
    }
    Some(index)
}
