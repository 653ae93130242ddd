//! The machines in the world: one thread that hears packets, the kernel's news, the host and the clock, and does what the
//! machines say. Nothing in here waits for anything but the kernel's answer on a netlink socket.

mod announce;
mod effects;
mod events;
mod lag;
mod lead;
mod linger;
mod lookout;
mod promote;
mod refuse;
mod reload;
mod split;
mod succeed;
mod vmac;

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use rkeep_parsers::ir::track::Kind;
use rkeep_parsers::ir::vrrp::{Auth, Fixed, Router};

use super::ability::Abilities;
use super::bfd;
use super::conflict::Conflict;
use super::group::Group;
use super::held::{self, Held};
use super::links::{self, Change, Links};
use super::machine::Machine;
use super::machine::io;
use super::netlink::{Netlink, News};
use super::sockets::{self, Place, Speaking};
use super::trackers::Trackers;
use super::wire::hmac::{Marks, Stamp};
use super::wire::{ah, ipv4, ipv6};
use crate::bus::fact::Tracked;
use crate::bus::{Cause, Exit, Input, Publisher, Subject, Verdict};
use crate::plan::VrrpPlan;
use crate::sys::clock;
use crate::sys::packet::PacketSocket;

/// Runs the instances of a plan until told to stop.
///
/// # Errors
/// [`Exit::Config`] when an interface is missing at the start, [`Exit::NoPermission`] without the right to raw sockets.
pub async fn run(plan: VrrpPlan, mut input: mpsc::Receiver<Input<VrrpPlan>>, facts: Publisher) -> Exit {
    let mut speaker = match Speaker::open(plan, facts).await {
        Ok(speaker) => speaker,
        Err(exit) => return exit,
    };
    if let Err(exit) = speaker.succeed().await {
        return exit;
    }
    speaker.start().await;
    while let Some(event) = speaker.next(&mut input).await {
        speaker.take(event).await;
    }
    if !speaker.holding {
        speaker.stop().await;
    }
    Exit::Done
}

/// One instance as the driver knows it.
#[derive(Debug)]
pub(super) struct Instance {
    pub machine: Machine,
    /// When it became what it is.
    pub since: SystemTime,
    /// Whether its machine has begun.
    begun: bool,
    /// Whether it has had to wait for that.
    waited: bool,
    /// `auth_type AH`: the number of the last packet, ours or a peer's.
    sequence: u32,
    /// `auth_hmac`: the number of the last packet we sent.
    stamp: Stamp,
    /// `auth_hmac`: those of others.
    marks: Marks,
    /// Whether, and why, somebody else is master at the same time.
    conflict: Conflict,
    /// When an advert of its number came last.
    heard_at: Option<Instant>,
    /// Who claims an address of it.
    suspect: Option<lookout::Suspect>,
    /// Whether it has been asked who has its addresses since it is master.
    asked: bool,
    /// Complaints about others' adverts.
    complaints: events::Complaints,
}

/// Everything.
pub(super) struct Speaker {
    pub plan: VrrpPlan,
    pub instances: Vec<Instance>,
    pub groups: Vec<Group>,
    pub links: Links,
    netlink: Netlink,
    pub sockets: Vec<Speaking>,
    arp: PacketSocket,
    held: Held,
    facts: Publisher,
    /// What others' facts mean.
    abilities: Abilities,
    /// Scripts, files, processes and sessions.
    trackers: Trackers,
    /// Sessions with neighbours.
    sessions: bfd::Sessions,
    /// When instances may begin, once they may at all.
    begin_at: Option<Instant>,
    virtual_addresses: HashSet<IpAddr>,
    /// What is set as long as we run.
    fixed: Fixed,
    /// VMAC interfaces that are ours.
    own_vmacs: HashSet<String>,
    /// Interfaces where `promote_secondaries` is our doing.
    promoted: Vec<String>,
    /// Announcements that wait for their turn.
    announcements: announce::Announcements,
    /// `no_accept`
    refusals: refuse::Refusals,
    /// Changes of interfaces that must last first.
    lingering: Vec<linger::Lingering>,
    /// Whether packets have been left waiting.
    backlog: bool,
    /// Complaints about packets of nobody's.
    strangers: events::Strangers,
    /// That we were kept from running.
    lag: lag::Lag,
    /// Looks for masters that are not heard.
    lookout: lookout::Lookout,
    packet_id: u16,
    packet: Vec<u8>,
    /// Another keepalived starts on this box: its removing our addresses is undone, and we end without a word.
    holding: bool,
}

