//! The virtual address follows the ability to serve: it leaves a box whose nginx was killed or hangs, and returns; what is
//! planned, or mends itself, moves nothing; where neither box can serve, one of them has the address all the same.
//!
//! `RKEEP_ROUNDS` in the environment holds the moves to their bound in milliseconds, for a machine that is quiet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::{Cast, Event, Files, Subject, eventually};
use rkeep_compat_tests::pair::{NGINX_CONF, Pair, SOON, keepalived_conf, nginx_conf};
use rkeep_compat_tests::{not_asked, on_original, rkeep, subject};
use rustix::process::{Signal, kill_process};

/// Two seconds and an advert interval.
const BOUND: Duration = Duration::from_secs(3);
/// Generous for the article's checks: every six seconds, with three retries, of servers that may have come up late.
const CHECKED: Duration = Duration::from_secs(60);

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
    assert!(eventually(SOON, || pair.processes(0, "nginx").is_empty()));
    first.start_nginx().unwrap();
    pair.expect_no_move(since);
    let since = Instant::now();
    first.node.write(NGINX_CONF, nginx_conf(0).replace("listen", "lisden")).unwrap();
    assert_eq!(first.nginx(&["-s", "reload"]).unwrap().code(), Some(1));
    first.node.signal_all("nginx", Signal::HUP).unwrap();
    pair.expect_no_move(since);
    let since = Instant::now();
    kill_process(pair.processes(0, "nginx")[1].pid, Signal::KILL).unwrap();
    pair.expect_no_move(since);
    let since = Instant::now();
    kill_process(pair.processes(0, "nginx")[0].pid, Signal::STOP).unwrap();
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
    assert!(eventually(2 * SOON, || pair.answer().as_deref() == Some("director1")), "{}", pair.watch.told(back));
}

/// Each member of a group says good-bye, so that all addresses move in one skew.
#[test]
fn a_group_goes_together() {
    if !asked_of_rkeep() {
        return;
    }
    const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 252);
    let conf = |which| {
        let first = keepalived_conf(which, "");
        let second = first.replace("VI_1", "VI_2").replace("_id 51", "_id 52").replace("3.253", "3.252");
        format!("vrrp_sync_group G {{\n    group {{\n        VI_1\n        VI_2\n    }}\n}}\n{first}{second}")
    };
    let files = Files { nginx: [0, 1].map(nginx_conf), keepalived: [0, 1].map(conf) };
    let pair = Pair::with(Cast::all(&rkeep()), &files);
    let killed = pair.kill_nginx(0);
    pair.expect_move(1, killed, BOUND);
    let goodbye = |wanted: u8| move |event: &Event| matches!(event, Event::Advert { router, priority: 0, .. } if *router == wanted);
    for router in [51, 52] {
        assert!(
            pair.watch.first(killed, goodbye(router)).is_some(),
            "{router}\n{}{}",
            pair.watch.told(killed),
            pair.logs()
        );
    }
    let both = || pair.cluster.directors[1].node.addresses().unwrap().contains(&OTHER);
    assert!(eventually(SOON, both), "{}", pair.logs());
    assert!(!pair.cluster.directors[0].node.addresses().unwrap().contains(&OTHER));
}

#[test]
fn an_upgrade_moves_nothing() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let (load, since) = (pair.load(), Instant::now());
    let old = pair.processes(0, "nginx");
    kill_process(old[0].pid, Signal::USR2).unwrap();
    assert!(eventually(SOON, || pair.processes(0, "nginx").len() == 4));
    // The old worker first: for longer than the grace its master is there and serves nobody.
    kill_process(old[0].pid, Signal::WINCH).unwrap();
    pair.expect_no_move(since);
    let since = Instant::now();
    kill_process(old[0].pid, Signal::QUIT).unwrap();
    pair.expect_no_move(since);
    assert!(!pair.processes(0, "nginx").contains(&old[0]));
    assert_eq!(load.end().unwrap().tally.failed(), 0);
}

/// The address stays where it is: that box says it is able, or that it is not its business.
#[test]
fn an_original_nginx_in_its_place_is_left_alone() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let director = &pair.cluster.directors[0];
    let since = Instant::now();
    assert_eq!(director.nginx(&["-s", "quit"]).unwrap().code(), Some(0));
    assert!(eventually(SOON, || pair.processes(0, "nginx").is_empty()));
    let original = ["/usr/sbin/nginx", "-p", "/usr/local/nginx/", "-c", "conf/nginx.conf", "-e", "logs/error.log"];
    assert_eq!(director.node.run(&original).unwrap().code(), Some(0));
    pair.expect_no_move(since);
    assert!(pair.keepalived[0].stderr().contains("nginx of this box is no longer ours"), "{}", pair.logs());
    let killed = pair.kill_nginx(0);
    pair.expect_no_move(killed);
}

#[test]
fn a_virtual_server_with_a_live_real_server_is_enough() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::with(Cast::all(&rkeep()), &Files::article());
    let killed = pair.kill_nginx(0);
    pair.expect_no_move(killed);
    pair.kill_nginx(1);
    // The article's checks: six seconds, and three retries.
    let given_up = || pair.keepalived.iter().all(|keepalived| keepalived.stderr().contains("giving way"));
    assert!(eventually(CHECKED, given_up), "{}", pair.logs());
    assert!(eventually(SOON, || pair.cluster.owner().is_some()), "{}", pair.logs());
    pair.cluster.directors[1].start_nginx().unwrap();
    assert!(eventually(CHECKED, || pair.answer().is_some()), "{}", pair.logs());
}

#[test]
fn virtual_servers_whose_process_hangs_do_not_count() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::with(Cast::all(&rkeep()), &Files::article());
    let node = &pair.cluster.directors[0].node;
    let checkers = node.read("/run/checkers.pid").unwrap();
    let signal = |word: &str| assert_eq!(node.run(&["kill", word, checkers.trim()]).unwrap().code(), Some(0));
    // Without a listener of nginx the virtual server alone counts.
    pair.kill_nginx(0);
    let given_up = || pair.keepalived[0].stderr().contains("nginx of this box does not serve");
    assert!(eventually(SOON, given_up), "{}", pair.logs());
    signal("-STOP");
    assert!(pair.cluster.owned_by(1, SOON), "{}", pair.logs());
    assert!(eventually(SOON, || pair.answer().is_some()), "{}", pair.logs());
    signal("-CONT");
    assert!(pair.cluster.owned_by(0, CHECKED), "{}", pair.logs());
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
