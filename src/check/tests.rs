//! A virtual server's life, line by line as keepalived 2.4.3 logged it; and the engine on loopback.

use std::net::TcpListener;
use std::time::Duration;

use rkeep_parsers::ir::service::Service;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::service::{Effect, Outcome, ServiceState};
use crate::bus::{Exit, Fact, Input, Publisher, Subject, Verdict};
use crate::plan::CheckPlan;
use crate::testing::{in_namespace, plans};

/// A virtual server with these real servers, and what else is said of it.
fn service(more: &str, real_servers: &[(&str, &str)]) -> Service {
    service_after("", more, real_servers)
}

/// The same below other blocks.
fn service_after(before: &str, more: &str, real_servers: &[(&str, &str)]) -> Service {
    let servers = real_servers.iter().map(|(address, body)| format!("real_server {address} {{\n {body}\n }}\n"));
    let text = format!(
        "{before}virtual_server 192.168.3.253 80 {{\n delay_loop 2\n lb_algo rr\n lb_kind NAT\n protocol TCP\n smtp_alert\n \
         {more}\n {}\n }}\n",
        servers.collect::<String>()
    );
    plans(&text).check.services.values().next().cloned().expect("a virtual server")
}

/// A check on a port with so many retries; probes come in quick succession.
fn check(port: u16, retry: u32) -> String {
    format!(
        "TCP_CHECK {{\n connect_port {port}\n connect_timeout 1\n retry {retry}\n delay_before_retry 0.02\n \
         delay_loop 0.04\n warmup 0.01\n }}"
    )
}

const SORRY: &str = "sorry_server 192.168.3.3 80";

/// Logs as they are, facts as `subject verdict kind value text`.
fn told(effects: &mut Vec<Effect>) -> Vec<String> {
    let line = |effect| match effect {
        Effect::Log(line) => line,
        Effect::Say(subject, verdict, cause) => {
            let subject = match subject {
                Subject::RealServer { server, .. } => server,
                Subject::Service(service) => service,
                other => format!("{other:?}"),
            };
            format!("* {subject} {verdict:?} {} {} {}", cause.kind, cause.value, cause.text)
        }
    };
    effects.drain(..).map(line).collect()
}

#[test]
fn loses_and_gains_quorum_as_the_original_tells_it() {
    let one = format!("weight 3\n {}\n {}", check(80, 1), check(81, 0));
    let two = format!("weight 2\n inhibit_on_failure\n {}", check(80, 0));
    let servers = [("192.168.3.1 80", one.as_str()), ("192.168.3.2 80", two.as_str())];
    let mut state = ServiceState::new(&service(SORRY, &servers));
    let mut effects = Vec::new();
    state.start(&mut effects);
    assert_eq!(
        told(&mut effects)[2..],
        [
            "Gained quorum 1+0=1 <= 5 for VS [192.168.3.253]:tcp:80",
            "* [192.168.3.253]:tcp:80 Up start 5 Starting with quorum up 1+0=1 <= 5",
        ]
    );
    state.outcome(0, 0, Outcome::Success, &mut effects);
    assert_eq!(told(&mut effects), ["TCP connection to [192.168.3.1]:tcp:80 success."]);
    assert_eq!(state.outcome(0, 0, Outcome::Failed, &mut effects), Duration::from_millis(20));
    assert!(effects.is_empty(), "a retry may forgive it");
    assert_eq!(state.outcome(0, 0, Outcome::Failed, &mut effects), Duration::from_millis(40));
    assert_eq!(
        told(&mut effects),
        [
            "TCP_CHECK on service [192.168.3.1]:tcp:80 failed after 1 retries.",
            "Removing service [192.168.3.1]:tcp:80 from VS [192.168.3.253]:tcp:80",
            "* [192.168.3.1]:tcp:80 Down check 1 TCP CHECK failed on service",
        ]
    );
    state.outcome(0, 1, Outcome::Timeout, &mut effects);
    assert_eq!(
        told(&mut effects),
        [
            "TCP_CHECK on service [192.168.3.1]:tcp:80 failed.",
            "* [192.168.3.1]:tcp:80 Down check-only 2 TCP CHECK failed on service",
        ]
    );
    state.outcome(0, 1, Outcome::Success, &mut effects);
    assert_eq!(told(&mut effects)[1], "* [192.168.3.1]:tcp:80 Down check-only 1 TCP CHECK succeed on service");
    state.outcome(1, 0, Outcome::Failed, &mut effects);
    assert_eq!(
        told(&mut effects),
        [
            "TCP_CHECK on service [192.168.3.2]:tcp:80 failed.",
            "Disabling service [192.168.3.2]:tcp:80 of VS [192.168.3.253]:tcp:80",
            "* [192.168.3.2]:tcp:80 Down check 1 TCP CHECK failed on service",
            "Lost quorum 1-0=1 > 0 for VS [192.168.3.253]:tcp:80",
            "Adding sorry server [192.168.3.3]:tcp:80 to VS [192.168.3.253]:tcp:80",
            "Removing alive servers from the pool for VS [192.168.3.253]:tcp:80",
            "* [192.168.3.253]:tcp:80 Down quorum 0 Lost quorum 1+0=1 <= 0",
        ]
    );
    state.outcome(0, 0, Outcome::Success, &mut effects);
    assert_eq!(
        told(&mut effects),
        [
            "TCP connection to [192.168.3.1]:tcp:80 success.",
            "Adding service [192.168.3.1]:tcp:80 to VS [192.168.3.253]:tcp:80",
            "* [192.168.3.1]:tcp:80 Up check 0 TCP CHECK succeed on service",
            "Gained quorum 1+0=1 <= 3 for VS [192.168.3.253]:tcp:80",
            "Removing sorry server [192.168.3.3]:tcp:80 from VS [192.168.3.253]:tcp:80",
            "Adding alive servers to the pool for VS [192.168.3.253]:tcp:80",
            "* [192.168.3.253]:tcp:80 Up quorum 3 Gained quorum 1+0=1 <= 3",
        ]
    );
}

