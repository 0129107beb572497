//! GitHub Actions: groups and annotations in the log, step outputs, the job summary.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
};

use super::{Ended, Sink, json, markdown, matrix, sanitise};
use crate::{
    event::{Ending, Event, Outcome},
    manifest::Refusal,
    policy::{Effect, Severity},
};

/// Most characters of an output's value.
const VALUE_LIMIT: usize = 256;
/// Most warnings of one step: GitHub shows 10 annotations of a kind and hides the rest.
const WARNINGS: usize = 9;

/// Folds progress into groups and annotates the worst findings.
pub struct Commands<W> {
    writer: W,
    group_open: bool,
    warnings: Vec<Annotation>,
}

struct Annotation {
    file: Option<String>,
    line: Option<usize>,
    message: String,
}

impl<W: Write> Commands<W> {
    /// Writes the commands to the stream that carries the progress, so that groups fold it.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            group_open: false,
            warnings: Vec::new(),
        }
    }

    fn group(&mut self, title: &str) -> io::Result<()> {
        self.end_group()?;
        self.group_open = true;
        writeln!(self.writer, "::group::{}", sanitise::github_data(title))
    }

    fn end_group(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.group_open) {
            writeln!(self.writer, "::endgroup::")?;
        }
        Ok(())
    }

    fn warn(&mut self, message: String) {
        let known = self
            .warnings
            .iter()
            .any(|earlier| earlier.message == message);
        if !known && self.warnings.len() < 1_000 {
            self.warnings.push(Annotation {
                file: None,
                line: None,
                message,
            });
        }
    }

    fn annotate(&mut self, kind: &str, annotation: &Annotation, title: &str) -> io::Result<()> {
        let mut properties = vec![format!("title={}", sanitise::github_property(title))];
        if let Some(file) = &annotation.file {
            properties.push(format!("file={}", sanitise::github_property(file)));
        }
        if let Some(line) = annotation.line {
            properties.push(format!("line={line}"));
        }
        let properties = properties.join(",");
        let message = sanitise::github_data(&annotation.message);
        writeln!(self.writer, "::{kind} {properties}::{message}")
    }
}

impl<W: Write> Sink for Commands<W> {
    fn name(&self) -> &'static str {
        "the annotations"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::StepStarted {
                index, total, name, ..
            } => self.group(&format!("step {index}/{total} {name}")),
            Event::WayBack { .. } => self.group("way back"),
            Event::Warning(text) => {
                self.warn(text.clone());
                Ok(())
            }
            // What several services do at once folds into no group.
            Event::Of { service, event } => {
                if let Event::Warning(text) = &**event {
                    self.warn(format!("{service}: {text}"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn make_way(&mut self) -> io::Result<()> {
        self.end_group()?;
        self.writer.flush()
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.end_group()?;
        let mut findings = findings(ended).into_iter();
        if ended.exit_code != 0
            && let Some(error) = findings.next()
        {
            let title = format!("shipgate: {}", ended.outcome.reason_code);
            self.annotate("error", &error, &title)?;
        }
        let mut warnings: Vec<Annotation> = findings.collect();
        warnings.append(&mut self.warnings);
        if warnings.len() > WARNINGS {
            let more = warnings.len() - WARNINGS;
            warnings.truncate(WARNINGS);
            if let Some(last) = warnings.last_mut() {
                let message = sanitise::shorten(&last.message, 400);
                last.message = format!("{message} (and {more} more in the log)");
            }
        }
        for warning in &warnings {
            self.annotate("warning", warning, "shipgate")?;
        }
        self.writer.flush()
    }
}

/// Returns what is worth an annotation, the worst first; with an exit code above 0 the first one is
/// the reason of it.
fn findings(ended: &Ended<'_>) -> Vec<Annotation> {
    let outcome = ended.outcome;
    let mut found = Vec::new();
    let deciding = outcome.verdict.as_ref().and_then(|verdict| {
        let reason = verdict.deciding()?;
        let ends_it = Ending::from(verdict) == outcome.ending;
        ends_it.then(|| (verdict.policy.path.clone(), reason.line))
    });
    if ended.exit_code != 0 {
        let refused = outcome
            .refusals
            .first()
            .map(|refusal| (refusal.path.clone().unwrap_or_default(), refusal.line));
        let wrong = outcome
            .findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
            .map(|finding| (finding.path.clone(), finding.line));
        let (file, line) = refused.or(deciding).or(wrong).unwrap_or_default();
        found.push(Annotation {
            file: Some(file).filter(|file| !file.is_empty()),
            line,
            message: outcome.reason.clone(),
        });
    }
    let unsaid = |refusal: &&Refusal| !outcome.reason.contains(&refusal.reason);
    for refusal in outcome.refusals.iter().filter(unsaid) {
        found.push(Annotation {
            file: refusal.path.clone(),
            line: refusal.line,
            message: refusal.reason.clone(),
        });
    }
    for finding in &outcome.findings {
        let told = finding.severity == Severity::Info || outcome.reason.contains(&finding.message);
        if !told {
            found.push(Annotation {
                file: Some(finding.path.clone()),
                line: finding.line,
                message: format!("{} ({})", finding.message, finding.code),
            });
        }
    }
    if let Some(verdict) = &outcome.verdict {
        for reason in &verdict.reasons {
            let speaks = matches!(
                reason.effect,
                Effect::Blocks | Effect::AsksApproval | Effect::Overridden | Effect::Warns
            );
            if speaks && reason.message != outcome.reason {
                found.push(Annotation {
                    file: Some(verdict.policy.path.clone()).filter(|path| !path.is_empty()),
                    line: reason.line,
                    message: reason.message.clone(),
                });
            }
        }
    }
    found
}

/// Writes the step outputs: every one of them, always.
pub struct Outputs {
    /// The file that `GITHUB_OUTPUT` names.
    pub path: PathBuf,
    /// 128 random bits in hexadecimal, which no value can guess.
    pub delimiter: String,
}

impl Sink for Outputs {
    fn name(&self) -> &'static str {
        "the step outputs"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        let text = output_lines(&outputs(ended), &self.delimiter)?;
        append(&self.path, &text)
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
    /// The file that `GITHUB_STEP_SUMMARY` names.
    pub path: PathBuf,
}

impl Sink for Summary {
    fn name(&self) -> &'static str {
        "the job summary"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        if ended.outcome.ending == Ending::Shown && ended.outcome.traffic_plan.is_none() {
            return Ok(());
        }
        append(&self.path, &format!("{}\n", markdown::render(ended)))
    }
}

fn append(path: &PathBuf, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}
