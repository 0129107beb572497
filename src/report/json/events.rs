//! A run as it goes on, for machines: one JSON object a line, the last one with the whole report.

use std::{
    io::{self, Write},
    time::Duration,
};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    super::{Ended, Place, PlaceWriter, Sink, sanitise},
    ChangeReport, MetricReport, Report, SCHEMA_VERSION,
    gate::VerdictReport,
    instant,
};
use crate::event::{Event, OverrideUse};

/// One line of `--output jsonl` and of the file that `SHIPGATE_EVENTS` names: something that happened.
/// Kinds of events are added; whoever reads them passes over those that it does not know.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "shipgate event")]
struct EventLine {
    /// Version of this form; additions keep it.
    #[schemars(extend("const" = 1))]
    schema_version: u32,
    /// 1 for the first line, and one more for each that follows: a gap is a lost line.
    sequence: u64,
    /// When; null where it has no time of its own, and came between its neighbours.
    #[schemars(extend("format" = "date-time"))]
    at: Option<String>,
    /// Whose, where several services are run.
    service: Option<String>,
    #[serde(flatten)]
    event: EventReport,
}

/// What happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventReport {
    /// A command began.
    Started {
        /// What, in one line.
        title: String,
    },
    /// The gate has answered.
    Gate { verdict: Box<VerdictReport> },
    /// An emergency override is about to be used.
    OverrideUsed(Box<OverrideReport>),
    /// What would be or is being changed.
    Changes {
        changes: Vec<ChangeReport>,
        /// Unified diff.
        diff: String,
    },
    /// The plan, one line a step.
    Plan {
        steps: Vec<String>,
        /// The steps that would take it back.
        way_back: Vec<String>,
        /// Estimated length of the whole.
        length_seconds: f64,
    },
    /// A step began; of the way back the numbers begin again.
    StepStarted {
        /// 1-based.
        index: usize,
        total: usize,
        name: String,
        /// Percent that the canary gets while it runs; null where there is none.
        weight: Option<u8>,
    },
    /// A step ended.
    StepFinished {
        /// 1-based.
        index: usize,
        #[schemars(extend("enum" = ["waiting", "running", "passed", "held", "failed", "skipped"]))]
        state: &'static str,
        /// One line about it.
        detail: String,
    },
    /// A commit is on the branch.
    Pushed {
        commit: String,
        /// First line of the message.
        subject: String,
        branch: String,
        /// Pushes that lost a race before this one.
        retries: u32,
    },
    /// Still waiting.
    Waiting {
        what: String,
        elapsed_seconds: f64,
        /// Null where there is no limit.
        limit_seconds: Option<f64>,
    },
    /// One measurement was judged; of a comparison `polls` has the last poll alone.
    Measured { metric: Box<MetricReport> },
    /// The way back begins.
    WayBack { reason: String },
    /// Something a person should know that stops nothing.
    Warning { text: String },
    /// Progress that is worth a line.
    Note { text: String },
    /// The command has ended; always the last line.
    Finished {
        /// What `--output json` prints.
        report: Box<Report>,
    },
}

/// The use of an emergency override.
#[derive(Debug, Serialize, JsonSchema)]
struct OverrideReport {
    action: String,
    version: String,
    environment: String,
    /// SHA-256 of each override, in hexadecimal.
    ids: Vec<String>,
    /// Reason codes that are overridden.
    rules: Vec<String>,
    ticket: String,
    reason: String,
    approvers: Vec<String>,
    /// From when on it is not good any more.
    until: String,
    actor: Option<String>,
    pipeline: Option<String>,
    policy: String,
}

/// Returns the JSON Schema of a line.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<EventLine>()
        .to_value()
}

