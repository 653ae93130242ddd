//! As master: adverts, announcements, and the question who else thinks he is.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::route::Paths;
use rkeep_parsers::ir::vrrp::ExtraGarp;

use super::backup::Backup;
use super::io::Effect;
use super::note::Note;
use super::{ANSWERS, Heard, Machine, OWNER, State};
use crate::bus::Verdict;

/// What a master keeps in mind.
#[derive(Debug)]
pub(super) struct Master {
    /// When the next advert is due.
    advert_at: Instant,
    /// `garp_master_delay`: the second burst of announcements.
    burst_at: Option<Instant>,
    /// `garp_master_refresh`: the next of the regular ones.
    refresh_at: Option<Instant>,
    /// `garp_extra_if`: the next of those on other interfaces.
    extra_at: Option<Instant>,
    /// `garp_lower_prio_delay`: the second burst after somebody lower was heard.
    insist_at: Option<Instant>,
}

impl Master {
    pub fn deadline(&self) -> Instant {
        [self.burst_at, self.refresh_at, self.extra_at, self.insist_at]
            .into_iter()
            .flatten()
            .fold(self.advert_at, Instant::min)
    }
}

impl Machine {
    /// Advert, addresses, announcements: in this order, so that the old master has left before hosts learn our address.
    pub(super) fn become_master(&mut self, now: Instant, cause: &'static str, out: &mut Vec<Effect>) {
        out.push(Effect::Say(Note::Master));
        self.own_interval(out);
        self.stats.became_master += 1;
        self.advertise(self.effective, out);
        self.say_addresses(Note::Setting, Note::SettingExcluded, out);
        out.push(Effect::Add(self.addresses.clone()));
        self.lead(&self.router.paths, true, out);
        self.announce(self.router.garp_repeat, out);
        self.state = State::Master(Master {
            advert_at: now + self.interval,
            burst_at: later(now, self.router.garp_delay),
            refresh_at: later(now, self.router.garp_refresh),
            extra_at: self.router.speech.extra_garp.map(|extra| now + extra.every),
            insist_at: None,
        });
        out.push(Effect::Became { verdict: Verdict::Master, cause });
    }

    /// Lets go of the addresses if master, with a good-bye to the peers or without.
    pub(super) fn release(&mut self, goodbye: bool, out: &mut Vec<Effect>) {
        if !matches!(self.state, State::Master(_)) {
            return;
        }
        if goodbye {
            self.resign(out);
        }
        self.stats.released_master += 1;
        self.remove(out);
    }

    /// Removes all addresses.
    pub(super) fn remove(&self, out: &mut Vec<Effect>) {
        self.say_addresses(Note::Removing, Note::RemovingExcluded, out);
        self.lead(&self.router.paths, false, out);
        out.push(Effect::Remove(self.addresses.clone()));
    }

    /// Routes and rules follow the addresses, and go before them.
    pub(super) fn lead(&self, paths: &Arc<Paths>, set: bool, out: &mut Vec<Effect>) {
        if **paths != Paths::default() {
            out.push(Effect::Lead(paths.clone(), set));
        }
    }

    fn say_addresses(&self, note: Note, excluded: Note, out: &mut Vec<Effect>) {
        out.push(Effect::Say(note));
        if !self.router.excluded.is_empty() {
            out.push(Effect::Say(excluded));
        }
    }

    /// Says good-bye, so that a backup takes over after its skew.
    pub(super) fn resign(&mut self, out: &mut Vec<Effect>) {
        self.advertise(0, out);
        self.stats.zero_sent += 1;
        out.push(Effect::Say(Note::SentZero));
    }

    pub(super) fn hear_as_master(&mut self, now: Instant, heard: Heard, out: &mut Vec<Effect>) {
        if heard.priority == 0 {
            if self.answers(now) {
                out.push(Effect::Say(Note::ZeroAsMaster));
                self.advertise_now(now, out);
            } else if let State::Master(master) = &mut self.state {
                // The others would take it for ours.
                master.hasten(now, self.interval / ANSWERS);
            }
            return;
        }
        if heard.priority == OWNER && self.effective == OWNER {
            out.push(Effect::Say(Note::TwoOwners));
            self.router.priority = OWNER - 1;
            self.effective = self.effective_priority();
        }
        let ours = self.effective;
        let (priority, source) = (heard.priority, heard.source);
        // Who has no address of his own gives way to anybody's.
        let by_address = self.source.map_or(Ordering::Greater, |own| source.cmp(&own));
        match (priority.cmp(&ours), by_address) {
            (Ordering::Greater, _) => self.give_way(now, heard, Note::Higher { priority, source, ours }, out),
            (Ordering::Equal, Ordering::Greater) => {
                self.give_way(now, heard, Note::HigherAddress { priority, source }, out)
            }
            // Insisting would start an endless exchange: he would insist too.
            _ if !self.answers(now) => {}
            (Ordering::Equal, Ordering::Equal) => out.push(Effect::Say(Note::OurAddress)),
            _ => self.insist(now, Note::Lower { priority, source, ours }, out),
        }
    }

