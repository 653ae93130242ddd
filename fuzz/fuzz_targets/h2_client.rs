//! See `rkeep_fuzz::h2_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::h2_client(bytes));