/// What the loop wakes up for.
enum Event {
    Packets,
    /// A session's neighbour, or a session's clock.
    Session,
    Kernel(News),
    Host(Box<Input<VrrpPlan>>),
    Deadline,
}

impl Speaker {
    async fn open(plan: VrrpPlan, facts: Publisher) -> Result<Self, Exit> {
        debug!("Registering Kernel netlink reflector");
        debug!("Registering Kernel netlink command channel");
        let netlink = Netlink::connect().map_err(|error| refused("netlink", &error))?;
        let changes = netlink.snapshot().await.map_err(|error| Exit::Fatal(format!("netlink: {error}")))?;
        debug!("Registering gratuitous ARP shared channel");
        let arp = PacketSocket::open().map_err(|error| refused("packet socket", &error))?;
        let mut speaker = Speaker {
            plan: VrrpPlan::default(),
            instances: Vec::new(),
            groups: Vec::new(),
            links: Links::default(),
            netlink,
            sockets: Vec::new(),
            arp,
            held: Held::new(Path::new(held::DIRECTORY)),
            facts,
            abilities: Abilities::default(),
            trackers: Trackers::default(),
            sessions: bfd::Sessions::default(),
            begin_at: None,
            virtual_addresses: HashSet::new(),
            own_vmacs: HashSet::new(),
            fixed: Fixed::default(),
            promoted: Vec::new(),
            announcements: announce::Announcements::default(),
            refusals: refuse::Refusals::default(),
            lingering: Vec::new(),
            backlog: false,
            strangers: events::Strangers::default(),
            lag: lag::Lag::default(),
            lookout: lookout::Lookout::default(),
            packet_id: 0,
            packet: Vec::with_capacity(512),
            holding: false,
        };
        speaker.adopt(plan);
        speaker.first_look(changes);
        speaker.require_interfaces()?;
        speaker.make_vmacs().await;
        speaker.open_sockets().map_err(|error| refused("raw socket", &error))?;
        Ok(speaker)
    }

    fn first_look(&mut self, changes: Vec<Change>) {
        for change in changes {
            match self.links.apply(change) {
                Some(news @ links::News::Assigned { .. }) if self.concerns(&news) => debug!("{news}"),
                _ => {}
            }
        }
    }

    /// Whether news are of an interface that an instance uses, and not of its virtual addresses.
    fn concerns(&self, news: &links::News) -> bool {
        let is_used = self.routers().any(|router| {
            let tracked = router.tracked(Kind::Interface).any(|track| track.name == news.interface());
            tracked || router.interface == news.interface()
        });
        is_used && news.address().is_none_or(|address| !self.virtual_addresses.contains(address))
    }

    fn require_interfaces(&self) -> Result<(), Exit> {
        let missing = self.routers().find(|router| self.links.named(&router.interface).is_none());
        match missing {
            None => Ok(()),
            Some(router) => {
                let (interface, name) = (&router.interface, &router.name);
                info!("WARNING - interface {interface} for vrrp_instance {name} doesn't exist");
                Err(Exit::Config("Non-existent interface specified in configuration".to_owned()))
            }
        }
    }

    /// Removes what others left and lets the machines begin.
    async fn start(&mut self) {
        for (device, address) in Held::left_behind(Path::new(held::DIRECTORY)) {
            let kept = self.plan.legacy.take_up.iter().any(|name| self.owns(name, &address.address));
            if let Some(link) = self.links.named(&device).filter(|_| !kept) {
                let index = link.index;
                if let Err(error) = self.netlink.remove(index, &address).await {
                    warn!("Netlink: cannot remove {} from {device}: {error}", address.address);
                }
            }
        }
        self.fix(self.plan.fixed.clone()).await;
        self.sessions.adopt(&self.plan.trackers.sessions);
        self.tell_sessions();
        self.promote(false);
        let after_boot = self.plan.global.delay_after_boot.saturating_sub(clock::since_boot());
        self.begin_at = Some(Instant::now() + self.plan.global.vrrp_startup_delay.max(after_boot));
        self.judge().await;
    }