/// Writes the lines, each at once.
pub struct JsonLines<W> {
    writer: W,
    sequence: u64,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            sequence: 0,
        }
    }

    fn write(
        &mut self,
        at: Option<String>,
        service: Option<String>,
        event: EventReport,
    ) -> io::Result<()> {
        self.sequence += 1;
        let line = EventLine {
            schema_version: SCHEMA_VERSION,
            sequence: self.sequence,
            at,
            service,
            event,
        };
        let text = sanitise::json(&serde_json::to_string(&line)?) + "\n";
        self.writer.write_all(text.as_bytes())?;
        self.writer.flush()
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn name(&self) -> &'static str {
        "the result"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let (service, event) = match event {
            Event::Of { service, event } => (Some(service.clone()), &**event),
            event => (None, event),
        };
        let service = service.or_else(|| match event {
            Event::OverrideUsed(used) => Some(used.service.clone()),
            _ => None,
        });
        let at = event.at().map(instant);
        match EventReport::of(event) {
            Some(report) => self.write(at, service, report),
            None => Ok(()),
        }
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        let report = Box::new(Report::of(ended));
        let at = Some(instant(ended.finished_at));
        self.write(at, None, EventReport::Finished { report })
    }
}

/// Writes the lines to a file, which is made with the first one.
pub struct EventFile {
    place: Place,
    lines: Option<JsonLines<PlaceWriter>>,
}

impl EventFile {
    /// Writes to `place`; what is there is replaced.
    pub fn new(place: Place) -> Self {
        Self { place, lines: None }
    }

    fn lines(&mut self) -> io::Result<&mut JsonLines<PlaceWriter>> {
        let lines = match self.lines.take() {
            Some(lines) => lines,
            None => JsonLines::new(self.place.create()?),
        };
        Ok(self.lines.insert(lines))
    }
}

impl Sink for EventFile {
    fn name(&self) -> &'static str {
        "the file of events"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.lines()?.event(event)
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.lines()?.finish(ended)
    }
}

impl EventReport {
    /// Returns nothing for an event in an event, which no reporter passes on.
    fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Started { title, .. } => Self::Started {
                title: sanitise::line(title),
            },
            Event::Gate(verdict) => Self::Gate {
                verdict: Box::new(VerdictReport::of(verdict)),
            },
            Event::OverrideUsed(used) => Self::OverrideUsed(Box::new(OverrideReport::of(used))),
            Event::Changes { changes, diff } => Self::Changes {
                changes: changes.iter().map(ChangeReport::of).collect(),
                diff: diff.clone(),
            },
            Event::Plan {
                steps,
                way_back,
                length,
            } => Self::Plan {
                steps: steps.clone(),
                way_back: way_back.clone(),
                length_seconds: seconds(*length),
            },
            Event::StepStarted {
                index,
                total,
                name,
                weight,
                ..
            } => Self::StepStarted {
                index: *index,
                total: *total,
                name: name.clone(),
                weight: weight.map(|weight| weight.percent()),
            },
            Event::StepFinished {
                index,
                state,
                detail,
                ..
            } => Self::StepFinished {
                index: *index,
                state: state.word(),
                detail: sanitise::line(detail),
            },
            Event::Pushed {
                commit,
                subject,
                branch,
                retries,
                ..
            } => Self::Pushed {
                commit: commit.clone(),
                subject: subject.clone(),
                branch: branch.clone(),
                retries: *retries,
            },
            Event::Waiting {
                what,
                elapsed,
                limit,
                ..
            } => Self::Waiting {
                what: sanitise::line(what),
                elapsed_seconds: seconds(*elapsed),
                limit_seconds: limit.map(seconds),
            },
            Event::Measured { metric, .. } => Self::Measured {
                metric: Box::new(MetricReport::with_polls(metric, 1)),
            },
            Event::WayBack { reason, .. } => Self::WayBack {
                reason: sanitise::line(reason),
            },
            Event::Warning(text) => Self::Warning {
                text: sanitise::line(text),
            },
            Event::Note(text) => Self::Note {
                text: sanitise::line(text),
            },
            Event::Of { .. } => return None,
        })
    }
}

impl OverrideReport {
    fn of(used: &OverrideUse) -> Self {
        Self {
            action: used.action.clone(),
            version: used.version.clone(),
            environment: used.environment.clone(),
            ids: used.ids.clone(),
            rules: used.rules.clone(),
            ticket: used.ticket.clone(),
            reason: sanitise::line(&used.reason),
            approvers: used.approvers.clone(),
            until: instant(used.until),
            actor: used.actor.clone(),
            pipeline: used.pipeline.clone(),
            policy: used.policy.clone(),
        }
    }
}

fn seconds(length: Duration) -> f64 {
    length.as_secs_f64()
}
