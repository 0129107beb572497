//! What the README says is what the program does: its examples are read, its tables compared.

use std::{fs, path::Path};

use assert_cmd::Command;
use shipgate::{
    config::Config,
    exit,
    policy::{Files, Policy, cases},
};

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// Returns the fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_examples_are_files_that_shipgate_reads() {
    let blocks = blocks("yaml");
    let policy = blocks
        .iter()
        .find(|block| block.contains("allowed_windows"))
        .unwrap();
    let policy = Policy::parse(policy, "README.md").unwrap();
    let cases = blocks
        .iter()
        .find(|block| block.contains("cases:"))
        .unwrap();
    for case in cases::parse(cases, &policy).unwrap() {
        let (_, mismatches) = cases::judge(&policy, &case);
        assert_eq!(mismatches, [], "{}", case.name);
    }
    let config = blocks
        .iter()
        .find(|block| block.contains("services:"))
        .unwrap();
    let config = Config::parse(config).unwrap();
    assert!(config.services.contains_key("advertisements"));
}

#[test]
fn the_reference_of_the_policy_has_every_key_and_is_a_policy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy.md");
    let page = fs::read_to_string(path).unwrap();
    let example = page.split("```yaml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let calendar = include_bytes!("../../fuzz/corpus/calendar/google.ics").to_vec();
    let files = Files::from([("holidays.ics".to_owned(), calendar)]);
    let findings = Policy::parse_with(example, "docs/policy.md", &files).err();
    assert_eq!(findings, None);
    let schema = Command::cargo_bin("shipgate")
        .unwrap()
        .args(["schema", "policy"])
        .output()
        .unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    for key in schema["properties"].as_object().unwrap().keys() {
        let line = format!("\n{key}:");
        assert!(page.contains(&line), "{key} is not in docs/policy.md");
    }
}

#[test]
fn the_tour_goes_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let policy = blocks("yaml")
        .into_iter()
        .find(|block| block.contains("allowed_windows"))
        .unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/production.yaml"), policy).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop/clusters/prod");
    let manifests = folder.path().join("clusters/prod");
    fs::create_dir_all(&manifests).unwrap();
    for entry in fs::read_dir(fixture).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), manifests.join(entry.file_name())).unwrap();
        }
    }
    let mut ran = 0;
    for line in blocks("sh").iter().flat_map(|block| block.lines()) {
        let (expected, words) = match line.strip_prefix("shipgate ") {
            Some(rest) if rest.contains("--at 2026-12-24") => (10, rest),
            Some(rest) if rest.starts_with("set ") => (0, rest),
            _ => continue,
        };
        let arguments = words.split_whitespace().map(|word| word.trim_matches('\''));
        let mut command = Command::cargo_bin("shipgate").unwrap();
        command
            .env_clear()
            .current_dir(folder.path())
            .args(arguments);
        command.assert().code(expected);
        ran += 1;
    }
    assert_eq!(
        ran, 5,
        "the tour's commands have changed; change this test with them"
    );
}

#[test]
fn the_tables_name_what_there_is() {
    let text = readme();
    let help = Command::cargo_bin("shipgate")
        .unwrap()
        .env_clear()
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help
        .split("Commands:")
        .nth(1)
        .unwrap()
        .split("Options:")
        .next()
        .unwrap();
    let mut names: Vec<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 8, "{help}");
    for name in names {
        assert!(
            text.contains(&format!("`{name}`")),
            "the README does not name `{name}`"
        );
    }
    for code in exit::ALL {
        // It belongs to a command that is not there yet.
        if code.name == "override-refused" {
            continue;
        }
        let number = code.number.to_string();
        assert!(
            text.contains(&number),
            "the README does not name exit code {number}"
        );
    }
}
