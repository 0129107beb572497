//! Latency: the share of slow requests, percentiles from buckets, gauges.

use std::fmt::Write as _;

use shipgate::analysis::{
    judge::{ComparisonVerdict, Evaluation, Parameters},
    latency::{Buckets, BucketsError, Quantile, Sign, SlowAbove},
};

use crate::golden::{assert_near, rows};

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ').map(|part| part.parse().unwrap()).collect()
}

/// Buckets of boundaries and cumulative counts, the last of which is that of `+Inf`.
fn buckets(boundaries: &[f64], cumulative: &[f64]) -> Buckets {
    assert_eq!(boundaries.len() + 1, cumulative.len());
    let ends = boundaries.iter().copied().chain([f64::INFINITY]);
    Buckets::new(ends.zip(cumulative.iter().copied())).unwrap()
}

#[test]
fn percentiles_are_those_of_the_rows() {
    for row in rows("golden_quantile.csv") {
        let boundaries = numbers(row.text("boundaries"));
        let arm = |column: &str| buckets(&boundaries, &numbers(row.text(column)));
        let parameters = Parameters {
            tolerated_ratio: row.number("tolerated_factor"),
            ..Parameters::default()
        };
        let mut quantile = Quantile::new(parameters.one_look(), row.number("quantile")).unwrap();
        quantile
            .push(&arm("canary_cumulative"), &arm("stable_cumulative"))
            .unwrap();
        let found = quantile.evaluate();
        assert_near(found.ln_e_worse, row.number("ln_e_worse"), row.text("id"));
        assert_eq!(found.phi, 1.0);
    }
}

#[test]
fn gauges_are_those_of_the_rows() {
    for row in rows("golden_sign.csv") {
        let mut sign = Sign::new(Parameters::default()).unwrap();
        for _ in 0..row.whole("polls_canary_above_limit") {
            sign.push(1.26, 1.0).unwrap();
        }
        for _ in 0..row.whole("polls_canary_below_limit") {
            sign.push(1.25, 1.0).unwrap();
        }
        let found = sign.evaluate();
        let what = format!("{:?}", sign.polls());
        assert_near(found.ln_e_worse, row.number("ln_e_worse"), &what);
        let worse = found.verdict == ComparisonVerdict::Worse;
        assert_eq!(worse, row.text("verdict_alpha_0_01") == "WORSE", "{what}");
    }
}

const DEFAULT_BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// `requests`, spread over the default buckets as an exponential distribution of this mean is.
fn exponential(requests: f64, mean: f64) -> Buckets {
    let mut cumulative: Vec<f64> = DEFAULT_BUCKETS
        .iter()
        .map(|end| requests * (1.0 - (-end / mean).exp()))
        .collect();
    cumulative.push(requests);
    buckets(&DEFAULT_BUCKETS, &cumulative)
}

#[test]
fn the_boundary_comes_from_stables_history() {
    let error = |stable: &Buckets| SlowAbove::of_history(stable).unwrap_err().to_string();
    let found = SlowAbove::of_history(&exponential(10_000.0, 0.1)).unwrap();
    // Its 95th percentile is 0.2996.
    assert_eq!(found.boundary(), 0.5);
    let counts = found.counts(&exponential(1000.0, 0.2)).unwrap();
    assert_eq!((counts.total(), counts.bad().round()), (1000.0, 82.0));
    // A percentile that is a boundary is that boundary.
    let edge = buckets(&[0.1, 0.2], &[950.0, 1000.0, 1000.0]);
    assert_eq!(SlowAbove::of_history(&edge).unwrap().boundary(), 0.1);

    insta::assert_snapshot!(error(&exponential(10_000.0, 8.0)), @"stable's 95th percentile is above the largest bucket, 10");
    insta::assert_snapshot!(error(&exponential(19.0, 0.1)), @"stable had 19 requests in the time before, too few for a 95th percentile (20 needed)");
    insta::assert_snapshot!(
        SlowAbove::new(0.4).counts(&exponential(1.0, 0.1)).unwrap_err().to_string(),
        @"no bucket ends at 0.4; the nearest end at 0.25 and 0.5"
    );
    insta::assert_snapshot!(
        SlowAbove::new(f64::INFINITY).counts(&exponential(1.0, 0.1)).unwrap_err().to_string(),
        @"no bucket ends at inf; the nearest ends at 10"
    );
}

