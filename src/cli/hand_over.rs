//! `rkeep hand-over`: the addresses of this box go from rkeep's keepalived to another one, and never leave it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Args;

use crate::bus::Verdict;
use crate::host::control::{Answer, KEEPALIVED, Master, Order, unpack};
use crate::host::{pidfile, report};
use crate::sys::process::{self, is_alive};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked how far the other one is.
const LOOK: Duration = Duration::from_millis(100);
/// Where a keepalived writes its state when it gets USR1.
const DUMP: &str = "/tmp/keepalived.data";

/// Give the virtual addresses of this box to another keepalived, which COMMAND starts, without their leaving the interface.
///
/// rkeep's keepalived keeps them set while the other one starts (the original removes them then), and ends without a word
/// once the other one is master of what it was master of. If that does not come true in time, rkeep's keepalived goes on.
/// Needs root. Exits with 0 when the other one is master, 1 when it has not become so, 3 when rkeep's is not running.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The other one's pid file
    #[arg(long, value_name = "FILE", default_value = "/run/keepalived.pid")]
    pid: PathBuf,
    /// How long it may take to become master, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    limit: u64,
    /// What starts it
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs it.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Ok(master) = Master::meet(KEEPALIVED) else {
        eprintln!("rkeep's keepalived is not running, or you are not root");
        return ExitCode::from(3);
    };
    match hand_over(&master, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // It may have ended by itself meanwhile.
            let _ = master.tell(Order::Release, PATIENCE);
            eprintln!("rkeep hand-over: {error}; rkeep's keepalived goes on");
            ExitCode::FAILURE
        }
    }
}

fn hand_over(master: &Master, arguments: &Arguments) -> io::Result<()> {
    let report: report::Keepalived = unpack(master.tell(Order::Report, PATIENCE)?.1)?;
    let owned = report.instances.iter().filter(|instance| instance.state == Some(Verdict::Master));
    let owned: Vec<&str> = owned.map(|instance| instance.name.as_str()).collect();
    tell(master, Order::Hold)?;
    start(&arguments.command)?;
    let end = Instant::now() + Duration::from_secs(arguments.limit);
    while !is_master(&arguments.pid, report.pid, &owned) {
        if Instant::now() >= end {
            return Err(io::Error::other(format!("the other one is not master of {} yet", owned.join(" "))));
        }
        std::thread::sleep(LOOK);
    }
    tell(master, Order::Leave)?;
    println!("keepalived, pid {}, is master of: {}", pidfile::read(&arguments.pid).unwrap_or(0), owned.join(" "));
    while is_alive(report.pid) && Instant::now() < end + PATIENCE {
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn tell(master: &Master, order: Order) -> io::Result<()> {
    match master.tell(order, PATIENCE)?.0 {
        Answer::Done(_) => Ok(()),
        Answer::Refused(text) => Err(io::Error::other(text)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Runs the command. One that stays in the foreground is left running.
fn start(command: &[OsString]) -> io::Result<()> {
    let Some((program, args)) = command.split_first() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut child = Command::new(program).args(args).stdin(Stdio::null()).spawn()?;
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("{}: {status}", program.display()))),
            None => std::thread::sleep(LOOK),
        }
    }
    Ok(())
}

/// Whether the other one says that it is master of all these.
fn is_master(pid_file: &Path, ours: i32, owned: &[&str]) -> bool {
    let Some(pid) = pidfile::read(pid_file).ok().filter(|pid| *pid != ours && is_alive(*pid)) else { return false };
    // Whatever it says is newer than what it is asked for.
    let _ = fs::remove_file(DUMP);
    if process::signal(pid, libc::SIGUSR1).is_err() {
        return false;
    }
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        let text = fs::read_to_string(DUMP).unwrap_or_default();
        let masters = masters(&text);
        if owned.iter().all(|name| masters.contains(name)) {
            return true;
        }
        std::thread::sleep(LOOK);
    }
    false
}

/// The instances that are master, as a dump has them.
fn masters(dump: &str) -> Vec<&str> {
    let mut masters = Vec::new();
    let mut name = "";
    for line in dump.lines() {
        match line.trim().split_once(" = ") {
            Some(("VRRP Instance", word)) => name = word,
            Some(("State", "MASTER")) => masters.push(name),
            _ => {}
        }
    }
    masters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_says_who_is_master() {
        let dump = "------< VRRP Topology >------\n VRRP Instance = VI_1\n   VRRP Version = 2\n   State = MASTER\n \
                    VRRP Instance = VI_2\n   State = BACKUP\n";
        assert_eq!(masters(dump), ["VI_1"]);
    }
}
