//! Results as a JUnit file, which CI systems show as tests.
//!
//! Nothing in the file fails where the exit code is 0, and where it is not the last case does: whoever
//! looks only at the tests sees what the pipeline sees.

use std::io;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    Ended, Place, Sink,
    cases::{expectations, reason},
    phrases, sanitise,
};
use crate::{
    event::{CaseRecord, FileFinding, MetricRecord, StepRecord, StepState},
    manifest::Refusal,
    policy::{Effect, Reason, Severity, Verdict},
};

/// Writes the outcome of any command.
pub struct File {
    /// Where to.
    pub place: Place,
}

impl Sink for File {
    fn name(&self) -> &'static str {
        "the JUnit file"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        let text = render(ended).map_err(io::Error::other)?;
        self.place.replace(text.as_bytes())
    }
}

/// Renders an outcome: a case for each rule of the gate, step, metric, refusal and finding, and one for
/// the whole.
///
/// # Errors
/// Never in practice: the file is made of texts.
pub fn render(ended: &Ended<'_>) -> Result<String, String> {
    let outcome = ended.outcome;
    let mut report = Report::new(format!("shipgate {}", ended.command));
    add_cases(&mut report, &outcome.cases);
    let mut entries = Vec::new();
    if outcome.verdicts.is_empty() {
        entries.extend(outcome.verdict.iter().flat_map(|it| rules("gate", it)));
    }
    for service in &outcome.verdicts {
        let group = format!("gate of {}", service.service);
        entries.extend(rules(&group, &service.verdict));
    }
    if let Some(deployment) = &outcome.deployment {
        entries.extend(deployment.steps.iter().map(step));
    }
    entries.extend(outcome.metrics.iter().map(metric));
    entries.extend(outcome.refusals.iter().map(refusal));
    entries.extend(outcome.findings.iter().map(finding));
    entries.push(whole(ended));
    let mut suite = TestSuite::new(format!("shipgate {}", ended.command));
    suite.set_timestamp(ended.started_at.fixed_offset());
    let is_good = ended.exit_code == 0;
    suite.add_test_cases(entries.into_iter().map(|entry| entry.case(is_good)));
    report.add_test_suite(suite);
    report.to_string().map_err(|error| error.to_string())
}

/// Renders the cases of policies, one suite for each file.
///
/// # Errors
/// Never in practice: the file is made of texts.
pub fn cases(records: &[CaseRecord]) -> Result<String, String> {
    let mut report = Report::new("shipgate test");
    add_cases(&mut report, records);
    report.to_string().map_err(|error| error.to_string())
}

fn add_cases(report: &mut Report, records: &[CaseRecord]) {
    for file in records.chunk_by(|left, right| left.path == right.path) {
        let Some(first) = file.first() else {
            continue;
        };
        let mut suite = TestSuite::new(sanitise::line(&first.path));
        suite.add_test_cases(file.iter().map(case));
        report.add_test_suite(suite);
    }
}

fn case(record: &CaseRecord) -> TestCase {
    let status = if record.passed() {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status
            .set_message(expectations(record).join("; "))
            .set_type("verdict")
            .set_description(reason(record));
        status
    };
    let mut case = TestCase::new(sanitise::line(&record.name), status);
    case.set_classname(sanitise::line(&record.policy));
    place(&mut case, &record.path, Some(record.line));
    case
}

fn place(case: &mut TestCase, path: &str, line: Option<usize>) {
    case.extra
        .insert("file".into(), sanitise::line(path).into());
    if let Some(line) = line {
        case.extra.insert("line".into(), line.to_string().into());
    }
}

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Bad,
    /// Neither: not looked at, not begun, not known.
    Open,
}

/// One thing of an outcome, as a case.
struct Entry {
    group: String,
    name: String,
    standing: Standing,
    /// Word for the kind of failure.
    kind: String,
    message: String,
    path: Option<String>,
    line: Option<usize>,
    length: Option<std::time::Duration>,
}

