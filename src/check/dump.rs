//! `/tmp/keepalived_check.data`, what SIGUSR1 asks for, in the original's layout for what exists here. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use rkeep_parsers::ir::service::{Check, CheckKind, Forward, Protocol, Scheduler, Service, shown};
use rkeep_parsers::ir::vrrp::Script;
use rkeep_parsers::keepalived::Global;

use super::machine::Checker;
use super::service::{ServerState, ServiceState};
use crate::log::dump::globals;

/// Where the dump goes.
pub const FILE: &str = "/tmp/keepalived_check.data";

/// The whole dump.
pub fn render(global: &Global, services: &[ServiceState], enabled: impl Fn(usize) -> bool) -> String {
    let mut out = String::new();
    // Writing into a String does not fail.
    let _ = globals(&mut out, global);
    out.push_str("------< LVS Topology >------\n System is run by rkeep's own forwarder\n");
    for state in services {
        let _ = virtual_server(&mut out, state);
    }
    out.push_str("------< Health checkers >------\n");
    for (index, state) in services.iter().enumerate() {
        for server in &state.servers {
            for (check, checker) in server.server.checks.iter().zip(&server.checkers) {
                let _ = checker_block(&mut out, state, server, check, checker, enabled(index));
            }
        }
    }
    out
}

type Written = std::fmt::Result;

fn virtual_server(out: &mut String, state: &ServiceState) -> Written {
    let service = &state.service;
    writeln!(out, " ------< Virtual server >------")?;
    writeln!(out, " VS VIP = {}, VPORT = {}", service.address.ip(), service.address.port())?;
    writeln!(out, "   Address family = {}", if service.address.is_ipv4() { "inet" } else { "inet6" })?;
    writeln!(out, "   delay_loop = {}", seconds(service.delay_loop))?;
    writeln!(out, "   lvs_sched = {}", scheduler(service.scheduler))?;
    for flag in ["Hashed", "flag-1", "flag-2", "flag-3", "One packet scheduling"] {
        writeln!(out, "   {flag} = disabled")?;
    }
    if let Some(timeout) = service.persistence {
        writeln!(out, "   persistence timeout = {}", timeout.as_secs())?;
    }
    writeln!(out, "   protocol = {}", protocol(service.protocol))?;
    writeln!(out, "   alpha is {}\n   omega is {}", on_off(service.alpha), on_off(service.omega))?;
    writeln!(out, "   quorum = {}, hysteresis = {}", service.quorum, service.hysteresis)?;
    script(out, "Quorum up notify script", service.quorum_up.as_ref())?;
    script(out, "Quorum down notify script", service.quorum_down.as_ref())?;
    writeln!(out, "   Using smtp notification = {}", yes_no(service.smtp_alert))?;
    writeln!(out, "   default forwarding method = {}", forward(service))?;
    if let Some(sorry) = service.sorry_server {
        let set = u8::from(!state.quorum.is_up());
        writeln!(out, "   sorry server = {}", shown(sorry, service.protocol))?;
        writeln!(out, "     forwarding method = {}", forward(service))?;
        writeln!(out, "     set = {set}\n     alive = {set}")?;
    }
    let up = u8::from(state.quorum.is_up());
    writeln!(out, "   VS alive = {up}\n   quorum_state_up = {up}\n   reloaded = 0")?;
    state.servers.iter().try_for_each(|server| real_server(out, service, server))
}

