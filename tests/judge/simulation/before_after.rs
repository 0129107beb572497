//! No stable arm: poll k of now is held against its share of the time before the step.

use super::{
    engine::Setting,
    percent,
    rules::{Rule, strict},
    simulate,
    traffic::{Course, Traffic},
    with_peers,
};

const FEW: u64 = 25;
const ALPHA: f64 = 0.01;
/// Twice the length of the watch: what is taken unless something is configured.
const HISTORY: f64 = 60.0;

/// Where traffic is as it was, the promise holds, whatever the history's length.
#[test]
fn as_it_was() {
    for history_minutes in [10.0, 30.0, HISTORY, 120.0] {
        for (requests, baseline) in [(10.0, 0.01), (100.0, 0.01), (1000.0, 0.01), (100.0, 0.001)] {
            let simulated = simulate(
                &setting(
                    "before_after",
                    requests,
                    baseline,
                    history_minutes,
                    1.0,
                    1.0,
                ),
                FEW,
            );
            simulated.assert_worse_at_most("shipped", ALPHA);
            simulated.assert_worse_at_most("strict", ALPHA);
        }
    }
}

/// What a new version costs is found as between two arms.
#[test]
fn worse_than_it_was() {
    for (multiple, least) in [(1.5, 0.0), (2.0, 0.9), (5.0, 0.9)] {
        for requests in [10.0, 100.0, 1000.0] {
            let simulated = simulate(
                &setting("before_after_worse", requests, 0.01, HISTORY, multiple, 1.0),
                FEW,
            );
            let tally = simulated.of("shipped");
            let found = tally.share(tally.worse());
            assert!(
                found >= least || requests < 100.0,
                "×{multiple} found in {found}"
            );
        }
    }
}

/// Rates that rise by themselves look like the new version: slowly is borne, fast is not, and nothing
/// in the counts tells them apart.
#[test]
fn rates_that_rise_by_themselves() {
    for rise in [1.1, 1.25, 1.5, 2.0, 4.0] {
        for requests in [100.0, 1000.0] {
            let simulated = simulate(
                &setting("before_after_drift", requests, 0.01, HISTORY, 1.0, rise),
                FEW,
            );
            if rise < 1.25 {
                simulated.assert_worse_at_most("shipped", ALPHA);
            }
        }
    }
}

fn setting(
    table: &'static str,
    requests: f64,
    baseline: f64,
    history_minutes: f64,
    multiple: f64,
    rise: f64,
) -> Setting {
    let traffic = Traffic::new(requests, 1.0, baseline, multiple).with(Course::BeforeAfter {
        history_minutes,
        rise,
    });
    Setting {
        table,
        labels: vec![
            ("baseline", percent(baseline)),
            ("requests/s", requests.to_string()),
            ("minutes of history", history_minutes.to_string()),
            ("new version", format!("×{multiple}")),
            ("rates rise an hour", format!("×{rise}")),
        ],
        traffic,
        rules: with_peers(&[
            ("shipped", Rule::shipped()),
            ("strict", Rule::judge(strict())),
        ]),
    }
}
