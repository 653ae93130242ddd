//! The worker: takes configurations from its master, runs the engine by them, and ends when told.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::table::value::Level;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Resource, Rlimit};

use super::Paths;
use super::account;
use super::config::{self, Config, Context};
use super::heartbeat::Heartbeat;
use super::layout;
use super::message::{FromWorker, Inbox, Manifest, ToWorker, address};
use super::orphan::Heritage;
use crate::bus::lease::BEAT;
use crate::bus::wire::Link;
use crate::host::bundle::{Bundle, unseal};
use crate::host::control::{self, Answer};
use crate::host::report;
use crate::log::nginx::{Files, Log, with_errno};
use crate::proxy::engine::Engine;
use crate::proxy::tls::accept;
use crate::proxy::tls::inventory::{self, Entry};
use crate::sys::process;
use crate::sys::signal::{self, Received, SignalFd};

const SIGNALS: [i32; 7] =
    [libc::SIGTERM, libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGWINCH];

/// Serves until the master, or a signal, ends it.
pub fn run(link: Link) -> ExitCode {
    process::set_name(c"nginx");
    let (Ok(signals), Ok((done, finished))) = (SignalFd::new(&SIGNALS), io::pipe()) else {
        return ExitCode::FAILURE;
    };
    let link = Arc::new(link);
    let (running, heartbeat, heritage, log, life) = (None, None, None, Log::default(), Life::Serving);
    let mut worker = Worker { link, orphaned: false, finished, running, heartbeat, heritage, log, life };
    let mut inbox = Inbox::default();
    while !matches!(worker.life, Life::Ended | Life::Failed) {
        let drained = worker.wait(&signals, &done);
        while let Some(received) = signals.next() {
            worker.heed(received);
        }
        match worker.orphaned {
            false => worker.read(&mut inbox),
            true => worker.bequeath(),
        }
        worker.beat();
        if drained {
            worker.life = Life::Ended;
        }
    }
    worker.leave()
}

#[derive(Debug)]
struct Worker {
    link: Arc<Link>,
    /// The master has died.
    orphaned: bool,
    /// Written to by the engine once nothing is left to serve.
    finished: io::PipeWriter,
    running: Option<Running>,
    /// Who wants to know whether this serves.
    heartbeat: Option<Heartbeat>,
    /// Where another master takes over when this one has died.
    heritage: Option<Heritage>,
    log: Log,
    life: Life,
}

/// The engine and what it runs by.
#[derive(Debug)]
struct Running {
    engine: Engine,
    generation: u64,
    config: Config,
    /// What it listens on, for another master.
    sockets: Vec<OwnedFd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Serving,
    Draining,
    Ended,
    /// As [`Life::Ended`], and another one would fare no better.
    Failed,
}

/// What came with [`ToWorker::Apply`].
struct Delivery {
    manifest: Manifest,
    bundle: Bundle,
    sockets: Vec<(Address, OwnedFd, Option<usize>)>,
    files: Files,
}

impl Worker {
    /// Waits until there is something to do, and says whether the engine has finished.
    fn wait(&self, signals: &SignalFd, done: &io::PipeReader) -> bool {
        let watch = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let master = match self.orphaned {
            false => Some(self.link.as_fd()),
            true => self.heritage.as_ref().map(Heritage::fd),
        };
        let mut fds = vec![watch(done.as_fd()), watch(signals.as_fd())];
        fds.extend(master.map(watch));
        let patience = Timespec { tv_sec: 0, tv_nsec: BEAT.subsec_nanos().into() };
        // An interrupted wait is as good as one that has ended.
        let _ = rustix::event::poll(&mut fds, self.heartbeat.as_ref().map(|_| &patience));
        fds.first().is_some_and(|done| !done.revents().is_empty())
    }

    fn heed(&mut self, Received { signal, sender }: Received) {
        let action = match signal {
            libc::SIGTERM | libc::SIGINT => ", exiting",
            libc::SIGQUIT => ", shutting down",
            libc::SIGUSR1 => ", reopening logs",
            _ => ", ignoring",
        };
        let text = format!("signal {signal} ({}) received from {sender}{action}", signal::name(signal));
        self.log.write(Level::Notice, &text);
        match signal {
            libc::SIGTERM | libc::SIGINT => self.terminate(),
            libc::SIGQUIT => self.quit(),
            libc::SIGUSR1 => self.reopen_own(),
            _ => {}
        }
    }

    /// Reads what the master says.
    fn read(&mut self, inbox: &mut Inbox) {
        loop {
            match inbox.next(&self.link) {
                Ok(Some((message, fds))) => self.take(message, fds),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(None) | Err(_) => return self.orphan(),
            }
        }
    }

    /// The master has died. Clients are served on; one that was being let go has only its clients to wait for. With
    /// `master_process off` there is one process to the outside, and it has been killed.
    fn orphan(&mut self) {
        self.orphaned = true;
        if self.running.as_ref().is_none_or(|running| !running.config.plan.main.core.master_process) {
            self.life = Life::Ended;
            return;
        }
        self.log.write(Level::Alert, "the master process has died, serving on until another one takes over");
    }

