//! `/tmp/keepalived.data` and `/tmp/keepalived.stats` in keepalived's layout, for what exists here.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rkeep_parsers::ir::hmac::{Hmac, Replay};
use rkeep_parsers::ir::vrrp::{Auth, InitialState, Router, VirtualAddress};

use super::drive::{Instance, Speaker};
use super::group::Group;
use super::links::Link;
use super::wire::ipv4;
use crate::bus::Verdict;
use crate::log::dump;
use crate::sys::clock::LocalTime;

/// What SIGUSR1 writes.
pub const DATA: &str = "/tmp/keepalived.data";
/// What SIGUSR2 writes.
pub const STATS: &str = "/tmp/keepalived.stats";

/// Writes a dump without holding anybody up.
pub fn write(path: String, text: String) {
    tokio::task::spawn_blocking(move || dump::write(&path, &text));
}

impl Speaker {
    /// The counters of all instances.
    pub(super) fn statistics(&self) -> String {
        let one = |instance: &Instance| {
            format!("VRRP Instance: {}\n{}", instance.machine.router().name, instance.machine.stats())
        };
        self.instances.iter().map(one).collect()
    }

    /// All that is known.
    pub(super) fn data(&self) -> String {
        let mut out = String::new();
        // Writing into a String does not fail.
        let _ = self.write_data(&mut out);
        out
    }

    fn write_data(&self, out: &mut String) -> fmt::Result {
        dump::globals(out, &self.plan.global)?;
        writeln!(out, "------< VRRP Topology >------")?;
        for instance in &self.instances {
            self.instance(out, instance)?;
        }
        self.sockpool(out)?;
        writeln!(out, "------< VRRP Sync groups >------")?;
        for group in &self.groups {
            self.group(out, group)?;
        }
        writeln!(out, "------< Interfaces >------")?;
        self.links.iter().try_for_each(|link| interface(out, link))
    }

    fn instance(&self, out: &mut String, instance: &Instance) -> fmt::Result {
        let (machine, router) = (&instance.machine, instance.machine.router());
        writeln!(out, " VRRP Instance = {}\n   VRRP Version = {}", router.name, router.version)?;
        if let Some(group) = router.group.and_then(|group| self.plan.groups.get(group)) {
            writeln!(out, "   Sync group = {}", group.name)?;
        }
        writeln!(out, "   State = {}\n   Flags: none", state(machine.verdict()))?;
        writeln!(out, "   Wantstate = {}", wanted(router.initial))?;
        writeln!(out, "   Last transition = {}", moment(instance.since))?;
        if let Some(deadline) = machine.deadline() {
            writeln!(out, "   Read timeout = {}", moment(wall(deadline)))?;
        }
        writeln!(out, "   Master down timer = {} usecs", machine.down_time().as_micros())?;
        writeln!(out, "   Interface = {}", router.interface)?;
        writeln!(out, "   Using src_ip = {}", machine.source().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))?;
        match &router.unicast_peers[..] {
            [] => writeln!(out, "   Multicast address {}", self.group_of(router))?,
            peers => {
                writeln!(out, "   Unicast Peers :")?;
                peers.iter().try_for_each(|peer| writeln!(out, "     {}", peer.address))?;
            }
        }
        announcements(out, router)?;
        writeln!(out, "   Virtual Router ID = {}\n   Priority = {}", router.vrid, router.priority)?;
        writeln!(out, "   Effective priority = {0}\n   Total priority = {0}", machine.priority())?;
        writeln!(out, "   Advert interval = {}", interval(router))?;
        preemption(out, router)?;
        authentication(out, &router.auth)?;
        router.speech.hmac.iter().try_for_each(|hmac| extension(out, hmac))?;
        let set = machine.verdict() == Some(Verdict::Master);
        addresses(out, "Virtual IP", router, &router.addresses, set)?;
        addresses(out, "Virtual IP Excluded", router, &router.excluded, set)
    }

    fn sockpool(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "------< VRRP Sockpool >------")?;
        for socket in &self.sockets {
            let family = if socket.place.group.is_ipv4() { "IPv4" } else { "IPv6" };
            let protocol = if socket.place.protocol == ipv4::VRRP { "VRRP" } else { "AH" };
            writeln!(out, " Interface = {}\n   Family = {family}\n   Protocol = {protocol}", socket.place.name)?;
            writeln!(out, "   Type = Multicast\n   VRRP instances")?;
            for router in self.routers().filter(|router| self.speaks(router) == socket.place) {
                writeln!(out, "     {} vrid {}", router.name, router.vrid)?;
            }
        }
        Ok(())
    }

    fn group(&self, out: &mut String, group: &Group) -> fmt::Result {
        writeln!(out, " VRRP Sync Group = {}, {}", group.name, state(group.verdict()))?;
        writeln!(out, "   VRRP member instances :")?;
        let members = group.members.iter().filter_map(|member| self.instances.get(*member));
        members.into_iter().try_for_each(|member| writeln!(out, "     {}", member.machine.router().name))
    }
}

