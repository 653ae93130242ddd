//! rkeep beside keepalived in every way that adverts travel, each in either role: one has the address while both run, the
//! other takes it over when that one stops and gives it back, and a reload on both sides moves nothing. What each logs of
//! its changes is what the other logs in its place. `/usr/sbin/keepalived` may be a newer one: what only that has is
//! asked then.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::Mutex;
use std::time::Duration;

use rkeep::rehearse::{INTERFACE, Lan, Node, Running, Subject, eventually};
use rkeep_compat_tests::rkeep;
use rkeep_compat_tests::speaker::CONFIGURATION;
use rustix::process::Signal;

const OWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 3, 10), Ipv4Addr::new(192, 168, 3, 11)];
const OWN_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 10), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 11)];
const PRIORITIES: [u8; 2] = [150, 100];
const LIMIT: Duration = Duration::from_secs(20);

/// How adverts travel.
#[derive(Clone, Copy)]
struct Mode {
    version: u8,
    ipv6: bool,
    unicast: bool,
    more: &'static str,
    /// The addresses once more, as only keepalived 2.2 takes them.
    twice: bool,
    /// What stands outside of the instance; `PRIORITY` is the instance's, `OTHER` the other box's address.
    outside: &'static str,
}

const PLAIN: Mode = Mode { version: 2, ipv6: false, unicast: false, more: "", twice: false, outside: "" };
const PASS: &str = "    authentication {\n        auth_type PASS\n        auth_pass 1111\n    }\n";
const AH: &str = "    authentication {\n        auth_type AH\n        auth_pass 1111\n    }\n";
const HMAC: &str = "    auth_hmac {\n        key 1 hex:6161616161616161616161616161616161616161616161616161616161616161\n        \
                    active_key 1\n    }\n";
/// How many pairs stand at a time where many are asked.
const AT_ONCE: usize = 16;

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (family, way) = (if self.ipv6 { 6 } else { 4 }, if self.unicast { "unicast" } else { "multicast" });
        let trust = self.more.split_ascii_whitespace().find(|word| ["PASS", "AH", "auth_hmac"].contains(word));
        write!(f, "version {} over IPv{family} by {way}, trust {}", self.version, trust.unwrap_or("none"))
    }
}

impl Mode {
    fn file(self, which: usize) -> String {
        let (priority, version) = (PRIORITIES[which], self.version);
        let vip = if self.ipv6 { "fe80::253\n        2001:db8::253/64" } else { "192.168.3.253" };
        let unicast = match self.unicast {
            true => {
                let speaks = |which: usize| if self.ipv6 { OWN_V6[which].into() } else { IpAddr::V4(OWN[which]) };
                let [own, other] = [speaks(which), speaks(1 - which)];
                format!("    unicast_src_ip {own}\n    unicast_peer {{\n        {other}\n    }}\n")
            }
            false => String::new(),
        };
        let again = if self.twice { format!("        {vip}\n") } else { String::new() };
        let other = OWN[1 - which].to_string();
        let outside = self.outside.replace("PRIORITY", &priority.to_string()).replace("OTHER", &other);
        format!(
            "{outside}vrrp_instance VI_1 {{\n    interface {INTERFACE}\n    virtual_router_id 51\n    priority {priority}\n    \
             version {version}\n{unicast}{}    virtual_ipaddress {{\n        {vip}\n{again}    }}\n}}\n",
            self.more
        )
    }
}

struct Pair {
    boxes: [Node; 2],
    running: [Option<Running>; 2],
    /// What those that have ended have logged.
    past: [String; 2],
    ipv6: bool,
    _lan: Lan,
}

