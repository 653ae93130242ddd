//! What the state of interfaces and groups means for each instance. Pure.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use rkeep_parsers::ir::vrrp::Router;

use super::links::Links;
use super::machine::io::Condition;

/// What conditions are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// This machine's interfaces.
    pub links: &'a Links,
    /// All virtual addresses, which are nobody's own.
    pub virtual_addresses: &'a HashSet<IpAddr>,
}

impl Circumstances<'_> {
    /// The condition of each instance. A member of a group fares as its worst companion.
    pub fn judge(&self, routers: &[&Router]) -> Vec<Condition> {
        let faults: Vec<bool> = routers.iter().map(|router| self.has_fault(router)).collect();
        let group_has_fault = |router: &Router| {
            let mut all = routers.iter().zip(&faults);
            router.group.is_some() && all.any(|(other, fault)| *fault && other.group == router.group)
        };
        let judge = |(router, fault): (&&Router, &bool)| Condition {
            fault: *fault || group_has_fault(router),
            weight: self.weight(router),
            ..Condition::default()
        };
        routers.iter().zip(&faults).map(judge).collect()
    }

    fn has_fault(&self, router: &Router) -> bool {
        let Some(own) = self.links.named(&router.interface) else { return true };
        let own_down = !own.up && !router.dont_track_primary;
        let tracked_down =
            router.track_interfaces.iter().any(|(name, weight)| weight.is_none() && !self.links.is_up(name));
        own_down || tracked_down || self.source(router).is_none()
    }

    /// Where an instance's adverts come from, if this machine has that address.
    pub fn source(&self, router: &Router) -> Option<Ipv4Addr> {
        match router.source {
            Some(IpAddr::V4(source)) => self.links.has(source.into()).then_some(source),
            Some(IpAddr::V6(_)) => None,
            None => {
                let is_virtual = |address: &IpAddr| self.virtual_addresses.contains(address);
                self.links.source(&router.interface, is_virtual)
            }
        }
    }

    fn weight(&self, router: &Router) -> i32 {
        // keepalived ignores weights within a group.
        if router.group.is_some() {
            return 0;
        }
        let weigh = |(name, weight): &(String, Option<i16>)| match (weight, self.links.is_up(name)) {
            (Some(weight), true) if *weight > 0 => i32::from(*weight),
            (Some(weight), false) if *weight < 0 => i32::from(*weight),
            _ => 0,
        };
        router.track_interfaces.iter().map(weigh).sum()
    }
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::ir::Id;

    use super::super::links::Change;
    use super::super::machine::tests::article;
    use super::*;

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
        let circumstances = Circumstances { links, virtual_addresses: &virtual_addresses };
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
    fn tracked_interfaces_weigh_or_fail() {
        let tracking = |weight| Router { track_interfaces: vec![("eth1".to_owned(), weight)], ..article(100) };
        let outcome = |up, weight| judge(&world(up, &[10]), &[&tracking(weight)])[0];
        assert_eq!(outcome(false, None), (true, 0));
        assert_eq!(outcome(true, None), (false, 0));
        assert_eq!((outcome(true, Some(-20)), outcome(false, Some(-20))), ((false, 0), (false, -20)));
        assert_eq!((outcome(true, Some(20)), outcome(false, Some(20))), ((false, 20), (false, 0)));
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
