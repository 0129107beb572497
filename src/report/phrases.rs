//! Words and numbers as every sink for people says them.

use chrono::{DateTime, Datelike, FixedOffset, TimeDelta, Utc};

use super::{Ended, sanitise};
use crate::{
    event::{Deployment, Ending, MetricRecord, Outcome, StepRecord, StepState, UNKNOWN_NAME},
    manifest::Change,
    policy::{ClockState, Effect, PolicySource, Reason, Verdict},
    units::format_duration,
};

/// How good or bad something is, for colours and symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As wanted.
    Good,
    /// Needs an eye, or nothing was decided.
    Caution,
    /// Not as wanted.
    Bad,
}

/// Returns how good an outcome is.
pub fn tone(outcome: &Outcome) -> Tone {
    if let Some(record) = &outcome.outlook {
        return match record.state() {
            ClockState::Open => Tone::Good,
            ClockState::NeedsApproval | ClockState::Closed => Tone::Caution,
        };
    }
    match outcome.ending {
        Ending::Shown | Ending::Allowed | Ending::Deployed | Ending::NoChange | Ending::Healthy => {
            Tone::Good
        }
        Ending::Warned
        | Ending::ApprovalRequired
        | Ending::Unavailable
        | Ending::InsufficientData
        | Ending::Held
        | Ending::Superseded
        | Ending::CancelledRolledBack
        | Ending::Interrupted
        | Ending::Terminated => Tone::Caution,
        _ => Tone::Bad,
    }
}

/// Returns how good it is what a word of machine output says of a step, a metric, a rule or a
/// service; none where it is neither good nor bad.
pub(super) fn word_tone(word: &str) -> Option<Tone> {
    match word {
        "passed" | "pass" | "good" | "verified" | "allowed" | "allows" | "deployed" | "healthy"
        | "no-change" => Some(Tone::Good),
        "failed" | "fail" | "fails" | "worse" | "error" | "rolled-back" | "rollback-failed"
        | "blocked" | "blocks" | "unhealthy" | "unexplained" => Some(Tone::Bad),
        "running" | "held" | "hold" | "inconclusive" | "not-yet" | "warned" | "warns"
        | "warning" | "approval-required" | "asks approval" | "undetermined" | "superseded"
        | "cancelled" => Some(Tone::Caution),
        _ => None,
    }
}

/// Returns the first words of the result: `BLOCKED`, `ROLLED BACK`.
pub fn headline(ended: &Ended<'_>) -> String {
    if let Some(record) = &ended.outcome.outlook {
        return record.state().word().to_uppercase();
    }
    let ending = ended.outcome.ending;
    match ending {
        Ending::Deployed if ended.command != "deploy" && ended.command != "demo" => "DONE".into(),
        Ending::ConfigInvalid if ended.outcome.reason_code == UNKNOWN_NAME => "UNKNOWN NAME".into(),
        Ending::EditRefused
        | Ending::PushConflict
        | Ending::PushDenied
        | Ending::PushUnknown
        | Ending::Findings
        | Ending::ConfigInvalid => ending.code().name.replace('-', " ").to_uppercase(),
        _ => ending.result().replace('-', " ").to_uppercase(),
    }
}

/// Returns `Monday 2025-12-01 09:00 America/New_York (14:00 UTC)`.
pub fn instant(at: DateTime<FixedOffset>, zone: &str) -> String {
    let utc = at.with_timezone(&Utc);
    let local = format!(
        "{} {} {}",
        weekday(at.weekday()),
        at.format("%Y-%m-%d %H:%M"),
        sanitise::fragment(zone)
    );
    if zone == "UTC" {
        local
    } else if utc.date_naive() == at.date_naive() {
        format!("{local} ({} UTC)", utc.format("%H:%M"))
    } else {
        format!("{local} ({} UTC)", utc.format("%Y-%m-%d %H:%M"))
    }
}

/// Returns when a verdict opens, how far away that is and why: `…, in 2d19h: the window … begins`.
pub fn opens(verdict: &Verdict) -> Option<String> {
    let because = verdict.opens_because.as_deref();
    Some(ahead(verdict.opens_at?, because, verdict))
}

/// Returns when a verdict closes, how far away that is and why.
pub fn closes(verdict: &Verdict) -> Option<String> {
    let because = verdict.closes_because.as_deref();
    Some(ahead(verdict.closes_at?, because, verdict))
}

fn ahead(at: DateTime<FixedOffset>, because: Option<&str>, verdict: &Verdict) -> String {
    let mut text = instant(at, &verdict.timezone);
    if let Some(length) = rounded(at - verdict.evaluated_at) {
        text.push_str(&format!(", in {length}"));
    }
    if let Some(because) = because {
        text.push_str(&format!(": {because}"));
    }
    text
}

/// Returns the time between two instants: `25m10s`.
pub fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    (to - from)
        .to_std()
        .map(format_duration)
        .unwrap_or_default()
}

/// Returns how a step stands once the run is over: nothing waits any more then.
pub fn step_state(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "not begun",
        state => state.word(),
    }
}

