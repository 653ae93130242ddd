//! A drill: a fault and the way back, each with what must hold. The drills themselves are in `table`.

mod steady;
mod table;

use std::io;
use std::time::{Duration, Instant};

pub use table::ALL;

use super::bound::Bound;
use super::owner::Owner;
use super::pair::Pair;
use super::report::{Outcome, millis};
use super::stage::Stage;
use super::timeline::Silence;

/// How long things are watched that should stay as they are, where no bound says how long it takes them to change.
const WATCHED: Duration = Duration::from_secs(1);
/// How much longer than allowed a change is waited for, so that its true length is seen.
const LATE: Duration = Duration::from_secs(4);
/// How long after a change of owner requests may still be hit by it.
const IN_FLIGHT: Duration = Duration::from_millis(400);

/// A drill.
#[derive(Debug)]
pub struct Drill {
    /// Its name.
    pub name: &'static str,
    /// What is done, in a sentence.
    pub what: &'static str,
    /// Why it cannot be played with such a pair, if so.
    pub unfit: fn(&Pair) -> Option<&'static str>,
    /// How it goes.
    pub script: Script,
}

/// How a drill goes.
#[derive(Debug)]
pub enum Script {
    /// As the function says.
    Own(fn(&mut Stage, &mut Outcome) -> io::Result<()>),
    /// One thing after another.
    Legs(&'static [Leg]),
}

/// One thing that is done, and what must hold then.
#[derive(Debug)]
pub struct Leg {
    /// Its name.
    pub name: &'static str,
    /// What is done.
    pub act: fn(&mut Stage) -> io::Result<()>,
    /// Where the address is afterwards.
    pub address: Address,
    /// How long a client may go without an answer.
    pub silence: fn(&Pair, usize) -> Bound,
    /// By when the address is where it should be.
    pub moved: fn(&Pair, usize) -> Bound,
    /// The mail that must come about the director's nginx.
    pub mail: Option<&'static str>,
    /// What else must come about, and by when.
    pub also: Option<Also>,
}

/// Something that must come about.
#[derive(Debug)]
pub struct Also {
    /// In words.
    pub what: &'static str,
    /// Whether it has.
    pub holds: fn(&Stage) -> bool,
    /// By when.
    pub within: fn(&Pair, usize) -> Bound,
}

/// Where an address is after something was done to the director that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Where it was, without ever having left.
    Stays,
    /// On the other director.
    Moves,
    /// On the other director where nginx itself answers on it; where it was, where a virtual server does.
    Follows,
    /// On both: they cannot know better.
    Splits,
    /// Where it belongs, now that both can have it.
    Returns,
}

impl Drill {
    /// Plays it.
    ///
    /// # Errors
    /// The cluster itself breaks; what a drill is there to find is in its outcome.
    pub fn play(&self, stage: &mut Stage) -> io::Result<Outcome> {
        let mut outcome = Outcome::new(self.name, self.what);
        if let Some(why) = (self.unfit)(stage.pair()) {
            outcome.left_out = Some(why.to_owned());
            return Ok(outcome);
        }
        stage.victim = match stage.owner() {
            Owner::One(director) => director,
            _ => stage.pair().home(),
        };
        // A server that a drill has hidden counts again only once it is checked: the next one must not begin before.
        let checked = Bound::checked(stage.pair(), stage.victim).total();
        stage.wait("waiting until the checkers have found all servers again", checked, Stage::nothing_is_down);
        match self.script {
            Script::Own(play) => play(stage, &mut outcome)?,
            Script::Legs(legs) => {
                stage.start_clients()?;
                legs.iter().try_for_each(|leg| leg.play(self.name, stage, &mut outcome))?;
            }
        }
        Ok(outcome)
    }
}

