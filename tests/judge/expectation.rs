//! The promise itself, without chance: over every outcome that small numbers of requests can have,
//! weighed with its probability, the evidence of a canary that is within what is tolerated is on
//! average at most 1, and it is called worse with a probability of at most alpha.

use shipgate::analysis::{
    judge::{Against, ComparisonVerdict, Counts, Dispersion, Judge, Multiple, Parameters, Poll},
    latency::{Buckets, Quantile, Sign},
};

/// Outcomes of so many requests with their probabilities.
fn outcomes(requests: u32, rate: f64) -> Vec<(f64, Counts)> {
    let mut chance = (1.0 - rate).powi(i32::try_from(requests).unwrap());
    (0..=requests)
        .map(|bad| {
            let outcome = Counts::new(f64::from(requests), f64::from(bad)).unwrap();
            let this = chance;
            chance *= f64::from(requests - bad) / f64::from(bad + 1) * rate / (1.0 - rate);
            (this, outcome)
        })
        .collect()
}

fn polls(requests: [u32; 2], rates: [f64; 2]) -> Vec<(f64, Poll)> {
    let canaries = outcomes(requests[0], rates[0]);
    let stables = outcomes(requests[1], rates[1]);
    canaries
        .iter()
        .flat_map(|(chance, canary)| {
            stables.iter().map(move |(of_stable, stable)| {
                let poll = Poll {
                    canary: *canary,
                    stable: *stable,
                };
                (chance * of_stable, poll)
            })
        })
        .collect()
}

const NUMBERS: [[u32; 2]; 5] = [[1, 1], [3, 20], [20, 3], [10, 10], [12, 40]];
const RATES: [f64; 5] = [1e-4, 0.01, 0.1, 0.3, 0.45];

#[test]
fn evidence_of_one_poll_is_at_most_one_on_average() {
    let mut most: f64 = 0.0;
    for numbers in NUMBERS {
        for stable in RATES {
            for (multiple, ratio, margin) in [
                (1.25, 1.0, 0.0),
                (2.0, 1.25, 0.0),
                (25.0, 1.25, 0.0),
                (2.0, 1.25, 0.01),
                (10.0, 1.0, 0.05),
                (0.5, 2.0, 0.0),
                (0.5, 2.0, 0.01),
                (0.1, 1.5, 0.05),
            ] {
                let canary = (ratio * stable + margin).min(0.99);
                if multiple < 1.0 && ratio * stable + margin > 0.99 {
                    continue;
                }
                let multiple = Multiple::new(multiple);
                let mut mean = 0.0;
                for (chance, poll) in polls(numbers, [canary, stable]) {
                    mean += chance * multiple.against_ratio_and_margin(ratio, margin, poll).exp();
                }
                assert!(
                    mean <= 1.0 + 1e-12,
                    "{numbers:?} {stable} {multiple:?} {mean}"
                );
                most = most.max(mean);
                let mut mean = 0.0;
                for (chance, arm) in outcomes(numbers[0], canary) {
                    mean += chance * multiple.against_rate(canary, arm).exp();
                }
                assert!(
                    mean <= 1.0 + 1e-12,
                    "{numbers:?} {canary} {multiple:?} {mean}"
                );
            }
        }
    }
    // Not because there is none.
    assert!(most > 0.999, "{most}");
}

/// The mean of both kinds of evidence after all polls, and the chance of ever saying worse and good.
struct Run {
    worse: f64,
    good: f64,
    ever_worse: f64,
    ever_good: f64,
}

/// Every course of three polls.
fn courses(parameters: Parameters, numbers: [u32; 2], rates: [f64; 2]) -> Run {
    let each = polls(numbers, rates);
    let mut run = Run {
        worse: 0.0,
        good: 0.0,
        ever_worse: 0.0,
        ever_good: 0.0,
    };
    for (first_chance, first) in &each {
        let mut judge = Judge::new(parameters).unwrap();
        judge.push(*first);
        let after_one = judge.evaluate().verdict;
        for (second_chance, second) in &each {
            let mut judge = judge.clone();
            judge.push(*second);
            let after_two = judge.evaluate().verdict;
            for (third_chance, third) in &each {
                let mut judge = judge.clone();
                judge.push(*third);
                let found = judge.evaluate();
                let chance = first_chance * second_chance * third_chance;
                run.worse += chance * found.ln_e_worse.exp();
                run.good += chance * found.ln_e_good.exp();
                let ever = |wanted| [after_one, after_two, found.verdict].contains(&wanted);
                if ever(ComparisonVerdict::Worse) {
                    run.ever_worse += chance;
                }
                if ever(ComparisonVerdict::Good) {
                    run.ever_good += chance;
                }
            }
        }
    }
    run
}

