//! The parts of an instance, made of what was written.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::ir::route::Paths;
use crate::ir::vrrp::{Auth, ExtraGarp, Fixed, NotifyScripts, Router, Speech, VirtualAddress, Vmac};
use crate::keepalived::instance::{AuthType, NotifyLayer};
use crate::keepalived::number::written;
use crate::keepalived::route::{RouteLine, RuleLine};
use crate::keepalived::speech::TravelLayer;
use crate::keepalived::tuning::{FixedLayer, SpeakingLayer};
use crate::keepalived::value::{Command, Flag};
use crate::source::Spanned;

/// What is set as long as it runs.
pub(in crate::lower::keepalived) fn fixed(layer: &FixedLayer, all: &SpeakingLayer) -> Fixed {
    let usual = written(&all.default_interface).map_or_else(|| "eth0".to_owned(), |name| name.0);
    let lines = layer.static_ipaddress.iter().flat_map(|field| &field.value).map(|line| line.0.clone());
    let placed = |line: VirtualAddress| VirtualAddress { device: line.device.or(Some(usual.clone())), ..line };
    Fixed { addresses: lines.map(placed).collect(), paths: Arc::new(paths(&layer.static_routes, &layer.static_rules)) }
}

/// Routes and rules of a block.
pub(in crate::lower::keepalived) fn paths(
    routes: &Option<Spanned<Vec<RouteLine>>>,
    rules: &Option<Spanned<Vec<RuleLine>>>,
) -> Paths {
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
    let prefix = prefix(all);
    let family = if router.is_ipv6() { "6" } else { "" };
    Vmac { name: format!("{prefix}{family}.{}", router.vrid), ..vmac }
}

fn prefix(all: &SpeakingLayer) -> String {
    written(&all.vmac_prefix).map_or_else(|| "vrrp".to_owned(), |prefix| prefix.0)
}

/// What names of `use_vmac_addr` interfaces begin with.
pub(super) fn address_prefix(all: &SpeakingLayer) -> String {
    written(&all.vmac_addr_prefix).map_or_else(|| prefix(all), |prefix| prefix.0)
}

fn extra_garp(layer: &TravelLayer, all: &SpeakingLayer) -> Option<ExtraGarp> {
    let own = written(&layer.garp_extra_if).or(written(&layer.vmac_garp_intvl));
    let usual = written(&all.vrrp_garp_extra_if).map(|extra| (extra.seconds, extra.all));
    let usual = usual.or(written(&all.vrrp_vmac_garp_intvl).map(|extra| (extra.seconds, extra.all)));
    let (seconds, all) = own.map(|extra| (extra.seconds, extra.all)).or(usual)?;
    (seconds > 0).then(|| ExtraGarp { every: Duration::from_secs(seconds.into()), all })
}

pub(super) fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.segments()[0] & 0xffc0 == 0xfe80)
}

pub(super) fn speech(layer: &TravelLayer, all: &SpeakingLayer, router: &Router) -> Speech {
    Speech {
        unicast_ttl: written(&layer.unicast_ttl).map(|ttl| ttl.0 as u8),
        check_unicast_source: layer.check_unicast_src.is_some() || all.vrrp_check_unicast_src.is_some(),
        fault_without_peer: layer.unicast_fault_no_peer.is_some(),
        group: written(&layer.mcast_dst_ip).map(|group| group.0),
        checksum_as_v2: pick(&layer.v3_checksum_as_v2, &all.v3_checksum_as_v2).is_some_and(|it| it.0),
        vmac: written(&layer.use_vmac).map(|vmac| named(vmac.0, all, router)),
        carriers: Vec::new(),
        extra_garp: extra_garp(layer, all),
        xmit_base: layer.vmac_xmit_base.is_some(),
        promote_secondaries: layer.promote_secondaries.is_some(),
        owner_ignores_adverts: layer.owner_ignore_adverts.is_some() || all.vrrp_owner_ignore_adverts.is_some(),
        notify_priority_changes: pick(&layer.notify_priority_changes, &all.vrrp_notify_priority_changes)
            .is_some_and(|it| it.0),
        hmac: None,
        no_accept: false,
    }
}

/// Whether packets to the addresses are dropped: the later of the words holds, and strict mode drops them without one.
pub(super) fn refuses(accept: &Option<Spanned<Flag>>, refuse: &Option<Spanned<Flag>>, strict: bool) -> bool {
    match (accept, refuse) {
        (Some(accept), Some(refuse)) => refuse.span.start > accept.span.start,
        (Some(_), None) => false,
        (None, refuse) => refuse.is_some() || strict,
    }
}

/// The instance's own value, else the one for all.
pub(super) fn pick<T: Clone>(own: &Option<Spanned<T>>, all: &Option<Spanned<T>>) -> Option<T> {
    written(own).or_else(|| written(all))
}

pub(super) fn authentication(kind: Option<AuthType>, password: Option<String>) -> Auth {
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

pub(super) fn scripts(layer: &NotifyLayer) -> NotifyScripts {
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
