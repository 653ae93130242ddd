//! What a request finds in its cache, and whether it is that or fetched.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::table::value::{Level, NextUpstream};

use super::freshness::Times;
use super::key::Hash;
use super::record::{Record, TIMES_AT};
use super::zone::{Fetching, Zone};
use super::{Status, Told};
use crate::proxy::http::date;
use crate::proxy::request::{self, RequestCtx};

/// How much of a file is read at first: most records are shorter.
const FIRST: usize = 4096;

/// A cached answer.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its file.
    pub file: Arc<File>,
    /// What stands before its body.
    pub record: Record,
    /// Where its body is.
    pub body_at: u64,
    /// How long it is.
    pub body_len: u64,
}

/// What is to be done.
#[derive(Debug)]
pub enum Decision {
    /// There is no cache here.
    Off,
    /// This is the answer. The second is to be fetched in the background.
    Serve(Entry, Option<Fetching>),
    /// This status is.
    Fail(request::Status),
    /// It is fetched.
    Fetch(Box<Lookup>),
}

/// A request that fetches what its cache does not have, or has no longer.
#[derive(Debug)]
pub struct Lookup {
    /// The cache.
    pub zone: Arc<Zone>,
    /// The key.
    pub key: Vec<u8>,
    /// Its sum.
    pub main: Hash,
    /// The variant that the request gets, where one is known: the fields it depends on, and its sum.
    pub variant: Option<(Vec<u8>, Hash)>,
    /// The answer that is too old.
    pub old: Option<Entry>,
    /// The new one may be kept.
    pub keeps: bool,
    /// Others wait for it.
    pub fetching: Option<Fetching>,
}

/// What a key's file is.
enum Found {
    Entry(Entry),
    /// The answer depends on fields of the request, and is another one.
    Other(Vec<u8>),
    Nothing,
}

/// Looks for the answer to a request; `url` is the key where none is written.
///
/// # Errors
/// 500 for a cache that there is not.
pub async fn begin(cx: &mut RequestCtx, url: impl FnOnce() -> Vec<u8>) -> Result<Decision, request::Status> {
    let given = cx.cache.take().and_then(|told| told.fetching);
    let location = cx.location.clone();
    let conf = &location.ir.conf.proxy;
    let Some(zone) = zone(cx)? else { return Ok(Decision::Off) };
    if !conf.cache_methods.has(&cx.method) {
        return Ok(Decision::Off);
    }
    let key = conf.cache_key.as_ref().map(|key| cx.eval(key)).unwrap_or_else(url);
    let main = Hash::of(&key);
    let mut lookup = Lookup { zone, key, main, variant: None, old: None, keeps: true, fetching: given };
    if truthy(cx, &conf.cache_bypass.0) {
        tell(cx, Status::Bypass);
        return Ok(Decision::Fetch(Box::new(lookup)));
    }
    tell(cx, Status::Miss);
    let found = lookup.look(cx).await;
    let decision = match found {
        Looked::Error(status) => {
            tell(cx, Status::Hit);
            return Ok(Decision::Fail(request::Status(status)));
        }
        Looked::Entry(entry) => lookup.weigh(cx, entry),
        Looked::Nothing => Decision::Fetch(Box::new(lookup)),
    };
    Ok(match decision {
        Decision::Fetch(mut lookup) => {
            lookup.keeps &= keeps_range(cx);
            Decision::Fetch(lookup)
        }
        other => other,
    })
}

/// The cache of the location; none where it is off.
fn zone(cx: &RequestCtx) -> Result<Option<Arc<Zone>>, request::Status> {
    let Some(name) = &cx.conf().proxy.cache.0 else { return Ok(None) };
    let name = String::from_utf8_lossy(&cx.eval(name)).into_owned();
    if name.is_empty() || name == "off" {
        return Ok(None);
    }
    let zone = cx.snapshot.caches.get(&name).cloned();
    if zone.is_none() {
        cx.error(Level::Error, format_args!("cache \"{name}\" not found"));
    }
    zone.map(Some).ok_or(request::Status(500))
}

/// Whether one of several strings is neither empty nor `0`.
pub fn truthy(cx: &RequestCtx, strings: &[Expr]) -> bool {
    strings.iter().map(|string| cx.eval(string)).any(|value| !value.is_empty() && value != b"0")
}

/// Sets what `$upstream_cache_status` shows.
pub fn tell(cx: &mut RequestCtx, status: Status) {
    cx.cache.get_or_insert_with(Box::<Told>::default).status = Some(status);
}

/// `proxy_cache_max_range_offset`: a range that begins late is worth no whole answer.
fn keeps_range(cx: &RequestCtx) -> bool {
    let Some(limit) = cx.conf().proxy.cache_max_range_offset else { return true };
    let Some(range) = cx.head.fields.get(b"Range") else { return true };
    let Some(first) = range.strip_prefix(b"bytes=") else { return true };
    let digits = first.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let start = first.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
    start.is_some_and(|start| start < limit.0)
}

/// What looking came to.
enum Looked {
    Entry(Entry),
    Error(u16),
    Nothing,
}

