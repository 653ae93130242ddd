//! Idle connections to backends: kept per thread and pool, the newest first, watched so that one the backend closes is
//! closed here at once and never used again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::ir::pool::Pool;

use super::backend::Backend;
use crate::proxy::clock;
use crate::proxy::io::Timer;

/// How a pool keeps idle connections.
#[derive(Clone, Debug)]
pub struct Keep {
    /// How many.
    pub connections: usize,
    /// How many requests one may carry.
    pub requests: u64,
    /// How old it may get.
    pub time: Duration,
    /// How long it may be idle.
    pub timeout: Duration,
    /// Whether locations do not share.
    pub local: bool,
}

impl Keep {
    /// As `keepalive…` of an upstream says; none where nothing is kept.
    pub fn new(pool: &Pool) -> Option<Keep> {
        let written = &pool.keepalive;
        let connections = written.connections.filter(|count| count.0 > 0)?;
        Some(Keep {
            connections: connections.0 as usize,
            requests: written.requests.0,
            time: written.time.duration(),
            timeout: written.timeout.duration(),
            local: written.local,
        })
    }

    /// Whether a connection may serve once more.
    pub fn allows(&self, backend: &Backend) -> bool {
        backend.requests < self.requests && clock::since(backend.since) <= self.time
    }
}

/// Whose a kept connection is.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The pool.
    pub pool: u64,
    /// The location, where connections are not shared between locations.
    pub location: Option<usize>,
    /// By which settings it is encrypted, if it is.
    pub encrypted: Option<u64>,
    /// Whether HTTP/2 is spoken.
    pub http2: bool,
}

impl Owner {
    fn takes(&self, kept: &Idle, address: &Address) -> bool {
        let owner = &kept.owner;
        self.location == owner.location
            && self.http2 == owner.http2
            && self.encrypted == owner.encrypted
            && *address == kept.backend.address
    }
}

#[derive(Debug)]
struct Idle {
    owner: Owner,
    backend: Box<Backend>,
    until: Instant,
}

/// A thread's idle connections.
#[derive(Debug, Default)]
struct Shelf {
    pools: Vec<OfPool>,
    /// The task that watches them, and when it looks next of itself.
    watcher: Option<(Waker, Instant)>,
}

/// The idle connections of a pool, oldest first.
#[derive(Debug)]
struct OfPool {
    pool: u64,
    idle: VecDeque<Idle>,
}

thread_local! {
    static SHELF: RefCell<Shelf> = RefCell::default();
}

/// The newest idle connection to `address`.
pub fn take(owner: &Owner, address: &Address) -> Option<Box<Backend>> {
    SHELF.with_borrow_mut(|shelf| {
        let idle = shelf.of_pool(owner.pool)?;
        loop {
            let index = idle.iter().rposition(|kept| owner.takes(kept, address))?;
            let mut kept = idle.remove(index)?;
            if kept.says_nothing() {
                kept.backend.cached = true;
                return Some(kept.backend);
            }
        }
    })
}

/// Keeps a connection; the oldest of the pool makes room.
pub fn put(owner: Owner, backend: Box<Backend>, keep: &Keep) {
    let mut kept = Idle { owner, backend, until: clock::now() + keep.timeout };
    let watched = SHELF.with_borrow_mut(|shelf| {
        if let Some((watcher, next)) = &shelf.watcher {
            if !kept.is_silent(&mut Context::from_waker(watcher)) {
                return true;
            }
            if kept.until < *next {
                watcher.wake_by_ref();
            }
        }
        shelf.push(kept, keep.connections);
        shelf.watcher.is_some()
    });
    if !watched {
        tokio::task::spawn_local(watch());
    }
}

impl Shelf {
    fn of_pool(&mut self, pool: u64) -> Option<&mut VecDeque<Idle>> {
        self.pools.iter_mut().find(|of| of.pool == pool).map(|of| &mut of.idle)
    }

    fn push(&mut self, kept: Idle, limit: usize) {
        let pool = kept.owner.pool;
        let Some(idle) = self.of_pool(pool) else {
            self.pools.push(OfPool { pool, idle: VecDeque::from([kept]) });
            return;
        };
        if idle.len() >= limit {
            idle.pop_front();
        }
        idle.push_back(kept);
    }

    /// Closes what is not to be kept any more. Says when to look again; never when nothing is left.
    fn look(&mut self, cx: &mut Context<'_>) -> Option<Instant> {
        let now = Instant::now();
        for of in &mut self.pools {
            of.idle.retain_mut(|kept| kept.until > now && kept.is_silent(cx));
        }
        self.pools.retain(|of| !of.idle.is_empty());
        let next = self.pools.iter().flat_map(|of| of.idle.iter().map(|kept| kept.until)).min();
        self.watcher = next.map(|next| (cx.waker().clone(), next));
        next
    }
}

/// Closes idle connections that their backend closes, that it talks on, or whose time is over; ends with the last one.
async fn watch() {
    let mut timer = Timer::default();
    poll_fn(|cx| {
        loop {
            let Some(next) = SHELF.with_borrow_mut(|shelf| shelf.look(cx)) else { return Poll::Ready(()) };
            if timer.poll(next, cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}

impl Idle {
    /// Whether the backend has neither closed nor said anything yet.
    fn says_nothing(&self) -> bool {
        let peeked = self.backend.stream.try_peek(&mut [0]);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether the backend has neither closed nor said anything. Wakes `cx` when it does.
    fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        let stream = &self.backend.stream;
        loop {
            match stream.poll_readable(cx) {
                Poll::Pending => return true,
                Poll::Ready(Err(_)) => return false,
                Poll::Ready(Ok(())) if self.says_nothing() => {}
                Poll::Ready(Ok(())) => return false,
            }
        }
    }
}
