//! `rkeep reload`: both files checked, what changes shown, then taken up; it ends once that is in force.

mod changes;

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::status::foreign;
use crate::host::bundle::Bundle;
use crate::host::control::{Answer, KEEPALIVED, Master, NGINX, Order, Reading};
use crate::host::keepalived;
use crate::host::nginx;

/// How long the masters may take to say what is in force.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long they may take to change it.
const LONGEST: Duration = Duration::from_secs(60);

/// Take up what nginx.conf and keepalived.conf say now, and wait until it is in force.
///
/// Both files are read first, as those that run will read them; if one is wrong, nothing changes and what is wrong is said.
/// Then the changes are shown and made. Needs root. Exits with 0 when all that runs has taken up its file, 1 when one has
/// not, 2 when a file is wrong, 3 when neither nginx nor keepalived runs.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// One that runs, and what it would take up.
struct Running {
    name: &'static str,
    master: Master,
    old: Bundle,
    new: Bundle,
}

/// Why there is none to go on with.
enum Obstacle {
    /// Nobody is there.
    Stopped,
    /// It cannot be asked.
    Silent(io::Error),
    /// Its file is wrong.
    Wrong(Vec<String>),
}

impl Obstacle {
    /// Says it, and what it means for the exit code.
    fn tell(&self, name: &str) -> u8 {
        match self {
            Obstacle::Stopped => {
                println!("{}", absent(name));
                0
            }
            Obstacle::Silent(error) => {
                eprintln!("{name} cannot be asked: {error}");
                1
            }
            Obstacle::Wrong(lines) => {
                lines.iter().for_each(|line| eprintln!("{name}: {line}"));
                2
            }
        }
    }
}

/// Runs it.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let mut running = Vec::new();
    let mut worst = 0;
    for name in [NGINX, KEEPALIVED] {
        let met = match Master::meet_all(name) {
            Ok(met) if met.is_empty() => vec![Err(Obstacle::Stopped)],
            Ok(met) => met.into_iter().map(|master| find(name, master)).collect(),
            Err(error) => vec![Err(Obstacle::Silent(error))],
        };
        for found in met {
            match found {
                Ok(found) => running.push(found),
                Err(obstacle) => worst = worst.max(obstacle.tell(name)),
            }
        }
    }
    match (worst, running.is_empty()) {
        (0, true) => return ExitCode::from(3),
        (0, false) => {}
        _ => {
            eprintln!("nothing has been changed");
            return ExitCode::from(worst);
        }
    }
    running.iter().for_each(|one| print!("{}", changes::render(one.name, &one.old, &one.new)));
    let held = arguments.dry_run || running.iter().map(reload).fold(true, |all, one| all & one);
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn absent(name: &str) -> String {
    match foreign(name) {
        Some(pid) => format!("{name}: process {pid} runs in its place, which is not rkeep; it is left alone"),
        None => format!("{name} is not running"),
    }
}

fn find(name: &'static str, master: Master) -> Result<Running, Obstacle> {
    let (answer, fd) = master.tell(Order::Configuration, PATIENCE).map_err(Obstacle::Silent)?;
    let (reading, old) = in_force(answer, fd).map_err(Obstacle::Silent)?;
    let new = match name {
        NGINX => nginx::reread(&reading),
        _ => keepalived::config::reread(&reading),
    };
    Ok(Running { name, master, old, new: new.map_err(Obstacle::Wrong)? })
}

fn in_force(answer: Answer, fd: Option<OwnedFd>) -> io::Result<(Reading, Bundle)> {
    match answer {
        Answer::Configuration(reading) => Ok((reading, Bundle::open(fd.ok_or(io::ErrorKind::InvalidData)?)?)),
        Answer::Refused(text) => Err(io::Error::other(text)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Whether one has taken up its file.
fn reload(Running { name, master, .. }: &Running) -> bool {
    match master.tell(Order::Reload, LONGEST) {
        Ok((Answer::Done(generation), _)) => {
            println!("{name}: configuration {generation} is in force");
            true
        }
        Ok((Answer::Refused(text), _)) => {
            text.lines().for_each(|line| eprintln!("{name}: {line}"));
            eprintln!("{name}: the old configuration stays in force");
            false
        }
        Ok(_) => {
            eprintln!("{name}: an answer that makes no sense");
            false
        }
        Err(error) => {
            eprintln!("{name}: ended, or did not answer: {error}");
            false
        }
    }
}
