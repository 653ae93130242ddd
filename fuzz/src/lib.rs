//! What must hold for any bytes, one function for each language and wire format. `tests/smoke.rs` calls them with seeds
//! and mutations of seeds for a few seconds; by hand, and guided by coverage, cargo-fuzz does:
//!
//! ```text
//! RKEEP_REWRITE=1 cargo test -p rkeep-fuzz seeds        # testdata's seeds and our own, as fuzz/corpus/…
//! cargo fuzz run --sanitizer none --features libfuzzer advert -- -max_total_time=600
//! ```
//! Without a sanitizer it needs no nightly toolchain, and Rust's own checks are on.
#![allow(clippy::panic, reason = "a target says what is wrong by a panic")]

mod config;
mod http;
mod http2;
mod vrrp;

pub use config::{keepalived_conf, nginx_conf};
pub use http::{answer_head, chunked, request_head};
pub use http2::{h2_backend, h2_client, hpack};
pub use vrrp::advert;
