//! One request's tries: which server is asked next, and what became of the last one.

use std::sync::Arc;
use std::time::Instant;

use rkeep_parsers::table::value::Level;

use super::ambient;
use super::pools::Upstream;
use super::trouble::{Asked, Trouble, non_idempotent};
use crate::balance::{Attempt, Choice, Outcome, Peer, Released};
use crate::proxy::clock;
use crate::proxy::request::{RequestCtx, Status, UpstreamRecord};

/// An upstream with the server of it that a request holds, if it holds one. That is given back when dropped.
#[derive(Debug)]
pub struct Held {
    upstream: Arc<Upstream>,
    choice: Option<Choice>,
}

impl Held {
    /// The server.
    pub fn peer(&self) -> Option<&Peer> {
        self.upstream.pool.peer(self.choice?)
    }

    /// The upstream it is of.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    fn give_back(&mut self, outcome: Outcome) -> Released {
        let choice = self.choice.take();
        choice.map_or(Released::Live, |choice| self.upstream.pool.release(choice, outcome, ambient::seconds()))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(Outcome::Served);
    }
}

/// The tries of one request.
#[derive(Debug)]
pub struct Tries {
    /// The server of the present one.
    held: Held,
    attempt: Attempt,
    /// When the first began.
    began: Instant,
    /// When the present one began.
    pub since: Instant,
    /// Something of the request has been sent in the present one.
    pub sent: bool,
    /// The present one uses a connection that had been idle.
    pub cached: bool,
    unbuffered: bool,
    /// No record has been opened yet.
    first: bool,
    /// What URLs of backends begin with.
    scheme: &'static [u8],
}

impl Tries {
    /// Begins. `unbuffered`: the client's body is passed on without being kept.
    pub fn begin(cx: &RequestCtx, upstream: Arc<Upstream>, unbuffered: bool, scheme: &'static [u8]) -> Tries {
        let limit = cx.conf().proxy.next_upstream_tries.0;
        let attempt = upstream.pool.begin(upstream.key(cx), u32::try_from(limit).unwrap_or(u32::MAX));
        let now = clock::now();
        Tries {
            held: Held { upstream, choice: None },
            attempt,
            began: now,
            since: now,
            sent: false,
            cached: false,
            unbuffered,
            first: true,
            scheme,
        }
    }

    /// Chooses a server for the next try and opens its record.
    ///
    /// # Errors
    /// [`Trouble::NoLive`]
    pub fn choose(&mut self, cx: &mut RequestCtx, uri: &[u8]) -> Result<(), Trouble> {
        (self.sent, self.cached, self.since) = (false, false, clock::now());
        cx.action = " while connecting to upstream";
        let pool = &self.held.upstream.pool;
        self.held.choice = pool.pick(&mut self.attempt, ambient::seconds(), &mut ambient::chance);
        let name = self.peer().map_or(&self.upstream().pool.name, |peer| &peer.name);
        cx.upstream_url.clear();
        let scheme = self.scheme;
        for piece in [scheme, name.as_bytes(), uri] {
            cx.upstream_url.extend_from_slice(piece);
        }
        let new_group = self.first && !cx.upstream.is_empty();
        // Nearly all requests are tried once.
        cx.upstream.reserve_exact(1);
        cx.upstream.push(UpstreamRecord { addr: Arc::clone(name), new_group, ..UpstreamRecord::default() });
        self.first = false;
        if self.held.choice.is_some() {
            cx.debug(format_args!("http upstream: \"{}\"", cx.upstream_url.escape_ascii()));
            return Ok(());
        }
        cx.error(Level::Error, format_args!("no live upstreams"));
        Err(Trouble::NoLive)
    }

    /// The upstream.
    pub fn upstream(&self) -> &Upstream {
        &self.held.upstream
    }

    /// The server of the present try.
    pub fn peer(&self) -> Option<&Peer> {
        self.held.peer()
    }

    /// The server, to be kept as long as its answer lasts.
    pub fn keep(self) -> Held {
        self.held
    }

    /// Whether an answer of this status is better asked for elsewhere, while there is an elsewhere.
    pub fn prefers_next(&self, cx: &RequestCtx, status: u16) -> bool {
        self.attempt.tries > 1 && Trouble::Status(status).allows_next(self.asked(cx))
    }

    /// Ends the present try.
    ///
    /// # Errors
    /// The status to show when no other is allowed.
    pub fn end(&mut self, cx: &mut RequestCtx, trouble: Trouble) -> Result<(), Status> {
        self.release(cx, trouble);
        if self.cached && trouble == Trouble::Error {
            // A connection that went stale while idle says nothing about the server.
            self.attempt.tries += 1;
        }
        let since = self.since;
        if let Some(record) = cx.upstream.last_mut() {
            record.status = trouble.status();
            record.response_time = Some(clock::since(since));
        }
        if self.attempt.tries > 0 && trouble.allows_next(self.asked(cx)) {
            return Ok(());
        }
        Err(Status(trouble.status()))
    }

    fn release(&mut self, cx: &RequestCtx, trouble: Trouble) {
        if self.held.choice.is_none() {
            return;
        }
        let outcome = if trouble.is_failure() { Outcome::Failed } else { Outcome::Served };
        if self.held.give_back(outcome) == Released::GivenUp {
            cx.error(Level::Warn, format_args!("upstream server temporarily disabled"));
        }
        self.held.upstream.pool.spend(&mut self.attempt);
    }

    fn asked(&self, cx: &RequestCtx) -> Asked {
        let conf = &cx.conf().proxy;
        let patience = conf.next_upstream_timeout;
        Asked {
            conditions: conf.next_upstream,
            sent: self.sent,
            non_idempotent: non_idempotent(&cx.method),
            unbuffered: self.unbuffered,
            late: patience.0 > 0 && clock::since(self.began) >= patience.duration(),
        }
    }
}