#[test]
fn what_is_no_histogram() {
    let infinite = f64::INFINITY;
    for (counts, expected) in [
        (vec![], BucketsError::NoTotal),
        (vec![(0.1, 1.0), (0.2, 2.0)], BucketsError::NoTotal),
        (vec![(infinite, 2.0)], BucketsError::NoBoundary),
        (
            vec![(0.1, 1.0), (infinite, 2.0), (0.1, 1.0)],
            BucketsError::Twice(0.1),
        ),
        (
            vec![(infinite, 2.0), (infinite, 2.0)],
            BucketsError::Twice(infinite),
        ),
        (
            vec![(f64::NAN, 1.0), (infinite, 2.0)],
            BucketsError::NotANumber,
        ),
        (vec![(-1.0, 1.0), (infinite, 2.0)], BucketsError::NotANumber),
        (
            vec![(0.1, f64::NAN), (infinite, 2.0)],
            BucketsError::NotANumber,
        ),
        (vec![(0.1, -1.0), (infinite, 2.0)], BucketsError::NotANumber),
        (
            vec![(0.1, 1.0), (infinite, infinite)],
            BucketsError::NotANumber,
        ),
    ] {
        assert_eq!(Buckets::new(counts.clone()), Err(expected), "{counts:?}");
    }
    // In any order; what falls is lifted.
    let found = Buckets::new([(infinite, 9.5), (0.2, 10.0), (0.1, 4.0)]).unwrap();
    assert_eq!(found.slower().collect::<Vec<_>>(), [6.0, 0.0]);
    assert_eq!(found.total(), 10.0);
}

fn after(polls: usize, canary: &Buckets, stable: &Buckets, parameters: Parameters) -> Evaluation {
    let mut quantile = Quantile::new(parameters, 0.99).unwrap();
    for _ in 0..polls {
        quantile.push(canary, stable).unwrap();
    }
    quantile.evaluate()
}

/// What it can see and what it cannot, with Prometheus' default buckets.
#[test]
fn percentiles_poll_by_poll() {
    let parameters = Parameters {
        tolerated_ratio: 1.2,
        unacceptable_ratio: 3.0,
        soak_polls: 3,
        ..Parameters::default()
    };
    let mut table = String::new();
    for (canary, stable) in [(0.1, 0.1), (0.15, 0.1), (0.4, 0.1), (0.1, 0.4), (3.0, 0.1)] {
        let words: Vec<&str> = (1..=6)
            .map(|polls| {
                let (canary, stable) = (exponential(1e4, canary), exponential(1e5, stable));
                after(polls, &canary, &stable, parameters).verdict.word()
            })
            .collect();
        writeln!(table, "mean {canary} against {stable}: {}", words.join(" ")).unwrap();
    }
    insta::assert_snapshot!(table, @r"
    mean 0.1 against 0.1: not-yet not-yet good good good good
    mean 0.15 against 0.1: not-yet not-yet not-yet not-yet not-yet not-yet
    mean 0.4 against 0.1: not-yet not-yet not-yet worse worse worse
    mean 0.1 against 0.4: not-yet not-yet good good good good
    mean 3 against 0.1: not-yet not-yet worse worse worse worse
    ");
}

#[test]
fn two_slow_requests_are_no_slow_percentile() {
    let slow = |requests: f64| {
        let mut cumulative = [0.0; 12];
        cumulative[11] = requests;
        buckets(&DEFAULT_BUCKETS, &cumulative)
    };
    let stable = exponential(1e5, 0.1);
    let verdict = |polls| after(polls, &slow(1.0), &stable, Parameters::default());
    assert!(verdict(2).ln_e_worse <= 0.0);
    assert!(verdict(3).ln_e_worse > 0.0);
    assert_eq!(verdict(9).verdict, ComparisonVerdict::Worse);
    // However bad it is, one poll does not decide.
    let outage = after(1, &slow(1e6), &stable, Parameters::default());
    assert_eq!(outage.verdict, ComparisonVerdict::NotYet);
}

#[test]
fn polls_with_other_buckets_are_left_out() {
    let mut quantile = Quantile::new(Parameters::default(), 0.99).unwrap();
    let (usual, other) = (exponential(10.0, 0.1), buckets(&[0.1], &[1.0, 2.0]));
    assert!(quantile.push(&usual, &other).is_err());
    quantile.push(&usual, &usual).unwrap();
    assert!(quantile.push(&other, &other).is_err());
    assert_eq!(quantile.evaluate().polls, 1);
    let problems = Quantile::new(Parameters::default(), 99.0).unwrap_err();
    assert_eq!(problems[0].name, "quantile");
}

#[test]
fn gauges_that_are_none_are_left_out() {
    let mut sign = Sign::new(Parameters::default()).unwrap();
    for (canary, stable) in [(f64::NAN, 1.0), (1.0, f64::INFINITY), (-1.0, 1.0)] {
        assert!(sign.push(canary, stable).is_err());
    }
    assert_eq!(sign.polls(), (0, 0));
    // Nothing takes no time in both arms: that is not slower.
    for _ in 0..10 {
        sign.push(0.0, 0.0).unwrap();
    }
    assert_eq!(sign.evaluate().verdict, ComparisonVerdict::Good);
}
