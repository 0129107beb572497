//! The judges of every kind of comparison behind one: what came goes in, how it stands comes out.

use super::arms::{Amount, Pair};
use crate::{
    analysis::{
        judge::{
            Against, Counts, Evaluation, Judge, ParameterProblem, Parameters, Poll, RANGE_ALPHA,
            Stable, figures, rate_interval, ratio_interval,
        },
        latency::{Quantile, Sign, quantile_sentences, sign_sentences},
    },
    config::verification::Compared,
    event::{ComparedFigures, ComparisonRecord},
};

/// The judge of one comparison.
pub(super) enum AnyJudge {
    /// Of shares of requests.
    Shares(Box<Judge>),
    /// Of a percentile, from buckets.
    Percentile(Box<Quantile>),
    /// Of a finished number.
    Number(Sign),
}

impl AnyJudge {
    /// Begins without any polls.
    ///
    /// # Errors
    /// Parameters that make no sense, all of them.
    pub(super) fn new(
        compared: &Compared,
        parameters: Parameters,
    ) -> Result<Self, Vec<ParameterProblem>> {
        Ok(match compared {
            Compared::Requests { .. } | Compared::SlowShare { .. } => {
                Self::Shares(Box::new(Judge::new(parameters)?))
            }
            Compared::Quantile { quantile, .. } => {
                Self::Percentile(Box::new(Quantile::new(parameters, *quantile)?))
            }
            Compared::Gauge { .. } => Self::Number(Sign::new(parameters)?),
        })
    }

    /// Takes the next poll and returns the requests in it with how it stands after it; none where
    /// there is nothing to compare with, which is then no poll.
    ///
    /// # Errors
    /// Why the poll is left out: buckets that differ, a number that is none.
    pub(super) fn push(&mut self, pair: Pair) -> Result<Option<(Poll, Evaluation)>, String> {
        let counts = pair.counts();
        match (self, pair.canary, pair.stable) {
            (Self::Shares(judge), ..) => Ok(counts.map(|poll| {
                judge.push(poll);
                (poll, judge.evaluate())
            })),
            (Self::Percentile(judge), Amount::Buckets(canary), Some(Amount::Buckets(stable))) => {
                let pushed = judge.push(&canary, &stable);
                pushed.map_err(|error| format!("`histogram`: {error}"))?;
                let poll = requests([canary.total(), stable.total()]);
                Ok(Some((poll, judge.evaluate())))
            }
            (Self::Number(judge), Amount::Number(canary), Some(Amount::Number(stable))) => {
                let pushed = judge.push(canary, stable);
                pushed.map_err(|error| format!("`query`: {error}"))?;
                Ok(Some((Poll::default(), judge.evaluate())))
            }
            _ => Ok(None),
        }
    }

    /// Says that no other poll will come, and returns how it stands then.
    pub(super) fn close(&mut self) -> Evaluation {
        match self {
            Self::Shares(judge) => {
                judge.close();
                judge.evaluate()
            }
            Self::Percentile(judge) => {
                judge.close();
                judge.evaluate()
            }
            Self::Number(judge) => {
                judge.close();
                judge.evaluate()
            }
        }
    }

    /// Returns the requests of all polls; none of finished numbers.
    pub(super) fn sum(&self) -> Poll {
        match self {
            Self::Shares(judge) => judge.sum(),
            Self::Percentile(judge) => requests(judge.percentiles().map(|arm| arm.requests)),
            Self::Number(_) => Poll::default(),
        }
    }

    /// Returns what there is to know of the new version in one number: its share of bad requests, the
    /// boundary that its percentile does not exceed, or its average.
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Shares(judge) => judge.sum().canary.rate(),
            Self::Percentile(judge) => {
                let [canary, _] = judge.percentiles();
                canary.at_most.filter(|_| canary.requests > 0.0)
            }
            Self::Number(judge) => judge.averages().map(|[canary, _]| canary),
        }
    }

    /// Says what could not have been seen; none where so little came that nothing was judged.
    pub(super) fn unseen(&self) -> Option<String> {
        let is_judged = match self {
            Self::Shares(judge) => return unseen_share(judge),
            Self::Percentile(judge) => {
                let mut arms = judge.percentiles().into_iter();
                arms.all(|arm| arm.requests >= Parameters::MIN_REQUESTS)
            }
            Self::Number(judge) => {
                let (above, others) = judge.polls();
                f64::from(above.saturating_add(others)) >= Parameters::MIN_BAD
            }
        };
        // A percentile or a number that is not above stable's for certain may be above by any factor.
        is_judged.then(|| "how much worse than stable it may be is not known".to_owned())
    }

    /// Puts together what there is to say: `evaluation` is the answer, `polls` are all polls with how
    /// it stood after each.
    pub(super) fn record(
        &self,
        name: &str,
        stable: Stable,
        evaluation: Evaluation,
        polls: Vec<(Poll, Evaluation)>,
    ) -> ComparisonRecord {
        match self {
            Self::Shares(judge) => ComparisonRecord::of(
                name,
                judge.parameters(),
                stable,
                judge.sum(),
                evaluation,
                polls,
            ),
            Self::Percentile(judge) => {
                let sentences = quantile_sentences(name, judge, stable, &evaluation);
                let figures = ComparedFigures::Percentiles;
                ComparisonRecord::of_times(figures, None, evaluation, polls, &sentences)
            }
            Self::Number(judge) => {
                let sentences = sign_sentences(name, judge, &evaluation);
                let averages = judge.averages().filter(|[_, stable]| *stable > 0.0);
                let ratio = averages.map(|[canary, stable]| canary / stable);
                let figures = ComparedFigures::Numbers;
                ComparisonRecord::of_times(figures, ratio, evaluation, polls, &sentences)
            }
        }
    }
}

fn unseen_share(judge: &Judge) -> Option<String> {
    let sum = judge.sum();
    match judge.parameters().against {
        Against::Stable => {
            let most = figures::at_most(ratio_interval(sum, RANGE_ALPHA))?;
            Some(format!(
                "a version up to {most} as bad as stable would not have been seen"
            ))
        }
        Against::Rate(_) => {
            let range = rate_interval(sum.canary, RANGE_ALPHA);
            let is_judged = sum.canary.total() >= Parameters::MIN_REQUESTS;
            is_judged.then(|| format!("{} of its requests may be bad", figures::rate_range(range)))
        }
    }
}

/// Requests of both arms of which none is bad.
fn requests(totals: [f64; 2]) -> Poll {
    let [canary, stable] = totals.map(|total| Counts::measured(total, 0.0).unwrap_or(Counts::NONE));
    Poll { canary, stable }
}
