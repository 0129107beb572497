//! Ranges, forecasts and the split of the traffic.

use std::{f64::consts::PI, fmt::Write as _};

use shipgate::{
    analysis::judge::{
        Against, ComparisonVerdict, Counts, Dispersion, Evaluation, Interval, Judge, Parameters,
        Poll, forecast, ln_evidence, rate_interval, ratio_interval, split_mismatch,
    },
    units::Weight,
};

use crate::golden::{assert_near, rows};

pub fn poll(numbers: [f64; 4]) -> Poll {
    let [n_canary, bad_canary, n_stable, bad_stable] = numbers;
    Poll {
        canary: Counts::new(n_canary, bad_canary).unwrap(),
        stable: Counts::new(n_stable, bad_stable).unwrap(),
    }
}

#[test]
fn ranges_are_those_of_fifty_digits() {
    for row in rows("golden_bounds.csv") {
        let (id, alpha) = (row.text("id"), row.number("alpha"));
        let poll = row.poll();
        let found = match row.text("kind") {
            "rate" => rate_interval(poll.canary, alpha),
            _ => ratio_interval(poll, alpha),
        };
        // The rows have twelve digits.
        for (found, column) in [(found.low, "lower"), (found.high, "upper")] {
            let expected = row.number(column);
            let near = (found - expected).abs() <= 1e-9 * expected.abs();
            assert!(
                near || found.to_bits() == expected.to_bits(),
                "{id} {column}: {found} instead of {expected}"
            );
        }
        if row.text("kind") == "rate" {
            let probe = row.number("probe_p");
            let (bad, total) = (poll.canary.bad(), poll.canary.total());
            let found = ln_evidence(bad, total - bad, probe, 1.0 - probe);
            assert_near(found, row.number("ln_mixture_at_probe"), id);
        }
    }
}

#[test]
fn ranges_of_any_counts_hold_what_was_seen() {
    let totals = [0.0, 1e-300, 1e-9, 0.5, 1.0, 3.0, 1e3, 1e9, 1e15, 1e18];
    let shares = [0.0, 1e-300, 1e-12, 0.3, 0.5, 1.0 - 1e-12, 1.0];
    let arms: Vec<Counts> = totals
        .iter()
        .flat_map(|total| shares.map(|share| Counts::new(*total, total * share).unwrap()))
        .collect();
    for alpha in [0.05, 1e-300, 0.999] {
        for canary in &arms {
            let Interval { low, high } = rate_interval(*canary, alpha);
            let seen = canary.rate().unwrap_or(0.5);
            assert!(
                0.0 <= low && low <= seen && seen <= high && high <= 1.0,
                "{canary:?} {alpha}: {low} to {high}"
            );
            for stable in &arms {
                let poll = Poll {
                    canary: *canary,
                    stable: *stable,
                };
                let Interval { low, high } = ratio_interval(poll, alpha);
                assert!(
                    0.0 <= low && low <= high,
                    "{poll:?} {alpha}: {low} to {high}"
                );
            }
        }
    }
    // What is no chance rules nothing out.
    for alpha in [0.0, 1.0, -1.0, f64::NAN, f64::INFINITY] {
        let found = rate_interval(Counts::new(100.0, 1.0).unwrap(), alpha);
        assert_eq!((found.low, found.high), (0.0, 1.0));
    }
}

/// Far above what doubles can count to, a range is that of the normal distribution.
#[test]
fn ranges_of_huge_counts_are_narrow_and_right() {
    for total in [1e12, 1e15, 1e18] {
        let Interval { low, high } = rate_interval(Counts::new(total, 0.01 * total).unwrap(), 0.05);
        let deviation = (0.01 * 0.99 / total).sqrt();
        // There the evidence is ½ z² − ½ ln(n π/2).
        let z = (2.0 * 20_f64.ln() + (total * PI / 2.0).ln()).sqrt();
        for (found, end) in [(0.01 - low, "low"), (high - 0.01, "high")] {
            let ratio = found / deviation / z;
            assert!((ratio - 1.0).abs() < 1e-4, "{total} {end}: {ratio}");
        }
    }
}

