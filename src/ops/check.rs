//! `check`: reads a policy, judges a request at an instant, says so. Changes nothing.

use std::{fs::File, io::Read, path::Path, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    beside::Beside,
    command::{About, CommandLine, Flags},
    failure,
};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    policy::{
        Action, Decision, Effect, Facts, Files, Policy, PolicyFile, PolicySource, Reason,
        ReasonCode, Request, TrafficFact, Verdict, appointment, document::Aggregate, evaluate,
        files_named,
    },
    units::{RequestsPerSecond, Version},
    yaml::{Limits, Position},
};

/// First instant that a clock may show which is not wrong: 2020-01-01T00:00:00Z.
const EARLIEST: DateTime<Utc> = match DateTime::from_timestamp(1_577_836_800, 0) {
    Some(instant) => instant,
    None => DateTime::UNIX_EPOCH,
};

/// First instant that git does not keep any more: 2106-01-01T00:00:00Z.
const LATEST: DateTime<Utc> = match DateTime::from_timestamp(4_291_747_200, 0) {
    Some(instant) => instant,
    None => DateTime::UNIX_EPOCH,
};

/// Where the amount of traffic comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum TrafficSource {
    /// It is known, or need not be.
    Known(TrafficFact),
    /// Prometheus has to be asked.
    Query(TrafficQuery),
}

/// What Prometheus is asked about traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficQuery {
    /// The query.
    pub query: String,
    /// What several series mean; none = they are no answer.
    pub aggregate: Option<Aggregate>,
    /// How old the answer may be; none = as old as the provider's may be.
    pub max_age: Option<Duration>,
}

