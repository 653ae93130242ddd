//! What a machine is told and what it wants done.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rkeep_parsers::ir::route::Paths;
use rkeep_parsers::ir::vrrp::{Router, VirtualAddress};

use super::note::Note;
use crate::bus::Verdict;
use crate::plan::VrrpLegacy;
use crate::vrrp::ability::Ability;
use crate::vrrp::wire::accept::Heard;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Begin.
    Start {
        /// `vrrp_startup_delay`.
        delay: Duration,
        /// What a process before us has left.
        legacy: Legacy,
        /// It had to wait for its scripts.
        late: bool,
    },
    /// End: say good-bye and remove the addresses if master.
    Stop {
        /// A reload took the instance away.
        deleted: bool,
    },
    /// A sound advert came.
    Heard(Heard),
    /// The deadline came.
    Tick,
    /// What is tracked changed, or the interface did.
    Condition(Condition),
    /// The interface's own address, which adverts come from.
    Source(Option<IpAddr>),
    /// Somebody removed a virtual address of a master.
    AddressLost,
    /// The configuration was read again.
    Reconfigure(Box<Router>),
    /// The sync group goes this way.
    Follow {
        /// Which way.
        verdict: Verdict,
        /// A peer shall take over at once.
        goodbye: bool,
        /// It is this member whose time has come, and the others follow it.
        leads: bool,
    },
}

/// What a process that died has left to the one that takes its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legacy {
    /// Nothing.
    #[default]
    None,
    /// It was master: take up as master, the addresses are still set.
    TakeUp,
    /// It was master, and dies again and again: let a peer take over.
    Resign,
}

impl VrrpLegacy {
    /// What is left to the instance of that name.
    pub fn of(&self, name: &str) -> Legacy {
        let is_in = |names: &[String]| names.iter().any(|known| known == name);
        match (is_in(&self.take_up), is_in(&self.resign)) {
            (true, _) => Legacy::TakeUp,
            (_, true) => Legacy::Resign,
            _ => Legacy::None,
        }
    }
}

/// Whether the instance can take part, and at what priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Something it cannot do without is down.
    pub fault: bool,
    /// Something that may be a fault has not been looked at yet.
    pub waiting: bool,
    /// What tracking adds to its priority.
    pub weight: i32,
    /// Whether this box can serve what the addresses are for.
    pub ability: Ability,
}

/// Addresses an effect is about, in the order they are set.
pub type Addresses = Arc<[VirtualAddress]>;

/// Something to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Log it.
    Say(Note),
    /// Send an advert with this priority.
    Advert(u8),
    /// Set these addresses.
    Add(Addresses),
    /// Remove these addresses.
    Remove(Addresses),
    /// Set these routes and rules, or remove them.
    Lead(Arc<Paths>, bool),
    /// Send so many gratuitous ARPs for each.
    Announce(Addresses, u32),
    /// Of a member of a sync group: its time to be master has come, should the group agree.
    Ready,
    /// Tell everybody.
    Became {
        /// Master, Backup, Fault, Stopped or Deleted.
        verdict: Verdict,
        /// Why: a stable word.
        cause: &'static str,
    },
}
