//! The rules that look at a step after every poll: the judge as shipped, and what others use.
//!
//! Others: a fixed threshold as Argo Rollouts counts it (argoproj/argo-rollouts,
//! docs/features/analysis.md: `failureLimit: 3` fails with the fourth bad measurement), a z-test of
//! two proportions on all counts so far, and the rank test of Kayenta (`rank_test`).

use shipgate::analysis::judge::{ComparisonVerdict, Counts, Dispersion, Judge, Parameters, Poll};

use super::rank_test;

/// Bad measurements that the fixed threshold bears.
const FAILURE_LIMIT: u32 = 3;
const THRESHOLD: f64 = 0.01;
/// The rank test looks every minute from this one on: with fewer points it never decides.
const FIRST_MINUTE: usize = 5;
const POLLS_PER_MINUTE: usize = 2;
/// Quantiles of the normal distribution: 95 %, 99 %.
const ONE_IN_TWENTY: f64 = 1.644_853_626_951_472_2;
const ONE_IN_HUNDRED: f64 = 2.326_347_874_040_840_8;

#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// The judge; `promote_early` says whether good ends the step.
    Judge {
        parameters: Parameters,
        promote_early: bool,
    },
    /// The judge asked each time about the sums so far alone, as if there had been one poll.
    JudgeOfSums(Parameters),
    FixedThreshold,
    ZTest {
        critical: f64,
    },
    RankTest,
}

/// How a step ended, and with which poll, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ending {
    pub verdict: ComparisonVerdict,
    pub polls: usize,
    /// Bad requests of the canary until then.
    pub bad: f64,
}

impl Rule {
    pub const FIVE_PERCENT: Self = Self::ZTest {
        critical: ONE_IN_TWENTY,
    };
    pub const ONE_PERCENT: Self = Self::ZTest {
        critical: ONE_IN_HUNDRED,
    };

    /// The judge with what it is unless something is configured.
    pub fn shipped() -> Self {
        Self::judge(Parameters::default())
    }

    pub fn judge(parameters: Parameters) -> Self {
        Self::Judge {
            parameters,
            promote_early: false,
        }
    }

    pub fn promoting_early(parameters: Parameters) -> Self {
        Self::Judge {
            parameters,
            promote_early: true,
        }
    }

    /// Is a step of it so slow that a part of them has to do?
    pub fn is_slow(self) -> bool {
        matches!(self, Self::RankTest)
    }

    /// Follows a step, looks after every poll, and stops at the first decision.
    pub fn ending(self, polls: &[Poll]) -> Ending {
        let mut bad = 0.0;
        let mut last = ComparisonVerdict::NotYet;
        let mut look = self.looker(polls);
        for (number, poll) in (1..).zip(polls) {
            bad += poll.canary.bad();
            last = look(number, *poll);
            let decided = match last {
                ComparisonVerdict::Worse => true,
                ComparisonVerdict::Good => matches!(
                    self,
                    Self::Judge {
                        promote_early: true,
                        ..
                    }
                ),
                ComparisonVerdict::Hold | ComparisonVerdict::NotYet => false,
            };
            if decided {
                return Ending {
                    verdict: last,
                    polls: number,
                    bad,
                };
            }
        }
        Ending {
            verdict: last,
            polls: polls.len(),
            bad,
        }
    }

    fn looker(self, polls: &[Poll]) -> Box<dyn FnMut(usize, Poll) -> ComparisonVerdict + '_> {
        let mut sum = Poll::default();
        let verdict = |is_worse: bool| match is_worse {
            true => ComparisonVerdict::Worse,
            false => ComparisonVerdict::NotYet,
        };
        match self {
            Self::Judge { parameters, .. } => {
                let mut judge = Judge::new(parameters).unwrap();
                Box::new(move |_, poll| {
                    judge.push(poll);
                    judge.evaluate().verdict
                })
            }
            Self::JudgeOfSums(parameters) => Box::new(move |_, poll| {
                sum = sum.plus(poll);
                let mut judge = Judge::new(parameters.one_look()).unwrap();
                judge.push(sum);
                judge.evaluate().verdict
            }),
            Self::FixedThreshold => {
                let mut failed = 0;
                Box::new(move |_, poll| {
                    failed += u32::from(poll.canary.rate().is_some_and(|rate| rate > THRESHOLD));
                    verdict(failed > FAILURE_LIMIT)
                })
            }
            Self::ZTest { critical } => Box::new(move |_, poll| {
                sum = sum.plus(poll);
                verdict(z(sum).is_some_and(|z| z > critical))
            }),
            Self::RankTest => Box::new(move |number, _| {
                let minutes = number / POLLS_PER_MINUTE;
                let looks = number % POLLS_PER_MINUTE == 0 && minutes >= FIRST_MINUTE;
                verdict(
                    looks && {
                        let points = |arm: fn(&Poll) -> Counts| {
                            polls
                                .chunks_exact(POLLS_PER_MINUTE)
                                .take(minutes)
                                .filter_map(|minute| {
                                    let counts =
                                        minute.iter().map(arm).fold(Counts::NONE, Counts::plus);
                                    counts.rate().map(|rate| 100.0 * rate)
                                })
                                .collect::<Vec<f64>>()
                        };
                        rank_test::is_high(&points(|poll| poll.stable), &points(|poll| poll.canary))
                    },
                )
            }),
        }
    }
}

/// Without tolerance and negligible rate, else as shipped.
pub fn strict() -> Parameters {
    Parameters {
        tolerated_ratio: 1.0,
        ..Parameters::default()
    }
}

/// The bare formula: no tolerance, no negligible rate, no cap, one beginning, φ of 1.
pub fn bare() -> Parameters {
    Parameters {
        negligible_rate: 0.0,
        dispersion: Dispersion::Fixed(1.0),
        restart_polls: 0,
        one_poll_decides: true,
        ..strict()
    }
}

/// The statistic of the test of two proportions with the pooled variance.
fn z(sum: Poll) -> Option<f64> {
    let Poll { canary, stable } = sum;
    let all = canary.plus(stable).rate()?;
    let variance = all * (1.0 - all) * (1.0 / canary.total() + 1.0 / stable.total());
    let difference = canary.rate()? - stable.rate()?;
    (variance > 0.0).then(|| difference / variance.sqrt())
}
