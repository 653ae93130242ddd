//! The virtual address follows the ability to serve: it leaves a box whose nginx was killed or hangs, and returns; what is
//! planned, or mends itself, moves nothing; where neither box can serve, one of them has the address all the same.
//!
//! `RKEEP_ROUNDS` in the environment holds the moves to their bound in milliseconds, for a machine that is quiet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::cluster::{DIRECTORS, VIP};
use rkeep::rehearse::http::Target;
use rkeep::rehearse::{Cast, Cluster, Event, Files, Running, Subject, Watch, eventually};
use rkeep_compat_tests::{not_asked, on_original, rkeep, subject};
use rustix::process::Signal;

/// Two seconds, an advert interval, and room for a busy machine.
const MOVED: Duration = Duration::from_secs(12);
/// The same without the room.
const BOUND: Duration = Duration::from_secs(3);
/// Longer than a lease and the wait of a backup.
const A_WHILE: Duration = Duration::from_secs(7);
const PATIENCE: Duration = Duration::from_millis(500);

const NGINX_CONF: &str = "/usr/local/nginx/conf/nginx.conf";

/// Each director answers by itself, on all addresses.
fn nginx_conf(which: usize) -> String {
    format!(
        "user root root;\nworker_processes 2;\nevents {{}}\nhttp {{\n server {{\n  listen 80;\n  location / {{ \
         return 200 director{}; }}\n }}\n}}\n",
        which + 1
    )
}

fn keepalived_conf(which: usize, more: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    state BACKUP\n    interface eth0\n    virtual_router_id 51\n    priority {}\n    \
         advert_int 1\n{more}    virtual_ipaddress {{\n        {VIP}\n    }}\n}}\n",
        100 - which
    )
}

struct Pair {
    cluster: Cluster,
    watch: Watch,
    keepalived: [Running; 2],
}

impl Pair {
    /// Everything runs, and the first has the address and answers there.
    fn new(cast: Cast, more: [&str; 2]) -> Pair {
        let nginx = [0, 1].map(nginx_conf);
        let keepalived = [0, 1].map(|which| keepalived_conf(which, more[which]));
        let cluster = Cluster::build(&cast, &Files { nginx, keepalived }).unwrap();
        let watch = Watch::new(&cluster.client).unwrap();
        let start = |which: usize| {
            cluster.directors[which].start_nginx().unwrap();
            cluster.directors[which].start_keepalived().unwrap()
        };
        let first = start(0);
        assert!(cluster.owned_by(0, MOVED), "{}", first.stderr());
        let pair = Pair { keepalived: [first, start(1)], cluster, watch };
        assert_eq!(pair.answer().as_deref(), Some("director1"));
        let knows = |which: usize| pair.keepalived[which].stderr().contains("nginx of this box serves");
        let ours = |which: usize| cast.nginx[which] == rkeep() && cast.keepalived[which] == rkeep();
        assert!(eventually(MOVED, || [0, 1].into_iter().all(|which| !ours(which) || knows(which))), "{}", pair.logs());
        pair
    }

    fn of_rkeep() -> Pair {
        Pair::new(Cast::all(&rkeep()), ["", ""])
    }

    fn answer(&self) -> Option<String> {
        let target = Target::new(VIP).limit(PATIENCE);
        self.cluster.client.within(move || target.get("/")).ok().map(|reply| reply.text())
    }

    /// The address moves there, its bearer answers, and it did not take too long.
    fn expect_move(&self, to: usize, since: Instant, bound: Duration) {
        let adverts =
            |event: &Event| matches!(event, Event::Advert { from, priority: 1.., .. } if *from == DIRECTORS[to]);
        let taken = || self.watch.first(since, adverts).is_some();
        assert!(eventually(MOVED, taken), "{}{}", self.watch.told(since), self.logs());
        assert!(self.cluster.owned_by(to, MOVED), "{}", self.logs());
        let (at, _) = self.watch.first(since, adverts).unwrap();
        println!("the address is on director {} after {} ms", to + 1, (at - since).as_millis());
        if std::env::var_os("RKEEP_ROUNDS").is_some() {
            assert!(at - since <= bound, "{:?}: {}", at - since, self.watch.told(since));
        }
        let answered = || self.answer() == Some(format!("director{}", to + 1));
        assert!(eventually(MOVED, answered), "{:?} {}", self.answer(), self.logs());
    }

    /// For a while director 1 stays master at its priority and director 2 says nothing.
    fn expect_no_move(&self, since: Instant) {
        sleep((since + A_WHILE).saturating_duration_since(Instant::now()));
        let amiss = |event: &Event| match event {
            Event::Advert { from, priority, .. } => *from != DIRECTORS[0] || *priority != 100,
            _ => false,
        };
        assert_eq!(self.watch.first(since, amiss), None, "{}{}", self.watch.told(since), self.logs());
        assert_eq!(self.cluster.owner(), Some(0));
    }

