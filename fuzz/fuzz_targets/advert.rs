//! See `rkeep_fuzz::advert`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::advert(bytes));
