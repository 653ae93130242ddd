//! One VRRP speaker in a box, and another box from which it is watched and spoken to.
#![allow(clippy::unwrap_used, reason = "a harness that cannot build its world fails its test")]

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use rkeep::rehearse::{Event, INTERFACE, Lan, Node, Running, Watch, eventually};
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
        let speaker = Node::new("speaker", "", &[subject().as_keepalived()]).unwrap();
        lan.plug(&speaker, &[SPEAKER]).unwrap();
        speaker.write(CONFIGURATION, configuration).unwrap();
        let peer = Node::new("peer", "", &[]).unwrap();
        lan.plug(&peer, &[PEER]).unwrap();
        let watch = Watch::new(&peer).unwrap();
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
        let addresses = addresses.to_vec();
        self.peer
            .within(move || {
                let auth = Auth::Pass(*b"1111\0\0\0\0");
                let interval = Duration::from_secs(1);
                let addresses: Vec<IpAddr> = addresses.into_iter().map(IpAddr::V4).collect();
                let (auth, addresses) = (&auth, &addresses[..]);
                let checksum_as_v2 = false;
                let advert =
                    Advert { version: 2, vrid, priority, interval, auth, addresses, checksum_as_v2, signed: None };
                let route = Route { source: PEER.into(), destination: GROUP.into(), hops: TTL, id: 1, sequence: 0 };
                let mut packet = Vec::new();
                compose(&mut packet, &advert, &route);
                let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
                socket.bind_device(Some(INTERFACE.as_bytes()))?;
                // Before it goes out: the answer may come before send_to returns.
                let said = Instant::now();
                socket.send_to(&packet, &SocketAddrV4::new(GROUP, 0).into())?;
                Ok(said)
            })
            .unwrap()
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
