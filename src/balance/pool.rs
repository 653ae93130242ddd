//! One generation's view of an `upstream`, over counters that outlive it.

use std::sync::Arc;

use rkeep_parsers::ir::pool::{self as ir, PoolServer};

use super::attempt::{Attempt, Key, Tried, Walk};
use super::failure::{Outcome, PeerState};
use super::group::{Group, Peer};
use super::ketama::{self, Continuum, Said};
use super::registry::{Counters, Registry};
use super::{Seconds, hash, ip_hash, least_conn, random, round_robin};

/// Gives numbers that are as good as random.
pub type Chance<'a> = &'a mut dyn FnMut() -> u32;

/// How a peer is chosen; the key of `hash` comes with each [`Attempt`].
#[derive(Clone, Debug)]
enum Method {
    RoundRobin,
    LeastConn,
    IpHash,
    Hash,
    Ketama(Continuum),
    Random { two: bool },
}

/// An `upstream`.
#[derive(Debug)]
pub struct Pool {
    /// Its name: what `$upstream_addr` shows when no peer is left.
    pub name: Arc<str>,
    primary: Group,
    backup: Group,
    single: bool,
    method: Method,
    counters: Arc<Counters>,
}

/// A peer that was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    backup: bool,
    index: usize,
}

/// What became of a peer that was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It goes on.
    Live,
    /// It is given up for its `fail_timeout`.
    GivenUp,
}

impl Pool {
    /// The pool of an `upstream`, with the counters that `registry` keeps under its name.
    pub fn new(pool: &ir::Pool, registry: &Registry) -> Self {
        Pool::of_servers(&pool.name, &pool.servers, &pool.balancer, registry)
    }

    fn of_servers(name: &str, servers: &[PoolServer], balancer: &ir::Balancer, registry: &Registry) -> Self {
        let mut primary = Group::new(servers, false);
        let mut backup = Group::new(servers, true);
        let counters = registry.counters(name, primary.peers.iter_mut().chain(backup.peers.iter_mut()));
        Pool {
            name: name.into(),
            single: primary.peers.len() == 1 && backup.peers.is_empty(),
            method: Method::new(balancer, &primary),
            primary,
            backup,
            counters,
        }
    }

    /// Shows every peer with its counters, the primary ones first; whether it is a backup is said.
    pub(super) fn look<T>(&self, show: impl Fn(&Peer, bool, &PeerState) -> T) -> Vec<T> {
        let states = self.counters.lock();
        let groups = [(&self.primary, false), (&self.backup, true)];
        let peers = groups.iter().flat_map(|(group, backup)| group.peers.iter().map(|peer| (peer, *backup)));
        peers.filter_map(|(peer, backup)| Some(show(peer, backup, states.get(peer.slot)?))).collect()
    }

    /// Begins a request's search. `limit` is `proxy_next_upstream_tries`, 0 for none.
    pub fn begin(&self, key: Key, limit: u32) -> Attempt {
        let tries = self.primary.tries + self.backup.tries;
        let hash = match (&self.method, &key) {
            (Method::IpHash, _) => ip_hash::START,
            (Method::Ketama(continuum), Key::Text(key)) => continuum.find(key),
            _ => 0,
        };
        Attempt {
            tries: if limit > 0 { tries.min(limit) } else { tries },
            tried: Tried::default(),
            in_backup: false,
            key,
            walk: Walk { hash, ..Walk::default() },
        }
    }

    /// Chooses a peer for the next try; none when no live one is left. What is chosen must be released.
    pub fn pick(&self, attempt: &mut Attempt, now: Seconds, chance: Chance<'_>) -> Option<Choice> {
        let mut states = self.counters.lock();
        let found = self.pick_in_group(&mut states, attempt, now, chance);
        if found.is_some() || attempt.in_backup || self.backup.peers.is_empty() {
            return found;
        }
        attempt.in_backup = true;
        attempt.tried.clear();
        self.pick_in_group(&mut states, attempt, now, chance)
    }

    fn pick_in_group(
        &self,
        states: &mut [PeerState],
        attempt: &mut Attempt,
        now: Seconds,
        chance: Chance<'_>,
    ) -> Option<Choice> {
        let backup = attempt.in_backup;
        let group = self.group(backup);
        let index = if self.single { self.only(states) } else { self.choose(group, states, attempt, now, chance) }?;
        let peer = group.peers.get(index)?;
        let state = states.get_mut(peer.slot)?;
        if self.single {
            state.conns += 1;
        } else {
            attempt.tried.add(index);
            state.chosen(peer, now);
        }
        Some(Choice { backup, index })
    }

    /// The only peer of a pool is asked whatever its failures.
    fn only(&self, states: &[PeerState]) -> Option<usize> {
        let peer = self.primary.peers.first()?;
        let state = states.get(peer.slot)?;
        (!peer.down && !state.full(peer)).then_some(0)
    }

    fn choose(
        &self,
        group: &Group,
        states: &mut [PeerState],
        attempt: &mut Attempt,
        now: Seconds,
        chance: Chance<'_>,
    ) -> Option<usize> {
        let chosen = match &self.method {
            Method::RoundRobin => None,
            Method::LeastConn => return least_conn::choose(group, states, &attempt.tried, now),
            Method::IpHash => ip_hash::choose(group, states, attempt, now),
            Method::Hash => hash::choose(group, states, attempt, now),
            Method::Random { two } => random::choose(group, states, attempt, now, *two, chance),
            Method::Ketama(continuum) => match ketama::choose(continuum, group, states, attempt, now) {
                Said::Peer(index) => Some(index),
                Said::Turn => None,
                Said::Nobody => return None,
            },
        };
        chosen.or_else(|| round_robin::turn(group, states, &attempt.tried, now, |_, _| true))
    }

    /// Gives a peer back.
    pub fn release(&self, choice: Choice, outcome: Outcome, now: Seconds) -> Released {
        let Some(peer) = self.peer(choice) else { return Released::Live };
        let mut states = self.counters.lock();
        let Some(state) = states.get_mut(peer.slot) else { return Released::Live };
        state.conns = state.conns.saturating_sub(1);
        match outcome {
            _ if self.single => state.fails = 0,
            Outcome::Served => state.served(),
            Outcome::Failed if state.failed(peer, now) => return Released::GivenUp,
            Outcome::Failed => {}
        }
        Released::Live
    }

    /// Counts a try whose peer has been released. The only peer of a pool is tried once.
    pub fn spend(&self, attempt: &mut Attempt) {
        attempt.tries = if self.single { 0 } else { attempt.tries.saturating_sub(1) };
    }

    /// A number that is this pool's in all its generations.
    pub fn id(&self) -> u64 {
        self.counters.id
    }

    /// The peer that was picked.
    pub fn peer(&self, choice: Choice) -> Option<&Peer> {
        self.group(choice.backup).peers.get(choice.index)
    }

    fn group(&self, backup: bool) -> &Group {
        if backup { &self.backup } else { &self.primary }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.counters.leave(self.primary.peers.iter().chain(&self.backup.peers));
    }
}

impl Method {
    fn new(balancer: &ir::Balancer, primary: &Group) -> Self {
        match balancer {
            ir::Balancer::RoundRobin => Method::RoundRobin,
            ir::Balancer::LeastConn => Method::LeastConn,
            ir::Balancer::IpHash => Method::IpHash,
            ir::Balancer::Hash { consistent: false, .. } => Method::Hash,
            ir::Balancer::Hash { consistent: true, .. } => Method::Ketama(Continuum::new(primary)),
            ir::Balancer::Random { two } => Method::Random { two: *two },
        }
    }
}
