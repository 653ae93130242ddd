//! `ip_hash`: nginx's hash of the client's network, so that a client meets the same server as with nginx.

use std::net::IpAddr;

use super::attempt::{Attempt, Key};
use super::failure::PeerState;
use super::{Group, Seconds};

/// Where the hash begins.
pub(super) const START: u32 = 89;

/// The peer for the client's address; none when the turn is to decide.
pub(super) fn choose(group: &Group, states: &[PeerState], attempt: &mut Attempt, now: Seconds) -> Option<usize> {
    if attempt.walk.is_over() || group.peers.len() < 2 {
        return None;
    }
    let mut octets = [0; 16];
    let len = octets_of(&attempt.key, &mut octets);
    let mut hash = attempt.walk.hash;
    loop {
        hash = octets[..len].iter().fold(hash, |hash, &octet| (hash * 113 + u32::from(octet)) % 6271);
        let index = group.at_weight(i64::from(hash))?;
        let peer = group.peers.get(index)?;
        if !attempt.tried.has(index) && states.get(peer.slot)?.usable(peer, now) {
            attempt.walk.hash = hash;
            return Some(index);
        }
        if attempt.walk.in_vain() {
            return None;
        }
    }
}

/// What is hashed: three octets of an IPv4 address, all of an IPv6 one, zeros for a unix socket.
fn octets_of(key: &Key, into: &mut [u8; 16]) -> usize {
    match key {
        Key::Address(Some(IpAddr::V4(address))) => {
            into[..3].copy_from_slice(&address.octets()[..3]);
            3
        }
        Key::Address(Some(IpAddr::V6(address))) => {
            *into = address.octets();
            16
        }
        _ => 3,
    }
}
