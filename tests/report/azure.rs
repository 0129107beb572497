//! What Azure Pipelines is told, read back as its agent reads it.

use std::fs;

use shipgate::{
    event::{Ending, Event, Outcome},
    report::{Place, Sink, azure, github},
};

use crate::{
    oracle::{self, Command},
    support::{Buffer, all, blocked, canary, edit_refused, ended, rolled_back, written},
};

fn commands(text: &str) -> Vec<Command> {
    oracle::lines(text).filter_map(oracle::azure).collect()
}

#[test]
fn issues_of_a_blocked_verdict_and_refused_edits() {
    let issues = |command: &str, outcome: &Outcome| {
        let ended = ended(command, outcome);
        written(|buffer| Box::new(azure::Commands::new(buffer)), &ended)
    };
    insta::assert_snapshot!(issues("check", &blocked()), @r"
    ##vso[task.logissue type=error;code=blocked-date;sourcepath=policies/production.yaml;linenumber=12;columnnumber=1]Friday 2025-11-28 is blocked: Black Friday
    ##vso[task.logissue type=warning;code=shipgate;sourcepath=policies/production.yaml;linenumber=4;columnnumber=1]outside every allowed window (Mon-Thu 09:00-16:00 America/New_York)
    ##vso[task.logissue type=warning;code=shipgate;sourcepath=policies/production.yaml;linenumber=18;columnnumber=1]traffic of 5200 requests/s is above the maximum of 5000 requests/s
    ");
    insta::assert_snapshot!(issues("set", &edit_refused()), @r"
    ##vso[task.logissue type=error;code=edit-refused;sourcepath=clusters/prod/ads.yaml;linenumber=31;columnnumber=1]clusters/prod/ads.yaml:31: the image is behind the alias *image
    ##vso[task.logissue type=warning;code=shipgate]found no Ingress/ads-canary in 4 files
    ");
}

#[test]
fn groups_fold_the_steps() {
    let buffer = Buffer::default();
    let mut sink = azure::Commands::new(buffer.clone());
    for event in canary() {
        sink.event(&event).unwrap();
    }
    sink.finish(&ended("deploy", &rolled_back())).unwrap();
    insta::assert_snapshot!(buffer.text(), @r"
    ##[group]step 1/3 canary to 1.1
    ##[endgroup]
    ##[group]way back
    ##[endgroup]
    ##vso[task.logissue type=error;code=rolled-back]errors of the canary failed 3 times (1.9, at most 0.5)%3B 1.0 is restored and live
    ##vso[task.logissue type=warning;code=shipgate]prometheus was slow
    ");
}

#[test]
fn variables_read_back_as_the_outputs_of_the_action() {
    for (command, outcome) in all() {
        let ended = ended(command, &outcome);
        let text = written(|buffer| Box::new(azure::Results::new(buffer, None)), &ended);
        let variables = commands(&text).into_iter().map(|command| {
            assert_eq!(command.name, "task.setvariable");
            assert_eq!(command.properties["isoutput"], "true");
            (command.properties["variable"].clone(), command.data)
        });
        let outputs = github::outputs(&ended).into_iter().map(|(name, value)| {
            let name = name.replace('-', "_").to_uppercase();
            (format!("GATE_{name}"), value)
        });
        assert_eq!(variables.collect::<Vec<_>>(), outputs.collect::<Vec<_>>());
    }
}

#[test]
fn no_variable_asks_for_another_one() {
    let outcome = Outcome::new(Ending::Unavailable, "it said $(GITOPS_TOKEN) and $((x");
    let ended = ended("check", &outcome);
    let text = written(|buffer| Box::new(azure::Results::new(buffer, None)), &ended);
    assert!(
        text.contains("it said $ (GITOPS_TOKEN) and $ ((x"),
        "{text}"
    );
    assert!(!text.contains("$("), "{text}");
}

#[test]
fn a_warning_makes_the_step_yellow_and_a_summary_is_uploaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary;1.md");
    let outcome = Outcome::new(Ending::Warned, "traffic; is [high]");
    let buffer = Buffer::default();
    let mut sink = azure::Results::new(
        buffer.clone(),
        Some(Place::new("AGENT_TEMPDIRECTORY", &path)),
    );
    sink.event(&Event::Note("one".to_owned())).unwrap();
    sink.finish(&ended("check", &outcome)).unwrap();
    let mut commands = commands(&buffer.text());
    let upload = commands.pop().unwrap();
    let complete = commands.pop().unwrap();
    assert_eq!(
        (&*upload.name, upload.data),
        ("task.uploadsummary", path.display().to_string())
    );
    assert_eq!(
        (&*complete.name, &*complete.data),
        ("task.complete", "traffic; is [high]")
    );
    assert_eq!(complete.properties["result"], "SucceededWithIssues");
    let summary = fs::read_to_string(path).unwrap();
    assert!(
        summary.starts_with("> **WARNED** traffic; is \\[high\\]"),
        "{summary}"
    );
}
