//! An instance in the data dump.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use rkeep_parsers::ir::hmac::{Hmac, Replay};
use rkeep_parsers::ir::track::Kind;
use rkeep_parsers::ir::vrrp::{Auth, Router, VirtualAddress};

use super::super::drive::{Instance, Speaker};
use super::super::json::wants_master;
use super::super::machine::Machine;
use super::{moment, state, wall};
use crate::bus::Verdict;

/// What is shown of a password.
pub const HIDDEN: &str = "********";

impl Speaker {
    pub(super) fn instance(&self, out: &mut String, instance: &Instance) -> fmt::Result {
        let (machine, router) = (&instance.machine, instance.machine.router());
        writeln!(out, " VRRP Instance = {}\n   VRRP Version = {}", router.name, router.version)?;
        if let Some(group) = router.group.and_then(|group| self.plan.groups.get(group)) {
            writeln!(out, "   Sync group = {}", group.name)?;
        }
        writeln!(out, "   State = {}", state(machine.verdict()))?;
        let unicast = !router.unicast_peers.is_empty();
        writeln!(out, "   Flags:{}", if unicast { "\n     Using unicast" } else { " none" })?;
        let wanted = if wants_master(machine.verdict(), router) { "MASTER" } else { "BACKUP" };
        writeln!(out, "   Wantstate = {wanted}")?;
        writeln!(out, "   Last transition = {}", moment(instance.since))?;
        if let Some(deadline) = machine.deadline() {
            writeln!(out, "   Read timeout = {}", moment(wall(deadline)))?;
        }
        writeln!(out, "   Master down timer = {} usecs", machine.down_time().as_micros())?;
        self.places(out, machine, router)?;
        announcements(out, router)?;
        writeln!(out, "   Virtual Router ID = {}\n   Priority = {}", router.vrid, router.priority)?;
        writeln!(out, "   Effective priority = {0}\n   Total priority = {0}", machine.priority())?;
        writeln!(out, "   Advert interval = {}", interval(router))?;
        preemption(out, router)?;
        authentication(out, router)?;
        let set = machine.verdict() == Some(Verdict::Master);
        addresses(out, &format!("Virtual IP ({})", router.addresses.len()), router, &router.addresses, set)?;
        addresses(out, "Virtual IP Excluded ", router, &router.excluded, set)?;
        if unicast {
            peers(out, router)?;
        }
        tracked(out, router)?;
        let mails = if self.mails(&router.name) { "yes" } else { "no" };
        let deleted = if router.notify.deleted.is_some() { "Deleted" } else { "Fault" };
        writeln!(out, "   Using smtp notification = {mails}\n   Notify deleted = {deleted}")?;
        writeln!(out, "   Notify priority changes = {}", router.speech.notify_priority_changes)
    }

    /// Where its adverts come from and go to.
    fn places(&self, out: &mut String, machine: &Machine, router: &Router) -> fmt::Result {
        match &router.speech.vmac {
            Some(vmac) => {
                let (name, base) = (&vmac.name, router.speech.xmit_base);
                let up = self.links.is_up(name);
                writeln!(out, "   Use VMAC, i/f name {name}, is_up = {up}, xmit_base = {base}")?;
                writeln!(out, "   Interface = {name}, vmac on {}", router.interface)?;
            }
            None => writeln!(out, "   Interface = {}", router.interface)?,
        }
        let source = machine.source().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let said = if router.source.is_some() { " (from configuration)" } else { "" };
        writeln!(out, "   Using src_ip = {source}{said}")?;
        match &router.unicast_peers[..] {
            [] => writeln!(out, "   Multicast address {}", self.group_of(router)),
            _ => Ok(()),
        }
    }
}

fn announcements(out: &mut String, router: &Router) -> fmt::Result {
    writeln!(out, "   Gratuitous ARP delay = {}", router.garp_delay.as_secs())?;
    writeln!(out, "   Gratuitous ARP repeat = {}", router.garp_repeat)?;
    writeln!(out, "   Gratuitous ARP refresh = {}", router.garp_refresh.as_secs())?;
    writeln!(out, "   Gratuitous ARP refresh repeat = {}", router.garp_refresh_repeat)?;
    writeln!(out, "   Gratuitous ARP lower priority delay = {}", router.garp_lower_prio_delay.as_secs())?;
    writeln!(out, "   Gratuitous ARP lower priority repeat = {}", router.garp_lower_prio_repeat)?;
    writeln!(out, "   Down timer adverts = {}", router.down_timer_adverts)?;
    writeln!(out, "   Send advert after receive lower priority advert = {}", !router.lower_prio_no_advert)?;
    writeln!(out, "   Send advert after receive higher priority advert = {}", router.higher_prio_send_advert)
}

fn preemption(out: &mut String, router: &Router) -> fmt::Result {
    writeln!(out, "   Preempt = {}", if router.nopreempt { "disabled" } else { "enabled" })?;
    if !router.preempt_delay.is_zero() {
        writeln!(out, "   Preempt delay = {} secs", router.preempt_delay.as_secs_f64())?;
    }
    let promotes = if router.speech.promote_secondaries { "enabled" } else { "disabled" };
    writeln!(out, "   Promote_secondaries = {promotes}")
}

