//! Every process may die: who is left serves on, and whoever starts next finds all in order.
//!
//! `RKEEP_ROUNDS` says how often the VRRP process is killed, on a machine that is quiet (50 for the record).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::cluster::{DIRECTORS, VIP};
use rkeep::rehearse::{Event, Outage, eventually};
use rkeep_compat_tests::pair::{Pair, SOON, keepalived_conf, measures};
use rkeep_compat_tests::{not_asked, on_original};
use rustix::process::{Pid, Signal, kill_process};

/// A VRRP process that has lived for longer is not one that dies again and again.
const LONG_LIFE: Duration = Duration::from_millis(10_500);
/// How long clients are watched at a time.
const A_ROUND: Duration = Duration::from_millis(1_500);
/// (256 - 99) / 256 s.
const SKEW: Duration = Duration::from_millis(614);
/// How long a client may find nobody.
const OUTAGE: Duration = Duration::from_millis(50);
/// The same while a worker starts: connections wait until then, and none is refused.
const RESTART: Duration = Duration::from_millis(250);

fn asked_of_rkeep() -> bool {
    if on_original() {
        not_asked("it lets go of the address, or refuses connections");
    }
    !on_original()
}

/// The VRRP process of the first director, once there is one other than `before`.
fn speaker(pair: &Pair, before: Option<Pid>) -> Pid {
    let find = || {
        let inner: i32 = pair.cluster.directors[0].node.read("/run/vrrp.pid").ok()?.trim().parse().ok()?;
        let process = pair.processes(0, "keepalived").into_iter().find(|process| process.inner == inner)?;
        Some(process.pid).filter(|pid| Some(*pid) != before)
    };
    assert!(eventually(SOON, || find().is_some()), "{}", pair.logs());
    find().unwrap()
}

fn from(director: usize) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Advert { from, .. } if *from == DIRECTORS[director])
}

fn goodbye(event: &Event) -> bool {
    matches!(event, Event::Advert { from, priority: 0, .. } if *from == DIRECTORS[0])
}

/// Nobody was refused; those who were being served when a process died have lost their connection. Nobody waited long.
fn expect_served(outage: &Outage, lost: usize, within: Duration) {
    expect_answers(outage, lost);
    expect_short(outage.silence, within);
}

fn expect_short(silence: Duration, within: Duration) {
    if measures() {
        assert!(silence <= within, "{silence:?}");
    }
}

fn expect_answers(outage: &Outage, lost: usize) {
    let refused = outage.tally.failures.iter().filter(|(kind, _)| format!("{kind:?}").contains("Refused"));
    assert_eq!(refused.count(), 0, "{:?}", outage.tally);
    assert!(outage.tally.failed() <= lost, "{:?}", outage.tally);
}

/// Sorted, in milliseconds.
fn told(outages: &mut [Outage]) -> String {
    let mut line = |what: &str, of: fn(&Outage) -> Duration| {
        outages.sort_by_key(of);
        let figures = outages.iter().map(|outage| format!(" {:.1}", of(outage).as_secs_f64() * 1e3));
        format!("  {what}:{}\n", figures.collect::<String>())
    };
    line("by the clock", |outage| outage.longest) + &line("less the client's own lag", |outage| outage.silence)
}

#[test]
fn a_killed_vrrp_process_costs_nothing() {
    if !asked_of_rkeep() {
        return;
    }
    let rounds = std::env::var("RKEEP_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    let pair = Pair::of_rkeep();
    let (since, mut before, mut silences, mut undisturbed) = (Instant::now(), None, Vec::new(), Vec::new());
    for _ in 0..rounds {
        let victim = speaker(&pair, before);
        sleep(LONG_LIFE - A_ROUND);
        // The same without a fault says what this machine's own hiccups are.
        let load = pair.load();
        sleep(A_ROUND);
        undisturbed.push(load.end().unwrap());
        let (load, killed) = (pair.load(), Instant::now());
        kill_process(victim, Signal::KILL).unwrap();
        while killed.elapsed() < A_ROUND {
            assert_eq!(pair.cluster.owner(), Some(0), "{}", pair.logs());
            sleep(Duration::from_millis(50));
        }
        let outage = load.end().unwrap();
        expect_answers(&outage, 0);
        silences.push(outage);
        before = Some(victim);
    }
    println!("killed {rounds} times; the longest silences of each\n{}", told(&mut silences));
    println!("as many times undisturbed\n{}", told(&mut undisturbed));
    silences.iter().for_each(|outage| expect_short(outage.silence, OUTAGE));
    assert_eq!(pair.watch.first(since, from(1)), None, "{}", pair.watch.told(since));
    assert_eq!(pair.watch.first(since, goodbye), None, "{}", pair.watch.told(since));
    let adverts: Vec<Instant> =
        pair.watch.heard().into_iter().filter(|(at, event)| *at > since && from(0)(event)).map(|(at, _)| at).collect();
    let silence = adverts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    println!("longest between two adverts {} ms", silence.as_millis());
    // The peer waits for three intervals.
    assert!(silence < Duration::from_millis(if measures() { 1_200 } else { 2_500 }), "{silence:?}");
}

#[test]
fn a_vrrp_process_that_dies_again_lets_the_peer_take_over_at_once() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let victim = speaker(&pair, None);
    sleep(LONG_LIFE);
    kill_process(victim, Signal::KILL).unwrap();
    let again = speaker(&pair, Some(victim));
    sleep(Duration::from_millis(300));
    let killed = Instant::now();
    kill_process(again, Signal::KILL).unwrap();
    assert!(eventually(SOON, || pair.watch.first(killed, from(1)).is_some()), "{}", pair.logs());
    let (said, _) = pair.watch.first(killed, goodbye).expect("a good-bye");
    let (taken, _) = pair.watch.first(killed, from(1)).unwrap();
    println!(
        "good-bye after {} ms, the peer's advert {} ms later",
        (said - killed).as_millis(),
        (taken - said).as_millis()
    );
    // For noticing the death and starting the process that says good-bye.
    let room = Duration::from_millis(if measures() { 150 } else { 1_500 });
    assert!(taken - killed <= SKEW + room, "{:?}\n{}", taken - killed, pair.watch.told(killed));
    assert!(pair.cluster.owned_by(1, SOON), "{}", pair.logs());
    // It stands by, and has the address back.
    assert!(pair.cluster.owned_by(0, SOON), "{}", pair.logs());
}

