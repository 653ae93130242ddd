//! A new configuration in place of the old one: only what differs has an effect, the same file again has none.

use std::time::Instant;

use rkeep_parsers::ir::vrrp::{Router, VirtualAddress};

use super::io::{Addresses, Effect};
use super::note::Note;
use super::{Machine, State, addresses, extra};

impl Machine {
    pub(super) fn reconfigure(&mut self, now: Instant, router: Router, out: &mut Vec<Effect>) {
        if router == self.router {
            return;
        }
        let old = std::mem::replace(&mut self.router, router);
        if old.advert_interval != self.router.advert_interval {
            self.interval = self.router.advert_interval;
        }
        self.set_priority(out);
        self.change_addresses(now, &old, out);
        let (down_time, interval, refresh) = (self.down_time(), self.interval, self.router.garp_refresh);
        self.extra = extra(&self.router);
        let extra_garp = self.router.speech.extra_garp;
        let patience = |router: &Router| (router.advert_interval, router.down_timer_adverts, router.version);
        match &mut self.state {
            State::Backup(backup) if patience(&old) != patience(&self.router) => backup.down_at = now + down_time,
            State::Master(master) => {
                master.hasten(now, interval);
                if old.garp_refresh != refresh {
                    master.refresh(now, refresh);
                }
                if old.speech.extra_garp != extra_garp {
                    master.repeat_extra(now, extra_garp);
                }
            }
            _ => {}
        }
    }

    /// A master advertises the new addresses before it moves them.
    fn change_addresses(&mut self, now: Instant, old: &Router, out: &mut Vec<Effect>) {
        let before = std::mem::replace(&mut self.addresses, addresses(&self.router));
        if !matches!(self.state, State::Master(_)) {
            return;
        }
        if advertised(old) != advertised(&self.router) {
            self.advertise_now(now, out);
        }
        let moved = old.paths != self.router.paths;
        if moved {
            self.lead(&old.paths, false, out);
        }
        let gone = without(&before, &self.addresses);
        let new = without(&self.addresses, &before);
        if !gone.is_empty() {
            out.extend(gone.iter().map(|address| Effect::Say(self.gone_note(address))));
            out.push(Effect::Remove(gone));
        }
        if !new.is_empty() {
            out.extend([Effect::Say(Note::Setting), Effect::Add(new.clone())]);
            if self.router.garp_repeat > 0 {
                out.push(Effect::Announce(new, self.router.garp_repeat));
            }
        }
        if moved {
            self.lead(&self.router.paths, true, out);
        }
    }

    fn gone_note(&self, address: &VirtualAddress) -> Note {
        let device = address.device.as_ref().unwrap_or(&self.router.interface).clone();
        Note::AddressGone { address: address.address, prefix: address.prefix, device }
    }
}

/// What peers see of an instance.
fn advertised(router: &Router) -> impl PartialEq + '_ {
    (router.version, router.priority, router.advert_interval, &router.auth, &router.addresses)
}

/// What is in `these` and not in `those`.
fn without(these: &Addresses, those: &Addresses) -> Addresses {
    these.iter().filter(|address| !those.contains(address)).cloned().collect()
}
