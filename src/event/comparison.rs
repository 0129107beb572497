//! One metric as two arms compare on it.

use crate::analysis::judge::{ComparisonVerdict, Evaluation, Forecast, Interval, Poll};

/// A comparison as it stands: what reporters show and what machines read.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonRecord {
    /// The answer.
    pub verdict: ComparisonVerdict,
    /// The counts that the answer is made of, all polls together.
    pub sum: Poll,
    /// Ranges of the rates of canary and stable, where they are known.
    pub rates: Option<[Interval; 2]>,
    /// How many times stable's rate the canary's is; none where stable had no bad ones.
    pub ratio: Option<f64>,
    /// Range of that ratio, its upper end may be infinite; none where the canary is held against a
    /// limit, and there is no stable arm.
    pub ratio_interval: Option<Interval>,
    /// The evidence that the answer is made of.
    pub evaluation: Evaluation,
    /// Every poll with how it stood after it, in order; also those after the answer.
    pub polls: Vec<(Poll, Evaluation)>,
    /// What it will take until it is decided, where that is known.
    pub forecast: Option<Forecast>,
    /// What it says to people: the figures, the judgement, remarks; a line each.
    pub sentence: String,
}

impl ComparisonRecord {
    /// Returns the judgement in one line.
    pub fn judgement(&self) -> &str {
        let mut lines = self.sentence.lines();
        lines.nth(1).unwrap_or(&self.sentence)
    }
}
