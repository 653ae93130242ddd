//! Between a request to a backend and its cache: the answer that is served from it, and the one that goes into it.

use crate::proxy::boxed::boxed;
use std::sync::Arc;

use rkeep_parsers::ir::http::{Handler, ProxyPass};
use rkeep_parsers::table::value::Level;

use super::answer;
use super::proxy::handle;
use super::receive::{Received, stored};
use super::route::Route;
use super::target::Destination;
use super::trouble::Trouble;
use crate::proxy::body::Body;
use crate::proxy::cache::{self, Decision, Entry, Fetching, Lookup, Record, Saving, Times, Told};
use crate::proxy::compile::Location;
use crate::proxy::http::{date, status};
use crate::proxy::paths;
use crate::proxy::request::{Answer, RequestCtx, Status};
use crate::proxy::subrequest;

/// What a request finds before it goes to a backend.
pub enum Found {
    /// Its answer.
    Answer(Result<Answer, Status>),
    /// Nothing, and whether there is a cache.
    Nothing(Option<Box<Lookup>>),
}

/// Looks into the cache of the location.
///
/// # Errors
/// 500 for a cache that there is not.
pub async fn look(
    cx: &mut RequestCtx,
    route: &Route,
    pass: &ProxyPass,
    to: &Destination<'_>,
    location: &Arc<Location>,
) -> Result<Found, Status> {
    let mut url = pass.protocol.scheme(to.https).as_bytes().to_vec();
    url.extend_from_slice(&to.host);
    to.write_uri(cx, pass, &mut url);
    Ok(match cache::begin(cx, || url).await? {
        Decision::Off => Found::Nothing(None),
        Decision::Fetch(lookup) => Found::Nothing(Some(lookup)),
        Decision::Fail(status) => Found::Answer(Err(status)),
        Decision::Serve(entry, fetching) => {
            if let Some(fetching) = fetching {
                update(cx, location, fetching);
            }
            Found::Answer(serve(cx, route, &entry))
        }
    })
}

/// Answers with what is in the cache.
///
/// # Errors
/// What the answer asks for, or 500 where it cannot be read.
pub fn serve(cx: &mut RequestCtx, route: &Route, entry: &Entry) -> Result<Answer, Status> {
    let Some(mut received) = stored(cx, &entry.record.head) else {
        cx.error(Level::Crit, format_args!("a cached answer cannot be read"));
        return Err(Status(500));
    };
    cx.body_discard()?;
    if let Some(redirected) = answer::redirect(cx, route) {
        return redirected;
    }
    answer::copy(cx, route, &mut received, true);
    if !cx.is_head() && cx.out.content_length.is_some_and(|length| length != entry.body_len) {
        cx.keepalive = false;
    }
    cx.action = " while sending response to client";
    let body = Body::File { file: Arc::clone(&entry.file), offset: entry.body_at, len: entry.body_len };
    Ok(Answer::Body(if entry.body_len == 0 { Body::Empty } else { body }))
}

/// Fetches an answer anew while the old one is served.
fn update(cx: &RequestCtx, location: &Arc<Location>, fetching: Fetching) {
    let Some(mut twin) = subrequest::twin(cx) else { return };
    twin.cache = Some(Box::new(Told { fetching: Some(fetching), ..Told::default() }));
    let location = Arc::clone(location);
    subrequest::behind(twin, async move |twin: &mut RequestCtx| {
        let Handler::Proxy(pass) = &location.ir.handler else { return };
        // In a box, for this is what began it.
        if let Ok(Answer::Body(body)) = boxed(|| handle(twin, pass, &location)).await {
            body.drain(twin).await;
        }
    });
}

/// What becomes of an answer that has come: whether conditions of the client hold for it, and the file it goes into.
#[derive(Debug, Default)]
pub struct Kept {
    /// It may be kept as far as it says itself.
    pub keepable: bool,
    /// Where it goes.
    pub saving: Option<Box<Saving>>,
}

/// Keeps an answer if it may be kept.
pub fn keep(cx: &RequestCtx, route: &Route, lookup: Option<Box<Lookup>>, received: &Received) -> Kept {
    let Some(lookup) = lookup else { return Kept { keepable: false, saving: store(cx, route, received) } };
    let now = date::now();
    let verdict = cache::judge(&cx.upstream_fields, route.uncached, now);
    let keepable = lookup.keeps && !verdict.forbidden && !received.http09;
    let fresh_until = verdict.fresh_until.or_else(|| by_status(cx, received.status, now));
    let (Some(fresh_until), true) = (fresh_until.filter(|_| keepable), answer::buffers(cx, route)) else {
        return Kept { keepable, saving: None };
    };
    if cache::truthy(cx, &cx.conf().proxy.no_cache.0) {
        return Kept { keepable, saving: None };
    }
    let validators = matches!(received.status, 200 | 206);
    let fields = &cx.upstream_fields;
    let record = Record {
        times: Times { date: now, fresh_until, updating: verdict.updating, error: verdict.error },
        last_modified: fields.get(b"Last-Modified").filter(|_| validators).and_then(date::parse),
        etag: fields.get(b"ETag").filter(|_| validators).unwrap_or_default().to_vec(),
        variant: lookup.main.variant(&verdict.vary, &cx.head.fields),
        vary: verdict.vary,
        key: lookup.key.clone(),
        head: head(cx, received),
    };
    Kept { keepable, saving: Saving::cache(cx, *lookup, &record).map(Box::new) }
}

