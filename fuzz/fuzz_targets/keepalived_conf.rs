//! See `rkeep_fuzz::keepalived_conf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rkeep_fuzz::keepalived_conf(bytes));
