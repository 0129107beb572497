//! An outcome as tables, which the job summary and the HTML report show alike.

use super::{cases, comparison, ends, past, phrases, plan, traffic_plan};
use crate::{
    event::{Outcome, ServiceVerdict},
    policy::Verdict,
};

/// One table. Its cells are as they came from outside: whoever shows them escapes them.
#[derive(Debug)]
pub(super) struct Table {
    /// What stands above it.
    pub(super) title: String,
    /// What stands above the columns.
    pub(super) columns: Vec<&'static str>,
    /// As many cells in each as there are columns; at least one row.
    pub(super) rows: Vec<Vec<String>>,
    /// What stands below it.
    pub(super) note: Option<String>,
}

/// Returns the tables that an outcome fills, in the order in which they are read.
pub(super) fn of(outcome: &Outcome) -> Vec<Table> {
    let mut tables = vec![services(outcome), verdicts(&outcome.verdicts)];
    let single = outcome.verdicts.is_empty();
    let verdict = outcome.verdict.as_ref().filter(|_| single);
    tables.push(verdict.and_then(gate));
    tables.extend([refusals(outcome), findings(outcome), failing(outcome)]);
    tables.extend([steps(outcome), planned(outcome), ways_back(outcome)]);
    tables.push(planned_commits(outcome));
    tables.extend(traffic(outcome));
    tables.extend([metrics(outcome), compared(outcome), changes(outcome)]);
    tables.extend([commits(outcome), history(outcome)]);
    tables.extend([figures(outcome), gaps(outcome)]);
    tables.into_iter().flatten().collect()
}

fn table(
    title: impl Into<String>,
    columns: &[&'static str],
    rows: impl Iterator<Item = Vec<String>>,
) -> Option<Table> {
    let rows: Vec<Vec<String>> = rows.collect();
    (!rows.is_empty()).then(|| Table {
        title: title.into(),
        columns: columns.to_vec(),
        rows,
        note: None,
    })
}

fn services(outcome: &Outcome) -> Option<Table> {
    let rows = outcome
        .services
        .iter()
        .map(|end| ends::row(end, &outcome.services).to_vec());
    table("Services", &ends::COLUMNS, rows)
}

fn verdicts(verdicts: &[ServiceVerdict]) -> Option<Table> {
    let rows = verdicts.iter().map(|one| {
        let verdict = &one.verdict;
        let deciding = verdict.deciding();
        vec![
            verdict.decision.word().to_owned(),
            one.service.clone(),
            phrases::opens(verdict).unwrap_or_default(),
            deciding.map(|it| it.message.clone()).unwrap_or_default(),
        ]
    });
    table("Services", &["decision", "service", "opens", "why"], rows)
}

fn gate(verdict: &Verdict) -> Option<Table> {
    let rows = verdict.reasons.iter().map(|reason| {
        vec![
            phrases::effect(reason.effect).to_owned(),
            reason.message.clone(),
            phrases::place(reason),
        ]
    });
    let mut gate = table("Gate", &["effect", "reason", "rule"], rows)?;
    let judged = phrases::instant(verdict.evaluated_at, &verdict.timezone);
    let policy = phrases::policy(&verdict.policy);
    gate.note = Some(format!("Judged at {judged} by {policy}"));
    Some(gate)
}

fn refusals(outcome: &Outcome) -> Option<Table> {
    let rows = outcome.refusals.iter().map(|refusal| {
        vec![
            refusal.to_string(),
            refusal.hint.clone().unwrap_or_default(),
        ]
    });
    table("Refused", &["why", "hint"], rows)
}

fn findings(outcome: &Outcome) -> Option<Table> {
    let rows = outcome.findings.iter().map(|finding| {
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", finding.path),
            _ => finding.path.clone(),
        };
        vec![
            finding.severity.word().to_owned(),
            place,
            finding.message.clone(),
            finding.code.clone(),
        ]
    });
    table("Findings", &["severity", "where", "what", "code"], rows)
}

fn failing(outcome: &Outcome) -> Option<Table> {
    let failing = outcome.cases.iter().filter(|record| !record.passed());
    let rows = failing.map(|record| {
        vec![
            format!("{}:{}", record.path, record.line),
            record.name.clone(),
            cases::expectations(record).join("; "),
            cases::reason(record),
        ]
    });
    table(
        "Failing cases",
        &["where", "case", "expected", "because"],
        rows,
    )
}

