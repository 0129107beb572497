//! A canary that is worse: how often is it found within half an hour, and how soon?

use shipgate::analysis::judge::Parameters;

use super::{
    engine::{Other, Setting, Simulated, number},
    null::labels,
    proof,
    rules::Rule,
    simulate,
    traffic::Traffic,
    with_peers,
};
use crate::golden::{self, Row};

const FEW: u64 = 40;
/// Runs of the simulation that is compared with.
const OTHER_RUNS: u64 = 4_000;
/// Polls in a minute.
const A_MINUTE: f64 = 2.0;

/// Misses, medians and 90 % points are those that an independent simulation found (`detection.csv`,
/// 4,000 runs of each row). All rows at length, those of 5 % weight in a sample.
#[test]
fn worse_than_stable() {
    let rows = golden::rows("../simulation/detection.csv");
    assert_eq!(rows.len(), 120);
    for row in rows {
        let (multiple, weight) = (row.number("multiple"), row.number("weight") / 100.0);
        if proof().is_none() && (row.text("weight") != "5" || row.text("multiple") == "1.5") {
            continue;
        }
        let traffic = Traffic::new(
            row.number("requests_per_second"),
            weight,
            row.number("baseline") / 100.0,
            multiple,
        );
        let mut labels = labels(&traffic);
        labels.insert(1, ("canary", format!("×{multiple}")));
        let setting = Setting {
            table: "detection",
            labels,
            traffic,
            rules: with_peers(&[("shipped", Rule::promoting_early(Parameters::default()))]),
        };
        let simulated = simulate(&setting, FEW);
        as_quoted(&simulated, &row);
    }
}

fn as_quoted(simulated: &Simulated, row: &Row) {
    let tally = simulated.of("shipped");
    let missed = 1.0 - tally.share(tally.worse());
    let other = |share: f64, digit: f64| Other {
        share,
        runs: OTHER_RUNS,
        digit,
    };
    let quoted = other(row.number("missed_percent") / 100.0, 1e-3);
    simulated.assert_near("missed", missed, tally.runs, quoted);
    // A median of 14 minutes says that fewer than half were found by 13.5, and half or more by 14.
    for (column, share) in [("median_minutes", 0.5), ("ninety_percent_minutes", 0.9)] {
        if row.text(column).is_empty() {
            let found = tally.share(tally.worse()).min(share);
            let most = other(found.min(share), 0.0);
            simulated.assert_near(column, tally.share(tally.worse()), tally.runs, most);
            continue;
        }
        let polls = row.number(column) * A_MINUTE;
        let by = |polls: f64| {
            let whole = (0..=60).find(|whole| number(*whole) >= polls).unwrap();
            tally.share(tally.worse_within(whole))
        };
        let (before, then) = (by(polls - 1.0), by(polls));
        simulated.assert_near(column, before, tally.runs, other(before.min(share), 0.0));
        simulated.assert_near(column, then, tally.runs, other(then.max(share), 0.0));
    }
}
