//! One virtual server with its real servers: what their checks' outcomes mean for it. Pure: effects come out in the
//! order in which keepalived logs and reports them.

use std::time::Duration;

use rkeep_parsers::ir::service::{Check, CheckKind, RealServer, Service, shown};

use super::machine::{Checker, News, Timing};
use super::quorum::{Change, Quorum};
use crate::bus::{Cause, Fact, Subject, Verdict, cause};

/// What an outcome leads to outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A log line.
    Log(String),
    /// A fact.
    Say(Subject, Verdict, Cause),
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A connection came about.
    Success,
    /// None did in time.
    Timeout,
    /// It was refused, or nobody can be reached.
    Failed,
}

/// A virtual server's state.
#[derive(Clone, Debug)]
pub struct ServiceState {
    /// What the file says.
    pub service: Service,
    /// Its real servers in the order of the file.
    pub servers: Vec<ServerState>,
    /// Whether enough of them live.
    pub quorum: Quorum,
    name: String,
}

/// A real server's state.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// What the file says.
    pub server: RealServer,
    /// Its checks, as many as the file has.
    pub checkers: Vec<Checker>,
    name: String,
}

impl ServerState {
    fn new(service: &Service, server: &RealServer) -> Self {
        let checkers = server.checks.iter().map(|check| Checker::new(check.alpha || service.alpha)).collect();
        ServerState { server: server.clone(), checkers, name: shown(server.address, service.protocol) }
    }

    /// `[192.168.3.1]:tcp:80`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks that hold it to be down.
    pub fn failing(&self) -> usize {
        self.checkers.iter().filter(|checker| !checker.is_up()).count()
    }

    /// Whether it takes connections.
    pub fn is_alive(&self) -> bool {
        self.failing() == 0
    }

    fn weight(&self) -> i64 {
        if self.is_alive() { i64::from(self.server.weight) } else { 0 }
    }

    /// Keeps what the checks that are still written knew.
    fn take_over(&mut self, old: &ServerState) {
        for (check, checker) in self.server.checks.iter().zip(&mut self.checkers) {
            let known = old.server.checks.iter().zip(&old.checkers).find(|(old, _)| same_probe(old, check));
            if let Some((_, known)) = known {
                *checker = *known;
            }
        }
    }
}

/// Whether two checks ask the same question, however often they ask.
fn same_probe(a: &Check, b: &Check) -> bool {
    (&a.kind, a.connect, a.bind, &a.bind_interface, a.fwmark)
        == (&b.kind, b.connect, b.bind, &b.bind_interface, b.fwmark)
}

/// How often a check probes.
pub fn timing(check: &Check) -> Timing {
    Timing { delay_loop: check.delay_loop, retry: check.retry, delay_before_retry: check.delay_before_retry }
}

impl ServiceState {
    /// A virtual server whose checks have not run.
    pub fn new(service: &Service) -> Self {
        let servers: Vec<ServerState> =
            service.real_servers.iter().map(|server| ServerState::new(service, server)).collect();
        let total = service.real_servers.iter().map(|server| i64::from(server.weight)).sum();
        let quorum = Quorum::new(service.quorum, service.hysteresis, total);
        ServiceState { name: service.shown(), service: service.clone(), servers, quorum }
    }

    /// `[192.168.3.253]:tcp:80`
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says how everything stands at the start.
    pub fn start(&mut self, effects: &mut Vec<Effect>) {
        self.say_servers(cause::START, effects);
        let change = self.quorum.weigh(self.weight());
        match change {
            Some(change) => {
                effects.push(Effect::Log(format!("{change} for VS {}", self.name)));
                let text = format!("Starting with quorum up {}", change.in_mail());
                self.say_quorum(cause::START, text, effects);
            }
            None => {
                self.say_quorum(cause::START, String::new(), effects);
                self.log_sorry("Adding", effects);
            }
        }
    }

    /// Takes over what `old`, the same virtual server before a reload, knew, and says how everything stands now.
    pub fn reload(&mut self, old: &ServiceState, effects: &mut Vec<Effect>) {
        for server in &mut self.servers {
            if let Some(old) = old.servers.iter().find(|old| old.server.address == server.server.address) {
                server.take_over(old);
            }
        }
        for gone in old.servers.iter().filter(|old| !self.has(old)) {
            effects.push(Effect::Log(format!("Removing service {} from VS {}", gone.name, self.name)));
            effects.push(Effect::Say(self.subject(gone), Verdict::Deleted, Cause::kind(cause::RELOAD)));
        }
        self.go_on(old.quorum.is_up(), effects);
    }

