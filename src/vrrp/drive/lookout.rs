//! Looks for a second master where adverts do not tell of one: whoever else claims a virtual address by ARP is asked
//! again, and while he answers the wire is watched for adverts that a packet filter keeps from us. IPv4 only.
//!
//! It looks from time to time and at a few frames at a time, so that no flood costs more.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use tracing::debug;

use super::Speaker;
use crate::bus::Verdict;
use crate::sys::packet::Tap;
use crate::vrrp::conflict::Trouble;
use crate::vrrp::wire::arp::{self, Mac};
use crate::vrrp::wire::sight;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);
/// How many frames it looks at each time.
const FRAMES: usize = 64;
/// An address that has moved may be claimed by its last holder for so long.
const SETTLED: Duration = Duration::from_secs(1);
/// A suspect who says nothing for so long is none.
const SILENCE: Duration = Duration::from_secs(3);
/// EtherTypes.
const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;

/// What is watched, and since when.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    /// Claims to these addresses, by interface.
    claims: BTreeMap<u32, (Vec<Ipv4Addr>, Option<Tap>)>,
    /// Adverts, by interface, where somebody is suspected.
    adverts: BTreeMap<u32, Tap>,
    at: Option<Instant>,
}

/// Somebody who claims an address of an instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspect {
    mac: Mac,
    address: Ipv4Addr,
    since: Instant,
    at: Instant,
    /// Whose adverts pass by the interface.
    source: Option<IpAddr>,
}

impl Lookout {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at
    }
}

impl Speaker {
    /// Watches the interfaces that the addresses are on.
    pub(super) fn post(&mut self) {
        let mut wanted: BTreeMap<u32, Vec<Ipv4Addr>> = BTreeMap::new();
        for place in 0..self.instances.len() {
            for (index, address) in self.watched(place) {
                wanted.entry(index).or_default().push(address);
            }
        }
        self.lookout.claims.retain(|index, (addresses, _)| wanted.get(index) == Some(addresses));
        for (index, addresses) in wanted {
            self.lookout.claims.entry(index).or_insert_with(|| {
                let tap = Tap::open(index, ARP, &sight::claims_of(&addresses));
                let tap = tap.inspect_err(|error| debug!("cannot watch ARP: {error}")).ok();
                (addresses, tap)
            });
        }
        let idle = self.lookout.claims.is_empty();
        self.lookout.at = (!idle).then(|| self.lookout.at.unwrap_or_else(|| Instant::now() + EVERY));
    }

    /// The IPv4 addresses of an instance and the interfaces they belong on.
    fn watched(&self, place: usize) -> Vec<(u32, Ipv4Addr)> {
        let Some(instance) = self.instances.get(place) else { return Vec::new() };
        let each = instance.machine.addresses().iter().filter_map(|address| match address.address {
            IpAddr::V4(ip) => self.device(place, address).map(|(_, index)| (index, ip)),
            IpAddr::V6(_) => None,
        });
        each.collect()
    }

    /// Looks, if it is time.
    pub(super) fn look(&mut self) {
        let now = Instant::now();
        if self.lookout.at.is_none_or(|at| at > now) {
            return;
        }
        self.lookout.at = Some(now + EVERY);
        let (claims, adverts) = (self.claims(), self.passing());
        for place in 0..self.instances.len() {
            self.suspect(place, now, &claims);
            self.weigh(place, now, &adverts);
        }
        self.watch_suspects();
    }

    /// Who claims an address and is not this machine.
    fn claims(&self) -> Vec<(u32, Mac, Ipv4Addr)> {
        let taps = self.lookout.claims.iter().filter_map(|(index, (_, tap))| Some((*index, tap.as_ref()?)));
        let seen = taps.flat_map(|(index, tap)| frames(tap, sight::claim).map(move |(mac, ip)| (index, mac, ip)));
        seen.filter(|(_, mac, _)| !self.links.has_mac(*mac)).collect()
    }

    /// Whose adverts pass by the interfaces that are watched for them.
    fn passing(&self) -> Vec<(u32, IpAddr, u8)> {
        let taps = self.lookout.adverts.iter();
        taps.flat_map(|(index, tap)| frames(tap, sight::advert).map(move |(from, vrid)| (*index, from, vrid))).collect()
    }

