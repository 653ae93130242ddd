//! Which real server the next connection gets: rr, wrr, lc, wlc and sh, as the kernel's IPVS chooses. Pure.
//!
//! IPVS keeps its destinations in a list that grows at its head and goes through it from there; so does
//! [`pool`](super::pool), and the cursors here follow that list.

use std::net::{IpAddr, SocketAddr};

use rkeep_parsers::ir::service::Scheduler;

/// A real server as the schedulers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Where.
    pub address: SocketAddr,
    /// Its share; nothing new goes to weight 0.
    pub weight: i32,
    /// Its open connections.
    pub active: u32,
}

/// Buckets of the source hash, as in the kernel.
const BUCKETS: usize = 256;

/// A scheduler with its memory.
#[derive(Clone, Debug)]
pub struct Picker {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The last one chosen.
    RoundRobin {
        last: Option<usize>,
    },
    /// The last one chosen, and the weight a destination must have in this round.
    Weighted {
        last: Option<usize>,
        level: i64,
    },
    LeastConnection,
    WeightedLeastConnection,
    /// Destination by bucket.
    SourceHash {
        buckets: Vec<usize>,
    },
}

impl Picker {
    /// A scheduler, if the forwarder has it.
    pub fn new(scheduler: Scheduler) -> Option<Self> {
        let kind = match scheduler {
            Scheduler::RoundRobin => Kind::RoundRobin { last: None },
            Scheduler::WeightedRoundRobin => Kind::Weighted { last: None, level: 0 },
            Scheduler::LeastConnection => Kind::LeastConnection,
            Scheduler::WeightedLeastConnection => Kind::WeightedLeastConnection,
            Scheduler::SourceHash => Kind::SourceHash { buckets: Vec::new() },
            Scheduler::Other(_) => return None,
        };
        Some(Picker { kind })
    }

    /// A destination was put at the head of the list.
    pub fn added(&mut self, list: &[Destination]) {
        if let Kind::RoundRobin { last: Some(last) } = &mut self.kind {
            *last += 1;
        }
        self.changed(list);
    }

    /// The destination that stood at `index` is gone: a cursor on it falls back to the one before.
    pub fn removed(&mut self, index: usize, list: &[Destination]) {
        if let Kind::RoundRobin { last } = &mut self.kind {
            *last = last.and_then(|last| if last >= index { last.checked_sub(1) } else { Some(last) });
        }
        self.changed(list);
    }

    /// Weights or members have changed.
    pub fn changed(&mut self, list: &[Destination]) {
        match &mut self.kind {
            Kind::Weighted { last, level } => {
                let (highest, step) = levels(list);
                *last = None;
                if *level > highest || *level == 0 {
                    *level = highest;
                } else if step > 1 {
                    *level = *level / step * step + 1;
                }
            }
            Kind::SourceHash { buckets } => *buckets = hash_table(list),
            Kind::RoundRobin { .. } | Kind::LeastConnection | Kind::WeightedLeastConnection => {}
        }
    }

    /// Chooses for `client` among those that `may` be chosen; none when nobody can take a connection.
    pub fn pick(&mut self, list: &[Destination], client: IpAddr, may: impl Fn(&Destination) -> bool) -> Option<usize> {
        let usable = |destination: &Destination| destination.weight > 0 && may(destination);
        match &mut self.kind {
            Kind::RoundRobin { last } => {
                *last = Some(after(*last, list, usable)?);
                *last
            }
            Kind::Weighted { last, level } => weighted(last, level, list, usable),
            Kind::LeastConnection => list
                .iter()
                .enumerate()
                .filter(|(_, destination)| usable(destination))
                .min_by_key(|(_, destination)| destination.active)
                .map(|(index, _)| index),
            Kind::WeightedLeastConnection => least_loaded(list, usable),
            Kind::SourceHash { buckets } => {
                let index = *buckets.get(source_hash(client))?;
                list.get(index).filter(|destination| usable(destination)).map(|_| index)
            }
        }
    }
}

/// The next usable one after `last`, around the list, `last` itself at the end.
fn after(last: Option<usize>, list: &[Destination], usable: impl Fn(&Destination) -> bool) -> Option<usize> {
    let start = last.map_or(0, |last| last + 1);
    (0..list.len()).map(|step| (start + step) % list.len()).find(|index| list.get(*index).is_some_and(&usable))
}

