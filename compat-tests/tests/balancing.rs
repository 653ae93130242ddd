//! The article's directors before their three web servers: who gets how many requests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rkeep::rehearse::cluster::DIRECTORS;
use rkeep::rehearse::http::{Tally, Target};
use rkeep::rehearse::{Cast, Cluster, Files, eventually};
use rkeep_compat_tests::subject;
use rustix::process::Signal;

fn cluster() -> Cluster {
    let cluster = Cluster::build(&Cast::all(&subject()), &Files::article()).unwrap();
    cluster.directors.iter().for_each(|director| director.start_nginx().unwrap());
    cluster
}

fn ask(cluster: &Cluster, director: usize, count: usize, kept: bool) -> Tally {
    let target = Target::new(DIRECTORS[director]);
    let ask = move || if kept { target.get_kept("/", count) } else { target.get_many("/", count) };
    cluster.client.within(move || Ok(ask())).unwrap()
}

#[test]
fn the_first_configuration_asks_the_backup_only_when_the_first_is_gone() {
    let cluster = cluster();
    let tally = ask(&cluster, 0, 50, false);
    assert_eq!((tally.of("server1"), tally.failed()), (50, 0), "{tally:?}");
    let stopped = || cluster.webs[0].node.signal_all("nginx", Signal::TERM).unwrap() == 0;
    assert!(eventually(Duration::from_secs(10), stopped));
    let tally = ask(&cluster, 0, 50, false);
    assert_eq!((tally.of("server3"), tally.of("server2"), tally.failed()), (50, 0, 0), "{tally:?}");
}

#[test]
fn the_second_configuration_shares_in_thirds() {
    let cluster = cluster();
    for kept in [false, true] {
        let tally = ask(&cluster, 1, 300, kept);
        for server in ["server1", "server2", "server3"] {
            assert!((99..=101).contains(&tally.of(server)), "{server}, kept connections {kept}: {tally:?}");
        }
        assert_eq!(tally.failed(), 0, "{tally:?}");
    }
}

#[test]
fn a_dead_web_server_costs_no_request() {
    let cluster = cluster();
    assert!(cluster.webs[1].node.signal_all("nginx", Signal::TERM).unwrap() > 0);
    let tally = ask(&cluster, 1, 60, false);
    assert_eq!((tally.of("server2"), tally.failed()), (0, 0), "{tally:?}");
    assert!(tally.of("server1").abs_diff(tally.of("server3")) <= 2, "{tally:?}");
}
