//! Those who come to the master's place under `/run/rkeep`: what they are shown, and a reload whose end they are told.

use std::os::fd::AsFd;

use rkeep_parsers::table::value::Level;

use super::{Life, Master};

use crate::host::control::{self, Answer, NGINX, Order, Reading};
use crate::host::nginx::layout;
use crate::host::nginx::message::{ToWorker, send};
use crate::host::notify::{self, State};
use crate::host::{meet, report};

impl Master {
    /// Lets them in. A master that is not root meets nobody.
    pub(super) fn open_control(&mut self) {
        let place = meet::numbered(NGINX, &self.resources.config.pid);
        if let Err(error) = self.guests.open(&place) {
            self.log(Level::Info, &format!("rkeep status and rkeep reload will not find this master ({error})"));
        }
    }

    /// Does what they say.
    pub(super) fn hear_guests(&mut self) {
        for (guest, order) in self.guests.hear() {
            match order {
                Some(Order::Report) => self.report(guest),
                Some(Order::Configuration) => self.show(guest),
                Some(Order::Reload) => self.reload_for(guest),
                Some(_) => self.answer(guest, &Answer::Refused("nginx has no addresses to give".to_owned())),
                None => self.asking.retain(|asking| *asking != guest),
            }
        }
    }

    fn answer(&self, guest: u64, answer: &Answer) {
        control::answer(&self.guests, guest, answer);
    }

    /// A worker answers by itself, so that one that hangs keeps nobody else waiting.
    fn report(&self, guest: u64) {
        let Some(link) = self.guests.link(guest) else { return };
        // Who has gone meanwhile needs no answer.
        let _ = control::hand_over(link, &Answer::Report, &self.state());
        if let Some(worker) = self.workers.iter().find(|worker| !worker.leaving) {
            let _ = send(&worker.link, &ToWorker::Report, &[link.as_fd()]);
        }
    }

    fn state(&self) -> report::Nginx {
        let process = |worker: &super::Worker| report::Process {
            role: "worker".to_owned(),
            pid: worker.pid,
            seconds: worker.since.elapsed().as_secs(),
            leaving: worker.leaving,
        };
        let sockets = self.resources.manifest(&self.wish).sockets.into_iter().map(|(address, _)| address);
        let mut listeners: Vec<String> = sockets.collect();
        // `reuseport` has several of one address.
        listeners.dedup();
        report::Nginx {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id() as i32,
            conf: self.wish.paths.conf.clone(),
            generation: self.resources.generation,
            processes: self.workers.iter().map(process).collect(),
            listeners,
            worker: None,
        }
    }

    fn show(&self, guest: u64) {
        let Some(link) = self.guests.link(guest) else { return };
        let paths = &self.wish.paths;
        let reading = Reading {
            prefix: paths.prefix.clone(),
            conf: paths.conf.clone(),
            error_log: paths.error_log.clone(),
            debian: paths.layout == &layout::DEBIAN,
            globals: self.wish.globals.clone(),
            config_id: String::new(),
        };
        let sent = self
            .resources
            .config
            .bundle
            .seal()
            .and_then(|sealed| link.send(&Answer::Configuration(reading), &[sealed.as_fd()]));
        if let Err(error) = sent {
            self.answer(guest, &Answer::Refused(format!("the configuration cannot be shown: {error}")));
        }
    }

    fn reload_for(&mut self, guest: u64) {
        if self.relatives.successor.is_some() || matches!(self.life, Life::Quitting | Life::Terminating(_)) {
            return self.answer(guest, &Answer::Refused("this master is about to end".to_owned()));
        }
        self.asking.push(guest);
        self.reload();
    }

    /// A reload is over. Whoever waits learns how the last of those that were asked for has ended.
    pub(super) fn reloaded(&mut self, outcome: Result<(), String>) {
        notify::say(State::Ready);
        if std::mem::take(&mut self.again) {
            return self.reload();
        }
        let answer = match outcome {
            Ok(()) => Answer::Done(self.resources.generation),
            Err(text) => Answer::Refused(text),
        };
        for guest in std::mem::take(&mut self.asking) {
            self.answer(guest, &answer);
        }
    }
}
