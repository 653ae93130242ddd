//! A short run of the differ with fixed seeds: whatever nginx and rkeep do differently is explained.
#![allow(clippy::panic, reason = "a test says what is wrong by panicking")]

use std::time::Duration;

use rkeep_compat_tests::differ::{Run, search};

#[test]
fn no_difference_without_a_reason() {
    let nginx = std::env::var("NGINX_BIN").unwrap_or_else(|_| "/usr/sbin/nginx".to_owned());
    let run = Run { nginx, seed: 20_261_126, first: 0, cases: 1500, time: Duration::from_secs(300), lanes: 16 };
    let outcome = search(&run);
    println!("{outcome}");
    assert_eq!(outcome.cases, run.cases, "it took too long");
    assert!(outcome.differences.is_empty(), "{outcome}");
}
