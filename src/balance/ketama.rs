//! `hash key consistent`: ketama, with 160 points for each unit of weight, as Cache::Memcached::Fast places them.

use super::attempt::{Attempt, Key};
use super::crc32::Crc32;
use super::failure::PeerState;
use super::{Group, Seconds, round_robin};

const POINTS: i64 = 160;

/// The continuum: points in ascending order, each with the peer whose `server` it belongs to.
#[derive(Clone, Debug, Default)]
pub struct Continuum {
    points: Vec<(u32, usize)>,
}

impl Continuum {
    /// The points of all servers of a group.
    pub fn new(group: &Group) -> Self {
        let mut points: Vec<(u32, usize)> = Vec::new();
        for (index, peer) in group.peers.iter().enumerate() {
            let base = base(&peer.server);
            let mut previous = 0;
            for _ in 0..peer.weight.max(0) * POINTS {
                previous = base.and(&u32::to_le_bytes(previous)).finish();
                points.push((previous, index));
            }
        }
        points.sort_by_key(|&(hash, _)| hash);
        points.dedup_by_key(|&mut (hash, _)| hash);
        Continuum { points }
    }

    /// The first point at or behind the key's hash.
    pub fn find(&self, key: &[u8]) -> u32 {
        let hash = Crc32::new().and(key).finish();
        self.points.partition_point(|&(point, _)| point < hash) as u32
    }

    fn at(&self, place: u32) -> Option<usize> {
        let place = (place as usize).checked_rem(self.points.len())?;
        self.points.get(place).map(|&(_, peer)| peer)
    }
}

/// `HOST \0 PORT`; a unix socket's path stands for the host.
fn base(server: &str) -> Crc32 {
    let (host, port) = match server.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("unix:") => (&server[5..], ""),
        _ => match server.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
            _ => (server, ""),
        },
    };
    Crc32::new().and(host.as_bytes()).and(&[0]).and(port.as_bytes())
}

/// What the continuum says about a key.
pub(super) enum Said {
    /// Take this peer.
    Peer(usize),
    /// The turn is to decide.
    Turn,
    /// There is no server at all.
    Nobody,
}

/// The peer at or behind the key's place. Addresses of one name share its points: among them the turn decides.
pub(super) fn choose(
    continuum: &Continuum,
    group: &Group,
    states: &mut [PeerState],
    attempt: &mut Attempt,
    now: Seconds,
) -> Said {
    let Attempt { key: Key::Text(key), walk, tried, .. } = attempt else { return Said::Turn };
    if walk.is_over() || key.is_empty() {
        return Said::Turn;
    }
    loop {
        let Some(owner) = continuum.at(walk.hash).and_then(|index| group.peers.get(index)) else { return Said::Nobody };
        if let Some(index) = round_robin::turn(group, states, tried, now, |peer, _| peer.server == owner.server) {
            return Said::Peer(index);
        }
        walk.hash = walk.hash.wrapping_add(1);
        if walk.in_vain() {
            return Said::Turn;
        }
    }
}
