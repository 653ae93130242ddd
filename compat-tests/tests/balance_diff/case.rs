//! One random upstream, its requests, and what its servers do to them.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use rkeep_compat_tests::chance::Chance;

/// Requests of each case.
const REQUESTS: usize = 30;

/// What a server does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Closes the connection.
    Close,
    /// Says nothing.
    Silence,
    /// Sends a field line that is none.
    BadHeader,
    /// Answers with a status.
    Status(u16),
}

/// A server's fault while requests of these numbers are made.
#[derive(Clone, Debug)]
struct Phase {
    server: usize,
    requests: Range<usize>,
    fault: Fault,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Waited before it.
    pub pause: Duration,
    /// The client's address.
    pub from: Ipv4Addr,
    /// POST instead of GET.
    pub post: bool,
}

/// An upstream and all that is done with it.
#[derive(Clone, Debug)]
pub struct Case {
    index: usize,
    upstream: String,
    location: String,
    phases: Vec<Phase>,
    /// In order.
    pub requests: Vec<Request>,
}

impl Case {
    /// The case of a number. `ports` are the servers', the last of which refuses.
    pub fn new(index: usize, seed: u64, ports: &[u16]) -> Case {
        let mut chance = Chance::new(seed, index as u64);
        let method = chance.one(&["", "", "ip_hash;", "least_conn;", "hash $arg_k;", "hash $arg_k consistent;"]);
        let backups = matches!(method, "" | "least_conn;");
        let mut upstream = method.to_owned();
        for server in 0..2 + chance.below(4) {
            let port = if chance.percent(12) { ports[ports.len() - 1] } else { ports[server] };
            upstream += &server_line(port, backups && server > 0, &mut chance);
        }
        let pauses = upstream.contains("fail_timeout=1s") || upstream.contains("fail_timeout=2s");
        Case {
            index,
            location: next_upstream(&mut chance),
            phases: phases(&mut chance),
            requests: (0..REQUESTS).map(|_| request(&mut chance, pauses)).collect(),
            upstream,
        }
    }

    /// Its `upstream` and `location` blocks.
    pub fn blocks(&self) -> (String, String) {
        let name = format!("u{}", self.index);
        let upstream = format!("upstream {name} {{ {} }}\n", self.upstream);
        let location = format!("location /{}/ {{ proxy_pass http://{name}; {} }}\n", self.index, self.location);
        (upstream, location)
    }

    /// The path of its `nth` request.
    pub fn path(&self, nth: usize) -> String {
        format!("/{}/{nth}?k=key{}", self.index, nth * 7919 % 101)
    }

    /// What a server does to a request.
    pub fn fault(&self, server: usize, request: usize) -> Option<Fault> {
        let phase = self.phases.iter().find(|phase| phase.server == server && phase.requests.contains(&request));
        phase.map(|phase| phase.fault)
    }

    /// For people.
    pub fn text(&self) -> String {
        let (upstream, location) = self.blocks();
        let mut text = upstream + &location;
        for phase in &self.phases {
            let _ = writeln!(text, "  server {} {:?}: {:?}", phase.server, phase.requests, phase.fault);
        }
        text
    }
}

fn server_line(port: u16, may_be_special: bool, chance: &mut Chance) -> String {
    let mut line = format!(" server 127.0.0.1:{port}");
    if chance.percent(50) {
        let _ = write!(line, " weight={}", 1 + chance.below(5));
    }
    if chance.percent(60) {
        let _ = write!(line, " max_fails={}", chance.below(4));
    }
    if chance.percent(60) {
        let _ = write!(line, " fail_timeout={}", chance.one(&["1s", "2s", "10s"]));
    }
    match chance.below(10) {
        0 if may_be_special => line += " down",
        1 | 2 if may_be_special => line += " backup",
        _ => {}
    }
    line + ";"
}

fn next_upstream(chance: &mut Chance) -> String {
    let words = ["error", "timeout", "invalid_header", "http_500", "http_502", "http_503", "http_504", "http_404"];
    let mut chosen: Vec<&str> = words.into_iter().filter(|_| chance.percent(60)).collect();
    if chance.percent(20) {
        chosen.push("non_idempotent");
    }
    let mut text = match chosen.as_slice() {
        [] => String::new(),
        words => format!("proxy_next_upstream {};", words.join(" ")),
    };
    if chance.percent(20) {
        let _ = write!(text, " proxy_next_upstream_tries {};", 1 + chance.below(3));
    }
    text
}

/// At most one server is silent, so that no request lasts longer than a second.
fn phases(chance: &mut Chance) -> Vec<Phase> {
    let faults = [
        Fault::Close,
        Fault::Close,
        Fault::BadHeader,
        Fault::Status(500),
        Fault::Status(502),
        Fault::Status(503),
        Fault::Status(504),
        Fault::Status(404),
        Fault::Silence,
    ];
    let mut phases: Vec<Phase> = Vec::new();
    for _ in 0..1 + chance.below(5) {
        let start = chance.below(REQUESTS);
        let fault = match chance.one(&faults) {
            Fault::Silence if phases.iter().any(|phase| phase.fault == Fault::Silence) => Fault::Close,
            fault => fault,
        };
        phases.push(Phase { server: chance.below(5), requests: start..start + 1 + chance.below(8), fault });
    }
    phases
}

fn request(chance: &mut Chance, pauses: bool) -> Request {
    let pause = if pauses && chance.percent(8) { 700 + 400 * chance.below(5) as u64 } else { 0 };
    Request {
        pause: Duration::from_millis(pause),
        from: Ipv4Addr::new(127, chance.below(250) as u8, chance.below(250) as u8, 9),
        post: chance.percent(20),
    }
}
