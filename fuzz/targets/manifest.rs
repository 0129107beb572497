//! Any bytes as a manifest with an edit; see `bodies/manifest.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipgate_fuzz::manifest::run(bytes));
