//! A child process of keepalived's: takes its configuration from the parent, runs its engine, and passes facts, orders and
//! signals between the two.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use tokio::io::Interest;
use tokio::sync::mpsc;
use tracing::{error, info};

use super::desk::{Desk, read};
use super::message::{Settings, ToChild};
use super::urgency;
use crate::bus::wire::Link;
use crate::bus::{Exit, Fact, Input, Publisher, Role};
use crate::host::pidfile::PidFile;
use crate::log::keepalived as log;
use crate::plan::Plans;
use crate::sys::process;
use crate::sys::signal::SignalFd;
use crate::sys::socket::watch;
use crate::{agent, check, lvs, vrrp};

/// How many inputs may wait for an engine.
const INPUTS: usize = 64;

const SIGNALS: [i32; 5] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2];

/// Runs a role until the parent, or a signal, ends it.
pub fn run(role: Role, link: Link) -> ExitCode {
    process::set_name(c"keepalived");
    process::end_with_parent(true);
    let Ok(signals) = SignalFd::new(&SIGNALS) else { return ExitCode::FAILURE };
    let Some((settings, bundle)) = first(&link) else { return ExitCode::FAILURE };
    log::init(settings.log_options(role));
    let Some(mut plans) = read(role, &settings, bundle) else { return ExitCode::from(2) };
    plans.vrrp.legacy = settings.legacy.clone();
    plans.check.said.clone_from(&settings.said);
    if role == Role::Vrrp {
        urgency::take(&plans.vrrp.global.process);
    }
    if role == Role::Checkers {
        urgency::take_as_told(&plans.check.global.checkers);
    }
    let _pid = settings.pid.as_deref().map(PidFile::create);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            error!("cannot start: {cause}");
            return ExitCode::FAILURE;
        }
    };
    code(runtime.block_on(serve(role, plans, link, settings, signals)))
}

/// What the parent says first.
fn first(link: &Link) -> Option<(Settings, OwnedFd)> {
    link.wait().ok()?;
    match link.receive().ok()?? {
        (ToChild::Run(settings), fds) => Some((settings, fds.into_iter().next()?)),
        _ => None,
    }
}

fn code(exit: Exit) -> ExitCode {
    let (code, text) = match exit {
        Exit::Done => return ExitCode::SUCCESS,
        Exit::Fatal(text) => (1, text),
        Exit::Config(text) => (2, text),
        Exit::NoPermission(text) => (4, text),
    };
    if !text.is_empty() {
        info!("{text}");
    }
    ExitCode::from(code)
}

async fn serve(role: Role, plans: Plans, link: Link, settings: Settings, signals: SignalFd) -> Exit {
    let (facts, said) = Publisher::new();
    let channels = Channels { link, signals, said, settings, role };
    match role {
        Role::Vrrp => {
            let (input, inputs) = mpsc::channel(INPUTS);
            let engine = vrrp::run(plans.vrrp, inputs, facts);
            channels.run(engine, vec![input], |plans| plans.vrrp).await
        }
        Role::Checkers => {
            let (checks, check_inputs) = mpsc::channel(INPUTS);
            let (balancing, lvs_inputs) = mpsc::channel(INPUTS);
            let check = check::run(plans.check.clone(), check_inputs, facts);
            let lvs = lvs::run(plans.check, lvs_inputs);
            channels.run(both(check, lvs), vec![checks, balancing], |plans| plans.check).await
        }
        _ => {
            let (input, inputs) = mpsc::channel(INPUTS);
            let engine = agent::run(plans.agent, inputs, facts);
            channels.run(engine, vec![input], |plans| plans.agent).await
        }
    }
}

/// Everything that leads into the process or out of it.
struct Channels {
    link: Link,
    signals: SignalFd,
    said: mpsc::UnboundedReceiver<Fact>,
    settings: Settings,
    role: Role,
}

impl Channels {
    async fn run<P: Clone>(
        self,
        engine: impl Future<Output = Exit>,
        inputs: Vec<mpsc::Sender<Input<P>>>,
        cut: fn(Plans) -> P,
    ) -> Exit {
        match self.desk(inputs, cut) {
            Ok(desk) => desk.run(engine).await,
            Err(cause) => Exit::Fatal(format!("cannot start: {cause}")),
        }
    }

    fn desk<P>(self, inputs: Vec<mpsc::Sender<Input<P>>>, cut: fn(Plans) -> P) -> io::Result<Desk<P>> {
        let link = watch(self.link, Interest::READABLE | Interest::WRITABLE)?;
        let signals = watch(self.signals, Interest::READABLE)?;
        let Channels { said, settings, role, .. } = self;
        Ok(Desk { link, signals, said, inputs, cut, settings, role, out: VecDeque::new(), linked: true })
    }
}

/// Two engines that end together; one that fails ends both.
async fn both(one: impl Future<Output = Exit>, other: impl Future<Output = Exit>) -> Exit {
    let fail = |exit| if exit == Exit::Done { Ok(()) } else { Err(exit) };
    match tokio::try_join!(async { fail(one.await) }, async { fail(other.await) }) {
        Ok(_) => Exit::Done,
        Err(exit) => exit,
    }
}
