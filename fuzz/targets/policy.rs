//! Any bytes as a policy; see `bodies/policy.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipgate_fuzz::policy::run(bytes));