impl Entry {
    fn new(group: &str, name: &str, standing: Standing, message: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            standing,
            kind: group.to_owned(),
            message: message.to_owned(),
            path: None,
            line: None,
            length: None,
        }
    }

    /// Makes the case. What was bad and did not matter is shown, and does not fail.
    fn case(self, is_good: bool) -> TestCase {
        let message = sanitise::line(&self.message);
        let status = match self.standing {
            Standing::Good => TestCaseStatus::success(),
            Standing::Bad if !is_good => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status
                    .set_message(message)
                    .set_type(sanitise::line(&self.kind));
                status
            }
            Standing::Bad | Standing::Open => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(message);
                status
            }
        };
        let mut case = TestCase::new(sanitise::line(&self.name), status);
        case.set_classname(sanitise::line(&self.group));
        if let Some(path) = &self.path {
            place(&mut case, path, self.line);
        }
        if let Some(length) = self.length {
            case.set_time(length);
        }
        case
    }
}

fn rules(group: &str, verdict: &Verdict) -> Vec<Entry> {
    let rule = |reason: &Reason| {
        let standing = match reason.effect {
            Effect::Blocks | Effect::AsksApproval => Standing::Bad,
            Effect::Allows | Effect::Warns | Effect::Overridden => Standing::Good,
            Effect::NotEvaluated => Standing::Open,
        };
        let path = &verdict.policy.path;
        Entry {
            kind: reason.code.word().to_owned(),
            path: Some(path.clone()).filter(|path| !path.is_empty()),
            line: reason.line,
            ..Entry::new(group, &reason.rule, standing, &reason.message)
        }
    };
    verdict.reasons.iter().map(rule).collect()
}

fn step(step: &StepRecord) -> Entry {
    let standing = match step.state {
        StepState::Passed => Standing::Good,
        StepState::Failed => Standing::Bad,
        StepState::Waiting | StepState::Running | StepState::Held | StepState::Skipped => {
            Standing::Open
        }
    };
    let length = step
        .started_at
        .zip(step.finished_at)
        .and_then(|(from, to)| (to - from).to_std().ok());
    let name = format!("{} {}", step.index, step.name);
    Entry {
        length,
        ..Entry::new("step", &name, standing, step.state.word())
    }
}

fn metric(metric: &MetricRecord) -> Entry {
    let standing = match metric.verdict {
        "pass" | "good" => Standing::Good,
        "fail" | "worse" | "error" if !metric.dry_run => Standing::Bad,
        _ => Standing::Open,
    };
    let message = format!("{}: {}", metric.verdict, metric.detail);
    Entry::new("metric", &phrases::name(metric), standing, &message)
}

fn refusal(refusal: &Refusal) -> Entry {
    let name = refusal.path.as_deref().unwrap_or("edit");
    Entry {
        path: refusal.path.clone(),
        line: refusal.line,
        ..Entry::new("edit", name, Standing::Bad, &refusal.reason)
    }
}

fn finding(finding: &FileFinding) -> Entry {
    let standing = match finding.severity {
        Severity::Error | Severity::Warning => Standing::Bad,
        Severity::Info => Standing::Open,
    };
    let name = match finding.line {
        Some(line) => format!("{}:{line} {}", finding.path, finding.code),
        None => format!("{} {}", finding.path, finding.code),
    };
    Entry {
        kind: finding.code.clone(),
        path: Some(finding.path.clone()),
        line: finding.line,
        ..Entry::new("finding", &name, standing, &finding.message)
    }
}

/// The command as a whole, with what the exit code says.
fn whole(ended: &Ended<'_>) -> Entry {
    let outcome = ended.outcome;
    let standing = match ended.exit_code {
        0 => Standing::Good,
        _ => Standing::Bad,
    };
    let opens = outcome.verdict.as_ref().and_then(phrases::opens);
    let opens = opens.map(|it| format!("; opens {it}")).unwrap_or_default();
    let code = ended.exit_code;
    let message = format!("{} (exit code {code}){opens}", outcome.reason);
    let length = (ended.finished_at - ended.started_at).to_std().ok();
    Entry {
        kind: outcome.reason_code.clone(),
        length,
        ..Entry::new("shipgate", ended.command, standing, &message)
    }
}
