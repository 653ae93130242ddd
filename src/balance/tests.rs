//! Sequences recorded from nginx 1.22.1: which servers each of 24 requests went to. Ports of the form `9x` refuse.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::ir::http::Address;
use rkeep_parsers::ir::pool::{Balancer, Pool as IrPool, PoolServer};
use rkeep_parsers::source::Span;

use super::*;

/// `01 weight=5` and its like.
fn server(words: &str) -> PoolServer {
    let mut words = words.split(' ');
    let port = words.next().unwrap();
    let mut server = PoolServer {
        name: format!("127.0.0.1:271{port}"),
        addresses: vec![Address::Inet(format!("127.0.0.1:271{port}").parse::<SocketAddr>().unwrap())],
        resolve: None,
        weight: 1,
        max_conns: 0,
        max_fails: 1,
        fail_timeout: Duration::from_secs(10),
        backup: false,
        down: false,
        span: Span::NONE,
    };
    for word in words {
        match word.split_once('=') {
            Some(("weight", value)) => server.weight = value.parse().unwrap(),
            Some(("max_fails", value)) => server.max_fails = value.parse().unwrap(),
            Some(("max_conns", value)) => server.max_conns = value.parse().unwrap(),
            None if word == "down" => server.down = true,
            None if word == "backup" => server.backup = true,
            _ => panic!("{word}"),
        }
    }
    server
}

fn pool(balancer: Balancer, servers: &str) -> Pool {
    pool_of(&Registry::default(), balancer, servers)
}

fn pool_of(registry: &Registry, balancer: Balancer, servers: &str) -> Pool {
    let servers = servers.split("; ").map(server).collect();
    Pool::new(&IrPool { name: "u".to_owned(), servers, balancer, ..IrPool::default() }, registry)
}

/// One request: the servers it asks until one serves, as two digits each.
fn request(pool: &Pool, key: Key, now: Seconds) -> String {
    let mut attempt = pool.begin(key, 0);
    let mut asked = Vec::new();
    loop {
        let Some(choice) = pool.pick(&mut attempt, now, &mut || 4) else {
            asked.push("none".to_owned());
            break;
        };
        let name = &pool.peer(choice).unwrap().name;
        asked.push(name[name.len() - 2..].to_owned());
        let outcome = if asked.last().unwrap().starts_with('9') { Outcome::Failed } else { Outcome::Served };
        pool.release(choice, outcome, now);
        pool.spend(&mut attempt);
        if outcome == Outcome::Served || attempt.tries == 0 {
            break;
        }
    }
    asked.join(" ")
}

fn sequence(pool: &Pool, key: impl Fn(usize) -> Key) -> String {
    (0..24).map(|nth| request(pool, key(nth), 1000)).collect::<Vec<_>>().join("|")
}

fn by_turn(servers: &str) -> String {
    sequence(&pool(Balancer::RoundRobin, servers), |_| Key::None)
}

fn by_address(servers: &str) -> String {
    let network = |nth: usize| IpAddr::from([127, (nth * 11 % 256) as u8, (nth * 37 % 256) as u8, 9]);
    sequence(&pool(Balancer::IpHash, servers), |nth| Key::Address(Some(network(nth))))
}

fn by_hash(consistent: bool, servers: &str) -> String {
    let balancer = Balancer::Hash { key: Expr::default(), consistent };
    sequence(&pool(balancer, servers), |nth| Key::Text(format!("key{nth}").into_bytes()))
}

#[test]
fn equal_weights() {
    assert_eq!(by_turn("01; 02; 03"), ["01|02|03"; 8].join("|"));
}

#[test]
fn weights() {
    assert_eq!(by_turn("01 weight=5; 02; 03 weight=2"), ["01|03|01|01|02|01|03|01"; 3].join("|"));
}

#[test]
fn failures_lower_the_weight_and_end_it() {
    assert_eq!(
        by_turn("01 weight=4; 91 weight=6 max_fails=2; 03 weight=3"),
        "91 01|03|01|91 03|01|01|03|01|03|01|03|01|01|03|01|03|01|03|01|01|03|01|03|01"
    );
}

#[test]
fn backups_serve_when_nobody_else_does() {
    assert_eq!(
        by_turn("91; 92 max_fails=3; 03 backup; 04 backup weight=2"),
        "91 92 04|92 03|92 04|04|03|04|04|03|04|04|03|04|04|03|04|04|03|04|04|03|04|04|03|04"
    );
}

#[test]
fn down_is_never_asked() {
    assert_eq!(by_turn("01 down; 02 weight=2; 03"), ["02|03|02"; 8].join("|"));
}

#[test]
fn all_given_up() {
    assert_eq!(by_turn("91; 92 weight=2"), format!("92 91{}", "|none".repeat(23)));
}

#[test]
fn least_conn_in_turn_while_idle() {
    let pool = pool(Balancer::LeastConn, "01 weight=2; 02; 91 weight=3");
    assert_eq!(
        sequence(&pool, |_| Key::None),
        "91 01|01|02|01|01|02|01|01|02|01|01|02|01|01|02|01|01|02|01|01|02|01|01|02"
    );
}

#[test]
fn least_conn_by_load() {
    let pool = pool(Balancer::LeastConn, "01; 02 weight=2");
    let mut held = [0, 0];
    for _ in 0..9 {
        let choice = pool.pick(&mut pool.begin(Key::None, 0), 1000, &mut || 0).unwrap();
        held[usize::from(pool.peer(choice).unwrap().name.ends_with("02"))] += 1;
    }
    assert_eq!(held, [3, 6]);
}

