//! Any bytes as signed statements; see `bodies/approval.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipgate_fuzz::approval::run(bytes));
