//! A whole command line: what goes to standard output, to standard error, to files, and the code.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::support::{Buffer, rolled_back, utc};
use shipgate::{
    cli::{self, ColorChoice, Context, Globals, OutputFormat, Session},
    clock::ManualClock,
    event::{Event, Reporter},
    exit,
};

pub struct Ran {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
}

fn context(environment: &[(&str, &str)], stdout: Box<dyn Write + Send>, stderr: Buffer) -> Context {
    Context {
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        clock: Arc::new(ManualClock::at(utc("2025-12-02T14:00:00Z"))),
        stdout,
        stderr: Box::new(stderr),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: PathBuf::from("."),
    }
}

pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let context = context(environment, Box::new(stdout.clone()), stderr.clone());
    let arguments = std::iter::once("shipgate").chain(arguments.iter().copied());
    Ran {
        code: cli::run(arguments.map(OsString::from), context),
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}

#[test]
fn explain_says_what_a_code_means_and_what_to_do() {
    let by_number = run(&["explain", "40"], &[]);
    insta::assert_snapshot!(by_number.stdout, @"
    40 rolled-back
      meaning  verification failed; the old state is restored and live
      state    the old values are back on the branch by commits of their own, and the old version was seen live; the message says what is not well
      next     look at the metrics named before trying this version again
      again    not with this version before the cause is known; where it failed verification the gate refuses it (14, `known-bad`)
    ");
    assert_eq!((by_number.code, by_number.stderr.as_str()), (0, ""));
    assert_eq!(
        run(&["explain", "rolled-back"], &[]).stdout,
        by_number.stdout
    );
    let all = run(&["explain"], &[]).stdout;
    for code in exit::ALL {
        assert!(
            all.contains(code.name) && all.contains(code.meaning),
            "{}",
            code.name
        );
    }
}

#[test]
fn explain_names_the_nearest_code() {
    let slip = run(&["explain", "roled-back"], &[]);
    insta::assert_snapshot!(slip.stdout, @r"
    ERROR  unknown code `roled-back`; did you mean `rolled-back`?

      exit code   2 usage

    next: `shipgate explain` lists all codes
    ");
    assert_eq!(slip.code, 2);
    let hostile = run(&["explain", "::error::\n##[add-mask]x"], &[]);
    insta::assert_snapshot!(hostile.stdout, @r"
    ERROR  unknown code `: :error:: # #[add-mask]x`

      exit code   2 usage

    next: `shipgate explain` lists all codes
    ");
}

#[test]
fn json_output_is_one_object_and_nothing_else() {
    for arguments in [
        &["explain", "--output", "json"][..],
        &["explain", "nine", "--output", "json"],
    ] {
        let ran = run(arguments, &[("SHIPGATE_OUTPUT", "text")]);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["command"], "explain");
        assert_eq!(report["schema_version"], 1);
    }
    let by_variable = run(&["explain", "nine"], &[("SHIPGATE_OUTPUT", "json")]);
    let report: serde_json::Value = serde_json::from_str(&by_variable.stdout).unwrap();
    assert_eq!(report["exit_code"], 2);
    let wrong = run(&["explain"], &[("SHIPGATE_OUTPUT", "yaml")]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stdout.contains("SHIPGATE_OUTPUT: found \"yaml\""),
        "{}",
        wrong.stdout
    );
}

#[test]
fn json_lines_end_with_the_report_whatever_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events.jsonl").display().to_string();
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], u8);
    let rows: [Row<'_>; 4] = [
        (&["explain", "nine", "--output", "jsonl"], &[], 2),
        (&["explain", "nine"], &[("SHIPGATE_OUTPUT", "jsonl")], 2),
        (&["explan", "--output=jsonl"], &[], 2),
        (&["schema", "nothing"], &[("SHIPGATE_OUTPUT", "jsonl")], 2),
    ];
    for (arguments, environment, code) in rows {
        let ran = run(arguments, environment);
        assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
        let line: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(line["event"], "finished");
        assert_eq!(
            (ran.code, &line["report"]["exit_code"]),
            (code, &code.into())
        );
    }
    let text = run(&["explain", "nine"], &[("SHIPGATE_EVENTS", &events)]);
    assert!(text.stdout.starts_with("ERROR"), "{}", text.stdout);
    let line = fs::read_to_string(&events).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["report"]["exit_code"], 2);
    let explained = run(&["explain", "40", "--output", "jsonl"], &[]).stdout;
    let explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
    assert_eq!(explained["codes"][0]["name"], "rolled-back");
}

