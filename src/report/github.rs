//! GitHub Actions: groups and annotations in the log, step outputs, the job summary.

use std::io;

use chrono::{DateTime, Utc};

use super::{
    Ended, Place, Sink, Timeline, json,
    log_commands::{Annotation, Dialect, Level, LogCommands},
    markdown, matrix, sanitise,
};
use crate::event::{Ending, Event, Outcome};

/// Most characters of an output's value.
const VALUE_LIMIT: usize = 256;

/// Folds progress into groups and annotates the worst findings.
pub type Commands<W> = LogCommands<W, GitHub>;

/// `::group::title`, `::error file=path::message`.
#[derive(Debug, Default)]
pub struct GitHub;

impl Dialect for GitHub {
    fn begin(&mut self, title: &str, _at: Option<DateTime<Utc>>) -> String {
        format!("::group::{}", sanitise::github_data(title))
    }

    fn end(&mut self, _at: Option<DateTime<Utc>>) -> String {
        "::endgroup::".to_owned()
    }

    fn issue(&self, level: Level, title: &str, annotation: &Annotation) -> Option<String> {
        let mut properties = vec![format!("title={}", sanitise::github_property(title))];
        if let Some(file) = &annotation.file {
            properties.push(format!("file={}", sanitise::github_property(file)));
        }
        if let Some(line) = annotation.line {
            properties.push(format!("line={line}"));
        }
        let properties = properties.join(",");
        let message = sanitise::github_data(&annotation.message);
        Some(format!("::{} {properties}::{message}", level.word()))
    }
}

/// Writes the step outputs: every one of them, always.
pub struct Outputs {
    /// The file that `GITHUB_OUTPUT` names.
    pub place: Place,
    /// 128 random bits in hexadecimal, which no value can guess.
    pub delimiter: String,
}

impl Sink for Outputs {
    fn name(&self) -> &'static str {
        "the step outputs"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        let text = output_lines(&outputs(ended), &self.delimiter)?;
        self.place.append(text.as_bytes())
    }
}

/// Returns the outputs by name, as action.yml declares them: one line each, at most 256 characters
/// but for paths and JSON.
pub fn outputs(ended: &Ended<'_>) -> Vec<(&'static str, String)> {
    let outcome = ended.outcome;
    let deployment = outcome.deployment.as_ref();
    let last_commit = deployment
        .and_then(|deployment| deployment.commits.last())
        .map(|commit| commit.sha.clone());
    let went_back = ended.command == "rollback"
        || matches!(
            outcome.ending,
            Ending::RolledBack | Ending::CancelledRolledBack
        );
    let values = [
        ("result", Some(outcome.ending.result().to_owned())),
        ("exit-code", Some(ended.exit_code.to_string())),
        ("changed", Some(changed(outcome).to_string())),
        ("reason-code", Some(outcome.reason_code.clone())),
        ("reason", Some(outcome.reason.clone())),
        (
            "next-window",
            outcome
                .verdict
                .as_ref()
                .and_then(|verdict| verdict.opens_at)
                .map(json::instant),
        ),
        ("run-id", deployment.map(|it| it.run.clone())),
        ("commit-sha", last_commit.clone()),
        (
            "previous-sha",
            deployment.and_then(|it| it.previous_head.clone()),
        ),
        ("rollback-sha", last_commit.filter(|_| went_back)),
        (
            "weight",
            deployment
                .and_then(|it| it.weight)
                .map(|weight| weight.percent().to_string()),
        ),
        ("override-used", Some(outcome.override_used.to_string())),
        ("matrix", matrix::render(&outcome.verdicts)),
        ("report", Some(ended.report.to_owned())),
    ];
    values
        .into_iter()
        .map(|(name, value)| {
            // A path or a JSON text that is cut is a wrong one; nothing else that is long has to be
            // whole.
            let limit = match name {
                "matrix" => return (name, value.unwrap_or_default()),
                "report" => sanitise::LINE_LIMIT,
                _ => VALUE_LIMIT,
            };
            let value = sanitise::line(&value.unwrap_or_default());
            (name, sanitise::shorten(value.trim(), limit))
        })
        .collect()
}

/// Did the run leave the branch different from how it found it?
fn changed(outcome: &Outcome) -> bool {
    let own = outcome.deployment.as_ref().is_some_and(|it| it.changed);
    own || outcome.services.iter().any(|end| changed(&end.outcome))
}

/// Returns the outputs in the form of the `GITHUB_OUTPUT` file.
///
/// # Errors
/// A value contains the delimiter.
pub fn output_lines(outputs: &[(&'static str, String)], delimiter: &str) -> io::Result<String> {
    let end = format!("shipgate_{delimiter}");
    let mut text = String::new();
    for (name, value) in outputs {
        if value.contains(&end) {
            return Err(io::Error::other("a value contains the random delimiter"));
        }
        text.push_str(&format!("{name}<<{end}\n{value}\n{end}\n"));
    }
    Ok(text)
}

/// Appends to the job summary.
pub struct Summary {
    place: Place,
    timeline: Timeline,
}

impl Summary {
    /// Appends to the file that `GITHUB_STEP_SUMMARY` names.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            timeline: Timeline::default(),
        }
    }
}

impl Sink for Summary {
    fn name(&self) -> &'static str {
        "the job summary"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.timeline.event(event);
        Ok(())
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        if !markdown::is_worth_a_summary(ended.outcome) {
            return Ok(());
        }
        let summary = markdown::render(ended, &self.timeline);
        self.place.append(format!("{summary}\n").as_bytes())
    }
}
