//! Two masters at once: what of it shows in adverts is told to [`Conflict`]; it is said why, everybody may know it, and
//! hosts are told the place again once it has ended. What adverts do not show is the [`lookout`](super::lookout)'s.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::info;

use super::Speaker;
use super::effects::advertised;
use crate::bus::{Cause, Subject, Verdict};
use crate::vrrp::conflict::{Lists, Trouble};
use crate::vrrp::wire::accept::{self, Heard, Oddity, Reject};
use crate::vrrp::wire::packet::Packet;

/// A trouble does not end sooner after its last sign.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);

impl Speaker {
    /// An advert of an instance's number does not count.
    pub(super) fn resent(&mut self, place: usize, reject: &Reject, packet: &Packet<'_>) {
        if self.verdict(place) != Some(Verdict::Master) {
            return;
        }
        let Some(instance) = self.instances.get_mut(place) else { return };
        if !instance.conflict.looks(Instant::now()) {
            return;
        }
        let ours: Vec<IpAddr> = advertised(instance.machine.router()).collect();
        let lists = Lists::compare(&ours, &accept::listed(packet));
        self.trouble(place, Trouble::Rejected { reject: *reject, lists });
    }

    /// An advert counts; whether its sender is as it should be.
    pub(super) fn doubt(&mut self, place: usize, heard: &Heard, packet: &Packet<'_>) {
        let now = Instant::now();
        let Some(instance) = self.instances.get_mut(place) else { return };
        instance.heard_at = Some(now);
        let (source, priority) = (heard.source, heard.priority);
        if matches!(heard.oddity, Some(Oddity::Count { .. } | Oddity::Address { .. })) && instance.conflict.looks(now) {
            let router = instance.machine.router();
            let (vrid, ours) = (router.vrid, advertised(router).collect::<Vec<_>>());
            if let Some(lists) = Lists::compare(&ours, &accept::listed(packet)).filter(Lists::is_strange) {
                return self.trouble(place, Trouble::Stranger { source, vrid, lists });
            }
        }
        let machine = &instance.machine;
        let lower = priority != 0
            && machine.verdict() == Some(Verdict::Master)
            && (priority, Some(source)) < (machine.priority(), machine.source());
        let interval = machine.interval();
        if lower && instance.conflict.lower(now, source, interval) {
            self.trouble(place, Trouble::Stubborn { source, priority });
        }
    }

    /// There is a sign of trouble.
    pub(super) fn trouble(&mut self, place: usize, trouble: Trouble) {
        let Some(instance) = self.instances.get_mut(place) else { return };
        let text = trouble.to_string();
        if instance.conflict.note(Instant::now(), trouble) {
            let name = instance.machine.router().name.clone();
            info!("({name}) split brain: {text}");
            self.facts.say(Subject::Rival(name), Verdict::Up, Cause { text, ..Cause::kind("split-brain") });
        }
    }

    /// Whether there has been no sign of a trouble for as long as a backup would wait.
    pub(super) fn forget_troubles(&mut self) {
        for place in 0..self.instances.len() {
            let Some(instance) = self.instances.get_mut(place) else { continue };
            let patience = instance.machine.down_time().max(LEAST_PATIENCE);
            if !instance.conflict.ended(Instant::now(), patience) {
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
