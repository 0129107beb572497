//! Ranges for a rate and for the ratio of two rates that stay right however often one looks.
//!
//! Each is the set of values that a Beta(½, ½) mixture does not reject at `alpha`: the evidence
//! against them never reached `1/alpha` (Howard & Ramdas, Bernoulli 28(3), 2022).

/// A range with both ends; an upper end may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end; infinite where nothing limits it.
    pub high: f64,
}
