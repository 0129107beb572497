//! Programs that checks run: allowed by the policy of the base branch, whatever a head says.

use std::path::Path;

use super::{
    repository::{CONFIG, Changes, LAX, POLICY, Stage},
    run::{Ran, shipgate},
};

/// The configuration with a check that makes a file.
fn config(program: &str, file: &Path) -> String {
    let job = format!(
        "checks: [{{name: smoke, job: {{command: [{program}, '{}']}}}}]",
        file.display()
    );
    let text = CONFIG.replace("health: [{http: \"http://127.0.0.1:9/health\"}]", &job);
    assert!(text.contains("job"));
    text.replace("interval: 15s", "interval: 15s, count: 1")
}

fn policy(programs: &str) -> String {
    format!("{LAX}programs: {programs}\n")
}

const PATH: &[(&str, &str)] = &[("PATH", "/usr/bin:/bin")];

#[test]
fn a_head_cannot_allow_itself_a_program() {
    let rows = [
        ("none", LAX.to_owned(), "touch", 3),
        ("another one", policy("[k6]"), "touch", 3),
        (
            "the same by another name",
            policy("[/usr/bin/touch]"),
            "touch",
            3,
        ),
        ("this one", policy("[k6, touch]"), "touch", 0),
        ("this path", policy("[/usr/bin/touch]"), "/usr/bin/touch", 0),
    ];
    for (name, base, program, code) in rows {
        let stage = Stage::new();
        let made = tempfile::tempdir().unwrap();
        let file = made.path().join("ran");
        let base: Changes = vec![(POLICY, base.as_str().into())];
        stage.import(&[("main".to_owned(), Some("main"), base)]);
        let (config, own) = (config(program, &file), policy(&format!("[{program}]")));
        let head: Changes = vec![
            ("shipgate.yaml", config.as_str().into()),
            (POLICY, own.as_str().into()),
        ];
        stage.import(&[("head".to_owned(), Some("main"), head)]);
        let before = stage.references();
        let folder = stage.checkout("head");
        let address = stage.address();
        let rest = [
            "--repository",
            &address,
            "--branch",
            "head",
            "--output",
            "json",
        ];
        let run = |command: &[&str]| shipgate(&folder, PATH, &[command, &rest[..]].concat());
        let refused = |ran: &Ran| {
            assert_eq!(ran.code, 3, "{name}: {ran:?}");
            let reason = format!("the program `{program}`, which the policy does not allow");
            assert!(ran.reason().contains(&reason), "{name}: {ran:?}");
        };
        // Before anything is changed it is looked for, not run.
        let deployed = run(&["deploy", "--version", "1.4.2", "--dry-run"]);
        assert!(!file.exists(), "{name}");
        // A way back that watches what it brings is given the same.
        let back = run(&[
            "rollback",
            "--to",
            "1.4.0",
            "--dry-run",
            "--reason",
            "a test",
        ]);
        assert!(!file.exists(), "{name}");
        let verified = run(&["verify", "--version", "1.4.1"]);
        assert_eq!(verified.code, code, "{name}: {verified:?}");
        assert_eq!(file.exists(), code == 0, "{name}");
        if code != 0 {
            refused(&verified);
            refused(&deployed);
            refused(&back);
        } else {
            assert_ne!(back.code, 3, "{name}: {back:?}");
        }
        // A configuration on disk could have brought any policy along.
        let _ = std::fs::remove_file(&file);
        let alone = shipgate(
            &folder,
            PATH,
            &["verify", "--version", "1.4.1", "--output", "json"],
        );
        refused(&alone);
        assert!(!file.exists(), "{name}");
        assert_eq!(stage.references(), before, "{name}: something was written");
    }
}