    /// Lets another master take over.
    fn bequeath(&mut self) {
        let (Some(heritage), Some(running)) = (&mut self.heritage, &self.running) else { return };
        if heritage.turn(&running.sockets) {
            self.quit();
        }
    }

    fn take(&mut self, message: ToWorker, fds: Vec<OwnedFd>) {
        match message {
            ToWorker::Fds => {}
            ToWorker::Apply => self.deliver(fds),
            ToWorker::Reopen => self.reopen(fds),
            ToWorker::Home => self.heritage = fds.into_iter().next().map(Heritage::new),
            ToWorker::Watched => self.watched(fds),
            ToWorker::Report => self.report(fds),
            ToWorker::Quit => self.quit(),
            ToWorker::Terminate => self.terminate(),
        }
    }

    fn report(&self, fds: Vec<OwnedFd>) {
        let (Some(running), Some(fd)) = (&self.running, fds.into_iter().next()) else { return };
        // Who has gone meanwhile needs no answer.
        let _ = control::hand_over(&Link::from_fd(fd), &Answer::Worker, &running.report());
    }

    fn tell(&self, message: &FromWorker) {
        // A master that has gone is noticed when its link is read.
        let _ = self.link.send(message, &[]);
    }

    fn deliver(&mut self, fds: Vec<OwnedFd>) {
        let Some(delivery) = Delivery::open(fds) else {
            return self.tell(&FromWorker::Refused(0, "a configuration came to the worker in pieces".to_owned()));
        };
        let generation = delivery.manifest.generation;
        self.heartbeat.iter().for_each(Heartbeat::pause);
        match self.apply(delivery) {
            Ok(()) => self.tell(&FromWorker::Applied(generation)),
            Err(text) => self.tell(&FromWorker::Refused(generation, text)),
        }
        if self.running.is_none() {
            // What cannot serve at all would only be started again and again.
            self.life = Life::Failed;
        }
    }

    fn apply(&mut self, delivery: Delivery) -> Result<(), String> {
        let Delivery { manifest, bundle, sockets, files } = delivery;
        let reading = config::read(&manifest.context(), bundle);
        let refusal = reading.lines.into_iter().rfind(|(level, _)| *level == Level::Emerg);
        let Some(config) = reading.config else {
            return Err(refusal.map_or("the worker cannot read the configuration".to_owned(), |(_, text)| text));
        };
        let log = Log::of(&config.plan.main.core.error_log, &files);
        if self.running.is_none() {
            become_worker(&config, &manifest, &log).map_err(|error| format!("the worker cannot start: {error}"))?;
        }
        let (plan, logs, generation) = (config.plan.clone(), descriptors(&files), manifest.generation);
        let drained = self.running.as_ref().map(|running| self.drained(running.generation));
        let copies = sockets.iter().filter_map(|(_, fd, _)| fd.try_clone().ok()).collect();
        match &mut self.running {
            Some(running) => {
                running.engine.apply(plan, sockets, logs, drained)?;
                (running.generation, running.config, running.sockets) = (generation, config, copies);
            }
            None => {
                let engine = Engine::start(config.threads);
                engine.apply(plan, sockets, logs, drained)?;
                self.running = Some(Running { engine, generation, config, sockets: copies });
            }
        }
        self.log = log;
        self.announce();
        Ok(())
    }

    fn watched(&mut self, fds: Vec<OwnedFd>) {
        let Some(running) = &self.running else { return };
        running.engine.watch();
        self.heartbeat = fds.into_iter().next().map(|fd| Heartbeat::new(Link::from_fd(fd)));
        self.announce();
    }

    /// Tells whoever watches what is served.
    fn announce(&mut self) {
        if let (Some(heartbeat), Some(running)) = (&self.heartbeat, &self.running) {
            heartbeat.serves(&running.config);
        }
    }

    /// Tells whoever watches that all is well, if it is.
    fn beat(&mut self) {
        let Some(running) = self.running.as_ref().filter(|_| self.life == Life::Serving) else { return };
        if running.engine.is_alive() {
            self.heartbeat.take_if(|heartbeat| !heartbeat.beat());
        }
    }

    /// Says that nothing uses a generation any more.
    fn drained(&self, generation: u64) -> Box<dyn FnOnce() + Send> {
        let link = self.link.clone();
        Box::new(move || drop(link.send(&FromWorker::Drained(generation), &[])))
    }

    fn reopen(&mut self, fds: Vec<OwnedFd>) {
        self.log.write(Level::Notice, "reopening logs");
        let mut fds = fds.into_iter();
        let paths = fds.next().and_then(|fd| unseal(fd).ok());
        let paths: Vec<PathBuf> = paths.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let files = paths.into_iter().zip(fds).map(|(path, fd)| (path, Arc::new(File::from(fd)))).collect();
        self.use_logs(&files);
    }

    /// USR1 sent to the worker itself: it opens what it may.
    fn reopen_own(&mut self) {
        let Some(running) = &self.running else { return };
        let open = |path: PathBuf| super::files::open_log(&path).ok().map(|file| (path, file));
        let files: Files = super::files::log_paths(&running.config.plan).into_iter().filter_map(open).collect();
        self.use_logs(&files);
    }

