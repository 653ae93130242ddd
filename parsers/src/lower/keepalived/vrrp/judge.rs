//! What of instances does not fit together, with keepalived's judgement.

use std::time::Duration;

use super::super::Mode;
use super::super::report::Found;
use super::super::walk::Walk;
use super::RouterDraft;
use crate::diag::Class;
use crate::ir::track::{Kind, Track};
use crate::ir::vrrp::{Auth, InitialState, Router};
use crate::source::Span;

/// How many seconds an interval may have in version 3: 12 bits of centiseconds.
const LONGEST_V3: Duration = Duration::from_millis(40_950);

impl Walk<'_> {
    /// What keepalived's VRRP process says once all is read.
    pub(in crate::lower::keepalived) fn judge_routers(&mut self) {
        let mut routers = std::mem::take(&mut self.draft.routers);
        if let Some(span) = self.interface_missing {
            let own = !matches!(self.report.mode(), Mode::Check { own: false });
            let text = "Non-existent interface specified in configuration";
            let class = if own { Class::BadInterface } else { Class::Remark };
            self.report.conclude(Some(span), Found::new(class, text, ""));
            if !matches!(self.report.mode(), Mode::Check { .. }) {
                self.draft.routers = routers;
                if matches!(self.report.mode(), Mode::Run(_)) {
                    self.report.stop();
                }
                return;
            }
        }
        self.judge_watchers();
        self.judge_scripts();
        let usable: Vec<bool> = routers.iter_mut().map(|router| self.usable(router)).collect();
        if usable.iter().all(|usable| *usable) {
            let run = routers.iter_mut().filter_map(|router| (!self.judge_router(router)).then_some(())).count() == 0;
            self.judge_vrids(&mut routers);
            if !run && matches!(self.report.mode(), Mode::Run(_)) {
                self.report.stop();
            }
        }
        self.draft.routers = routers;
        self.judge_groups();
    }

    pub(super) fn conclude(&mut self, span: Option<Span>, text: String, help: &str) {
        self.report.conclude(span, Found::new(Class::General, text, help));
    }

    /// Whether an instance has what it cannot run without.
    fn usable(&mut self, draft: &mut RouterDraft) -> bool {
        let (name, span) = (&draft.router.name, Some(draft.spans.name));
        draft.stands = false;
        if draft.refused_vrid && matches!(self.report.mode(), Mode::Check { .. }) {
            return false;
        }
        if !draft.has_vrid {
            let help = "write virtual_router_id N, 1 to 255, the same on both boxes";
            self.conclude(span, format!("({name}) the virtual router id must be set"), help);
            return false;
        }
        if draft.router.interface.is_empty() {
            if draft.interface_written {
                return true;
            }
            let help = "write interface NAME: the one the boxes share";
            self.conclude(span, format!("({name}) Unknown interface!"), help);
            return false;
        }
        draft.stands = true;
        true
    }

    /// Whether an instance can run; where it cannot, nothing more is said of it.
    fn judge_router(&mut self, draft: &mut RouterDraft) -> bool {
        let name = draft.router.name.clone();
        if draft.vrf {
            let text = format!("({name}) vrf can only be specified without interface - clearing");
            self.conclude(Some(draft.spans.name), text, "delete one of the two");
        }
        let required = draft.router.version == 3 || draft.router.strict;
        // 2.2 looks for them first, and no further where they must be.
        if self.cx.is_old_keepalived() && required && draft.router.addresses.is_empty() {
            self.no_address(draft, &name, required);
            draft.stands = false;
            return false;
        }
        self.judge_family(draft, &name);
        if draft.router.strict && !self.judge_strict(draft, &name) {
            draft.stands = false;
            return false;
        }
        self.judge_auth(draft, &name);
        self.judge_hmac(&mut draft.router, Some(draft.spans.name));
        if draft.unicast && draft.router.unicast_peers.is_empty() {
            let text = format!(
                "({name}) A unicast keyword has been specified without any unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration."
            );
            self.report.conclude(
                Some(draft.spans.name),
                Found::new(Class::General, text, "add unicast_peer { ADDRESS }, or write mcast_src_ip"),
            );
        }
        if draft.router.strict {
            self.judge_strict_addresses(draft, &name);
        }
        self.judge_preemption(draft, &name);
        if draft.router.strict {
            self.judge_strict_habits(draft, &name);
        }
        self.judge_interval(draft, &name);
        if draft.router.strict && draft.router.speech.xmit_base && draft.router.speech.vmac.is_some() {
            draft.router.speech.xmit_base = false;
            self.strictly(draft, format!("({name}) xmit_base is incompatible with strict mode - resetting"));
        }
        self.judge_tracks(draft, &name);
        if draft.router.speech.xmit_base && draft.router.speech.vmac.is_none() {
            draft.router.speech.xmit_base = false;
            let text = format!("({name}) vmac_xmit_base is only valid with a vmac");
            self.conclude(Some(draft.spans.name), text, "write use_vmac, or delete it");
        }
        if !draft.router.addresses.is_empty() || draft.addressless {
            return true;
        }
        self.no_address(draft, &name, required);
        true
    }

    fn no_address(&mut self, draft: &RouterDraft, name: &str, required: bool) {
        let least = if required { "required" } else { "sensible" };
        // 2.2 says what is only sensible twice.
        let times = if self.cx.is_old_keepalived() && !required { 2 } else { 1 };
        for _ in 0..times {
            let text = format!("({name}) No VIP specified; at least one is {least}");
            self.conclude(Some(draft.spans.name), text, "virtual_ipaddress { 192.168.3.253 }");
        }
    }

    fn judge_auth(&mut self, draft: &mut RouterDraft, name: &str) {
        let span = draft.spans.auth.or(Some(draft.spans.name));
        let owner = draft.router.priority == 255;
        if draft.authenticates && !draft.password {
            let text = format!("({name}) Authentication specified but no password given. Ignoring");
            self.conclude(span, text, "write auth_pass beside auth_type");
        } else if draft.router.version == 3 && draft.router.auth != Auth::None {
            draft.router.auth = Auth::None;
            let text = format!("({name}) VRRP version 3 does not support authentication. Ignoring.");
            self.conclude(span, text, "delete the authentication block");
        } else if matches!(draft.router.auth, Auth::Ah(_)) && draft.router.is_ipv6() {
            draft.router.auth = Auth::None;
            let text = format!("({name}) Cannot use AH authentication with IPv6. ignoring");
            self.conclude(span, text, "delete the authentication block");
        } else if matches!(draft.router.auth, Auth::Ah(_)) && !owner && draft.router.initial == InitialState::Master {
            draft.router.initial = InitialState::Backup;
            let text = format!("({name}) Initial state master is incompatible with AH authentication - clearing");
            self.conclude(span, text, "write state BACKUP, or auth_type PASS");
        }
    }

    /// An interface of its own is tracked anyway.
    fn judge_tracks(&mut self, draft: &mut RouterDraft, name: &str) {
        let interface = draft.router.interface.clone();
        let own = |track: &Track| track.kind == Kind::Interface && track.name == interface;
        if draft.router.tracks.iter().any(own) {
            draft.router.tracks.retain(|track| !own(track));
            let text = format!("({name}) Ignoring track_interface {interface} since own interface");
            self.conclude(Some(draft.spans.name), text, "the instance's own interface is tracked anyway");
        }
        if !draft.router.speech.owner_ignores_adverts || draft.router.priority == 255 {
            return;
        }
        let text = format!("({name}) ignoring owner_ignore_adverts since priority is not 255");
        draft.router.speech.owner_ignores_adverts = false;
        self.conclude(Some(draft.spans.name), text, "write priority 255, or delete it");
    }

    fn judge_preemption(&mut self, draft: &mut RouterDraft, name: &str) {
        let master = draft.router.initial == InitialState::Master;
        if draft.router.nopreempt && (draft.router.priority == 255 || master) {
            draft.router.nopreempt = false;
            let (text, help) = match draft.router.priority {
                255 => {
                    ("nopreempt is incompatible with priority 255. resetting nopreempt", "write a priority below 255")
                }
                _ => (
                    "Warning - nopreempt will not work with initial state MASTER - clearing",
                    "write state BACKUP on both boxes",
                ),
            };
            self.conclude(draft.spans.nopreempt, format!("({name}) {text}"), help);
        }
        if !draft.router.preempt_delay.is_zero() && master {
            draft.router.preempt_delay = Duration::ZERO;
            let text = format!("({name}) Warning - preempt delay will not work with initial state MASTER - clearing");
            self.conclude(draft.spans.preempt_delay, text, "write state BACKUP on both boxes");
        }
        let delayed = !draft.router.preempt_delay.is_zero();
        if delayed && draft.router.strict {
            draft.router.preempt_delay = Duration::ZERO;
            let text = format!("({name}) preempt_delay is incompatible with strict mode - resetting");
            self.conclude(draft.spans.preempt_delay, text, "delete one of the two");
        }
        if delayed && draft.router.nopreempt {
            draft.router.preempt_delay = Duration::ZERO;
            let text = format!("({name}) preempt_delay is incompatible with nopreempt mode - resetting");
            self.conclude(draft.spans.preempt_delay, text, "delete one of the two");
        }
    }

    fn judge_interval(&mut self, draft: &mut RouterDraft, name: &str) {
        let (interval, span) = (draft.router.advert_interval, draft.spans.advert_int);
        let shown = format!("{:.6}", interval.as_secs_f64());
        if draft.router.version == 2 {
            if interval.subsec_nanos() != 0 {
                let rounded = (interval.as_micros() as u64 + 500_000) / 1_000_000;
                draft.router.advert_interval = Duration::from_secs(rounded.clamp(1, 255));
                let text = format!("({name}) VRRPv2 advertisement interval {shown}s must be an integer. rounding");
                self.conclude(span, text, "write whole seconds, or version 3 on all boxes");
            }
        } else if interval > LONGEST_V3 {
            draft.router.advert_interval = LONGEST_V3;
            let text = format!(
                "({name}) VRRPv3 advertisement interval {:.2}s is out of range. Must be less than 40.96s. Setting to 40.95s",
                interval.as_secs_f64()
            );
            self.conclude(span, text, "write at most 40.95");
        } else if interval.as_micros() % 10_000 != 0 {
            let rounded = (interval.as_micros() as u64 + 5_000) / 10_000 * 10_000;
            draft.router.advert_interval = Duration::from_micros(rounded.max(10_000));
            let text = format!("({name}) VRRPv3 advertisement interval {shown}s must be in units of 10ms - rounding");
            self.conclude(span, text, "write hundredths of a second");
        }
    }

    /// Two instances of one family may not share a number on one interface.
    fn judge_vrids(&mut self, routers: &mut [RouterDraft]) {
        let family = |router: &Router| router.addresses.first().is_none_or(|first| first.address.is_ipv4());
        for later in 1..routers.len() {
            let (before, rest) = routers.split_at_mut(later);
            let Some(second) = rest.first_mut() else { return };
            let same = |first: &&RouterDraft| {
                first.router.vrid == second.router.vrid
                    && first.router.interface == second.router.interface
                    && family(&first.router) == family(&second.router)
            };
            let Some(first) = before.iter().find(same) else { continue };
            let kind = if family(&second.router) { "IPv4" } else { "IPv6" };
            let text = format!(
                "{} and {} both use VRID {} with {kind} on interface {}",
                first.router.name, second.router.name, second.router.vrid, second.router.interface
            );
            let span = Some(second.spans.name);
            self.conclude(span, text, "give each instance on one interface a virtual_router_id of its own");
        }
    }
}
