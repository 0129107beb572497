//! The files that reports go to: whatever stands at their paths, and however the run ends.

use std::{fs, path::Path, process::Command};

use crate::command_line::{Ran, run};

const VARIABLES: [&str; 7] = [
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    "SHIPGATE_REPORT",
    "SHIPGATE_JUNIT",
    "SHIPGATE_EVENTS",
    "SHIPGATE_HTML",
    "SHIPGATE_DOTENV",
];

fn in_folder(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// Runs a command line on GitHub with every report in a file of its own that an earlier run has written.
fn with_stale_files(folder: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Ran {
    let paths = VARIABLES.map(|name| (name, in_folder(folder, name)));
    for (_, path) in &paths {
        fs::write(path, "stale\n").unwrap();
    }
    let mut environment = vec![("GITHUB_ACTIONS", "true"), ("NO_COLOR", "1")];
    environment.extend(paths.iter().map(|(name, path)| (*name, path.as_str())));
    environment.extend(more);
    run(arguments, &environment)
}

#[test]
fn every_command_line_that_is_refused_is_told_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let rows: [Row<'_>; 8] = [
        (&["check", "--polcy", "x"], &[], "check"),
        (&["chek"], &[], "shipgate"),
        (&[], &[], "shipgate"),
        (&["explain", "--output", "yaml"], &[], "explain"),
        (
            &["deploy", "--output", "json", "--max-parallel", "0"],
            &[],
            "deploy",
        ),
        (&["explain"], &[("SHIPGATE_OUTPUT", "yaml")], "explain"),
        (&["explain", "--output=ics"], &[], "explain"),
        (&["ci"], &[("SHIPGATE_MAX_PARALLEL", "0")], "ci"),
    ];
    for (arguments, more, command) in rows {
        let ran = with_stale_files(folder.path(), arguments, more);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        let report: serde_json::Value = serde_json::from_str(&read("SHIPGATE_REPORT")).unwrap();
        assert_eq!(report["command"], command, "{arguments:?}");
        assert_eq!(report["reason_code"], "usage", "{arguments:?}");
        let reason = report["reason"].as_str().unwrap();
        let dotenv = read("SHIPGATE_DOTENV");
        assert!(
            dotenv.starts_with("GATE_RESULT=error\nGATE_EXIT_CODE=2\n"),
            "{dotenv}"
        );
        assert!(read("SHIPGATE_EVENTS").contains("\"event\":\"finished\""));
        assert!(read("SHIPGATE_JUNIT").contains("<failure"), "{arguments:?}");
        assert!(read("SHIPGATE_HTML").contains("<h1"), "{arguments:?}");
        for appended in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
            let text = read(appended);
            assert!(text.starts_with("stale\n") && text.len() > 50, "{text}");
        }
        let annotation = "::error title=shipgate%3A usage::";
        assert_eq!(ran.stderr.matches(annotation).count(), 1, "{}", ran.stderr);
        assert!(!reason.contains('\n'), "{reason}");
    }
}

#[test]
fn what_is_only_shown_writes_no_report() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["check", "--help"], ["--version", "--help"]] {
        let ran = with_stale_files(folder.path(), &arguments, &[]);
        assert_eq!(ran.code, 0);
        for name in VARIABLES {
            let text = fs::read_to_string(folder.path().join(name)).unwrap();
            assert_eq!(text, "stale\n", "{name}");
        }
    }
}

#[test]
fn the_junit_file_of_a_flag_never_shows_an_earlier_test() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(folder.path(), "junit.xml");
    let rows: [&[&str]; 3] = [
        &["test", "--junit", &path, "--polcy", "x"],
        &["test", "--policy", "/no/such/policy.yaml", "--junit", &path],
        &["test", &format!("--junit={path}"), "--cases", "x"],
    ];
    for arguments in rows {
        fs::write(&path, "stale").unwrap();
        let ran = run(arguments, &[]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(ran.code == 2 || ran.code == 3, "{}", ran.stderr);
        assert!(text.contains("<failure"), "{arguments:?}: {text}");
    }
}

