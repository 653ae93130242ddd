//! `strict_mode`: nothing but what RFC 5798 knows, in the order in which keepalived says so.

use std::time::Duration;

use super::super::walk::Walk;
use super::RouterDraft;
use super::made::is_link_local;
use crate::ir::vrrp::{Auth, InitialState};

/// What an instance, or all, say of lower and higher masters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    /// `garp_lower_prio_repeat` of the instance, not zero.
    pub repeats: bool,
    /// `garp_lower_prio_delay` of the instance, not zero.
    pub delays: bool,
    /// `lower_prio_no_advert off`, of the instance or of all.
    pub adverts: bool,
    /// `higher_prio_send_advert` of the instance.
    pub answers: bool,
}

impl Walk<'_> {
    /// IPv6 takes version 3 unless the instance itself says 2, which strict mode does not let pass.
    pub(super) fn judge_family(&mut self, draft: &mut RouterDraft, name: &str) {
        if draft.router.addresses.first().is_none_or(|first| first.address.is_ipv4()) {
            return;
        }
        if draft.version_written && draft.router.version == 2 {
            if !draft.router.strict {
                return;
            }
            self.strictly(draft, format!("({name}) cannot use IPv6 with VRRP version 2; setting version 3"));
        }
        draft.router.version = 3;
    }

    /// The first of what strict mode does not let pass. Returns whether the instance can run.
    pub(super) fn judge_strict(&mut self, draft: &mut RouterDraft, name: &str) -> bool {
        let is_master = draft.router.initial == InitialState::Master;
        if is_master != (draft.router.priority == 255) && draft.state_written {
            draft.router.initial = InitialState::Backup;
            self.strictly(draft, format!("({name}) State MASTER must match being address owner"));
        }
        if draft.router.auth != Auth::None {
            draft.router.auth = Auth::None;
            self.strictly(draft, format!("({name}) Strict mode does not support authentication. Ignoring."));
        }
        if draft.router.unicast_peers.is_empty() || self.cx.is_old_keepalived() {
            return true;
        }
        self.strictly(draft, format!("({name}) Unicast peers are not supported in strict mode"));
        false
    }

    /// The addresses of strict mode.
    pub(super) fn judge_strict_addresses(&mut self, draft: &RouterDraft, name: &str) {
        let first = draft.router.addresses.first().map(|first| first.address);
        let multicast = draft.router.unicast_peers.is_empty();
        if multicast && draft.router.is_ipv6() && first.is_some_and(|first| !is_link_local(&first)) {
            self.strictly(draft, format!("({name}) the first IPv6 VIP address must be link local"));
        }
    }

    /// What strict mode has its own way of.
    pub(super) fn judge_strict_habits(&mut self, draft: &mut RouterDraft, name: &str) {
        let (habits, owner) = (draft.habits, draft.router.priority == 255);
        let router = &mut draft.router;
        let said = [
            (router.down_timer_adverts != 3, "down_timer_adverts is incompatible with strict mode - resetting"),
            (
                router.version == 2 && !router.speech.no_accept && !owner,
                "warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting",
            ),
            (habits.repeats, "Strict mode requires no repeat garps. resetting"),
            (habits.delays, "Strict mode requires no repeat garp delay. resetting"),
            (habits.adverts, "Strict mode requires no lower priority advert. resetting"),
            (habits.answers, "strict mode requires higher_prio_send_advert to be clear. resetting"),
        ];
        router.down_timer_adverts = 3;
        router.speech.no_accept |= router.version == 2;
        (router.garp_lower_prio_repeat, router.garp_lower_prio_delay) = (0, Duration::ZERO);
        (router.lower_prio_no_advert, router.higher_prio_send_advert) = (true, false);
        for (_, text) in said.into_iter().filter(|(wrong, _)| *wrong) {
            self.strictly(draft, format!("({name}) {text}"));
        }
    }

    pub(super) fn strictly(&mut self, draft: &RouterDraft, text: String) {
        self.conclude(Some(draft.spans.name), text, "RFC 5798 knows nothing else; or write no strict_mode");
    }
}
