//! The check engine: starts probes when they are due, hands outcomes to the pure part, writes its log, says its facts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use rkeep_parsers::ir::service::{Check, CheckKind};
use rkeep_parsers::ir::track::Kind;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::address::Addresses;
use super::service::{Effect, Outcome, ServiceState};
use super::{dump, tcp};
use crate::bus::fact::Tracked;
use crate::bus::{Exit, Fact, Input, Publisher, Subject, Verdict};
use crate::log;
use crate::plan::CheckPlan;

/// Checks real servers until told to stop.
pub async fn run(plan: CheckPlan, mut input: mpsc::Receiver<Input<CheckPlan>>, facts: Publisher) -> Exit {
    let mut engine = Engine::new(facts);
    engine.start(plan);
    loop {
        let deadline = engine.next_deadline();
        tokio::select! {
            message = input.recv() => match message {
                Some(Input::Reload(plan)) => engine.reload(plan),
                Some(Input::Dump) => engine.dump(),
                Some(Input::Fact(fact)) => engine.note(&fact),
                Some(Input::Json | Input::Stats { .. } | Input::Hold(_)) => {}
                Some(Input::Stop) | None => break,
            },
            Some(Ok((key, outcome))) = engine.probes.join_next() => engine.outcome(key, outcome),
            () = due(deadline) => engine.probe_due(),
            Some((address, here)) = changed(&mut engine.addresses) => engine.address(address, here),
        }
    }
    engine.stop();
    Exit::Done
}

async fn due(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn changed(addresses: &mut Option<Addresses>) -> Option<(IpAddr, bool)> {
    match addresses {
        Some(addresses) => addresses.changed().await,
        None => std::future::pending().await,
    }
}

/// Which check, and of which configuration: outcomes of an older one are of no interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    generation: u64,
    service: usize,
    server: usize,
    check: usize,
}

struct Engine {
    facts: Publisher,
    plan: CheckPlan,
    services: Vec<ServiceState>,
    /// When which check is due. A check is either here or in `probes`, or suspended.
    deadlines: BTreeSet<(Instant, Key)>,
    probes: JoinSet<(Key, Outcome)>,
    generation: u64,
    /// Sessions that checks may ask for, and whether they are up.
    sessions: BTreeMap<String, bool>,
    /// Only where a virtual server has `ha_suspend`.
    addresses: Option<Addresses>,
}

impl Engine {
    fn new(facts: Publisher) -> Self {
        Engine {
            facts,
            plan: CheckPlan::default(),
            services: Vec::new(),
            deadlines: BTreeSet::new(),
            probes: JoinSet::new(),
            generation: 0,
            sessions: BTreeMap::new(),
            addresses: None,
        }
    }

    fn start(&mut self, plan: CheckPlan) {
        let mut effects = Vec::new();
        self.services = plan.services.values().map(ServiceState::new).collect();
        for service in &mut self.services {
            if !service.resume(&plan.said, &mut effects) {
                service.start(&mut effects);
            }
        }
        self.carry_out(effects);
        self.plan = plan;
        self.watch_addresses();
        for index in 0..self.services.len() {
            if self.is_active(index) {
                self.activate(index, true);
            }
        }
    }

    fn reload(&mut self, plan: CheckPlan) {
        let mut effects = Vec::new();
        let old = std::mem::replace(&mut self.services, plan.services.values().map(ServiceState::new).collect());
        for service in &mut self.services {
            match old.iter().find(|old| old.name() == service.name()) {
                Some(old) => service.reload(old, &mut effects),
                None => service.start(&mut effects),
            }
        }
        for gone in old.iter().filter(|old| !self.services.iter().any(|service| service.name() == old.name())) {
            gone.delete(&mut effects);
        }
        self.carry_out(effects);
        self.plan = plan;
        self.generation += 1;
        self.deadlines.clear();
        self.probes.abort_all();
        self.watch_addresses();
        for index in 0..self.services.len() {
            if self.is_active(index) {
                self.activate(index, false);
            }
        }
    }

    fn stop(&self) {
        let mut effects = Vec::new();
        self.services.iter().for_each(|service| service.stop(&mut effects));
        self.carry_out(effects);
    }

    fn dump(&self) {
        info!("Printing checker data for process({}) on signal", std::process::id());
        let text = dump::render(&self.plan.global, &self.services, |service| self.is_active(service));
        log::dump::write(dump::FILE, &text);
    }

