//! A canary that is as good as stable, or exactly as bad as may be: how often is it taken back?

use shipgate::analysis::judge::Parameters;

use super::{
    engine::{Other, Setting},
    percent,
    rules::{Rule, bare, strict},
    simulate,
    traffic::Traffic,
    with_peers,
};
use crate::golden;

const FEW: u64 = 100;
const ALPHA: f64 = 0.01;
const ALPHA_GOOD: f64 = 0.05;

/// Thirty kinds of traffic, the judge looking 60 times: never more than promised. Every rule, ours and
/// others, does what an independent simulation found for it (`null.csv`, 10,000 runs, the rank test's
/// 2,000).
#[test]
fn as_good_as_stable() {
    let rows = golden::rows("../simulation/null.csv");
    assert_eq!(rows.len(), 30);
    for row in rows {
        let traffic = Traffic::new(
            row.number("requests_per_second"),
            row.number("weight") / 100.0,
            row.number("baseline") / 100.0,
            1.0,
        );
        let setting = Setting {
            table: "null",
            labels: labels(&traffic),
            traffic,
            rules: with_peers(&[
                ("shipped", Rule::shipped()),
                ("strict", Rule::judge(strict())),
                ("bare", Rule::judge(bare())),
            ]),
        };
        let simulated = simulate(&setting, FEW);
        simulated.assert_worse_at_most("shipped", ALPHA);
        simulated.assert_worse_at_most("strict", ALPHA);
        for rule in [
            "shipped", "strict", "bare", "fixed", "z_five", "z_one", "rank",
        ] {
            let tally = simulated.of(rule);
            let quoted = row.text(rule);
            let other = Other {
                share: row.number(rule) / 100.0,
                runs: if rule == "rank" { 2_000 } else { 10_000 },
                digit: if quoted.len() - quoted.find('.').unwrap() > 2 {
                    1e-4
                } else {
                    1e-3
                },
            };
            simulated.assert_near(rule, tally.share(tally.worse()), tally.runs, other);
        }
    }
}

/// Exactly at the limit of what is tolerated, where the promise is hardest to keep.
#[test]
fn exactly_as_bad_as_tolerated() {
    for (traffic, name) in [
        (Traffic::new(100.0, 0.05, 0.01, 1.25), "tolerated ratio"),
        (Traffic::new(100.0, 0.5, 0.01, 1.25), "tolerated ratio"),
        (Traffic::new(1000.0, 0.05, 0.01, 1.25), "tolerated ratio"),
        (Traffic::new(1000.0, 0.25, 0.001, 1.25), "tolerated ratio"),
        (Traffic::new(100.0, 0.05, 0.0002, 5.0), "negligible rate"),
        (Traffic::new(1000.0, 0.25, 0.0002, 5.0), "negligible rate"),
    ] {
        let mut setting = at_an_edge("edge", traffic, name);
        let fixed = Parameters {
            dispersion: shipgate::analysis::judge::Dispersion::Fixed(1.0),
            ..Parameters::default()
        };
        setting.rules = vec![
            ("shipped", Rule::shipped()),
            ("fixed_phi", Rule::judge(fixed)),
        ];
        let simulated = simulate(&setting, FEW);
        simulated.assert_worse_at_most("shipped", ALPHA);
        simulated.assert_worse_at_most("fixed_phi", ALPHA);
    }
}

/// Exactly at what is unacceptable: how often is it promoted?
#[test]
fn exactly_unacceptable() {
    for (traffic, name) in [
        (Traffic::new(100.0, 0.05, 0.01, 2.0), "unacceptable ratio"),
        (Traffic::new(100.0, 0.5, 0.01, 2.0), "unacceptable ratio"),
        (Traffic::new(10.0, 0.25, 0.01, 2.0), "unacceptable ratio"),
        (Traffic::new(100.0, 0.05, 0.0005, 2.0), "both limits"),
    ] {
        let mut setting = at_an_edge("unacceptable", traffic, name);
        setting.rules = vec![("shipped", Rule::promoting_early(Parameters::default()))];
        let simulated = simulate(&setting, FEW);
        let tally = simulated.of("shipped");
        assert!(tally.share(tally.good) <= ALPHA_GOOD, "{}", setting.label());
    }
}

fn at_an_edge(table: &'static str, traffic: Traffic, name: &str) -> Setting {
    let mut labels = labels(&traffic);
    labels.push(("canary at", name.to_owned()));
    Setting {
        table,
        labels,
        traffic,
        rules: Vec::new(),
    }
}

/// The columns that say which traffic it is.
pub fn labels(traffic: &Traffic) -> Vec<(&'static str, String)> {
    vec![
        ("baseline", percent(traffic.baseline)),
        ("weight", percent(traffic.weight)),
        ("requests/s", traffic.requests_per_second.to_string()),
    ]
}
