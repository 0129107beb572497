//! `ci`: the same deployment with nothing but variables, and the files that a runner reads.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::{
    side_by_side,
    stage::{Pace, Stage},
};

/// Reads the file that `GITHUB_OUTPUT` names, as the runner does.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, end) = line.split_once("<<").unwrap();
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}

#[test]
fn variables_do_what_flags_do_and_the_files_agree() {
    // Version 1.1 fails in the second row.
    let rows = vec![(&[][..], 0, "deployed"), (&["1.1"][..], 40, "rolled-back")];
    side_by_side(rows, |(failing, code, result)| {
        let Some(stage) = Stage::start(41, failing, Pace::CAREFUL) else {
            return;
        };
        let file = |name: &str| stage.home().join(name);
        let mut command = stage.command(&["ci"]);
        command
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_ACTOR", "maria")
            .env("GITHUB_SERVER_URL", "https://github.example")
            .env("GITHUB_REPOSITORY", "shop/advertisements")
            .env("GITHUB_RUN_ID", "4711")
            .env("GITHUB_OUTPUT", file("output"))
            .env("GITHUB_STEP_SUMMARY", file("summary"))
            .env("RUNNER_TEMP", stage.home())
            .env("SHIPGATE_REPORT", file("report.json"))
            .env("SHIPGATE_COMMAND", "deploy")
            .env("SHIPGATE_SERVICE", "advertisements")
            .env("SHIPGATE_ENVIRONMENT", "production")
            .env("SHIPGATE_VERSION", "1.1")
            .env("SHIPGATE_DRY_RUN", "false")
            .env("SHIPGATE_POLICY_REF", "");
        let ran = stage.run(command).expect(code);

        let outputs = outputs(&fs::read_to_string(file("output")).unwrap());
        let tip = stage.git(&["rev-parse", "main"]);
        let trailer = |key: &str| {
            let format = format!("--format=%(trailers:key=Shipgate-{key},valueonly,separator=)");
            stage.git(&["log", "-1", &format, "main"])
        };
        for (name, wanted) in [
            ("result", result),
            ("exit-code", &code.to_string()),
            ("changed", "true"),
            ("commit-sha", &tip),
            ("previous-sha", &stage.first),
            ("rollback-sha", if code == 40 { &tip } else { "" }),
            ("run-id", &trailer("Run")),
            ("weight", "0"),
            ("override-used", "false"),
            ("report", file("report.json").to_str().unwrap()),
        ] {
            assert_eq!(outputs[name], wanted, "{name} of {outputs:?}");
        }
        assert_eq!(trailer("Actor"), "maria");
        assert_eq!(
            trailer("Pipeline"),
            "https://github.example/shop/advertisements/actions/runs/4711"
        );

        let report: Value =
            serde_json::from_str(&fs::read_to_string(file("report.json")).unwrap()).unwrap();
        assert_eq!(report["exit_code"], code);
        assert_eq!(report["result"], result);
        assert_eq!(report["reason"], outputs["reason"].as_str());
        assert_eq!(report["reason_code"], outputs["reason-code"].as_str());
        assert_eq!(report["verdict"]["decision"], "allowed");
        assert_eq!(report["verdict"]["policy"]["commit"], stage.first.as_str());
        let commits: Vec<&str> = report["deployment"]["commits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|commit| commit["sha"].as_str().unwrap())
            .collect();
        let range = format!("{}..main", stage.first);
        let log = stage.git(&["log", "--reverse", "--format=%H", &range]);
        assert_eq!(commits, log.lines().collect::<Vec<_>>());

        let summary = fs::read_to_string(file("summary")).unwrap();
        let plain = summary.replace('\\', "");
        assert!(plain.contains(&outputs["reason"]), "{summary}");
        assert!(
            plain.contains(&format!("ended with exit code {code}, ")),
            "{summary}"
        );
        assert_eq!(
            ran.stderr.matches("::group::").count(),
            ran.stderr.matches("::endgroup::").count()
        );
        assert_eq!(
            ran.stderr.matches("::error").count(),
            usize::from(code != 0)
        );
    });
}
