//! One keepalived in place of another on the same box while it is master, where each of the two may be rkeep: the address
//! stays where it is, the peer hears no good-bye, and clients notice next to nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::cluster;
use rkeep::rehearse::http::Target;
use rkeep::rehearse::{
    Cast, Cluster, Event, Files, INTERFACE, Lan, Load, Node, Placed, Running, Subject, Watch, eventually, mac,
};
use rkeep_compat_tests::prober::{Prober, longest_silence};
use rkeep_compat_tests::rkeep;

const DIRECTORS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 3, 1), Ipv4Addr::new(192, 168, 3, 2)];
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 101);
const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 253);
const SOON: Duration = Duration::from_secs(20);
const ORIGINAL: &str = "/usr/local/sbin/keepalived";
const RKEEP: &str = "/usr/local/lib/keepalived";
const TOOL: &str = "/usr/local/bin/rkeep";
/// keepalived's three intervals of silence are 3.6 s; a busy machine may take its time, but not that.
const GENEROUS: Duration = Duration::from_millis(500);

fn configuration(priority: u8) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    state BACKUP\n    interface {INTERFACE}\n    virtual_router_id 51\n    \
         priority {priority}\n    advert_int 1\n    virtual_ipaddress {{\n        {VIP}\n    }}\n}}\n"
    )
}

/// A master whose program changes, its peer (the original), and a client.
struct Pair {
    _ping: Prober,
    watch: Watch,
    boxes: [Node; 2],
    running: Vec<Running>,
    _client: Node,
    _lan: Lan,
}

impl Pair {
    fn new(first: &str) -> Pair {
        let Subject::Rkeep(path) = rkeep() else { unreachable!() };
        let original = Placed { from: "/usr/sbin/keepalived".into(), to: ORIGINAL.into() };
        let placed =
            [original, Placed { from: path.clone(), to: RKEEP.into() }, Placed { from: path, to: TOOL.into() }];
        let lan = Lan::new().unwrap();
        let boxes = [0, 1].map(|which| {
            let node = Node::new(&format!("d{}", which + 1), "", &placed).unwrap();
            lan.plug(&node, &[DIRECTORS[which]]).unwrap();
            node.write("/etc/keepalived/keepalived.conf", configuration([100, 90][which])).unwrap();
            node
        });
        let client = Node::new("client", "", &[]).unwrap();
        lan.plug(&client, &[CLIENT]).unwrap();
        let watch = Watch::urgent(&client).unwrap();
        let ping = Prober::start(&client, VIP, Duration::from_millis(1));
        let running = vec![boxes[0].start(&[first, "-n", "-l", "-D"]).unwrap()];
        let mut pair = Pair { _ping: ping, watch, boxes, running, _client: client, _lan: lan };
        assert!(eventually(SOON, || pair.owns(0)), "{}", pair.log());
        pair.running.push(pair.boxes[1].start(&[ORIGINAL, "-n", "-l", "-D"]).unwrap());
        assert!(eventually(SOON, || pair.running[1].stderr().contains("Entering BACKUP STATE")), "{}", pair.log());
        sleep(Duration::from_millis(1_500));
        pair
    }

    fn owns(&self, which: usize) -> bool {
        self.boxes[which].addresses().unwrap().contains(&VIP)
    }

    fn log(&self) -> String {
        self.running.iter().map(Running::stderr).collect::<Vec<_>>().join("\n---\n")
    }

    fn parent(&self) -> i32 {
        self.boxes[0].read("/run/keepalived.pid").unwrap().trim().parse().unwrap()
    }

    fn start(&mut self, argv: &[&str]) {
        let running = self.boxes[0].start(argv).unwrap();
        self.running.push(running);
    }

    /// What clients and the peer have seen since: nobody but the first box, no good-bye. The longest silence.
    fn undisturbed(&self, since: Instant) -> Duration {
        let heard = self.watch.heard();
        let heard = heard.iter().filter(|(at, _)| *at >= since).map(|(_, event)| event);
        for event in heard {
            match event {
                Event::Advert { from, priority, .. } => {
                    assert!(*from == DIRECTORS[0] && *priority > 0, "{}\n{}", self.watch.told(since), self.log());
                }
                Event::Echo { mac: who, .. } => assert_eq!(*who, mac(DIRECTORS[0]), "{}", self.log()),
                Event::Advert6 { .. } | Event::Announce { .. } => {}
            }
        }
        longest_silence(&self.watch, since)
    }

    /// Whether the address was taken away at any time, by what `ip monitor` says.
    fn left(&self, monitor: &Running) -> bool {
        monitor.stdout().contains("Deleted")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for node in &self.boxes {
            let _ = node.crash("keepalived");
        }
    }
}

fn take_over(first: &str) {
    let mut pair = Pair::new(first);
    let monitor = pair.boxes[0].start(&["ip", "monitor", "address"]).unwrap();
    let old = pair.parent();
    let since = Instant::now();
    pair.start(&[RKEEP, "-n", "-l", "-D", "--take-over", &old.to_string()]);
    let over = || pair.running[2].stderr().contains("Entering MASTER STATE") && !pair.running[0].runs().unwrap();
    assert!(eventually(SOON, over), "{first}: {}", pair.log());
    // Longer than the peer would wait.
    sleep(Duration::from_millis(5_000));
    let silence = pair.undisturbed(since);
    println!("{first}, then rkeep: longest silence {:.1} ms", silence.as_secs_f64() * 1e3);
    assert!(silence < GENEROUS, "{silence:?}");
    assert!(!pair.left(&monitor), "{}", monitor.stdout());
    assert!(pair.owns(0) && !pair.owns(1));
    assert_ne!(pair.parent(), old);
    // And it is a keepalived like any other.
    pair.running[2].signal(rustix::process::Signal::TERM).unwrap();
    assert!(eventually(SOON, || pair.owns(1) && !pair.owns(0)), "{}", pair.log());
}

