//! What passes through a child process while its engine runs: orders and facts from the parent to the engine, facts from
//! the engine to the parent, signals.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use rkeep_parsers::ir::Ir;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use super::config;
use super::message::{FromChild, Settings, ToChild};
use crate::bus::lease::BEAT;
use crate::bus::wire::Link;
use crate::bus::{Exit, Fact, Input, Role};
use crate::host::bundle::Bundle;
use crate::plan::{self, Plans};
use crate::sys::process;
use crate::sys::signal::{Received, SignalFd};

/// The plans of what a bundle holds; none when the process that reads it would exit.
pub fn read(role: Role, settings: &Settings, bundle: OwnedFd) -> Option<Plans> {
    let bundle = match Bundle::open(bundle) {
        Ok(bundle) => bundle,
        Err(cause) => {
            error!("cannot read the configuration that the parent has handed over: {cause}");
            return None;
        }
    };
    let mut ir: Ir = config::read_for(role, &settings.pattern, &settings.config_id, &bundle)?;
    for router in ir.routers.values_mut() {
        router.follows_service &= settings.follow_service;
    }
    Some(plan::cut(ir))
}

/// Everything a desk works with.
pub struct Desk<P> {
    /// To the parent.
    pub link: AsyncFd<Link>,
    /// From everybody.
    pub signals: AsyncFd<SignalFd>,
    /// What the engines say.
    pub said: mpsc::UnboundedReceiver<Fact>,
    /// To the engines. The first is the one that says facts; the others hear them as well.
    pub inputs: Vec<mpsc::Sender<Input<P>>>,
    /// Which plan they run by.
    pub cut: fn(Plans) -> P,
    /// What the parent said first.
    pub settings: Settings,
    /// What this process does.
    pub role: Role,
    /// What waits to be sent to the parent.
    pub out: VecDeque<FromChild>,
    /// The parent may still say something.
    pub linked: bool,
}

/// Whether an engine is to be left without being told.
enum Turn {
    On,
    Leave,
}

impl<P: Clone> Desk<P> {
    /// Runs an engine to its end, with all that it is told and says.
    pub async fn run(mut self, engine: impl Future<Output = Exit>) -> Exit {
        self.out.push_back(FromChild::Ready);
        let exit = tokio::select! {
            exit = engine => exit,
            () = self.work() => Exit::Done,
        };
        while let Ok(fact) = self.said.try_recv() {
            self.out.push_back(FromChild::Fact(fact));
        }
        // A parent that does not read now has gone or will not miss it.
        self.flush();
        exit
    }

    /// Works until the engine is to be left.
    async fn work(&mut self) {
        let mut pulse = tokio::time::interval(BEAT);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let waiting = !self.out.is_empty();
            let turn = tokio::select! {
                _ = pulse.tick(), if self.role == Role::Checkers && self.linked && !waiting => {
                    self.out.push_back(FromChild::Alive);
                    self.flush();
                    Turn::On
                }
                Some(fact) = self.said.recv() => self.pass_on(fact).await,
                ready = self.link.readable(), if self.linked => {
                    ready.into_iter().for_each(|mut ready| ready.retain_ready());
                    self.listen().await
                }
                ready = self.link.writable(), if waiting && self.linked => {
                    ready.into_iter().for_each(|mut ready| ready.retain_ready());
                    self.flush();
                    Turn::On
                }
                ready = self.signals.readable() => {
                    ready.into_iter().for_each(|mut ready| ready.clear_ready());
                    self.heed().await
                }
            };
            if matches!(turn, Turn::Leave) {
                return;
            }
        }
    }

    /// Tells the parent, and the engines beside the one that said it.
    async fn pass_on(&mut self, fact: Fact) -> Turn {
        for input in self.inputs.iter().skip(1) {
            // An engine that has ended needs no facts.
            let _ = input.send(Input::Fact(fact.clone())).await;
        }
        self.out.push_back(FromChild::Fact(fact));
        self.flush();
        Turn::On
    }

    /// Sends what waits, as far as the parent reads.
    fn flush(&mut self) {
        while let Some(message) = self.out.front() {
            let sent = self.link.try_io(Interest::WRITABLE, |link| link.send(message, &[]));
            if sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                return;
            }
            self.out.pop_front();
        }
    }

    /// Reads what the parent says.
    async fn listen(&mut self) -> Turn {
        loop {
            let read = self.link.try_io(Interest::READABLE, |link| link.receive::<ToChild>());
            let turn = match read {
                Ok(Some((message, fds))) => self.take(message, fds).await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::On,
                // Nothing more comes; the engine ends in its own time.
                Ok(None) | Err(_) => {
                    self.linked = false;
                    return self.stop().await;
                }
            };
            if matches!(turn, Turn::Leave) {
                return turn;
            }
        }
    }

    async fn take(&mut self, message: ToChild, fds: Vec<OwnedFd>) -> Turn {
        match message {
            ToChild::Run(_) => {}
            ToChild::Reload => self.reload(fds).await,
            ToChild::Fact(fact) => self.tell(Input::Fact(fact)).await,
            ToChild::Dump => self.tell(Input::Dump).await,
            ToChild::Json => self.tell(Input::Json).await,
            ToChild::Stats { clear } => self.tell(Input::Stats { clear }).await,
            ToChild::Hold(hold) => self.hold(hold).await,
            ToChild::Stop => return self.stop().await,
        }
        Turn::On
    }

    async fn tell(&self, input: Input<P>) {
        for engine in &self.inputs {
            // An engine that has ended is noticed by its exit.
            let _ = engine.send(input.clone()).await;
        }
    }

    /// Whoever carries connections outlives the parent when another keepalived follows, and is no keepalived any more then:
    /// nobody shall take it for a second one.
    async fn hold(&self, hold: bool) {
        if self.role == Role::Checkers {
            process::set_name(if hold { c"finishing" } else { c"keepalived" });
            process::end_with_parent(!hold);
        }
        self.tell(Input::Hold(hold)).await;
    }

    async fn reload(&mut self, fds: Vec<OwnedFd>) {
        if self.role != Role::Agent {
            info!("Reloading");
        }
        match fds.into_iter().next().and_then(|bundle| read(self.role, &self.settings, bundle)) {
            Some(plans) => self.tell(Input::Reload((self.cut)(plans))).await,
            None => warn!("the new configuration cannot be run; the old one stays"),
        }
        self.out.push_back(FromChild::Reloaded);
        self.flush();
    }

    /// With `-V` the speaker goes without a word: no last advert, and its addresses stay.
    async fn stop(&mut self) -> Turn {
        if self.role == Role::Vrrp && self.settings.keep_vips {
            return Turn::Leave;
        }
        self.tell(Input::Stop).await;
        Turn::On
    }

    async fn heed(&mut self) -> Turn {
        while let Some(Received { signal, .. }) = self.signals.get_ref().next() {
            let turn = match signal {
                libc::SIGTERM | libc::SIGINT => self.stop().await,
                libc::SIGUSR1 => {
                    self.tell(Input::Dump).await;
                    Turn::On
                }
                libc::SIGUSR2 => {
                    self.tell(Input::Stats { clear: false }).await;
                    Turn::On
                }
                // The parent reloads; its children follow.
                _ => Turn::On,
            };
            if matches!(turn, Turn::Leave) {
                return turn;
            }
        }
        Turn::On
    }
}
