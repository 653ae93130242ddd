//! What a fact asks the agent to do, by the flags and scripts of the plan. Pure.

use std::collections::HashMap;

use rkeep_parsers::ir::service::Service;
use rkeep_parsers::ir::vrrp::{NotifyScripts, Router, Script};

use crate::bus::{Cause, Fact, Subject, Verdict, cause};
use crate::plan::AgentPlan;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A mail with this subject, before which the router id goes, and this body line.
    Mail {
        /// Its subject.
        subject: String,
        /// Its body.
        text: String,
    },
    /// A script, and the arguments that follow its own.
    Run(Script, Vec<String>),
    /// A line for the FIFOs of instances, or of virtual servers.
    Line(Lines, String),
}

/// Whose FIFOs a line goes to, beside `notify_fifo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// `vrrp_notify_fifo`
    Vrrp,
    /// `lvs_notify_fifo`
    Lvs,
}

/// What has been said before: states are reported once.
#[derive(Clone, Debug, Default)]
pub struct Decider {
    states: HashMap<Subject, Told>,
}

/// A state as it was reported, with the priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    verdict: Verdict,
    priority: i64,
}

/// A virtual router or a sync group, as far as reporting goes.
struct Reporter<'a> {
    /// `INSTANCE` or `GROUP`.
    kind: &'static str,
    name: &'a str,
    smtp_alert: bool,
    notify: &'a NotifyScripts,
}

impl Decider {
    /// What `fact` asks for.
    pub fn decide(&mut self, plan: &AgentPlan, fact: &Fact) -> Vec<Action> {
        match &fact.subject {
            Subject::Router(name) => match plan.routers.values().find(|router| router.name == *name) {
                Some(router) => {
                    let (smtp_alert, notify) = (router.smtp_alert, &router.notify);
                    self.router(plan, fact, &Reporter { kind: "INSTANCE", name, smtp_alert, notify })
                }
                None => Vec::new(),
            },
            Subject::Group(name) => match plan.groups.values().find(|group| group.name == *name) {
                Some(group) => {
                    let (smtp_alert, notify) = (group.smtp_alert, &group.notify);
                    self.router(plan, fact, &Reporter { kind: "GROUP", name, smtp_alert, notify })
                }
                None => Vec::new(),
            },
            Subject::Lower(name) => lower_heard(plan, fact, name),
            Subject::Priority(name) => priority_changed(plan, fact, name),
            Subject::RealServer { service, server, .. } => real_server(plan, fact, service, server),
            Subject::Service(name) => virtual_server(plan, fact, name),
            _ => Vec::new(),
        }
    }

    /// `fifo_write_vrrp_states_on_reload`: the states once more, of groups and of instances that are in none.
    pub fn again(&self, plan: &AgentPlan) -> Vec<Action> {
        if !plan.global.fifo_after_reload {
            return Vec::new();
        }
        let groups = plan.groups.values().map(|group| ("GROUP", &group.name, Subject::Group(group.name.clone())));
        let alone = plan.routers.values().filter(|router| router.group.is_none());
        let alone = alone.map(|router| ("INSTANCE", &router.name, Subject::Router(router.name.clone())));
        let line = |(kind, name, subject): (&str, &String, Subject)| {
            let told = self.states.get(&subject)?;
            Some(state_line(kind, name, state_word(told.verdict)?, told.priority))
        };
        groups.chain(alone).filter_map(line).collect()
    }

    fn router(&mut self, plan: &AgentPlan, fact: &Fact, reporter: &Reporter<'_>) -> Vec<Action> {
        let Some(state) = state_word(fact.verdict) else { return Vec::new() };
        let priority = if reporter.kind == "GROUP" { 0 } else { fact.cause.value };
        let told = Told { verdict: fact.verdict, priority };
        let before = self.states.insert(fact.subject.clone(), told);
        if before.is_some_and(|before| before.verdict == fact.verdict) {
            return Vec::new();
        }
        let mut actions = scripts(reporter, fact.verdict, state, priority);
        actions.push(state_line(reporter.kind, reporter.name, state, priority));
        let muted = fact.verdict == Verdict::Fault && plan.global.no_email_faults;
        if reporter.smtp_alert && !muted {
            actions.extend(router_mail(reporter, fact.verdict, state));
        }
        actions
    }
}

fn state_line(kind: &str, name: &str, state: &str, priority: i64) -> Action {
    Action::Line(Lines::Vrrp, format!("{kind} \"{name}\" {state} {priority}"))
}

/// `notify_master_rx_lower_pri`, and a line for the FIFOs.
fn lower_heard(plan: &AgentPlan, fact: &Fact, name: &str) -> Vec<Action> {
    let router = plan.routers.values().find(|router| router.name == name);
    let script = router.and_then(|router| router.notify.master_rx_lower_pri.clone());
    let run = script.map(|script| Action::Run(script, Vec::new()));
    let line = format!("INSTANCE \"{name}\" MASTER_RX_LOWER_PRI {}", fact.cause.value);
    run.into_iter().chain(router.map(|_| Action::Line(Lines::Vrrp, line))).collect()
}

