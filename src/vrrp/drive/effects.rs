//! Doing what the machines say.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use rkeep_parsers::ir::vrrp::{Router, VirtualAddress};
use tracing::{debug, info, warn};

use super::Speaker;
use crate::bus::{Cause, Subject, Verdict};
use crate::vrrp::conflict::Trouble;
use crate::vrrp::group::{Order, follow, lead};
use crate::vrrp::machine::io::{Addresses, Effect, Input};
use crate::vrrp::machine::note::Note;
use crate::vrrp::wire::advert::{self, Advert, Route};
use crate::vrrp::wire::hmac::Stamp;
use crate::vrrp::wire::ipv4::TTL;

/// What machines are still to be told.
type Queue = VecDeque<(usize, Input)>;

impl Speaker {
    /// Tells a machine something and does what comes of it, its group's consequences included.
    pub(super) async fn tell(&mut self, place: usize, input: Input) {
        let mut queue = Queue::from([(place, input)]);
        let mut effects = Vec::new();
        let mut moved = false;
        while let Some((place, input)) = queue.pop_front() {
            if let Some(instance) = self.instances.get_mut(place) {
                instance.machine.handle(Instant::now(), input, &mut effects);
            }
            for effect in effects.drain(..) {
                moved |= matches!(effect, Effect::Add(_) | Effect::Remove(_));
                self.perform(place, effect, &mut queue).await;
            }
        }
        if moved && let Err(error) = self.held.write() {
            warn!("cannot note the addresses that are set: {error}");
        }
    }

    async fn perform(&mut self, place: usize, effect: Effect, queue: &mut Queue) {
        match effect {
            Effect::Say(note) => self.say(place, &note),
            Effect::Advert(priority) => self.advertise(place, priority),
            Effect::Add(addresses) => self.add(place, &addresses).await,
            Effect::Remove(addresses) => self.remove(place, &addresses).await,
            Effect::Lead(paths, set) => self.lead(place, &paths, set).await,
            Effect::Announce(addresses, repeat) => self.announce(place, &addresses, repeat),
            Effect::Ready => self.ready(place, queue),
            Effect::Became { verdict, cause } => self.became(place, verdict, cause, queue),
        }
    }

    fn say(&self, place: usize, note: &Note) {
        let Some(name) = self.router(place).map(|router| &router.name) else { return };
        self.tell_of(place, name, note);
        if note.is_detail() {
            debug!("({name}) {note}");
        } else {
            info!("({name}) {note}");
        }
    }

    /// What others want to know of it.
    fn tell_of(&self, place: usize, name: &str, note: &Note) {
        let name = name.to_owned();
        let heard = Cause::kind("advert");
        match note {
            Note::MasterIs(master) => {
                self.facts.say(Subject::Owner(name), Verdict::Master, Cause { text: master.to_string(), ..heard });
            }
            Note::Lower { source, ours, .. } => {
                let cause = Cause { text: source.to_string(), value: i64::from(*ours), ..heard };
                self.facts.say(Subject::Lower(name), Verdict::Master, cause);
            }
            Note::Priority { to, .. } => {
                let Some(verdict) = self.verdict(place) else { return };
                let cause = Cause { value: i64::from(*to), ..Cause::kind("priority") };
                self.facts.say(Subject::Priority(name), verdict, cause);
            }
            _ => {}
        }
    }

    fn advertise(&mut self, place: usize, priority: u8) {
        let Some(instance) = self.instances.get_mut(place) else { return };
        instance.sequence = instance.sequence.wrapping_add(1);
        let sequence = instance.sequence;
        if let Some(hmac) = &instance.machine.router().speech.hmac {
            instance.stamp = Stamp::at(SystemTime::now()).after(instance.stamp, hmac);
        }
        let Some(instance) = self.instances.get(place) else { return };
        let router = instance.machine.router();
        let Some(source) = instance.machine.source() else { return };
        let speaks = self.speaks(router);
        let Some(socket) = self.sockets.iter().find(|socket| socket.place == speaks) else { return };
        let addresses: Vec<IpAddr> = advertised(router).collect();
        let advert = Advert {
            version: router.version,
            vrid: router.vrid,
            priority,
            interval: router.advert_interval,
            auth: &router.auth,
            addresses: &addresses,
            checksum_as_v2: router.speech.checksum_as_v2,
            signed: router.speech.hmac.as_ref().map(|hmac| (hmac, instance.stamp)),
        };
        let multicast = router.unicast_peers.is_empty().then_some(speaks.group);
        let peers = router.unicast_peers.iter().map(|peer| peer.address);
        let mut muted = false;
        for destination in multicast.into_iter().chain(peers) {
            self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
            let hops = if destination.is_multicast() { TTL } else { router.speech.unicast_ttl.unwrap_or(TTL) };
            let route = Route { source, destination, hops, id: self.packet_id, sequence };
            advert::compose(&mut self.packet, &advert, &route);
            // A link that is down cannot send; netlink tells of it.
            if let Err(error) = socket.send(&self.packet, destination) {
                debug!("({}) send advert: {error}", router.name);
                muted |= error.kind() == std::io::ErrorKind::PermissionDenied;
            }
        }
        if muted && priority != 0 {
            self.trouble(place, Trouble::Muted);
        }
    }