/// The head as it is kept.
fn head(cx: &RequestCtx, received: &Received) -> Vec<u8> {
    let usual = status::line(received.status).map(str::as_bytes);
    let number = received.status.to_string();
    let line = received.status_line.as_deref().or(usual).unwrap_or(number.as_bytes());
    let mut head = [b"HTTP/1.1 ", line, b"\r\n"].concat();
    for (name, value) in cx.upstream_fields.iter() {
        for piece in [name, b": ", value, b"\r\n"] {
            head.extend_from_slice(piece);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// `proxy_store`
fn store(cx: &RequestCtx, route: &Route, received: &Received) -> Option<Box<Saving>> {
    let written = cx.conf().proxy.store.as_ref()?.0.as_ref()?;
    if received.status != 200 || cx.is_head() || !answer::buffers(cx, route) {
        return None;
    }
    let path = match written.as_text() {
        Some(b"on") => paths::of_request(cx),
        _ => cx.eval(written),
    };
    let modified = cx.upstream_fields.get(b"Last-Modified").and_then(date::parse);
    let mode = cx.conf().proxy.store_access.0;
    Saving::store(cx, paths::from_bytes(&path).to_owned(), mode, modified).map(Box::new)
}

/// `proxy_cache_valid`: until when an answer of this status is fresh.
fn by_status(cx: &RequestCtx, status: u16, now: i64) -> Option<i64> {
    let valid = &cx.conf().proxy.cache_valid;
    let found = valid.iter().find(|valid| valid.codes.is_empty() || valid.codes.contains(&status));
    let seconds = found.map(|valid| valid.seconds).filter(|seconds| *seconds > 0)?;
    Some(now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)))
}

/// Remembers a status that is answered by a page of one's own.
pub fn remember(cx: &RequestCtx, route: &Route, lookup: Option<&Lookup>, status: u16) {
    let Some(lookup) = lookup.filter(|lookup| lookup.keeps) else { return };
    let now = date::now();
    let verdict = cache::judge(&cx.upstream_fields, route.uncached, now);
    if let Some(until) = verdict.fresh_until.or_else(|| by_status(cx, status, now)).filter(|_| !verdict.forbidden) {
        lookup.zone.index.fail(lookup.hash(), status, until);
    }
}

/// Remembers that no backend could be reached, where `proxy_cache_valid` names the status.
pub fn remember_failure(cx: &RequestCtx, lookup: Option<&Lookup>, Status(status): Status) {
    if let Some(lookup) = lookup.filter(|lookup| lookup.keeps && matches!(status, 502 | 504))
        && let Some(until) = by_status(cx, status, date::now())
    {
        lookup.zone.index.fail(lookup.hash(), status, until);
    }
}

/// The old answer where it is served in place of a failure.
pub fn in_place_of(cx: &mut RequestCtx, lookup: Option<&Lookup>, trouble: Trouble) -> Option<Entry> {
    let lookup = lookup?;
    let is_answer = matches!(trouble, Trouble::Status(_));
    if !lookup.serves_old(cx, trouble.stale_flag(), !is_answer) {
        return None;
    }
    cache::tell(cx, cache::Status::Stale);
    lookup.old.clone()
}

/// Whether an answer says that the old one has not changed.
pub fn confirms(cx: &RequestCtx, lookup: &Lookup, status: u16) -> bool {
    let told = cx.cache.as_ref().is_some_and(|told| told.status == Some(cache::Status::Expired));
    status == 304 && told && cx.conf().proxy.cache_revalidate && lookup.old.is_some()
}

/// Answers with the old one, which is good for longer now.
///
/// # Errors
/// As [`serve`].
pub fn revalidated(cx: &mut RequestCtx, route: &Route, lookup: &Lookup) -> Result<Answer, Status> {
    let now = date::now();
    let said = cache::judge(&cx.upstream_fields, route.uncached, now);
    let Some(old) = &lookup.old else { return Err(Status(500)) };
    cache::tell(cx, cache::Status::Revalidated);
    let answer = serve(cx, route, old);
    let kept = cache::judge(&cx.upstream_fields, route.uncached, now);
    let status = cx.out.status;
    let times = |verdict: cache::Verdict, fresh_until| Times {
        date: now,
        fresh_until,
        updating: verdict.updating,
        error: verdict.error,
    };
    let times = match (said.fresh_until, kept.fresh_until) {
        _ if said.forbidden => None,
        (Some(until), _) => Some(times(said, until)),
        (None, Some(until)) => Some(times(kept, until)),
        (None, None) => by_status(cx, status, now).map(|until| times(kept, until)),
    };
    if let Some(times) = times {
        lookup.refresh(times);
    }
    answer
}