fn real_server(out: &mut String, service: &Service, state: &ServerState) -> Written {
    let server = &state.server;
    let (weight, alive) = (server.weight, u8::from(state.is_alive()));
    writeln!(out, "   ------< Real server >------")?;
    let (ip, port) = (server.address.ip(), server.address.port());
    writeln!(out, "   RIP = {ip}, RPORT = {port}, WEIGHT = {weight} EFF WEIGHT = {weight}")?;
    writeln!(out, "   forwarding method = {}", forward(service))?;
    writeln!(out, "   Alpha is {}", on_off(service.alpha))?;
    writeln!(out, "   connection limit range = 0 -> 0")?;
    writeln!(out, "   Delay loop = {}", seconds(service.delay_loop))?;
    writeln!(out, "   Inhibit on failure is {}", on_off(server.inhibit_on_failure))?;
    script(out, "RS up notify script", server.notify_up.as_ref())?;
    script(out, "RS down notify script", server.notify_down.as_ref())?;
    writeln!(out, "   Using smtp notification = {}", yes_no(server.smtp_alert))?;
    writeln!(out, "   initial weight = {weight}\n   effective weight = {weight}")?;
    writeln!(out, "   previous effective_weight = 0")?;
    writeln!(out, "   alive = {alive}\n   num failed checkers = {}", state.failing())?;
    writeln!(out, "   RS set = {}\n   reloaded = 0", u8::from(alive == 1 || server.inhibit_on_failure))
}

fn checker_block(
    out: &mut String,
    state: &ServiceState,
    server: &ServerState,
    check: &Check,
    checker: &Checker,
    enabled: bool,
) -> Written {
    writeln!(out, " {} -> {}", state.name(), server.name())?;
    writeln!(out, "   Enabled = {}", yes_no(enabled))?;
    writeln!(out, "   Up = {}\n   Has run = {}", yes_no(checker.is_up()), yes_no(checker.has_run()))?;
    if let CheckKind::Bfd(session) = &check.kind {
        writeln!(out, "   Alpha = {}", yes_no(check.alpha))?;
        return writeln!(out, "   Keepalive method = BFD_CHECK\n   Name = {session}");
    }
    writeln!(out, "   Current weight = 0\n   Alpha = {}", yes_no(check.alpha || state.service.alpha))?;
    writeln!(out, "   Delay loop = {} us\n   Warmup = {} us", check.delay_loop.as_micros(), check.warmup.as_micros())?;
    writeln!(out, "   Retries = {}", check.retry)?;
    if check.retry > 0 {
        writeln!(out, "   Delay before retry = {} us", check.delay_before_retry.as_micros())?;
        writeln!(out, "   Retries iterations = {}", checker.retries())?;
    }
    writeln!(out, "   Default delay before retry = 1000000 us")?;
    writeln!(out, "   Log all failures = {}", yes_no(check.log_all_failures))?;
    writeln!(out, "   Connection\n     Dest = [{}]:{}", check.connect.ip(), check.connect.port())?;
    if let Some(bind) = check.bind {
        writeln!(out, "     Bind to = [{}]:{}", bind.ip(), bind.port())?;
    }
    if let Some(interface) = &check.bind_interface {
        writeln!(out, "     Bind i/f = {interface}")?;
    }
    if check.fwmark != 0 {
        writeln!(out, "     Mark = {}", check.fwmark)?;
    }
    writeln!(out, "     Timeout = {}\n   Keepalive method = TCP_CHECK", seconds(check.timeout))
}

fn script(out: &mut String, label: &str, script: Option<&Script>) -> Written {
    let Some(script) = script else { return Ok(()) };
    let argv: Vec<String> = script.argv.iter().map(|argument| format!("'{argument}'")).collect();
    writeln!(out, "   {label} = {}", argv.join(" "))
}

fn seconds(duration: Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}

fn scheduler(scheduler: Scheduler) -> &'static str {
    match scheduler {
        Scheduler::RoundRobin => "rr",
        Scheduler::WeightedRoundRobin => "wrr",
        Scheduler::LeastConnection => "lc",
        Scheduler::WeightedLeastConnection => "wlc",
        Scheduler::SourceHash => "sh",
        Scheduler::Other(name) => name,
    }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}

fn forward(service: &Service) -> &'static str {
    match service.forward {
        Forward::Nat => "NAT",
        Forward::DirectRoute => "DR",
        Forward::Tunnel => "TUN",
    }
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn on_off(value: bool) -> &'static str {
    if value { "ON" } else { "OFF" }
}
