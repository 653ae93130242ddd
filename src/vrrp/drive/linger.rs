//! `interface_up_down_delays`: an interface that goes up or down counts as changed once it has stayed so.

use std::time::{Duration, Instant};

use super::Speaker;
use crate::vrrp::links::Change;

/// A change that does not count yet.
#[derive(Debug)]
pub(super) struct Lingering {
    at: Instant,
    change: Change,
}

impl Speaker {
    /// Takes a change that must last first. Returns one that counts at once.
    pub(super) fn linger(&mut self, change: Change) -> Option<Change> {
        let Change::Link { index, up, .. } = &change else { return Some(change) };
        let (index, up) = (*index, *up);
        // What comes later is what it is now.
        let waited = self.lingering.iter().position(|waiting| waiting.of() == Some(index));
        let waited = waited.map(|place| self.lingering.swap_remove(place).at);
        let Some(link) = self.links.get(index).filter(|link| link.up != up) else { return Some(change) };
        let delay = self.delay(&link.name, up);
        if delay.is_zero() {
            return Some(change);
        }
        let at = waited.unwrap_or_else(|| Instant::now() + delay);
        self.lingering.push(Lingering { at, change });
        None
    }

    fn delay(&self, interface: &str, up: bool) -> Duration {
        let lines = &self.plan.global.link_delays;
        let line = lines.iter().find(|line| line.interface == interface);
        line.map_or(Duration::ZERO, |line| Duration::from_micros(if up { line.up } else { line.down }))
    }

    pub(super) fn lingers_until(&self) -> Option<Instant> {
        self.lingering.iter().map(|waiting| waiting.at).min()
    }

    /// The changes that have lasted.
    pub(super) fn lasted(&mut self) -> Vec<Change> {
        let now = Instant::now();
        self.lingering.extract_if(.., |waiting| waiting.at <= now).map(|waiting| waiting.change).collect()
    }
}

impl Lingering {
    fn of(&self) -> Option<u32> {
        match self.change {
            Change::Link { index, .. } => Some(index),
            _ => None,
        }
    }
}
