//! The VRRP state machine of one instance (RFC 5798, 6.4, as keepalived lives it). Pure: it is told the time and what
//! happened, and says what to do.

mod backup;
pub mod io;
mod master;
pub mod note;
mod reload;

#[cfg(test)]
pub(super) mod tests;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::vrrp::{InitialState, Router};

use self::backup::Backup;
use self::io::{Addresses, Condition, Effect, Input, Legacy};
use self::master::Master;
use self::note::Note;
use super::ability::Ability;
use super::stats::Stats;
use super::wire::accept::{Heard, Oddity};
use crate::bus::{Verdict, cause};

/// The priority of an address owner (RFC 5798, 5.2.4).
pub const OWNER: u8 = 255;

/// The lowest priority there is: that of a box that cannot serve.
pub const LOWEST: u8 = 1;

/// How many adverts that change nothing are answered in an interval.
const ANSWERS: u32 = 10;

/// One instance.
#[derive(Debug)]
pub struct Machine {
    router: Router,
    addresses: Addresses,
    /// Those that `garp_extra_if` announces.
    extra: Addresses,
    state: State,
    condition: Condition,
    source: Option<IpAddr>,
    /// The configured priority with what tracking adds.
    effective: u8,
    /// The pace of adverts: ours, or in version 3 the master's while we are backup.
    interval: Duration,
    /// Since when answers to those who are no better are counted, and how many there were.
    answered: Option<(Instant, u32)>,
    stats: Stats,
}

#[derive(Debug)]
enum State {
    /// Not begun.
    Init,
    Backup(Backup),
    Master(Master),
    Fault,
    /// Ended.
    Stopped,
}

impl Machine {
    /// A machine that waits for its start.
    pub fn new(router: Router) -> Self {
        let mut machine = Machine {
            addresses: addresses(&router),
            extra: extra(&router),
            effective: router.priority,
            interval: router.advert_interval,
            router,
            state: State::Init,
            condition: Condition::default(),
            source: None,
            answered: None,
            stats: Stats::default(),
        };
        machine.effective = machine.effective_priority();
        machine
    }

    /// The configuration it follows.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The priority it advertises.
    pub fn priority(&self) -> u8 {
        self.effective
    }

