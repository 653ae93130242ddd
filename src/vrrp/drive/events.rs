//! What the network, the kernel and the host say, turned into the machines' inputs.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use rkeep_parsers::ir::track::Kind;
use rkeep_parsers::ir::vrrp::{Router, VirtualAddress};
use tracing::{debug, info, warn};

use super::effects::advertised;
use super::{COMPLAIN_EVERY, Speaker};
use crate::bus::fact::Tracked;
use crate::bus::{Fact, Input, Subject, Verdict};
use crate::plan::VrrpPlan;
use crate::vrrp::links::{self, Change, Links};
use crate::vrrp::machine::io;
use crate::vrrp::netlink::News;
use crate::vrrp::track::Circumstances;
use crate::vrrp::wire::accept::{self, Expected, Oddity, Why};
use crate::vrrp::wire::hmac::{Guard, Stamp};
use crate::vrrp::wire::packet::Packet;
use crate::vrrp::{dump, json};

/// No advert is longer: 255 addresses, headers and password.
const LONGEST_PACKET: usize = 60 + 24 + 8 + 16 * 255 + 8;

/// So many packets are taken in one turn at most, which is more than wait on a socket: all that came before a deadline
/// are heard before it counts, and no flood keeps the clock waiting.
const MOST_PACKETS: usize = 1024;

/// When was last said that a packet is too short to say whose it is, or is of a virtual router that nobody here is of.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    by_vrid: HashMap<Option<u8>, Instant>,
}

/// When which complaint was last made: others' adverts may come often.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    rejects: HashMap<Discriminant<Why>, Instant>,
    oddities: HashMap<Discriminant<Oddity>, Instant>,
}

impl Complaints {
    fn reject(&mut self, why: Why) -> bool {
        is_due(&mut self.rejects, discriminant(&why))
    }

    fn oddity(&mut self, oddity: Oddity) -> bool {
        is_due(&mut self.oddities, discriminant(&oddity))
    }
}

/// Where a dump is written.
fn place(said: &Option<String>, usual: &str) -> String {
    said.as_deref().unwrap_or(usual).to_owned()
}

fn is_due<K: std::hash::Hash + Eq>(made: &mut HashMap<K, Instant>, kind: K) -> bool {
    let now = Instant::now();
    let due = made.get(&kind).is_none_or(|last| now.duration_since(*last) >= COMPLAIN_EVERY);
    if due {
        made.insert(kind, now);
    }
    due
}

impl Speaker {
    /// Takes all packets that wait.
    pub(super) async fn hear(&mut self) {
        let mut buffer = [0; LONGEST_PACKET];
        self.backlog = false;
        for socket in 0..self.sockets.len() {
            self.backlog |= self.hear_all(socket, &mut buffer).await;
        }
    }

    /// Takes all packets of a socket. Returns whether there may be more.
    async fn hear_all(&mut self, socket: usize, buffer: &mut [u8]) -> bool {
        for _ in 0..MOST_PACKETS {
            match self.hear_one(socket, buffer) {
                None => return false,
                Some(None) => {}
                Some(Some((place, input))) => self.tell(place, input).await,
            }
        }
        true
    }

    /// What the next packet of a socket says and to whom, if it says anything; none if no packet waits.
    fn hear_one(&mut self, socket: usize, buffer: &mut [u8]) -> Option<Option<(usize, io::Input)>> {
        let socket = self.sockets.get(socket)?;
        let packet = match socket.receive(buffer)? {
            Ok(packet) => packet,
            Err(short) => {
                if is_due(&mut self.strangers.by_vrid, None) {
                    debug!("{short}");
                }
                return Some(None);
            }
        };
        let (vrid, place) = (accept::vrid(&packet), &socket.place);
        let is_for = |router: &Router| {
            let here = (router.transmits(), router.is_ipv6()) == (place.name.as_str(), place.group.is_ipv6());
            here && vrid == Some(router.vrid)
        };
        let found = self.instances.iter().position(|instance| is_for(instance.machine.router()));
        let unknown = found.is_none() && self.plan.global.log_unknown_vrids;
        if unknown && is_due(&mut self.strangers.by_vrid, vrid) {
            let (vrid, name) = (vrid.unwrap_or_default(), &place.name);
            info!("Unknown VRID({vrid}) received on interface({name}). ignoring...");
        }
        Some(found.and_then(|found| Some((found, self.accept(found, &packet)?))))
    }

