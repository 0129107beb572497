//! All sinks tell the same story: whatever the end, they agree on what happened, why, and what next.

use proptest::prelude::*;
use serde_json::Value;
use shipgate::{
    event::{Ending, Outcome},
    report::{
        Ended, Timeline, azure, github, gitlab, html, json, json::events::JsonLines, junit,
        markdown, phrases, text::Text,
    },
};

use crate::{
    html::{by_id, read},
    oracle,
    support::{all, ended, written},
};

const ENDINGS: [Ending; 30] = [
    Ending::Allowed,
    Ending::Warned,
    Ending::Deployed,
    Ending::TakenBack,
    Ending::NoChange,
    Ending::Healthy,
    Ending::Internal,
    Ending::Usage,
    Ending::ConfigInvalid,
    Ending::Findings,
    Ending::BlockedWindow,
    Ending::ApprovalRequired,
    Ending::BlockedTraffic,
    Ending::OverrideRefused,
    Ending::BlockedOther,
    Ending::Unavailable,
    Ending::InsufficientData,
    Ending::Unhealthy,
    Ending::EditRefused,
    Ending::PushConflict,
    Ending::PushDenied,
    Ending::RolledBack,
    Ending::RollbackFailed,
    Ending::Held,
    Ending::Superseded,
    Ending::PushUnknown,
    Ending::CancelledRolledBack,
    Ending::CancelledLeft,
    Ending::Interrupted,
    Ending::Terminated,
];

/// A line as people write it, with signs that mean something to some sink.
fn sentence() -> impl Strategy<Value = String> {
    "[a-z0-9%;|*<>&,.(){}'\"=\\]\\[-]{1,12}( [a-z0-9%;|*<>&,.(){}'\"=\\]\\[-]{1,12}){0,12}"
}

/// Any ending of any command, with its own reason, hints, service and version.
fn outcome() -> impl Strategy<Value = (&'static str, Outcome)> {
    let word = "[a-z][a-z0-9-]{0,15}";
    let texts = (sentence(), word, prop::collection::vec(sentence(), 0..3));
    let names = (word, "[0-9]{1,2}\\.[0-9]{1,2}");
    (0..all().len(), 0..ENDINGS.len(), texts, names).prop_map(
        |(which, ending, (reason, code, hints), (service, version))| {
            let (command, mut outcome) = all().swap_remove(which);
            outcome.end_as(ENDINGS[ending]);
            outcome.reason = reason;
            outcome.reason_code = code;
            outcome.hints = hints;
            if let Some(deployment) = &mut outcome.deployment {
                deployment.service = service;
                deployment.version = Some(version.parse().unwrap());
            }
            (command, outcome)
        },
    )
}

/// A text without the line ends and blanks that only lay it out.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is told of an end, as people read it.
struct Story {
    headline: String,
    code: String,
    opens: Option<String>,
    next: Vec<String>,
    what: Option<String>,
}

impl Story {
    fn of(ended: &Ended<'_>) -> Self {
        let outcome = ended.outcome;
        Self {
            headline: phrases::headline(ended),
            code: ended.exit_code.to_string(),
            opens: outcome.verdict.as_ref().and_then(phrases::opens),
            next: outcome.next_steps(),
            what: outcome.deployment.as_ref().map(|it| {
                let version = it.version.as_ref().unwrap();
                format!("{} in production, 1.0 -> {version}, canary", it.service)
            }),
        }
    }
}

fn people(ended: &Ended<'_>, story: &Story) {
    let reason = &ended.outcome.reason;
    let code = &ended.outcome.reason_code;
    let text = flat(&written(|buffer| Box::new(Text::new(buffer, false)), ended));
    assert!(
        text.starts_with(&format!("{} {}", story.headline, flat(reason))),
        "{text}"
    );
    let tells_code = text.contains(&format!("exit code {} {code}", story.code));
    assert_eq!(tells_code, ended.exit_code != 0, "{text}");

    let summary = markdown::render(ended, &Timeline::default());
    let head = format!("> **{}** {}", story.headline, markdown::escape(reason));
    assert!(
        summary.lines().nth(1).unwrap().starts_with(&head),
        "{summary}"
    );
    let tells = format!("exit code {}, {}", story.code, markdown::escape(code));
    assert!(summary.contains(&tells), "{summary}");

    let page = read(&html::render(ended, &Timeline::default()));
    let of_class = |class: &str| {
        let found = page.iter().find(|it| it.attribute("class") == Some(class));
        found.unwrap().text.clone()
    };
    assert_eq!(
        (of_class("word"), of_class("reason")),
        (story.headline.clone(), reason.clone())
    );
    let of_id = |id: &str| by_id(&page, id).map(|it| it.text.trim().to_owned());
    assert_eq!(of_id("exit-code").as_ref(), Some(&story.code));
    assert_eq!(of_id("reason-code").as_ref(), Some(code));
    assert_eq!(of_id("opens"), story.opens);

    if let Some(opens) = &story.opens {
        assert!(text.contains(&format!("opens {}", flat(opens))), "{text}");
        assert!(
            summary.contains(&format!("> Opens {}", markdown::escape(opens))),
            "{summary}"
        );
    }
    for step in &story.next {
        assert!(text.contains(&format!("next: {}", flat(step))), "{text}");
        assert!(
            summary.contains(&format!("- next: {}\n", markdown::escape(step))),
            "{summary}"
        );
        assert!(
            page.iter().any(|it| it.name == "li" && it.text == *step),
            "{step}"
        );
    }
    if let Some(what) = &story.what {
        assert!(text.contains(&format!("service {what}")), "{text}");
        assert!(summary.contains(&markdown::escape(what)), "{summary}");
        assert!(
            page.iter().any(|it| it.name == "dd" && it.text == *what),
            "{what}"
        );
    }
}

