//! Samples -> [`Judgement`]: is what runs now good enough? Knows no clock, no provider.

mod sample;

pub use sample::{Reading, Sample};