    /// Lets an instance begin that has not and knows how it stands. One that its predecessor left as master begins anyway.
    async fn begin(&mut self, place: usize, waiting: bool) {
        let (Some(at), Some(instance)) = (self.begin_at, self.instances.get_mut(place)) else { return };
        let legacy = self.plan.legacy.of(&instance.machine.router().name);
        let late = instance.waited;
        instance.waited |= waiting;
        if instance.begun || (waiting && legacy == io::Legacy::None) {
            return;
        }
        instance.begun = true;
        let delay = at.saturating_duration_since(Instant::now());
        self.tell(place, io::Input::Start { delay, legacy, late }).await;
    }

    /// Every master says good-bye; all addresses are removed.
    async fn stop(&mut self) {
        for place in 0..self.instances.len() {
            self.tell(place, io::Input::Stop { deleted: false }).await;
        }
        self.sessions.stop();
        self.promote(true);
        self.fix(Fixed::default()).await;
        self.remove_vmacs(true).await;
    }

    /// The next thing to do; none when it is time to end. Packets come before the clock: an advert that waits has been
    /// heard in time, however late we are.
    async fn next(&mut self, input: &mut mpsc::Receiver<Input<VrrpPlan>>) -> Option<Event> {
        let machines = self.instances.iter().filter_map(|instance| instance.machine.deadline());
        let others = [self.abilities.deadline(), self.lookout.deadline(), self.announcements.deadline()];
        let others = others.into_iter().chain([self.lingers_until()]).flatten();
        let deadline = machines.chain(others).min();
        let session = self.sessions.deadline();
        let event = tokio::select! {
            biased;
            () = sockets::heard(&self.sockets), if !self.backlog => Event::Packets,
            () = self.sessions.heard() => Event::Session,
            () = until(session) => Event::Session,
            news = self.netlink.next() => Event::Kernel(news),
            told = input.recv() => Event::Host(Box::new(told?)),
            () = until(deadline) => Event::Deadline,
            // Last, so that all others have their turn while packets flood in.
            () = tokio::task::yield_now(), if self.backlog => Event::Packets,
        };
        Some(event).filter(|event| !matches!(event, Event::Host(input) if matches!(**input, Input::Stop)))
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Packets | Event::Deadline => {
                self.hear().await;
                self.tick().await;
            }
            Event::Session => self.turn_sessions().await,
            Event::Kernel(news) => self.learn(news).await,
            Event::Host(input) => self.obey(*input).await,
        }
    }

    /// Sessions hear, speak and expire; who tracks one is judged anew.
    async fn turn_sessions(&mut self) {
        let mut moved = false;
        if self.sessions.turn() {
            for name in self.sessions.names() {
                let up = self.sessions.is_up(name);
                if !self.trackers.note_session(name, up) {
                    continue;
                }
                moved = true;
                tell_session(&self.facts, name, up);
                let tracks = |router: &&Router| router.tracked(Kind::Bfd).any(|track| track.name == name);
                for router in self.instances.iter().map(|instance| instance.machine.router()).filter(tracks) {
                    let state = if up { "UP" } else { "DOWN" };
                    info!("VRRP_Instance({}) Tracked BFD instance {name} is {state}", router.name);
                }
            }
        }
        if moved {
            self.judge().await;
        }
    }

    /// Tells the checkers how all sessions are.
    pub(super) fn tell_sessions(&self) {
        for name in self.sessions.names() {
            tell_session(&self.facts, name, self.sessions.is_up(name));
        }
    }

    async fn tick(&mut self) {
        for place in 0..self.instances.len() {
            let now = Instant::now();
            let deadline = self.instances.get(place).and_then(|instance| instance.machine.deadline());
            if let Some(deadline) = deadline.filter(|deadline| *deadline <= now) {
                self.say_late(place, now.duration_since(deadline), now);
                self.tell(place, io::Input::Tick).await;
            }
        }
        for change in self.lasted() {
            self.count(change).await;
        }
        self.announce_due();
        self.look();
        self.forget_troubles();
        if self.abilities.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.judge().await;
        }
    }

    /// Says when this process was kept from running for so long that peers may have noticed.
    fn say_late(&mut self, place: usize, late: Duration, now: Instant) {
        let Some(instance) = self.instances.get(place) else { return };
        let interval = instance.machine.interval();
        if !self.lag.is_due(late, interval, now) {
            return;
        }
        let (name, late) = (&instance.machine.router().name, late.as_secs_f64() * 1e3);
        info!(
            "({name}) this process was kept from running: {late:.1} ms late of an interval of {} ms",
            interval.as_millis()
        );
    }

    /// Opens the sockets that the instances need and closes those they do not.
    fn open_sockets(&mut self) -> std::io::Result<()> {
        let wanted: HashSet<Place> = self.routers().map(|router| self.speaks(router)).collect();
        let links = &self.links;
        let is_current =
            |socket: &Speaking| links.named(&socket.place.name).is_some_and(|link| link.index == socket.index);
        self.sockets.retain(|socket| wanted.contains(&socket.place) && is_current(socket));
        for place in wanted {
            if self.sockets.iter().any(|socket| socket.place == place) {
                continue;
            }
            if let Some(link) = self.links.named(&place.name) {
                let (index, family) = (link.index, if place.group.is_ipv4() { "IPv4" } else { "IPv6" });
                let (protocol, group) = (place.protocol, place.group);
                self.sockets.push(Speaking::open(place, index)?);
                let shown = format!("family({family}), proto({protocol}), multicast, address({group})");
                debug!("VRRP sockpool: [ifindex({index:3}), {shown}]");
            }
        }
        self.post();
        Ok(())
    }

    /// Where an instance speaks.
    pub(super) fn speaks(&self, router: &Router) -> Place {
        let protocol = if matches!(router.auth, Auth::Ah(_)) { ah::AH } else { ipv4::VRRP };
        Place { name: router.transmits().to_owned(), protocol, group: self.group_of(router) }
    }

    /// The group that an instance's adverts go to unless it has peers.
    pub(super) fn group_of(&self, router: &Router) -> IpAddr {
        let global = &self.plan.global;
        let all = match router.is_ipv6() {
            false => global.mcast_group4.unwrap_or(ipv4::GROUP).into(),
            true => global.mcast_group6.unwrap_or(ipv6::GROUP).into(),
        };
        router.speech.group.unwrap_or(all)
    }

    pub(super) fn routers(&self) -> impl Iterator<Item = &Router> {
        self.instances.iter().map(|instance| instance.machine.router())
    }

    /// How a tracked thing is, as a dump shows it.
    pub(super) fn standing(&self, kind: Kind, name: &str) -> String {
        self.trackers.shown(kind, name)
    }

    fn router(&self, place: usize) -> Option<&Router> {
        self.instances.get(place).map(|instance| instance.machine.router())
    }

    fn verdict(&self, place: usize) -> Option<Verdict> {
        self.instances.get(place).and_then(|instance| instance.machine.verdict())
    }

    /// Whether the address is one of that instance's.
    fn owns(&self, name: &str, address: &IpAddr) -> bool {
        let mut own = self.routers().filter(|router| router.name == name);
        own.any(|router| router.addresses.iter().chain(&router.excluded).any(|known| known.address == *address))
    }
}

fn refused(what: &str, error: &std::io::Error) -> Exit {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => Exit::NoPermission(format!("{what}: {error}")),
        _ => Exit::Fatal(format!("{what}: {error}")),
    }
}

fn tell_session(facts: &Publisher, name: &str, up: bool) {
    let verdict = if up { Verdict::Up } else { Verdict::Down };
    facts.say(Subject::Tracked(Tracked(Kind::Bfd), name.to_owned()), verdict, Cause::kind("session"));
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// How often the same complaint about others' adverts is logged.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);
