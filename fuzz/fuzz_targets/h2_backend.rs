//! See `rkeep_fuzz::h2_backend`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::h2_backend(bytes));
