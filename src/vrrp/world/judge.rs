//! What must hold.

use std::time::{Duration, Instant};

use super::World;
use crate::bus::Verdict;
use crate::vrrp::ability::Ability;

/// Parts a network may fall into.
pub const PARTS: u8 = 2;

/// What has been the case since when, by virtual router and part.
pub struct Watch {
    /// Nobody has the addresses.
    unowned: [[Option<Instant>; PARTS as usize]; 2],
    /// Several have them: who (by bits), since when.
    shared: [[Option<(u8, Instant)>; PARTS as usize]; 2],
    /// The network loses nothing.
    pub lossless_since: Option<Instant>,
    /// The longest that a letter may be under way.
    pub worst_delay: Duration,
}

impl Watch {
    pub fn new(now: Instant, worst_delay: Duration) -> Self {
        Watch { unowned: Default::default(), shared: Default::default(), lossless_since: Some(now), worst_delay }
    }
}

impl World {
    /// A master has all its addresses, anybody else has none of them. (A dead process cannot help what it left.)
    pub fn judge_addresses(&self, node: usize) {
        for instance in &self.nodes[node].instances {
            let is_master = instance.machine.verdict() == Some(Verdict::Master);
            let owed = if is_master { instance.machine.addresses().len() } else { 0 };
            let all = instance.machine.addresses().iter().all(|it| instance.held.contains(&it.address));
            let begun = instance.machine.verdict().is_some();
            assert!(!begun || instance.held.len() == owed, "world {}: addresses left behind", self.seed);
            assert!(!is_master || all, "world {}: a master without its addresses", self.seed);
        }
    }

    /// After anything has happened.
    pub fn observe(&mut self) {
        for place in 0..self.nodes[0].instances.len() {
            for part in 0..PARTS {
                self.observe_part(place, part);
            }
        }
    }

    fn observe_part(&mut self, place: usize, part: u8) {
        let (mut owners, mut fit_owners) = (0_u8, 0_u8);
        let mut latest = self.watch.lossless_since;
        for (bit, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.part == part) {
            if node.is_owner(place) {
                owners |= 1 << bit;
                if node.is_fit(place) {
                    fit_owners |= 1 << bit;
                    latest = latest.map(|latest| latest.max(node.fit_since));
                }
            }
        }
        let unowned = &mut self.watch.unowned[place][usize::from(part)];
        if owners == 0 {
            let since = *unowned.get_or_insert(self.now);
            self.judge_gap(place, part, since);
        } else {
            *unowned = None;
        }
        self.judge_rivals(place, part, fit_owners, latest);
    }

    /// Nobody who could have the addresses lets them be nobody's for longer than the protocol's bound.
    fn judge_gap(&self, place: usize, part: u8, since: Instant) {
        let bound = self.bound();
        for node in self.nodes.iter().filter(|node| node.part == part && node.is_fit(place)) {
            let waited = self.now.saturating_duration_since(since.max(node.fit_since));
            assert!(waited <= bound, "world {}: nobody's for {waited:?} of {bound:?}", self.seed);
        }
    }

    /// Two who hear each other are not both master for longer than it takes to hear and answer.
    fn judge_rivals(&mut self, place: usize, part: u8, owners: u8, latest: Option<Instant>) {
        let shared = &mut self.watch.shared[place][usize::from(part)];
        if owners.count_ones() < 2 {
            *shared = None;
            return;
        }
        let since = match *shared {
            Some((who, since)) if who == owners => since,
            _ => self.now,
        };
        *shared = Some((owners, since));
        let Some(latest) = latest else { return };
        let bound = self.pace * 2 + self.watch.worst_delay * 2;
        let lasted = self.now.saturating_duration_since(since.max(latest));
        assert!(lasted <= bound, "world {}: two masters for {lasted:?} of {bound:?}", self.seed);
    }

    /// After it has settled, every part has one master: its highest, or one that the highest are patient with; never one
    /// that cannot serve where another can.
    pub fn judge(&self) {
        for place in 0..self.nodes[0].instances.len() {
            for part in 0..PARTS {
                self.judge_settled(place, part);
            }
        }
    }

    fn judge_settled(&self, place: usize, part: u8) {
        let members: Vec<_> = self.nodes.iter().filter(|node| node.part == part).collect();
        let owners: Vec<_> = members.iter().filter(|node| node.is_owner(place)).collect();
        let holders = members.iter().filter(|node| !node.instances[place].held.is_empty()).count();
        let wanted = usize::from(!members.is_empty());
        assert_eq!((owners.len(), holders), (wanted, wanted), "world {}: masters and holders", self.seed);
        let Some(owner) = owners.first() else { return };
        let able = members.iter().any(|node| node.condition.ability == Ability::Able);
        let serves = owner.condition.ability != Ability::Unable;
        assert!(!able || serves, "world {}: the master cannot serve, another could", self.seed);
        let impatient = members.iter().filter(|node| !node.instances[place].machine.router().nopreempt);
        let highest = impatient.map(|node| node.instances[place].machine.priority()).max();
        let priority = owner.instances[place].machine.priority();
        assert!(Some(priority) >= highest, "world {}: {priority} is master, {highest:?} is there", self.seed);
    }
}