#[test]
fn what_may_be_meant_is_a_hint_for_machines_too() {
    let ran = run(&["check", "--polcy", "x", "--output", "json"], &[]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    insta::assert_snapshot!(format!("{}\n{}", report["reason"], report["hints"]), @r#"
    "unexpected argument '--polcy' found"
    ["a similar argument exists: '--policy'","`--help` behind the command lists its flags"]
    "#);
    let ran = run(&["chek", "--output", "jsonl"], &[]);
    let line: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    insta::assert_snapshot!(line["report"]["hints"], @r#"["some similar subcommands exist: 'schema', 'check'","`--help` behind the command lists its flags"]"#);
}

#[test]
fn whatever_stands_at_a_path_the_run_goes_on_and_says_what_was_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = in_folder(folder.path(), "pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let inside = in_folder(folder.path(), "none/report");
    let below = in_folder(folder.path(), "");
    let mut said = Vec::new();
    for path in [pipe.as_str(), "/dev/full", &inside, &below, "/dev/null"] {
        let environment = VARIABLES.map(|name| (name, path));
        let environment = [&environment[..], &[("GITHUB_ACTIONS", "true")]].concat();
        let ran = run(&["explain", "nine"], &environment);
        assert_eq!(ran.code, 2, "{path}");
        let folder = folder.path().display().to_string();
        let warnings = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning"));
        said.extend(warnings.map(|line| line.replace(&folder, "FOLDER")));
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    warning: the step outputs could not be written: GITHUB_OUTPUT FOLDER/pipe: is a named pipe or a socket that nobody reads
    warning: the job summary could not be written: GITHUB_STEP_SUMMARY FOLDER/pipe: is a named pipe or a socket that nobody reads
    warning: the report file could not be written: SHIPGATE_REPORT FOLDER/pipe: is a named pipe or a socket that nobody reads
    warning: the JUnit file could not be written: SHIPGATE_JUNIT FOLDER/pipe: is a named pipe or a socket that nobody reads
    warning: the file of events could not be written: SHIPGATE_EVENTS FOLDER/pipe: is a named pipe or a socket that nobody reads
    warning: the HTML report could not be written: SHIPGATE_HTML FOLDER/pipe: is a named pipe or a socket that nobody reads
    warning: the dotenv file could not be written: SHIPGATE_DOTENV FOLDER/pipe: is a named pipe or a socket that nobody reads
    warning: the step outputs could not be written: GITHUB_OUTPUT /dev/full: No space left on device
    warning: the job summary could not be written: GITHUB_STEP_SUMMARY /dev/full: No space left on device
    warning: the report file could not be written: SHIPGATE_REPORT /dev/full: No space left on device
    warning: the JUnit file could not be written: SHIPGATE_JUNIT /dev/full: No space left on device
    warning: the file of events could not be written: SHIPGATE_EVENTS /dev/full: No space left on device
    warning: the HTML report could not be written: SHIPGATE_HTML /dev/full: No space left on device
    warning: the dotenv file could not be written: SHIPGATE_DOTENV /dev/full: No space left on device
    warning: the step outputs could not be written: GITHUB_OUTPUT FOLDER/none/report: No such file or directory
    warning: the step outputs could not be written: GITHUB_OUTPUT FOLDER/: Is a directory
    warning: the job summary could not be written: GITHUB_STEP_SUMMARY FOLDER/: Is a directory
    warning: the report file could not be written: SHIPGATE_REPORT FOLDER/: Is a directory
    warning: the JUnit file could not be written: SHIPGATE_JUNIT FOLDER/: Is a directory
    warning: the file of events could not be written: SHIPGATE_EVENTS FOLDER/: Is a directory
    warning: the HTML report could not be written: SHIPGATE_HTML FOLDER/: Is a directory
    warning: the dotenv file could not be written: SHIPGATE_DOTENV FOLDER/: Is a directory
    ");
}

#[test]
fn a_report_never_takes_the_place_of_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| in_folder(folder.path(), name);
    fs::create_dir(path(".git")).unwrap();
    for name in ["policy.txt", "ads.yaml", ".git/config"] {
        fs::write(path(name), "kept").unwrap();
    }
    let policy = path("policy.txt");
    let config = path("config");
    let both = path("both");
    let check = ["check", "--policy", &policy];
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
    let rows: [Row<'_>; 9] = [
        (
            &check,
            &[("SHIPGATE_REPORT", &both), ("SHIPGATE_HTML", &both)],
        ),
        (&check, &[("SHIPGATE_JUNIT", &policy)]),
        (
            &["check", "--config", &config],
            &[("SHIPGATE_DOTENV", &config)],
        ),
        (&check, &[("SHIPGATE_EVENTS", &path("ads.yaml"))]),
        (&check, &[("SHIPGATE_EVENTS", &path(".git/config"))]),
        (&["test", "--junit", &both], &[("SHIPGATE_JUNIT", &both)]),
        (&["runbook", "--config", &config, "--out", &config], &[]),
        (
            &["check", "--polcy", &policy],
            &[("SHIPGATE_JUNIT", &policy)],
        ),
        (
            &["ci"],
            &[
                ("SHIPGATE_COMMAND", "chek"),
                ("SHIPGATE_POLICY", &policy),
                ("SHIPGATE_HTML", &policy),
            ],
        ),
    ];
    let mut said = Vec::new();
    for (arguments, environment) in rows {
        let ran = run(arguments, environment);
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        let text = [ran.stdout, ran.stderr].concat();
        let first = text.lines().take_while(|line| !line.is_empty());
        let first: Vec<&str> = first.map(str::trim).collect();
        let shown = folder.path().display().to_string();
        said.push(first.join(" ").replace(&shown, "FOLDER"));
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    ERROR  SHIPGATE_REPORT and SHIPGATE_HTML name the same file, FOLDER/both
    ERROR  SHIPGATE_JUNIT would overwrite FOLDER/policy.txt, which --policy names
    ERROR  SHIPGATE_DOTENV would overwrite FOLDER/config, which --config names
    ERROR  SHIPGATE_EVENTS: FOLDER/ads.yaml is there already, and YAML is a policy, a configuration or a manifest
    ERROR  SHIPGATE_EVENTS: FOLDER/.git/config belongs to a git repository
    ERROR  --junit and SHIPGATE_JUNIT name the same file, FOLDER/both
    ERROR  --out would overwrite FOLDER/config, which --config names
    error: unexpected argument '--polcy' found
    ERROR  SHIPGATE_COMMAND: unknown command `chek`; did you mean `check`?
    ");
    for name in ["policy.txt", "ads.yaml", ".git/config"] {
        assert_eq!(fs::read_to_string(path(name)).unwrap(), "kept", "{name}");
    }
    let report = fs::read_to_string(&both).unwrap();
    assert!(report.contains("\"exit_code\": 2"), "{report}");
    assert!(!folder.path().join("config").exists());
}

#[test]
fn a_device_takes_any_number_of_reports() {
    let environment = VARIABLES.map(|name| (name, "/dev/null"));
    assert_eq!(run(&["explain", "40"], &environment).code, 0);
}

#[test]
fn a_pipeline_hears_of_all_its_mistakes_at_once() {
    let ran = run(
        &["ci"],
        &[
            ("SHIPGATE_SERVICE", " ads"),
            ("SHIPGATE_VERSION", "a b"),
            ("SHIPGATE_MAX_PARALLEL", "0"),
            ("SHIPGATE_DRY_RUN", "yes"),
            ("SHIPGATE_ENVIRONMNT", "prod"),
            ("SHIPGATE_OUTPUT", "yaml"),
        ],
    );
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(format!("{}{}", ran.stdout, ran.stderr), @r#"
    ERROR  inputs of `deploy`: missing: SHIPGATE_REPOSITORY; SHIPGATE_DRY_RUN: found "yes", expected
           true or false; SHIPGATE_VERSION: invalid value 'a b' for '--version <VERSION>': found "a b",
           expected 1 to 63 characters of A-Z a-z 0-9 . _ - that begin and end with a letter or digit
           (an image tag and a Kubernetes label value at once), such as 1.4.2; SHIPGATE_MAX_PARALLEL:
           invalid value '0' for '--max-parallel <N>': number would be zero for non-zero type;
           SHIPGATE_OUTPUT: found "yaml", expected text, json or jsonl

      exit code   2 usage

    next: each flag `--some-flag` is the variable SHIPGATE_SOME_FLAG; in a workflow of GitHub Actions
          these are the inputs of the action
              warning  unknown variable SHIPGATE_ENVIRONMNT; did you mean SHIPGATE_ENVIRONMENT?
    "#);
    let unknown = run(
        &["ci"],
        &[
            ("SHIPGATE_COMMAND", "chek"),
            ("SHIPGATE_ENVIRONMNT", "prod"),
        ],
    );
    insta::assert_snapshot!(format!("{}{}", unknown.stdout, unknown.stderr), @r"
    ERROR  SHIPGATE_COMMAND: unknown command `chek`; did you mean `check`?

      exit code   2 usage

    next: read the message; `shipgate COMMAND --help` lists the flags
              warning  unknown variable SHIPGATE_ENVIRONMNT; did you mean SHIPGATE_ENVIRONMENT?
    ");
}

#[test]
fn a_pipeline_hears_of_all_that_is_missing_at_once() {
    let named = ("SHIPGATE_REPOSITORY", "/nowhere/gitops.git");
    let rows: &[&[(&str, &str)]] = &[
        &[],
        &[named],
        &[
            ("SHIPGATE_COMMAND", "plan"),
            ("CI_PROJECT_URL", "https://git.example/shop/gitops"),
        ],
        &[("SHIPGATE_TIMEOUT", "5")],
        &[
            ("SHIPGATE_VERSION", "1.1"),
            ("SHIPGATE_TIMEOUT", "5"),
            named,
        ],
        &[("SHIPGATE_VERSION", "a b"), named],
        &[("SHIPGATE_VERSION", "1.1"), ("SHIPGATE_REGION", "eu")],
        // Alone it is told of as of a command line.
        &[("SHIPGATE_VERSION", "1.1")],
        &[
            ("SHIPGATE_COMMAND", "check"),
            ("SHIPGATE_POLICY_REF", "main"),
        ],
    ];
    let mut told = String::new();
    for variables in rows {
        let ran = run(&["ci"], variables);
        assert_eq!(ran.code, 2, "{}", ran.stdout);
        let (reason, _) = ran.stdout.split_once("\n\n").unwrap();
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        told.push_str(&format!("{reason}\n"));
    }
    insta::assert_snapshot!(told, @r#"
    ERROR inputs of `deploy`: missing: SHIPGATE_VERSION, SHIPGATE_REPOSITORY
    ERROR inputs of `deploy`: missing: SHIPGATE_VERSION
    ERROR inputs of `plan`: missing: SHIPGATE_VERSION
    ERROR inputs of `deploy`: missing: SHIPGATE_VERSION, SHIPGATE_REPOSITORY; SHIPGATE_TIMEOUT: invalid value '5' for '--timeout <DURATION>': found "5", expected a duration with a unit, such as 30s, 10m or 1h30m
    ERROR inputs of `deploy`: SHIPGATE_TIMEOUT: invalid value '5' for '--timeout <DURATION>': found "5", expected a duration with a unit, such as 30s, 10m or 1h30m
    ERROR inputs of `deploy`: SHIPGATE_VERSION: invalid value 'a b' for '--version <VERSION>': found "a b", expected 1 to 63 characters of A-Z a-z 0-9 . _ - that begin and end with a letter or digit (an image tag and a Kubernetes label value at once), such as 1.4.2
    ERROR inputs of `deploy`: missing: SHIPGATE_ENVIRONMENT, SHIPGATE_REPOSITORY
    ERROR no GitOps repository is named
    ERROR no GitOps repository is named
    "#);
}
