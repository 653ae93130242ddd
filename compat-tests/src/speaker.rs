//! One VRRP speaker in a box, and another box from which it is watched and spoken to.
#![allow(clippy::unwrap_used, reason = "a harness that cannot build its world fails its test")]

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use rkeep::rehearse::{Event, INTERFACE, Lan, Node, Placed, Running, Subject, Watch, eventually};
use rkeep::vrrp::wire::advert::{Advert, Route, compose};
use rkeep::vrrp::wire::ipv4::{GROUP, TTL};
use rkeep_parsers::ir::vrrp::Auth;
use rustix::process::Signal;
use socket2::{Domain, Protocol, Socket, Type};

use crate::subject;

/// The speaker's own address.
pub const SPEAKER: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 10);
/// That of the box beside it.
pub const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 11);
/// The virtual address.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 253);
/// Another address.
pub const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 252);
/// Where the speaker reads its file.
pub const CONFIGURATION: &str = "/etc/keepalived/keepalived.conf";

/// The file of an instance with priority 100 and a password.
pub fn instance(name: &str, vrid: u8, addresses: &[Ipv4Addr], more: &str) -> String {
    let addresses: String = addresses.iter().map(|address| format!("        {address}\n")).collect();
    format!(
        "vrrp_instance {name} {{\n    interface {INTERFACE}\n    virtual_router_id {vrid}\n    priority 100\n    \
         advert_int 1\n{more}    authentication {{\n        auth_type PASS\n        auth_pass 1111\n    }}\n    \
         virtual_ipaddress {{\n{addresses}    }}\n}}\n"
    )
}

/// Where the speaker's box has rkeep's own face.
const TOOL: &str = "/usr/local/bin/rkeep";

/// What an advert of the peer's says.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// From whom it claims to come.
    pub source: Ipv4Addr,
    /// Its virtual router.
    pub vrid: u8,
    /// Its priority.
    pub priority: u8,
    /// Its password.
    pub password: [u8; 8],
    /// Its hop limit.
    pub hops: u8,
}

impl Default for Words {
    fn default() -> Words {
        Words { source: PEER, vrid: 51, priority: 110, password: *b"1111\0\0\0\0", hops: TTL }
    }
}

impl Words {
    /// The packet, of version 2 with an interval of a second.
    pub fn packet(self, addresses: &[Ipv4Addr]) -> Vec<u8> {
        let Words { source, vrid, priority, password, hops } = self;
        let (auth, interval) = (&Auth::Pass(password), Duration::from_secs(1));
        let addresses: &[IpAddr] = &addresses.iter().copied().map(IpAddr::V4).collect::<Vec<_>>();
        let advert =
            Advert { version: 2, vrid, priority, interval, auth, addresses, checksum_as_v2: false, signed: None };
        let route = Route { source: source.into(), destination: GROUP.into(), hops, id: 1, sequence: 0 };
        let mut packet = Vec::new();
        compose(&mut packet, &advert, &route);
        packet
    }
}

/// Writes packets on the wire of the box it is made in.
#[derive(Debug)]
pub struct Pen(Socket);

impl Pen {
    /// Takes one up.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> io::Result<Pen> {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
        socket.bind_device(Some(INTERFACE.as_bytes()))?;
        Ok(Pen(socket))
    }

    /// Writes a packet to the group. Returns when: the answer may come before the kernel returns.
    ///
    /// # Errors
    /// The kernel's.
    pub fn write(&self, packet: &[u8]) -> io::Result<Instant> {
        let said = Instant::now();
        self.0.send_to(packet, &SocketAddrV4::new(GROUP, 0).into())?;
        Ok(said)
    }
}

/// The speaker's box, and another from which it is watched and spoken to.
pub struct Scene {
    /// The speaker's box.
    pub speaker: Node,
    /// The box beside it.
    pub peer: Node,
    /// The ear in it.
    pub watch: Watch,
    /// The speaker, once it is started.
    pub running: Option<Running>,
    _lan: Lan,
}

impl Scene {
    /// Boxes in which nothing runs yet.
    pub fn new(configuration: &str) -> Scene {
        let lan = Lan::new().unwrap();
        let tool = match subject() {
            Subject::Rkeep(path) => Some(Placed { from: path, to: TOOL.into() }),
            Subject::Original => None,
        };
        let programs: Vec<Placed> = tool.into_iter().chain([subject().as_keepalived()]).collect();
        let speaker = Node::new("speaker", "", &programs).unwrap();
        lan.plug(&speaker, &[SPEAKER]).unwrap();
        speaker.write(CONFIGURATION, configuration).unwrap();
        let peer = Node::new("peer", "", &[]).unwrap();
        lan.plug(&peer, &[PEER]).unwrap();
        let watch = Watch::urgent(&peer).unwrap();
        Scene { speaker, peer, watch, running: None, _lan: lan }
    }

    /// Starts the speaker.
    pub fn start(&mut self) {
        self.running = Some(self.speaker.start(&subject().keepalived()).unwrap());
    }

    /// A scene whose speaker is master.
    pub fn master(configuration: &str) -> Scene {
        let mut scene = Scene::new(configuration);
        scene.start();
        scene.wait(|scene| scene.has(VIP));
        scene.wait(|scene| !scene.announcements(VIP).is_empty());
        scene
    }

    /// Waits until it is so.
    pub fn wait(&self, question: impl Fn(&Scene) -> bool) {
        let log = || self.running.as_ref().map(Running::stderr).unwrap_or_default();
        assert!(eventually(Duration::from_secs(12), || question(self)), "{}", log());
    }

    /// Whether the speaker has the address.
    pub fn has(&self, address: Ipv4Addr) -> bool {
        self.speaker.addresses().unwrap().contains(&address)
    }

    /// Signals the speaker.
    pub fn signal(&self, signal: Signal) {
        self.running.as_ref().unwrap().signal(signal).unwrap();
    }

    /// The speaker's adverts: when and at which priority.
    pub fn adverts(&self) -> Vec<(Instant, u8, u8)> {
        let ours = |(at, event): (Instant, Event)| match event {
            Event::Advert { from, router, priority } if from == SPEAKER => Some((at, router, priority)),
            _ => None,
        };
        self.watch.heard().into_iter().filter_map(ours).collect()
    }

    /// How many good-byes it has said.
    pub fn zeros(&self) -> usize {
        self.adverts().iter().filter(|(_, _, priority)| *priority == 0).count()
    }

    /// When it announced the address.
    pub fn announcements(&self, wanted: Ipv4Addr) -> Vec<Instant> {
        let ours = |(at, event): (Instant, Event)| {
            matches!(event, Event::Announce { address, .. } if address == wanted).then_some(at)
        };
        self.watch.heard().into_iter().filter_map(ours).collect()
    }

    /// The peer says something.
    pub fn say(&self, vrid: u8, priority: u8, addresses: &[Ipv4Addr]) -> Instant {
        let packet = Words { vrid, priority, ..Words::default() }.packet(addresses);
        self.peer.within(move || Pen::new()?.write(&packet)).unwrap()
    }

    /// What `rkeep status` says in the speaker's box.
    pub fn status(&self) -> String {
        self.speaker.run(&[TOOL, "status"]).unwrap().stdout
    }

    /// Ends it; its exit code.
    pub fn end(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.running.take()?.wait(Duration::from_secs(8)).unwrap().code()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.speaker.crash("keepalived");
        let _ = self.running.take().map(|running| running.wait(Duration::from_secs(5)));
    }
}