impl Pair {
    fn new(cast: &[Subject; 2], mode: Mode) -> Pair {
        let lan = Lan::new().unwrap();
        let boxes = [0, 1].map(|which| {
            let node = Node::new(["one", "two"][which], "", &[cast[which].as_keepalived()]).unwrap();
            lan.plug_as(&node, INTERFACE, &[(OWN[which].into(), 24), (OWN_V6[which].into(), 64)]).unwrap();
            // keepalived does not wait until an address may be used, and stays in FAULT then.
            let usable = || node.within(move || UdpSocket::bind((OWN_V6[which], 0))).is_ok();
            assert!(eventually(LIMIT, usable), "the IPv6 address does not come");
            node.write(CONFIGURATION, mode.file(which)).unwrap();
            node
        });
        Pair { boxes, running: [None, None], past: Default::default(), ipv6: mode.ipv6, _lan: lan }
    }

    fn start_both(cast: &[Subject; 2], mode: Mode) -> Pair {
        let mut pair = Pair::new(cast, mode);
        pair.start(cast, 0);
        pair.expect(0, "alone");
        pair.start(cast, 1);
        let waits = || pair.transitions()[1].last() == Some(&"BACKUP");
        assert!(eventually(LIMIT, waits), "box 2 does not begin\n{}", pair.logs());
        pair.expect(0, "at the start");
        pair
    }

    fn start(&mut self, cast: &[Subject; 2], which: usize) {
        self.running[which] = Some(self.boxes[which].start(&cast[which].keepalived()).unwrap());
    }

    fn stop(&mut self, which: usize) {
        let running = self.running[which].take().unwrap();
        running.signal(Signal::TERM).unwrap();
        let ended = running.wait(Duration::from_secs(8)).unwrap();
        self.past[which] += &ended.stderr;
    }

    fn reload(&self, which: usize) {
        self.running[which].as_ref().unwrap().signal(Signal::HUP).unwrap();
    }

    /// Gives one another priority while it runs.
    fn set_priority(&self, which: usize, mode: Mode, priority: u8) {
        let own = format!("priority {}", PRIORITIES[which]);
        self.boxes[which]
            .write(CONFIGURATION, mode.file(which).replace(&own, &format!("priority {priority}")))
            .unwrap();
        self.reload(which);
    }

    /// What each has logged of its instance's changes.
    fn transitions(&self) -> [Vec<&'static str>; 2] {
        [0, 1].map(|which| {
            let now = self.running[which].as_ref().map(Running::stderr).unwrap_or_default();
            let log = self.past[which].clone() + &now;
            let state = |line: &str| {
                let state = line.split_once("(VI_1) Entering ")?.1;
                ["MASTER", "BACKUP", "FAULT"].into_iter().find(|name| state.starts_with(name))
            };
            let mut states: Vec<_> = log.lines().filter_map(state).collect();
            states.dedup();
            states
        })
    }

    fn has(&self, which: usize) -> bool {
        let address: IpAddr = match self.ipv6 {
            false => Ipv4Addr::new(192, 168, 3, 253).into(),
            true => "2001:db8::253".parse().unwrap(),
        };
        // Only what a box has can be spoken from.
        self.boxes[which].within(move || UdpSocket::bind((address, 0))).is_ok()
    }

    /// Waits until this one has the address and the other has not, and both have logged it if they run.
    fn expect(&self, owner: usize, when: &str) {
        let logged = |which: usize| {
            let said = self.transitions()[which].last() == Some(&"MASTER");
            self.running[which].is_none() || said == (which == owner)
        };
        let alone = || self.has(owner) && !self.has(1 - owner) && logged(0) && logged(1);
        assert!(eventually(LIMIT, alone), "{when}: box {} does not own it alone\n{}", owner + 1, self.logs());
    }

    /// Starts the higher again, which had the address and has stopped.
    fn come_back(&mut self, cast: &[Subject; 2]) {
        self.stop(0);
        self.expect(1, "without the higher");
        self.start(cast, 0);
    }

    fn logs(&self) -> String {
        self.running.iter().flatten().map(Running::stderr).collect::<Vec<_>>().join("\n---\n")
    }
}

