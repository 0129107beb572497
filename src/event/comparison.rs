//! One metric as two arms compare on it.

use crate::analysis::judge::{
    Against, ComparisonVerdict, Evaluation, Forecast, Interval, Parameters, Poll, RANGE_ALPHA,
    Stable, burst, forecast, onset, rate_interval, ratio_interval, sentences,
};

/// What the figures of a comparison are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ComparedFigures {
    /// Shares of requests that are bad or slow: all counts say something.
    Shares,
    /// Percentiles: the counts say how many requests there were, and none of them is bad.
    Percentiles,
    /// Finished numbers, of which nobody knows how many requests they stand for: there are no counts.
    Numbers,
}

/// A comparison as it stands: what reporters show and what machines read.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonRecord {
    /// The answer.
    pub verdict: ComparisonVerdict,
    /// What is compared.
    pub figures: ComparedFigures,
    /// The counts that the answer is made of, all polls together.
    pub sum: Poll,
    /// Ranges of the rates of canary and stable, where they are known.
    pub rates: Option<[Interval; 2]>,
    /// How many times stable's rate, or number, the canary's is; none where stable had no bad ones,
    /// and of percentiles.
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
    /// Puts together what there is to say of a comparison: `evaluation` is the answer and `sum` the
    /// counts that it is made of; `polls` are all polls, each with how it stood after it.
    pub fn of(
        name: &str,
        parameters: &Parameters,
        stable: Stable,
        sum: Poll,
        evaluation: Evaluation,
        polls: Vec<(Poll, Evaluation)>,
    ) -> Self {
        let range = ratio_interval(sum, RANGE_ALPHA);
        let forecast = forecast(parameters, sum, &evaluation);
        let judged = usize::try_from(evaluation.polls).unwrap_or(usize::MAX);
        let judged: Vec<Poll> = polls.iter().take(judged).map(|(poll, _)| *poll).collect();
        let mut lines = sentences(
            name,
            parameters,
            stable,
            sum,
            &evaluation,
            range,
            forecast.as_ref(),
        );
        lines.extend(onset(parameters, stable, &judged, &evaluation));
        lines.extend(burst(parameters, &judged, evaluation.verdict));
        let against_stable = parameters.against == Against::Stable;
        Self {
            verdict: evaluation.verdict,
            figures: ComparedFigures::Shares,
            sum,
            rates: Some([sum.canary, sum.stable].map(|arm| rate_interval(arm, RANGE_ALPHA))),
            ratio: sum.ratio().filter(|_| against_stable),
            ratio_interval: against_stable.then_some(range),
            evaluation,
            polls,
            forecast,
            sentence: lines.join("\n"),
        }
    }

    /// Puts together what there is to say of a comparison whose evidence is not that of counts;
    /// `sentences` are its figures and its judgement.
    pub fn of_times(
        figures: ComparedFigures,
        ratio: Option<f64>,
        evaluation: Evaluation,
        polls: Vec<(Poll, Evaluation)>,
        sentences: &[String],
    ) -> Self {
        let counts = polls.iter().map(|(poll, _)| *poll);
        Self {
            verdict: evaluation.verdict,
            figures,
            sum: counts.fold(Poll::default(), Poll::plus),
            rates: None,
            ratio,
            ratio_interval: None,
            evaluation,
            polls,
            forecast: None,
            sentence: sentences.join("\n"),
        }
    }

    /// Returns the judgement in one line.
    pub fn judgement(&self) -> &str {
        let mut lines = self.sentence.lines();
        lines.nth(1).unwrap_or(&self.sentence)
    }
}
