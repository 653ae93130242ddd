//! A status for people. Pure.

use std::fmt::Write as _;

use super::{Face, Status};
use crate::balance::{Standing, State};
use crate::bus::Verdict;
use crate::host::report::{Certificate, Flood, Instance, Keepalived, Nginx, Process, Server, Service, Upstream};

/// The whole text.
pub(super) fn render(status: &Status) -> String {
    let mut out = String::new();
    let all = std::iter::once(&status.nginx).chain(&status.other_nginx);
    all.for_each(|one| face(&mut out, "nginx", one, nginx));
    face(&mut out, "keepalived", &status.keepalived, keepalived);
    out
}

fn face<T>(out: &mut String, name: &str, face: &Face<T>, show: impl Fn(&mut String, &T)) {
    match face {
        Face::Running(report) => show(out, report),
        Face::Foreign { pid } => line(out, name, &format!("process {pid} runs in its place, which is not rkeep")),
        Face::Silent { reason } => line(out, name, &format!("cannot be asked: {reason}")),
        Face::Stopped => line(out, name, "is not running"),
    }
}

fn line(out: &mut String, name: &str, text: &str) {
    // Writing into a String does not fail.
    let _ = writeln!(out, "{name:<12} {text}");
}

fn nginx(out: &mut String, nginx: &Nginx) {
    let processes = processes(&nginx.processes);
    line(out, "nginx", &format!("pid {}, configuration {} ({})", nginx.pid, nginx.generation, nginx.conf.display()));
    line(out, "  processes", &processes);
    line(out, "  listens on", &nginx.listeners.join(" "));
    let Some(worker) = &nginx.worker else { return line(out, "  worker", "does not answer") };
    line(out, "  clients", &format!("{} connected, {} requests so far", worker.connections, worker.requests));
    for Flood { of, connections } in &worker.floods {
        line(out, "  ended", &format!("{connections} for {of}"));
    }
    for Certificate { file, names, days } in &worker.certificates {
        line(out, "  certificate", &format!("{} {} ({file})", names.join(" "), left(*days)));
    }
    for Upstream { name, peers } in &worker.upstreams {
        let peers: Vec<String> = peers.iter().map(peer).collect();
        line(out, "  upstream", &format!("{name}: {}", peers.join(", ")));
    }
}

fn left(days: i64) -> String {
    if days < 0 { format!("ENDED {} days ago", -days) } else { format!("ends in {days} days") }
}

fn peer(peer: &Standing) -> String {
    let state = match peer.state {
        State::Up => "up",
        State::Unavailable => "given up",
        State::Full => "full",
        State::Down => "down",
    };
    let backup = if peer.backup { " (backup)" } else { "" };
    let failures = if peer.failures > 0 { format!(", {} failed", peer.failures) } else { String::new() };
    format!("{}{backup} {state}{failures}", peer.address)
}

fn keepalived(out: &mut String, keepalived: &Keepalived) {
    let Keepalived { pid, generation, conf, .. } = keepalived;
    line(out, "keepalived", &format!("pid {pid}, configuration {generation} ({})", conf.display()));
    line(out, "  processes", &processes(&keepalived.processes));
    for instance in &keepalived.instances {
        line(out, &format!("  {}", instance.name), &router(instance));
    }
    for Service { name, state, servers } in &keepalived.services {
        let servers: Vec<String> = servers.iter().map(server).collect();
        line(out, &format!("  {name}"), &format!("{}: {}", shown(*state), servers.join(", ")));
    }
    match keepalived.mails {
        0 => {}
        count => line(out, "  mails", &format!("{count} wait for the mail server")),
    }
}

fn router(instance: &Instance) -> String {
    let Instance { interface, vrid, priority, addresses, .. } = instance;
    let owner = instance.owner.as_deref().unwrap_or("nobody heard of yet");
    let addresses = addresses.join(" ");
    let rival = instance.rival.iter().map(|rival| format!("; SPLIT BRAIN: {rival}")).collect::<String>();
    format!(
        "{} for {}, priority {priority}, {interface}, router {vrid}: {addresses} owned by {owner}{rival}",
        shown(instance.state),
        duration(instance.seconds)
    )
}

fn server(server: &Server) -> String {
    format!("{} {} for {}", server.name, shown(server.state), duration(server.seconds))
}

fn shown(verdict: Option<Verdict>) -> String {
    match verdict {
        Some(verdict @ (Verdict::Master | Verdict::Backup | Verdict::Fault)) => format!("{verdict:?}").to_uppercase(),
        Some(verdict) => format!("{verdict:?}").to_lowercase(),
        None => "not begun".to_owned(),
    }
}

fn processes(processes: &[Process]) -> String {
    if processes.is_empty() {
        return "none".to_owned();
    }
    let shown = |process: &Process| {
        let leaving = if process.leaving { ", ending" } else { "" };
        format!("{} {} for {}{leaving}", process.role, process.pid, duration(process.seconds))
    };
    processes.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_running_is_said() {
        let status = Status { nginx: Face::Stopped, other_nginx: Vec::new(), keepalived: Face::Foreign { pid: 7 } };
        let expected = "nginx        is not running\nkeepalived   process 7 runs in its place, which is not rkeep\n";
        assert_eq!(render(&status), expected);
    }

    #[test]
    fn certificates_tell_their_days() {
        assert_eq!((left(0), left(-3)), ("ends in 0 days".to_owned(), "ENDED 3 days ago".to_owned()));
    }

    #[test]
    fn an_owner_is_named() {
        let instance = Instance {
            name: "VI_1".to_owned(),
            interface: "eth0".to_owned(),
            vrid: 51,
            state: Some(Verdict::Backup),
            priority: 90,
            seconds: 125,
            addresses: vec!["192.168.3.253/32".to_owned()],
            owner: Some("192.168.3.1".to_owned()),
            rival: None,
        };
        let expected = "BACKUP for 2 min, priority 90, eth0, router 51: 192.168.3.253/32 owned by 192.168.3.1";
        assert_eq!(router(&instance), expected);
    }
}
