//! A worker thread: a runtime of its own that accepts and serves.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::table::value::Level;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};

use super::clock;
use super::connection::Connection;
use super::drive;
use super::engine::{Command, OnDrop, Shared};
use super::errorlog::os_error;
use super::flood::Flood;
use super::io::{Listener, Peer, Stream};
use super::logfile;
use super::phases::access::is_whom;
use super::pulse;
use super::stats::Stats;
use super::thread::Thread;
use super::tls::TlsStream;
use super::upstream::Named;

/// How long a thread waits before it accepts again after the system refused.
const PAUSE: Duration = Duration::from_millis(500);

/// How exactly `flush=` of logs is kept.
const TICK: Duration = Duration::from_millis(50);

/// Starts a thread; it ends when nobody can command it any more.
pub fn spawn(shared: Arc<Shared>, index: usize) -> mpsc::UnboundedSender<Command> {
    let (sender, commands) = mpsc::unbounded_channel();
    let started = std::thread::Builder::new().name("nginx".to_owned()).spawn(move || {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().event_interval(61);
        builder.on_thread_park(logfile::write_gathered).on_thread_unpark(clock::waited);
        let runtime = builder.build_local(LocalOptions::default());
        if let Ok(runtime) = runtime {
            runtime.block_on(run(shared, index, commands));
        }
    });
    // Without the thread the channel is closed, and commands to it do nothing.
    drop(started);
    sender
}

async fn run(shared: Arc<Shared>, index: usize, mut commands: mpsc::UnboundedReceiver<Command>) {
    let thread = Rc::new(Thread::new(shared.clone()));
    let mut listening = Vec::new();
    let mut clock = None;
    let mut beating = None;
    let mut asking = Vec::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen(sockets) => {
                stop(&mut listening);
                listening = sockets.into_iter().filter_map(|(address, fd)| listen(&thread, address, fd)).collect();
                keep_time(&thread, &mut clock);
                stop(&mut asking);
                // One thread asks for all.
                if index == 0 {
                    asking = ask_for_names(&thread);
                }
            }
            Command::Expire(generation, patience) => {
                let thread = thread.clone();
                spawn_local(async move {
                    tokio::time::sleep(patience).await;
                    thread.expire(generation);
                });
            }
            Command::Beat => {
                beating.get_or_insert_with(|| spawn_local(beat(shared.clone(), index)));
            }
            Command::Drain(guard) => {
                stop(&mut listening);
                thread.drain();
                spawn_local(wait_for_end(thread.clone(), guard));
            }
        }
    }
}

async fn beat(shared: Arc<Shared>, index: usize) {
    loop {
        shared.pulse.beat(index);
        tokio::time::sleep(pulse::EVERY).await;
    }
}

/// Writes buffered log lines whose time has come; there is a clock only while a log asks for one.
fn keep_time(thread: &Rc<Thread>, clock: &mut Option<JoinHandle<()>>) {
    let wanted = thread.snapshot().is_some_and(|snapshot| snapshot.has_timed_logs());
    match clock {
        None if wanted => {
            let thread = thread.clone();
            *clock = Some(spawn_local(async move {
                loop {
                    tokio::time::sleep(TICK).await;
                    thread.tick_logs();
                }
            }));
        }
        Some(task) if !wanted => {
            task.abort();
            *clock = None;
        }
        _ => {}
    }
}

/// Begins to ask for names of upstreams' servers.
fn ask_for_names(thread: &Rc<Thread>) -> Vec<JoinHandle<()>> {
    let Some(snapshot) = thread.snapshot() else { return Vec::new() };
    let watch = |named: &Arc<Named>| {
        let thread = thread.clone();
        named.watch(move |text| thread.log(Level::Error, text))
    };
    snapshot.upstreams.named().flat_map(watch).collect()
}

fn stop(listening: &mut Vec<JoinHandle<()>>) {
    listening.drain(..).for_each(|task| task.abort());
}

async fn wait_for_end(thread: Rc<Thread>, guard: Arc<OnDrop>) {
    let patience = thread.snapshot().map(|it| it.plan.main.core.worker_shutdown_timeout.duration());
    let patience = patience.filter(|patience| !patience.is_zero());
    let end = patience.map(|patience| tokio::time::Instant::now() + patience);
    while thread.connections() > 0 {
        if end.is_some_and(|end| tokio::time::Instant::now() >= end) {
            thread.expire(u64::MAX);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(guard);
}

fn listen(thread: &Rc<Thread>, address: Address, fd: OwnedFd) -> Option<JoinHandle<()>> {
    match Listener::from_fd(&address, fd) {
        Ok(listener) => Some(spawn_local(accept(thread.clone(), address, listener))),
        Err(error) => {
            thread.log(Level::Alert, &format!("cannot listen ({})", os_error(&error)));
            None
        }
    }
}

async fn accept(thread: Rc<Thread>, address: Address, listener: Listener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => begin(&thread, &address, stream, peer),
            Err(error) => refused(&thread, &error).await,
        }
    }
}

/// Accepting failed: where descriptors or memory are short, the client waits in the queue for a while.
async fn refused(thread: &Thread, error: &io::Error) {
    let code = error.raw_os_error();
    let level = match code {
        Some(libc::ECONNABORTED) => Level::Error,
        Some(libc::EMFILE | libc::ENFILE) => Level::Crit,
        _ => Level::Alert,
    };
    thread.log(level, &format!("accept4() failed ({})", os_error(error)));
    if code != Some(libc::ECONNABORTED) {
        tokio::time::sleep(PAUSE).await;
    }
}

fn begin(thread: &Rc<Thread>, address: &Address, stream: Stream, peer: Peer) {
    let stats = thread.stats();
    stats.accepted.fetch_add(1, Relaxed);
    let Some(snapshot) = thread.snapshot() else { return };
    let limit = snapshot.plan.main.events.worker_connections.0;
    if limit != 0 && thread.connections() as u64 >= limit {
        stats.flooded(Flood::Connections);
        thread.log(Level::Alert, &format!("{limit} worker_connections are not enough"));
        return;
    }
    stats.handled.fetch_add(1, Relaxed);
    let number = thread.next_number();
    let stream =
        if snapshot.begins_with_tls(address, &stream) { Stream::Tls(Box::new(TlsStream::new(stream))) } else { stream };
    let mut conn = Connection::new(stream, peer, address.clone(), number, thread.clone());
    let client = conn.client_ip().map(|ip| ip.to_canonical());
    conn.debug = snapshot.plan.main.events.debug_connection.0.iter().any(|whom| is_whom(whom, client));
    let conn = Rc::new(conn);
    let slot = thread.enter();
    thread.serving(slot, Some(snapshot.generation));
    // The task itself is no more than the way to its box, so that it fits the smallest block that the runtime asks for.
    let leave = Leave { conn, slot };
    let task = spawn_local(clock::turns(async move {
        let _active = Stats::hold(&leave.conn.thread.stats().active);
        drive::connection(&leave.conn, leave.slot).await;
    }));
    thread.know(slot, task.abort_handle());
}

/// Leaves the thread's list at the end, however it comes.
struct Leave {
    conn: Rc<Connection>,
    slot: usize,
}

impl Drop for Leave {
    fn drop(&mut self) {
        let Leave { conn, slot } = self;
        conn.thread.leave(*slot);
        if std::thread::panicking() {
            conn.thread.log(Level::Alert, &format!("*{} a fault ended the connection", conn.number));
        }
    }
}