fn machines(ended: &Ended<'_>, story: &Story) {
    let outcome = ended.outcome;
    let report: Value = serde_json::from_str(&json::render(ended).unwrap()).unwrap();
    assert_eq!(report["result"], outcome.ending.result());
    assert_eq!(report["exit_code"].to_string(), story.code);
    assert_eq!(report["reason"], *outcome.reason);
    assert_eq!(report["reason_code"], *outcome.reason_code);
    assert_eq!(report["hints"], Value::from(story.next.clone()));
    let lines = written(|buffer| Box::new(JsonLines::new(buffer)), ended);
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["report"], report);
    let deployment = outcome.deployment.as_ref();
    let service = deployment.map(|it| it.service.as_str());
    assert_eq!(report["deployment"]["service"].as_str(), service);
    let version = deployment.map(|it| it.version.as_ref().unwrap().to_string());
    assert_eq!(report["deployment"]["version"].as_str(), version.as_deref());

    let opens = report["verdict"]["opens_at"].as_str().unwrap_or_default();
    let told = [
        ("RESULT", outcome.ending.result()),
        ("EXIT_CODE", &story.code),
        ("REASON_CODE", &outcome.reason_code),
        ("REASON", &outcome.reason),
        ("NEXT_WINDOW", opens),
    ];
    let dotenv = gitlab::dotenv(ended);
    let outputs = github::outputs(ended);
    let azure = written(|buffer| Box::new(azure::Results::new(buffer, None)), ended);
    let commands: Vec<_> = oracle::lines(&azure).filter_map(oracle::azure).collect();
    for (name, value) in told {
        assert!(
            dotenv.contains(&format!("GATE_{name}={value}\n")),
            "{dotenv}"
        );
        let output = name.to_lowercase().replace('_', "-");
        let output = outputs.iter().find(|(name, _)| *name == output);
        assert_eq!(output.unwrap().1, value);
        let variable = format!("GATE_{name}");
        let is_it = |it: &&oracle::Command| it.properties.get("variable") == Some(&variable);
        let told = commands.iter().find(is_it).unwrap();
        assert_eq!(told.data, value.replace("$(", "$ ("));
    }
}

/// Where a pipeline shows findings and tests.
fn marks(ended: &Ended<'_>, story: &Story) {
    let outcome = ended.outcome;
    let failed = ended.exit_code != 0;
    let on_github = written(|buffer| Box::new(github::Commands::new(buffer)), ended);
    let on_github: Vec<_> = oracle::lines(&on_github)
        .filter_map(oracle::github)
        .collect();
    let error = on_github.iter().find(|it| it.name == "error");
    let title = format!("shipgate: {}", outcome.reason_code);
    let told = error.map(|it| (it.properties["title"].clone(), it.data.clone()));
    assert_eq!(told, failed.then(|| (title, outcome.reason.clone())));
    let on_azure = written(|buffer| Box::new(azure::Commands::new(buffer)), ended);
    let on_azure: Vec<_> = oracle::lines(&on_azure).filter_map(oracle::azure).collect();
    let is_error =
        |it: &&oracle::Command| it.properties.get("type").is_some_and(|it| it == "error");
    let told = on_azure.iter().find(is_error);
    let told = told.map(|it| (it.properties["code"].clone(), it.data.clone()));
    assert_eq!(
        told,
        failed.then(|| (outcome.reason_code.clone(), outcome.reason.clone()))
    );

    let junit = junit::render(ended).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    let whole = junit.test_suites.last().unwrap().test_cases.last().unwrap();
    let told = match &whole.status {
        quick_junit::TestCaseStatus::NonSuccess { message, ty, .. } => Some((
            ty.as_ref().unwrap().to_string(),
            message.as_ref().unwrap().to_string(),
        )),
        _ => None,
    };
    let opens = story.opens.as_ref().map(|it| format!("; opens {it}"));
    let message = format!(
        "{} (exit code {}){}",
        outcome.reason,
        story.code,
        opens.unwrap_or_default()
    );
    assert_eq!(told, failed.then(|| (outcome.reason_code.clone(), message)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_sinks_tell_the_same_story((command, outcome) in outcome()) {
        let ended = ended(command, &outcome);
        let story = Story::of(&ended);
        people(&ended, &story);
        machines(&ended, &story);
        marks(&ended, &story);
    }
}
