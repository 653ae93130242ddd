//! See `rkeep_fuzz::answer_head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::answer_head(bytes));
