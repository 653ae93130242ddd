//! One `vrrp_script`: run again and again, never twice at a time.

use std::process::ExitStatus;
use std::time::Duration;

use rkeep_parsers::ir::track::TrackScript;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::ExitStatusExt;
use tokio::process::Child;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tracing::{debug, info};

use super::Teller;
use super::score::Score;
use crate::agent::script;
use crate::sys::process::UserIds;

/// How long a script that was asked to end may go on.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs it until it is dropped.
pub(super) async fn watch(script: TrackScript, user: UserIds, teller: Teller) {
    let mut score = Score::new(script.rise, script.fall);
    let mut ticks = interval(script.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut code = 0;
    loop {
        ticks.tick().await;
        let outcome = run(&script, user).await;
        if let Outcome::Code(now) = outcome
            && std::mem::replace(&mut code, now) != now
        {
            info!("Script `{}` now returning {now}", script.name);
        }
        if let Some(good) = score.take(outcome == Outcome::Code(0)) {
            say(&script.name, &outcome);
            teller.say(good, i64::from(code));
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Code(i32),
    Signal(i32),
    TimedOut,
    Lost(String),
}

fn say(name: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Code(0) => info!("VRRP_Script({name}) succeeded"),
        Outcome::Code(code) => info!("VRRP_Script({name}) failed (exited with status {code})"),
        Outcome::Signal(signal) => info!("VRRP_Script({name}) failed (due to signal {signal})"),
        Outcome::TimedOut => info!("VRRP_Script({name}) timed_out"),
        Outcome::Lost(why) => info!("VRRP_Script({name}) failed (cannot be run: {why})"),
    }
}

async fn run(script: &TrackScript, user: UserIds) -> Outcome {
    let Some((program, arguments)) = script.script.argv.split_first() else { return Outcome::Lost(String::new()) };
    let child = match script::spawn(program, arguments, user) {
        Ok(child) => child,
        Err(error) => return Outcome::Lost(error.to_string()),
    };
    let mut guard = Guard::of(child);
    match timeout(script.timeout, guard.child.wait()).await {
        Ok(status) => outcome(status),
        Err(_) => {
            guard.end();
            debug!("VRRP_Script({}) is asked to end", script.name);
            let ended = timeout_at(Instant::now() + LAST_WORDS, guard.child.wait()).await;
            if ended.is_err() {
                guard.kill().await;
            }
            Outcome::TimedOut
        }
    }
}

fn outcome(status: std::io::Result<ExitStatus>) -> Outcome {
    match status {
        Ok(status) => match status.code() {
            Some(code) => Outcome::Code(code),
            None => Outcome::Signal(status.signal().unwrap_or_default()),
        },
        Err(error) => Outcome::Lost(error.to_string()),
    }
}

/// A script that runs; it is ended with whoever waits for it.
struct Guard {
    child: Child,
    group: Option<Pid>,
}

impl Guard {
    fn of(child: Child) -> Self {
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Guard { child, group }
    }

    /// Asks all of it to end.
    fn end(&self) {
        self.signal(Signal::TERM);
    }

    async fn kill(&mut self) {
        self.signal(Signal::KILL);
        // It has been killed, so this takes no time.
        let _ = self.child.wait().await;
        self.group = None;
    }

    fn signal(&self, signal: Signal) {
        // A group is signalled only while its first process has not been waited for.
        if let Some(group) = self.group.filter(|_| self.child.id().is_some()) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
    }
}
