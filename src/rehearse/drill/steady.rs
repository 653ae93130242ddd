//! All is well: who has the address, and who gets how many requests?

use std::io;
use std::time::{Duration, Instant};

use crate::rehearse::eventually;
use crate::rehearse::http::Tally;
use crate::rehearse::owner::Owner;
use crate::rehearse::pair::Direct;
use crate::rehearse::report::Outcome;
use crate::rehearse::stage::Stage;

/// How many requests each director is asked directly.
const DIRECTLY: usize = 300;
/// How many each client asks the virtual address.
const EACH: usize = 15;
/// How long a director may take to log a request that has been answered.
const LOGGED: Duration = Duration::from_secs(5);
/// What is not added to within this time is complete.
const QUIET: Duration = Duration::from_millis(300);

/// Plays it.
pub(super) fn play(stage: &mut Stage, outcome: &mut Outcome) -> io::Result<()> {
    let began = Instant::now();
    stage.note("steady", "clients ask");
    for which in [0, 1] {
        if let Some(direct) = stage.pair().direct[which].clone() {
            directly(stage, outcome, which, &direct)?;
        }
    }
    by_address(stage, outcome)?;
    at_home(stage, outcome, began);
    Ok(())
}

/// The better director has the address all the time. Two who both have it show it within an interval.
fn at_home(stage: &mut Stage, outcome: &mut Outcome, began: Instant) {
    let Some(interval) = stage.pair().router().map(|router| router.sides[0].interval) else { return };
    let until = began + interval * 3;
    stage.wait("watching that nothing changes", interval * 4, |_| Instant::now() >= until);
    let (home, owner) = (Owner::One(stage.pair().home()), stage.owner());
    outcome.see(format_args!("the address is owned by {owner}"));
    outcome.expect(owner == home, || format!("the address should be owned by {home}, and is by {owner}"));
    let changed = stage.owners().into_iter().filter(|(at, _)| *at >= began).count();
    outcome.expect(changed == 0, || format!("the address changed its owner {changed} times"));
}

/// One director's nginx gives its servers the shares that their weights say.
fn directly(stage: &Stage, outcome: &mut Outcome, which: usize, direct: &Direct) -> io::Result<()> {
    let tally = stage.ask(direct.probe.target(), &direct.probe, DIRECTLY)?;
    let director = which + 1;
    outcome.see(format_args!("{DIRECTLY} asked of director {director}: {tally}"));
    if direct.probe.limited.is_some() {
        outcome.see(format_args!("requests that come too often are refused, as the file bids: nothing is counted"));
        return Ok(());
    }
    outcome.expect(tally.failed() == 0, || format!("director {director} asked directly: {tally}"));
    let all: u32 = direct.shares.iter().map(|(_, weight)| weight).sum();
    for (address, weight) in &direct.shares {
        let Some(says) = stage.site.name_of(*address) else { continue };
        // Each worker begins its turns anew, and a turn may be cut short.
        let share = DIRECTLY * *weight as usize / all.max(1) as usize;
        let got = tally.of(says);
        let fair = (share.saturating_sub(1)..=share + 1).contains(&got);
        outcome.expect(fair, || {
            format!("{says} should answer {share} of {DIRECTLY} asked of director {director}: {tally}")
        });
    }
    Ok(())
}

/// Clients ask the virtual address. With `persistence_timeout` each stays with one director.
fn by_address(stage: &mut Stage, outcome: &mut Outcome) -> io::Result<()> {
    if stage.pair().probes.is_empty() {
        return Ok(());
    }
    let sticks = stage.pair().services.iter().any(|it| it.persistence.is_some()) && stage.pair().is_real_server(0);
    let mut clients_of = [0; 2];
    settle_logs(stage);
    // A log that has nothing of what was asked directly is elsewhere.
    let counts = requests(stage).iter().all(|count| *count > 0);
    for from in stage.site.clients.clone() {
        let Some(probe) = stage.pair().probe_of(&from).cloned() else { continue };
        let before = requests(stage);
        let tally = stage.ask(probe.target().from(from), &probe, EACH)?;
        outcome.expect(tally.failed() == 0 || probe.limited.is_some(), || format!("asked from {from}: {tally}"));
        if !counts {
            outcome.see(format_args!("{EACH} from {from}: {tally}"));
            continue;
        }
        eventually(LOGGED, || requests(stage).iter().sum::<usize>() >= before.iter().sum::<usize>() + EACH);
        let after = requests(stage);
        let by = [0, 1].map(|which: usize| after[which] - before[which]);
        outcome.see(format_args!("{EACH} from {from}: director 1: {}, director 2: {}; {tally}", by[0], by[1]));
        outcome.expect(!sticks || by.contains(&EACH), || format!("{from} should stay with one director: {by:?}"));
        clients_of = [0, 1].map(|which: usize| clients_of[which] + usize::from(by[which] > 0));
    }
    if sticks && counts {
        outcome.expect(clients_of[0] == clients_of[1], || format!("as many clients each, not {clients_of:?}"));
    }
    Ok(())
}

/// Waits until nothing is added any more of what was asked before.
fn settle_logs(stage: &Stage) {
    let (mut seen, mut since) = (requests(stage), Instant::now());
    eventually(LOGGED, || {
        let now = requests(stage);
        if std::mem::replace(&mut seen, now) != now {
            since = Instant::now();
        }
        since.elapsed() >= QUIET
    });
}

/// How many requests each director's nginx has logged.
fn requests(stage: &Stage) -> [usize; 2] {
    stage.site.directors.each_ref().map(crate::rehearse::Server::requests)
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let failures = self.failures.iter().map(|(kind, count)| format!("{kind} (failed) {count}"));
        let words = self.bodies.iter().map(|(body, count)| format!("{body} {count}")).chain(failures);
        f.write_str(&words.collect::<Vec<_>>().join(", "))
    }
}
