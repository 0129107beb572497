//! Commands to a CI system in the log: progress folded into groups, the worst findings marked.

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::{Ended, Sink, sanitise};
use crate::{
    event::{Ending, Event},
    manifest::Refusal,
    policy::{Effect, Severity},
};

/// Most warnings of one step: GitHub and Azure show 10 marks of a kind and hide the rest.
const WARNINGS: usize = 9;

/// How bad an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Why the exit code is not 0.
    Error,
    /// Something a person should know.
    Warning,
}

impl Level {
    /// Returns the word that the systems have for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One finding, and where it is.
#[derive(Debug)]
pub struct Annotation {
    /// Path of the file; none where it is about none.
    pub(super) file: Option<String>,
    /// 1-based line.
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

/// How one CI system writes its commands. What they are made of may come from outside: each text is
/// escaped as that system's own parser takes it.
pub trait Dialect: Default {
    /// Begins a group; `at` is when.
    fn begin(&mut self, title: &str, at: Option<DateTime<Utc>>) -> String;

    /// Ends the group that was begun last.
    fn end(&mut self, at: Option<DateTime<Utc>>) -> String;

    /// Marks a finding; none where the system has no marks.
    fn issue(&self, level: Level, title: &str, annotation: &Annotation) -> Option<String>;
}

/// Folds progress into groups and annotates the worst findings.
pub struct LogCommands<W, D> {
    writer: W,
    dialect: D,
    group_open: bool,
    now: Option<DateTime<Utc>>,
    warnings: Vec<Annotation>,
}

impl<W: Write, D: Dialect> LogCommands<W, D> {
    /// Writes the commands to the stream that carries the progress, so that groups fold it.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            dialect: D::default(),
            group_open: false,
            now: None,
            warnings: Vec::new(),
        }
    }

    fn group(&mut self, title: &str) -> io::Result<()> {
        self.end_group()?;
        self.group_open = true;
        let command = self.dialect.begin(title, self.now);
        writeln!(self.writer, "{command}")
    }

    fn end_group(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.group_open) {
            let command = self.dialect.end(self.now);
            writeln!(self.writer, "{command}")?;
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

    fn annotate(&mut self, level: Level, title: &str, annotation: &Annotation) -> io::Result<()> {
        match self.dialect.issue(level, title, annotation) {
            Some(command) => writeln!(self.writer, "{command}"),
            None => Ok(()),
        }
    }
}

impl<W: Write, D: Dialect> Sink for LogCommands<W, D> {
    fn name(&self) -> &'static str {
        "the annotations"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.now = event.at().or(self.now);
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
            self.annotate(Level::Error, &title, &error)?;
        }
        let mut warnings: Vec<Annotation> = findings.collect();
        let said = |warning: &Annotation| ended.outcome.reason.contains(&warning.message);
        for warning in self.warnings.drain(..) {
            let known = warnings.iter().any(|it| it.message == warning.message);
            if !known && (ended.exit_code == 0 || !said(&warning)) {
                warnings.push(warning);
            }
        }
        if warnings.len() > WARNINGS {
            let more = warnings.len() - WARNINGS;
            warnings.truncate(WARNINGS);
            if let Some(last) = warnings.last_mut() {
                let message = sanitise::shorten(&last.message, 400);
                last.message = format!("{message} (and {more} more in the log)");
            }
        }
        for warning in &warnings {
            self.annotate(Level::Warning, "shipgate", warning)?;
        }
        self.writer.flush()
    }
}

/// Returns what is worth an annotation, the worst first; with an exit code above 0 the first one is
/// the reason of it.
fn findings(ended: &Ended<'_>) -> Vec<Annotation> {
    let outcome = ended.outcome;
    let mut found = Vec::new();
    let of_services = outcome.services.iter();
    let of_services = of_services.map(|end| end.outcome.verdict.as_ref());
    let mut verdicts = std::iter::once(outcome.verdict.as_ref())
        .chain(of_services)
        .flatten();
    let deciding = verdicts.find_map(|verdict| {
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
            // What the exit code's own mark says is not said again as a warning.
            let is_said = ended.exit_code != 0 && outcome.reason.contains(&reason.message);
            if speaks && !is_said {
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