    /// Notes who claims an address of a master, and asks him again.
    fn suspect(&mut self, place: usize, now: Instant, claims: &[(u32, Mac, Ipv4Addr)]) {
        let master = self.verdict(place) == Some(Verdict::Master);
        let watched = if master { self.watched(place) } else { Vec::new() };
        let Some(instance) = self.instances.get_mut(place) else { return };
        let settled = master && instance.since.elapsed().is_ok_and(|held| held >= SETTLED);
        if !settled {
            (instance.suspect, instance.asked) = (None, false);
            return;
        }
        let is_ours = |index: u32, ip: Ipv4Addr| watched.contains(&(index, ip));
        let seen = claims.iter().find(|(index, _, ip)| is_ours(*index, *ip)).copied();
        match (&mut instance.suspect, seen) {
            (Some(suspect), Some((_, mac, address))) => {
                (suspect.mac, suspect.address, suspect.at) = (mac, address, now)
            }
            (None, Some((_, mac, address))) => {
                instance.suspect = Some(Suspect { mac, address, since: now, at: now, source: None });
            }
            (suspect, None) => drop(suspect.take_if(|suspect| now.duration_since(suspect.at) > SILENCE)),
        }
        let asks = if instance.asked { instance.suspect.map(|suspect| suspect.address) } else { None };
        let first = watched.first().filter(|_| !instance.asked).map(|(_, ip)| *ip);
        instance.asked = true;
        let Some(address) = asks.or(first) else { return };
        for (index, _) in watched.iter().filter(|(_, ip)| *ip == address) {
            let Some(mac) = self.links.get(*index).and_then(|link| link.mac) else { continue };
            if let Err(error) = self.arp.send(*index, &arp::probe(mac, address)) {
                debug!("cannot ask for {address}: {error}");
            }
        }
    }

    /// Says what a suspect who goes on answering means.
    fn weigh(&mut self, place: usize, now: Instant, adverts: &[(u32, IpAddr, u8)]) {
        let Some(instance) = self.instances.get_mut(place) else { return };
        let (vrid, interval, own) =
            (instance.machine.router().vrid, instance.machine.interval(), instance.machine.source());
        let heard = instance.heard_at;
        let Some(suspect) = &mut instance.suspect else { return };
        let foreign = adverts.iter().find(|(_, from, number)| *number == vrid && Some(*from) != own);
        suspect.source = foreign.map(|(_, from, _)| *from).or(suspect.source);
        // One that is heard is no riddle: what his adverts say is.
        let hears = heard.is_some_and(|heard| heard >= suspect.since);
        let long = now.duration_since(suspect.since) > interval + EVERY && suspect.at > suspect.since;
        let trouble = match suspect.source {
            _ if hears || !long => return,
            Some(source) => Trouble::Deaf { source },
            None => Trouble::Claimed { mac: suspect.mac, address: suspect.address },
        };
        self.trouble(place, trouble);
    }

    /// Adverts are watched where somebody is suspected, and nowhere else: each packet of the interface costs a little.
    fn watch_suspects(&mut self) {
        let suspicious = |place: &usize| self.instances.get(*place).is_some_and(|one| one.suspect.is_some());
        let places = (0..self.instances.len()).filter(suspicious).filter_map(|place| self.router(place));
        let wanted: Vec<u32> =
            places.filter_map(|router| self.links.named(router.transmits())).map(|it| it.index).collect();
        self.lookout.adverts.retain(|index, _| wanted.contains(index));
        for index in wanted {
            if self.lookout.adverts.contains_key(&index) {
                continue;
            }
            match Tap::open(index, IPV4, &sight::adverts()) {
                Ok(tap) => drop(self.lookout.adverts.insert(index, tap)),
                Err(error) => debug!("cannot watch adverts: {error}"),
            }
        }
    }
}

/// What the frames show that wait, or the first of them.
fn frames<T>(tap: &Tap, read: impl Fn(&[u8]) -> Option<T>) -> impl Iterator<Item = T> {
    let mut buffer = [0; 128];
    let mut lengths = 0;
    std::iter::from_fn(move || {
        lengths += 1;
        let length = tap.receive(&mut buffer).filter(|_| lengths <= FRAMES)?;
        Some(buffer.get(..length).and_then(&read))
    })
    .flatten()
}
