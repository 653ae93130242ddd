//! The primary or the backup servers of a pool.

use std::sync::Arc;

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::ir::pool::PoolServer;

/// One address of a `server`.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it is.
    pub address: Address,
    /// The address as nginx shows it: `127.0.0.1:80`, `[::1]:80`, `unix:/path`.
    pub name: Arc<str>,
    /// The `server` as written: what a consistent hash is made of.
    pub server: String,
    /// Its share.
    pub weight: i64,
    /// Requests at a time; 0 for any number.
    pub max_conns: u32,
    /// Failures until it is given up; 0 never.
    pub max_fails: u32,
    /// Seconds for which it is given up, and after which failures are forgiven.
    pub fail_timeout: i64,
    /// Never asked.
    pub down: bool,
    /// Where its [`super::PeerState`] is in the pool's table.
    pub slot: usize,
}

/// Servers among which one is chosen.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// In the order of the file.
    pub peers: Vec<Peer>,
    /// The sum of the weights.
    pub total_weight: i64,
    /// How many may be tried: all that are not `down`.
    pub tries: u32,
}

impl Group {
    /// The peers of `servers` that are backups, or that are not.
    pub fn new(servers: &[PoolServer], backup: bool) -> Self {
        let peers: Vec<Peer> = servers.iter().filter(|server| server.backup == backup).flat_map(peers_of).collect();
        Group {
            total_weight: peers.iter().map(|peer| peer.weight).sum(),
            tries: peers.iter().filter(|peer| !peer.down).count() as u32,
            peers,
        }
    }
}

fn peers_of(server: &PoolServer) -> impl Iterator<Item = Peer> {
    server.addresses.iter().map(|address| Peer {
        address: address.clone(),
        name: shown(address).into(),
        server: server.name.clone(),
        weight: i64::from(server.weight),
        max_conns: server.max_conns,
        max_fails: server.max_fails,
        fail_timeout: server.fail_timeout.as_secs() as i64,
        down: server.down,
        slot: 0,
    })
}

/// An address as nginx writes it in `$upstream_addr` and in its logs.
pub fn shown(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

impl Group {
    /// The peer that holds the place `hash` modulo the sum of the weights.
    pub(super) fn at_weight(&self, hash: i64) -> Option<usize> {
        let mut left = hash.checked_rem(self.total_weight)?;
        self.peers.iter().position(|peer| {
            left -= peer.weight;
            left < 0
        })
    }
}
