//! Whatever tells a verdict tells which policy decided: path, commit and digest.

use std::{fs, path::Path, sync::Arc};

use serde_json::Value;
use shipgate::{
    clock::{Clock, ManualClock},
    git::Trailers,
    ops::check::sha256,
    sim::{Scenario, World, WorldOptions},
};
use tempfile::TempDir;

use super::{
    bare::git,
    repository::POLICY,
    run::{NOW, Ran, run_at},
};

/// A world and what a pipeline of GitHub's gives a step.
struct Stage {
    clock: Arc<dyn Clock>,
    world: World,
    remote: TempDir,
    step: TempDir,
}

impl Stage {
    fn new(scenario: Scenario) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW.parse().unwrap()));
        let remote = tempfile::tempdir().unwrap();
        let options = WorldOptions::new(scenario, clock.clone(), remote.path().to_owned());
        Self {
            world: World::start(options).unwrap(),
            clock,
            remote,
            step: tempfile::tempdir().unwrap(),
        }
    }

    fn run(&self, command: &str, output: &str) -> Ran {
        let file = |name: &str| self.step.path().join(name).to_str().unwrap().to_owned();
        let url = self.world.git_url();
        let environment = [
            ("SHIPGATE_TOKEN", self.world.token()),
            ("SHIPGATE_REPORT", &file("report.json")),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_STEP_SUMMARY", &file("summary.md")),
            ("GITHUB_OUTPUT", &file("outputs")),
        ];
        for name in ["summary.md", "outputs"] {
            fs::write(self.step.path().join(name), "").unwrap();
        }
        let version: &[&str] = match command {
            "deploy" => &["--version", "1.4.2"],
            _ => &[],
        };
        let arguments = [command, "--repository", &url, "--output", output];
        let arguments = [&arguments, version].concat();
        run_at(&self.clock, self.step.path(), &environment, &arguments)
    }

    /// Returns path, commit and digest of the policy as it is now.
    fn policy(&self) -> [String; 3] {
        let bytes = self.world.read(POLICY).unwrap().unwrap();
        let tip = self.world.tip().unwrap();
        [POLICY.to_owned(), tip, sha256(&bytes)]
    }

    fn bare(&self) -> std::path::PathBuf {
        self.remote.path().join("gitops.git")
    }
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// For people the ids are cut to what one can compare by eye.
fn for_people([path, commit, digest]: &[String; 3]) -> String {
    format!("{path} @ {}, sha256 {}", &commit[..12], &digest[..12])
}

/// Text, machine output, report and summary of a run.
fn tell(stage: &Stage, command: &str, code: u8) {
    let policy = stage.policy();
    let ran = stage.run(command, "json");
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!(ran.policy().as_ref(), Some(&policy), "machine output");
    let report: Value = serde_json::from_str(&read(stage.step.path(), "report.json")).unwrap();
    assert_eq!(report["verdict"], ran.json()["verdict"], "report");
    let summary = read(stage.step.path(), "summary.md");
    let shown = for_people(&policy);
    assert!(summary.replace('\\', "").contains(&shown), "{summary}");
}

#[test]
fn a_refusal_tells_it_everywhere() {
    let stage = Stage::new(Scenario::Blocked);
    for command in ["check", "deploy"] {
        tell(&stage, command, 10);
        let ran = stage.run(command, "text");
        let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&for_people(&stage.policy())), "{ran:?}");
    }
}

#[test]
fn a_deployment_tells_it_in_every_commit_and_record() {
    let stage = Stage::new(Scenario::Healthy);
    let [path, commit, digest] = stage.policy();
    let before = stage.world.log().unwrap().len();
    tell(&stage, "deploy", 0);
    let wanted = format!("{path}@{commit} {digest}");
    let mut told = 0;
    for log in stage.world.log().unwrap().iter().rev().skip(before) {
        assert_trailer(&format!("{}\n\n{}", log.subject, log.body), &wanted);
        told += 1;
    }
    let journal = "refs/shipgate/production/advertisements";
    let records = git(&stage.bare(), &["log", "-z", "--format=%B", journal]);
    for record in records.split('\0').filter(|record| !record.is_empty()) {
        assert_trailer(record, &wanted);
        told += 1;
    }
    assert!(told > 10, "{told} commits and records");
}

fn assert_trailer(message: &str, wanted: &str) {
    let trailers = Trailers::parse(message);
    assert_eq!(trailers.get("Policy"), Some(wanted), "{message}");
}
