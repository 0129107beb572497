//! Rows that were computed twice elsewhere: with doubles in the log domain, and with 50 digits by
//! another route (ratios of probability masses, numerical integration). Folder `golden`.

use std::{collections::BTreeMap, fs, path::Path};

use shipgate::analysis::judge::{
    Counts, Dispersion, Evaluation, Judge, Multiple, Parameters, Poll,
};

/// One row: values by column name.
pub struct Row(BTreeMap<String, String>);

impl Row {
    pub fn text(&self, column: &str) -> &str {
        &self.0[column]
    }

    pub fn number(&self, column: &str) -> f64 {
        self.text(column).parse().unwrap()
    }

    pub fn whole(&self, column: &str) -> u32 {
        self.text(column).parse().unwrap()
    }

    pub fn poll(&self) -> Poll {
        let arm = |arm: &str| match self.text(&format!("n_{arm}")) {
            "" => Counts::NONE,
            _ => Counts::new(
                self.number(&format!("n_{arm}")),
                self.number(&format!("bad_{arm}")),
            )
            .unwrap(),
        };
        Poll {
            canary: arm("canary"),
            stable: arm("stable"),
        }
    }
}

pub fn rows(file: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/judge/golden")
        .join(file);
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let names: Vec<String> = lines.next().unwrap().collect();
    let rows: Vec<Row> = lines
        .map(|values| Row(names.iter().cloned().zip(values).collect()))
        .collect();
    assert!(rows.len() > 3, "{file} has rows");
    rows
}

/// Asserts equality to 1e-9 relative, absolute below 1.
pub fn assert_near(found: f64, expected: f64, what: &str) {
    let near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
    assert!(
        near || found.to_bits() == expected.to_bits(),
        "{what}: {found} instead of {expected}"
    );
}

fn evaluate(parameters: Parameters, polls: &[Poll]) -> Vec<Evaluation> {
    let mut judge = Judge::new(parameters).unwrap();
    polls
        .iter()
        .map(|poll| {
            judge.push(*poll);
            judge.evaluate()
        })
        .collect()
}

fn word(evaluation: &Evaluation) -> String {
    evaluation.verdict.word().replace('-', "_").to_uppercase()
}

#[test]
fn single_terms() {
    for row in rows("golden_core.csv") {
        let multiple = Multiple::new(row.number("kappa"));
        let limit = row.number("limit");
        let found = match row.text("kind") {
            "two_sample" => multiple.against_ratio(limit, row.poll()),
            _ => multiple.against_rate(limit, row.poll().canary),
        };
        assert_near(found, row.number("ln_e"), row.text("id"));
    }
    for row in rows("golden_margin_d.csv") {
        let found = Multiple::new(row.number("kappa")).against_ratio_and_margin(
            row.number("ratio"),
            row.number("absolute_d"),
            row.poll(),
        );
        assert_near(found, row.number("ln_e"), row.text("id"));
    }
}

#[test]
fn totals_in_one_look() {
    for row in rows("golden_totals.csv") {
        let id = row.text("id");
        let parameters = Parameters {
            tolerated_ratio: row.number("tolerated_ratio"),
            unacceptable_ratio: row.number("unacceptable_ratio"),
            negligible_rate: row.number("negligible"),
            dispersion: Dispersion::Fixed(row.number("phi")),
            alpha_worse: row.number("alpha_worse"),
            alpha_good: row.number("alpha_good"),
            ..Parameters::default()
        }
        .one_look();
        let found = evaluate(parameters, &[row.poll()])[0];
        assert_near(found.ln_e_worse, row.number("ln_e_worse"), id);
        assert_near(found.ln_e_good, row.number("ln_e_good"), id);
        let sure = found.sure_worse_percent();
        assert!(
            (sure - row.number("sure_worse_percent")).abs() < 1e-6,
            "{id}"
        );
        assert_eq!(word(&found), row.text("verdict_one_look"), "{id}");
    }
}

#[test]
fn paths_poll_by_poll() {
    let polls = rows("golden_path_polls.csv");
    for config in rows("golden_path_config.csv") {
        let path = config.text("path");
        let parameters = Parameters {
            tolerated_ratio: config.number("tolerated_ratio"),
            unacceptable_ratio: config.number("unacceptable_ratio"),
            negligible_rate: config.number("negligible"),
            alpha_worse: config.number("alpha_worse"),
            alpha_good: config.number("alpha_good"),
            metrics: config.whole("metrics"),
            dispersion: match config.text("dispersion") {
                "auto" => Dispersion::Auto,
                number => Dispersion::Fixed(number.parse().unwrap()),
            },
            restart_polls: config.whole("restart_polls"),
            max_polls: config.whole("max_polls"),
            soak_polls: config.whole("soak_polls"),
            ..Parameters::default()
        };
        let rows: Vec<&Row> = polls
            .iter()
            .filter(|row| row.text("path") == path)
            .collect();
        let counts: Vec<Poll> = rows.iter().map(|row| row.poll()).collect();
        for (row, found) in rows.iter().zip(evaluate(parameters, &counts)) {
            let what = format!("{path} {}", row.text("poll"));
            assert_near(found.phi, row.number("phi"), &what);
            assert_near(found.ln_e_worse, row.number("ln_e_worse"), &what);
            assert_near(found.ln_e_good, row.number("ln_e_good"), &what);
            assert_eq!(word(&found), row.text("verdict"), "{what}");
        }
    }
}