    fn accept(&mut self, place: usize, packet: &Packet<'_>) -> Option<io::Input> {
        let instance = self.instances.get_mut(place)?;
        let router = instance.machine.router();
        let addresses: Vec<IpAddr> = advertised(router).collect();
        let expected = Expected {
            version: router.version,
            vrid: router.vrid,
            interval: instance.machine.interval(),
            auth: &router.auth,
            addresses: &addresses,
            peers: &router.unicast_peers,
            check_hops: router.speech.check_unicast_source,
            checksum_as_v2: router.speech.checksum_as_v2,
            sequence: instance.sequence,
            guard: router.speech.hmac.as_ref().map(|hmac| Guard {
                hmac,
                now: Stamp::at(SystemTime::now()),
                marks: &instance.marks,
            }),
        };
        match accept::accept(packet, &expected) {
            Ok(heard) => {
                match heard.sequence {
                    Some(stamp) if expected.guard.is_some() => {
                        let peers = router.unicast_peers.len();
                        instance.marks.raise(heard.source, Stamp(stamp), peers);
                    }
                    Some(sequence) => instance.sequence = sequence as u32,
                    None => {}
                }
                if let Some(oddity) = heard.oddity.filter(|oddity| instance.complaints.oddity(*oddity)) {
                    info!("({}) {oddity}", router.name);
                }
                self.doubt(place, &heard, packet);
                Some(io::Input::Heard(heard))
            }
            Err(reject) => {
                if instance.complaints.reject(reject.why) {
                    info!("({}) {reject}", router.name);
                }
                instance.machine.stats_mut().rejected(reject.why);
                instance.heard_at = Some(Instant::now());
                self.resent(place, &reject, packet);
                None
            }
        }
    }

    /// Takes the kernel's news in.
    pub(super) async fn learn(&mut self, news: News) {
        match news {
            News::Change(change) => self.change(change).await,
            News::Missed => self.look_again().await,
        }
    }

    async fn change(&mut self, change: Change) {
        let lost = match &change {
            Change::AddressGone { index, address } => Some((*index, *address)),
            _ => None,
        };
        if let Some((index, address)) = lost {
            self.lose(index, address).await;
        }
        if let Some(change) = self.linger(change) {
            self.count(change).await;
        }
    }

    /// A change that counts.
    pub(super) async fn count(&mut self, change: Change) {
        let Some(news) = self.links.apply(change) else { return };
        match &news {
            _ if !self.concerns(&news) => {}
            links::News::State { .. } => info!("{news}"),
            links::News::Assigned { .. } | links::News::Deassigned { .. } => debug!("{news}"),
        }
        self.settle().await;
    }

    /// Everything is read anew, because some of the kernel's news was lost.
    async fn look_again(&mut self) {
        match self.netlink.snapshot().await {
            Ok(changes) => {
                self.links = Links::default();
                self.first_look(changes);
                for place in 0..self.instances.len() {
                    self.find_lost(place).await;
                }
                self.settle().await;
            }
            Err(error) => warn!("Netlink: cannot read interfaces: {error}"),
        }
    }

    /// After interfaces changed: sockets, sources and conditions follow.
    async fn settle(&mut self) {
        if let Err(error) = self.open_sockets() {
            warn!("cannot open a raw socket: {error}");
        }
        self.judge().await;
    }

