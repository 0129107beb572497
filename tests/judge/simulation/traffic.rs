//! Traffic that is made up: how many requests each arm gets in each poll, and how many of them fail.
//!
//! Numbers of requests are Poisson, bad ones binomial. The distributions are those of `rand_distr`
//! (nothing that this repository had draws either), over the generator of `rand`, whose numbers stay
//! the same from one version to the next.

use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Binomial, Distribution, Geometric, Poisson, StandardNormal};
use shipgate::analysis::judge::{Counts, Poll};

/// Polls of a step: 30 minutes of one every 30 seconds.
pub const POLLS: u32 = 60;
pub const SECONDS: f64 = 30.0;
/// Bad requests that a storm makes at once.
const STORM: f64 = 20.0;

pub type Random = Xoshiro256PlusPlus;

/// What goes on in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// Requests of both arms together, a second.
    pub requests_per_second: f64,
    /// The canary's share of them.
    pub weight: f64,
    /// The share of stable's requests that fail.
    pub baseline: f64,
    /// How many times as many fail at the canary.
    pub multiple: f64,
    /// Errors that come together, on average.
    pub cluster: f64,
    pub course: Course,
}

/// How a step differs from one that stays as it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    Steady,
    /// The canary is as good as stable until this poll.
    LateFrom(u32),
    /// The split and the rate of both arms change.
    Drift(Split, Incident),
    /// Bursts of bad requests at random polls, at the canary with this chance and else at stable.
    Storms {
        number: u32,
        canary: f64,
    },
    /// Each arm is so many pods, and each pod has a rate of its own: the baseline times e to a normal
    /// number with this deviation.
    Pods {
        canary: u32,
        stable: u32,
        deviation: f64,
    },
    /// No stable arm: all traffic is the new version, and poll k is held against its share of the
    /// time before the step. Rates rise by this factor an hour.
    BeforeAfter {
        history_minutes: f64,
        rise: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Split {
    Constant,
    /// The canary's share moves from the first to the second in even steps.
    Ramp(f64, f64),
    /// The canary's share is the one, then the other.
    Turns(f64, f64),
}

/// Both arms get worse at the same time, because of something that they share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Incident {
    None,
    FirstThird(f64),
    EveryOther(f64),
}

/// One arm in one poll before anything is drawn.
#[derive(Debug, Clone, Copy)]
struct Arm {
    requests: f64,
    rate: f64,
}

impl Traffic {
    pub const fn new(requests_per_second: f64, weight: f64, baseline: f64, multiple: f64) -> Self {
        Self {
            requests_per_second,
            weight,
            baseline,
            multiple,
            cluster: 1.0,
            course: Course::Steady,
        }
    }

    pub const fn with(self, course: Course) -> Self {
        Self { course, ..self }
    }

    pub const fn clustered(self, cluster: f64) -> Self {
        Self { cluster, ..self }
    }

    /// Draws a step.
    pub fn draw(&self, random: &mut Random) -> Vec<Poll> {
        let pods = self.pods(random);
        let storms = self.storms(random);
        (0..POLLS)
            .map(|poll| {
                let (mut canary, mut stable) = self.arms(poll);
                canary.rate *= pods.0;
                stable.rate *= pods.1;
                let of = |storms: &[u32]| {
                    let number = storms.iter().filter(|storm| **storm == poll).count();
                    STORM * u32::try_from(number).map_or(0.0, f64::from)
                };
                Poll {
                    canary: canary.draw(self.cluster, of(&storms.0), random),
                    stable: stable.draw(self.cluster, of(&storms.1), random),
                }
            })
            .collect()
    }