    fn use_logs(&mut self, files: &Files) {
        let Some(running) = &self.running else { return };
        self.log = Log::of(&running.config.plan.main.core.error_log, files);
        running.engine.reopen(descriptors(files));
    }

    fn quit(&mut self) {
        if self.life != Life::Serving {
            return;
        }
        self.log.write(Level::Notice, "gracefully shutting down");
        self.life = Life::Draining;
        self.leave_watch();
        if let Some(running) = &mut self.running {
            running.sockets.clear();
        }
        match (&self.running, self.finished.try_clone()) {
            (Some(running), Ok(finished)) => {
                running.engine.drain(Box::new(move || drop(io::Write::write(&mut &finished, b"1"))))
            }
            _ => self.life = Life::Ended,
        }
    }

    fn terminate(&mut self) {
        if self.life == Life::Serving {
            self.leave_watch();
        }
        self.life = Life::Ended;
    }

    fn leave_watch(&self) {
        self.heartbeat.iter().for_each(Heartbeat::leave);
    }

    fn leave(self) -> ExitCode {
        if self.life == Life::Failed {
            return ExitCode::from(2);
        }
        self.log.write(Level::Notice, "exiting");
        if let Some(running) = &self.running {
            running.engine.flush();
        }
        self.log.write(Level::Notice, "exit");
        ExitCode::SUCCESS
    }
}

impl Running {
    fn report(&self) -> report::Worker {
        let stats = self.engine.stats();
        let upstreams = self.engine.upstreams().into_iter();
        report::Worker {
            upstreams: upstreams.map(|(name, peers)| report::Upstream { name, peers }).collect(),
            connections: stats.active,
            requests: stats.requests,
            floods: self.engine.floods().map(|(of, connections)| report::Flood { of, connections }).collect(),
            certificates: self.engine.certificates().iter().filter_map(certificate).collect(),
        }
    }
}

/// A certificate as status shows it.
fn certificate(entry: &Entry) -> Option<report::Certificate> {
    let chain = entry.certificates();
    let days = chain.iter().map(|cert| inventory::days_left(cert, accept::now())).min()?;
    Some(report::Certificate { file: entry.shown(), names: inventory::names(chain.first()?), days })
}

impl Delivery {
    fn open(fds: Vec<OwnedFd>) -> Option<Self> {
        let mut fds = fds.into_iter();
        let bundle = Bundle::open(fds.next()?).ok()?;
        let manifest: Manifest = serde_json::from_slice(&unseal(fds.next()?).ok()?).ok()?;
        if fds.len() != manifest.sockets.len() + manifest.logs.len() {
            return None;
        }
        let socket = |(text, thread): &(String, Option<usize>)| Some((address(text)?, fds.next()?, *thread));
        let sockets = manifest.sockets.iter().map(socket).collect::<Option<_>>()?;
        let files = manifest.logs.iter().cloned().zip(fds.map(|fd| Arc::new(File::from(fd)))).collect();
        Some(Delivery { manifest, bundle, sockets, files })
    }
}

impl Manifest {
    fn context(&self) -> Context {
        let layout = if self.debian { &layout::DEBIAN } else { &layout::PLAIN };
        let (prefix, conf, error_log) = (self.prefix.clone(), self.conf.clone(), self.error_log.clone());
        let paths = Paths { layout, prefix, conf, error_log };
        Context { paths, globals: self.globals.clone(), privileged: self.privileged }
    }
}

fn descriptors(files: &Files) -> HashMap<PathBuf, OwnedFd> {
    // A process that cannot have one more descriptor keeps the log it has.
    let copy = |(path, file): (&PathBuf, &Arc<File>)| Some((path.clone(), file.try_clone().ok()?.into()));
    files.iter().filter_map(copy).collect()
}

/// What a worker does to its process before it serves: limits and priority while it may, then the user, for good.
fn become_worker(config: &Config, manifest: &Manifest, log: &Log) -> io::Result<()> {
    let core = &config.plan.main.core;
    if core.worker_priority.0 != 0 {
        let priority = core.worker_priority.0.clamp(-20, 19) as i32;
        if let Err(error) = rustix::process::setpriority_process(None, priority) {
            log.write(Level::Alert, &with_errno(&format!("setpriority({priority}) failed"), &error.into()));
        }
    }
    if let Some(files) = core.worker_rlimit_nofile {
        let limit = Rlimit { current: Some(files.0), maximum: Some(files.0) };
        if let Err(error) = rustix::process::setrlimit(Resource::Nofile, limit) {
            log.write(
                Level::Alert,
                &with_errno(&format!("setrlimit(RLIMIT_NOFILE, {}) failed", files.0), &error.into()),
            );
        }
    }
    if let Some(account) = config.account.as_ref().filter(|_| manifest.privileged) {
        account::drop_privileges(account, log)?;
    }
    if let Some(dir) = &core.working_directory
        && let Err(error) = std::env::set_current_dir(dir)
    {
        log.write(Level::Alert, &with_errno(&format!("chdir(\"{dir}\") failed"), &error));
    }
    Ok(())
}
