//! Two boxes that cannot take over from each other: what VRRP compares in an advert must agree, and one must outrank the
//! other.

use std::net::IpAddr;

use super::{Side, reach};
use crate::diag::Diagnostic;
use crate::ir::track::Kind;
use crate::ir::vrrp::{InitialState, Router};
use crate::source::Span;

/// Findings for each instance of this box and its counterpart on the peer.
pub(super) fn findings(own: Side<'_>, peer: Side<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for router in own.ir.routers.values() {
        match counterpart(router, peer) {
            Some(other) => found.extend(Pair { own, peer, router, other }.findings()),
            None => found.push(alone(router, own.span(router.span), ("the peer has", "only here"))),
        }
    }
    let without = peer.ir.routers.values().filter(|other| counterpart(other, own).is_none());
    found.extend(without.map(|other| alone(other, peer.span(other.span), ("this box has", "only there"))));
    found.extend(services(own, peer));
    found
}

fn alone(router: &Router, at: Span, (who, place): (&str, &str)) -> Diagnostic {
    let message = format!("{who} no counterpart of {}: virtual_router_id {}", router.name, router.vrid);
    let help = "the same virtual_router_id and addresses on both boxes make one virtual router";
    Diagnostic::error("link::no-counterpart", message).at(at, place).help(help)
}

/// The peer's instance with the same number; failing that, one with an address in common or of the same name.
fn counterpart<'a>(router: &Router, peer: Side<'a>) -> Option<&'a Router> {
    let routers = || peer.ir.routers.values();
    let family = |router: &Router| router.addresses.first().is_none_or(|first| first.address.is_ipv4());
    let same_number = routers().find(|other| other.vrid == router.vrid && family(other) == family(router));
    let shares = |other: &&Router| addresses(other).iter().any(|address| addresses(router).contains(address));
    same_number.or_else(|| routers().find(shares)).or_else(|| routers().find(|other| other.name == router.name))
}

fn addresses(router: &Router) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = router.addresses.iter().map(|virtual_| virtual_.address).collect();
    all.sort();
    all
}

struct Pair<'a> {
    own: Side<'a>,
    peer: Side<'a>,
    router: &'a Router,
    other: &'a Router,
}

