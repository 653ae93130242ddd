//! A seeded world: two to five machines on a network that loses, delays and parts. After it has settled, every part of
//! it has one master: its highest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;

use super::io::Legacy;
use super::tests::article;
use super::*;

/// Xorshift: the same seed, the same world.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// An advert under way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Letter {
    at: Instant,
    to: usize,
    from: usize,
    priority: u8,
}

struct Node {
    machine: Machine,
    /// Which part of a parted network it is in.
    part: u8,
    holds: bool,
    ability: Ability,
}

struct World {
    chance: Chance,
    now: Instant,
    nodes: Vec<Node>,
    letters: BinaryHeap<Reverse<Letter>>,
    /// Of a hundred.
    loss: u64,
}

fn address(node: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, node as u8 + 1))
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed * 0x9e37_79b9 + 1);
        let count = 2 + chance.below(4) as usize;
        let version = 2 + chance.below(2) as u8;
        let priorities: Vec<u8> = (0..count).map(|_| 50 + 50 * chance.below(4) as u8).collect();
        World::of(chance, priorities.iter().map(|priority| Router { version, ..article(*priority) }).collect())
    }

    /// Some of them are patient with lower masters, for a while or for ever.
    fn patient(seed: u64) -> Self {
        let mut world = World::new(seed);
        let mut routers: Vec<Router> = world.nodes.iter().map(|node| node.machine.router().clone()).collect();
        for router in &mut routers {
            router.nopreempt = world.chance.below(2) == 0;
            router.preempt_delay = Duration::from_secs(world.chance.below(2) * 300);
        }
        World::of(world.chance, routers)
    }

    fn of(chance: Chance, routers: Vec<Router>) -> Self {
        let count = routers.len();
        let nodes = routers
            .into_iter()
            .map(|router| Node { machine: Machine::new(router), part: 0, holds: false, ability: Ability::Able })
            .collect();
        let mut world = World { chance, now: Instant::now(), nodes, letters: BinaryHeap::new(), loss: 0 };
        for node in 0..count {
            world.tell(node, Input::Source(Some(address(node))));
            world.tell(node, Input::Start { delay: Duration::ZERO, legacy: Legacy::None, late: false });
        }
        world
    }

    fn tell(&mut self, node: usize, input: Input) {
        let mut out = Vec::new();
        self.nodes[node].machine.handle(self.now, input, &mut out);
        for effect in out {
            match effect {
                Effect::Advert(priority) => self.send(node, priority),
                Effect::Add(_) => self.nodes[node].holds = true,
                Effect::Remove(_) => self.nodes[node].holds = false,
                _ => {}
            }
        }
    }

    fn send(&mut self, from: usize, priority: u8) {
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            if self.nodes[to].part == self.nodes[from].part && self.chance.below(100) >= self.loss {
                let at = self.now + Duration::from_micros(self.chance.below(30_000));
                self.letters.push(Reverse(Letter { at, to, from, priority }));
            }
        }
    }

    /// The next thing that happens, if it does before `end`.
    fn step(&mut self, end: Instant) -> bool {
        let letter = self.letters.peek().map(|Reverse(letter)| letter.at);
        let due = (0..self.nodes.len()).filter_map(|node| Some((self.nodes[node].machine.deadline()?, node))).min();
        match (letter, due) {
            (Some(at), due) if at <= end && due.is_none_or(|(due, _)| at <= due) => self.deliver(),
            (_, Some((due, node))) if due <= end => {
                self.now = self.now.max(due);
                self.tell(node, Input::Tick);
            }
            _ => return false,
        }
        true
    }

    fn deliver(&mut self) {
        if let Some(Reverse(Letter { at, to, from, priority })) = self.letters.pop() {
            self.now = self.now.max(at);
            let interval = Duration::from_secs(1);
            self.tell(
                to,
                Input::Heard(Heard { source: address(from), priority, interval, sequence: None, oddity: None }),
            );
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Something bad.
    fn trouble(&mut self) {
        let node = self.chance.below(self.nodes.len() as u64) as usize;
        match self.chance.below(6) {
            0 => self.loss = self.chance.below(60),
            1 => self.nodes[node].part ^= 1,
            2 => {
                let fault = self.chance.below(2) == 0;
                self.tell(node, Input::Condition(Condition { fault, ..Condition::default() }));
            }
            3 => self.tell(node, Input::AddressLost),
            4 => {
                self.nodes[node].ability = if self.chance.below(2) == 0 { Ability::Able } else { Ability::Unable };
                let ability = self.nodes[node].ability;
                self.tell(node, Input::Condition(Condition { ability, ..Condition::default() }));
            }
            _ => {
                // It dies silently, its addresses with it, and begins anew.
                let router = self.nodes[node].machine.router().clone();
                self.nodes[node].machine = Machine::new(router);
                self.nodes[node].holds = false;
                self.tell(node, Input::Source(Some(address(node))));
                self.tell(node, Input::Start { delay: Duration::ZERO, legacy: Legacy::None, late: false });
            }
        }
        let pause = Duration::from_millis(self.chance.below(6_000));
        self.pass(pause);
    }

    /// Nothing bad any more, but that the network stays parted, and who cannot serve still cannot.
    fn calm(&mut self) {
        self.loss = 0;
        for node in 0..self.nodes.len() {
            let ability = self.nodes[node].ability;
            self.tell(node, Input::Condition(Condition { ability, ..Condition::default() }));
        }
        self.pass(Duration::from_secs(15));
    }

    fn judge(&self, seed: u64) {
        for part in 0..2 {
            let members: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].part == part).collect();
            let holders: Vec<usize> = members.iter().copied().filter(|node| self.nodes[*node].holds).collect();
            let masters = members.iter().filter(|node| self.nodes[**node].machine.verdict() == Some(Verdict::Master));
            assert_eq!(masters.count(), usize::from(!members.is_empty()), "world {seed}");
            assert_eq!(holders.len(), usize::from(!members.is_empty()), "world {seed}");
            let highest = members.iter().map(|node| self.nodes[*node].machine.priority()).max();
            let holder = holders.first().map(|node| self.nodes[*node].machine.priority());
            assert_eq!(holder, highest, "world {seed}");
        }
    }
}