fn authentication(out: &mut String, router: &Router) -> fmt::Result {
    match router.auth {
        Auth::None if router.version == 2 => writeln!(out, "   Authentication type = none")?,
        Auth::None => {}
        Auth::Pass(_) => writeln!(out, "   Authentication type = SIMPLE_PASSWORD\n   Password = {HIDDEN}")?,
        Auth::Ah(_) => writeln!(out, "   Authentication type = IPSEC_AH")?,
    }
    router.speech.hmac.iter().try_for_each(|hmac| extension(out, hmac))?;
    if router.version == 2 || router.is_ipv6() {
        return Ok(());
    }
    let as_v2 = if router.speech.checksum_as_v2 { "enabled" } else { "disabled" };
    writeln!(out, "   VRRPv3 uses VRRPv2 checksum = {as_v2}")
}

fn extension(out: &mut String, hmac: &Hmac) -> fmt::Result {
    writeln!(out, "   Authentication extension = HMAC-SHA256-128")?;
    writeln!(out, "     Keys = {}, active key id = {}", hmac.keys.len(), hmac.active)?;
    writeln!(out, "     Mode = {}", hmac.mode.name())?;
    match hmac.replay {
        Replay::Time(window) => writeln!(out, "     Anti replay = time, window = {window} sec"),
        Replay::Monotonic => writeln!(out, "     Anti replay = monotonic"),
    }
}

fn peers(out: &mut String, router: &Router) -> fmt::Result {
    writeln!(out, "   Unicast TTL = {}", router.speech.unicast_ttl.unwrap_or(255))?;
    let checks = if router.speech.check_unicast_source { "yes" } else { "no" };
    writeln!(out, "   Check unicast src : {checks}\n   Unicast Peer :")?;
    let mut peers = router.unicast_peers.iter();
    peers.try_for_each(|peer| writeln!(out, "     {} min_ttl {} max_ttl {}", peer.address, peer.min_ttl, peer.max_ttl))
}

fn tracked(out: &mut String, router: &Router) -> fmt::Result {
    let kinds = [
        (Kind::Interface, "interfaces"),
        (Kind::Script, "scripts"),
        (Kind::File, "files"),
        (Kind::Process, "processes"),
        (Kind::Bfd, "BFDs"),
    ];
    for (kind, title) in kinds {
        let mut all = router.tracked(kind).peekable();
        if all.peek().is_some() {
            writeln!(out, "   Tracked {title} :")?;
        }
        // keepalived has a comma in all but one.
        let comma = if kind == Kind::Script { "" } else { "," };
        for track in all {
            let reverse = if track.weight.reverse { " reverse" } else { "" };
            writeln!(out, "     {}{comma} weight {}{reverse}", track.name, track.weight.value)?;
        }
    }
    Ok(())
}

fn addresses(out: &mut String, title: &str, router: &Router, addresses: &[VirtualAddress], set: bool) -> fmt::Result {
    if addresses.is_empty() {
        return Ok(());
    }
    writeln!(out, "   {title}:")?;
    addresses.iter().try_for_each(|held| writeln!(out, "     {}", address(router, held, set)))
}

/// `192.168.3.253 dev eth0 scope global set`
pub fn address(router: &Router, held: &VirtualAddress, set: bool) -> String {
    let mut text = held.address.to_string();
    if held.prefix != if held.address.is_ipv4() { 32 } else { 128 } {
        let _ = write!(text, "/{}", held.prefix);
    }
    if let Some(broadcast) = held.broadcast {
        let _ = write!(text, " brd {broadcast}");
    }
    let _ = match (&held.device, &router.speech.vmac) {
        (Some(device), _) => match router.base_of(device) {
            Some(base) => write!(text, " dev {device}@{base}"),
            None => write!(text, " dev {device}"),
        },
        (None, Some(vmac)) => write!(text, " dev {}@{}", vmac.name, router.interface),
        (None, None) => write!(text, " dev {}", router.interface),
    };
    let _ = write!(text, " scope {}", scope(held.scope));
    if let Some(label) = &held.label {
        let _ = write!(text, " label {label}");
    }
    text + if set { " set" } else { "" }
}

fn scope(scope: u8) -> String {
    match scope {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        other => other.to_string(),
    }
}

fn interval(router: &Router) -> String {
    match router.version {
        2 => format!("{} sec", router.advert_interval.as_secs()),
        _ => format!("{} milli-sec", router.advert_interval.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::ir::vrrp::{Speech, Vmac};

    use super::super::super::machine::tests::article;
    use super::*;

    #[test]
    fn addresses_are_shown_as_keepalived_shows_them() {
        let router = article(100);
        let held = &router.addresses[0];
        assert_eq!(address(&router, held, true), "192.168.3.253 dev eth0 scope global set");
        let labelled = VirtualAddress {
            prefix: 24,
            label: Some("eth1:0".to_owned()),
            device: Some("eth1".to_owned()),
            scope: 253,
            ..held.clone()
        };
        assert_eq!(address(&router, &labelled, false), "192.168.3.253/24 dev eth1 scope link label eth1:0");
        let vmac = Vmac { name: "vrrp.51".to_owned(), mac: None };
        let router = Router { speech: Speech { vmac: Some(vmac), ..Speech::default() }, ..router };
        assert_eq!(address(&router, &router.addresses[0], false), "192.168.3.253 dev vrrp.51@eth0 scope global");
    }

    #[test]
    fn no_password_is_shown() {
        let mut out = String::new();
        authentication(&mut out, &article(100)).expect("a String takes all");
        assert_eq!(out, "   Authentication type = SIMPLE_PASSWORD\n   Password = ********\n");
    }
}