    fn signal_nginx(&self, which: usize, signal: Signal) {
        assert!(self.cluster.directors[which].node.signal_all("nginx", signal).unwrap() > 1);
    }

    fn kill_nginx(&self, which: usize) -> Instant {
        let at = Instant::now();
        assert!(self.cluster.directors[which].node.crash("nginx").unwrap() > 1);
        at
    }

    fn logs(&self) -> String {
        self.keepalived.each_ref().map(Running::stderr).join("--- director 2\n")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for director in &self.cluster.directors {
            let _ = director.node.crash("nginx");
            let _ = director.node.crash("keepalived");
        }
    }
}

fn asked_of_rkeep() -> bool {
    if on_original() {
        not_asked("its addresses stay where nobody serves");
    }
    !on_original()
}

#[test]
fn the_address_leaves_a_box_whose_nginx_is_killed_and_returns() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let killed = pair.kill_nginx(0);
    pair.expect_move(1, killed, BOUND);
    let back = Instant::now();
    pair.cluster.directors[0].start_nginx().unwrap();
    // It must have served for a while, and then preempts.
    pair.expect_move(0, back, BOUND + Duration::from_secs(5));
}

#[test]
fn the_address_leaves_a_box_whose_nginx_hangs_and_returns() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let halted = Instant::now();
    pair.signal_nginx(0, Signal::STOP);
    pair.expect_move(1, halted, BOUND);
    let back = Instant::now();
    pair.signal_nginx(0, Signal::CONT);
    pair.expect_move(0, back, BOUND + Duration::from_secs(5));
}

#[test]
fn what_is_planned_or_mends_itself_moves_nothing() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let [first, _] = &pair.cluster.directors;
    let since = Instant::now();
    assert_eq!(first.nginx(&["-s", "stop"]).unwrap().code(), Some(0));
    assert!(eventually(MOVED, || first.node.processes().unwrap().iter().all(|it| it.name != "nginx")));
    first.start_nginx().unwrap();
    pair.expect_no_move(since);
    let since = Instant::now();
    first.node.write(NGINX_CONF, nginx_conf(0).replace("listen", "lisden")).unwrap();
    assert_eq!(first.nginx(&["-s", "reload"]).unwrap().code(), Some(1));
    first.node.signal_all("nginx", Signal::HUP).unwrap();
    pair.expect_no_move(since);
    let since = Instant::now();
    let worker = first.node.processes().unwrap().into_iter().rfind(|it| it.name == "nginx").unwrap();
    rustix::process::kill_process(worker.pid, Signal::KILL).unwrap();
    pair.expect_no_move(since);
    assert_eq!(pair.answer().as_deref(), Some("director1"));
}

#[test]
fn where_neither_can_serve_one_of_them_has_the_address() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let killed = pair.kill_nginx(1);
    pair.expect_no_move(killed);
    pair.kill_nginx(0);
    let (mut nobody, end) = (Duration::ZERO, Instant::now() + Duration::from_secs(15));
    let mut last = Instant::now();
    while Instant::now() < end {
        let owned = pair.cluster.owner().is_some();
        let both = pair.cluster.directors.iter().all(|director| director.owns_vip());
        assert!(!both, "{}", pair.logs());
        nobody += if owned { Duration::ZERO } else { last.elapsed() };
        last = Instant::now();
        sleep(Duration::from_millis(50));
    }
    assert!(nobody < Duration::from_secs(6), "{nobody:?} {}", pair.logs());
    assert!(pair.cluster.owner().is_some(), "{}", pair.logs());
    let back = Instant::now();
    pair.cluster.directors[0].start_nginx().unwrap();
    assert!(eventually(2 * MOVED, || pair.answer().as_deref() == Some("director1")), "{}", pair.watch.told(back));
}

#[test]
fn a_peer_that_does_not_preempt_takes_over_all_the_same() {
    if !asked_of_rkeep() {
        return;
    }
    for peer in [Subject::Original, rkeep()] {
        let cast = Cast { keepalived: [rkeep(), peer], ..Cast::all(&rkeep()) };
        let pair = Pair::new(cast, ["", "    nopreempt\n"]);
        let killed = pair.kill_nginx(0);
        pair.expect_move(1, killed, BOUND);
    }
}

#[test]
fn beside_the_original_nginx_nothing_changes() {
    let nginx = [Subject::Original, Subject::Original];
    let pair = Pair::new(Cast { nginx, ..Cast::all(&subject()) }, ["", ""]);
    let killed = pair.kill_nginx(0);
    pair.expect_no_move(killed);
    assert_eq!(pair.answer(), None);
}
