//! A box: its virtual routers, the addresses that its kernel has, and how it fares.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::Id;
use rkeep_parsers::ir::vrrp::{InitialState, Router, VirtualAddress};

use super::chance::Chance;
use super::{Letter, virtual_addresses};
use crate::bus::Verdict;
use crate::vrrp::group::{Group, Order};
use crate::vrrp::machine::io::{Addresses, Condition};
use crate::vrrp::machine::tests::{article, virtual_address_of};
use crate::vrrp::machine::{Machine, OWNER};

/// Where a box's adverts come from.
pub fn address(node: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, node as u8 + 1])
}

/// What the boxes of a world have in common.
pub struct Plan {
    version: u8,
    interval: Duration,
    /// Virtual routers a box.
    places: usize,
    pub grouped: bool,
    addresses: u64,
    /// Some are patient with lower masters.
    patient: bool,
    /// The first box owns the addresses.
    owner: bool,
}

impl Plan {
    pub fn by(chance: &mut Chance, version: u8) -> Self {
        let paces = if version == 2 { &[1_000, 2_000, 3_000][..] } else { &[10, 100, 1_000, 2_500] };
        let places = 1 + chance.below(2) as usize;
        Plan {
            version,
            interval: Duration::from_millis(chance.of(paces)),
            places,
            grouped: places > 1 && chance.flip(),
            addresses: 1 + chance.below(3),
            patient: chance.below(3) == 0,
            owner: chance.below(5) == 0,
        }
    }

    /// The virtual routers of a box. In a group all have its priority: otherwise two boxes would give way to each other
    /// for ever.
    pub fn routers(&self, node: usize, chance: &mut Chance) -> Vec<Router> {
        let usual = 50 + 50 * chance.below(4) as u8;
        let priority = if self.owner && node == 0 { OWNER } else { usual };
        let advert_interval = self.interval * if self.version == 3 { 1 + chance.below(2) as u32 } else { 1 };
        let base = Router {
            version: self.version,
            initial: if chance.flip() { InitialState::Master } else { InitialState::Backup },
            advert_interval,
            down_timer_adverts: 3 + chance.below(2) as u8,
            nopreempt: self.patient && chance.flip(),
            preempt_delay: self.interval * if self.patient { chance.below(2) as u32 * 10 } else { 0 },
            lower_prio_no_advert: chance.below(4) == 0,
            higher_prio_send_advert: chance.below(4) == 0,
            group: self.grouped.then(|| Id::new(0)),
            ..article(priority)
        };
        let router = |place: usize| Router {
            name: format!("VI_{place}"),
            vrid: 51 + place as u8,
            addresses: addresses(place, self.addresses),
            priority: if self.grouped || priority == OWNER { priority } else { 50 + 50 * chance.below(4) as u8 },
            ..base.clone()
        };
        (0..self.places).map(router).collect()
    }
}

/// The addresses of a virtual router as a file lists them.
pub fn addresses(place: usize, count: u64) -> Vec<VirtualAddress> {
    virtual_addresses(place, count).into_iter().map(virtual_address_of).collect()
}

/// One virtual router on a box.
pub struct Instance {
    pub machine: Machine,
    /// What the file says.
    pub router: Router,
    /// Addresses the kernel has.
    pub held: Vec<IpAddr>,
}

impl Instance {
    fn new(router: Router) -> Self {
        Instance { machine: Machine::new(router.clone()), router, held: Vec::new() }
    }

    pub fn add(&mut self, addresses: &Addresses) {
        for address in addresses.iter().map(|it| it.address) {
            if !self.held.contains(&address) {
                self.held.push(address);
            }
        }
    }

    pub fn remove(&mut self, addresses: &Addresses) {
        self.held.retain(|held| !addresses.iter().any(|it| it.address == *held));
    }
}

pub struct Node {
    pub instances: Vec<Instance>,
    group: Option<Group>,
    /// Which part of a parted network it is in.
    pub part: u8,
    /// What its clock has jumped by.
    pub ahead: Duration,
    /// It is dead until then.
    pub gone_until: Option<Instant>,
    /// It is kept from running until then.
    pub paused_until: Option<Instant>,
    /// What waits on its sockets.
    pub inbox: Vec<Letter>,
    pub condition: Condition,
    /// Since when nothing but the protocol keeps it from being master.
    pub fit_since: Instant,
}

impl Node {
    pub fn new(routers: Vec<Router>, grouped: bool, now: Instant) -> Self {
        let members = (0..routers.len()).collect();
        Node {
            instances: routers.into_iter().map(Instance::new).collect(),
            group: grouped.then(|| Group::new("VG".to_owned(), members)),
            part: 0,
            ahead: Duration::ZERO,
            gone_until: None,
            paused_until: None,
            inbox: Vec::new(),
            condition: Condition::default(),
            fit_since: now,
        }
    }

    /// The process is another one; what the kernel has stays.
    pub fn reborn(&mut self) {
        self.inbox.clear();
        for instance in &mut self.instances {
            instance.machine = Machine::new(instance.router.clone());
        }
        let members: Vec<usize> = (0..self.instances.len()).collect();
        self.group = self.group.take().map(|group| Group::new(group.name, members));
    }

    /// When a machine of it must be told the time, by the world's clock.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let first = self.instances.iter().filter_map(|instance| instance.machine.deadline()).min()?;
        Some(first.checked_sub(self.ahead).unwrap_or(now))
    }

    /// Whether a member that is ready may be master.
    pub fn may_lead(&self) -> bool {
        let is_ready = |member: usize| self.instances[member].machine.is_ready();
        self.group.as_ref().is_none_or(|group| group.is_ready(is_ready))
    }

    pub fn became(&mut self, place: usize, verdict: Verdict, cause: &str) -> Vec<Order> {
        let verdicts: Vec<_> = self.instances.iter().map(|instance| instance.machine.verdict()).collect();
        let group = self.group.as_mut();
        group.map(|group| group.became(place, verdict, cause, |member| verdicts[member])).unwrap_or_default()
    }

    /// Whether it has the addresses of a virtual router, by its own doing.
    pub fn is_owner(&self, place: usize) -> bool {
        self.gone_until.is_none() && self.instances[place].machine.verdict() == Some(Verdict::Master)
    }

    /// Whether nothing but the protocol keeps it from being master.
    pub fn is_fit(&self, place: usize) -> bool {
        let takes_part = matches!(self.instances[place].machine.verdict(), Some(Verdict::Backup | Verdict::Master));
        self.gone_until.is_none() && self.paused_until.is_none() && takes_part
    }
}
