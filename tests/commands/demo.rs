//! The scenarios of `shipgate demo` as processes: each ends as its story says.

use std::thread;

use assert_cmd::Command;

/// Runs one scenario; returns exit code, standard output and standard error.
fn demo(scenario: &str, more: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .env_clear()
        .args(["demo", "--scenario", scenario])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn every_scenario_ends_with_its_exit_code() {
    let rows = [
        ("healthy", 0, "DEPLOYED"),
        ("errors", 40, "ROLLED BACK"),
        ("late-onset", 40, "ROLLED BACK"),
        ("latency", 40, "ROLLED BACK"),
        ("outage-before", 20, "UNDETERMINED"),
        ("outage", 42, "HELD"),
        ("blocked", 10, "BLOCKED"),
        ("held", 42, "HELD"),
        ("drill", 0, "ROLLED BACK"),
        ("superseded", 43, "SUPERSEDED"),
        ("blue-green", 0, "DEPLOYED"),
        ("blue-green-preview", 40, "ROLLED BACK"),
        ("blue-green-errors", 40, "ROLLED BACK"),
    ];
    let runs: Vec<_> = rows
        .iter()
        .map(|(scenario, ..)| {
            let scenario = *scenario;
            thread::spawn(move || demo(scenario, &[]))
        })
        .collect();
    for ((scenario, code, word), run) in rows.iter().zip(runs) {
        let (found, stdout, stderr) = run.join().unwrap();
        assert_eq!(found, *code, "{scenario}\n{stdout}\n{stderr}");
        assert!(stdout.starts_with(word), "{scenario}: {stdout}");
        assert!(stderr.contains("git log main"), "{scenario}: {stderr}");
    }
}

#[test]
fn the_machine_form_is_one_object_with_the_whole_story() {
    let (code, stdout, _) = demo("errors", &["--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 40);
    assert_eq!(report["exit_code"], 40);
    assert_eq!(report["result"], "rolled-back");
    assert_eq!(report["verdict"]["decision"], "allowed");
    assert_eq!(report["deployment"]["version"], "1.1");
    assert_eq!(report["deployment"]["previous_version"], "1.0");
    assert_eq!(report["deployment"]["commits"].as_array().unwrap().len(), 4);
    let verdicts: Vec<&str> = report["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["verdict"].as_str().unwrap())
        .collect();
    assert!(verdicts.contains(&"worse"), "{verdicts:?}");
}