/// Reads a policy from disk. `shown` is the path as the user wrote it.
///
/// # Errors
/// [`Ending::ConfigInvalid`]: there is no such file, it cannot be read, it is too large or not UTF-8.
pub fn read_file(path: &Path, shown: &str) -> Result<(PolicySource, String), Failure> {
    let refuse =
        |problem: String| Failure::new(Ending::ConfigInvalid, format!("{shown}: {problem}"));
    let limit = Limits::SETTINGS.bytes;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if bytes.len() > limit {
        return Err(refuse(format!("is larger than the limit of {limit} bytes")));
    }
    let source = PolicySource {
        path: shown.to_owned(),
        commit: None,
        sha256: sha256(&bytes),
        ..PolicySource::default()
    };
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(refuse("is UTF-16 text; save it as UTF-8".to_owned()));
    }
    if bytes.contains(&0) {
        return Err(refuse("is no text: it has bytes that are zero".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text".to_owned()))?;
    Ok((source, text))
}

/// Returns the SHA-256 of a policy's bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns what the machine's clock says, if that can be: before 2020 nobody had this program, and git does not
/// keep the times of commits after 2105.
///
/// # Errors
/// [`Ending::Unavailable`]: the clock is wrong, so nothing can be decided by it.
pub fn plausible(now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    if (EARLIEST..LATEST).contains(&now) {
        return Ok(now);
    }
    let shown = now.format("%Y-%m-%dT%H:%M:%SZ");
    let reason = format!("the clock of this machine says {shown}, which cannot be");
    Err(Failure::new(Ending::Unavailable, reason)
        .hint("set the clock (NTP), or ask about another time with --at TIME"))
}

/// Makes a policy of its text alone; files that it names count as missing.
///
/// # Errors
/// [`Ending::ConfigInvalid`] with the first finding as reason and the others as hints.
pub fn load(source: PolicySource, text: &str) -> Result<Policy, Failure> {
    with_files(source, text, &Files::new())
}

/// Reads the files beside a policy that its text names; one that is not there is left out.
///
/// # Errors
/// As [`Beside::read`].
pub async fn files_beside(text: &str, beside: &Beside<'_>) -> Result<Files, Failure> {
    let mut files = Files::new();
    for path in files_named(text) {
        if let Some(bytes) = beside.read(&path).await? {
            files.insert(path, bytes);
        }
    }
    Ok(files)
}

/// Makes a policy of its text and of the files beside it that it names.
///
/// # Errors
/// As [`load`], where a file that is named and not there is a finding, and as [`Beside::read`].
pub async fn load_beside(
    mut source: PolicySource,
    text: &str,
    beside: &Beside<'_>,
) -> Result<Policy, Failure> {
    let files = files_beside(text, beside).await?;
    source.files = files
        .iter()
        .map(|(path, bytes)| PolicyFile {
            path: path.clone(),
            sha256: sha256(bytes),
        })
        .collect();
    with_files(source, text, &files)
}

fn with_files(source: PolicySource, text: &str, files: &Files) -> Result<Policy, Failure> {
    match Policy::parse_with(text, &source.path, files) {
        Ok(policy) => Ok(policy.with_source(source)),
        Err(findings) => Err(failure::findings(&source.path, &findings)),
    }
}

/// Says where the amount of traffic comes from.
///
/// `stated` is what the user says it is, `query` is the user's Prometheus query, which goes before
/// the policy's own. `at_another_time` is true where the question is not about now: then today's
/// traffic says nothing.
///
/// # Errors
/// [`Ending::ConfigInvalid`]: the policy has a maximum, and nothing says how much there is.
pub fn traffic_source(
    policy: &Policy,
    action: Action,
    stated: Option<RequestsPerSecond>,
    query: Option<&str>,
    at_another_time: bool,
) -> Result<TrafficSource, Failure> {
    let Some(position) = policy
        .traffic_position()
        .filter(|_| policy.asks_traffic(action))
    else {
        return Ok(TrafficSource::Known(TrafficFact::NotAsked));
    };
    if let Some(rate) = stated {
        return Ok(TrafficSource::Known(TrafficFact::Measured(rate)));
    }
    if at_another_time {
        return Ok(TrafficSource::Known(TrafficFact::NotAsked));
    }
    match query.or(policy.traffic_query()) {
        Some(query) => Ok(TrafficSource::Query(TrafficQuery {
            query: query.to_owned(),
            aggregate: policy.traffic_aggregate(),
            max_age: policy.traffic_max_age(),
        })),
        None => Err(Failure::new(
            Ending::ConfigInvalid,
            format!(
                "{}: the policy has a traffic_threshold, and nothing says how much traffic there is",
                self::position(policy, Some(position))
            ),
        )
        .hint("state it with --traffic REQUESTS_PER_SECOND, or write a Prometheus `query` in traffic_threshold")),
    }
}

/// Returns where something of a policy is written: `policies/production.yaml:4:3`.
pub fn position(policy: &Policy, position: Option<Position>) -> String {
    let path = &policy.source().path;
    position.map_or_else(
        || path.clone(),
        |position| format!("{path}:{}:{}", position.line, position.column),
    )
}

/// Judges a request at an instant and reports the verdict.
///
/// # Errors
/// [`Ending::ConfigInvalid`]: the policy is not for the request's environment. [`Ending::Usage`]: a
/// rule is for some services or places only, and the request does not name its own.
pub fn run(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    now: DateTime<Utc>,
    flags: &Flags,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let verdict = judge(policy, request, facts, now)?;
    reporter.event(&Event::Gate(Box::new(verdict.clone())));
    Ok(outcome(policy, request, verdict, flags))
}

/// Judges a request at an instant.
///
/// # Errors
/// [`Ending::ConfigInvalid`]: the policy is not for the request's environment. [`Ending::Usage`]: a
/// rule is for some services or places only, and the request does not name its own.
pub fn judge(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Verdict, Failure> {
    answers(policy, request)?;
    Ok(evaluate(policy, request, facts, now))
}

/// Can this policy answer this request at all?
///
/// # Errors
/// As [`judge`].
pub fn answers(policy: &Policy, request: &Request) -> Result<(), Failure> {
    if let Some(environment) = &request.environment {
        policy
            .check_environment(environment, request.whole_environment.as_deref())
            .map_err(|finding| failure::findings(&policy.source().path, &[finding]))?;
    }
    if let Some(unnamed) = policy.unnamed(request) {
        let word = unnamed.word();
        return Err(Failure::new(
            Ending::Usage,
            format!(
                "{}: some rules are for one {word} and not for another, and no {word} is named",
                policy.source().path
            ),
        )
        .hint(format!("name it with --{word} NAME")));
    }
    Ok(())
}

/// Makes a verdict an outcome: one line with the next opening or closing, and what to do.
pub fn outcome(policy: &Policy, request: &Request, verdict: Verdict, flags: &Flags) -> Outcome {
    let ending = Ending::from(&verdict);
    let deciding = verdict.deciding();
    let mut reason = deciding.map_or_else(
        || "the policy gave no reason".to_owned(),
        |reason| reason.message.clone(),
    );
    reason.push_str(&also_frozen(&verdict));
    reason.push_str(&next_change(policy, request, &verdict));
    reason.push_str(&next_free_opening(policy, request, &verdict));
    let mut outcome = Outcome::new(ending, reason);
    outcome.override_used = verdict.overridden.is_some();
    if verdict.decision == Decision::Blocked
        && let Some(deciding) = deciding
    {
        outcome.reason_code = deciding.code.word().to_owned();
    }
    outcome.hints = hints(policy, request, &verdict, flags);
    outcome.verdict = Some(verdict);
    outcome
}

/// That the time is wrong as well comes first by the order of the codes, but waiting for the next
/// opening is no use while somebody has stopped the line.
fn also_frozen(verdict: &Verdict) -> String {
    let decides = verdict.deciding().is_some_and(is_freeze);
    let frozen = verdict.reasons.iter().find(|reason| is_freeze(reason));
    match frozen.filter(|_| !decides) {
        Some(reason) => format!("; also {}", reason.message),
        None => String::new(),
    }
}

fn is_freeze(reason: &Reason) -> bool {
    reason.code == ReasonCode::Freeze && reason.effect == Effect::Blocks
}

fn next_change(policy: &Policy, request: &Request, verdict: &Verdict) -> String {
    let zone = policy.zone();
    if let Some(opens) = verdict.opens_at {
        let opens = opens.to_utc();
        let approval = if policy.timetable(request).needs_approval(opens) {
            ", with an approval"
        } else {
            ""
        };
        return format!("; opens {}{approval}", appointment(opens, zone));
    }
    if let Some(closes) = verdict.closes_at {
        return format!("; closes {}", appointment(closes.to_utc(), zone));
    }
    let closed_by_time = verdict.reasons.iter().any(blocks_by_time);
    let frozen = verdict.reasons.iter().any(is_freeze);
    if closed_by_time && !frozen {
        "; no opening in the next two years".to_owned()
    } else {
        String::new()
    }
}

/// Whoever finds nobody to approve wants to know until when to wait.
fn next_free_opening(policy: &Policy, request: &Request, verdict: &Verdict) -> String {
    if verdict.decision != Decision::ApprovalRequired {
        return String::new();
    }
    let timetable = policy.timetable(request);
    let now = verdict.evaluated_at.to_utc();
    let opening = timetable
        .without_approval()
        .and_then(|free| free.next_open(now));
    opening.map_or_else(String::new, |opens| {
        format!(
            "; without an approval {}",
            appointment(opens, policy.zone())
        )
    })
}

fn blocks_by_time(reason: &Reason) -> bool {
    reason.effect == Effect::Blocks
        && matches!(
            reason.code,
            ReasonCode::BlockedWindow | ReasonCode::BlockedDate | ReasonCode::Runway
        )
}

fn hints(policy: &Policy, request: &Request, verdict: &Verdict, flags: &Flags) -> Vec<String> {
    let mut hints = Vec::new();
    if verdict.lets_through() {
        return hints;
    }
    if verdict.decision == Decision::ApprovalRequired {
        let command = approve(request, flags);
        hints.push(format!("somebody else approves it with `{command}`"));
    }
    if verdict.decision == Decision::Blocked && policy.could_override(verdict) {
        let command = approve(request, flags);
        hints.push(format!(
            "in an emergency somebody else signs `{command} --override --ticket … --reason … --rules …`"
        ));
    }
    let known_bad =
        |reason: &Reason| reason.code == ReasonCode::KnownBad && reason.effect == Effect::Blocks;
    if verdict.reasons.iter().any(known_bad) {
        let command = approve(request, flags);
        hints.push(format!(
            "to bring it all the same, somebody else signs `{command}` now, then --force-version"
        ));
    }
    if verdict.reasons.iter().any(is_freeze) {
        hints.push("to go on, take the file FREEZE away on the policy's branch".to_owned());
    }
    let stopped = |reason: &Reason| blocks_by_time(reason) || is_freeze(reason);
    if verdict.reasons.iter().any(stopped) && !policy.applies_to(Action::Rollback) {
        let rollback = flags.command("rollback");
        let rollback = rollback.flag_if("service", request.service.as_deref());
        let rollback = rollback.flag_if("environment", request.environment.as_deref());
        hints.push(format!("going back stays allowed: `{rollback}`"));
    }
    hints
}

/// The command that approves this request, with names in capitals where it says none.
fn approve(request: &Request, flags: &Flags) -> CommandLine {
    let about = About {
        flags,
        service: request.service.as_deref().unwrap_or("NAME"),
        environment: request.environment.as_deref().unwrap_or("NAME"),
    };
    let version = request.version.as_ref().map(Version::as_str);
    let command = about.command("approve");
    command.flag("version", version.unwrap_or("VERSION"))
}
