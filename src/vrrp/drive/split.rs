//! Two masters at once, as far as it can be heard: while this one is master, adverts of its own virtual router come that
//! do not count. It is said once why, everybody may know it, and hosts are told the place again once it has ended.

use std::net::IpAddr;
use std::time::Instant;

use tracing::info;

use super::Speaker;
use crate::bus::{Cause, Subject, Verdict};
use crate::vrrp::wire::accept::Reject;

/// Somebody else who is master of the same virtual router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival {
    source: IpAddr,
    /// When it was heard last.
    at: Instant,
}

impl Speaker {
    /// An advert of an instance's number does not count.
    pub(super) fn resent(&mut self, place: usize, reject: &Reject) {
        if self.verdict(place) != Some(Verdict::Master) {
            return;
        }
        let Some(instance) = self.instances.get_mut(place) else { return };
        let (source, at) = (reject.source, Instant::now());
        let known = instance.rival.replace(Rival { source, at });
        if known.is_some_and(|known| known.source == source) {
            return;
        }
        let name = instance.machine.router().name.clone();
        info!("({name}) split brain: {source} is master too, and its adverts do not count: {reject}");
        let cause = Cause { text: format!("{source} is master too: {reject}"), ..Cause::kind("split-brain") };
        self.facts.say(Subject::Rival(name), Verdict::Up, cause);
    }

    /// Whether a rival has not been heard for as long as a backup would wait.
    pub(super) fn forget_rivals(&mut self) {
        for place in 0..self.instances.len() {
            let Some(instance) = self.instances.get_mut(place) else { continue };
            let patience = instance.machine.down_time();
            if instance.rival.take_if(|rival| rival.at.elapsed() > patience).is_none() {
                continue;
            }
            let (router, addresses) = (instance.machine.router(), instance.machine.addresses().clone());
            let (name, repeat) = (router.name.clone(), router.garp_repeat);
            info!("({name}) split brain has ended");
            self.facts.say(Subject::Rival(name), Verdict::Deleted, Cause::kind("split-brain"));
            if self.verdict(place) == Some(Verdict::Master) {
                self.announce(place, &addresses, repeat);
            }
        }
    }
}
