//! How the peers of a pool stand, for those who ask.

use serde::{Deserialize, Serialize};

use super::Seconds;
use super::failure::PeerState;
use super::group::Peer;
use super::pool::Pool;

/// A peer and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its address.
    pub address: String,
    /// Whether it may be asked.
    pub state: State,
    /// Asked only when no other is left.
    pub backup: bool,
    /// Its share.
    pub weight: i64,
    /// Requests it is serving now.
    pub connections: u32,
    /// Failures that are not forgiven.
    pub failures: u32,
}

/// Whether a peer may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is.
    Up,
    /// It has failed, and is given up for its `fail_timeout`.
    Unavailable,
    /// It serves as many requests as `max_conns` allows.
    Full,
    /// The file says `down`.
    Down,
}

impl Pool {
    /// How its peers stand, the primary ones first.
    pub fn standing(&self, now: Seconds) -> Vec<Standing> {
        self.look(|peer, backup, state| Standing {
            address: peer.name.to_string(),
            state: judge(peer, state, now),
            backup,
            weight: peer.weight,
            connections: state.conns,
            failures: state.fails,
        })
    }
}

fn judge(peer: &Peer, state: &PeerState, now: Seconds) -> State {
    match peer.down {
        true => State::Down,
        false if state.given_up(peer, now) => State::Unavailable,
        false if state.full(peer) => State::Full,
        false => State::Up,
    }
}
