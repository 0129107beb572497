//! Azure Pipelines: groups and issues in the log, variables for later steps, the summary of the run.
//!
//! The agent reads `##vso[area.event key=value;key=value]text` anywhere in a line of either stream, and
//! undoes `%3B`, `%5D`, `%0D`, `%0A` and then `%AZP25` in values and text (microsoft/azure-pipelines-agent,
//! `Command.cs` and `CommandStringConvertor.cs`).

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::{
    Ended, Place, Sink, Timeline, gitlab,
    log_commands::{Annotation, Dialect, Level, LogCommands},
    markdown, sanitise,
};
use crate::event::{Ending, Event};

/// Folds progress into groups and marks the worst findings.
pub type Commands<W> = LogCommands<W, Azure>;

/// `##[group]title`, `##vso[task.logissue type=error]message`.
#[derive(Debug, Default)]
pub struct Azure;

impl Dialect for Azure {
    fn begin(&mut self, title: &str, _at: Option<DateTime<Utc>>) -> String {
        format!("##[group]{}", sanitise::line(title))
    }

    fn end(&mut self, _at: Option<DateTime<Utc>>) -> String {
        "##[endgroup]".to_owned()
    }

    fn issue(&self, level: Level, title: &str, annotation: &Annotation) -> Option<String> {
        let mut properties = vec![format!("type={}", level.word())];
        let code = title.trim_start_matches("shipgate: ");
        properties.push(format!("code={}", sanitise::azure(code)));
        if let Some(file) = &annotation.file {
            properties.push(format!("sourcepath={}", sanitise::azure(file)));
            if let Some(line) = annotation.line {
                properties.push(format!("linenumber={line}"));
                properties.push("columnnumber=1".to_owned());
            }
        }
        let properties = properties.join(";");
        let message = sanitise::azure(&annotation.message);
        Some(format!("##vso[task.logissue {properties}]{message}"))
    }
}

/// Says how the step ended: variables, summary, and a yellow step where there was a warning.
pub struct Results<W> {
    writer: W,
    summary: Option<Place>,
    timeline: Timeline,
}

impl<W: Write> Results<W> {
    /// Writes commands to `writer`, and the summary to a file that stays until the job ends, if one
    /// is wanted.
    pub fn new(writer: W, summary: Option<Place>) -> Self {
        Self {
            writer,
            summary,
            timeline: Timeline::default(),
        }
    }
}

impl<W: Write> Sink for Results<W> {
    fn name(&self) -> &'static str {
        "the results for Azure Pipelines"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.timeline.event(event);
        Ok(())
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        for (name, value) in gitlab::variables(ended) {
            // A variable's value is searched for other variables, secret ones too.
            let value = sanitise::azure_whole(&value.replace("$(", "$ ("));
            let command = format!("task.setvariable variable={name};isOutput=true");
            writeln!(self.writer, "##vso[{command}]{value}")?;
        }
        // An exit code other than 0 fails the step already, and whoever catches it must still be able to.
        if ended.outcome.ending == Ending::Warned && ended.exit_code == 0 {
            let reason = sanitise::azure(&ended.outcome.reason);
            let command = "task.complete result=SucceededWithIssues";
            writeln!(self.writer, "##vso[{command}]{reason}")?;
        }
        if let Some(place) = &self.summary
            && markdown::is_worth_a_summary(ended.outcome)
        {
            let summary = markdown::render_without_alerts(ended, &self.timeline);
            place.replace(summary.as_bytes())?;
            let path = sanitise::azure_whole(&place.path.display().to_string());
            writeln!(self.writer, "##vso[task.uploadsummary]{path}")?;
        }
        self.writer.flush()
    }
}