fn announcements(out: &mut String, router: &Router) -> fmt::Result {
    let yes = |no: bool| if no { "false" } else { "true" };
    writeln!(out, "   Gratuitous ARP delay = {}", router.garp_delay.as_secs())?;
    writeln!(out, "   Gratuitous ARP repeat = {}", router.garp_repeat)?;
    writeln!(out, "   Gratuitous ARP refresh = {}", router.garp_refresh.as_secs())?;
    writeln!(out, "   Gratuitous ARP refresh repeat = {}", router.garp_refresh_repeat)?;
    writeln!(out, "   Gratuitous ARP lower priority delay = {}", router.garp_lower_prio_delay.as_secs())?;
    writeln!(out, "   Gratuitous ARP lower priority repeat = {}", router.garp_lower_prio_repeat)?;
    writeln!(out, "   Down timer adverts = {}", router.down_timer_adverts)?;
    writeln!(out, "   Send advert after receive lower priority advert = {}", yes(router.lower_prio_no_advert))?;
    writeln!(out, "   Send advert after receive higher priority advert = {}", yes(!router.higher_prio_send_advert))
}

fn preemption(out: &mut String, router: &Router) -> fmt::Result {
    writeln!(out, "   Accept = enabled\n   Preempt = {}", if router.nopreempt { "disabled" } else { "enabled" })?;
    if router.preempt_delay.is_zero() {
        return Ok(());
    }
    writeln!(out, "   Preempt delay = {} secs", router.preempt_delay.as_secs_f64())
}

fn authentication(out: &mut String, auth: &Auth) -> fmt::Result {
    match auth {
        Auth::None => writeln!(out, "   Authentication type = none"),
        Auth::Pass(password) => {
            let shown = password.split(|byte| *byte == 0).next().unwrap_or_default();
            writeln!(out, "   Authentication type = SIMPLE_PASSWORD")?;
            writeln!(out, "   Password = {}", String::from_utf8_lossy(shown))
        }
        Auth::Ah(_) => writeln!(out, "   Authentication type = IPSEC_AH"),
    }
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

fn addresses(out: &mut String, title: &str, router: &Router, addresses: &[VirtualAddress], set: bool) -> fmt::Result {
    if addresses.is_empty() {
        return Ok(());
    }
    writeln!(out, "   {title} ({}):", addresses.len())?;
    addresses.iter().try_for_each(|held| writeln!(out, "     {}", address(router, held, set)))
}

/// `192.168.3.253 dev eth0 scope global set`
fn address(router: &Router, held: &VirtualAddress, set: bool) -> String {
    let mut text = held.address.to_string();
    if held.prefix != if held.address.is_ipv4() { 32 } else { 128 } {
        let _ = write!(text, "/{}", held.prefix);
    }
    if let Some(broadcast) = held.broadcast {
        let _ = write!(text, " brd {broadcast}");
    }
    let device = held.device.as_ref().unwrap_or(&router.interface);
    let _ = write!(text, " dev {device} scope {}", scope(held.scope));
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

fn interface(out: &mut String, link: &Link) -> fmt::Result {
    writeln!(out, " Name = {}\n   index = {}", link.name, link.index)?;
    for address in &link.addresses {
        writeln!(out, "   {} address = {address}", if address.is_ipv4() { "IPv4" } else { "IPv6" })?;
    }
    if let Some([a, b, c, d, e, f]) = link.mac {
        writeln!(out, "   MAC = {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")?;
    }
    writeln!(out, "   State = {}", if link.up { "UP, RUNNING" } else { "DOWN" })
}

fn interval(router: &Router) -> String {
    match router.version {
        2 => format!("{} sec", router.advert_interval.as_secs()),
        _ => format!("{} milli-sec", router.advert_interval.as_millis()),
    }
}

fn state(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Master) => "MASTER",
        Some(Verdict::Backup) => "BACKUP",
        Some(Verdict::Fault) => "FAULT",
        _ => "INIT",
    }
}

fn wanted(initial: InitialState) -> &'static str {
    match initial {
        InitialState::Master => "MASTER",
        InitialState::Backup => "BACKUP",
    }
}

/// `1795332504.834879 (Sun Nov 22 07:28:24.834879 2026)`
fn moment(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = since.subsec_micros();
    let ctime = LocalTime::at(at).to_string();
    let (clock, year) = ctime.rsplit_once(' ').unwrap_or((&ctime, ""));
    format!("{}.{micros:06} ({clock}.{micros:06} {year})", since.as_secs())
}

/// A deadline on the wall clock.
fn wall(deadline: Instant) -> SystemTime {
    let left: Duration = deadline.saturating_duration_since(Instant::now());
    SystemTime::now() + left
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::article;
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
    }

    #[test]
    fn moments_carry_microseconds_twice() {
        let shown = moment(UNIX_EPOCH + Duration::from_micros(1_795_332_504_834_879));
        assert!(shown.starts_with("1795332504.834879 ("), "{shown}");
        assert!(shown.ends_with(".834879 2026)"), "{shown}");
    }
}