#[test]
fn every_part_of_a_settled_network_has_one_master() {
    for seed in 1..400 {
        let mut world = World::new(seed);
        for _ in 0..world.chance.below(12) {
            world.trouble();
        }
        world.calm();
        world.judge(seed);
        world.nodes.iter_mut().for_each(|node| node.part = 0);
        world.calm();
        world.judge(seed);
    }
}

/// Whatever the patience with lower masters: who cannot serve has no addresses where somebody can.
#[test]
fn nobody_waits_for_a_master_that_cannot_serve() {
    for seed in 1..400 {
        let mut world = World::patient(seed);
        for _ in 0..world.chance.below(12) {
            world.trouble();
        }
        world.nodes.iter_mut().for_each(|node| node.part = 0);
        world.calm();
        let holders: Vec<&Node> = world.nodes.iter().filter(|node| node.holds).collect();
        assert_eq!(holders.len(), 1, "world {seed}");
        let able = world.nodes.iter().any(|node| node.ability == Ability::Able);
        assert!(!able || holders[0].ability == Ability::Able, "world {seed}");
    }
}

#[test]
fn a_planned_stop_moves_the_addresses_in_one_skew() {
    for seed in 1..50 {
        let mut world = World::new(seed);
        world.calm();
        let master = (0..world.nodes.len()).find(|node| world.nodes[*node].holds).expect("settled");
        world.tell(master, Input::Stop { deleted: false });
        world.pass(Duration::from_millis(1_100));
        assert!(world.nodes.iter().any(|node| node.holds), "world {seed}");
    }
}