#[test]
fn children_of_a_killed_parent_say_good_bye() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let killed = Instant::now();
    pair.keepalived[0].signal(Signal::KILL).unwrap();
    assert!(pair.cluster.owned_by(1, SOON), "{}", pair.logs());
    assert!(pair.watch.first(killed, goodbye).is_some(), "{}", pair.watch.told(killed));
    assert!(!pair.keepalived[0].runs().unwrap());
    assert!(eventually(SOON, || pair.processes(0, "keepalived").is_empty()));
}

#[test]
fn what_the_dead_have_left_is_removed_by_those_who_come() {
    if !asked_of_rkeep() {
        return;
    }
    const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 252);
    let mut pair = Pair::of_rkeep();
    let director = &pair.cluster.directors[0];
    director.node.crash("keepalived").unwrap();
    // While one of them is still dying, another does not start.
    assert!(eventually(SOON, || !pair.keepalived[0].runs().unwrap() && pair.processes(0, "keepalived").is_empty()));
    assert!(director.node.addresses().unwrap().contains(&VIP), "nobody was left to remove it");
    let conf = keepalived_conf(0, "").replace(&VIP.to_string(), &OTHER.to_string());
    director.node.write("/etc/keepalived/keepalived.conf", conf).unwrap();
    pair.keepalived[0] = director.start_keepalived().unwrap();
    let has = |address| pair.cluster.directors[0].node.addresses().unwrap().contains(&address);
    // It becomes master again, so the old address is gone for good only if it was removed at the start.
    assert!(eventually(SOON, || has(OTHER)), "{}", pair.logs());
    assert!(!has(VIP), "{}", pair.logs());
}

#[test]
fn a_killed_worker_is_replaced_and_nobody_refused() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let load = pair.load();
    for _ in 0..3 {
        sleep(Duration::from_millis(800));
        let worker = pair.processes(0, "nginx")[1].clone();
        kill_process(worker.pid, Signal::KILL).unwrap();
        let replaced = || pair.processes(0, "nginx").iter().any(|process| process.inner > worker.inner);
        assert!(eventually(SOON, replaced));
    }
    expect_served(&load.end().unwrap(), 3, RESTART);
}

#[test]
fn a_worker_without_a_master_serves_on_until_another_master_takes_over() {
    if !asked_of_rkeep() {
        return;
    }
    let pair = Pair::of_rkeep();
    let (load, since) = (pair.load(), Instant::now());
    let [master, worker] = &pair.processes(0, "nginx")[..] else { panic!("two processes") };
    kill_process(master.pid, Signal::KILL).unwrap();
    pair.expect_no_move(since);
    assert_eq!(pair.processes(0, "nginx"), std::slice::from_ref(worker));
    let since = Instant::now();
    pair.cluster.directors[0].start_nginx().unwrap();
    assert!(eventually(SOON, || !pair.processes(0, "nginx").contains(worker)), "the old worker stays");
    assert_eq!(pair.processes(0, "nginx").len(), 2);
    pair.expect_no_move(since);
    expect_served(&load.end().unwrap(), 0, OUTAGE);
    let director = &pair.cluster.directors[0];
    assert_eq!(director.nginx(&["-s", "stop"]).unwrap().code(), Some(0), "the new one can be told what to do");
    assert!(eventually(SOON, || pair.processes(0, "nginx").is_empty()));
}