    /// Begins where a process before this one has ended, if that has said how this virtual server was. What is known is
    /// not told again.
    pub fn resume(&mut self, said: &[Fact], effects: &mut Vec<Effect>) -> bool {
        let verdict = |subject: &Subject| said.iter().find(|fact| fact.subject == *subject).map(|fact| fact.verdict);
        let Some(was) = verdict(&Subject::Service(self.name.clone())) else { return false };
        let is_down = |server: &ServerState| verdict(&self.subject(server)) == Some(Verdict::Down);
        let down: Vec<bool> = self.servers.iter().map(is_down).collect();
        for (server, _) in self.servers.iter_mut().zip(down).filter(|(_, down)| *down) {
            server.checkers.fill(Checker::failed());
        }
        self.go_on(was == Verdict::Up, effects);
        true
    }

    /// Says how everything stands where something did before.
    fn go_on(&mut self, was_up: bool, effects: &mut Vec<Effect>) {
        self.say_servers(cause::RELOAD, effects);
        self.quorum = self.quorum.with(was_up);
        match self.quorum.weigh(self.weight()) {
            Some(change) => self.quorum_changed(change, effects),
            None => self.say_quorum(cause::RELOAD, String::new(), effects),
        }
    }

    fn has(&self, other: &ServerState) -> bool {
        self.servers.iter().any(|server| server.server.address == other.server.address)
    }

    /// Says that it is no longer configured.
    pub fn delete(&self, effects: &mut Vec<Effect>) {
        for server in &self.servers {
            effects.push(Effect::Log(format!("Removing service {} from VS {}", server.name, self.name)));
            effects.push(Effect::Say(self.subject(server), Verdict::Deleted, Cause::kind(cause::RELOAD)));
        }
        effects.push(Effect::Say(Subject::Service(self.name.clone()), Verdict::Deleted, Cause::kind(cause::RELOAD)));
    }

    /// Ends. With `omega` the servers' `notify_down` and the quorum's `quorum_down` run.
    pub fn stop(&self, effects: &mut Vec<Effect>) {
        for server in &self.servers {
            effects.push(Effect::Log(format!("Shutting down service {} from VS {}", server.name, self.name)));
            if self.service.omega && server.is_alive() {
                effects.push(Effect::Say(self.subject(server), Verdict::Down, stopping()));
            }
        }
        if self.service.omega && self.quorum.is_up() {
            effects.push(Effect::Say(Subject::Service(self.name.clone()), Verdict::Down, stopping()));
        }
    }

    /// Takes the outcome of the probe of check `check` of server `server`; how long to wait for its next one.
    pub fn outcome(&mut self, server: usize, check: usize, outcome: Outcome, effects: &mut Vec<Effect>) -> Duration {
        let found = self.servers.get_mut(server).and_then(|state| {
            let written = state.server.checks.get(check)?;
            let checker = state.checkers.get_mut(check)?;
            log_failure(&state.name, written, checker, outcome, effects);
            let step = checker.outcome(outcome == Outcome::Success, &timing(written));
            Some((step, step.news.map(|news| words(&state.name, &written.kind, news))))
        });
        let Some((step, words)) = found else { return self.service.delay_loop };
        if let Some((news, words)) = step.news.zip(words) {
            self.checked(server, news, words, effects);
        }
        step.wait
    }

    /// The session is up or down: those of its checks that did not know come to a result.
    pub fn session(&mut self, session: &str, up: bool, effects: &mut Vec<Effect>) {
        let asks = |check: &Check| matches!(&check.kind, CheckKind::Bfd(name) if name == session);
        let outcome = if up { Outcome::Success } else { Outcome::Failed };
        for server in 0..self.servers.len() {
            let checks = self.servers.get(server).map_or(0, |state| state.server.checks.len());
            for check in 0..checks {
                let written = self.servers.get(server).and_then(|state| state.server.checks.get(check));
                if written.is_some_and(asks) {
                    self.outcome(server, check, outcome, effects);
                }
            }
        }
    }

    fn checked(&mut self, index: usize, news: News, (line, text): Words, effects: &mut Vec<Effect>) {
        let Some(server) = self.servers.get(index) else { return };
        effects.push(Effect::Log(line));
        let kind = match news {
            News::Success { changed: false } => return,
            News::Failure { changed: false, .. } => cause::FIRST_CHECK,
            News::Success { .. } if server.failing() == 0 => cause::CHECK,
            News::Failure { .. } if server.failing() == 1 => cause::CHECK,
            _ => cause::CHECK_ONLY,
        };
        if kind == cause::CHECK {
            effects.push(Effect::Log(self.moved(server)));
        }
        effects.push(self.fact(server, kind, text));
        if let Some(change) = self.quorum.weigh(self.weight()) {
            self.quorum_changed(change, effects);
        }
    }