    /// Tells every machine its source and its condition.
    pub(super) async fn judge(&mut self) {
        let routers: Vec<_> = self.routers().collect();
        let (links, virtual_addresses, trackers) = (&self.links, &self.virtual_addresses, &self.trackers);
        let circumstances = Circumstances { links, virtual_addresses, trackers };
        let conditions = circumstances.judge(&routers);
        let sources: Vec<_> = routers.iter().map(|router| circumstances.source(router)).collect();
        let routers: Vec<_> = self.instances.iter().map(|instance| instance.machine.router()).collect();
        let abilities = self.abilities.judge(Instant::now(), &routers);
        let conditions = conditions.into_iter().zip(abilities).map(|(rest, ability)| io::Condition { ability, ..rest });
        for (place, (condition, source)) in conditions.zip(sources).enumerate() {
            // A good-bye still needs the source that is about to go.
            if source.is_some() {
                self.tell(place, io::Input::Source(source)).await;
            }
            self.tell(place, io::Input::Condition(condition)).await;
            self.begin(place, condition.waiting && !condition.fault).await;
        }
    }

    /// An address is gone from an interface: whoever holds it there has lost it, unless it is back already, as after a
    /// quick change of masters.
    async fn lose(&mut self, index: u32, address: IpAddr) {
        for place in 0..self.instances.len() {
            let held =
                self.holding(place).find(|held| held.address == address && (self.holding || !held.no_track)).cloned();
            let Some(held) = held else { continue };
            let Some((device, on)) = self.device(place, &held) else { continue };
            if on == index && matches!(self.netlink.has(index, &held).await, Ok(false)) {
                if self.holding {
                    self.set_again(index, &held).await;
                    continue;
                }
                debug!("Netlink reflector reports IP {address} removed from {device}");
                self.tell(place, io::Input::AddressLost).await;
            }
        }
    }

    async fn set_again(&self, index: u32, address: &VirtualAddress) {
        match self.netlink.add(index, address).await {
            Ok(()) => info!("{} was removed and is set again", address.address),
            Err(error) => warn!("Netlink: cannot set {} again: {error}", address.address),
        }
    }

    /// Whether a master has lost an address while nobody listened.
    async fn find_lost(&mut self, place: usize) {
        let held: Vec<_> = self.holding(place).cloned().collect();
        for held in held {
            if let Some((_, index)) = self.device(place, &held) {
                self.lose(index, held.address).await;
            }
        }
    }

    /// The addresses a master holds.
    fn holding(&self, place: usize) -> impl Iterator<Item = &VirtualAddress> {
        let is_master = self.verdict(place) == Some(Verdict::Master);
        let instance = self.instances.get(place).filter(|_| is_master);
        instance.into_iter().flat_map(|instance| instance.machine.addresses().iter())
    }

    /// Does what the host says.
    pub(super) async fn obey(&mut self, input: Input<VrrpPlan>) {
        match input {
            Input::Reload(plan) => self.reload(plan).await,
            Input::Fact(fact) => self.note(&fact).await,
            Input::Dump => dump::write(place(&self.plan.global.dumps.state, dump::DATA), self.data()),
            Input::Json => dump::write(place(&self.plan.global.dumps.json, json::PLACE), self.json()),
            Input::Stats { clear } => {
                dump::write(place(&self.plan.global.dumps.stats, dump::STATS), self.statistics());
                if clear {
                    self.instances.iter_mut().for_each(|instance| *instance.machine.stats_mut() = Default::default());
                }
            }
            Input::Hold(hold) => self.holding = hold,
            Input::Stop => {}
        }
    }

    /// Somebody else's fact.
    async fn note(&mut self, fact: &Fact) {
        let tracked = self.trackers.note(fact);
        if tracked {
            say_link(fact);
        }
        if self.abilities.note(fact) | tracked {
            self.judge().await;
        }
    }
}

/// Tells of a link that was asked for.
fn say_link(fact: &Fact) {
    if let Subject::Tracked(Tracked(Kind::Interface), name) = &fact.subject {
        info!("Linkbeat reports {name} {}", if fact.verdict == Verdict::Up { "up" } else { "down" });
    }
}
