//! Those who come to the parent's place under `/run/rkeep`: what they are shown, a reload whose end they are told, and
//! giving the addresses to another keepalived.

use std::os::fd::AsFd;
use std::time::SystemTime;

use rkeep_parsers::ir::vrrp::Router;
use tracing::{info, warn};

use super::super::children::name;
use super::{Life, Parent};
use crate::bus::{Fact, Role, Subject, Verdict};
use crate::host::control::{self, Answer, KEEPALIVED, Order, Reading};
use crate::host::keepalived::message::ToChild;
use crate::host::report;
use crate::mail;

impl Parent {
    /// Lets them in.
    pub(super) fn open_control(&mut self) {
        if let Err(cause) = self.guests.open(KEEPALIVED) {
            warn!("rkeep status and rkeep reload will not find this keepalived: {cause}");
        }
    }

    /// Does what they say.
    pub(super) fn hear_guests(&mut self) {
        for (guest, order) in self.guests.hear() {
            match order {
                Some(Order::Report) => self.report(guest),
                Some(Order::Configuration) => self.show(guest),
                Some(Order::Reload) => self.reload_for(guest),
                Some(Order::Hold) => self.hold(guest, true),
                Some(Order::Release) => self.hold(guest, false),
                Some(Order::Yield) => self.yield_to(guest),
                Some(Order::Leave) => self.leave_for(guest),
                None => self.forget(guest),
            }
        }
    }

    fn answer(&self, guest: u64, answer: &Answer) {
        control::answer(&self.guests, guest, answer);
    }

    fn report(&self, guest: u64) {
        if let Some(link) = self.guests.link(guest) {
            // Who has gone meanwhile needs no answer.
            let _ = control::hand_over(link, &Answer::Report, &self.state());
        }
    }

    fn state(&self) -> report::Keepalived {
        let stopping = matches!(self.life, Life::Stopping(_));
        let processes = self.children.iter().map(|child| report::Process {
            role: name(child.role).to_lowercase(),
            pid: child.pid,
            seconds: child.since.elapsed().as_secs(),
            leaving: stopping,
        });
        report::Keepalived {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id() as i32,
            conf: self.wish.pattern.clone(),
            generation: self.generation,
            processes: processes.collect(),
            instances: self.config.routers.iter().map(|router| self.instance(router)).collect(),
            services: self.services(),
            mails: mail::waiting(),
        }
    }

    fn fact(&self, subject: &Subject) -> Option<&Fact> {
        self.hub.store().get(subject)
    }

    fn instance(&self, router: &Router) -> report::Instance {
        let fact = self.fact(&Subject::Router(router.name.clone()));
        let state = fact.map(|fact| fact.verdict);
        let heard = || Some(self.fact(&Subject::Owner(router.name.clone()))?.cause.text.clone());
        let addresses = router.addresses.iter().chain(&router.excluded);
        let rival = self.fact(&Subject::Rival(router.name.clone())).filter(|fact| fact.verdict == Verdict::Up);
        report::Instance {
            rival: rival.map(|fact| fact.cause.text.clone()),
            name: router.name.clone(),
            interface: router.interface.clone(),
            vrid: router.vrid,
            state,
            priority: fact.map_or(i64::from(router.priority), |fact| fact.cause.value),
            seconds: fact.map_or(0, seconds),
            addresses: addresses.map(|address| format!("{}/{}", address.address, address.prefix)).collect(),
            owner: if state == Some(Verdict::Master) { Some("this box".to_owned()) } else { heard() },
        }
    }

    fn services(&self) -> Vec<report::Service> {
        let facts = || self.hub.store().snapshot().filter(|fact| fact.verdict != Verdict::Deleted);
        let mut services: Vec<report::Service> = Vec::new();
        for fact in facts() {
            if let Subject::Service(name) = &fact.subject {
                services.push(report::Service { name: name.clone(), state: Some(fact.verdict), servers: Vec::new() });
            }
        }
        for fact in facts() {
            let Subject::RealServer { service, server, .. } = &fact.subject else { continue };
            let entry = report::Server {
                name: server.clone(),
                state: Some(fact.verdict),
                cause: fact.cause.text.clone(),
                seconds: seconds(fact),
            };
            match services.iter_mut().find(|known| known.name == *service) {
                Some(known) => known.servers.push(entry),
                None => services.push(report::Service { name: service.clone(), state: None, servers: vec![entry] }),
            }
        }
        services
    }

    fn show(&self, guest: u64) {
        let Some(link) = self.guests.link(guest) else { return };
        let reading = Reading {
            prefix: "/".into(),
            conf: self.wish.pattern.clone(),
            error_log: None,
            debian: false,
            globals: None,
            config_id: self.wish.config_id.clone(),
        };
        // Who has gone meanwhile needs no answer.
        let _ = link.send(&Answer::Configuration(reading), &[self.config.bundle.as_fd()]);
    }

    fn reload_for(&mut self, guest: u64) {
        if matches!(self.life, Life::Stopping(_)) {
            return self.answer(guest, &Answer::Refused("keepalived is about to end".to_owned()));
        }
        self.asking.push(guest);
        self.reload();
    }

    /// A reload is over.
    pub(super) fn reloaded(&mut self, outcome: Result<(), String>) {
        let answer = match outcome {
            Ok(()) => Answer::Done(self.generation),
            Err(text) => Answer::Refused(text),
        };
        for guest in std::mem::take(&mut self.asking) {
            self.answer(guest, &answer);
        }
    }

    /// Another keepalived is about to start beside this one. It would not while there are pid files of ours.
    fn hold(&mut self, guest: u64, hold: bool) {
        if hold {
            info!("Holding all addresses while another keepalived starts");
            for path in [&self.wish.pid, &self.wish.vrrp_pid, &self.wish.checkers_pid] {
                // There need not be one.
                let _ = std::fs::remove_file(path);
            }
        } else {
            info!("Holding no addresses any more");
            self.write_pid_files();
        }
        self.tell(|role| (role != Role::Agent).then_some(ToChild::Hold(hold)));
        self.answer(guest, &Answer::Done(self.generation));
    }

    /// Another keepalived of ours takes our place: by the time it has its answer, the forwarder knows.
    fn yield_to(&mut self, guest: u64) {
        self.yielding = Some(guest);
        self.follow(true);
        self.answer(guest, &Answer::Done(self.generation));
    }

    fn follow(&mut self, followed: bool) {
        for child in self.children.iter_mut().filter(|child| child.role == Role::Checkers) {
            child.send(ToChild::Hold(followed), None);
            child.flush(&mut self.hub);
        }
    }

    /// Who has gone gets no answer; one who was to take our place has not come after all.
    fn forget(&mut self, guest: u64) {
        self.asking.retain(|asking| *asking != guest);
        if self.yielding.take_if(|yielding| *yielding == guest).is_some() {
            self.follow(false);
        }
    }

    /// The other one is there: it is master, and nobody shall hear otherwise. Who carries connections is not waited for.
    fn leave_for(&mut self, guest: u64) {
        self.children.retain(|child| child.role != Role::Checkers);
        self.stop();
        self.answer(guest, &Answer::Done(self.generation));
    }
}

/// For how long a fact has held.
fn seconds(fact: &Fact) -> u64 {
    SystemTime::now().duration_since(fact.since).unwrap_or_default().as_secs()
}