impl Pair<'_> {
    fn findings(&self) -> Vec<Diagnostic> {
        let (own, other) = (self.router, self.other);
        let both = "both boxes would be master at once";
        let mut found = Vec::new();
        if own.vrid != other.vrid {
            let what = format!("virtual_router_id is {} here and {} there: {both}", own.vrid, other.vrid);
            found.push(self.error("link::vrid-differs", &what, "write the same virtual_router_id on both boxes"));
        }
        if own.version != other.version {
            let what = format!("VRRP version is {} here and {} there: {both}", own.version, other.version);
            found.push(self.error("link::version-differs", &what, "write the same version on both boxes"));
        } else if own.version == 2 && own.advert_interval != other.advert_interval {
            let (here, there) = (own.advert_interval.as_secs(), other.advert_interval.as_secs());
            let what = format!("advert_int is {here} here and {there} there, each drops the other's adverts: {both}");
            found.push(self.error("link::interval-differs", &what, "write the same advert_int on both boxes"));
        }
        if own.auth != other.auth {
            let what = format!("authentication differs, each drops the other's adverts: {both}");
            found.push(self.error("link::auth-differs", &what, "write the same auth_type and auth_pass on both boxes"));
        }
        if addresses(own) != addresses(other) {
            let what = format!("virtual_ipaddress differs ({}): {both}", self.difference());
            found.push(self.error("link::addresses-differ", &what, "write the same addresses on both boxes"));
        }
        for (code, what, help) in reach::obstacles(own, other) {
            found.push(self.error(code, &format!("{what}: {both}"), help));
        }
        found.extend(self.priorities());
        found.extend(self.weights());
        found.extend(self.pace());
        found.extend(self.patience());
        found
    }

    fn priorities(&self) -> Option<Diagnostic> {
        let (own, other) = (self.router, self.other);
        if own.priority != other.priority {
            return None;
        }
        if own.priority == 255 {
            let why = match own.initial {
                InitialState::Master => " (state MASTER without a priority means 255)",
                InitialState::Backup => "",
            };
            let what = format!("both boxes own the address with priority 255{why}: neither ever yields");
            return Some(self.error("link::two-owners", &what, "write a priority below 255, another on each box"));
        }
        let both = (own.initial, other.initial) == (InitialState::Master, InitialState::Master);
        let state = if both { "state MASTER and " } else { "" };
        let what =
            format!("both boxes have {state}priority {}: the higher address decides who is master", own.priority);
        let help = "write a lower priority on the box that is to wait";
        let finding = Diagnostic::warning("link::same-priority", self.named(&what)).at(self.here(), "the same");
        Some(finding.also(self.there(), "as there").help(help))
    }

    /// Version 3: the backup waits by the master's pace, so a takeover takes as long as the master says.
    fn pace(&self) -> Option<Diagnostic> {
        let (own, other) = (self.router, self.other);
        if (own.version, other.version) != (3, 3) || own.advert_interval == other.advert_interval {
            return None;
        }
        let (here, there) = (own.advert_interval.as_secs_f64(), other.advert_interval.as_secs_f64());
        let message = format!("{}: advert_int is {here} here and {there} there: who is master sets the pace", own.name);
        let finding = Diagnostic::warning("link::pace-differs", message).at(self.here(), "here");
        Some(finding.also(self.there(), "the peer's").help("write the same advert_int on both boxes"))
    }

    /// Only the higher box takes the addresses back, so only its `nopreempt` counts.
    fn patience(&self) -> Option<Diagnostic> {
        let (own, other) = (self.router, self.other);
        let (higher, lower) = if own.priority > other.priority { (own, other) } else { (other, own) };
        if own.priority == other.priority || higher.nopreempt || !lower.nopreempt {
            return None;
        }
        let message = format!(
            "{}: nopreempt stands on the box with priority {} alone, where it has no effect: the one with {} preempts",
            own.name, lower.priority, higher.priority
        );
        let finding = Diagnostic::warning("link::nopreempt-below", message).at(self.here(), "here");
        Some(finding.also(self.there(), "the peer's").help("write nopreempt on both boxes, or on neither"))
    }

    /// Whether what the higher box tracks can make it the lower one at all.
    fn weights(&self) -> Option<Diagnostic> {
        let (own, other) = (self.router, self.other);
        let sum = |router: &Router, counts: fn(i32) -> bool| -> i32 {
            router.tracks.iter().map(|track| i32::from(track.weight.value)).filter(|weight| counts(*weight)).sum()
        };
        let faults = own.tracks.iter().any(|track| track.weight.value == 0 || track.kind == Kind::File);
        if own.tracks.is_empty() || faults || own.priority <= other.priority {
            return None;
        }
        let worst = (i32::from(own.priority) + sum(own, |weight| weight < 0)).max(1);
        let best = i32::from(other.priority) + sum(other, |weight| weight > 0);
        if worst < best {
            return None;
        }
        let what = format!("whatever fails here, priority {worst} is not below the peer's {best}: it moves no address");
        let help = "write weights that are larger than the difference of the priorities, or none for FAULT";
        let finding = Diagnostic::warning("link::weight-too-small", self.named(&what)).at(self.here(), "tracks");
        Some(finding.also(self.there(), "the peer's").help(help))
    }

    fn error(&self, code: &'static str, what: &str, help: &str) -> Diagnostic {
        Diagnostic::error(code, self.named(what)).at(self.here(), "here").also(self.there(), "the peer's").help(help)
    }

    fn named(&self, what: &str) -> String {
        format!("{} and its peer cannot take over from each other: {what}", self.router.name)
    }

    fn here(&self) -> Span {
        self.own.span(self.router.span)
    }

    fn there(&self) -> Span {
        self.peer.span(self.other.span)
    }

    fn difference(&self) -> String {
        let (own, other) = (addresses(self.router), addresses(self.other));
        let only = |some: &[IpAddr], others: &[IpAddr], whose: &str| {
            let lacking: Vec<String> = some.iter().filter(|ip| !others.contains(ip)).map(IpAddr::to_string).collect();
            (!lacking.is_empty()).then(|| format!("{} only {whose}", lacking.join(", ")))
        };
        let parts = [only(&own, &other, "here"), only(&other, &own, "there")];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// Virtual servers that only one box has: after a takeover nobody serves them.
fn services(own: Side<'_>, peer: Side<'_>) -> Vec<Diagnostic> {
    let missing = own.ir.services.values().filter(|service| {
        let same = |other: &crate::ir::service::Service| {
            other.address == service.address && other.protocol == service.protocol
        };
        !peer.ir.services.values().any(same)
    });
    let finding = |service: &crate::ir::service::Service| {
        let message = format!("the peer has no virtual server {}: nothing serves it after a takeover", service.shown());
        let help = "write the same virtual_server on both boxes";
        Diagnostic::warning("link::service-only-here", message).at(own.span(service.span), "only here").help(help)
    };
    missing.map(finding).collect()
}