    fn arms(&self, poll: u32) -> (Arm, Arm) {
        let all = self.requests_per_second * SECONDS;
        let part = f64::from(poll) / f64::from(POLLS - 1);
        let (mut weight, mut baseline, mut multiple) = (self.weight, self.baseline, self.multiple);
        match self.course {
            Course::Steady | Course::Storms { .. } | Course::Pods { .. } => {}
            Course::LateFrom(first) => {
                if poll < first {
                    multiple = 1.0;
                }
            }
            Course::Drift(split, incident) => {
                weight = match split {
                    Split::Constant => weight,
                    Split::Ramp(from, to) => from + (to - from) * part,
                    Split::Turns(even, odd) => {
                        if poll.is_multiple_of(2) {
                            even
                        } else {
                            odd
                        }
                    }
                };
                baseline *= match incident {
                    Incident::FirstThird(times) if poll < POLLS / 3 => times,
                    Incident::EveryOther(times) if !poll.is_multiple_of(2) => times,
                    _ => 1.0,
                };
            }
            Course::BeforeAfter {
                history_minutes,
                rise,
            } => {
                let seconds_before = history_minutes * 60.0 / f64::from(POLLS);
                let hours = |polls: f64, seconds: f64| polls * seconds / 3600.0;
                let now = rise.powf(hours(f64::from(poll) + 0.5, SECONDS));
                let then = rise.powf(hours(
                    f64::from(poll) + 0.5 - f64::from(POLLS),
                    seconds_before,
                ));
                return (
                    Arm {
                        requests: all,
                        rate: baseline * multiple * now,
                    },
                    Arm {
                        requests: self.requests_per_second * seconds_before,
                        rate: baseline * then,
                    },
                );
            }
        }
        let arm = |share: f64, rate: f64| Arm {
            requests: all * share,
            rate,
        };
        (
            arm(weight, baseline * multiple),
            arm(1.0 - weight, baseline),
        )
    }

    /// How much worse than the baseline the pods of each arm happen to be, on average.
    fn pods(&self, random: &mut Random) -> (f64, f64) {
        let Course::Pods {
            canary,
            stable,
            deviation,
        } = self.course
        else {
            return (1.0, 1.0);
        };
        let mut mean = |pods: u32| {
            let sum: f64 = (0..pods)
                .map(|_| {
                    let normal: f64 = StandardNormal.sample(random);
                    (deviation * normal).exp()
                })
                .sum();
            sum / f64::from(pods)
        };
        (mean(canary), mean(stable))
    }

    /// The polls at which storms come to the canary and to stable.
    fn storms(&self, random: &mut Random) -> (Vec<u32>, Vec<u32>) {
        let (mut at_canary, mut at_stable) = (Vec::new(), Vec::new());
        if let Course::Storms { number, canary } = self.course {
            for _ in 0..number {
                let poll = below(POLLS, random);
                if uniform(random) < canary {
                    at_canary.push(poll);
                } else {
                    at_stable.push(poll);
                }
            }
        }
        (at_canary, at_stable)
    }
}

impl Arm {
    fn draw(self, cluster: f64, more_bad: f64, random: &mut Random) -> Counts {
        let requests = if self.requests > 0.0 {
            Poisson::new(self.requests).unwrap().sample(random)
        } else {
            0.0
        };
        let rate = self.rate.min(1.0);
        let bad = if cluster > 1.0 {
            // As many errors on average, in fewer places.
            let places = binomial(requests, rate / cluster, random);
            let more = Geometric::new(1.0 / cluster).unwrap();
            (0..places).map(|_| 1 + more.sample(random)).sum()
        } else {
            binomial(requests, rate, random)
        };
        let bad = u32::try_from(bad).map_or(f64::MAX, f64::from) + more_bad;
        Counts::new(requests, bad.min(requests)).unwrap()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a Poisson number is whole and small"
)]
fn binomial(requests: f64, rate: f64, random: &mut Random) -> u64 {
    Binomial::new(requests as u64, rate).unwrap().sample(random)
}

fn uniform(random: &mut Random) -> f64 {
    rand::RngExt::random(random)
}

fn below(limit: u32, random: &mut Random) -> u32 {
    rand::RngExt::random_range(random, 0..limit)
}