impl Leg {
    fn play(&self, drill: &'static str, stage: &mut Stage, outcome: &mut Outcome) -> io::Result<()> {
        let (allowed, moved) = ((self.silence)(stage.pair(), stage.victim), (self.moved)(stage.pair(), stage.victim));
        let (start, mails) = (Instant::now(), stage.mails().len());
        stage.note(drill, self.name);
        (self.act)(stage)?;
        let expected = self.address.expected(stage);
        self.await_owner(stage, expected, moved.total());
        let served = stage.wait("waiting until every client is served", allowed.total() + LATE, |stage| {
            stage.served_since(stage.owners().last().map_or(start, |(at, _)| (*at).max(start)))
        });
        outcome.expect(served, || format!("{}: not every client is served again", self.name));
        self.await_mail(stage, outcome, mails);
        self.await_also(stage, outcome);
        let end = Instant::now();
        stage.settle(end);
        self.judge_owner(stage, outcome, start, expected);
        let excused = self.excused_until(stage, start, &allowed);
        let seen = Silence::measure(&stage.log(), stage.askers(), [start, end], excused);
        outcome.measured(self.name, &stage.owner(), seen, &allowed, stage.mails().len() - mails);
        Ok(())
    }

    /// Waits for the owner that should come; one that should stay is watched for as long as a change would take.
    fn await_owner(&self, stage: &mut Stage, expected: Owner, within: Duration) {
        match self.address {
            _ if stage.owner() == expected => {
                let since = Instant::now();
                stage.wait("watching that nothing changes", within + WATCHED, |_| {
                    since.elapsed() >= within.max(WATCHED)
                });
            }
            _ => {
                let what = format!("waiting until {expected} owns the address");
                stage.wait(&what, within + LATE, |stage| stage.owner() == expected);
            }
        }
    }

    fn judge_owner(&self, stage: &Stage, outcome: &mut Outcome, start: Instant, expected: Owner) {
        let owner = stage.owner();
        outcome.expect(owner == expected, || {
            format!("{}: the address should be owned by {expected}, and is by {owner}", self.name)
        });
        let changed = stage.owners().into_iter().filter(|(at, _)| *at >= start).count();
        if self.address == Address::Stays {
            outcome.expect(changed == 0, || format!("{}: the address changed its owner {changed} times", self.name));
        }
    }

    /// Until when requests may have been sent that fail: never, where nothing moves.
    fn excused_until(&self, stage: &Stage, start: Instant, allowed: &Bound) -> Instant {
        if self.address == Address::Stays && !allowed.allows_silence() {
            return start;
        }
        let changed = stage.owners().last().map_or(start, |(at, _)| *at);
        (changed + IN_FLIGHT).max(start + allowed.total())
    }

    fn await_also(&self, stage: &mut Stage, outcome: &mut Outcome) {
        let Some(also) = &self.also else { return };
        let (since, within) = (Instant::now(), (also.within)(stage.pair(), stage.victim));
        let came = stage.wait(&format!("waiting until {}", also.what), within.total() + LATE, also.holds);
        let took = since.elapsed();
        outcome.see(format_args!("{}: {} after {} ms ({within} allowed)", self.name, also.what, millis(took)));
        outcome.expect(came && took <= within.total(), || format!("{}: not in time: {}", self.name, also.what));
    }

    /// The checkers must mail what they find about the director's nginx, if the files want mails.
    fn await_mail(&self, stage: &mut Stage, outcome: &mut Outcome, seen: usize) {
        let Some(verdict) = self.mail.filter(|_| !stage.site.mails.is_empty()) else { return };
        let wanted: Vec<String> = stage.pair().reports(stage.victim, verdict);
        for mail in wanted {
            let within = Bound::checked(stage.pair(), stage.victim);
            let came = stage.wait("waiting for the mail", within.total() + LATE, |stage| {
                stage.mails().iter().skip(seen).any(|came| came.subject().ends_with(&mail))
            });
            outcome.expect(came, || format!("{}: no mail says: {mail} (allowed: {within})", self.name));
        }
    }
}

impl Address {
    fn expected(self, stage: &Stage) -> Owner {
        let other = 1 - stage.victim;
        match self {
            Address::Follows if stage.pair().is_served_by_nginx() => Owner::One(other),
            Address::Stays | Address::Follows => Owner::One(stage.victim),
            Address::Moves => Owner::One(other),
            Address::Splits => Owner::Both,
            // Of two who both have it the better one wins, `nopreempt` or not.
            Address::Returns if stage.owner() == Owner::Both => Owner::One(stage.pair().home()),
            Address::Returns => Owner::One(stage.pair().after_return(stage.victim)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|drill| drill.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