    pub(super) fn tick_as_master(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let (interval, refresh) = (self.interval, self.router.garp_refresh);
        let extra_garp = self.router.speech.extra_garp;
        let State::Master(master) = &mut self.state else { return };
        let advert = now >= master.advert_at;
        if advert {
            // On time means on the beat; a beat that was missed altogether starts anew.
            let beat = master.advert_at + interval;
            master.advert_at = if beat > now { beat } else { now + interval };
        }
        let burst = take_due(&mut master.burst_at, now);
        let insist = take_due(&mut master.insist_at, now);
        let refreshed = take_due(&mut master.refresh_at, now);
        if refreshed {
            master.refresh_at = later(now, refresh);
        }
        let extra = take_due(&mut master.extra_at, now);
        if extra {
            master.repeat_extra(now, extra_garp);
        }
        if advert {
            self.advertise(self.effective, out);
        }
        for (due, repeat) in [
            (burst, self.router.garp_repeat),
            (insist, self.router.garp_lower_prio_repeat),
            (refreshed, self.router.garp_refresh_repeat),
        ] {
            if due {
                self.announce(repeat, out);
            }
        }
        if extra && !self.extra.is_empty() {
            out.push(Effect::Announce(self.extra.clone(), 1));
        }
    }

    /// An advert out of turn; the next one comes an interval later.
    pub(super) fn advertise_now(&mut self, now: Instant, out: &mut Vec<Effect>) {
        self.advertise(self.effective, out);
        let interval = self.interval;
        if let State::Master(master) = &mut self.state {
            master.advert_at = now + interval;
        }
    }

    pub(super) fn announce(&self, repeat: u32, out: &mut Vec<Effect>) {
        if repeat > 0 {
            out.push(Effect::Announce(self.addresses.clone(), repeat));
        }
    }

    fn advertise(&mut self, priority: u8, out: &mut Vec<Effect>) {
        self.stats.sent += 1;
        out.push(Effect::Advert(priority));
    }

    fn give_way(&mut self, now: Instant, heard: Heard, note: Note, out: &mut Vec<Effect>) {
        out.push(Effect::Say(note));
        if self.router.higher_prio_send_advert {
            self.advertise(self.effective, out);
        }
        self.learn_interval(heard.interval, out);
        self.become_backup(Backup::until(now + self.down_time()).obeying(heard.source), "higher-priority", false, out);
    }

    fn insist(&mut self, now: Instant, note: Note, out: &mut Vec<Effect>) {
        out.push(Effect::Say(note));
        if !self.router.lower_prio_no_advert {
            self.advertise_now(now, out);
        }
        self.announce(self.router.garp_lower_prio_repeat, out);
        let delay = self.router.garp_lower_prio_delay;
        if let State::Master(master) = &mut self.state {
            master.insist_at = later(now, delay);
        }
    }

    /// Version 3: a master goes at its own pace.
    fn own_interval(&mut self, out: &mut Vec<Effect>) {
        let (from, to) = (self.interval, self.router.advert_interval);
        if from != to {
            out.push(Effect::Say(Note::IntervalOwn { from, to }));
            self.interval = to;
        }
    }
}

/// A moment `after` from now; never where that is zero, which means "not at all".
fn later(now: Instant, after: Duration) -> Option<Instant> {
    (!after.is_zero()).then(|| now + after)
}

fn take_due(at: &mut Option<Instant>, now: Instant) -> bool {
    at.take_if(|at| *at <= now).is_some()
}

/// What a reload may change of a running master.
impl Master {
    pub fn hasten(&mut self, now: Instant, interval: Duration) {
        self.advert_at = self.advert_at.min(now + interval);
    }

    pub fn refresh(&mut self, now: Instant, refresh: Duration) {
        self.refresh_at = later(now, refresh);
    }

    pub fn repeat_extra(&mut self, now: Instant, extra: Option<ExtraGarp>) {
        self.extra_at = extra.map(|extra| now + extra.every);
    }
}