/// `notify_priority_changes`: a line for the FIFOs.
fn priority_changed(plan: &AgentPlan, fact: &Fact, name: &str) -> Vec<Action> {
    let tells = |router: &&Router| router.name == name && router.speech.notify_priority_changes;
    if !plan.routers.values().any(|router| tells(&router)) {
        return Vec::new();
    }
    let state = if fact.verdict == Verdict::Master { "MASTER_PRIORITY" } else { "BACKUP_PRIORITY" };
    vec![Action::Line(Lines::Vrrp, format!("INSTANCE \"{name}\" {state} {}", fact.cause.value))]
}

/// A state as scripts and FIFOs call it.
fn state_word(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Master => Some("MASTER"),
        Verdict::Backup => Some("BACKUP"),
        Verdict::Fault => Some("FAULT"),
        Verdict::Stopped => Some("STOP"),
        Verdict::Deleted => Some("DELETED"),
        Verdict::Up | Verdict::Down => None,
    }
}

/// First the state's own script, then the general one, which is told about what.
fn scripts(reporter: &Reporter<'_>, verdict: Verdict, state: &str, priority: i64) -> Vec<Action> {
    let notify = reporter.notify;
    let own = match verdict {
        Verdict::Master => &notify.master,
        Verdict::Backup => &notify.backup,
        Verdict::Fault => &notify.fault,
        Verdict::Stopped => &notify.stop,
        _ => &notify.deleted,
    };
    let told = [reporter.kind, reporter.name, state].map(str::to_owned);
    let told: Vec<String> = told.into_iter().chain([priority.to_string()]).collect();
    let own = own.iter().map(|script| Action::Run(script.clone(), Vec::new()));
    own.chain(notify.any.iter().map(|script| Action::Run(script.clone(), told.clone()))).collect()
}

fn router_mail(reporter: &Reporter<'_>, verdict: Verdict, state: &str) -> Option<Action> {
    let group = reporter.kind == "GROUP";
    let (event, text) = match verdict {
        Verdict::Stopped if group => ("Stopping".to_owned(), "All VRRP group instances are now stopping".to_owned()),
        Verdict::Stopped => ("Stopping".to_owned(), "VRRP Instance stopping".to_owned()),
        Verdict::Deleted => ("Deleted".to_owned(), "VRRP Deleted at reload".to_owned()),
        _ if group => (format!("Entering {state} state"), format!("All VRRP group instances are now in {state} state")),
        Verdict::Master => (format!("Entering {state} state"), "VRRP Instance is now owning VRRP VIPs".to_owned()),
        _ => (format!("Entering {state} state"), "VRRP Instance is no longer owning VRRP VIPs".to_owned()),
    };
    let what = if group { "Group" } else { "Instance" };
    Some(Action::Mail { subject: format!("VRRP {what} {} - {event}", reporter.name), text })
}

fn service<'a>(plan: &'a AgentPlan, name: &str) -> Option<&'a Service> {
    plan.services.values().find(|service| service.shown() == name)
}

fn up_word(fact: &Fact) -> Option<&'static str> {
    match fact.verdict {
        Verdict::Up => Some("UP"),
        Verdict::Down => Some("DOWN"),
        _ => None,
    }
}

/// Scripts and lines tell of every change of state; a mail also tells when one of several checks has changed, but not
/// of a server that has been down from the start.
fn real_server(plan: &AgentPlan, fact: &Fact, vs: &str, rs: &str) -> Vec<Action> {
    let (Some(service), Some(word)) = (service(plan, vs), up_word(fact)) else { return Vec::new() };
    let found = service
        .real_servers
        .iter()
        .find(|server| matches!(&fact.subject, Subject::RealServer { address, .. } if *address == server.address));
    let Some(server) = found else { return Vec::new() };
    let Cause { kind, text, .. } = &fact.cause;
    let moved = [cause::CHECK, cause::FIRST_CHECK, cause::STOP].contains(&kind.as_str());
    let partly = kind == cause::CHECK_ONLY && !plan.global.no_checker_emails;
    let mailed = partly || [cause::CHECK, cause::STOP].contains(&kind.as_str());
    let mut actions = Vec::new();
    if moved {
        let script = if word == "UP" { &server.notify_up } else { &server.notify_down };
        actions.extend(script.iter().map(|script| Action::Run(script.clone(), Vec::new())));
        actions.push(Action::Line(Lines::Lvs, format!("RS {rs} {vs} {word}")));
    }
    if mailed && server.smtp_alert {
        let subject = format!("Realserver {rs} of virtual server {vs} - {word}");
        actions.push(Action::Mail { subject, text: text.clone() });
    }
    actions
}

fn virtual_server(plan: &AgentPlan, fact: &Fact, vs: &str) -> Vec<Action> {
    let (Some(service), Some(word)) = (service(plan, vs), up_word(fact)) else { return Vec::new() };
    let Cause { kind, text, .. } = &fact.cause;
    // At the start only a quorum that is there is worth telling.
    let news = match kind.as_str() {
        cause::QUORUM | cause::STOP => true,
        cause::START => fact.verdict == Verdict::Up,
        _ => false,
    };
    if !news {
        return Vec::new();
    }
    let script = if word == "UP" { &service.quorum_up } else { &service.quorum_down };
    let mut actions: Vec<Action> = script.iter().map(|script| Action::Run(script.clone(), Vec::new())).collect();
    actions.push(Action::Line(Lines::Lvs, format!("VS {vs} {word}")));
    if service.smtp_alert {
        actions.push(Action::Mail { subject: format!("Virtualserver {vs} - {word}"), text: text.clone() });
    }
    actions
}
