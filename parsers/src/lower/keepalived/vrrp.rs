//! `vrrp_instance` and `vrrp_sync_group`: from what was written to what the machine runs, with keepalived's judgement
//! of what does not fit together.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::report::Found;
use super::walk::Walk;
use crate::diag::Class;
use crate::ir::route::Paths;
use crate::ir::track::{Kind, Track};
use crate::ir::vrrp::{Auth, Fixed, Group, InitialState, NotifyScripts, Router, Speech, VirtualAddress, Vmac};
use crate::keepalived::address::AddressLine;
use crate::keepalived::instance::{AuthType, NotifyLayer};
use crate::keepalived::number::written;
use crate::keepalived::route::{RouteLine, RuleLine};
use crate::keepalived::speech::TravelLayer;
use crate::keepalived::tuning::{FixedLayer, SpeakingLayer};
use crate::keepalived::value::{Command, Switch};
use crate::source::{Span, Spanned};
use crate::syntax::tree::Word;
use crate::table::Contexts as C;

/// An instance before all are judged together.
pub(super) struct RouterDraft {
    pub(super) router: Router,
    /// Whether it may run.
    pub(super) stands: bool,
    /// `virtual_router_id` was written and valid.
    has_vrid: bool,
    /// A password was given.
    password: bool,
    /// `authentication` was given.
    authenticates: bool,
    /// `interface` was written, even if it is of no use.
    interface_written: bool,
    /// A keyword of unicast was given.
    unicast: bool,
    /// `no_virtual_ipaddress`
    addressless: bool,
    /// `state` was written.
    state_written: bool,
    /// What a pragma of its own says.
    pub(super) follows_service: Option<bool>,
    /// Where single keywords were written.
    spans: Spans,
}

#[derive(Clone, Copy, Default)]
struct Spans {
    name: Span,
    nopreempt: Option<Span>,
    preempt_delay: Option<Span>,
    advert_int: Option<Span>,
    auth: Option<Span>,
}

/// How many seconds an interval may have in version 3: 12 bits of centiseconds.
const LONGEST_V3: Duration = Duration::from_millis(40_950);