    async fn add(&mut self, place: usize, addresses: &Addresses) {
        self.refuse();
        for address in addresses.iter() {
            let Some((device, index)) = self.device(place, address) else { continue };
            match self.netlink.add(index, address).await {
                Ok(()) => {
                    self.held.add(&device, address);
                    self.facts.say(subject(address), Verdict::Up, Cause::kind("set"));
                }
                Err(error) => warn!("Netlink: cannot set {} on {device}: {error}", address.address),
            }
        }
    }

    /// In reverse, so that a secondary address goes before its primary.
    async fn remove(&mut self, place: usize, addresses: &Addresses) {
        for address in addresses.iter().rev() {
            let Some((device, index)) = self.device(place, address) else { continue };
            match self.netlink.remove(index, address).await {
                Ok(()) => {
                    self.held.remove(&device, address);
                    self.facts.say(subject(address), Verdict::Down, Cause::kind("removed"));
                }
                Err(error) => warn!("Netlink: cannot remove {} from {device}: {error}", address.address),
            }
        }
        self.refuse();
    }

    fn ready(&self, place: usize, queue: &mut Queue) {
        let is_ready = |member: usize| self.instances.get(member).is_some_and(|member| member.machine.is_ready());
        // None: a group that this reload has just dissolved.
        let group = self.groups.iter().find(|group| group.members.contains(&place));
        if group.is_none_or(|group| group.is_ready(is_ready)) {
            queue.push_back((place, lead()));
        }
    }

    fn became(&mut self, place: usize, verdict: Verdict, cause: &'static str, queue: &mut Queue) {
        let Some(instance) = self.instances.get_mut(place) else { return };
        instance.since = SystemTime::now();
        let priority = i64::from(instance.machine.priority());
        let subject = Subject::Router(instance.machine.router().name.clone());
        self.facts.say(subject, verdict, Cause { value: priority, ..Cause::kind(cause) });
        self.group_became(place, verdict, cause, queue);
    }

    fn group_became(&mut self, place: usize, verdict: Verdict, cause: &'static str, queue: &mut Queue) {
        let verdicts: Vec<Option<Verdict>> = (0..self.instances.len()).map(|member| self.verdict(member)).collect();
        let verdict_of = |member: usize| verdicts.get(member).copied().flatten();
        for group in self.groups.iter_mut().filter(|group| group.members.contains(&place)) {
            for order in group.became(place, verdict, cause, verdict_of) {
                match order {
                    Order::Say(line) => info!("{line}"),
                    Order::Follow(member, verdict) => queue.push_back((member, follow(verdict, cause))),
                    Order::Became(verdict) => {
                        self.facts.say(Subject::Group(group.name.clone()), verdict, Cause::kind(cause));
                    }
                }
            }
        }
    }

    /// The interface an address belongs on.
    pub(super) fn device(&self, place: usize, address: &VirtualAddress) -> Option<(String, u32)> {
        let router = self.router(place)?;
        let name = address.device.as_deref().unwrap_or_else(|| router.bears());
        self.links.named(name).map(|link| (name.to_owned(), link.index))
    }
}

/// An address as others know it.
fn subject(address: &VirtualAddress) -> Subject {
    Subject::Address(address.address.to_string())
}

/// The addresses that an instance's adverts name.
pub(super) fn advertised(router: &Router) -> impl Iterator<Item = IpAddr> {
    router.addresses.iter().map(|address| address.address)
}
