//! `limit_req` and `limit_conn`: how often requests of a key may come, and how many may be served at a time.

pub mod rate;
pub mod zone;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::http;
use rkeep_parsers::table::value::Level;

use super::pause::pause;
use super::request::{RequestCtx, Status};
use rate::{Bucket, Limit};
use zone::{Buckets, Counted, Zone, Zones};

/// The limits of a location.
#[derive(Debug, Default)]
pub struct Limits {
    requests: Vec<(Zone, Limit)>,
    connections: Vec<(Zone, u32)>,
}

/// What became of a request at its limits, for `$limit_req_status` and `$limit_conn_status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// No limit has been asked.
    #[default]
    Unasked,
    /// Within the limits.
    Passed,
    /// Made to wait.
    Delayed,
    /// Refused.
    Rejected,
    /// Would have had to wait.
    DelayedDry,
    /// Would have been refused.
    RejectedDry,
}

/// A request's share in limits.
#[derive(Debug, Default)]
pub struct Share {
    /// At `limit_req`.
    pub req: Outcome,
    /// At `limit_conn`.
    pub conn: Outcome,
    /// Where it is counted until it ends.
    counted: Vec<Counted>,
}

impl Outcome {
    /// As the variables show it.
    pub fn shown(self) -> Option<&'static str> {
        Some(match self {
            Outcome::Unasked => return None,
            Outcome::Passed => "PASSED",
            Outcome::Delayed => "DELAYED",
            Outcome::Rejected => "REJECTED",
            Outcome::DelayedDry => "DELAYED_DRY_RUN",
            Outcome::RejectedDry => "REJECTED_DRY_RUN",
        })
    }
}

impl Limits {
    /// The limits of a location, if it has any.
    pub fn compile(ir: &http::Location, zones: &Zones) -> Option<Box<Limits>> {
        let requests = ir.conf.limit_req.limits.0.iter().filter_map(|limit| {
            let zone = zones.get(&limit.zone, true)?.clone();
            let delay = limit.delay.map_or(u64::MAX, |delay| delay.saturating_mul(1000));
            let limit = Limit { rate: zone.ir.rate?, burst: limit.burst.saturating_mul(1000), delay };
            Some((zone, limit))
        });
        let connections = ir.conf.limit_conn.limits.0.iter();
        let limits = Limits {
            requests: requests.collect(),
            connections: connections.filter_map(|it| Some((zones.get(&it.zone, false)?.clone(), it.most))).collect(),
        };
        let any = !limits.requests.is_empty() || !limits.connections.is_empty();
        any.then(|| Box::new(limits))
    }
}

/// Holds a request to the limits of the location it is in.
///
/// # Errors
/// As [`check`].
pub async fn of_location(cx: &mut RequestCtx) -> Result<(), Status> {
    let location = cx.location.clone();
    match &location.limits {
        Some(limits) => check(cx, limits).await,
        None => Ok(()),
    }
}

/// Holds a request to its location's limits; each kind counts once for a request.
///
/// # Errors
/// The status of a refusal, or 499 when the client leaves while it waits.
async fn check(cx: &mut RequestCtx, limits: &Limits) -> Result<(), Status> {
    if cx.limits.req == Outcome::Unasked && !limits.requests.is_empty() {
        let wait = requests(cx, &limits.requests)?;
        if !wait.is_zero() {
            pause(cx, wait).await?;
        }
    }
    if cx.limits.conn == Outcome::Unasked && !limits.connections.is_empty() {
        connections(cx, &limits.connections)?;
    }
    Ok(())
}

/// Milliseconds of a clock that nobody sets.
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// What all limits together say: the one that decides, with its bucket.
enum Verdict {
    Unasked,
    Refuse(usize, Bucket),
    Pass(usize, Bucket, u64),
}

/// How long a request has to wait.
fn requests(cx: &mut RequestCtx, limits: &[(Zone, Limit)]) -> Result<Duration, Status> {
    let keys: Vec<_> = limits.iter().map(|(zone, _)| key(cx, zone)).collect();
    let conf = cx.location.ir.conf.limit_req.clone();
    let dry = conf.dry_run;
    let note = if dry { ", dry run" } else { "" };
    let name = |at: usize| limits.get(at).map_or("", |(zone, _)| zone.ir.name.as_str());
    match decide(limits, &keys, now()) {
        Verdict::Unasked => Ok(Duration::ZERO),
        Verdict::Refuse(at, bucket) => {
            let (zone, (whole, part)) = (name(at), split(bucket));
            let text = format_args!("limiting requests{note}, excess: {whole}.{part:03} by zone \"{zone}\"");
            cx.error(conf.log_level.0, text);
            cx.limits.req = if dry { Outcome::RejectedDry } else { Outcome::Rejected };
            if dry { Ok(Duration::ZERO) } else { Err(Status(conf.status.0)) }
        }
        Verdict::Pass(_, _, 0) => {
            cx.limits.req = Outcome::Passed;
            Ok(Duration::ZERO)
        }
        Verdict::Pass(at, bucket, wait) => {
            let (zone, (whole, part)) = (name(at), split(bucket));
            let text = format_args!("delaying request{note}, excess: {whole}.{part:03}, by zone \"{zone}\"");
            cx.error(less(conf.log_level.0), text);
            cx.limits.req = if dry { Outcome::DelayedDry } else { Outcome::Delayed };
            Ok(if dry { Duration::ZERO } else { Duration::from_millis(wait) })
        }
    }
}

/// Requests ahead of the rate, and the thousandths of the next.
fn split(bucket: Bucket) -> (u64, u64) {
    (bucket.excess() / 1000, bucket.excess() % 1000)
}