/// The published example divides the evidence of all multiples together by φ instead of each one's:
/// 23,446 requests. Dividing each, as the judge does, leaves a little more to find.
#[test]
fn a_forecast_is_what_is_missing_over_what_a_request_brings() {
    let parameters = Parameters {
        dispersion: Dispersion::Fixed(1.2),
        ..Parameters::default()
    }
    .one_look();
    let sum = poll([5000.0, 45.0, 95000.0, 380.0]);
    let mut judge = Judge::new(parameters).unwrap();
    judge.push(sum);
    let found = judge.evaluate();
    let published = Evaluation {
        ln_e_worse: 4.36490459551 / 1.2,
        ..found
    };
    let found = forecast(&parameters, sum, &published).unwrap();
    assert_eq!(
        (found.requests.round(), found.towards),
        (23446.0, ComparisonVerdict::Worse)
    );
}

#[test]
fn how_many_more_requests() {
    let bursty = Parameters {
        dispersion: Dispersion::Fixed(1.2),
        ..Parameters::default()
    }
    .one_look();
    let limit = Parameters {
        against: Against::Rate(0.01),
        ..bursty
    };
    let strict = Parameters {
        negligible_rate: 0.0,
        ..bursty
    };
    let soaking = Parameters {
        soak_polls: 10,
        ..bursty
    };
    let mut table = String::new();
    for (name, parameters, numbers) in [
        ("towards worse", bursty, [5000.0, 45.0, 95000.0, 380.0]),
        ("like stable", bursty, [500.0, 5.0, 9500.0, 95.0]),
        ("no errors yet", bursty, [2500.0, 0.0, 47500.0, 0.0]),
        (
            "no errors yet, every one counts",
            strict,
            [2500.0, 0.0, 47500.0, 0.0],
        ),
        ("two errors may be chance", bursty, [50.0, 2.0, 1900.0, 0.0]),
        ("two errors are too few", bursty, [20.0, 2.0, 20000.0, 0.0]),
        (
            "twenty requests are too few",
            bursty,
            [20.0, 0.0, 380.0, 4.0],
        ),
        (
            "between the two limits",
            bursty,
            [5000.0, 70.0, 95000.0, 950.0],
        ),
        ("no canary", bursty, [0.0, 0.0, 95000.0, 950.0]),
        ("no stable", bursty, [500.0, 5.0, 0.0, 0.0]),
        ("nothing", bursty, [0.0, 0.0, 0.0, 0.0]),
        ("worse already", bursty, [5000.0, 90.0, 95000.0, 380.0]),
        (
            "good but for the soak",
            soaking,
            [30000.0, 27.0, 570_000.0, 570.0],
        ),
        ("above the limit", limit, [500.0, 9.0, 0.0, 0.0]),
        ("below the limit", limit, [100.0, 0.0, 0.0, 0.0]),
    ] {
        let sum = poll(numbers);
        let mut judge = Judge::new(parameters).unwrap();
        judge.push(sum);
        let line = match forecast(&parameters, sum, &judge.evaluate()) {
            Some(found) => format!("{:.0} more to {}", found.requests, found.towards.word()),
            None => "-".to_owned(),
        };
        writeln!(table, "{name}: {line}").unwrap();
    }
    insta::assert_snapshot!(table, @r"
    towards worse: 27642 more to worse
    like stable: 20919 more to good
    no errors yet: 53467 more to good
    no errors yet, every one counts: 22830620 more to good
    two errors may be chance: -
    two errors are too few: 7285753 more to good
    twenty requests are too few: 14551 more to good
    between the two limits: 209027 more to good
    no canary: -
    no stable: -
    nothing: -
    worse already: -
    good but for the soak: -
    above the limit: 3035 more to worse
    below the limit: 1876 more to good
    ");
}

#[test]
fn the_share_of_the_traffic() {
    let at = |canary: f64, stable: f64, percent: u64| {
        let sum = poll([canary, 0.0, stable, 0.0]);
        split_mismatch(sum, Weight::new(percent).unwrap())
            .map(|found| (found.share, found.expected))
    };
    let rows = [
        (at(12.0, 988.0, 5), Some((0.012, 0.05))),
        (at(25.0, 975.0, 5), None),
        // Fewer than 30 are expected.
        (at(0.0, 599.0, 5), None),
        (at(0.0, 600.0, 5), Some((0.0, 0.05))),
        // More than its share is for the comparison to judge.
        (at(900.0, 100.0, 5), None),
        (at(0.0, 0.0, 5), None),
        (at(10.0, 1000.0, 0), None),
        (at(400.0, 600.0, 100), Some((0.4, 1.0))),
    ];
    for (row, (found, expected)) in rows.into_iter().enumerate() {
        assert_eq!(found, expected, "row {row}");
    }
}
