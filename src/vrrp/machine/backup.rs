//! As backup: patience with the master.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::io::Effect;
use super::note::Note;
use super::{Heard, LOWEST, Machine, State};
use crate::bus::cause;
use crate::vrrp::ability::Ability;

/// What a backup keeps in mind.
#[derive(Debug)]
pub(super) struct Backup {
    /// When the master counts as gone.
    pub down_at: Instant,
    /// Of a member of a sync group: its master is gone, the group has not agreed yet.
    pub ready: bool,
    /// `preempt_delay`: until when a lower master is tolerated, since one was heard.
    tolerant_until: Option<Instant>,
    /// Who is master.
    master: Option<IpAddr>,
}

impl Backup {
    pub fn until(down_at: Instant) -> Self {
        Backup { down_at, ready: false, tolerant_until: None, master: None }
    }

    /// The one we gave way to.
    pub fn obeying(self, master: IpAddr) -> Self {
        Backup { master: Some(master), ..self }
    }
}

impl Machine {
    pub(super) fn hear_as_backup(&mut self, now: Instant, heard: Heard, out: &mut Vec<Effect>) {
        let (skew, effective) = (self.skew(), self.effective);
        let (nopreempt, delay) = self.patience_with(heard.priority);
        let State::Backup(backup) = &mut self.state else { return };
        if backup.master != Some(heard.source) {
            backup.master = Some(heard.source);
            out.push(Effect::Say(Note::MasterIs(heard.source)));
        }
        if heard.priority == 0 {
            out.push(Effect::Say(Note::ZeroAsBackup));
            backup.down_at = now + skew;
            return;
        }
        if heard.priority < effective && !nopreempt && !backup.tolerates(now, delay, out) {
            if self.answers(now) {
                out.push(Effect::Say(Note::Discarding { priority: heard.priority, source: heard.source }));
            }
            return;
        }
        if heard.priority >= effective && backup.tolerant_until.take().is_some() {
            out.push(Effect::Say(Note::PreemptDelayOver));
        }
        backup.ready = false;
        self.learn_interval(heard.interval, out);
        let down_time = self.down_time();
        if let State::Backup(backup) = &mut self.state {
            backup.down_at = now + down_time;
        }
    }

    /// `nopreempt` and `preempt_delay`: whether a master of that priority stays, be it the lower one, or for how long. One
    /// that has given up does not, where we have not: nobody would be served meanwhile.
    fn patience_with(&self, priority: u8) -> (bool, Duration) {
        match priority == LOWEST && self.condition.ability == Ability::Able {
            true => (false, Duration::ZERO),
            false => (self.router.nopreempt, self.router.preempt_delay),
        }
    }

    pub(super) fn tick_as_backup(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let (down_time, member) = (self.down_time(), self.is_member());
        let State::Backup(backup) = &mut self.state else { return };
        if now < backup.down_at {
            return;
        }
        out.push(Effect::Say(Note::Timeout));
        if member {
            backup.ready = true;
            backup.down_at = now + down_time;
            out.push(Effect::Ready);
        } else {
            self.become_master(now, cause::TIMEOUT, out);
        }
    }

    /// Version 3: a backup waits by the master's pace.
    pub(super) fn learn_interval(&mut self, interval: Duration, out: &mut Vec<Effect>) {
        if self.router.version == 3 && self.interval != interval {
            out.push(Effect::Say(Note::IntervalLearnt { from: self.interval, to: interval }));
            self.interval = interval;
        }
    }
}

impl Backup {
    /// Whether a lower master is left alone yet. The first advert of one starts `preempt_delay`.
    fn tolerates(&mut self, now: Instant, delay: Duration, out: &mut Vec<Effect>) -> bool {
        if delay.is_zero() {
            return false;
        }
        let until = *self.tolerant_until.get_or_insert_with(|| {
            out.push(Effect::Say(Note::PreemptDelay(delay)));
            now + delay
        });
        now < until
    }
}
