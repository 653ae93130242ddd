//! Which location answers, and what entering one means.

use rkeep_parsers::ir::http::Match;
use rkeep_parsers::table::value::Level;

use super::Step;
use crate::proxy::clock;
use crate::proxy::http::uri::{Escape, escape};
use crate::proxy::locations::{self, Found};
use crate::proxy::request::{RequestCtx, Status};

/// Finds the location of the request's path.
pub fn location(cx: &mut RequestCtx) -> Step {
    cx.uri_changed = false;
    let found = locations::find(&cx.server.root.inside, cx);
    let index = match found {
        Found::Location(index) | Found::AddSlash(index) => Some(index),
        Found::Nothing => None,
    };
    cx.location = index.and_then(|index| cx.snapshot.location(index)).unwrap_or(&cx.server.root).clone();
    if !cx.internal && cx.conf().core.internal.0 {
        return Step::Fail(Status(404));
    }
    cx.debug(format_args!("using configuration \"{}\"", cx.location.ir.name.escape_ascii()));
    enter(cx);
    if let Some(status) = too_large(cx) {
        return Step::Fail(status);
    }
    if let Found::AddSlash(index) = found {
        let mut target = Vec::new();
        let name = cx.snapshot.location(index).map(|location| location.ir.name.as_slice());
        escape(name.unwrap_or_default(), Escape::Uri, &mut target);
        if !cx.args.is_empty() {
            target.push(b'?');
            target.extend_from_slice(&cx.args);
        }
        cx.out.fields.set(b"Location", &target);
        return Step::Fail(Status(301));
    }
    Step::Rewrite
}

/// The announced body is larger than the location takes.
fn too_large(cx: &mut RequestCtx) -> Option<Status> {
    let limit = cx.conf().core.client_max_body_size.0;
    let length = cx.body.content_length?;
    if limit == 0 || length <= limit || cx.body.done || cx.body.unwanted {
        return None;
    }
    cx.error(Level::Error, format_args!("client intended to send too large body: {length} bytes"));
    cx.body.expects_continue = false;
    Some(Status(413))
}

/// Applies what a location says about the connection; its `limit_except` may take over.
pub fn enter(cx: &mut RequestCtx) {
    cx.backend_left = false;
    if let Some(inner) = cx.location.ir.limit_except
        && let Some(inner) = cx.snapshot.location(inner.index()).cloned()
        && let Match::LimitExcept { methods } = &inner.ir.matched
        && !methods.iter().any(|method| method.as_bytes() == cx.method)
    {
        cx.location = inner.clone();
    }
    if cx.keepalive {
        cx.keepalive = stays_open(cx);
    }
}

fn stays_open(cx: &RequestCtx) -> bool {
    let core = &cx.conf().core;
    let disabled = |word: &str| core.keepalive_disable.0.iter().any(|have| have == word);
    let old = |agent: &[u8]| {
        (cx.method == b"POST" && disabled("msie6") && is_msie6(agent)) || (disabled("safari") && is_safari(agent))
    };
    let any = disabled("safari") || (cx.method == b"POST" && disabled("msie6"));
    let old_browser = any && cx.head.fields.all(b"User-Agent").any(old);
    core.keepalive_timeout.timeout.0 != 0
        && cx.conn.requests.get() < core.keepalive_requests.0
        && clock::since(cx.conn.since) <= core.keepalive_time.duration()
        && !old_browser
}

/// Safari on a Mac, which may send a request on a connection that has been closed.
fn is_safari(agent: &[u8]) -> bool {
    let has = |word: &[u8]| agent.windows(word.len()).any(|window| window == word);
    has(b"Safari/") && has(b"Mac OS X") && ![&b"MSIE "[..], b"Opera", b"Gecko/", b"Chrome/"].into_iter().any(has)
}

/// Internet Explorer 4 to 6, but for 6 with service pack 2.
pub fn is_msie6(agent: &[u8]) -> bool {
    let Some(at) = agent.windows(5).position(|window| window == b"MSIE ") else { return false };
    let rest = agent.get(at + 5..).unwrap_or_default();
    let opera = agent.windows(5).any(|window| window == b"Opera");
    match rest {
        [b'4' | b'5', b'.', ..] => !opera,
        [b'6', b'.', more @ ..] => !opera && !more.windows(3).any(|window| window == b"SV1"),
        _ => false,
    }
}
