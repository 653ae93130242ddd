//! What may happen to boxes and the network between them.

use std::time::Duration;

use super::World;
use super::judge::PARTS;
use super::node::addresses;
use crate::bus::Verdict;
use crate::vrrp::ability::Ability;
use crate::vrrp::machine::OWNER;
use crate::vrrp::machine::io::{Effect, Input, Legacy};

impl World {
    /// One thing that goes wrong, or right again.
    pub fn trouble(&mut self) {
        let node = self.chance.below(self.nodes.len() as u64) as usize;
        let absent = self.nodes[node].gone_until.is_some() || self.nodes[node].paused_until.is_some();
        let kind = self.chance.below(14);
        self.tale(|| format!("trouble {kind} for box {node}"));
        match kind {
            0 | 1 => self.change_weather(),
            2 => {
                let part = self.chance.below(u64::from(PARTS)) as u8;
                self.move_to(node, part);
            }
            _ if absent => {}
            3 => {
                let fault = self.chance.flip();
                self.set_fault(node, fault);
            }
            4 => self.lose_address(node),
            5 => self.change_ability(node),
            6 => self.die(node, true),
            7 => self.die(node, false),
            8 => self.respawn(node),
            9 => {
                let pause = self.chance.within(self.pace * 8);
                self.nodes[node].paused_until = Some(self.now + pause);
            }
            10 => {
                let jump = self.chance.within(self.pace * 10);
                self.nodes[node].ahead += jump;
            }
            11 => self.reload(node),
            12 => self.reload_same(node),
            _ => self.stop(node),
        }
        self.observe();
    }

    fn change_weather(&mut self) {
        let delay = self.chance.of(&[self.pace / 33, self.pace / 3, self.pace * 9 / 10]);
        self.weather.loss = self.chance.of(&[0, 5, 30, 60, 100]);
        self.weather.doubled = self.chance.of(&[0, 20, 50]);
        self.weather.delay = delay;
        self.watch.worst_delay = self.watch.worst_delay.max(delay);
        self.watch.lossless_since = (self.weather.loss == 0).then_some(self.now);
    }

    pub fn move_to(&mut self, node: usize, part: u8) {
        if self.nodes[node].part != part {
            self.nodes[node].part = part;
            self.nodes[node].fit_since = self.now;
        }
    }

    pub fn set_fault(&mut self, node: usize, fault: bool) {
        if self.nodes[node].condition.fault != fault {
            self.nodes[node].condition.fault = fault;
            self.nodes[node].fit_since = self.now;
        }
        self.tell_condition(node);
    }

    fn tell_condition(&mut self, node: usize) {
        let condition = self.nodes[node].condition;
        for place in 0..self.nodes[node].instances.len() {
            self.tell(node, place, Input::Condition(condition));
        }
    }

    fn lose_address(&mut self, node: usize) {
        let place = self.chance.below(self.nodes[node].instances.len() as u64) as usize;
        let instance = &mut self.nodes[node].instances[place];
        if instance.machine.verdict() == Some(Verdict::Master) && instance.held.pop().is_some() {
            self.tell(node, place, Input::AddressLost);
        }
    }

    fn change_ability(&mut self, node: usize) {
        self.nodes[node].condition.ability = self.chance.of(&[Ability::Unknown, Ability::Able, Ability::Unable]);
        self.nodes[node].fit_since = self.now;
        self.tell_condition(node);
    }

    /// It dies without a word: the box, its addresses with it, or the process only.
    fn die(&mut self, node: usize, box_too: bool) {
        let away = self.chance.within(self.pace * 12);
        let it = &mut self.nodes[node];
        it.gone_until = Some(self.now + away);
        if box_too {
            it.instances.iter_mut().for_each(|instance| instance.held.clear());
        }
    }

    /// The process dies and is started anew by its parent, as what it was; or, having died again, to let others in.
    fn respawn(&mut self, node: usize) {
        let resign = self.chance.below(3) == 0;
        let legacies: Vec<Legacy> = (0..self.nodes[node].instances.len())
            .map(|place| match (self.nodes[node].is_owner(place), resign) {
                (false, _) => Legacy::None,
                (true, true) => Legacy::Resign,
                (true, false) => Legacy::TakeUp,
            })
            .collect();
        self.nodes[node].reborn();
        let condition = self.nodes[node].condition;
        self.nodes[node].fit_since = self.now;
        for (place, legacy) in legacies.into_iter().enumerate() {
            self.tell(node, place, Input::Source(Some(super::address(node))));
            self.tell(node, place, Input::Condition(condition));
            self.tell(node, place, Input::Start { delay: Duration::ZERO, legacy, late: false });
        }
    }

    /// Another file: addresses, priorities, patience.
    fn reload(&mut self, node: usize) {
        let priority = 50 + 50 * self.chance.below(4) as u8;
        for place in 0..self.nodes[node].instances.len() {
            let mut router = self.nodes[node].instances[place].router.clone();
            if router.priority != OWNER && self.chance.flip() | router.group.is_some() {
                router.priority = priority;
            }
            if self.chance.flip() {
                router.addresses = addresses(place, 1 + self.chance.below(4));
            }
            if self.version == 3 && self.chance.flip() {
                router.advert_interval = self.pace / (1 + self.chance.below(3) as u32);
            }
            router.down_timer_adverts = 3 + self.chance.below(2) as u8;
            self.nodes[node].instances[place].router = router.clone();
            self.tell(node, place, Input::Reconfigure(Box::new(router)));
        }
        self.nodes[node].fit_since = self.now;
    }

    /// The same file again has no effect.
    fn reload_same(&mut self, node: usize) {
        let now = self.now + self.nodes[node].ahead;
        for instance in &mut self.nodes[node].instances {
            let same = Box::new(instance.machine.router().clone());
            let deadline = instance.machine.deadline();
            let mut effects: Vec<Effect> = Vec::new();
            instance.machine.handle(now, Input::Reconfigure(same), &mut effects);
            assert_eq!(effects, [], "world {}: the same file again", self.seed);
            assert_eq!(instance.machine.deadline(), deadline, "world {}: the same file again", self.seed);
        }
    }

    /// A planned stop; it is started again after a while.
    fn stop(&mut self, node: usize) {
        for place in 0..self.nodes[node].instances.len() {
            self.tell(node, place, Input::Stop { deleted: false });
        }
        self.die(node, false);
    }
}