#[test]
fn every_course_of_three_polls_keeps_the_promise() {
    let usual = Parameters {
        dispersion: Dispersion::Fixed(1.0),
        alpha_worse: 0.2,
        restart_polls: 1,
        max_polls: 3,
        ..Parameters::default()
    };
    let mut most = 0.0_f64;
    for (name, parameters) in [
        ("usual", usual),
        (
            "one beginning",
            Parameters {
                restart_polls: 0,
                ..usual
            },
        ),
        (
            "one poll decides",
            Parameters {
                one_poll_decides: true,
                ..usual
            },
        ),
        (
            "every error counts",
            Parameters {
                negligible_rate: 0.0,
                tolerated_ratio: 1.0,
                ..usual
            },
        ),
        (
            "much is negligible",
            Parameters {
                negligible_rate: 0.3,
                ..usual
            },
        ),
        (
            "a margin",
            Parameters {
                tolerated_margin: 0.05,
                ..usual
            },
        ),
        (
            "clusters",
            Parameters {
                dispersion: Dispersion::Fixed(2.0),
                ..usual
            },
        ),
        (
            "a limit",
            Parameters {
                against: Against::Rate(0.2),
                ..usual
            },
        ),
    ] {
        for numbers in [[3, 2], [1, 4]] {
            for stable in [0.02, 0.3] {
                let beside = |ratio: f64| {
                    (ratio * stable + parameters.tolerated_margin).max(parameters.negligible_rate)
                };
                let (tolerated, unacceptable) = match parameters.against {
                    Against::Rate(rate) => (rate, rate),
                    Against::Stable => (
                        beside(parameters.tolerated_ratio),
                        beside(parameters.unacceptable_ratio),
                    ),
                };
                let what = format!("{name} {numbers:?} {stable}");
                let run = courses(parameters, numbers, [tolerated, stable]);
                assert!(run.worse <= 1.0 + 1e-9, "{what}: {}", run.worse);
                assert!(
                    run.ever_worse <= parameters.alpha_worse,
                    "{what}: {}",
                    run.ever_worse
                );
                most = most.max(run.ever_worse);
                let run = courses(parameters, numbers, [unacceptable, stable]);
                assert!(run.good <= 1.0 + 1e-9, "{what}: {}", run.good);
                assert!(
                    run.ever_good <= parameters.alpha_good,
                    "{what}: {}",
                    run.ever_good
                );
            }
        }
    }
    assert!(most > 0.001, "something is called worse at all: {most}");
}

/// Histograms of so many requests in three buckets, with their probabilities.
fn histograms(requests: u32, shares: [f64; 3]) -> Vec<(f64, Buckets)> {
    let factorial = |number: u32| (1..=number).map(f64::from).product::<f64>();
    let power = |share: f64, number: u32| share.powi(i32::try_from(number).unwrap());
    let mut found = Vec::new();
    for first in 0..=requests {
        for second in 0..=requests - first {
            let third = requests - first - second;
            let ways =
                factorial(requests) / factorial(first) / factorial(second) / factorial(third);
            let [low, middle, high] = shares;
            let chance = ways * power(low, first) * power(middle, second) * power(high, third);
            let rows = [
                (1.0, f64::from(first)),
                (2.0, f64::from(first + second)),
                (f64::INFINITY, f64::from(requests)),
            ];
            found.push((chance, Buckets::new(rows).unwrap()));
        }
    }
    found
}

#[test]
fn percentiles_that_are_tolerated_are_no_evidence_on_average() {
    // The canary's median is in the same bucket or below, at most twice, at least half of stable's.
    for (factor, canary, stable) in [
        (1.0, [0.3, 0.4, 0.3], [0.3, 0.4, 0.3]),
        (1.0, [0.5, 0.0, 0.5], [0.499, 0.001, 0.5]),
        (1.0, [0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
        (2.0, [0.01, 0.49, 0.5], [0.5, 0.2, 0.3]),
        (2.0, [0.0, 0.0, 1.0], [0.49, 0.5, 0.01]),
    ] {
        let parameters = Parameters {
            tolerated_ratio: factor,
            unacceptable_ratio: factor + 1.0,
            ..Parameters::default()
        };
        for parameters in [parameters, parameters.one_look()] {
            for (of_canary, of_stable) in [(4, 4), (9, 5), (5, 9)] {
                let mut mean = 0.0;
                for (chance, canary) in histograms(of_canary, canary) {
                    for (other, stable) in histograms(of_stable, stable) {
                        let mut quantile = Quantile::new(parameters, 0.5).unwrap();
                        quantile.push(&canary, &stable).unwrap();
                        mean += chance * other * quantile.evaluate().ln_e_worse.exp();
                    }
                }
                assert!(
                    mean <= 1.0 + 1e-12,
                    "{factor} {canary:?} {stable:?}: {mean}"
                );
            }
        }
    }
}

#[test]
fn a_gauge_that_is_above_every_other_time_is_no_evidence_on_average() {
    for polls in [1_u32, 5, 12] {
        let mut worse = 0.0;
        let mut good = 0.0;
        for (chance, above) in outcomes(polls, 0.5) {
            let mut sign = Sign::new(Parameters::default()).unwrap();
            for poll in 0..polls {
                let is_above = f64::from(poll) < above.bad();
                sign.push(if is_above { 2.0 } else { 1.0 }, 1.0).unwrap();
            }
            let found = sign.evaluate();
            worse += chance * found.ln_e_worse.exp();
            good += chance * found.ln_e_good.exp();
        }
        assert!(
            (worse - 1.0).abs() < 1e-12 && (good - 1.0).abs() < 1e-12,
            "{worse} {good}"
        );
    }
}
