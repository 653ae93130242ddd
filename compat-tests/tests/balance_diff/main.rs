//! The same requests through Debian's nginx and through rkeep (`compat nginx=1.22`), over random upstreams whose servers
//! fail at random: both must ask the same servers in the same order and show the same statuses.
#![allow(clippy::expect_used, clippy::panic, reason = "a test says what is wrong by panicking")]

mod backend;
mod case;
mod proxies;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backend::Backends;
use case::Case;
use proxies::Proxies;

/// How many upstreams, unless `CASES` says otherwise.
const CASES: usize = 240;
/// How many are asked at the same time: most of it is waiting.
const AT_ONCE: usize = 40;

/// Both programs count failures in whole seconds of the wall clock: what begins early in a second ends within it.
fn early_in_a_second() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    match now.subsec_millis() {
        50..450 => {}
        0..50 => thread::sleep(Duration::from_millis(50)),
        millis => thread::sleep(Duration::from_millis(u64::from(1060 - millis))),
    }
}

/// One case through both. What they did differently.
fn compare(case: &Case, proxies: &Proxies) -> Option<String> {
    for (nth, request) in case.requests.iter().enumerate() {
        thread::sleep(request.pause);
        early_in_a_second();
        let (expected, seen) = proxies.ask(&case.path(nth), request);
        if expected != seen {
            return Some(format!("request {nth} ({request:?}): nginx {expected}, rkeep {seen}\n{}", case.text()));
        }
    }
    None
}

#[test]
fn the_same_servers_in_the_same_order() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<usize>().ok());
    let seed = number("SEED").unwrap_or(20_261_123) as u64;
    let count = number("CASES").unwrap_or(CASES);
    let ports = Backends::ports();
    let cases: Vec<Case> = (0..count).map(|index| Case::new(index, seed, &ports)).collect();
    let _backends = Backends::start(&ports, &cases);
    let proxies = Proxies::start(&cases);
    let next = AtomicUsize::new(0);
    let differences = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let difference = compare(case, &proxies);
                    differences.lock().expect("no panic").extend(difference);
                }
            });
        }
    });
    let differences = differences.into_inner().expect("no panic");
    let shown = differences.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} of {count} cases differ (SEED={seed}):\n{shown}", differences.len());
}
