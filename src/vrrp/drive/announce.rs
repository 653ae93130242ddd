//! Gratuitous ARP and unsolicited neighbour advertisements: at once, or with `vrrp_garp_interval` and `vrrp_gna_interval`
//! between them, or those of a `garp_group`.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::debug;

use super::Speaker;
use crate::bus::Verdict;
use crate::vrrp::machine::io::Addresses;
use crate::vrrp::wire::{arp, ndisc};

/// So many wait at most; more have been overtaken by later ones.
const MOST: usize = 8192;

/// Those that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    waiting: VecDeque<Announcement>,
    /// When the next of a lane and a family may go out.
    free_at: HashMap<(Lane, bool), Instant>,
}

/// Whose announcements keep a distance: those of one interface, or of all in a `garp_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lane {
    Interface(u32),
    Group(usize),
}

#[derive(Debug)]
struct Announcement {
    /// The instance it is for.
    name: String,
    index: u32,
    ip: IpAddr,
    lane: Lane,
}

impl Announcements {
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = |waiting: &Announcement| self.free_at.get(&waiting.turn()).copied();
        // Those of one lane wait for the same moment.
        self.waiting.iter().map(|waiting| due(waiting).unwrap_or_else(Instant::now)).min()
    }
}

impl Announcement {
    fn turn(&self) -> (Lane, bool) {
        (self.lane, self.ip.is_ipv4())
    }
}

impl Speaker {
    pub(super) fn announce(&mut self, place: usize, addresses: &Addresses, repeat: u32) {
        let Some(name) = self.router(place).map(|router| router.name.clone()) else { return };
        for round in 0..repeat {
            for address in addresses.iter() {
                let Some((device, index)) = self.device(place, address) else { continue };
                let ip = address.address;
                if round == 0 {
                    let what = if ip.is_ipv4() { "gratuitous ARPs" } else { "Unsolicited Neighbour Adverts" };
                    debug!("({name}) Sending/queueing {what} on {device} for {ip}");
                }
                let lane = self.lane(index);
                if self.gap(lane, ip).is_zero() {
                    self.claim(index, ip);
                } else if self.announcements.waiting.len() < MOST {
                    self.announcements.waiting.push_back(Announcement { name: name.clone(), index, ip, lane });
                }
            }
        }
        self.announce_due();
    }

    fn lane(&self, index: u32) -> Lane {
        let groups = &self.plan.global.garp_groups;
        let link = self.links.get(index).filter(|_| !groups.is_empty());
        let group = link.and_then(|link| groups.iter().position(|group| group.interfaces.contains(&link.name)));
        group.map_or(Lane::Interface(index), Lane::Group)
    }

    fn gap(&self, lane: Lane, ip: IpAddr) -> Duration {
        let global = &self.plan.global;
        let (garp, gna) = match lane {
            Lane::Interface(_) => (global.garp_interval, global.gna_interval),
            // A group that a reload has taken away keeps nothing waiting.
            Lane::Group(group) => global
                .garp_groups
                .get(group)
                .map_or_else(Default::default, |group| (group.garp_interval, group.gna_interval)),
        };
        if ip.is_ipv4() { garp } else { gna }
    }

    /// Sends those whose turn it is, as long as their instances are master.
    pub(super) fn announce_due(&mut self) {
        let now = Instant::now();
        for waiting in std::mem::take(&mut self.announcements.waiting) {
            let free_at = self.announcements.free_at.get(&waiting.turn());
            if free_at.is_some_and(|at| *at > now) {
                self.announcements.waiting.push_back(waiting);
                continue;
            }
            let mut instances = self.instances.iter().map(|instance| &instance.machine);
            let of_it = instances.find(|machine| machine.router().name == waiting.name);
            if of_it.and_then(|machine| machine.verdict()) == Some(Verdict::Master) {
                let gap = self.gap(waiting.lane, waiting.ip);
                self.announcements.free_at.insert(waiting.turn(), now + gap);
                self.claim(waiting.index, waiting.ip);
            }
        }
    }

    /// Sends one.
    fn claim(&self, index: u32, ip: IpAddr) {
        let Some(link) = self.links.get(index) else { return };
        let (Some(mac), device) = (link.mac, &link.name) else { return };
        let short = if ip.is_ipv4() { "gratuitous ARP" } else { "unsolicited Neighbour Advert" };
        debug!("Sending {short} on {device} for {ip}");
        let sent = match ip {
            IpAddr::V4(ip) => self.arp.send(index, &arp::gratuitous(mac, ip)),
            IpAddr::V6(ip) => self.arp.send(index, &ndisc::unsolicited(mac, ip, forwards(device))),
        };
        if let Err(error) = sent {
            debug!("Error sending {short} on {device} for {ip}: {error}");
        }
    }
}

/// Whether this machine is an IPv6 router on an interface.
fn forwards(device: &str) -> bool {
    let path = format!("/proc/sys/net/ipv6/conf/{device}/forwarding");
    std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "1")
}
