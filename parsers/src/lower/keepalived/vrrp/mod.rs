//! `vrrp_instance`: from what was written to what the machine runs. [`judge`] says what does not fit together, [`group`]
//! makes groups, [`made`] the parts.

mod carriers;
mod group;
mod judge;
mod made;
mod strict;

use std::sync::Arc;
use std::time::Duration;

use self::made::{authentication, pick, scripts, speech};
pub(super) use self::made::{fixed, paths};
use self::strict::Habits;
use super::report::Found;
use super::walk::Walk;
use crate::diag::Class;
use crate::ir::vrrp::{InitialState, Router, Speech};
use crate::keepalived::address::AddressLine;
use crate::keepalived::number::written;
use crate::keepalived::value::Switch;
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
    /// `virtual_router_id` was written and refused.
    refused_vrid: bool,
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
    /// `vrf` was written, though there is an interface.
    vrf: bool,
    /// `linkbeat_use_polling`
    pub(super) polls: bool,
    /// The instance's own `version` was written.
    version_written: bool,
    /// What strict mode has its own way of.
    habits: Habits,
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
        (self.draft.unicast, self.draft.refused_vrid) = (false, false);
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
        let least = written(&self.draft.speaking.vrrp_min_garp).is_some_and(|least| least.0);
        let (usual_delay, usual_repeat) = if least { (0, 1) } else { (5, 5) };
        let garp_delay = written(&layer.garp_master_delay).or(written(&global.garp_master_delay));
        let garp_delay = garp_delay.map_or(usual_delay, |it| it.0);
        let garp_repeat = pick(&layer.garp_master_repeat, &global.garp_master_repeat);
        let garp_repeat = garp_repeat.map_or(usual_repeat, |it| it.0.max(1));
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
        let prefix = self.draft.travel.use_vmac_addr.is_some().then(|| made::address_prefix(&self.draft.speaking));
        let others = self.draft.routers.iter().flat_map(|draft| draft.router.vmacs());
        let taken: Vec<String> = others.map(|(vmac, ..)| vmac.name.clone()).collect();
        carriers::settle(&mut router, prefix.as_deref(), &taken);
        router.speech.no_accept = made::refuses(&layer.accept, &self.draft.travel.no_accept, router.strict);
        RouterDraft {
            stands: true,
            has_vrid: layer.virtual_router_id.is_some(),
            refused_vrid: self.draft.refused_vrid,
            password: auth.auth_pass.is_some(),
            authenticates: auth.auth_type.is_some(),
            unicast: self.draft.unicast,
            state_written: self.draft.instance.state.is_some(),
            vrf: self.draft.travel.vrf.is_some() && layer.interface.is_some(),
            polls: self.draft.travel.linkbeat_use_polling.is_some(),
            version_written: layer.version.is_some(),
            habits: Habits {
                repeats: written(&layer.garp_lower_prio_repeat).is_some_and(|repeat| repeat.0 != 0),
                delays: written(&layer.garp_lower_prio_delay).is_some_and(|delay| delay.0 != 0),
                adverts: pick(&layer.lower_prio_no_advert, &global.lower_prio_no_advert).is_some_and(|no| !no.0),
                answers: written(&layer.higher_prio_send_advert).is_some_and(|answers| answers.0),
            },
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
}
