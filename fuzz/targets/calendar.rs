//! Any bytes as an iCalendar file; see `bodies/calendar.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shipgate_fuzz::calendar::run(bytes));
