//! One file for each working command: does it, and speaks only through a `Reporter`.

pub mod set;
