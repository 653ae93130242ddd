//! `startup_script` and `shutdown_script`: the parent runs them and waits, before its first child and after its last.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rkeep_parsers::ir::vrrp::Script;
use rkeep_parsers::keepalived::Global;
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tracing::info;

use crate::agent::security;

/// How often it is looked whether a script has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a script to its end, or until it has had its time; says what came of it.
pub(super) fn run(what: &str, script: Option<&Script>, global: &Global, patience: Duration) {
    let Some(script) = script else { return };
    let outcome = security::admit(script, global).and_then(|user| {
        let (program, arguments) = script.argv.split_first().ok_or_else(|| format!("{what} is empty"))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if geteuid().as_raw() != user.uid {
            command.uid(user.uid).gid(user.gid);
        }
        wait(command, patience).map_err(|error| format!("{what} {program} cannot be run: {error}"))
    });
    match outcome {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(status)) => info!("{what} failed: {status}"),
        Ok(None) => info!("{what} has not ended within {} s and is killed", patience.as_secs()),
        Err(why) => info!("{why}"),
    }
}

fn wait(mut command: Command, patience: Duration) -> std::io::Result<Option<std::process::ExitStatus>> {
    let (mut child, end) = (command.spawn()?, Instant::now() + patience);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                // It may have ended in this moment.
                let _ = kill_process_group(group, Signal::KILL);
            }
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}
