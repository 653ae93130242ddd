//! What one keepalived.conf shows by itself: an instance whose addresses nothing can move, weights that change nothing,
//! adverts that anybody could forge.

use super::Side;
use crate::diag::Diagnostic;
use crate::ir::track::{Kind, Track};
use crate::ir::vrrp::{Auth, Router};

/// The highest priority that weights can lead to; 255 is the address owner's.
const HIGHEST: u8 = 254;
/// The lowest.
const LOWEST: u8 = 1;

/// Findings for each instance.
pub(super) fn findings(own: Side<'_>) -> Vec<Diagnostic> {
    own.ir.routers.values().flat_map(|router| of(own, router)).collect()
}

fn of(own: Side<'_>, router: &Router) -> impl Iterator<Item = Diagnostic> {
    let all = [untracked(own, router), weightless(own, router), forgeable(own, router), unproven(own, router)];
    all.into_iter().flatten()
}

/// What moves its addresses when only a program on the box dies.
fn untracked(own: Side<'_>, router: &Router) -> Option<Diagnostic> {
    let group = router.group.and_then(|group| own.ir.groups.get(group));
    if !router.tracks.is_empty() || group.is_some_and(|group| !group.tracks.is_empty()) {
        return None;
    }
    let (name, span) = (&router.name, own.span(router.span));
    if !router.follows_service {
        let message = format!("{name} tracks nothing and does not follow the service: a dead nginx moves no address");
        let help = "delete follow-service=off, or write track_script with a vrrp_script that asks nginx";
        return Some(Diagnostic::warning("link::nothing-tracked", message).at(span, "tracks nothing").help(help));
    }
    let message =
        format!("{name} tracks nothing: its addresses move with its interface and what rkeep serves here alone");
    let help = "write track_script, track_interface or track_process for what else its addresses need";
    Some(Diagnostic::note("link::nothing-tracked", message).at(span, "tracks nothing").help(help))
}

/// Whether a weight can make the priority another one.
fn weightless(own: Side<'_>, router: &Router) -> Option<Diagnostic> {
    let counts = |track: &&Track| track.weight.value != 0 && track.kind != Kind::File;
    let idle = |track: &Track| match router.priority {
        255 => true,
        HIGHEST => track.weight.value > 0,
        LOWEST => track.weight.value < 0,
        _ => false,
    };
    let track = router.tracks.iter().filter(counts).find(|track| idle(track))?;
    let (name, priority, weight) = (&router.name, router.priority, track.weight.value);
    let message = format!("{name} tracks {} with weight {weight}, which cannot change priority {priority}", track.name);
    let help = match priority {
        255 => "the address owner's priority never changes: write a priority below 255, or weight 0 for FAULT",
        HIGHEST => "254 is the highest there is: write a lower priority",
        _ => "1 is the lowest there is: write a higher priority",
    };
    Some(Diagnostic::warning("link::weight-idle", message).at(own.span(router.span), "tracks").help(help))
}

/// Multicast stays on the link and comes with TTL 255; unicast comes from anywhere.
fn forgeable(own: Side<'_>, router: &Router) -> Option<Diagnostic> {
    let near = |ttl: u8| ttl == 255;
    let checked = router.speech.check_unicast_source && router.unicast_peers.iter().all(|peer| near(peer.min_ttl));
    if router.unicast_peers.is_empty() || router.auth != Auth::None || router.speech.hmac.is_some() || checked {
        return None;
    }
    let name = &router.name;
    let message = format!(
        "{name} believes unicast adverts without authentication: whoever can send with a peer's address takes its addresses"
    );
    let help = match router.version {
        2 => "write auth_hmac (keepalived 2.4) or authentication on all boxes, or check_unicast_src with min_ttl 255",
        _ => "write auth_hmac (keepalived 2.4) on all boxes, or check_unicast_src with min_ttl 255",
    };
    let finding = Diagnostic::warning("link::unicast-without-auth", message);
    Some(finding.at(own.span(router.span), "no authentication").help(help))
}

/// Version 2 over IPv6 says that there is a password and has no room for it: keepalived 2.4 believes no such advert,
/// 2.2.7 crashes on it.
fn unproven(own: Side<'_>, router: &Router) -> Option<Diagnostic> {
    if !matches!(router.auth, Auth::Pass(_)) || !router.is_ipv6() {
        return None;
    }
    let message =
        format!("{} has a password, which IPv6 adverts cannot carry: a keepalived believes none of them", router.name);
    let finding = Diagnostic::warning("link::ipv6-password", message);
    Some(
        finding
            .at(own.span(router.span), "IPv6")
            .help("delete the authentication block on all boxes, or write auth_hmac"),
    )
}
