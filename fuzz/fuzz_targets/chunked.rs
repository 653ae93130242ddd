//! See `rkeep_fuzz::chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::chunked(bytes));
