//! The virtual address moves and returns: on stop, on a crash, on a pulled cable; between two of a kind and, with
//! Debian's keepalived on one of the boxes, between both kinds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use rkeep::rehearse::cluster::{DIRECTORS, VIP};
use rkeep::rehearse::{Cast, Cluster, Event, Files, Running, Subject, Watch, mac};
use rkeep_compat_tests::{not_asked, on_original, rkeep, subject};
use rustix::process::Signal;

/// Three advert intervals and a skew, and room for a busy machine.
const TAKEOVER: Duration = Duration::from_secs(10);

struct Pair {
    cluster: Cluster,
    watch: Watch,
    running: [Running; 2],
}

impl Pair {
    /// Both keepalived run, and the first has the address.
    fn new(keepalived: [Subject; 2]) -> Pair {
        let cast = Cast { keepalived, ..Cast::all(&subject()) };
        let cluster = Cluster::build(&cast, &Files::article()).unwrap();
        let watch = Watch::new(&cluster.client).unwrap();
        let running = [0, 1].map(|which| cluster.directors[which].start_keepalived().unwrap());
        let pair = Pair { cluster, watch, running };
        pair.expect_owner(0, Instant::now());
        pair
    }

    /// The address is on that director alone, and it has told everybody so.
    fn expect_owner(&self, which: usize, since: Instant) {
        let moved = self.cluster.owned_by(which, TAKEOVER);
        let logs = self.running.each_ref().map(Running::stderr).concat();
        assert!(moved, "the address is not on {}\n{}{logs}", DIRECTORS[which], self.watch.told(since));
        let advert =
            |event: &Event| matches!(event, Event::Advert { from, priority: 1.., .. } if *from == DIRECTORS[which]);
        let claim = Event::Announce { mac: mac(DIRECTORS[which]), address: VIP };
        let told =
            || self.watch.first(since, advert).is_some() && self.watch.first(since, |event| *event == claim).is_some();
        assert!(rkeep::rehearse::eventually(TAKEOVER, told), "{}{logs}", self.watch.told(since));
    }

    fn stops_and_returns(mut self) {
        let stop = Instant::now();
        self.running[0].signal(Signal::TERM).unwrap();
        self.expect_owner(1, stop);
        let goodbye = |event: &Event| *event == Event::Advert { from: DIRECTORS[0], router: 51, priority: 0 };
        assert!(self.watch.first(stop, goodbye).is_some(), "no advert of priority 0\n{}", self.watch.told(stop));
        let (at, _) = self
            .watch
            .first(stop, |event| matches!(event, Event::Advert { from, .. } if *from == DIRECTORS[1]))
            .unwrap();
        // One skew time, (256 - 99) / 256 s.
        assert!(at - stop < Duration::from_secs(2), "{:?}", at - stop);
        assert!(rkeep::rehearse::eventually(Duration::from_secs(5), || !self.running[0].runs().unwrap()));
        let start = Instant::now();
        self.running[0] = self.cluster.directors[0].start_keepalived().unwrap();
        self.expect_owner(0, start);
    }

    fn crashes_and_returns(mut self) {
        let crash = Instant::now();
        assert!(self.cluster.directors[0].node.crash("keepalived").unwrap() > 0);
        let advert = |event: &Event| matches!(event, Event::Advert { from, .. } if *from == DIRECTORS[1]);
        let told = || self.watch.first(crash, advert).is_some();
        assert!(rkeep::rehearse::eventually(TAKEOVER, told), "{}", self.watch.told(crash));
        assert!(self.cluster.directors[1].owns_vip());
        let start = Instant::now();
        self.running[0] = self.cluster.directors[0].start_keepalived().unwrap();
        self.expect_owner(0, start);
    }

    fn loses_its_cable_and_returns(self) {
        let pull = Instant::now();
        self.cluster.lan.unplug(&self.cluster.directors[0].node).unwrap();
        self.expect_owner(1, pull);
        let back = Instant::now();
        self.cluster.lan.replug(&self.cluster.directors[0].node).unwrap();
        self.expect_owner(0, back);
    }
}

fn two_of_a_kind() -> Pair {
    Pair::new([subject(), subject()])
}

#[test]
fn the_address_moves_when_the_master_is_stopped() {
    two_of_a_kind().stops_and_returns();
}

#[test]
fn the_address_moves_when_the_master_crashes() {
    two_of_a_kind().crashes_and_returns();
}

#[test]
fn the_address_moves_when_the_masters_cable_is_pulled() {
    two_of_a_kind().loses_its_cable_and_returns();
}

#[test]
fn with_the_original_as_backup() {
    if on_original() {
        not_asked("it takes both");
        return;
    }
    Pair::new([rkeep(), Subject::Original]).stops_and_returns();
    Pair::new([rkeep(), Subject::Original]).crashes_and_returns();
}

#[test]
fn with_the_original_as_master() {
    if on_original() {
        not_asked("it takes both");
        return;
    }
    Pair::new([Subject::Original, rkeep()]).stops_and_returns();
    Pair::new([Subject::Original, rkeep()]).loses_its_cable_and_returns();
}
