//! `rkeep status`: how the two faces of this box are, by their own words.

mod text;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::control::{Answer, KEEPALIVED, Master, NGINX, Order, unpack};
use crate::host::nginx::layout;
use crate::host::{pidfile, report};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Say how nginx and keepalived are on this box: processes, configuration in force, listeners, upstreams and their servers,
/// virtual addresses and who owns them, virtual and real servers, mails that wait.
///
/// Needs root. Exits with 0 when both run, 1 when one of them does, 3 when neither does, 4 when one cannot be asked.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print it as one JSON object
    #[arg(long)]
    json: bool,
}

/// Both faces.
#[derive(Debug, Serialize)]
struct Status {
    nginx: Face<report::Nginx>,
    /// Of several nginx of this box the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_nginx: Vec<Face<report::Nginx>>,
    keepalived: Face<report::Keepalived>,
}

/// One of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Face<T> {
    /// It runs, and says this.
    Running(T),
    /// Another program runs in its place.
    Foreign {
        /// Its id.
        pid: i32,
    },
    /// It is there but cannot be asked.
    Silent {
        /// Why.
        reason: String,
    },
    /// Nobody is there.
    Stopped,
}

/// Runs it.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let mut all = all(NGINX).into_iter().map(nginx);
    let nginx = all.next().unwrap_or(Face::Stopped);
    let status = Status { nginx, other_nginx: all.collect(), keepalived: keepalived() };
    let shown = match arguments.json {
        true => serde_json::to_string_pretty(&status).unwrap_or_default() + "\n",
        false => text::render(&status),
    };
    // A reader that goes away early wants no more.
    let _ = io::stdout().write_all(shown.as_bytes());
    ExitCode::from(code(rank(&status.nginx), rank(&status.keepalived)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    Running,
    Stopped,
    Unknown,
}

fn rank<T>(face: &Face<T>) -> Rank {
    match face {
        Face::Running(_) => Rank::Running,
        Face::Foreign { .. } | Face::Stopped => Rank::Stopped,
        Face::Silent { .. } => Rank::Unknown,
    }
}

fn code(one: Rank, other: Rank) -> u8 {
    match (one, other) {
        (Rank::Unknown, _) | (_, Rank::Unknown) => 4,
        (Rank::Running, Rank::Running) => 0,
        (Rank::Stopped, Rank::Stopped) => 3,
        _ => 1,
    }
}

fn nginx(met: Result<Master, Face<report::Nginx>>) -> Face<report::Nginx> {
    let (mut nginx, master): (report::Nginx, Master) = match met.and_then(ask) {
        Ok(found) => found,
        Err(face) => return face,
    };
    if nginx.processes.iter().any(|process| !process.leaving) {
        let worker = master.hear(PATIENCE).ok().filter(|(answer, _)| *answer == Answer::Worker);
        nginx.worker = worker.and_then(|(_, fd)| unpack(fd).ok());
    }
    Face::Running(nginx)
}

fn keepalived() -> Face<report::Keepalived> {
    match all(KEEPALIVED).into_iter().next().unwrap_or(Err(Face::Stopped)).and_then(ask) {
        Ok((keepalived, _)) => Face::Running(keepalived),
        Err(face) => face,
    }
}

/// Everybody of that name, or why nobody is there.
fn all<T>(name: &str) -> Vec<Result<Master, Face<T>>> {
    match Master::meet_all(name) {
        Ok(met) if met.is_empty() => vec![Err(foreign(name).map_or(Face::Stopped, |pid| Face::Foreign { pid }))],
        Ok(met) => met.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(silent(&error))],
    }
}

fn ask<T: DeserializeOwned>(master: Master) -> Result<(T, Master), Face<T>> {
    let report = master.tell(Order::Report, PATIENCE).and_then(|(_, fd)| unpack(fd));
    report.map(|report| (report, master)).map_err(|error| silent(&error))
}

fn silent<T>(error: &io::Error) -> Face<T> {
    let reason = match error.kind() {
        io::ErrorKind::TimedOut => format!("no answer in {} s", PATIENCE.as_secs()),
        io::ErrorKind::PermissionDenied => "only root may ask".to_owned(),
        _ => error.to_string(),
    };
    Face::Silent { reason }
}

/// The process of another program that runs where this face would.
pub(super) fn foreign(name: &str) -> Option<i32> {
    let plain = Path::new(layout::PLAIN.prefix).join(layout::PLAIN.pid);
    let files = match name {
        NGINX => vec![plain, layout::DEBIAN.pid.into()],
        _ => vec!["/run/keepalived.pid".into()],
    };
    files.iter().find(|file| pidfile::is_alive(file)).and_then(|file| pidfile::read(file).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_how_much_runs() {
        use Rank::{Running, Stopped, Unknown};
        assert_eq!(code(Running, Running), 0);
        assert_eq!((code(Running, Stopped), code(Stopped, Running)), (1, 1));
        assert_eq!(code(Stopped, Stopped), 3);
        assert_eq!((code(Unknown, Running), code(Stopped, Unknown)), (4, 4));
    }
}