/// Returns how long a step took, empty while it has no end.
pub fn step_length(step: &StepRecord) -> String {
    match (step.started_at, step.finished_at) {
        (Some(from), Some(to)) => {
            let whole = |at: DateTime<Utc>| DateTime::from_timestamp(at.timestamp(), 0);
            between(whole(from).unwrap_or(from), whole(to).unwrap_or(to))
        }
        _ => String::new(),
    }
}

/// Returns the words for what a reason does: `blocks`, `warns`.
pub fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Blocks => "blocks",
        Effect::AsksApproval => "asks approval",
        Effect::Overridden => "overridden",
        Effect::Warns => "warns",
        Effect::Allows => "allows",
        Effect::NotEvaluated => "not evaluated",
    }
}

/// Returns where a rule stands: `allowed_windows[0], line 4`.
pub fn place(reason: &Reason) -> String {
    match reason.line {
        Some(line) => format!("{}, line {line}", reason.rule),
        None => reason.rule.clone(),
    }
}

/// Returns which policy decided: `policies/production.yaml @ 1a2b3c4d5e6f, sha256 0123456789ab`.
pub fn policy(source: &PolicySource) -> String {
    let mut text = source.path.clone();
    if let Some(commit) = &source.commit {
        text.push_str(&format!(" @ {}", short(commit)));
    }
    if !source.sha256.is_empty() {
        text.push_str(&format!(", sha256 {}", short(&source.sha256)));
    }
    text
}

/// Returns what was deployed: `advertisements in production, 1.0 -> 1.1, canary`.
pub fn deployment(deployment: &Deployment) -> String {
    let mut text = format!("{} in {}", deployment.service, deployment.environment);
    let old = deployment.previous_version.as_deref();
    match (old, &deployment.version) {
        (Some(old), Some(new)) => text.push_str(&format!(", {old} -> {new}")),
        (None, Some(new)) => text.push_str(&format!(", {new}")),
        (Some(old), None) => text.push_str(&format!(", from {old}")),
        (None, None) => {}
    }
    if !deployment.strategy.is_empty() {
        text.push_str(&format!(", {}", deployment.strategy));
    }
    text
}

/// Returns where a change is: `clusters/prod/ads.yaml:12:16`.
pub fn change_place(change: &Change) -> String {
    format!("{}:{}:{}", change.path, change.line, change.column)
}

/// Returns a metric's name, and that it decides nothing where it does not.
pub fn name(metric: &MetricRecord) -> String {
    let remark = if metric.dry_run { " (dry run)" } else { "" };
    format!("{}{remark}", metric.name)
}

/// Returns a metric's value, or that there is none: never `0` for a missing one.
pub fn value(metric: &MetricRecord) -> String {
    metric
        .value
        .filter(|value| value.is_finite())
        .map_or_else(|| "no value".to_owned(), number)
}

/// Returns a finite number with four significant digits: `0.4312`, `1200`, `1.5e-7`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.3e}");
    }
    let digits_before = size.log10().floor() as i32 + 1;
    let decimals = usize::try_from(4 - digits_before).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Returns a measured number: `0.4312`, or `8.5 %` of a share from 0 to 1.
pub(super) fn measured(value: f64, is_share: bool) -> String {
    if is_share {
        format!("{} %", number(100.0 * value))
    } else {
        number(value)
    }
}

/// Returns the first 12 characters of a commit id or digest.
pub fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

fn rounded(length: TimeDelta) -> Option<String> {
    let minutes = (length.num_seconds() + 59) / 60;
    let seconds = u64::try_from(minutes).ok().filter(|more| *more > 0)? * 60;
    Some(format_duration(std::time::Duration::from_secs(seconds)))
}

fn weekday(day: chrono::Weekday) -> &'static str {
    match day {
        chrono::Weekday::Mon => "Monday",
        chrono::Weekday::Tue => "Tuesday",
        chrono::Weekday::Wed => "Wednesday",
        chrono::Weekday::Thu => "Thursday",
        chrono::Weekday::Fri => "Friday",
        chrono::Weekday::Sat => "Saturday",
        chrono::Weekday::Sun => "Sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits_and_never_pretend() {
        let rows = [
            (0.0, "0"),
            (0.43119, "0.4312"),
            (12.0, "12"),
            (1234.56, "1235"),
            (-0.5, "-0.5"),
            (99.999, "100"),
            (0.000_000_15, "1.500e-7"),
            (120_000.0, "120000"),
        ];
        for (given, wanted) in rows {
            assert_eq!(number(given), wanted);
        }
    }

    #[test]
    fn an_instant_names_its_weekday_and_both_zones() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap();
        let rows = [
            (
                "2025-12-01T09:00:00-05:00",
                "America/New_York",
                "Monday 2025-12-01 09:00 America/New_York (14:00 UTC)",
            ),
            (
                "2025-12-01T22:00:00-05:00",
                "America/New_York",
                "Monday 2025-12-01 22:00 America/New_York (2025-12-02 03:00 UTC)",
            ),
            ("2025-12-01T09:00:00Z", "UTC", "Monday 2025-12-01 09:00 UTC"),
        ];
        for (given, zone, wanted) in rows {
            assert_eq!(instant(at(given), zone), wanted);
        }
    }
}