#[test]
fn alpha_reports_its_first_failure_without_a_removal() {
    let server = format!("weight 3\n {}", check(81, 2));
    let mut state = ServiceState::new(&service("alpha", &[("192.168.3.1 81", &server)]));
    let mut effects = Vec::new();
    state.start(&mut effects);
    assert_eq!(told(&mut effects), ["* [192.168.3.1]:tcp:81 Down start 1 ", "* [192.168.3.253]:tcp:80 Down start 0 ",]);
    state.outcome(0, 0, Outcome::Failed, &mut effects);
    assert_eq!(
        told(&mut effects),
        [
            "TCP_CHECK on service [192.168.3.1]:tcp:81 failed.",
            "* [192.168.3.1]:tcp:81 Down first-check 1 TCP CHECK failed on service",
        ]
    );
    state.outcome(0, 0, Outcome::Failed, &mut effects);
    assert!(effects.is_empty());
}

#[test]
fn a_reload_keeps_what_is_known_of_servers_that_stay() {
    let body = check(80, 0);
    let server = |address| (address, body.as_str());
    let mut old = ServiceState::new(&service(SORRY, &[server("192.168.3.1 80"), server("192.168.3.2 80")]));
    let mut effects = Vec::new();
    old.start(&mut effects);
    old.outcome(0, 0, Outcome::Failed, &mut effects);
    effects.clear();
    let mut new = ServiceState::new(&service(SORRY, &[server("192.168.3.3 80"), server("192.168.3.1 80")]));
    new.reload(&old, &mut effects);
    assert_eq!(
        told(&mut effects),
        [
            "Removing service [192.168.3.2]:tcp:80 from VS [192.168.3.253]:tcp:80",
            "* [192.168.3.2]:tcp:80 Deleted reload 0 ",
            "* [192.168.3.3]:tcp:80 Up reload 0 ",
            "* [192.168.3.1]:tcp:80 Down reload 1 ",
            "* [192.168.3.253]:tcp:80 Up reload 1 ",
        ]
    );
}

#[test]
fn checkers_that_follow_dead_ones_tell_only_what_is_new() {
    let body = check(80, 0);
    let servers = [("192.168.3.1 80", body.as_str()), ("192.168.3.2 80", body.as_str())];
    let mut effects = Vec::new();
    let mut dead = ServiceState::new(&service(SORRY, &servers));
    assert!(!dead.resume(&[], &mut effects), "nobody was there before");
    dead.start(&mut effects);
    dead.outcome(0, 0, Outcome::Failed, &mut effects);
    let said = effects.drain(..).filter_map(|effect| match effect {
        Effect::Say(subject, verdict, cause) => {
            Some(Fact { subject, verdict, cause, since: std::time::UNIX_EPOCH, seq: 0 })
        }
        Effect::Log(_) => None,
    });
    let mut said: Vec<Fact> = said.collect();
    said.reverse();
    let mut state = ServiceState::new(&service(SORRY, &servers));
    assert!(state.resume(&said, &mut effects));
    let known = ["* [192.168.3.1]:tcp:80 Down reload 1 ", "* [192.168.3.2]:tcp:80 Up reload 0 "];
    assert_eq!(told(&mut effects)[..2], known);
    state.outcome(0, 0, Outcome::Failed, &mut effects);
    assert_eq!(told(&mut effects), [""; 0]);
    state.outcome(0, 0, Outcome::Success, &mut effects);
    assert_eq!(told(&mut effects)[2], "* [192.168.3.1]:tcp:80 Up check 0 TCP CHECK succeed on service");
}

#[test]
fn omega_says_goodbye() {
    let mut state = ServiceState::new(&service("omega", &[("192.168.3.1 80", "weight 1")]));
    let mut effects = Vec::new();
    state.start(&mut effects);
    effects.clear();
    state.stop(&mut effects);
    assert_eq!(
        told(&mut effects),
        [
            "Shutting down service [192.168.3.1]:tcp:80 from VS [192.168.3.253]:tcp:80",
            "* [192.168.3.1]:tcp:80 Down stop 0 Shutting down",
            "* [192.168.3.253]:tcp:80 Down stop 0 Shutting down",
        ]
    );
}

