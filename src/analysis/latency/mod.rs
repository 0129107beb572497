//! Latency of two arms -> the same answers as for errors.
//!
//! Best is the share of slow requests ([`SlowAbove`]): it makes counts of a histogram, and a
//! [`Judge`](super::judge::Judge) does the rest. [`Quantile`] asks for a percentile itself where the
//! buckets are fine enough. [`Sign`] is for providers that give nothing but a finished number a poll.
//! All take raw [`Buckets`] or numbers, and know no clock.

mod buckets;
mod quantile;
mod sentence;
mod sign;
mod slow_share;

pub use buckets::{Buckets, BucketsError};
pub use quantile::{OtherBuckets, Percentile, Quantile};
pub use sentence::{quantile_sentences, sign_sentences};
pub use sign::{NotAGauge, Sign};
pub use slow_share::{NoBucketEndsHere, NoSlowBoundary, SlowAbove};