#[test]
fn a_pipeline_gets_every_output_even_when_its_inputs_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let ran = run(
        &["ci"],
        &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_OUTPUT", &path("outputs")),
            ("GITHUB_STEP_SUMMARY", &path("summary")),
            ("RUNNER_TEMP", &folder.path().display().to_string()),
            ("NO_COLOR", "1"),
            ("SHIPGATE_COMMAND", "deplyo"),
        ],
    );
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stdout, @"
    ERROR  SHIPGATE_COMMAND: unknown command `deplyo`; did you mean `deploy`?

      exit code   2 usage

    next: read the message; `shipgate COMMAND --help` lists the flags
    ");
    insta::assert_snapshot!(ran.stderr, @"
    ::error title=shipgate%3A usage::SHIPGATE_COMMAND: unknown command `deplyo`; did you mean `deploy`?
    ");
    let outputs = fs::read_to_string(path("outputs")).unwrap();
    assert_eq!(outputs.matches("<<shipgate_").count(), 14);
    assert!(
        outputs.contains("\nerror\n") && outputs.contains("\n2\n"),
        "{outputs}"
    );
    let summary = fs::read_to_string(path("summary")).unwrap();
    assert!(
        summary.starts_with("> [!CAUTION]\n> **ERROR** SHIPGATE\\_COMMAND"),
        "{summary}"
    );
    let report = report_in(folder.path());
    assert!(outputs.contains(&report.display().to_string()));
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["exit_code"], 2);
}

fn report_in(folder: &Path) -> PathBuf {
    let mut found = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    found
        .find(|path| path.extension().is_some_and(|it| it == "json"))
        .unwrap()
}

#[test]
fn a_summary_that_is_not_wanted_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary");
    let summary_path = summary.display().to_string();
    let environment = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_STEP_SUMMARY", summary_path.as_str()),
        ("SHIPGATE_SUMMARY", "false"),
        ("SHIPGATE_COMMAND", "deplyo"),
    ];
    run(&["ci"], &environment);
    assert!(!summary.exists());
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_changes_no_code() {
    let ran = run(
        &["explain", "nine"],
        &[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_OUTPUT", "/no/such/folder/outputs"),
            ("SHIPGATE_REPORT", "/no/such/folder/report"),
        ],
    );
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr
            .contains("warning: the step outputs could not be written"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("warning: the report file could not be written"),
        "{}",
        ran.stderr
    );
}

/// A standard output that fails in one way.
struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_lost_result_is_exit_one_in_every_sink_and_a_gone_reader_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("explain", "", io::ErrorKind::StorageFull, 1),
        ("explain", "", io::ErrorKind::BrokenPipe, 0),
        ("explain", "nine", io::ErrorKind::StorageFull, 1),
        ("explain", "nine", io::ErrorKind::BrokenPipe, 2),
    ];
    for (command, code, failure, wanted) in rows {
        let report = folder.path().join("report.json").display().to_string();
        let stderr = Buffer::default();
        let context = context(
            &[("SHIPGATE_REPORT", &report)],
            Box::new(Failing(failure)),
            stderr.clone(),
        );
        let arguments = ["shipgate", command, code]
            .into_iter()
            .filter(|it| !it.is_empty());
        let found = cli::run(arguments.map(OsString::from), context);
        assert_eq!(found, wanted, "{failure:?}: {}", stderr.text());
        let report: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
        assert_eq!(report["exit_code"], wanted, "{failure:?}");
        let complaints = usize::from(failure == io::ErrorKind::StorageFull);
        assert_eq!(stderr.text().matches("error: ").count(), complaints);
    }
}

#[test]
fn an_argument_never_becomes_a_command_of_the_runner() {
    let ran = run(&["explain", "--output", "x\n::stop-commands::y"], &[]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr
            .lines()
            .any(|line| line.contains(": :stop-commands::y")),
        "{}",
        ran.stderr
    );
    assert!(
        !ran.stderr
            .lines()
            .any(|line| line.trim_start().starts_with("::"))
    );
}

#[test]
fn the_verdict_never_stands_inside_a_group_and_is_printed_once() {
    for output in [OutputFormat::Text, OutputFormat::Json] {
        let both = Buffer::default();
        let environment = [("GITHUB_ACTIONS", "true"), ("NO_COLOR", "1")];
        let context = context(&environment, Box::new(both.clone()), both.clone());
        let globals = Globals {
            output: Some(output),
            color: ColorChoice::Auto,
        };
        let mut session = Session::new(context, &globals, "deploy");
        session.event(&Event::StepStarted {
            at: utc("2025-12-02T14:01:00Z"),
            index: 1,
            total: 3,
            name: "canary to 1.1".to_owned(),
            weight: None,
        });
        let outcome = rolled_back();
        Reporter::finish(&mut session, &outcome);
        assert_eq!(session.finish(&outcome), 40);
        let text = both.text();
        let verdict = text.find("ROLLED BACK").or(text.find("{\n")).unwrap();
        assert!(text.find("::endgroup::").unwrap() < verdict, "{text}");
        assert_eq!(text.matches("::endgroup::").count(), 1);
        assert_eq!(text.matches("::error ").count(), 1);
        assert_eq!(text.matches(&outcome.hints[0]).count(), 1);
    }
}