    /// What happens in the balancing table when a server comes or goes.
    fn moved(&self, server: &ServerState) -> String {
        let (rs, vs) = (&server.name, &self.name);
        match (server.server.inhibit_on_failure, server.is_alive()) {
            (false, true) => format!("Adding service {rs} to VS {vs}"),
            (false, false) => format!("Removing service {rs} from VS {vs}"),
            (true, true) => format!("Enabling service {rs} of VS {vs}"),
            (true, false) => format!("Disabling service {rs} of VS {vs}"),
        }
    }

    fn quorum_changed(&self, change: Change, effects: &mut Vec<Effect>) {
        let vs = &self.name;
        effects.push(Effect::Log(format!("{change} for VS {vs}")));
        if self.service.sorry_server.is_some() {
            let (sorry, alive) = match change.gained {
                true => ("Removing", format!("Adding alive servers to the pool for VS {vs}")),
                false => ("Adding", format!("Removing alive servers from the pool for VS {vs}")),
            };
            self.log_sorry(sorry, effects);
            effects.push(Effect::Log(alive));
        }
        let word = if change.gained { "Gained" } else { "Lost" };
        self.say_quorum(cause::QUORUM, format!("{word} quorum {}", change.in_mail()), effects);
    }

    fn log_sorry(&self, verb: &str, effects: &mut Vec<Effect>) {
        if let Some(sorry) = self.service.sorry_server {
            let sorry = shown(sorry, self.service.protocol);
            let to = if verb == "Adding" { "to" } else { "from" };
            effects.push(Effect::Log(format!("{verb} sorry server {sorry} {to} VS {}", self.name)));
        }
    }

    fn say_servers(&self, kind: &str, effects: &mut Vec<Effect>) {
        effects.extend(self.servers.iter().map(|server| self.fact(server, kind, "")));
    }

    fn say_quorum(&self, kind: &str, text: String, effects: &mut Vec<Effect>) {
        let cause = Cause { kind: kind.to_owned(), text, value: self.weight() };
        effects.push(Effect::Say(Subject::Service(self.name.clone()), verdict(self.quorum.is_up()), cause));
    }

    fn fact(&self, server: &ServerState, kind: &str, text: &str) -> Effect {
        let cause = Cause { kind: kind.to_owned(), text: text.to_owned(), value: server.failing() as i64 };
        Effect::Say(self.subject(server), verdict(server.is_alive()), cause)
    }

    fn subject(&self, server: &ServerState) -> Subject {
        let (service, name) = (self.name.clone(), server.name.clone());
        Subject::RealServer { service, server: name, address: server.server.address }
    }

    fn weight(&self) -> i64 {
        self.servers.iter().map(ServerState::weight).sum()
    }
}

/// A check's news in the log, and in mails.
type Words = (String, &'static str);

fn words(name: &str, kind: &CheckKind, news: News) -> Words {
    match kind {
        CheckKind::Tcp => words_of_tcp(name, news),
        CheckKind::Bfd(session) => words_of_bfd(name, session, news),
    }
}

fn words_of_bfd(name: &str, session: &str, news: News) -> Words {
    let (state, mail) = match news {
        News::Success { .. } => ("UP", "BFD CHECK succeed on service"),
        News::Failure { .. } => ("DOWN", "BFD CHECK failed on service"),
    };
    (format!("BFD check of [{session}] RS({name}) is {state}"), mail)
}

fn words_of_tcp(name: &str, news: News) -> Words {
    let failed = "TCP CHECK failed on service";
    match news {
        News::Success { .. } => (format!("TCP connection to {name} success."), "TCP CHECK succeed on service"),
        News::Failure { retries: 0, .. } => (format!("TCP_CHECK on service {name} failed."), failed),
        News::Failure { retries, .. } => {
            (format!("TCP_CHECK on service {name} failed after {retries} retries."), failed)
        }
    }
}

fn verdict(up: bool) -> Verdict {
    if up { Verdict::Up } else { Verdict::Down }
}

fn stopping() -> Cause {
    Cause { kind: cause::STOP.to_owned(), text: "Shutting down".to_owned(), value: 0 }
}

/// `log_all_failures`: also those that a retry may forgive.
fn log_failure(name: &str, check: &Check, checker: &Checker, outcome: Outcome, effects: &mut Vec<Effect>) {
    let how = match outcome {
        Outcome::Success => return,
        Outcome::Timeout => "timeout",
        Outcome::Failed => "failed",
    };
    if check.log_all_failures && checker.is_up() {
        effects.push(Effect::Log(format!("TCP connection to {name} {how}.")));
    }
}
