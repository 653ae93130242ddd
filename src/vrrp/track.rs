//! What the state of interfaces, groups and tracked things means for each instance. Pure.

use std::collections::HashSet;
use std::net::IpAddr;

use rkeep_parsers::ir::track::{Kind, Track};
use rkeep_parsers::ir::vrrp::{Peer, Router};

use super::links::{self, Links};
use super::machine::io::Condition;
use super::trackers::{Outcome, Trackers, weigh};

/// What conditions are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// This machine's interfaces.
    pub links: &'a Links,
    /// All virtual addresses, which are nobody's own.
    pub virtual_addresses: &'a HashSet<IpAddr>,
    /// Scripts, files and processes.
    pub trackers: &'a Trackers,
}

impl Circumstances<'_> {
    /// The condition of each instance. A member of a group fares as its worst companion.
    pub fn judge(&self, routers: &[&Router]) -> Vec<Condition> {
        let outcomes: Vec<Outcome> = routers.iter().map(|router| self.outcome(router)).collect();
        let companions = |router: &Router, is: fn(&Outcome) -> bool| {
            let mut all = routers.iter().zip(&outcomes);
            router.group.is_some() && all.any(|(other, outcome)| is(outcome) && other.group == router.group)
        };
        let judge = |(router, own): (&&Router, &Outcome)| Condition {
            fault: own.fault || companions(router, |other| other.fault),
            waiting: own.waiting || companions(router, |other| other.waiting),
            weight: own.weight,
            ..Condition::default()
        };
        routers.iter().zip(&outcomes).map(judge).collect()
    }

    /// Whether an interface is up, for the kernel as for whoever asked it.
    fn is_up(&self, interface: &str) -> bool {
        self.links.is_up(interface) && !self.trackers.is_unlinked(interface)
    }

    /// How an instance fares by itself.
    fn outcome(&self, router: &Router) -> Outcome {
        let tracked = router.tracks.iter().map(|track| self.tracked(track));
        let all = tracked.fold(Outcome::default(), Outcome::and);
        Outcome { fault: all.fault || self.has_fault(router), ..all }
    }

    fn tracked(&self, track: &Track) -> Outcome {
        match track.kind {
            Kind::Interface => weigh(self.is_up(&track.name), track.weight),
            _ => self.trackers.outcome(track),
        }
    }

    fn has_fault(&self, router: &Router) -> bool {
        if self.links.named(&router.interface).is_none() {
            return true;
        }
        let own_down = !self.is_up(&router.interface) && !router.dont_track_primary;
        let alone = router.speech.fault_without_peer && router.unicast_peers.is_empty();
        own_down || alone || self.source(router).is_none()
    }

    /// Where an instance's adverts come from, if this machine has that address.
    pub fn source(&self, router: &Router) -> Option<IpAddr> {
        if let Some(source) = router.source {
            return self.links.has(source).then_some(source);
        }
        let global = |peer: &Peer| matches!(peer.address, IpAddr::V6(address) if !address.is_unicast_link_local());
        let kind = match router.is_ipv6() {
            false => links::Kind::V4,
            true if router.unicast_peers.iter().any(global) => links::Kind::Global,
            true => links::Kind::Link,
        };
        let is_virtual = |address: &IpAddr| self.virtual_addresses.contains(address);
        self.links.source(&router.interface, kind, is_virtual)
    }
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::ir::Id;
    use rkeep_parsers::ir::track::{Linkbeat, Trackers as Defined, Weight};

    use super::super::links::Change;
    use super::super::machine::tests::article;
    use super::*;
    use crate::bus::fact::Tracked;
    use crate::bus::{Cause, Fact, Subject, Verdict};

    fn world(up: bool, addresses: &[u8]) -> Links {
        let mut links = Links::default();
        for (index, name, up) in [(2, "eth0", true), (3, "eth1", up)] {
            links.apply(Change::Link { index, name: name.to_owned(), up, mac: None });
        }
        for last in addresses {
            links.apply(Change::Address { index: 2, address: IpAddr::from([192, 168, 3, *last]) });
        }
        links
    }

    fn judge(links: &Links, routers: &[&Router]) -> Vec<(bool, i32)> {
        let virtual_addresses = [IpAddr::from([192, 168, 3, 253])].into();
        let trackers = Trackers::default();
        let circumstances = Circumstances { links, virtual_addresses: &virtual_addresses, trackers: &trackers };
        circumstances.judge(routers).iter().map(|condition| (condition.fault, condition.weight)).collect()
    }

    #[test]
    fn needs_an_interface_that_runs_with_an_address_of_its_own() {
        let router = article(100);
        assert_eq!(judge(&world(true, &[10]), &[&router]), [(false, 0)]);
        assert_eq!(judge(&world(true, &[253]), &[&router]), [(true, 0)], "a virtual address is not its own");
        let other = Router { interface: "eth1".to_owned(), source: Some([192, 168, 3, 10].into()), ..article(100) };
        assert_eq!(judge(&world(false, &[10]), &[&other]), [(true, 0)]);
        let untracked = Router { dont_track_primary: true, ..other };
        assert_eq!(judge(&world(false, &[10]), &[&untracked]), [(false, 0)]);
        let missing = Router { interface: "eth7".to_owned(), ..untracked };
        assert_eq!(judge(&world(false, &[10]), &[&missing]), [(true, 0)]);
    }

    #[test]
    fn a_link_that_was_asked_for_and_is_gone_counts_as_down() {
        let mut trackers = Trackers::default();
        let beat = Linkbeat { interface: "eth0".to_owned(), how: None };
        trackers.adopt(&Defined { links: vec![beat], ..Defined::default() }, false);
        let links = world(true, &[10]);
        let (virtual_addresses, router) = (HashSet::new(), article(100));
        let is_fault = |trackers: &Trackers| {
            let circumstances = Circumstances { links: &links, virtual_addresses: &virtual_addresses, trackers };
            circumstances.judge(&[&router])[0].fault
        };
        assert!(!is_fault(&trackers));
        let fact = |verdict| Fact {
            subject: Subject::Tracked(Tracked(Kind::Interface), "eth0".to_owned()),
            verdict,
            cause: Cause::kind("track"),
            since: std::time::UNIX_EPOCH,
            seq: 1,
        };
        assert!(trackers.note(&fact(Verdict::Down)) && is_fault(&trackers));
        assert!(trackers.note(&fact(Verdict::Up)) && !is_fault(&trackers));
    }

    #[test]
    fn tracked_interfaces_weigh_or_fail() {
        let track = |weight| Track { kind: Kind::Interface, name: "eth1".to_owned(), weight };
        let tracking = |weight| Router { tracks: vec![track(weight)], ..article(100) };
        let outcome = |up, value, reverse| {
            let weight = Weight { value, reverse };
            judge(&world(up, &[10]), &[&tracking(weight)])[0]
        };
        assert_eq!((outcome(false, 0, false), outcome(true, 0, false)), ((true, 0), (false, 0)));
        assert_eq!((outcome(false, 0, true), outcome(true, 0, true)), ((false, 0), (true, 0)));
        assert_eq!((outcome(true, -20, false), outcome(false, -20, false)), ((false, 0), (false, -20)));
        assert_eq!((outcome(true, 20, false), outcome(false, 20, false)), ((false, 20), (false, 0)));
        assert_eq!((outcome(true, 20, true), outcome(false, -20, true)), ((false, -20), (false, 20)));
    }

    #[test]
    fn a_group_fares_as_its_worst_member() {
        let member = Router { group: Some(Id::new(0)), ..article(100) };
        let ill = Router { interface: "eth1".to_owned(), ..member.clone() };
        let alone = article(100);
        let outcome = judge(&world(false, &[10]), &[&member, &ill, &alone]);
        assert_eq!(outcome, [(true, 0), (true, 0), (false, 0)]);
    }
}