/// A delay is logged one level below a refusal.
fn less(level: Level) -> Level {
    match level {
        Level::Error => Level::Warn,
        Level::Warn => Level::Notice,
        Level::Notice => Level::Info,
        _ => Level::Debug,
    }
}

/// Asks all limits, and counts the request only if every one lets it pass. All zones are held meanwhile, in the order of
/// their memory, so that two requests cannot wait for each other.
fn decide(limits: &[(Zone, Limit)], keys: &[Vec<u8>], now: u64) -> Verdict {
    let asked = limits.iter().zip(keys).enumerate().filter(|(_, (_, key))| !key.is_empty());
    let mut held: Vec<(usize, &Zone, Limit, &[u8])> =
        asked.map(|(at, ((zone, limit), key))| (at, zone, *limit, key.as_slice())).collect();
    held.sort_by(|a, b| a.1.ir.name.cmp(&b.1.ir.name));
    let mut buckets: Vec<Option<Buckets<'_>>> = held.iter().map(|(_, zone, ..)| zone.buckets()).collect();
    let mut verdict = Verdict::Unasked;
    let mut filled = Vec::with_capacity(held.len());
    for ((at, _, limit, key), buckets) in held.iter().zip(&mut buckets) {
        let known = buckets.as_mut().and_then(|buckets| buckets.get(*key)).copied();
        let bucket = Bucket::with_one(known, limit.rate, now);
        filled.push(bucket);
        verdict = worse(verdict, *at, bucket, *limit);
    }
    if !matches!(verdict, Verdict::Refuse(..)) {
        for (((_, zone, _, key), buckets), bucket) in held.iter().zip(&mut buckets).zip(filled) {
            if let Some(buckets) = buckets {
                zone.keep(buckets, key, bucket);
            }
        }
    }
    verdict
}

/// The verdict of one more limit: the first in the file refuses, the longest wait counts.
fn worse(so_far: Verdict, at: usize, bucket: Bucket, limit: Limit) -> Verdict {
    if bucket.excess() > limit.burst {
        return match so_far {
            Verdict::Refuse(first, bucket) if first < at => Verdict::Refuse(first, bucket),
            _ => Verdict::Refuse(at, bucket),
        };
    }
    let wait = bucket.wait(limit);
    match so_far {
        Verdict::Refuse(..) => so_far,
        Verdict::Pass(_, _, longest) if longest >= wait => so_far,
        _ => Verdict::Pass(at, bucket, wait),
    }
}

fn connections(cx: &mut RequestCtx, limits: &[(Zone, u32)]) -> Result<(), Status> {
    let conf = cx.location.ir.conf.limit_conn.clone();
    for (zone, most) in limits {
        let key = key(cx, zone);
        if key.is_empty() {
            continue;
        }
        cx.limits.conn = Outcome::Passed;
        if let Some(counted) = zone.count(&key, *most) {
            cx.limits.counted.push(counted);
            continue;
        }
        cx.limits.counted.clear();
        let note = if conf.dry_run { ", dry run," } else { "" };
        cx.error(conf.log_level.0, format_args!("limiting connections{note} by zone \"{}\"", zone.ir.name));
        if conf.dry_run {
            cx.limits.conn = Outcome::RejectedDry;
            return Ok(());
        }
        cx.limits.conn = Outcome::Rejected;
        return Err(Status(conf.status.0));
    }
    Ok(())
}

/// What a zone counts a request by; an empty key is not counted, nor is one that is too long.
fn key(cx: &RequestCtx, zone: &Zone) -> Vec<u8> {
    let most = if zone.ir.rate.is_some() { 65535 } else { 255 };
    let key = cx.eval(&zone.ir.key);
    if key.len() <= most {
        return key;
    }
    let shown = String::from_utf8_lossy(&key);
    cx.error(
        Level::Error,
        format_args!("the value of the \"{}\" key is more than {most} bytes: \"{shown}\"", zone.ir.written),
    );
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rkeep_parsers::ir::expr::Expr;
    use rkeep_parsers::ir::limit::LimitZone;
    use rkeep_parsers::source::Span;

    fn zones(rates: &[(&str, u64)]) -> Vec<(Zone, Limit)> {
        let ir = |&(name, rate): &(&str, u64)| LimitZone {
            name: name.into(),
            key: Expr::default(),
            written: String::new(),
            size: 1 << 20,
            rate: Some(rate),
            span: Span::NONE,
        };
        let all = Zones::compile(&rates.iter().map(ir).collect::<Vec<_>>(), None);
        let limit = |&(name, rate): &(&str, u64)| {
            (all.get(name, true).expect("the zone").clone(), Limit { rate, burst: 0, delay: 0 })
        };
        rates.iter().map(limit).collect()
    }

    #[test]
    fn a_request_that_one_limit_refuses_counts_at_none() {
        let limits = zones(&[("slow", 16), ("fast", 1_000_000)]);
        let keys = [b"k".to_vec(), b"k".to_vec()];
        assert!(matches!(decide(&limits, &keys, 0), Verdict::Pass(_, _, 0)));
        assert!(matches!(decide(&limits, &keys, 100), Verdict::Refuse(0, _)));
        let fast = limits.get(1..).expect("the second");
        let bucket = fast[0].0.buckets().and_then(|mut all| all.get(b"k".as_slice()).copied()).expect("known");
        assert_eq!(bucket, Bucket::with_one(None, 1, 0), "as the first request left it");
    }

    #[test]
    fn an_empty_key_is_not_counted() {
        let limits = zones(&[("one", 1)]);
        for _ in 0..3 {
            assert!(matches!(decide(&limits, &[Vec::new()], 0), Verdict::Unasked));
        }
    }
}