    /// Where its adverts come from.
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// Its counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Its counters, to count what the machine does not see and to clear them.
    pub fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    /// The pace of adverts it goes by now.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// All its virtual addresses, those in adverts first.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What it is; none before its start.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.state {
            State::Init => None,
            State::Backup(_) => Some(Verdict::Backup),
            State::Master(_) => Some(Verdict::Master),
            State::Fault => Some(Verdict::Fault),
            State::Stopped => Some(Verdict::Stopped),
        }
    }

    /// Of a member of a sync group: whether it is master or only waits for the group to agree.
    pub fn is_ready(&self) -> bool {
        match &self.state {
            State::Master(_) => true,
            State::Backup(backup) => backup.ready,
            _ => false,
        }
    }

    /// When it must be told [`Input::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Backup(backup) => Some(backup.down_at),
            State::Master(master) => Some(master.deadline()),
            State::Init | State::Fault | State::Stopped => None,
        }
    }

    /// Takes an input in and appends what to do.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Start { delay, legacy, late } => self.start(now, delay, (legacy, late), out),
            Input::Stop { deleted } => self.stop(deleted, out),
            Input::Heard(heard) => self.hear(now, heard, out),
            Input::Tick => self.tick(now, out),
            Input::Condition(condition) => self.judge(now, condition, out),
            Input::Source(source) => self.source = source,
            Input::AddressLost => self.lose_address(now, out),
            Input::Reconfigure(router) => self.reconfigure(now, *router, out),
            Input::Follow { verdict, goodbye, leads } => self.follow(now, verdict, (goodbye, leads), out),
        }
    }

    fn start(&mut self, now: Instant, delay: Duration, (legacy, late): (Legacy, bool), out: &mut Vec<Effect>) {
        if !matches!(self.state, State::Init) {
            return;
        }
        if legacy == Legacy::TakeUp && !self.condition.fault {
            return self.become_master(now, "resume", out);
        }
        if legacy == Legacy::Resign {
            self.resign(out);
        }
        self.remove(out);
        if self.condition.fault {
            return self.become_fault("link", out);
        }
        if self.effective == OWNER && self.router.initial == InitialState::Master {
            return self.become_master(now, cause::START, out);
        }
        if !delay.is_zero() {
            out.push(Effect::Say(Note::Delayed(delay)));
        }
        out.push(Effect::Say(if late { Note::Backup } else { Note::BackupAtStart }));
        self.state = State::Backup(Backup::until(now + delay + self.down_time()));
        out.push(Effect::Became { verdict: Verdict::Backup, cause: cause::START });
    }

    fn stop(&mut self, deleted: bool, out: &mut Vec<Effect>) {
        if matches!(self.state, State::Stopped) {
            return;
        }
        self.release(true, out);
        self.state = State::Stopped;
        let (verdict, cause) =
            if deleted { (Verdict::Deleted, cause::RELOAD) } else { (Verdict::Stopped, cause::STOP) };
        out.push(Effect::Became { verdict, cause });
    }

    fn hear(&mut self, now: Instant, heard: Heard, out: &mut Vec<Effect>) {
        if !matches!(self.state, State::Backup(_) | State::Master(_)) {
            return;
        }
        if self.effective == OWNER && self.router.speech.owner_ignores_adverts {
            return;
        }
        self.stats.received += 1;
        self.stats.zero_received += u64::from(heard.priority == 0);
        let other_addresses = matches!(heard.oddity, Some(Oddity::Count { .. } | Oddity::Address { .. }));
        self.stats.address_errors += u64::from(other_addresses);
        match self.state {
            State::Backup(_) => self.hear_as_backup(now, heard, out),
            _ => self.hear_as_master(now, heard, out),
        }
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Effect>) {
        match self.state {
            State::Backup(_) => self.tick_as_backup(now, out),
            State::Master(_) => self.tick_as_master(now, out),
            State::Init | State::Fault | State::Stopped => {}
        }
    }

    fn judge(&mut self, now: Instant, condition: Condition, out: &mut Vec<Effect>) {
        let before = std::mem::replace(&mut self.condition, condition);
        let [was, is] = [before, condition].map(|condition| condition.ability == Ability::Unable);
        if was != is {
            out.push(Effect::Say(if is { Note::CannotServe } else { Note::ServesAgain }));
        }
        self.set_priority(out);
        match self.state {
            State::Backup(_) | State::Master(_) if condition.fault => self.become_fault("link", out),
            State::Master(_) if is && !was => self.let_others_in(now, out),
            State::Fault if !condition.fault => {
                self.become_backup(Backup::until(now + self.down_time()), "recovered", false, out)
            }
            _ => {}
        }
    }

    /// A peer takes over after its skew, even one that does not preempt; where there is none, this box has the addresses
    /// again once it has waited as for any master.
    fn let_others_in(&mut self, now: Instant, out: &mut Vec<Effect>) {
        self.become_backup(Backup::until(now + self.down_time()), cause::UNABLE, true, out);
    }

    fn lose_address(&mut self, now: Instant, out: &mut Vec<Effect>) {
        if matches!(self.state, State::Master(_)) {
            self.become_backup(Backup::until(now + self.skew()), "address-lost", true, out);
        }
    }

    fn follow(&mut self, now: Instant, verdict: Verdict, (goodbye, leads): (bool, bool), out: &mut Vec<Effect>) {
        match (verdict, &self.state) {
            (Verdict::Master, State::Backup(_)) => {
                self.become_master(now, if leads { cause::TIMEOUT } else { cause::GROUP }, out)
            }
            (Verdict::Backup, State::Master(_)) => {
                self.become_backup(Backup::until(now + self.down_time()), cause::GROUP, goodbye, out)
            }
            _ => {}
        }
    }

    fn become_backup(&mut self, backup: Backup, cause: &'static str, goodbye: bool, out: &mut Vec<Effect>) {
        out.push(Effect::Say(Note::Backup));
        self.release(goodbye, out);
        self.state = State::Backup(backup);
        out.push(Effect::Became { verdict: Verdict::Backup, cause });
    }

    fn become_fault(&mut self, cause: &'static str, out: &mut Vec<Effect>) {
        let at_start = matches!(self.state, State::Init);
        out.push(Effect::Say(if at_start { Note::FaultAtStart } else { Note::Fault }));
        if matches!(self.state, State::Master(_)) {
            // keepalived says it twice.
            self.resign(out);
        }
        self.release(true, out);
        self.state = State::Fault;
        out.push(Effect::Became { verdict: Verdict::Fault, cause });
    }

    /// Whether it shares the fate of a sync group.
    fn is_member(&self) -> bool {
        self.router.group.is_some()
    }

    fn effective_priority(&self) -> u8 {
        match self.router.priority {
            _ if self.condition.ability == Ability::Unable => LOWEST,
            OWNER => OWNER,
            base => (i32::from(base) + self.condition.weight).clamp(LOWEST.into(), 254) as u8,
        }
    }

    /// Brings the effective priority up to date; a backup's patience changes with it.
    fn set_priority(&mut self, out: &mut Vec<Effect>) {
        let (from, to) = (self.effective, self.effective_priority());
        if from == to {
            return;
        }
        out.push(Effect::Say(Note::Priority { from, to }));
        let before = self.skew();
        self.effective = to;
        let after = self.skew();
        if let State::Backup(backup) = &mut self.state {
            backup.down_at = (backup.down_at + after).checked_sub(before).unwrap_or(backup.down_at);
        }
    }

    /// Whether to answer an advert that changes nothing. The first of an interval are answered at once, whoever they come
    /// from; more are a flood, and whoever floods us would make us flood the others.
    fn answers(&mut self, now: Instant) -> bool {
        let current = self.answered.filter(|(since, _)| now.duration_since(*since) < self.interval);
        let (since, given) = current.unwrap_or((now, 0));
        self.answered = Some((since, given.saturating_add(1)));
        given < ANSWERS
    }

    /// Skew_Time: RFC 3768, 6.1 in version 2, where it does not depend on the interval; RFC 5798, 6.1 in version 3.
    fn skew(&self) -> Duration {
        let unit = if self.router.version == 2 { Duration::from_secs(1) } else { self.interval };
        unit * (256 - u32::from(self.effective)) / 256
    }

    /// Master_Down_Interval: how long a backup waits for adverts.
    pub fn down_time(&self) -> Duration {
        self.interval * u32::from(self.router.down_timer_adverts) + self.skew()
    }
}

/// All addresses of an instance in the order they are set.
fn addresses(router: &Router) -> Addresses {
    router.addresses.iter().chain(&router.excluded).cloned().collect()
}

/// Those of them that `garp_extra_if` announces.
fn extra(router: &Router) -> Addresses {
    router.addresses.iter().chain(&router.excluded).filter(|address| router.is_extra(address)).cloned().collect()
}