    /// A session of which the VRRP process tells. Checks of virtual servers that rest do not hear of it.
    fn note(&mut self, fact: &Fact) {
        let Subject::Tracked(Tracked(Kind::Bfd), name) = &fact.subject else { return };
        self.sessions.insert(name.clone(), fact.verdict == Verdict::Up);
        for index in 0..self.services.len() {
            self.tell_sessions(index);
        }
    }

    /// Tells a virtual server how the sessions are, as far as that is known.
    fn tell_sessions(&mut self, index: usize) {
        if !self.is_active(index) {
            return;
        }
        let mut effects = Vec::new();
        let Some(service) = self.services.get_mut(index) else { return };
        for (name, up) in &self.sessions {
            service.session(name, *up, &mut effects);
        }
        self.carry_out(effects);
    }

    /// Gives each check of a virtual server a random first deadline within its `warmup`, and tells those of sessions.
    fn activate(&mut self, index: usize, log: bool) {
        let Some(service) = self.services.get(index) else { return };
        let now = Instant::now();
        for (at, server) in service.servers.iter().enumerate() {
            for (check, written) in server.server.checks.iter().enumerate() {
                if log {
                    info!("Activating healthchecker for service {} for VS {}", server.name(), service.name());
                }
                if matches!(written.kind, CheckKind::Bfd(_)) {
                    continue;
                }
                let key = Key { generation: self.generation, service: index, server: at, check };
                self.deadlines.insert((now + random_within(written.warmup), key));
            }
        }
        self.tell_sessions(index);
    }

    /// Lets a virtual server's checks rest: its address is not on this box.
    fn suspend(&mut self, index: usize) {
        let Some(service) = self.services.get(index) else { return };
        for server in &service.servers {
            info!("Suspending healthchecker for service {} for VS {}", server.name(), service.name());
        }
        self.deadlines.retain(|(_, key)| key.service != index);
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn probe_due(&mut self) {
        let now = Instant::now();
        while let Some((deadline, key)) = self.deadlines.first().copied() {
            if deadline > now {
                return;
            }
            self.deadlines.remove(&(deadline, key));
            if let Some(check) = self.check(key).cloned() {
                self.probes.spawn(async move { (key, tcp::probe(&check).await) });
            }
        }
    }

    fn check(&self, key: Key) -> Option<&Check> {
        self.services.get(key.service)?.servers.get(key.server)?.server.checks.get(key.check)
    }

    fn outcome(&mut self, key: Key, outcome: Outcome) {
        if key.generation != self.generation || !self.is_active(key.service) {
            return;
        }
        let mut effects = Vec::new();
        let Some(service) = self.services.get_mut(key.service) else { return };
        let wait = service.outcome(key.server, key.check, outcome, &mut effects);
        self.deadlines.insert((Instant::now() + wait, key));
        self.carry_out(effects);
    }

    fn carry_out(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Log(line) => info!("{line}"),
                Effect::Say(subject, verdict, cause) => self.facts.say(subject, verdict, cause),
            }
        }
    }

    /// Whether a virtual server's checks run: always, or with `ha_suspend` while its address is on this box.
    fn is_active(&self, index: usize) -> bool {
        let Some(service) = self.services.get(index).map(|state| &state.service) else { return false };
        !service.ha_suspend || self.addresses.as_ref().is_none_or(|here| here.has(service.address.ip()))
    }

    fn watch_addresses(&mut self) {
        let wanted = self.services.iter().any(|state| state.service.ha_suspend);
        if !wanted {
            self.addresses = None;
        } else if self.addresses.is_none() {
            self.addresses = Addresses::watch().inspect_err(|error| info!("ha_suspend has no effect: {error}")).ok();
        }
    }

    fn address(&mut self, address: IpAddr, here: bool) {
        info!("Netlink reflector reports IP {address} {}", if here { "added" } else { "removed" });
        for index in 0..self.services.len() {
            let concerned = self.services.get(index).map(|state| &state.service);
            if concerned.is_some_and(|service| service.ha_suspend && service.address.ip() == address) {
                match here {
                    true => self.activate(index, true),
                    false => self.suspend(index),
                }
            }
        }
    }
}

/// A random time up to `longest`, so that the checks of many servers do not come all at once.
fn random_within(longest: Duration) -> Duration {
    let mut bytes = [0; 4];
    // Without randomness all checks start late rather than never.
    if rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).is_err() {
        return longest;
    }
    longest.mul_f64(f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX))
}
