//! ops

pub mod check;
