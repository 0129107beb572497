//! The GitLab component as a runner runs it: gitlab-ci-local takes `templates/shipgate.yml` apart, starts
//! its job, keeps its artifacts, and goes on, or not, with the jobs that follow.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chrono::TimeDelta;
use serde_json::Value;
use shipgate::clock::{Clock, SystemClock};

use crate::{
    process::{Ran, Running},
    side_by_side,
    stage::{POLICY, PROMETHEUS_TOKEN, Pace, QUIET, Stage, TOKEN},
    support::bare::{git, install_hook},
};

/// Closes for three weeks. Returns the policy, and the day on which it opens.
fn closed() -> (String, String) {
    let opens = SystemClock.now().date_naive() + TimeDelta::days(21);
    let last = opens - TimeDelta::days(1);
    let policy = format!(
        "version: 1\ntimezone: UTC\nblocked_dates:\n  - {{from: 2020-01-01, to: {last}, name: a freeze}}\n"
    );
    (policy, opens.to_string())
}

/// What a project says that uses the component.
const PROJECT: &str = r#"
include:
  - local: templates/shipgate.yml
    inputs:
      environment: production
      service: advertisements
      version: "1.1"
      repository: REPOSITORY
      timeout: 2m
stages: [deploy, after]
told:
  stage: after
  when: always
  needs: [{job: shipgate, artifacts: true}]
  script:
    - echo "told $GATE_RESULT $GATE_EXIT_CODE next=$GATE_NEXT_WINDOW"
smoke:
  stage: after
  script: [echo "smoke tests run"]
"#;

/// Is the runner there? In a pipeline of our own it must be.
fn runner() -> bool {
    let found = ["gitlab-ci-local", "rsync"].iter().all(|program| {
        let ran = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        ran.is_ok_and(|status| status.success())
    });
    assert!(
        found || std::env::var_os("CI").is_none(),
        "gitlab-ci-local and rsync are missing, so the component was not run"
    );
    found
}

/// A project beside a stage.
struct Project<'a> {
    stage: &'a Stage,
    folder: PathBuf,
    programs: PathBuf,
}

impl<'a> Project<'a> {
    /// Makes one; `more` is what its pipeline says besides.
    fn new(stage: &'a Stage, more: &str) -> Self {
        let folder = stage.home().join("project");
        let programs = stage.home().join("programs");
        for folder in [&folder.join("templates"), &programs] {
            fs::create_dir_all(folder).unwrap();
        }
        let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/shipgate.yml");
        fs::copy(component, folder.join("templates/shipgate.yml")).unwrap();
        let text = PROJECT.replace("REPOSITORY", &stage.server().url());
        fs::write(folder.join(".gitlab-ci.yml"), text + more).unwrap();
        git(&folder, &["init", "--quiet", "--initial-branch=main"]);
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "--quiet", "-m", "first"]);
        let url = "https://gitlab.example/shop/advertisements.git";
        git(&folder, &["remote", "add", "origin", url]);
        let project = Self {
            stage,
            folder,
            programs,
        };
        project.program(&format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_shipgate")));
        project
    }

    /// Writes what the image has as `shipgate`.
    fn program(&self, script: &str) {
        let path = self.programs.join("shipgate");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self) -> Ran {
        let path = std::env::var("PATH").unwrap();
        let mut command = self.stage.command(&[]);
        let given: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            // The component says where the repository is.
            .filter(|(name, _)| name != "SHIPGATE_REPOSITORY")
            .collect();
        command = Command::new("gitlab-ci-local");
        command
            .args(["--force-shell-executor", "--quiet=false"])
            .current_dir(&self.folder)
            .env_clear()
            .envs(given)
            .env("PATH", format!("{}:{path}", self.programs.display()));
        let ran = Running::start(command).wait();
        for text in [&ran.stdout, &ran.stderr] {
            assert!(
                !text.contains(TOKEN) && !text.contains(PROMETHEUS_TOKEN),
                "{text}"
            );
        }
        ran
    }

    fn artifact(&self, name: &str) -> String {
        let folder = self.folder.join(".gitlab-ci-local/artifacts/shipgate");
        fs::read_to_string(folder.join(name)).unwrap()
    }
}

/// What one pipeline comes to: the exit code of the job, the word of its result, what the runner says
/// of the job, whether the smoke tests ran.
struct Row {
    name: &'static str,
    failing: &'static [&'static str],
    is_closed: bool,
    more: &'static str,
    code: i32,
    result: &'static str,
    job: &'static str,
    smoke: bool,
}

const ROWS: [Row; 4] = [
    Row {
        name: "allowed",
        failing: &[],
        is_closed: false,
        more: "",
        code: 0,
        result: "deployed",
        job: "PASS",
        smoke: true,
    },
    Row {
        name: "blocked",
        failing: &[],
        is_closed: true,
        more: "",
        code: 10,
        result: "blocked",
        job: "FAIL",
        smoke: false,
    },
    Row {
        name: "blocked, and the pipeline may go on",
        failing: &[],
        is_closed: true,
        more: "shipgate: {allow_failure: {exit_codes: [10, 11]}}\n",
        code: 10,
        result: "blocked",
        job: "WARN",
        smoke: true,
    },
    Row {
        name: "rolled back",
        failing: &["1.1"],
        is_closed: false,
        more: "",
        code: 40,
        result: "rolled-back",
        job: "FAIL",
        smoke: false,
    },
];

