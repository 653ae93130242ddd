//! The real servers of one virtual server, with who is connected to whom. Pure: the clock is an argument.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::persist::Templates;
use super::schedule::{Destination, Picker};
use super::table::Terms;

/// One virtual server's destinations.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The newest first, as IPVS keeps them.
    list: Vec<Destination>,
    /// Removed ones whose connections go on.
    retired: Vec<Destination>,
    picker: Picker,
    templates: Option<Templates>,
}

impl Pool {
    /// An empty pool, if the forwarder has its scheduler.
    pub fn new(terms: &Terms) -> Option<Self> {
        let templates = terms.persistence.map(|timeout| Templates::new(timeout, terms.persistence_prefix));
        Some(Pool { list: Vec::new(), retired: Vec::new(), picker: Picker::new(terms.scheduler)?, templates })
    }

    /// Takes up other terms; connections and, where it still applies, persistence go on.
    pub fn reconfigure(&mut self, terms: &Terms) {
        if let Some(picker) = Picker::new(terms.scheduler) {
            self.picker = picker;
            self.picker.changed(&self.list);
        }
        self.templates = terms.persistence.map(|timeout| match self.templates.take() {
            Some(mut templates) => {
                templates.reconfigure(timeout, terms.persistence_prefix);
                templates
            }
            None => Templates::new(timeout, terms.persistence_prefix),
        });
    }

    /// A real server comes, or comes back: connections it still has count.
    pub fn add(&mut self, address: SocketAddr, weight: i32) {
        let active = match self.retired.iter().position(|retired| retired.address == address) {
            Some(index) => self.retired.swap_remove(index).active,
            None => 0,
        };
        self.list.insert(0, Destination { address, weight, active });
        self.picker.added(&self.list);
    }

    /// A real server's share changes.
    pub fn reweigh(&mut self, address: SocketAddr, weight: i32) {
        if let Some(destination) = self.list.iter_mut().find(|destination| destination.address == address) {
            destination.weight = weight;
            self.picker.changed(&self.list);
        }
    }

    /// A real server goes: it gets nothing new and its clients are free to be sent elsewhere. Its open connections go
    /// on; IPVS too keeps them (`expire_nodest_conn` is off).
    pub fn remove(&mut self, address: SocketAddr) {
        let Some(index) = self.list.iter().position(|destination| destination.address == address) else { return };
        let gone = self.list.remove(index);
        if gone.active > 0 {
            self.retired.push(gone);
        }
        self.picker.removed(index, &self.list);
        if let Some(templates) = &mut self.templates {
            templates.forget(address);
        }
    }

    /// Chooses a real server for a connection of `client` that could not reach those `tried`, and counts it. A client
    /// that belongs to a real server gets that one even at weight 0, as in IPVS (`expire_quiescent_template` is off).
    pub fn assign(&mut self, client: IpAddr, tried: &[SocketAddr], now: Instant) -> Option<SocketAddr> {
        let untried = |destination: &Destination| !tried.contains(&destination.address);
        let home = self.templates.as_ref().and_then(|templates| templates.get(client, now));
        let home = home.and_then(|home| self.list.iter().position(|d| d.address == home && untried(d)));
        let index = home.or_else(|| self.picker.pick(&self.list, client, untried))?;
        let destination = self.list.get_mut(index)?;
        destination.active += 1;
        if let Some(templates) = &mut self.templates {
            templates.opened(client, destination.address, now);
        }
        Some(destination.address)
    }

    /// A connection that [`Pool::assign`] counted has ended, or never came about.
    pub fn release(&mut self, client: IpAddr, address: SocketAddr, now: Instant) {
        if let Some(templates) = &mut self.templates {
            templates.closed(client, address, now);
        }
        if let Some(destination) = self.list.iter_mut().find(|destination| destination.address == address) {
            destination.active = destination.active.saturating_sub(1);
        } else if let Some(index) = self.retired.iter().position(|retired| retired.address == address) {
            if let Some(retired) = self.retired.get_mut(index) {
                retired.active = retired.active.saturating_sub(1);
            }
            self.retired.retain(|retired| retired.active > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rkeep_parsers::ir::service::Scheduler;

    use super::*;

    fn server(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 168, 3, n], 80))
    }