impl Walk<'_> {
    /// `vrrp_instance NAME { … }`
    pub(super) fn instance(&mut self, span: Span, keyword: &Word, args: &[Word]) {
        let Some(name) = args.first().map(|word| word.lossy().into_owned()) else {
            let found = Found::new(Class::General, "vrrp_instance must have a name", "vrrp_instance VI_1 {").at(span);
            self.report.say(self.place, found);
            return self.skip();
        };
        if let Some(known) = self.draft.routers.iter().find(|known| known.router.name == name) {
            let help = format!(
                "`{}` stands already in this configuration; give each instance a name of its own",
                known.router.name
            );
            let found = Found::new(Class::General, format!("vrrp instance {name} already defined"), &help);
            self.report.say(self.place, found.at(args.first().map_or(keyword.span, |word| word.span)));
            return self.skip();
        }
        self.draft.instance = Default::default();
        self.draft.notify = Default::default();
        self.draft.authentication = Default::default();
        (self.draft.travel, self.draft.tracking) = Default::default();
        self.draft.tracks.clear();
        self.draft.unicast = false;
        (self.draft.hmac, self.draft.hmac_keys, self.draft.has_hmac) = Default::default();
        self.draft.follows_service = None;
        self.cx.owner.clone_from(&name);
        let span = args.first().map_or(span, |word| keyword.span.to(word.span));
        self.block(C::K_INSTANCE);
        self.cx.owner.clear();
        let mut draft = self.router(name, span);
        self.hmac(&mut draft.router);
        self.draft.routers.push(draft);
    }

    fn router(&mut self, name: String, span: Span) -> RouterDraft {
        let (layer, global, auth) = (&self.draft.instance, &self.draft.global, &self.draft.authentication);
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        let initial = written(&layer.state).unwrap_or_default().0;
        let priority = written(&layer.priority).map(|priority| priority.0 as u8);
        let garp_delay = written(&layer.garp_master_delay).or(written(&global.garp_master_delay)).map_or(5, |it| it.0);
        let garp_repeat = pick(&layer.garp_master_repeat, &global.garp_master_repeat).map_or(5, |it| it.0.max(1));
        let lower_delay = written(&layer.garp_lower_prio_delay).or(written(&global.garp_lower_prio_delay));
        let lower_repeat = written(&layer.garp_lower_prio_repeat).map(|it| it.0);
        let lower_repeat = lower_repeat.or(written(&global.garp_lower_prio_repeat).map(|it| it.0));
        let switch =
            |own: &Option<Spanned<Switch>>, all: &Option<Spanned<Switch>>| pick(own, all).is_some_and(|it| it.0);
        let all_mail = written(&global.smtp_alert_vrrp).or(written(&global.smtp_alert));
        let addresses = |field: &Option<Spanned<Vec<AddressLine>>>| {
            field.iter().flat_map(|field| &field.value).map(|line| line.0.clone()).collect::<Vec<_>>()
        };
        let source = layer.unicast_src_ip.as_ref().or(layer.mcast_src_ip.as_ref()).map(|field| field.value.0);
        let router = Router {
            name,
            initial,
            interface: written(&layer.interface).unwrap_or_default().0,
            vrid: written(&layer.virtual_router_id).map_or(0, |vrid| vrid.0 as u8),
            priority: priority.unwrap_or(if initial == InitialState::Master { 255 } else { 100 }),
            version: pick(&layer.version, &global.vrrp_version).map_or(2, |version| version.0 as u8),
            advert_interval: written(&layer.advert_int).map_or(Duration::from_secs(1), |interval| interval.0),
            down_timer_adverts: pick(&layer.down_timer_adverts, &global.down_timer_adverts).map_or(3, |it| it.0 as u8),
            auth: authentication(written(&auth.auth_type), written(&auth.auth_pass).map(|pass| pass.0)),
            addresses: addresses(&layer.virtual_ipaddress),
            excluded: addresses(&layer.virtual_ipaddress_excluded),
            paths: Arc::new(paths(&self.draft.travel.virtual_routes, &self.draft.travel.virtual_rules)),
            nopreempt: layer.nopreempt.is_some() && layer.preempt.is_none(),
            follows_service: true,
            preempt_delay: written(&layer.preempt_delay).map_or(Duration::ZERO, |delay| delay.0),
            tracks: std::mem::take(&mut self.draft.tracks),
            dont_track_primary: layer.dont_track_primary.is_some(),
            source,
            unicast_peers: layer.unicast_peer.iter().flat_map(|field| &field.value).map(|line| line.peer).collect(),
            speech: Speech::default(),
            strict: written(&self.draft.travel.strict_mode)
                .map_or(self.draft.speaking.vrrp_strict.is_some(), |strict| strict.0),
            garp_delay: seconds(garp_delay),
            garp_repeat,
            garp_refresh: pick(&layer.garp_master_refresh, &global.garp_master_refresh)
                .map_or(Duration::ZERO, |it| seconds(it.0)),
            garp_refresh_repeat: pick(&layer.garp_master_refresh_repeat, &global.garp_master_refresh_repeat)
                .map_or(1, |it| it.0.max(1)),
            garp_lower_prio_delay: lower_delay.map_or(seconds(garp_delay), |it| seconds(it.0)),
            garp_lower_prio_repeat: lower_repeat.unwrap_or(garp_repeat),
            lower_prio_no_advert: switch(&layer.lower_prio_no_advert, &global.lower_prio_no_advert),
            higher_prio_send_advert: switch(&layer.higher_prio_send_advert, &global.higher_prio_send_advert),
            smtp_alert: written(&layer.smtp_alert).or(all_mail).is_some_and(|alert| alert.0),
            notify: scripts(&self.draft.notify),
            debug: written(&layer.debug).map_or(0, |level| level.0 as u8),
            group: None,
            span,
        };
        let mut router = router;
        router.speech = speech(&self.draft.travel, &self.draft.speaking, &router);
        RouterDraft {
            stands: true,
            has_vrid: layer.virtual_router_id.is_some(),
            password: auth.auth_pass.is_some(),
            authenticates: auth.auth_type.is_some(),
            unicast: self.draft.unicast,
            state_written: self.draft.instance.state.is_some(),
            addressless: self.draft.travel.no_virtual_ipaddress.is_some(),
            follows_service: self.draft.follows_service,
            interface_written: layer.interface.is_some(),
            spans: Spans {
                name: span,
                nopreempt: layer.nopreempt.as_ref().map(|field| field.span),
                preempt_delay: layer.preempt_delay.as_ref().map(|field| field.span),
                advert_int: layer.advert_int.as_ref().map(|field| field.span),
                auth: auth.auth_type.as_ref().map(|field| field.span),
            },
            router,
        }
    }

    /// `vrrp_sync_group NAME { … }`
    pub(super) fn sync_group(&mut self, span: Span, args: &[Word]) {
        let Some(name) = args.first().map(|word| word.lossy().into_owned()) else {
            let found =
                Found::new(Class::General, "vrrp_sync_group must have a name - skipping", "vrrp_sync_group VG_1 {");
            self.report.say(self.place, found.at(span));
            return self.skip();
        };
        if self.draft.groups.iter().any(|(group, _)| group.name == name) {
            let found =
                Found::new(Class::General, format!("vrrp sync group {name} already defined"), "name each group once");
            self.report.say(self.place, found.at(span));
            return self.skip();
        }
        self.draft.group = Default::default();
        self.draft.notify = Default::default();
        self.draft.tracking = Default::default();
        self.draft.tracks.clear();
        self.cx.owner.clone_from(&name);
        self.block(C::K_SYNC_GROUP);
        self.cx.owner.clear();
        let members = written(&self.draft.group.group).unwrap_or_default().0;
        if members.is_empty() {
            let text = format!("Sync group {name} has no members - removing");
            return self.report.say(self.place, Found::new(Class::General, text, "group { VI_1 VI_2 }").at(span));
        }
        let global = &self.draft.global;
        let all = written(&global.smtp_alert_vrrp).or(written(&global.smtp_alert));
        let smtp_alert = written(&self.draft.group.smtp_alert).or(all).is_some_and(|alert| alert.0);
        let notify = scripts(&self.draft.notify);
        let tracks = std::mem::take(&mut self.draft.tracks);
        let tracks_weight = self.draft.group.sync_group_tracking_weight.is_some();
        let group = Group { name, members: Vec::new(), tracks, tracks_weight, smtp_alert, notify, span };
        self.draft.groups.push((group, members));
    }

    /// What keepalived's VRRP process says once all is read.
    pub(super) fn judge_routers(&mut self) {
        let mut routers = std::mem::take(&mut self.draft.routers);
        if let Some(span) = self.interface_missing {
            let own = !matches!(self.report.mode(), super::Mode::Check { own: false });
            let text = "Non-existent interface specified in configuration";
            let class = if own { Class::BadInterface } else { Class::Remark };
            self.report.conclude(Some(span), Found::new(class, text, ""));
            if !matches!(self.report.mode(), super::Mode::Check { .. }) {
                self.draft.routers = routers;
                if matches!(self.report.mode(), super::Mode::Run(_)) {
                    self.report.stop();
                }
                return;
            }
        }
        self.judge_watchers();
        self.judge_scripts();
        let usable: Vec<bool> = routers.iter_mut().map(|router| self.usable(router)).collect();
        if usable.iter().all(|usable| *usable) {
            routers.iter_mut().for_each(|router| self.judge_router(router));
            self.judge_vrids(&mut routers);
        }
        self.draft.routers = routers;
        self.judge_groups();
    }

    fn conclude(&mut self, span: Option<Span>, text: String, help: &str) {
        self.report.conclude(span, Found::new(Class::General, text, help));
    }

    /// Whether an instance has what it cannot run without.
    fn usable(&mut self, draft: &mut RouterDraft) -> bool {
        let (name, span) = (&draft.router.name, Some(draft.spans.name));
        draft.stands = false;
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

    fn judge_router(&mut self, draft: &mut RouterDraft) {
        let name = draft.router.name.clone();
        if draft.router.addresses.first().is_some_and(|first| first.address.is_ipv6()) {
            draft.router.version = 3;
        }
        if draft.router.strict {
            self.judge_strict(draft, &name);
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
        if draft.router.speech.xmit_base && draft.router.speech.vmac.is_none() {
            draft.router.speech.xmit_base = false;
            let text = format!("({name}) vmac_xmit_base is only valid with a vmac");
            self.conclude(Some(draft.spans.name), text, "write use_vmac, or delete it");
        }
        self.judge_preemption(draft, &name);
        self.judge_interval(draft, &name);
        self.judge_tracks(draft, &name);
        if draft.router.addresses.is_empty() && !draft.addressless {
            let least = if draft.router.version == 3 || draft.router.strict { "required" } else { "sensible" };
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

    /// What strict mode does not let pass.
    fn judge_strict(&mut self, draft: &mut RouterDraft, name: &str) {
        let (router, span) = (&mut draft.router, Some(draft.spans.name));
        let mut said = Vec::new();
        if !router.preempt_delay.is_zero() {
            router.preempt_delay = Duration::ZERO;
            said.push("preempt_delay is incompatible with strict mode - resetting");
        }
        if router.down_timer_adverts != 3 {
            router.down_timer_adverts = 3;
            said.push("down_timer_adverts is incompatible with strict mode - resetting");
        }
        if (router.initial == InitialState::Master) != (router.priority == 255) && draft.state_written {
            said.push("State MASTER must match being address owner");
        }
        if router.auth != Auth::None {
            router.auth = Auth::None;
            said.push("Strict mode does not support authentication. Ignoring.");
        }
        if !router.unicast_peers.is_empty() {
            router.unicast_peers.clear();
            draft.unicast = false;
            said.push("Unicast peers are not supported in strict mode");
        }
        if router.is_ipv6() && router.addresses.iter().any(|first| !is_link_local(&first.address)) {
            let first = router.addresses.first().map(|first| first.address);
            if first.is_some_and(|first| !is_link_local(&first)) {
                said.push("the first IPv6 VIP address must be link local");
            }
        }
        for text in said {
            self.conclude(span, format!("({name}) {text}"), "RFC 5798 knows nothing else; or write no strict_mode");
        }
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
        if !draft.router.preempt_delay.is_zero() && draft.router.nopreempt {
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

    fn judge_groups(&mut self) {
        let groups = std::mem::take(&mut self.draft.groups);
        let mut taken: Vec<String> = Vec::new();
        for (group, mut members) in groups {
            let span = Some(group.span);
            members.retain(|member| {
                if !self.draft.routers.iter().any(|known| &known.router.name == member) {
                    let text = format!(
                        "Virtual router {member} specified in sync group {} doesn't exist - ignoring",
                        group.name
                    );
                    self.conclude(span, text, "name instances of this file");
                    return false;
                }
                let free = !taken.contains(member);
                if !free {
                    let text = format!(
                        "Virtual router {member} cannot exist in more than one sync group; ignoring {}",
                        group.name
                    );
                    self.conclude(span, text, "put the instance into one group");
                }
                free
            });
            taken.extend(members.iter().cloned());
            match members.len() {
                0 => {
                    let text = format!(
                        "Sync group {}, no matching virtual router found in group declaration - removing",
                        group.name
                    );
                    self.conclude(span, text, "name instances of this file");
                    continue;
                }
                1 => {
                    let text = format!(
                        "Sync group {} has only 1 virtual router(s) - this probably isn't what you want",
                        group.name
                    );
                    self.conclude(span, text, "a group is for several instances");
                }
                _ => {}
            }
            self.join(&group, &members);
            self.draft.groups.push((group, members));
        }
    }

    /// Members track what their group does; what they track themselves has no weight unless the group lets it.
    fn join(&mut self, group: &Group, members: &[String]) {
        let mut ignored = Vec::new();
        for draft in self.draft.routers.iter_mut().filter(|draft| members.contains(&draft.router.name)) {
            let name = draft.router.name.clone();
            let mut tracks = std::mem::take(&mut draft.router.tracks);
            if !group.tracks_weight {
                tracks.retain(|track| {
                    let weighs = track.weight.value != 0;
                    if weighs {
                        ignored.push((draft.spans.name, name.clone(), track.kind, track.name.clone()));
                    }
                    !weighs
                });
            }
            tracks.retain(|own| !group.tracks.iter().any(|all| (all.kind, &all.name) == (own.kind, &own.name)));
            tracks.extend(group.tracks.iter().cloned());
            draft.router.tracks = tracks;
        }
        for (span, router, kind, name) in ignored {
            let text = format!("({router}) ignoring {} {name} with weights due to SYNC group", called(kind));
            let help = "write the weight in the group's own track block, or sync_group_tracking_weight";
            self.report.conclude(Some(span), Found::new(Class::Remark, text, help));
        }
    }
}

/// What keepalived calls a tracked thing.
fn called(kind: Kind) -> &'static str {
    match kind {
        Kind::Interface => "tracked interface",
        Kind::Script => "tracked script",
        Kind::File => "tracked file",
        Kind::Process => "tracked process",
        Kind::Bfd => "tracked bfd",
    }
}

/// What is set as long as it runs.
pub(super) fn fixed(layer: &FixedLayer, all: &SpeakingLayer) -> Fixed {
    let usual = written(&all.default_interface).map_or_else(|| "eth0".to_owned(), |name| name.0);
    let lines = layer.static_ipaddress.iter().flat_map(|field| &field.value).map(|line| line.0.clone());
    let placed = |line: VirtualAddress| VirtualAddress { device: line.device.or(Some(usual.clone())), ..line };
    Fixed { addresses: lines.map(placed).collect(), paths: Arc::new(paths(&layer.static_routes, &layer.static_rules)) }
}

/// Routes and rules of a block.
pub(super) fn paths(routes: &Option<Spanned<Vec<RouteLine>>>, rules: &Option<Spanned<Vec<RuleLine>>>) -> Paths {
    Paths {
        routes: routes.iter().flat_map(|field| &field.value).map(|line| line.route.clone()).collect(),
        rules: rules.iter().flat_map(|field| &field.value).map(|line| line.rule.clone()).collect(),
    }
}

/// An interface with the name it has unless it is written.
fn named(vmac: Vmac, all: &SpeakingLayer, router: &Router) -> Vmac {
    if !vmac.name.is_empty() {
        return vmac;
    }
    let prefix = written(&all.vmac_prefix).map_or_else(|| "vrrp".to_owned(), |prefix| prefix.0);
    let family = if router.is_ipv6() { "6" } else { "" };
    Vmac { name: format!("{prefix}{family}.{}", router.vrid), ..vmac }
}

fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfe80)
}

fn speech(layer: &TravelLayer, all: &SpeakingLayer, router: &Router) -> Speech {
    Speech {
        unicast_ttl: written(&layer.unicast_ttl).map(|ttl| ttl.0 as u8),
        check_unicast_source: layer.check_unicast_src.is_some() || all.vrrp_check_unicast_src.is_some(),
        fault_without_peer: layer.unicast_fault_no_peer.is_some(),
        group: written(&layer.mcast_dst_ip).map(|group| group.0),
        checksum_as_v2: pick(&layer.v3_checksum_as_v2, &all.v3_checksum_as_v2).is_some_and(|it| it.0),
        vmac: written(&layer.use_vmac).map(|vmac| named(vmac.0, all, router)),
        xmit_base: layer.vmac_xmit_base.is_some(),
        promote_secondaries: layer.promote_secondaries.is_some(),
        track_source: layer.track_src_ip.is_some(),
        owner_ignores_adverts: layer.owner_ignore_adverts.is_some() || all.vrrp_owner_ignore_adverts.is_some(),
        notify_priority_changes: pick(&layer.notify_priority_changes, &all.vrrp_notify_priority_changes)
            .is_some_and(|it| it.0),
        hmac: None,
    }
}

/// The instance's own value, else the one for all.
fn pick<T: Clone>(own: &Option<Spanned<T>>, all: &Option<Spanned<T>>) -> Option<T> {
    written(own).or_else(|| written(all))
}

fn authentication(kind: Option<AuthType>, password: Option<String>) -> Auth {
    let mut bytes = [0; 8];
    let Some((kind, password)) = kind.zip(password) else { return Auth::None };
    for (to, from) in bytes.iter_mut().zip(password.bytes()) {
        *to = from;
    }
    match kind {
        AuthType::Pass => Auth::Pass(bytes),
        AuthType::Ah => Auth::Ah(bytes),
    }
}

fn scripts(layer: &NotifyLayer) -> NotifyScripts {
    let script = |field: &Option<Spanned<Command>>| written(field).and_then(|command| command.0);
    NotifyScripts {
        master: script(&layer.master),
        backup: script(&layer.backup),
        fault: script(&layer.fault),
        stop: script(&layer.stop),
        deleted: written(&layer.deleted).and_then(|command| command.0),
        master_rx_lower_pri: script(&layer.master_rx_lower_pri),
        any: script(&layer.any),
    }
}
