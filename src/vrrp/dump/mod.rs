//! `/tmp/keepalived.data` and `/tmp/keepalived.stats` in keepalived's layout, for what exists here.

mod instance;
mod tracked;

pub use instance::{HIDDEN, address};

use std::fmt::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
        self.tracked(out)?;
        writeln!(out, "------< Interfaces >------")?;
        self.links.iter().try_for_each(|link| interface(out, link))
    }

    fn sockpool(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "------< VRRP Sockpool >------")?;
        for socket in &self.sockets {
            let family = if socket.place.group.is_ipv4() { "IPv4" } else { "IPv6" };
            let protocol = if socket.place.protocol == ipv4::VRRP { "VRRP" } else { "AH" };
            writeln!(out, " Interface = {}\n   Family = {family}\n   Protocol = {protocol}", socket.place.name)?;
            writeln!(out, "   Type = Multicast\n   Rx buf size = 0\n   VRRP instances")?;
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

fn state(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Master) => "MASTER",
        Some(Verdict::Backup) => "BACKUP",
        Some(Verdict::Fault) => "FAULT",
        _ => "INIT",
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
    use super::*;

    #[test]
    fn moments_carry_microseconds_twice() {
        let shown = moment(UNIX_EPOCH + Duration::from_micros(1_795_332_504_834_879));
        assert!(shown.starts_with("1795332504.834879 ("), "{shown}");
        assert!(shown.ends_with(".834879 2026)"), "{shown}");
    }
}
