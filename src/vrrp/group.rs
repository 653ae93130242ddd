//! `vrrp_sync_group`: what happens to one member happens to all. Pure. (A fault reaches all members by their conditions,
//! see [`track`](super::track).)

use super::machine::io::Input;
use crate::bus::{Verdict, cause};

/// A sync group, its members given by their places among the instances.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: Vec<usize>,
    /// Where it is going, as last logged.
    heading: Option<Verdict>,
    /// What all of it is.
    verdict: Option<Verdict>,
}

/// What a group wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// A line of the log.
    Say(String),
    /// This member goes this way.
    Follow(usize, Verdict),
    /// All of it is so now.
    Became(Verdict),
}

impl Group {
    /// A group that knows nothing of its members yet.
    pub fn new(name: String, members: Vec<usize>) -> Self {
        Group { name, members, heading: None, verdict: None }
    }

    /// Whether a member that would be master may: once all others would be too.
    pub fn is_ready(&self, is_ready: impl Fn(usize) -> bool) -> bool {
        self.members.iter().all(|other| is_ready(*other))
    }

    /// A member became something: the others follow, and the group is what all its members are.
    pub fn became(
        &mut self,
        member: usize,
        verdict: Verdict,
        why: &str,
        verdict_of: impl Fn(usize) -> Option<Verdict>,
    ) -> Vec<Order> {
        let mut orders = Vec::new();
        let all = self.members.iter().all(|other| verdict_of(*other) == Some(verdict));
        if leads(verdict, why) && self.heading != Some(verdict) && self.members.len() > 1 {
            self.heading = Some(verdict);
            orders.push(Order::Say(format!("VRRP_Group({}) Syncing instances to {} state", self.name, word(verdict))));
        }
        if leads(verdict, why) && verdict != Verdict::Fault {
            let others = self.members.iter().filter(|other| **other != member);
            let differing = others.filter(|other| verdict_of(**other) != Some(verdict));
            orders.extend(differing.map(|other| Order::Follow(*other, verdict)));
        }
        if all && self.verdict != Some(verdict) {
            self.heading = Some(verdict);
            self.verdict = Some(verdict);
            orders.push(Order::Became(verdict));
        }
        orders
    }

    /// What the group is.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }
}

/// Going the group's way; each member's peer is let in at once where this box cannot serve.
pub fn follow(verdict: Verdict, cause: &str) -> Input {
    Input::Follow { verdict, goodbye: cause == cause::UNABLE, leads: false }
}

/// The member whose readiness completes the group's is master, and the others follow it.
pub fn lead() -> Input {
    Input::Follow { verdict: Verdict::Master, goodbye: false, leads: true }
}

/// Whether keepalived logs that the others are taken along.
fn leads(verdict: Verdict, why: &str) -> bool {
    matches!(verdict, Verdict::Master | Verdict::Backup | Verdict::Fault) && why != cause::GROUP && why != cause::START
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Master => "MASTER",
        Verdict::Backup => "BACKUP",
        _ => "FAULT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Backup, Fault, Master};

    fn group() -> Group {
        Group::new("G1".to_owned(), vec![0, 1])
    }

    fn say(word: &str) -> Order {
        Order::Say(format!("VRRP_Group(G1) Syncing instances to {word} state"))
    }

    #[test]
    fn nobody_is_master_before_all_can_be() {
        assert!(!group().is_ready(|member| member == 0));
        assert!(group().is_ready(|_| true));
    }

    #[test]
    fn all_follow_the_first() {
        let mut group = group();
        let states = [Some(Master), Some(Backup)];
        let orders = group.became(0, Master, cause::TIMEOUT, |member| states[member]);
        assert_eq!(orders, [say("MASTER"), Order::Follow(1, Master)]);
        let orders = group.became(1, Master, cause::GROUP, |_| Some(Master));
        assert_eq!(orders, [Order::Became(Master)]);
        assert_eq!(group.verdict(), Some(Master));
    }

    #[test]
    fn a_fault_of_all_is_said_once() {
        let mut group = group();
        let states = [Some(Fault), Some(Master)];
        let orders = group.became(0, Fault, "link", |member| states[member]);
        assert_eq!(orders, [say("FAULT")]);
        assert_eq!(group.became(1, Fault, "link", |_| Some(Fault)), [Order::Became(Fault)]);
    }

    #[test]
    fn the_start_of_one_moves_no_other() {
        let mut group = group();
        let states = [Some(Backup), None];
        assert_eq!(group.became(0, Backup, cause::START, |member| states[member]), []);
        assert_eq!(group.became(1, Backup, cause::START, |_| Some(Backup)), [Order::Became(Backup)]);
    }

    #[test]
    fn a_stop_is_the_group_s_once_all_have_stopped() {
        let mut group = group();
        let states = [Some(Verdict::Stopped), Some(Master)];
        let orders = group.became(0, Verdict::Stopped, cause::STOP, |member| states[member]);
        assert_eq!(orders, []);
        let orders = group.became(1, Verdict::Stopped, cause::STOP, |_| Some(Verdict::Stopped));
        assert_eq!(orders, [Order::Became(Verdict::Stopped)]);
    }
}
