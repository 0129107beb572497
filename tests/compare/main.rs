//! `shipgate compare`: golden rows through the command line, what is refused, what people and machines
//! read.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/counting.rs"]
mod counting;
mod history;
mod past;
#[path = "../support/prometheus.rs"]
mod prometheus;
#[expect(dead_code, reason = "each test program uses another part of it")]
#[path = "../probe/server.rs"]
mod server;

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

/// Runs `shipgate compare`; returns exit code, standard output and errors.
fn compare_with(input: &[u8], folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = assert_cmd::Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .arg("compare")
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn compare(arguments: &[&str]) -> (i32, String, String) {
    compare_with(b"", Path::new("."), arguments)
}

/// What a person reads, with the exit code.
fn told(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = compare(arguments);
    format!("{stdout}{stderr}[{code}]")
}

fn told_of(polls: &str, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = ["--polls", "-"].iter().chain(arguments).copied().collect();
    let (code, stdout, stderr) = compare_with(polls.as_bytes(), Path::new("."), &arguments);
    format!("{stdout}{stderr}[{code}]")
}

fn json(arguments: &[&str]) -> (i32, Value) {
    let arguments: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(["--output", "json"])
        .collect();
    let (code, stdout, stderr) = compare(&arguments);
    let value = serde_json::from_str(&stdout);
    (code, value.unwrap_or_else(|_| panic!("{stdout}{stderr}")))
}

type Row = BTreeMap<String, String>;

fn golden(file: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge/golden");
    let text = fs::read_to_string(path.join(file)).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let names: Vec<String> = lines.next().unwrap().collect();
    let rows: Vec<Row> = lines
        .map(|values| names.iter().cloned().zip(values).collect())
        .collect();
    assert!(rows.len() > 3, "{file} has rows");
    rows
}

fn assert_near(found: &Value, expected: &str, what: &str) {
    let found = found.as_f64().unwrap();
    let expected: f64 = expected.parse().unwrap();
    let near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
    assert!(near, "{what}: {found} instead of {expected}");
}

fn code_of(verdict: &str) -> i32 {
    match verdict {
        "WORSE" => 22,
        "GOOD" => 0,
        _ => 21,
    }
}

#[test]
fn golden_totals() {
    for row in golden("golden_totals.csv") {
        let id = &row["id"];
        let arm = |arm: &str| {
            let total = &row[&format!("n_{arm}")];
            format!("{}/{total}", row[&format!("bad_{arm}")])
        };
        let (code, report) = json(&[
            "--canary",
            &arm("canary"),
            "--stable",
            &arm("stable"),
            "--tolerated-ratio",
            &row["tolerated_ratio"],
            "--unacceptable-ratio",
            &row["unacceptable_ratio"],
            "--negligible-rate",
            &row["negligible"],
            "--dispersion",
            &row["phi"],
            "--alpha-worse",
            &row["alpha_worse"],
            "--alpha-good",
            &row["alpha_good"],
        ]);
        let verdict = &row["verdict_one_look"];
        let metric = &report["metrics"][0];
        assert_eq!(code, code_of(verdict), "{id}");
        assert_eq!(
            metric["verdict"],
            verdict.to_lowercase().replace('_', "-"),
            "{id}"
        );
        assert_near(&metric["ln_e_worse"], &row["ln_e_worse"], id);
        assert_near(&metric["ln_e_good"], &row["ln_e_good"], id);
        assert_eq!(metric["polls"].as_array().unwrap().len(), 1, "{id}");
    }
}

#[test]
fn golden_paths() {
    let polls = golden("golden_path_polls.csv");
    let folder = tempfile::tempdir().unwrap();
    for config in golden("golden_path_config.csv") {
        let path = &config["path"];
        let rows: Vec<&Row> = polls.iter().filter(|row| row["path"] == *path).collect();
        let columns = ["n_canary", "bad_canary", "n_stable", "bad_stable"];
        let mut file = columns.join(",");
        for row in &rows {
            file.push('\n');
            file.push_str(&columns.map(|column| row[column].as_str()).join(","));
        }
        let name = folder.path().join(path);
        fs::write(&name, file).unwrap();
        let (code, report) = json(&[
            "--polls",
            name.to_str().unwrap(),
            "--tolerated-ratio",
            &config["tolerated_ratio"],
            "--unacceptable-ratio",
            &config["unacceptable_ratio"],
            "--negligible-rate",
            &config["negligible"],
            "--alpha-worse",
            &config["alpha_worse"],
            "--alpha-good",
            &config["alpha_good"],
            "--metrics",
            &config["metrics"],
            "--dispersion",
            &config["dispersion"],
            "--restart-polls",
            &config["restart_polls"],
            "--max-polls",
            &config["max_polls"],
            "--soak-polls",
            &config["soak_polls"],
        ]);
        let metric = &report["metrics"][0];
        let found = metric["polls"].as_array().unwrap();
        assert_eq!(found.len(), rows.len(), "{path}");
        for (found, row) in found.iter().zip(&rows) {
            let what = format!("{path} {}", row["poll"]);
            for column in columns.iter().chain(&["phi", "ln_e_worse", "ln_e_good"]) {
                assert_near(&found[*column], &row[*column], &what);
            }
            let verdict = row["verdict"].to_lowercase().replace('_', "-");
            assert_eq!(found["verdict"], verdict, "{what}");
        }
        let decisive = rows
            .iter()
            .find(|row| ["WORSE", "GOOD"].contains(&row["verdict"].as_str()));
        let answer = decisive.or(rows.last()).unwrap();
        assert_eq!(code, code_of(&answer["verdict"]), "{path}");
        assert_near(&metric["ln_e_worse"], &answer["ln_e_worse"], path);
        assert_eq!(metric["measured"].to_string(), answer["poll"], "{path}");
    }
}

#[test]
fn totals_are_told() {
    let rows: &[&[&str]] = &[
        &["--canary", "45/5000", "--stable", "380/95000"],
        &[
            "--canary",
            "45/5000",
            "--stable",
            "380/95000",
            "--dispersion",
            "1",
        ],
        &["--canary", "90/5000", "--stable", "380/95000"],
        &[
            "--canary",
            "27/30000",
            "--stable",
            "570/570000",
            "--soak-polls",
            "3",
        ],
        &[
            "--canary",
            "14.3/1500.7",
            "--stable",
            "57.9/28500.2",
            "--metrics",
            "3",
        ],
        &["--canary", "0/0", "--stable", "3/1000"],
        &["--canary", "12/5000", "--max-rate", "0.001"],
        &["--canary", "60/5000", "--max-rate", "0.001"],
    ];
    let texts: Vec<String> = rows.iter().map(|row| told(row)).collect();
    insta::assert_snapshot!(texts.join("\n\n"), @r"
    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary 0.90 % (45 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 2.2× (95 % range 1.2–3.8×)
              92.4 % sure it is worse than the tolerated 1.25× (99 % needed) — undecided; about 60,000
              more requests expected to decide
              one interval tells nothing of bursts: the dispersion is taken to be 1.5

    next: count more requests, then compare again
    [21]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary 0.90 % (45 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 2.2× (95 % range 1.2–3.8×)
              98.7 % sure it is worse than the tolerated 1.25× (99 % needed) — undecided; about 5,000
              more requests expected to decide

    next: count more requests, then compare again
    [21]

    UNHEALTHY  worse than tolerated in errors

      exit code   22 unhealthy

      errors  canary 1.80 % (90 of 5,000)  stable 0.40 % (380 of 95,000)  ratio 4.5× (95 % range 2.9–6.8×)
              over 99.99 % sure it is worse than the tolerated 1.25× (99 % needed) — worse
              one interval tells nothing of bursts: the dispersion is taken to be 1.5

    next: look at what the bad requests have in common
    [22]

    HEALTHY  good enough in errors

      errors  canary 0.090 % (27 of 30,000)  stable 0.10 % (570 of 570,000)  ratio 0.90× (95 % range 0.40–1.8×)
              99.8 % sure it is less than 2× worse — good enough
              one interval tells nothing of bursts: the dispersion is taken to be 1.5
              note     totals are one look: not used are --soak-polls
    [0]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary 0.95 % (14.3 of 1,500.7)  stable 0.20 % (57.9 of 28,500.2)  ratio 4.7× (95 % range 1.5–12×)
              97.7 % sure it is worse than the tolerated 1.25× (99.67 % needed) — undecided; about
              20,000 more requests expected to decide
              one interval tells nothing of bursts: the dispersion is taken to be 1.5

    next: count more requests, then compare again
    [21]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary no requests  stable 0.30 % (3 of 1,000)  ratio unknown
              no requests of the canary — no verdict
              one interval tells nothing of bursts: the dispersion is taken to be 1.5

    next: count more requests, then compare again
    [21]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary 0.24 % (12 of 5,000)  95 % range 0.061–0.62 %  limit 0.1 %
              72.6 % sure it is above the limit of 0.1 % (99 % needed) — undecided; about 10,000 more
              requests expected to decide
              one interval tells nothing of bursts: the dispersion is taken to be 1.5

    next: count more requests, then compare again
    [21]

    UNHEALTHY  worse than tolerated in errors

      exit code   22 unhealthy

      errors  canary 1.20 % (60 of 5,000)  95 % range 0.69–1.9 %  limit 0.1 %
              over 99.99 % sure it is above the limit of 0.1 % (99 % needed) — worse
              one interval tells nothing of bursts: the dispersion is taken to be 1.5

    next: look at what the bad requests have in common
    [22]
    ");
}

const HEADER: &str = "n_canary,bad_canary,n_stable,bad_stable\n";

#[test]
fn polls_are_told() {
    let alike = |poll: &str, times: usize| format!("{HEADER}{}", format!("{poll}\n").repeat(times));
    let outage = alike("150,150,2850,28", 5);
    let rows = [
        told_of(&outage, &[]),
        told_of(&alike("5000,5,95000,95", 12), &[]),
        told_of(&alike("500,3,9500,38", 4), &[]),
        told_of(&alike("500,3,9500,38", 4), &["--max-polls", "3"]),
        told_of(&alike("500,5,9500,38", 61), &[]),
        told_of(
            &alike("500,30,1,1", 5),
            &["--max-rate", "0.01", "--dispersion", "1"],
        ),
        told_of(&alike("0,0,9500,38", 2), &[]),
        told_of(HEADER, &[]),
        told_of(
            &format!("\u{FEFF}{}", outage.replace('\n', "\r\n")),
            &["--metrics", "2"],
        ),
    ];
    insta::assert_snapshot!(rows.join("\n\n"), @r"
    UNHEALTHY  worse than tolerated in errors

      exit code   22 unhealthy

      errors  canary 100 % (450 of 450)  stable 0.98 % (84 of 8,550)  ratio 102× (95 % range 67–160×)
              99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse
              decided at poll 3; 2 polls that follow were not judged

    next: look at what the bad requests have in common
    [22]

    HEALTHY  good enough in errors

      errors  canary 0.10 % (60 of 60,000)  stable 0.10 % (1,140 of 1,140,000)  ratio 1.0× (95 % range 0.59–1.6×)
              over 99.99 % sure it is less than 2× worse — good enough
    [0]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary 0.60 % (12 of 2,000)  stable 0.40 % (152 of 38,000)  ratio 1.5× (95 % range 0.45–3.7×)
              nothing speaks for worse or for good yet — keep polling

    next: count more requests, then compare again
    [21]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary 0.60 % (9 of 1,500)  stable 0.40 % (114 of 28,500)  ratio 1.5× (95 % range 0.36–4.1×)
              undecided at the deadline: nothing speaks for worse or for good yet; could only exclude
              more than 4.1×
              the deadline was at poll 3; 1 poll that follows was not judged

    next: count more requests, then compare again
    [21]

    UNHEALTHY  worse than tolerated in errors

      exit code   22 unhealthy

      errors  canary 1.00 % (40 of 4,000)  stable 0.40 % (304 of 76,000)  ratio 2.5× (95 % range 1.3–4.4×)
              99.2 % sure it is worse than the tolerated 1.25× (99 % needed) — worse
              decided at poll 8; 53 polls that follow were not judged

    next: look at what the bad requests have in common
    [22]

    UNHEALTHY  worse than tolerated in errors

      exit code   22 unhealthy

      errors  canary 6.00 % (90 of 1,500)  95 % range 3.9–8.6 %  limit 1 %
              99.8 % sure it is above the limit of 1 % (99 % needed) — worse
              decided at poll 3; 2 polls that follow were not judged

    next: look at what the bad requests have in common
    [22]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary no requests  stable 0.40 % (76 of 19,000)  ratio unknown
              no requests of the canary — no verdict

    next: count more requests, then compare again
    [21]

    UNDETERMINED  undecided in errors

      exit code   21 insufficient-data

      errors  canary no requests  stable no requests  ratio unknown
              no requests of the canary — no verdict

    next: count more requests, then compare again
    [21]

    UNHEALTHY  worse than tolerated in errors

      exit code   22 unhealthy

      errors  canary 100 % (450 of 450)  stable 0.98 % (84 of 8,550)  ratio 102× (95 % range 67–160×)
              99.9 % sure it is worse than the tolerated 1.25× (99.5 % needed) — worse
              decided at poll 3; 2 polls that follow were not judged

    next: look at what the bad requests have in common
    [22]
    ");
}

#[test]
fn what_machines_read() {
    let (code, mut report) = json(&[
        "--canary",
        "2/100",
        "--stable",
        "0/1900",
        "--dispersion",
        "1",
    ]);
    assert_eq!(code, 21);
    for key in ["started_at", "finished_at"] {
        report[key] = Value::Null;
    }
    let kept: serde_json::Map<String, Value> = report
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|it| !it.is_empty()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    insta::assert_json_snapshot!(kept, @r#"
    {
      "schema_version": 1,
      "command": "compare",
      "result": "undetermined",
      "exit_code": 21,
      "reason_code": "insufficient-data",
      "reason": "undecided in errors",
      "hints": [
        "count more requests, then compare again"
      ],
      "override_used": false,
      "metrics": [
        {
          "name": "errors",
          "verdict": "not-yet",
          "value": 0.02,
          "wanted": "at most 1.25× stable",
          "detail": "94.6 % sure it is worse than the tolerated 1.25× and than the negligible 0.1 % (99 % needed) — undecided",
          "measured": 1,
          "failed": 0,
          "errors_in_a_row": 0,
          "canary": {
            "bad": 2.0,
            "total": 100.0,
            "rate": 0.02,
            "rate_low": 0.00047527339443641226,
            "rate_high": 0.10467860612698568
          },
          "stable": {
            "bad": 0.0,
            "total": 1900.0,
            "rate": 0.0,
            "rate_low": 0.0,
            "rate_high": 0.003857261365259734
          },
          "ratio": null,
          "ratio_low": 3.0144531446109957,
          "ratio_high": null,
          "ln_e_worse": 2.9120851194490665,
          "ln_e_good": -1.578654718159872,
          "sure_worse_percent": 94.5637740194233,
          "phi": 1.0,
          "forecast": null,
          "polls": [
            {
              "n_canary": 100.0,
              "bad_canary": 2.0,
              "n_stable": 1900.0,
              "bad_stable": 0.0,
              "phi": 1.0,
              "ln_e_worse": 2.9120851194490665,
              "ln_e_good": -1.578654718159872,
              "verdict": "not-yet"
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn bad_flags_are_refused() {
    let arms = ["--canary", "45/5000", "--stable", "380/95000"];
    let with = |more: &[&str]| told(&arms.iter().chain(more).copied().collect::<Vec<_>>());
    let canary = |text: &str| told(&["--canary", text, "--stable", "380/95000"]);
    let rows = [
        canary("45"),
        canary("45/5,000"),
        canary("45 / 5000"),
        canary("45/5e3"),
        canary("-1/5000"),
        canary("nan/5000"),
        canary("45/5000/2"),
        canary("/5000"),
        canary("5001/5000"),
        canary("1/10000000000000000000"),
        told(&[]),
        told(&["--stable", "1/2"]),
        told(&["--canary", "1/2"]),
        told(&["--canary", "1/2", "--polls", "x.csv"]),
        with(&["--to", "-5m"]),
        with(&["--step", "30s"]),
        with(&["--version", "1.1"]),
        with(&["--stable-version", "1.1"]),
        with(&["--stable-from", "-2h", "--stable-to", "-1h"]),
        told(&["--polls", "x.csv", "--version", "1.1"]),
        told(&["--canary", "1/2", "--stable", "1/2", "--max-rate", "0.1"]),
        with(&["--tolerated-ratio", "0.5"]),
        with(&["--tolerated-ratio", "3"]),
        with(&["--negligible-rate", "1"]),
        with(&["--tolerated-margin", "-0.1"]),
        with(&["--alpha-worse", "0", "--alpha-good", "1"]),
        with(&["--metrics", "0"]),
        with(&["--dispersion", "0.5"]),
        with(&["--dispersion", "much"]),
        with(&["--max-polls", "0"]),
        with(&["--restart-polls", "-1"]),
        told(&["--canary", "1/2", "--max-rate", "1"]),
        told(&["--canary", "1/2", "--max-rate", "inf"]),
    ];
    for row in &rows {
        assert!(row.ends_with("[2]"), "{row}");
    }
    insta::assert_snapshot!(rows.join("\n\n"), @r"
    error: invalid value '45' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000

    For more information, try '--help'.
    [2]

    error: invalid value '45/5,000' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: found `5,000`, expected a plain number such as 45 or 45.5, without thousands separators

    For more information, try '--help'.
    [2]

    error: invalid value '45 / 5000' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: found `45 `, expected a plain number such as 45 or 45.5, without blanks

    For more information, try '--help'.
    [2]

    error: invalid value '45/5e3' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: found `5e3`, expected a plain number such as 45 or 45.5

    For more information, try '--help'.
    [2]

    error: invalid value '-1/5000' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: found `-1`, expected a plain number such as 45 or 45.5

    For more information, try '--help'.
    [2]

    error: invalid value 'nan/5000' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: found `nan`, expected a plain number such as 45 or 45.5

    For more information, try '--help'.
    [2]

    error: invalid value '45/5000/2' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: found `5000/2`, expected a plain number such as 45 or 45.5

    For more information, try '--help'.
    [2]

    error: invalid value '/5000' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: found ``, expected a plain number such as 45 or 45.5

    For more information, try '--help'.
    [2]

    error: invalid value '5001/5000' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: there are more bad ones than requests

    For more information, try '--help'.
    [2]

    error: invalid value '1/10000000000000000000' for '--canary <BAD/TOTAL>': expected BAD/TOTAL such as 45/5000: a count is not a number from 0 to 1e18

    For more information, try '--help'.
    [2]

    ERROR  nothing to compare

      exit code   2 usage

    next: give --canary 45/5000 --stable 380/95000, --canary 45/5000 --max-rate 0.01, --polls FILE, or
          --service NAME --from -30m
    [2]

    ERROR  --stable needs --canary BAD/TOTAL

      exit code   2 usage

    next: give --canary 45/5000 --stable 380/95000, --canary 45/5000 --max-rate 0.01, --polls FILE, or
          --service NAME --from -30m
    [2]

    ERROR  --canary needs something to be held against

      exit code   2 usage

    next: give --stable BAD/TOTAL of the same time, or a limit with --max-rate SHARE
    [2]

    error: the argument '--canary <BAD/TOTAL>' cannot be used with '--polls <FILE>'

    Usage: shipgate compare --canary <BAD/TOTAL>

    For more information, try '--help'.
    [2]

    error: the argument '--canary <BAD/TOTAL>' cannot be used with '--to <TIME>'

    Usage: shipgate compare --canary <BAD/TOTAL> --stable <BAD/TOTAL>

    For more information, try '--help'.
    [2]

    error: the argument '--canary <BAD/TOTAL>' cannot be used with '--step <DURATION>'

    Usage: shipgate compare --canary <BAD/TOTAL> --stable <BAD/TOTAL>

    For more information, try '--help'.
    [2]

    error: the argument '--canary <BAD/TOTAL>' cannot be used with '--version <VERSION>'

    Usage: shipgate compare --canary <BAD/TOTAL> --stable <BAD/TOTAL>

    For more information, try '--help'.
    [2]

    error: the argument '--canary <BAD/TOTAL>' cannot be used with '--stable-version <VERSION>'

    Usage: shipgate compare --canary <BAD/TOTAL> --stable <BAD/TOTAL>

    For more information, try '--help'.
    [2]

    error: the argument '--canary <BAD/TOTAL>' cannot be used with:
      --stable-from <TIME>
      --stable-to <TIME>

    Usage: shipgate compare --canary <BAD/TOTAL> --stable <BAD/TOTAL>

    For more information, try '--help'.
    [2]

    error: the argument '--polls <FILE>' cannot be used with '--version <VERSION>'

    Usage: shipgate compare --polls <FILE>

    For more information, try '--help'.
    [2]

    error: the argument '--stable <BAD/TOTAL>' cannot be used with '--max-rate <SHARE>'

    Usage: shipgate compare --canary <BAD/TOTAL> --stable <BAD/TOTAL>

    For more information, try '--help'.
    [2]

    ERROR  --tolerated-ratio: found 0.5, expected a number from 1 to 1000

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    ERROR  --unacceptable-ratio: found 2, expected a number above --tolerated-ratio, at most 1000

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    ERROR  --negligible-rate: found 1, expected a share of at least 0 and below 1, such as 0.001

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    ERROR  --tolerated-margin: found -0.1, expected a share of at least 0 and below 1, such as 0.001

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    ERROR  --alpha-worse: found 0, expected a chance above 0 and below 1, such as 0.01; --alpha-good:
           found 1, expected a chance above 0 and below 1, such as 0.01

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    ERROR  --metrics: found 0, expected at least 1

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    ERROR  --dispersion: found 0.5, expected `auto` or a number of at least 1

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    error: invalid value 'much' for '--dispersion <auto|NUMBER>': expected `auto` or a number of at least 1

    For more information, try '--help'.
    [2]

    ERROR  --max-polls: found 0, expected at least 1

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
              note     totals are one look: not used are --max-polls
    [2]

    error: invalid value '-1' for '--restart-polls <POLLS>': -1 is not in 0..=4294967295

    For more information, try '--help'.
    [2]

    ERROR  --max-rate: found 1, expected a share above 0 and below 1, such as 0.01

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]

    ERROR  --max-rate: found inf, expected a share above 0 and below 1, such as 0.01

      exit code   2 usage

    next: `shipgate compare --help` says what each is for
    [2]
    ");
}

#[test]
fn bad_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        let (code, stdout, stderr) = compare_with(b"", folder.path(), &["--polls", name]);
        assert_eq!(code, 2, "{stdout}");
        format!("{stdout}{stderr}")
    };
    let polls = |text: &str| format!("{HEADER}{text}");
    let long = polls(&"1,0,1,0\n".repeat(20_001));
    let rows = [
        told("empty.csv", b""),
        told("header.csv", b"canary,bad,stable,bad\n1,0,1,0\n"),
        told("none.csv", b"100,0,1900,4\n"),
        told("bytes.csv", &[0xFF, 0xFE, 0x6E, 0x00]),
        told(
            "lines.csv",
            polls(
                "100,1,1900,4\n100,1,1900\n100,x,1900,4\n\n 100,1,1900,4\n100,101,1900,4\n100,,1900,4\n1 000,1,1900,4\n100,1,1900,4,\n\"100\",1,1900,4\n100,-1,1900,4\n100,1,1e3,4\n",
            )
            .as_bytes(),
        ),
        told("long.csv", long.as_bytes()),
        told("large.csv", polls(&"0".repeat(2 * 1024 * 1024)).as_bytes()),
        {
            let (code, stdout, _) = compare_with(b"", folder.path(), &["--polls", "missing.csv"]);
            assert_eq!(code, 2);
            stdout
        },
    ];
    insta::assert_snapshot!(rows.join("\n"), @r#"
    ERROR  empty.csv:1: found nothing, expected the header `n_canary,bad_canary,n_stable,bad_stable`

      exit code   2 usage

    empty.csv
      error    1:1: found nothing, expected the header `n_canary,bad_canary,n_stable,bad_stable` [polls]
               1 |
                 | ^

    next: `shipgate compare --help` shows the form of the file

    ERROR  header.csv:1: found `canary,bad,stable,bad`, expected the header
           `n_canary,bad_canary,n_stable,bad_stable`

      exit code   2 usage

    header.csv
      error    1:1: found `canary,bad,stable,bad`, expected the header
               `n_canary,bad_canary,n_stable,bad_stable` [polls]
               1 | canary,bad,stable,bad
                 | ^

    next: `shipgate compare --help` shows the form of the file

    ERROR  none.csv:1: found `100,0,1900,4`, expected the header
           `n_canary,bad_canary,n_stable,bad_stable`

      exit code   2 usage

    none.csv
      error    1:1: found `100,0,1900,4`, expected the header `n_canary,bad_canary,n_stable,bad_stable`
               [polls]
               1 | 100,0,1900,4
                 | ^

    next: `shipgate compare --help` shows the form of the file

    ERROR  bytes.csv: is not UTF-8 text

      exit code   2 usage

    next: `shipgate compare --help` shows the form of the file

    ERROR  lines.csv:3: found 3 values, expected four numbers: n_canary,bad_canary,n_stable,bad_stable;
           10 more lines are bad

      exit code   2 usage

    lines.csv
      error    3:1: found 3 values, expected four numbers: n_canary,bad_canary,n_stable,bad_stable
               [polls]
               3 | 100,1,1900
                 | ^
      error    4:5: found `x` as bad_canary, expected a plain number such as 45 or 45.5 [polls]
               4 | 100,x,1900,4
                 |     ^
      error    5:1: found an empty line, expected four numbers: n_canary,bad_canary,n_stable,bad_stable
               [polls]
               5 |
                 | ^
      error    6:1: found ` 100` as n_canary, expected a plain number such as 45 or 45.5, without blanks
               [polls]
               6 |  100,1,1900,4
                 | ^
      error    7:5: found 101 bad of 100 as canary, but there are more bad ones than requests [polls]
               7 | 100,101,1900,4
                 |     ^
      error    8:5: found nothing as bad_canary, expected a plain number such as 45 or 45.5 [polls]
               8 | 100,,1900,4
                 |     ^
      error    9:1: found `1 000` as n_canary, expected a plain number such as 45 or 45.5, without
               thousands separators [polls]
               9 | 1 000,1,1900,4
                 | ^
      error    10:1: found 5 values, expected four numbers: n_canary,bad_canary,n_stable,bad_stable
               [polls]
               10 | 100,1,1900,4,
                  | ^
      error    11:1: found `"100"` as n_canary, expected a plain number such as 45 or 45.5 [polls]
               11 | "100",1,1900,4
                  | ^
      error    12:5: found `-1` as bad_canary, expected a plain number such as 45 or 45.5 [polls]
               12 | 100,-1,1900,4
                  |     ^
      error    13:7: found `1e3` as n_stable, expected a plain number such as 45 or 45.5 [polls]
               13 | 100,1,1e3,4
                  |       ^

    next: `shipgate compare --help` shows the form of the file

    ERROR  lines.csv:3: found 3 values, expected four numbers: n_canary,bad_canary,n_stable,bad_stable;
           10 more lines are bad

    ERROR  long.csv:10002: found more than 10000 polls, expected at most as many

      exit code   2 usage

    long.csv
      error    10002:1: found more than 10000 polls, expected at most as many [polls]
               10002 | 1,0,1,0
                     | ^

    next: `shipgate compare --help` shows the form of the file

    ERROR  large.csv: is larger than the limit of 2097152 bytes

      exit code   2 usage

    next: `shipgate compare --help` shows the form of the file

    ERROR  missing.csv: cannot be read: No such file or directory (os error 2)

      exit code   2 usage

    next: `shipgate compare --help` shows the form of the file
    "#);
}