impl Lookup {
    /// Looks at the key, then at the variant that the request gets; waits for who fetches it where `proxy_cache_lock`
    /// says so.
    async fn look(&mut self, cx: &RequestCtx) -> Looked {
        let conf = &cx.conf().proxy;
        let deadline = Instant::now() + conf.cache_lock_timeout.duration();
        let mut counted = 0;
        loop {
            let hash = self.hash();
            let seen = self.zone.index.touch(hash);
            if let Some((status, until)) = seen.error
                && until >= date::now()
            {
                return Looked::Error(status);
            }
            match if seen.exists { self.open(cx, hash) } else { Found::Nothing } {
                Found::Entry(entry) => return Looked::Entry(entry),
                Found::Other(vary) if self.variant.is_none() => {
                    let variant = self.main.variant(&vary, &cx.head.fields);
                    self.variant = Some((vary, variant));
                    continue;
                }
                Found::Other(_) | Found::Nothing => {}
            }
            // Looking again is no further use.
            counted = if counted == 0 { seen.uses } else { counted };
            self.keeps &= counted >= conf.cache_min_uses.0;
            if !conf.cache_lock || !self.keeps || self.fetching.is_some() {
                return Looked::Nothing;
            }
            match self.zone.index.fetch(hash, Some(conf.cache_lock_age.duration())) {
                Ok(fetching) => {
                    self.fetching = Some(fetching);
                    return Looked::Nothing;
                }
                Err(waiters) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        self.keeps = false;
                        return Looked::Nothing;
                    }
                    // Now and then it is looked whether the other's time is up.
                    let nap = left.min(conf.cache_lock_age.duration()).min(Duration::from_millis(500));
                    let _ = tokio::time::timeout(nap, waiters.notified()).await;
                }
            }
        }
    }

    /// The sum of what the request gets, as far as is known.
    pub fn hash(&self) -> Hash {
        self.variant.as_ref().map_or(self.main, |(_, variant)| *variant)
    }

    fn open(&self, cx: &RequestCtx, hash: Hash) -> Found {
        let path = self.zone.path(hash);
        let Some(entry) = File::open(&path).ok().and_then(Entry::read) else {
            self.zone.index.lost(hash);
            return Found::Nothing;
        };
        if entry.record.key != self.key {
            let path = path.display();
            cx.error(Level::Crit, format_args!("cache file \"{path}\" has md5 collision"));
            return Found::Nothing;
        }
        self.zone.index.found(hash, entry.body_at + entry.body_len);
        let vary = &entry.record.vary;
        if !vary.is_empty() && self.main.variant(vary, &cx.head.fields) != entry.record.variant {
            return Found::Other(entry.record.vary);
        }
        Found::Entry(entry)
    }

    /// Whether what was found is the answer.
    fn weigh(mut self, cx: &mut RequestCtx, entry: Entry) -> Decision {
        let (now, times) = (date::now(), entry.record.times);
        if times.is_fresh(now) {
            tell(cx, Status::Hit);
            return Decision::Serve(entry, None);
        }
        let conf = &cx.conf().proxy;
        let while_updating = conf.cache_use_stale.has(NextUpstream::UPDATING) || times.while_updating(now);
        let in_background = conf.cache_background_update;
        let asked_for = self.fetching.is_some();
        let mut busy = false;
        if !asked_for {
            match self.zone.index.fetch(self.hash(), None) {
                Ok(fetching) => self.fetching = Some(fetching),
                Err(_) => busy = true,
            }
        }
        if while_updating && !asked_for && busy {
            tell(cx, Status::Updating);
            return Decision::Serve(entry, None);
        }
        if while_updating && !asked_for && in_background {
            tell(cx, Status::Stale);
            return Decision::Serve(entry, self.fetching.take());
        }
        self.tell_old(cx, &entry);
        self.old = Some(entry);
        Decision::Fetch(Box::new(self))
    }

    fn tell_old(&self, cx: &mut RequestCtx, entry: &Entry) {
        let revalidate = cx.conf().proxy.cache_revalidate;
        let told = cx.cache.get_or_insert_with(Box::<Told>::default);
        told.status = Some(Status::Expired);
        if revalidate {
            told.last_modified = entry.record.last_modified;
            told.etag.clone_from(&entry.record.etag);
        }
    }

    /// Whether the old answer may be served in place of a failure of this kind; `any` is for those that are no
    /// answers of the backend.
    pub fn serves_old(&self, cx: &RequestCtx, flag: u32, any: bool) -> bool {
        let by_itself = |entry: &Entry| any && entry.record.times.on_error(date::now());
        self.old.as_ref().is_some_and(|old| cx.conf().proxy.cache_use_stale.has(flag) || by_itself(old))
    }

    /// The old answer is good for longer.
    pub fn refresh(&self, times: Times) {
        let path = self.zone.path(self.hash());
        if let Ok(file) = File::options().write(true).open(path) {
            // Else it is asked for once more.
            let _ = file.write_all_at(&times.to_bytes(), TIMES_AT);
        }
    }
}

impl Entry {
    /// Reads what stands before the body.
    fn read(file: File) -> Option<Entry> {
        let len = file.metadata().ok()?.len();
        let mut bytes = vec![0; FIRST.min(usize::try_from(len).ok()?)];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let body_at = Record::length(&bytes)?;
        if body_at > bytes.len() {
            bytes.resize(body_at.min(usize::try_from(len).ok()?), 0);
            file.read_exact_at(&mut bytes, 0).ok()?;
        }
        let record = Record::of_bytes(bytes.get(..body_at)?)?;
        let body_at = body_at as u64;
        Some(Entry { file: Arc::new(file), record, body_at, body_len: len.checked_sub(body_at)? })
    }
}