async fn next(facts: &mut mpsc::UnboundedReceiver<Fact>) -> (Subject, Verdict, String) {
    let fact = timeout(Duration::from_secs(10), facts.recv()).await.expect("a fact in time").expect("a fact");
    (fact.subject, fact.verdict, fact.cause.kind)
}

#[tokio::test]
async fn the_engine_notices_a_server_that_goes_and_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("its address");
    let mut plan = CheckPlan::default();
    let server = format!("{} {}", at.ip(), at.port());
    plan.services.push(service("", &[(&server, &check(at.port(), 1))]));
    let (facts, mut said) = Publisher::new();
    let (tell, input) = mpsc::channel(4);
    let engine = tokio::spawn(super::run(plan, input, facts));
    assert_eq!(next(&mut said).await.1, Verdict::Up);
    assert!(matches!(next(&mut said).await, (Subject::Service(_), Verdict::Up, _)));
    drop(listener);
    assert_eq!((next(&mut said).await).1, Verdict::Down);
    assert!(matches!(next(&mut said).await, (Subject::Service(_), Verdict::Down, kind) if kind == "quorum"));
    let _again = TcpListener::bind(at).expect("the port again");
    assert_eq!((next(&mut said).await).1, Verdict::Up);
    assert!(matches!(next(&mut said).await, (Subject::Service(_), Verdict::Up, _)));
    tell.send(Input::Stop).await.expect("it listens");
    assert_eq!(engine.await.expect("no panic"), Exit::Done);
}

/// With `ha_suspend` a server is only checked while this box has the virtual address.
#[tokio::test]
async fn a_box_without_the_address_does_not_check() {
    if !in_namespace("check::tests::a_box_without_the_address_does_not_check") {
        return;
    }
    // Nobody listens there: the first check would take it down.
    let mut absent = service("ha_suspend", &[("127.0.0.1 9", &check(9, 0))]);
    absent.address = "10.9.9.10:80".parse().expect("an address");
    let mut plan = CheckPlan::default();
    plan.services.push(absent);
    let (facts, mut said) = Publisher::new();
    let (_tell, input) = mpsc::channel(4);
    tokio::spawn(super::run(plan, input, facts));
    assert_eq!(next(&mut said).await.1, Verdict::Up);
    assert!(matches!(next(&mut said).await, (Subject::Service(_), Verdict::Up, _)));
    assert!(timeout(Duration::from_millis(300), said.recv()).await.is_err(), "no check runs");
    let added = std::process::Command::new("ip").args(["addr", "add", "10.9.9.10/32", "dev", "lo"]).status();
    assert!(added.expect("ip of iproute2").success());
    assert_eq!(next(&mut said).await.1, Verdict::Down);
}

#[test]
fn a_real_server_is_up_while_its_session_is() {
    let session = "bfd_instance N {\n neighbor_ip 10.9.0.2\n }\n";
    let one = "BFD_CHECK {\n name N\n }";
    let two = "BFD_CHECK {\n name N\n alpha\n }";
    let service = service_after(session, "", &[("192.168.3.1 80", one), ("192.168.3.2 80", two)]);
    let mut state = ServiceState::new(&service);
    let mut effects = Vec::new();
    state.start(&mut effects);
    effects.clear();
    state.session("other", false, &mut effects);
    assert_eq!(told(&mut effects), [""; 0]);
    let logs =
        |effects: &mut Vec<Effect>| told(effects).into_iter().filter(|line| !line.starts_with('*')).collect::<Vec<_>>();
    state.session("N", false, &mut effects);
    assert_eq!(
        logs(&mut effects),
        [
            "BFD check of [N] RS([192.168.3.1]:tcp:80) is DOWN",
            "Removing service [192.168.3.1]:tcp:80 from VS [192.168.3.253]:tcp:80",
            "Lost quorum 1-0=1 > 0 for VS [192.168.3.253]:tcp:80",
            "BFD check of [N] RS([192.168.3.2]:tcp:80) is DOWN",
        ]
    );
    state.session("N", true, &mut effects);
    assert_eq!(
        logs(&mut effects),
        [
            "BFD check of [N] RS([192.168.3.1]:tcp:80) is UP",
            "Adding service [192.168.3.1]:tcp:80 to VS [192.168.3.253]:tcp:80",
            "Gained quorum 1+0=1 <= 1 for VS [192.168.3.253]:tcp:80",
            "BFD check of [N] RS([192.168.3.2]:tcp:80) is UP",
            "Adding service [192.168.3.2]:tcp:80 to VS [192.168.3.253]:tcp:80",
        ]
    );
    state.session("N", true, &mut effects);
    assert_eq!(told(&mut effects), [""; 0], "what is known is not told again");
}
