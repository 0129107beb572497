//! Any bytes as a list of allowed signers; see `bodies/allowed_signers.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipgate_fuzz::allowed_signers::run(bytes));