fn steps(outcome: &Outcome) -> Option<Table> {
    let steps = outcome.deployment.as_ref()?.steps.iter();
    let rows = steps.map(|step| {
        vec![
            step.index.to_string(),
            step.name.clone(),
            step.weight.map(|it| it.to_string()).unwrap_or_default(),
            phrases::step_state(step.state).to_owned(),
            phrases::step_length(step),
        ]
    });
    table("Steps", &["#", "step", "weight", "state", "took"], rows)
}

fn planned(outcome: &Outcome) -> Option<Table> {
    let record = outcome.plan.as_deref()?;
    let rows = record.steps.iter().map(|it| plan::step_row(record, it));
    table("Planned steps", &plan::STEP_COLUMNS, rows)
}

fn ways_back(outcome: &Outcome) -> Option<Table> {
    let rows = plan::back_rows(outcome.plan.as_deref()?);
    table("Way back", &plan::BACK_COLUMNS, rows.into_iter())
}

fn planned_commits(outcome: &Outcome) -> Option<Table> {
    let commits = outcome.plan.as_deref()?.commits.iter();
    let rows = commits.map(|commit| {
        let values = commit.changes.len().to_string();
        vec![commit.step.to_string(), commit.subject.clone(), values]
    });
    table("Planned commits", &["step", "subject", "values"], rows)
}

fn traffic(outcome: &Outcome) -> Vec<Option<Table>> {
    let record = outcome.traffic_plan.as_deref();
    let comparisons = record.map(|it| it.comparisons.as_slice());
    let mut tables = Vec::new();
    for comparison in comparisons.unwrap_or_default() {
        let steps = traffic_plan::step_rows(comparison);
        let proposed = traffic_plan::schedule_rows(comparison);
        for (what, rows) in [("Traffic plan", steps), ("Proposed weights", proposed)] {
            let title = format!("{what} of {}", traffic_plan::title(comparison));
            tables.push(table(title, &traffic_plan::COLUMNS, rows.into_iter()));
        }
    }
    tables
}

fn metrics(outcome: &Outcome) -> Option<Table> {
    let single = outcome.metrics.iter();
    let rows = single.filter(|it| it.comparison.is_none()).map(|metric| {
        vec![
            phrases::name(metric),
            metric.verdict.to_owned(),
            phrases::value(metric),
            metric.wanted.clone(),
            format!("{} of {}", metric.failed, metric.measured),
            metric.detail.clone(),
        ]
    });
    let columns = ["metric", "verdict", "value", "wanted", "failed", "detail"];
    table("Metrics", &columns, rows)
}

fn compared(outcome: &Outcome) -> Option<Table> {
    let columns = ["metric", "verdict", "figures", "judgement"];
    let rows = comparison::summary(&outcome.metrics);
    table("Compared", &columns, rows.into_iter())
}

fn changes(outcome: &Outcome) -> Option<Table> {
    let rows = outcome.changes.iter().map(|change| {
        vec![
            phrases::change_place(change),
            format!("{} {}", change.object, change.target()),
            change.before().to_owned(),
            change.after().to_owned(),
        ]
    });
    table("Changes", &["where", "what", "old", "new"], rows)
}

fn commits(outcome: &Outcome) -> Option<Table> {
    let commits = outcome.deployment.as_ref()?.commits.iter();
    let rows = commits.map(|commit| vec![phrases::short(&commit.sha), commit.subject.clone()]);
    table("Commits", &["commit", "subject"], rows)
}

fn history(outcome: &Outcome) -> Option<Table> {
    let rows = outcome.history.iter().map(|past| {
        vec![
            past.finished_at
                .map(|at| at.format("%Y-%m-%d %H:%M").to_string())
                .unwrap_or_default(),
            phrases::deployment(past),
            past.state.clone(),
        ]
    });
    table("Deployments", &["when (UTC)", "what", "state"], rows)
}

fn figures(outcome: &Outcome) -> Option<Table> {
    let rows = past::figures(outcome.dora.as_ref()?);
    table("Figures", &["figure", "value", "of"], rows.into_iter())
}

fn gaps(outcome: &Outcome) -> Option<Table> {
    let gaps = outcome.audit.as_ref()?.gaps.iter();
    table("Gaps", &past::GAP_COLUMNS, gaps.map(past::gap))
}