#[test]
fn the_component_deploys_blocks_and_takes_back() {
    if !runner() {
        return;
    }
    side_by_side(
        ROWS.iter().zip(91..).collect(),
        |(row, seed): (&Row, u64)| {
            let Some(mut stage) = Stage::start(seed, row.failing, Pace::CAREFUL) else {
                return;
            };
            let (policy, opens) = closed();
            if row.is_closed {
                stage.rewrite(POLICY, &policy);
            }
            let project = Project::new(&stage, row.more);
            let ran = project.run();
            let said = format!("{}: {}\n{}", row.name, ran.stdout, ran.stderr);
            let verdict = ran
                .stdout
                .lines()
                .filter(|line| line.split_whitespace().nth(1) == Some("shipgate"))
                .find(|line| line.trim_start().starts_with(row.job));
            assert!(verdict.is_some(), "{said}");
            assert_eq!(
                ran.stdout.contains("> smoke tests run"),
                row.smoke,
                "{said}"
            );

            let report: Value =
                serde_json::from_str(&project.artifact("shipgate-report.json")).unwrap();
            assert_eq!(report["exit_code"], row.code, "{said}");
            assert_eq!(report["result"], row.result, "{said}");
            let next = report["verdict"]["opens_at"].as_str().unwrap_or_default();
            assert_eq!(next.starts_with(&opens), row.is_closed, "{said}");
            let told = format!("> told {} {} next={next}", row.result, row.code);
            assert!(ran.stdout.contains(&told), "{told} in {said}");
            let junit = project.artifact("shipgate-junit.xml");
            let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
            assert_eq!(junit.failures > 0, row.code != 0, "{said}");

            stage.assert_sound();
            if row.code == 0 {
                assert!(
                    stage
                        .text("clusters/prod/advertisements.yaml")
                        .contains(":1.1")
                );
            } else {
                stage.assert_as_at_first();
            }
            let pipeline = "--format=%(trailers:key=Shipgate-Pipeline,valueonly,separator=)";
            let url = stage.git(&["log", "-1", pipeline, "main"]);
            assert_eq!(url.contains("/-/jobs/"), row.code != 10, "{url}");
        },
    );
}

#[test]
fn a_job_that_was_killed_takes_back_what_it_began_and_nothing_else() {
    if !runner() {
        return;
    }
    let Some(mut stage) = Stage::start(95, &[], Pace::CAREFUL) else {
        return;
    };
    stage.rewrite(POLICY, QUIET);
    let project = Project::new(&stage, "");
    // As when the machine kills it: right after its first push, and without a word.
    let pushed = stage.home().join("pushed");
    let hook = format!(
        "while read old new ref; do [ \"$ref\" = refs/heads/main ] && touch {}; done; exit 0",
        pushed.display()
    );
    install_hook(&stage.path(), "post-receive", &hook);
    let real = env!("CARGO_BIN_EXE_shipgate");
    project.program(&format!(
        "[ \"$SHIPGATE_COMMAND\" = recover ] && exec {real} \"$@\"\n\
         {real} \"$@\" & run=$!\n\
         while [ ! -e {} ] && kill -0 $run; do sleep 0.05; done\n\
         kill -9 $run; wait $run; exit 137",
        pushed.display()
    ));
    let ran = project.run();
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    assert!(pushed.exists(), "{said}");
    stage.assert_as_at_first();
    assert_eq!(stage.journal("advertisements")[0], "rolled-back", "{said}");
    stage.sweep();

    // What somebody else has under way is left alone by the same job.
    fs::remove_file(&pushed).unwrap();
    let mut theirs = stage.deploy("advertisements", "1.1");
    theirs.env("SHIPGATE_PIPELINE", "https://elsewhere.example/7");
    let theirs = Running::start(theirs);
    crate::until("their first push", || pushed.exists().then_some(()));
    theirs.kill();
    let standing = stage.tree("main");
    project.program(&format!(
        "[ \"$SHIPGATE_COMMAND\" = recover ] && exec {real} \"$@\"\nkill -9 $$"
    ));
    let ran = project.run();
    let said = ran.said().replace("shipgate > ", "");
    assert_eq!(stage.tree("main"), standing, "{said}");
    assert!(
        said.contains("is left alone: it belongs to https://elsewhere.example/7"),
        "{said}"
    );
    stage.sweep();

    // Who does not know its own address leaves everything alone; anybody may say so outright.
    let recover = ["recover", "--service", "advertisements"];
    let ran = stage.run(stage.command(&[&recover[..], &["--if-unfinished"]].concat()));
    let said = ran.expect(0).said();
    assert!(said.contains("this pipeline has no address"), "{said}");
    assert_eq!(stage.tree("main"), standing, "{said}");
    stage.run(stage.command(&recover)).expect(0);
    stage.assert_as_at_first();
}