    fn client(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    fn pool(persistence: Option<u64>) -> Pool {
        let persistence = persistence.map(Duration::from_secs);
        let terms = Terms { scheduler: Scheduler::RoundRobin, persistence, persistence_prefix: None };
        let mut pool = Pool::new(&terms).expect("rr is ours");
        pool.add(server(1), 3);
        pool.add(server(2), 3);
        pool
    }

    #[test]
    fn without_persistence_turns_alternate_from_the_newest() {
        let mut pool = pool(None);
        let now = Instant::now();
        let got: Vec<_> = (0..4).filter_map(|_| pool.assign(client(1), &[], now)).collect();
        assert_eq!(got, [server(2), server(1), server(2), server(1)]);
    }

    #[test]
    fn persistence_holds_a_client_and_turns_go_by_clients() {
        let mut pool = pool(Some(50));
        let now = Instant::now();
        let home = pool.assign(client(1), &[], now);
        for _ in 0..5 {
            assert_eq!(pool.assign(client(1), &[], now), home);
        }
        assert_ne!(pool.assign(client(2), &[], now), home);
        assert_eq!(pool.assign(client(3), &[], now), home);
    }

    #[test]
    fn a_client_moves_when_its_server_cannot_be_reached_and_stays_there() {
        let mut pool = pool(Some(50));
        let now = Instant::now();
        let home = pool.assign(client(1), &[], now).expect("a server");
        pool.release(client(1), home, now);
        let other = pool.assign(client(1), &[home], now).expect("another");
        assert_ne!(other, home);
        pool.release(client(1), other, now);
        assert_eq!(pool.assign(client(1), &[], now), Some(other));
        assert_eq!(pool.assign(client(1), &[home, other], now), None);
    }

    #[test]
    fn connections_of_a_removed_server_are_remembered_until_they_end() {
        let mut pool = pool(None);
        let now = Instant::now();
        assert_eq!(pool.assign(client(1), &[], now), Some(server(2)));
        pool.remove(server(2));
        assert_eq!(pool.assign(client(1), &[], now), Some(server(1)));
        pool.add(server(2), 3);
        assert_eq!(pool.list[0].active, 1);
        pool.remove(server(2));
        pool.release(client(1), server(2), now);
        assert!(pool.retired.is_empty());
    }

    /// Real servers a, b and c with these weights, in the order in which they were added.
    fn abc(scheduler: Scheduler, weights: [i32; 3]) -> Pool {
        let mut pool = Pool::new(&Terms { scheduler, persistence: None, persistence_prefix: None }).expect("ours");
        (b'a'..).zip(weights).for_each(|(name, weight)| pool.add(server(name), weight));
        pool
    }

    /// Who serves each of these clients, whose connections end at once; `!` for nobody.
    fn turns(pool: &mut Pool, clients: impl Iterator<Item = u8>) -> String {
        let now = Instant::now();
        let mut serve = |n| {
            let Some(got) = pool.assign(client(n), &[], now) else { return '!' };
            pool.release(client(n), got, now);
            let IpAddr::V4(ip) = got.ip() else { return '?' };
            char::from(ip.octets()[3])
        };
        clients.map(&mut serve).collect()
    }

    /// What the IPVS of Linux 6.1 did with the same steps.
    #[test]
    fn takes_the_kernels_turns() {
        let one = |count| std::iter::repeat_n(100, count);
        let mut rr = abc(Scheduler::RoundRobin, [1, 1, 1]);
        assert_eq!(turns(&mut rr, one(9)), "cbacbacba");
        rr.remove(server(b'b'));
        assert_eq!(turns(&mut rr, one(4)), "caca");
        rr.add(server(b'b'), 1);
        assert_eq!(turns(&mut rr, one(7)), "bcabcab");
        let mut wrr = abc(Scheduler::WeightedRoundRobin, [4, 2, 1]);
        assert_eq!(turns(&mut wrr, one(14)), "cbaaabacbaaaba");
        let mut wrr = abc(Scheduler::WeightedRoundRobin, [3, 3, 2]);
        assert_eq!(turns(&mut wrr, one(16)), "cbabacbacbabacba");
        wrr.reweigh(server(b'a'), 1);
        assert_eq!(turns(&mut wrr, one(12)), "cbcbabcbcbab");
        assert_eq!(turns(&mut abc(Scheduler::WeightedLeastConnection, [1, 1, 1]), one(6)), "cccccc");
        let clients = || 100..140u8;
        let mut sh = abc(Scheduler::SourceHash, [1, 1, 1]);
        assert_eq!(turns(&mut sh, clients()), "acbabcbacabbcacaabcbababacacacbcbcbababa");
        let mut sh = abc(Scheduler::SourceHash, [3, 1, 2]);
        assert_eq!(turns(&mut sh, clients()), "bccacacbcbacaaaabacaacacacbcbccacaababaa");
        sh.reweigh(server(b'a'), 0);
        assert_eq!(turns(&mut sh, clients()), "cb!c!c!cbcb!c!c!cbcb!c!c!cbcbcc!c!cbcbcc");
    }
}
