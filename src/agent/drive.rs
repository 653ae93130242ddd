//! The agent's loop: a fact comes, what it asks for is done, nothing is waited for.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rkeep_parsers::ir::vrrp::Script;
use rkeep_parsers::keepalived::Global;
use tokio::sync::mpsc;
use tracing::info;

use super::decide::{Action, Decider};
use super::fifo::Fifos;
use super::script::Runner;
use super::security;
use super::seen::{self, Hub, Seen};
use super::watch::Watchers;
use crate::bus::{Exit, Fact, Input, Publisher};
use crate::mail::queue::PLACES;
use crate::mail::{Envelope, Postman, Route, Spool, compose};
use crate::plan::AgentPlan;
use crate::sys::clock::LocalTime;
use crate::sys::process::keep_descriptors;

/// What scripts and mails get at the end; the rest of the mails waits on disk for the next start.
const PATIENCE: Duration = Duration::from_millis(900);

/// Acts on facts until told to stop. Whoever stops it has it read the last facts of the other roles first.
pub async fn run(plan: AgentPlan, input: mpsc::Receiver<Input<AgentPlan>>, facts: Publisher) -> Exit {
    keep_descriptors();
    let seen = Seen::of(Path::new(seen::PLACE), Hub::parent());
    run_in(plan, input, facts, &PLACES.map(Path::new), seen).await
}

/// As [`run`], with the spool in the first of `spools` that can be written to.
pub async fn run_in(
    plan: AgentPlan,
    mut input: mpsc::Receiver<Input<AgentPlan>>,
    facts: Publisher,
    spools: &[&Path],
    seen: Seen,
) -> Exit {
    let mut agent = Agent::new(plan, facts, spools, seen);
    loop {
        match input.recv().await {
            Some(Input::Fact(fact)) => agent.act(&fact),
            Some(Input::Reload(plan)) => agent.reload(plan),
            Some(Input::Dump | Input::Json | Input::Stats { .. } | Input::Hold(_)) => {}
            Some(Input::Stop) | None => break,
        }
    }
    agent.stop().await;
    Exit::Done
}

struct Agent {
    plan: AgentPlan,
    decider: Decider,
    runner: Runner,
    fifos: Fifos,
    /// None where no directory can hold mails.
    postman: Option<Postman>,
    seen: Seen,
    /// Why which scripts do not run, each said once a configuration.
    refused: HashSet<String>,
    watchers: Watchers,
    facts: Publisher,
}

impl Agent {
    fn new(plan: AgentPlan, facts: Publisher, spools: &[&Path], seen: Seen) -> Self {
        let spool = Spool::open(spools).inspect_err(|error| info!("Mails cannot be kept, none is sent: {error}"));
        let postman = spool.ok().map(|spool| Postman::start(spool, route(&plan.global), facts.clone()));
        let (decider, runner, fifos, refused, watchers) = Default::default();
        let mut agent = Agent { plan, decider, runner, fifos, postman, seen, refused, watchers, facts };
        agent.watchers.follow(&agent.plan, &agent.facts);
        agent.open_fifos();
        agent
    }

    fn reload(&mut self, plan: AgentPlan) {
        self.plan = plan;
        self.refused.clear();
        if let Some(postman) = &self.postman {
            postman.reroute(route(&self.plan.global));
        }
        self.open_fifos();
        self.carry_out(self.decider.again(&self.plan));
        self.watchers.follow(&self.plan, &self.facts);
    }

    fn open_fifos(&mut self) {
        for fifo in self.fifos.open(&self.plan.global) {
            if let Some(script) = &fifo.script {
                self.script(script, vec![fifo.path.clone()]);
            }
        }
    }

    fn act(&mut self, fact: &Fact) {
        let actions = self.decider.decide(&self.plan, fact);
        if self.seen.has(fact.seq) {
            return;
        }
        self.seen.mark(fact.seq);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Mail { subject, text } => self.mail(&subject, &text),
                Action::Run(script, more) => self.script(&script, more),
                Action::Line(lines, line) => self.fifos.write(lines, &line),
            }
        }
    }

    fn mail(&self, subject: &str, text: &str) {
        let global = &self.plan.global;
        let (Some(postman), Some(_), false) = (&self.postman, &global.smtp_server, global.email_to.is_empty()) else {
            return;
        };
        let from = global.email_from.clone().unwrap_or_else(|| format!("root@{}", host_name()));
        let envelope = Envelope { router_id: global.router_id.clone(), from, to: global.email_to.clone() };
        postman.post(&compose::compose(&envelope, subject, text, &LocalTime::at(SystemTime::now())));
    }

    fn script(&mut self, script: &Script, more: Vec<String>) {
        match security::admit(script, &self.plan.global) {
            Ok(user) => {
                let argv: Vec<String> = script.argv.iter().cloned().chain(more).collect();
                self.runner.start(&argv, user);
            }
            Err(why) => {
                if self.refused.insert(why.clone()) {
                    info!("{why}");
                }
            }
        }
    }

    async fn stop(mut self) {
        self.watchers.stop();
        let mails = async {
            if let Some(postman) = self.postman {
                postman.stop(PATIENCE).await;
            }
        };
        tokio::join!(mails, self.runner.stop(PATIENCE));
        self.seen.forget();
    }
}

fn route(global: &Global) -> Option<Route> {
    let server = global.smtp_server.as_ref()?;
    let helo = global.smtp_helo_name.clone().unwrap_or_else(host_name);
    Some(Route { host: server.host.clone(), port: server.port, helo, timeout: global.smtp_connect_timeout })
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