#[test]
fn ip_hash() {
    assert_eq!(
        by_address("01; 02 weight=3; 03; 04 weight=2"),
        "02|01|01|04|04|03|02|04|04|03|02|02|02|02|02|02|02|02|01|04|04|01|01|04"
    );
    assert_eq!(
        by_address("01; 91 weight=3; 03; 04 weight=2"),
        "91 01|01|01|04|04|03|04|04|04|03|03|04|04|04|04|04|01|03|01|04|04|01|01|04"
    );
}

#[test]
fn hash() {
    assert_eq!(
        by_hash(false, "01; 02 weight=3; 03"),
        "02|02|02|02|02|02|02|02|02|03|02|03|03|01|01|02|02|03|02|02|03|03|02|03"
    );
    assert_eq!(
        by_hash(false, "01; 91 weight=3; 03"),
        "91 03|03|01|03|01|03|01|01|01|03|01|03|03|01|01|01|03|03|03|03|03|03|01|03"
    );
}

#[test]
fn consistent_hash() {
    assert_eq!(
        by_hash(true, "01; 02 weight=3; 03"),
        "02|01|02|02|02|02|02|02|03|03|02|01|03|02|02|02|02|02|02|03|02|02|02|03"
    );
    assert_eq!(
        by_hash(true, "01; 91 weight=3; 03"),
        "91 03|01|03|03|03|03|01|01|03|03|01|01|03|01|01|01|03|03|03|03|03|03|03|03"
    );
}

#[test]
fn random_two_takes_the_less_busy() {
    let pool = pool(Balancer::Random { two: true }, "01; 02; 03");
    let mut numbers = [0, 1, 0, 2].into_iter();
    let mut chance = || numbers.next().unwrap();
    let mut name = || {
        let choice = pool.pick(&mut pool.begin(Key::None, 0), 1000, &mut chance).unwrap();
        pool.peer(choice).unwrap().name.clone()
    };
    assert_eq!(&*name(), "127.0.0.1:27102");
    assert_eq!(&*name(), "127.0.0.1:27103");
}

#[test]
fn a_quiet_fail_timeout_forgives() {
    let pool = pool(Balancer::RoundRobin, "91; 02");
    assert_eq!(request(&pool, Key::None, 1000), "91 02");
    assert_eq!(request(&pool, Key::None, 1010), "02");
    assert_eq!(request(&pool, Key::None, 1010), "02");
    let later: Vec<_> = (0..3).map(|_| request(&pool, Key::None, 1011)).collect();
    assert_eq!(later, ["02", "02", "91 02"], "its weight comes back from 0 first");
}

#[test]
fn a_success_in_the_same_period_does_not_forgive() {
    let pool = pool(Balancer::RoundRobin, "01 max_fails=2; 02");
    let one_of = |outcome, now| {
        let mut attempt = pool.begin(Key::None, 0);
        loop {
            let choice = pool.pick(&mut attempt, now, &mut || 0)?;
            let first = pool.peer(choice)?.name.ends_with("01");
            let released = pool.release(choice, if first { outcome } else { Outcome::Served }, now);
            if first {
                return Some(released);
            }
        }
    };
    assert_eq!(one_of(Outcome::Failed, 1000), Some(Released::Live));
    assert_eq!(one_of(Outcome::Served, 1005), Some(Released::Live));
    assert_eq!(one_of(Outcome::Failed, 1006), Some(Released::GivenUp));
    assert_eq!(one_of(Outcome::Served, 1006), None);
    assert_eq!(one_of(Outcome::Served, 1017), Some(Released::Live));
    assert_eq!(one_of(Outcome::Failed, 1017), Some(Released::Live));
}

#[test]
fn a_single_peer_is_never_given_up() {
    let pool = pool(Balancer::RoundRobin, "91");
    assert_eq!(sequence(&pool, |_| Key::None), ["91"; 24].join("|"));
}

#[test]
fn max_conns_are_counted_and_given_back() {
    let pool = pool(Balancer::RoundRobin, "01 max_conns=1; 02 max_conns=1");
    let mut attempts = [pool.begin(Key::None, 0), pool.begin(Key::None, 0), pool.begin(Key::None, 0)];
    let first = pool.pick(&mut attempts[0], 1000, &mut || 0).unwrap();
    assert!(pool.pick(&mut attempts[1], 1000, &mut || 0).is_some());
    assert_eq!(pool.pick(&mut attempts[2], 1000, &mut || 0), None);
    pool.release(first, Outcome::Served, 1000);
    assert!(pool.pick(&mut pool.begin(Key::None, 0), 1000, &mut || 0).is_some());
}

#[test]
fn tries_are_limited() {
    let pool = pool(Balancer::RoundRobin, "91; 92; 03");
    assert_eq!(pool.begin(Key::None, 2).tries, 2);
    assert_eq!(pool.begin(Key::None, 9).tries, 3);
}

#[test]
fn counters_survive_a_reload() {
    let registry = Registry::default();
    let old = pool_of(&registry, Balancer::RoundRobin, "91; 02; 03 max_conns=1");
    assert_eq!(request(&old, Key::None, 1000), "91 02");
    let new = pool_of(&registry, Balancer::RoundRobin, "03 max_conns=1; 91");
    drop(old);
    assert_eq!((0..3).map(|_| request(&new, Key::None, 1001)).collect::<Vec<_>>(), ["03", "03", "03"]);
    drop(new);
    let anew = pool_of(&registry, Balancer::RoundRobin, "91; 02");
    assert_eq!(request(&anew, Key::None, 1001), "91 02");
}
