//! Reloads under load cut nothing. `RKEEP_SECONDS=120` makes it long.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use rkeep_compat_tests::{reload, rkeep};

#[test]
fn reloads_twice_a_second_fail_no_request_and_cut_no_websocket() {
    let seconds = std::env::var("RKEEP_SECONDS").ok().and_then(|word| word.parse().ok()).unwrap_or(10);
    let sums = reload::run(&rkeep(), Duration::from_secs(seconds)).unwrap();
    println!("{sums}");
    assert_eq!(sums.broken(), Vec::<String>::new(), "{sums}");
    assert!(sums.requests > 1000 && sums.messages > 100 && sums.reloads as u64 >= seconds, "{sums}");
}