/// The highest round of weighted round robin, and the distance between rounds.
fn levels(list: &[Destination]) -> (i64, i64) {
    let weights = || list.iter().map(|destination| i64::from(destination.weight.max(0)));
    let step = weights().fold(0, gcd).max(1);
    let highest = weights().max().unwrap_or(0);
    (if highest > 0 { highest - (step - 1) } else { 0 }, step)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Goes down the list; at its end begins a round in which lower weights count too.
fn weighted(
    last: &mut Option<usize>,
    level: &mut i64,
    list: &[Destination],
    usable: impl Fn(&Destination) -> bool,
) -> Option<usize> {
    let (highest, step) = levels(list);
    let reachable = list.iter().filter(|d| usable(d)).map(|d| i64::from(d.weight)).max()?;
    loop {
        let start = last.map_or(0, |last| last + 1);
        let found = list.iter().skip(start).position(|d| usable(d) && i64::from(d.weight) >= *level);
        if let Some(offset) = found {
            *last = Some(start + offset);
            return *last;
        }
        *last = None;
        *level -= step;
        if *level <= 0 {
            *level = highest;
        }
        // Rounds that nobody can meet are passed over in one step, however many they are.
        if *level > reachable {
            let rounds = (*level - reachable + step - 1) / step;
            *level = (*level - rounds * step).max(1);
        }
    }
}

/// The one with the fewest connections for its weight; the first of equals.
fn least_loaded(list: &[Destination], usable: impl Fn(&Destination) -> bool) -> Option<usize> {
    let mut best: Option<(usize, &Destination)> = None;
    for (index, next) in list.iter().enumerate().filter(|(_, destination)| usable(destination)) {
        let better = best.is_none_or(|(_, best)| {
            i64::from(best.active) * i64::from(next.weight) > i64::from(next.active) * i64::from(best.weight)
        });
        if better {
            best = Some((index, next));
        }
    }
    best.map(|(index, _)| index)
}

/// Each destination in turn gets as many buckets as its weight, at least one.
fn hash_table(list: &[Destination]) -> Vec<usize> {
    let turns = list.iter().enumerate().flat_map(|(index, d)| {
        let share = usize::try_from(d.weight).unwrap_or(0).clamp(1, BUCKETS);
        std::iter::repeat_n(index, share)
    });
    turns.collect::<Vec<usize>>().into_iter().cycle().take(BUCKETS).collect()
}

/// The kernel's hash of a client's address: multiplicative by the golden ratio, its top 8 bits.
fn source_hash(client: IpAddr) -> usize {
    let folded = match client {
        IpAddr::V4(address) => u32::from(address),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            (bits >> 96) as u32 ^ (bits >> 64) as u32 ^ (bits >> 32) as u32 ^ bits as u32
        }
    };
    (folded.wrapping_mul(0x61C8_8647) >> 24) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(weights: &[i32]) -> Vec<Destination> {
        let address = |port| SocketAddr::from(([192, 168, 3, 1], port));
        weights
            .iter()
            .zip(80..)
            .map(|(&weight, port)| Destination { address: address(port), weight, active: 0 })
            .collect()
    }

    fn picks(scheduler: Scheduler, list: &[Destination], n: usize) -> Vec<usize> {
        let mut picker = Picker::new(scheduler).expect("one of ours");
        picker.changed(list);
        (0..n).filter_map(|_| picker.pick(list, IpAddr::from([10, 0, 0, 1]), |_| true)).collect()
    }

    #[test]
    fn round_robin_passes_over_weight_0() {
        assert_eq!(picks(Scheduler::RoundRobin, &list(&[3, 0, 1]), 5), [0, 2, 0, 2, 0]);
        assert_eq!(picks(Scheduler::RoundRobin, &list(&[0, 0]), 3), [0; 0]);
        assert_eq!(picks(Scheduler::RoundRobin, &[], 3), [0; 0]);
    }

    #[test]
    fn round_robin_keeps_its_place_when_the_list_changes() {
        let mut picker = Picker::new(Scheduler::RoundRobin).expect("one of ours");
        let client = IpAddr::from([10, 0, 0, 1]);
        let mut servers = list(&[1, 1, 1]);
        assert_eq!(picker.pick(&servers, client, |_| true), Some(0));
        servers.insert(0, servers[2]);
        picker.added(&servers);
        assert_eq!(picker.pick(&servers, client, |_| true), Some(2));
        servers.remove(0);
        picker.removed(0, &servers);
        assert_eq!(picker.pick(&servers, client, |_| true), Some(2));
        servers.remove(2);
        picker.removed(2, &servers);
        assert_eq!(picker.pick(&servers, client, |_| true), Some(0));
    }

    #[test]
    fn weighted_round_robin_shares_by_weight() {
        assert_eq!(picks(Scheduler::WeightedRoundRobin, &list(&[4, 2]), 6), [0, 0, 1, 0, 0, 1]);
        assert_eq!(picks(Scheduler::WeightedRoundRobin, &list(&[4, 3, 2]), 9), [0, 0, 1, 0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn weighted_round_robin_finds_low_weights_below_huge_ones() {
        let servers = list(&[i32::MAX, 3]);
        let mut picker = Picker::new(Scheduler::WeightedRoundRobin).expect("one of ours");
        picker.changed(&servers);
        let not_first = |d: &Destination| d.address != servers[0].address;
        assert_eq!(picker.pick(&servers, IpAddr::from([10, 0, 0, 1]), not_first), Some(1));
    }

    #[test]
    fn least_connection_ignores_weights_and_wlc_does_not() {
        let mut servers = list(&[1, 4]);
        servers[0].active = 2;
        servers[1].active = 4;
        assert_eq!(picks(Scheduler::LeastConnection, &servers, 1), [0]);
        assert_eq!(picks(Scheduler::WeightedLeastConnection, &servers, 1), [1]);
    }

    #[test]
    fn source_hash_is_stable_and_refuses_rather_than_moves() {
        let servers = list(&[1, 1]);
        let mut picker = Picker::new(Scheduler::SourceHash).expect("one of ours");
        picker.changed(&servers);
        let clients = (0..=255).map(|n| IpAddr::from([10, 0, 0, n]));
        let chosen: Vec<_> = clients.map(|client| picker.pick(&servers, client, |_| true)).collect();
        let first = chosen.iter().filter(|pick| **pick == Some(0)).count();
        assert!((64..192).contains(&first), "{first} of 256");
        let client = IpAddr::from([10, 0, 0, 7]);
        assert_eq!(picker.pick(&servers, client, |_| true), chosen[7]);
        let other = |d: &Destination| Some(d.address) != chosen[7].map(|index| servers[index].address);
        assert_eq!(picker.pick(&servers, client, other), None);
    }
}