/// rkeep as the higher and as the lower.
fn casts() -> [[Subject; 2]; 2] {
    [[rkeep(), Subject::Original], [Subject::Original, rkeep()]]
}

/// Plays something with rkeep as the higher and as the lower: in each place both log the same changes.
fn alike(act: impl Fn(&[Subject; 2]) -> [Vec<&'static str>; 2]) {
    let [one, other] = casts();
    assert_eq!(act(&one), act(&other), "what the higher and the lower log, once rkeep is one and once the other");
}

/// Whether keepalived is one that signs adverts.
fn is_newer() -> bool {
    let said = std::process::Command::new("/usr/sbin/keepalived").arg("-v").output().unwrap();
    String::from_utf8_lossy(&said.stderr).contains("Keepalived v2.4")
}

/// Plays a mode through.
fn play(mode: Mode) {
    alike(|cast| course(cast, mode));
}

/// A mode's course: what both have logged.
fn course(cast: &[Subject; 2], mode: Mode) -> [Vec<&'static str>; 2] {
    let mut pair = Pair::start_both(cast, mode);
    pair.come_back(cast);
    pair.expect(0, "with the higher again");
    let transitions = pair.transitions();
    [0, 1].into_iter().for_each(|which| pair.reload(which));
    std::thread::sleep(Duration::from_secs(2));
    pair.expect(0, "after a reload");
    pair.stop(1);
    pair.stop(0);
    assert!(!pair.has(0) && !pair.has(1), "an address is left behind");
    transitions
}

/// Every way that adverts can travel and be trusted, but for a password over IPv6: no keepalived believes another's.
fn modes() -> impl Iterator<Item = Mode> {
    let trusts: &[&'static str] = if is_newer() { &["", PASS, AH, HMAC] } else { &["", PASS, AH] };
    let bits = |n: u8| (2 + (n & 1), n & 2 != 0, n & 4 != 0);
    let all = (0..8).map(bits).flat_map(move |(version, ipv6, unicast)| {
        trusts.iter().map(move |more| Mode { version, ipv6, unicast, more, ..PLAIN })
    });
    all.filter(|mode| (mode.version, mode.ipv6, mode.more) != (2, true, PASS))
}

/// With `RKEEP_MATRIX=whole` every mode and two of rkeep as well as two of keepalived; else two of rkeep in the ways that
/// differ most.
#[test]
fn every_way_goes_alike_with_every_cast() {
    let whole = std::env::var("RKEEP_MATRIX").is_ok_and(|word| word == "whole");
    let [one, other] = casts();
    let all = match whole {
        true => vec![[Subject::Original, Subject::Original], one, other, [rkeep(), rkeep()]],
        false => vec![[rkeep(), rkeep()]],
    };
    let asked: Vec<_> = match whole {
        true => modes().collect(),
        false => vec![Mode { more: PASS, ..PLAIN }, Mode { version: 3, ipv6: true, unicast: true, ..PLAIN }],
    };
    let usual = [vec!["BACKUP", "MASTER", "BACKUP", "MASTER"], vec!["BACKUP", "MASTER", "BACKUP"]];
    let queue = Mutex::new(asked.iter().flat_map(|mode| all.iter().map(move |cast| (mode, cast))));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((mode, cast)) = { queue.lock().unwrap().next() } {
                    let played = std::panic::catch_unwind(|| assert_eq!(course(cast, *mode), usual));
                    let verdict = if played.is_ok() { "as usual" } else { "OTHERWISE" };
                    println!("{mode}: {cast:?}: {verdict}");
                    if played.is_err() {
                        failed.lock().unwrap().push(format!("{mode}: {cast:?}"));
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner().unwrap(), Vec::<String>::new());
}

#[test]
fn version_2_by_multicast_with_a_password() {
    play(Mode { more: PASS, ..PLAIN });
}

#[test]
fn version_2_with_an_authentication_header() {
    play(Mode { more: AH, ..PLAIN });
}

#[test]
fn version_2_by_unicast() {
    play(Mode { unicast: true, ..PLAIN });
}

#[test]
fn version_3_by_unicast_at_half_a_second() {
    play(Mode { version: 3, unicast: true, more: "    advert_int 0.5\n", ..PLAIN });
}

#[test]
fn version_3_over_ipv6() {
    play(Mode { version: 3, ipv6: true, ..PLAIN });
}

#[test]
fn version_3_from_interfaces_with_the_virtual_mac() {
    play(Mode { version: 3, more: "    use_vmac\n", ..PLAIN });
}

#[test]
fn version_3_by_multicast_ten_times_a_second() {
    play(Mode { version: 3, more: "    advert_int 0.1\n", ..PLAIN });
}

#[test]
fn version_3_over_ipv6_by_unicast() {
    play(Mode { version: 3, ipv6: true, unicast: true, ..PLAIN });
}

/// 2.2.7 drops adverts that have another number of addresses than its own file.
#[test]
fn addresses_written_twice_as_2_2_takes_them() {
    if is_newer() {
        return;
    }
    play(Mode { twice: true, outside: "#rkeep: compat keepalived=2.2\n", ..PLAIN });
}

#[test]
fn who_has_come_back_does_not_preempt() {
    let mode = Mode { more: "    state BACKUP\n    nopreempt\n", ..PLAIN };
    alike(|cast| {
        let mut pair = Pair::start_both(cast, mode);
        pair.come_back(cast);
        // Longer than a master may be silent.
        std::thread::sleep(Duration::from_secs(5));
        pair.expect(1, "with the higher again");
        pair.stop(1);
        pair.expect(0, "without the lower");
        pair.transitions()
    });
}

#[test]
fn who_has_come_back_preempts_after_his_delay() {
    let mode = Mode { more: "    state BACKUP\n    preempt_delay 6\n", ..PLAIN };
    alike(|cast| {
        let mut pair = Pair::start_both(cast, mode);
        pair.come_back(cast);
        std::thread::sleep(Duration::from_secs(5));
        pair.expect(1, "before the delay is over");
        pair.expect(0, "after it");
        pair.transitions()
    });
}

#[test]
fn a_reload_with_another_priority_moves_the_address() {
    for (which, priority, owner) in [(0, 90, 1), (1, 200, 1)] {
        alike(|cast| {
            let pair = Pair::start_both(cast, PLAIN);
            pair.set_priority(which, PLAIN, priority);
            pair.expect(owner, "with another priority");
            pair.set_priority(which, PLAIN, PRIORITIES[which]);
            pair.expect(0, "with the old one again");
            pair.transitions()
        });
    }
}

#[test]
fn signed_adverts_of_2_4() {
    if !is_newer() {
        return;
    }
    for unicast in [false, true] {
        play(Mode { version: 3, unicast, more: HMAC, ..PLAIN });
    }
}

const WEIGHS: &str = "/tmp/weighs";
const TRACKED: [(&str, &str); 2] = [
    (
        "vrrp_script S {\n    script \"/usr/bin/grep -q 0 /tmp/weighs\"\n    interval 1\n    rise 1\n    fall 1\n    \
         weight -60\n}\n",
        "    track_script {\n        S\n    }\n",
    ),
    ("vrrp_track_file F {\n    file /tmp/weighs\n    weight 1\n}\n", "    track_file {\n        F\n    }\n"),
];

#[test]
fn what_is_tracked_moves_the_address_and_brings_it_back() {
    for (outside, more) in TRACKED {
        let mode = Mode { outside, more, ..PLAIN };
        alike(|cast| {
            let mut pair = Pair::new(cast, mode);
            for which in [0, 1] {
                pair.boxes[which].write(WEIGHS, "0\n").unwrap();
                pair.start(cast, which);
                pair.expect(0, "at the start");
            }
            pair.boxes[0].write(WEIGHS, "-65\n").unwrap();
            pair.expect(1, "with a weight on the higher");
            pair.boxes[0].write(WEIGHS, "0\n").unwrap();
            pair.expect(0, "without it");
            pair.transitions()
        });
    }
}

/// Does something to the higher, which loses the address, and undoes it.
fn hinder(mode: Mode, before: &str, hinders: &str, frees: &str) {
    alike(|cast| {
        let mut pair = Pair::new(cast, mode);
        for which in [0, 1] {
            assert_eq!(pair.boxes[which].shell(before).unwrap().code(), Some(0), "{before}");
        }
        pair.start(cast, 0);
        pair.expect(0, "alone");
        pair.start(cast, 1);
        pair.expect(0, "at the start");
        pair.boxes[0].shell(hinders).unwrap();
        pair.expect(1, hinders);
        pair.boxes[0].shell(frees).unwrap();
        pair.expect(0, frees);
        pair.transitions()
    });
}

const LINK: &str = "ip link add eth1 type veth peer name far && ip link set eth1 up && ip link set far up && sleep 0.2";

#[test]
fn a_tracked_interface_is_a_fault_or_weighs() {
    for more in
        ["    track_interface {\n        eth1\n    }\n", "    track_interface {\n        eth1 weight -60\n    }\n"]
    {
        hinder(Mode { more, ..PLAIN }, LINK, "ip link set far down", "ip link set far up");
    }
}

#[test]
fn a_sync_group_goes_together() {
    let outside = "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n\
                   vrrp_instance VI_2 {\n    interface eth0\n    virtual_router_id 52\n    priority PRIORITY\n    \
                   track_interface {\n        eth1\n    }\n    virtual_ipaddress {\n        192.168.3.252\n    }\n}\n";
    hinder(Mode { outside, ..PLAIN }, LINK, "ip link set far down", "ip link set far up");
}

/// The kernel tells keepalived nothing of processes in a box, so only rkeep tracks one here.
#[test]
fn a_tracked_process_weighs() {
    let outside = "vrrp_track_process P {\n    process sleep\n    weight -60\n}\n";
    let mode = Mode { outside, more: "    track_process {\n        P\n    }\n", ..PLAIN };
    let [cast, _] = casts();
    let mut pair = Pair::new(&cast, mode);
    pair.boxes[1].write(CONFIGURATION, PLAIN.file(1)).unwrap();
    let process = pair.boxes[0].start(&["/usr/bin/sleep", "1000"]).unwrap();
    pair.start(&cast, 0);
    pair.start(&cast, 1);
    pair.expect(0, "while it runs");
    process.signal(Signal::KILL).unwrap();
    process.wait(LIMIT).unwrap();
    pair.expect(1, "without it");
    let _process = pair.boxes[0].start(&["/usr/bin/sleep", "1000"]).unwrap();
    pair.expect(0, "when it runs again");
}

#[test]
fn a_tracked_session_needs_its_neighbour() {
    let outside = "bfd_instance N {\n    neighbor_ip OTHER\n    min_rx 100\n    min_tx 100\n}\n";
    let mode = Mode { outside, more: "    track_bfd {\n        N\n    }\n", ..PLAIN };
    alike(|cast| {
        let mut pair = Pair::new(cast, mode);
        pair.start(cast, 0);
        pair.start(cast, 1);
        pair.expect(0, "with its neighbour");
        // Which of the two sessions was up first is a matter of chance, and with it who was master until then.
        let before = pair.transitions().map(|states| states.len());
        pair.boxes[1].shell("ip link set eth0 down").unwrap();
        let faulty = || pair.transitions().iter().all(|states| states.last() == Some(&"FAULT"));
        let nobody = || !pair.has(0) && !pair.has(1) && faulty();
        assert!(eventually(LIMIT, nobody), "without a neighbour: {}", pair.logs());
        let states = pair.transitions();
        [0, 1].map(|which| states[which][before[which]..].to_vec())
    });
}
