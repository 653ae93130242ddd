//! See `rkeep_fuzz::hpack`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::hpack(bytes));
