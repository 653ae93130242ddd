//! A short soak; `cargo run -p rkeep-compat-tests --bin soak` runs it for ten minutes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rkeep_compat_tests::{soak, subject};

#[test]
fn nothing_fails_under_reloads_and_a_dying_backend() {
    let sums = soak::soak(&subject(), Duration::from_secs(21)).unwrap();
    println!("{sums}");
    assert_eq!(sums.broken(&subject()), Vec::<String>::new(), "{sums}");
    assert!(sums.gets > 1000 && sums.posts > 100 && sums.kills >= 3 && sums.reloads > 10, "{sums}");
}
