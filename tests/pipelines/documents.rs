//! The pages about pipelines and contributing name only what there is, and all of it.

use std::process::Command;

use crate::{root, text};

/// What stands between backticks outside of code blocks.
fn quoted(page: &str) -> Vec<String> {
    let mut outside = String::new();
    for (index, part) in text(page).split("```").enumerate() {
        if index % 2 == 0 {
            outside.push_str(part);
        }
    }
    let words = outside.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

fn is_path(word: &str) -> bool {
    let first = word.split('/').next().unwrap_or_default();
    let ours = [
        "src", "tests", "docs", "action", "fixtures", ".github", ".ci", "examples",
    ];
    word.contains('/') && ours.contains(&first) && !word.contains('<')
}

#[test]
fn every_path_and_link_leads_somewhere() {
    for page in ["CONTRIBUTING.md", "SECURITY.md", "docs/pipelines.md"] {
        let paths: Vec<String> = quoted(page)
            .into_iter()
            .filter(|word| is_path(word))
            .collect();
        assert!(!paths.is_empty(), "{page}");
        for path in paths {
            assert!(root().join(&path).exists(), "{page}: {path}");
        }
        let folder = root().join(page).parent().unwrap().to_owned();
        for link in text(page).split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if !link.starts_with("http") {
                let file = link.split('#').next().unwrap();
                assert!(folder.join(file).exists(), "{page}: {link}");
            }
        }
    }
}

/// What each worked example of CONTRIBUTING.md says of a file stands in that file.
#[test]
fn the_worked_examples_are_those_of_the_code() {
    for (path, words) in [
        (
            "src/config/provider/alertmanager.rs",
            &[
                "struct RawAlertmanager",
                "struct Alertmanager",
                "deny_unknown_fields",
                "fn validate",
            ][..],
        ),
        (
            "src/config/provider/mod.rs",
            &[
                "struct RawProviders",
                "struct Providers",
                "Option<RawAlertmanager>",
                "Option<Alertmanager>",
            ],
        ),
        (
            "src/probe/alertmanager.rs",
            &["struct Endpoint", "json_api::", "&Client"],
        ),
        (
            "src/ops/watch/endpoints.rs",
            &["struct Endpoints", "alertmanager"],
        ),
        ("src/ops/watch/check.rs", &["Asked::Alertmanager"]),
        (
            "src/manifest/traffic/traefik_service.rs",
            &["const SPLITTER: Splitter", "const GROUPS", "Cursor::new"],
        ),
        (
            "src/manifest/traffic/weight.rs",
            &["const SPLITTERS", "\"TraefikService\""],
        ),
        (
            "src/config/strategy/traffic.rs",
            &["traefik_service", "\"TraefikService\""],
        ),
        (
            "src/cli/cleanup.rs",
            &["struct CleanupArguments", "pub async fn run"],
        ),
        (
            "src/cli/mod.rs",
            &[
                "mod cleanup;",
                "Cleanup(cleanup::CleanupArguments)",
                "cleanup::run",
            ],
        ),
        (
            "src/ops/cleanup.rs",
            &[
                "struct CleanupRequest",
                "pub async fn cleanup",
                "&mut dyn Reporter",
            ],
        ),
        ("src/cli/ci.rs", &["const COMMANDS", "\"cleanup\""]),
        ("action/main.js", &["const CHANGING", "'cleanup'"]),
    ] {
        let code = text(path);
        for word in words {
            assert!(code.contains(word), "{path} has no {word}");
        }
        assert!(
            text("CONTRIBUTING.md").contains(path),
            "{path} is not in CONTRIBUTING.md"
        );
    }
}

/// The commands that `ci` knows, as it says itself.
fn commands() -> Vec<String> {
    let ran = Command::new(env!("CARGO_BIN_EXE_shipgate"))
        .arg("ci")
        .env_clear()
        .env("SHIPGATE_COMMAND", "no-such-thing-at-all")
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, known) = said
        .split_once("known: ")
        .unwrap_or_else(|| panic!("{said}"));
    let words = known
        .split(' ')
        .take_while(|word| word.ends_with(','))
        .count()
        + 1;
    let names = known.split(' ').take(words);
    names
        .map(|name| name.trim_end_matches(',').to_owned())
        .collect()
}

#[test]
fn the_same_commands_are_offered_everywhere() {
    let commands = commands();
    assert_eq!(commands.len(), 12, "{commands:?}");
    let action = text("action.yml");
    assert!(action.contains(&commands.join(" | ")), "action.yml");
    let component = text("templates/shipgate.yml");
    assert!(
        component.contains(&format!("options: [{}]", commands.join(", "))),
        "component"
    );
    let page = quoted("docs/pipelines.md");
    for command in &commands {
        assert!(page.contains(command), "docs/pipelines.md: {command}");
    }
}