#[test]
fn rkeep_takes_the_place_of_the_original_and_of_itself() {
    take_over(ORIGINAL);
    take_over(RKEEP);
}

#[test]
fn virtual_servers_go_over_with_the_address() {
    let cluster = Cluster::build(&Cast::all(&rkeep()), &Files::article()).unwrap();
    cluster.directors.iter().for_each(|director| director.start_nginx().unwrap());
    let running = [0, 1].map(|which| cluster.directors[which].start_keepalived().unwrap());
    let target = Target::new(cluster::VIP).limit(Duration::from_secs(5));
    let answers = || cluster.owner() == Some(0) && cluster.client.within(move || target.get("/")).is_ok();
    assert!(eventually(SOON, answers));
    let mut kept = cluster.client.within(move || target.connect()).unwrap();
    assert_eq!(kept.get("/").unwrap().status, 200);
    let load = Load::start(&cluster.client, target, "/", Duration::from_millis(2)).unwrap();
    let node = &cluster.directors[0].node;
    let old = node.read("/run/keepalived.pid").unwrap().trim().to_owned();
    let new = node.start(&[ORIGINAL, "-n", "-l", "-D", "--take-over", &old]).unwrap();
    let pid = |file: &str| node.read(file).unwrap_or_default().trim().to_owned();
    let gone = || !running[0].runs().unwrap();
    assert!(eventually(SOON, || new.stderr().contains("Entering MASTER STATE") && gone()), "{}", new.stderr());
    sleep(Duration::from_millis(4_500));
    let outage = load.end().unwrap();
    println!("{} requests, longest silence {:?}, failed {:?}", outage.asked, outage.longest, outage.tally.failures);
    // The old forwarder carries its connections to their ends.
    assert_eq!(outage.tally.failed(), 0, "{:?}\n{}", outage.tally.failures, new.stderr());
    assert_eq!(kept.get("/").unwrap().status, 200, "{}", running[0].stderr());
    drop(kept);
    let finishing = || node.processes().unwrap().iter().any(|it| it.name == "finishing");
    assert!(eventually(SOON, || !finishing()), "{}", running[0].stderr());
    assert_eq!(cluster.owner(), Some(0));
    // What ended last has not taken the new ones' pid files away.
    let files = ["/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"];
    let alive = |file: &str| node.processes().unwrap().iter().any(|it| it.inner.to_string() == pid(file));
    assert!(eventually(SOON, || files.iter().all(|file| alive(file))), "{:?}", files.map(pid));
}

#[test]
fn the_original_comes_back_while_rkeep_holds_the_address() {
    let pair = Pair::new(RKEEP);
    let old = pair.parent();
    let since = Instant::now();
    let handed = pair.boxes[0].run(&[TOOL, "hand-over", "--", ORIGINAL, "-D"]).unwrap();
    assert_eq!(handed.code(), Some(0), "{}{}\n{}", handed.stdout, handed.stderr, pair.log());
    assert!(eventually(SOON, || !pair.running[0].runs().unwrap()), "{}", pair.log());
    sleep(Duration::from_millis(5_000));
    let silence = pair.undisturbed(since);
    println!("rkeep, then the original: longest silence {:.1} ms", silence.as_secs_f64() * 1e3);
    assert!(silence < GENEROUS, "{silence:?}");
    assert!(pair.owns(0) && !pair.owns(1));
    let now = pair.parent();
    assert_ne!(now, old);
    assert!(pair.boxes[0].processes().unwrap().iter().any(|it| it.inner == now));
    // And forth again, as a daemon.
    let since = Instant::now();
    assert_eq!(pair.boxes[0].run(&[RKEEP, "--take-over", &now.to_string()]).unwrap().code(), Some(0));
    let is_rkeep = || pair.boxes[0].run(&[TOOL, "status"]).unwrap().stdout.contains("owned by this box");
    assert!(eventually(SOON, is_rkeep), "{}", pair.log());
    assert_ne!(pair.parent(), now);
    assert!(pair.owns(0) && pair.undisturbed(since) < GENEROUS);
}

#[test]
fn what_cannot_take_a_place_leaves_everything_as_it_was() {
    let mut pair = Pair::new(ORIGINAL);
    let old = pair.parent();
    let refused = |pid: &str, why: &str| {
        let ended = pair.boxes[0].run(&[RKEEP, "-n", "-l", "--take-over", pid]).unwrap();
        assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    };
    refused("x", "is no process id");
    refused("1", "is no process id");
    let monitor = pair.boxes[0].start(&["ip", "monitor", "address"]).unwrap();
    let other = pair.boxes[0].processes().unwrap().into_iter().find(|it| it.name == "ip").unwrap().inner;
    refused(&other.to_string(), "is no keepalived");
    let since = Instant::now();
    pair.boxes[0].write("/etc/keepalived/keepalived.conf", configuration(100).replace(INTERFACE, "eth7")).unwrap();
    pair.start(&[RKEEP, "-n", "-l", "--take-over", &old.to_string()]);
    assert!(eventually(SOON, || !pair.running[2].runs().unwrap()), "{}", pair.log());
    assert_eq!(pair.parent(), old, "{}", pair.log());
    assert!(pair.running[0].runs().unwrap() && pair.owns(0));
    sleep(Duration::from_millis(4_000));
    assert!(!pair.left(&monitor));
    assert!(pair.undisturbed(since) < GENEROUS);
}
