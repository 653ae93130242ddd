//! See `rkeep_fuzz::nginx_conf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::nginx_conf(bytes));
