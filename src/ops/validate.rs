//! `validate`: policies and configurations, their form, their meaning, and what is odd about them.

pub mod checkout;
pub mod pairing;
pub mod workloads;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    beside::Beside,
    check, notifications,
    plan::{
        short_watch::short_watches,
        traffic::{self, KnownTraffic},
    },
};
use crate::{
    config::{Config, Strategy},
    event::{Ending, Failure, FileFinding, Outcome},
    policy::{Lint, Neighbours, Policy, PolicySource, Severity},
    sign::AllowedSigners,
    yaml::{Finding, Limits, Position, to_value},
};

/// The name of the configuration.
const CONFIG: &str = "shipgate.yaml";
/// The folder of the policies.
const POLICIES: &str = "policies";
/// Longest line that is shown beside what was found in it, in bytes.
const LONGEST_LINE: usize = 2_000;
/// A line that speaks of one of these may hold it, and is not shown.
const SECRETIVE: [&str; 9] = [
    "token",
    "password",
    "passwd",
    "secret",
    "credential",
    "authorization",
    "bearer",
    "api_key",
    "private",
];

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Where it is.
    pub path: PathBuf,
    /// The path as the user wrote it.
    pub shown: String,
    /// Is it a policy whatever it looks like? Else its content decides.
    pub policy: bool,
}

/// A file that was read.
struct Text<'a> {
    subject: &'a Subject,
    text: String,
    config: bool,
}

/// Returns what there is to look at in a folder: its configuration and its policies.
///
/// # Errors
/// [`Ending::Usage`]: there is neither. [`Ending::ConfigInvalid`]: the folder cannot be listed.
pub fn found_in(folder: &Path) -> Result<Vec<Subject>, Failure> {
    let subject = |shown: String, policy| Subject {
        path: folder.join(&shown),
        shown,
        policy,
    };
    let mut subjects = Vec::new();
    if folder.join(CONFIG).is_file() {
        subjects.push(subject(CONFIG.to_owned(), false));
    }
    let policies = folder.join(POLICIES);
    if policies.is_dir() {
        let refuse = |error| {
            let reason = format!("{POLICIES}: cannot be listed: {error}");
            Failure::new(Ending::ConfigInvalid, reason)
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&policies).map_err(refuse)? {
            let name = entry.map_err(refuse)?.file_name();
            let name = name.to_string_lossy().into_owned();
            // The cases beside a policy are what `test` reads.
            let cases = name.ends_with(".test.yaml") || name.ends_with(".test.yml");
            if !cases && (name.ends_with(".yaml") || name.ends_with(".yml")) {
                names.push(name);
            }
        }
        names.sort();
        let of_policy = |name| subject(format!("{POLICIES}/{name}"), true);
        subjects.extend(names.into_iter().map(of_policy));
    }
    if subjects.is_empty() {
        let reason = format!("there is no {CONFIG} and no {POLICIES}/*.yaml here");
        return Err(
            Failure::new(Ending::Usage, reason).hint("name the files: shipgate validate FILE...")
        );
    }
    Ok(subjects)
}

/// Looks at files and says what is wrong or odd. `strict` makes warnings count.
///
/// The ending is [`Ending::ConfigInvalid`] where a file is not valid, else [`Ending::Findings`] where
/// warnings count and there are some, else [`Ending::Shown`]. Where the traffic is known, steps that
/// cannot see what their comparison promises are odd; so are variables of notifications that are not set.
pub async fn run(
    subjects: &[Subject],
    now: DateTime<Utc>,
    strict: bool,
    known: Option<KnownTraffic>,
    is_set: &dyn Fn(&str) -> bool,
) -> Outcome {
    let texts: Vec<Result<Text<'_>, Box<FileFinding>>> = subjects.iter().map(read).collect();
    let configs: Vec<Result<Config, Vec<Finding>>> = texts
        .iter()
        .flatten()
        .filter(|text| text.config)
        .map(|text| Config::parse(&text.text))
        .collect();
    let neighbours = neighbours(configs.iter().flatten());
    let mut configs = configs.into_iter();
    let mut findings = Vec::new();
    for text in &texts {
        match text {
            Err(finding) => findings.push((**finding).clone()),
            Ok(text) if text.config => {
                let lints = match (configs.next(), known) {
                    (Some(Err(wrong)), _) => wrong.into_iter().map(invalid).collect(),
                    (Some(Ok(config)), known) => {
                        let config = Arc::new(config);
                        let mut lints = presets(&config, &text.text);
                        lints.extend(checkout::lints(&config, &text.subject.path, now));
                        lints.extend(workloads::lints(&config));
                        lints.extend(pairing::lints(&config, &text.subject.path, now));
                        lints.extend(steps(&config, &text.text, known));
                        lints.extend(notifications::lints(&config, is_set));
                        lints
                    }
                    (None, _) => Vec::new(),
                };
                findings.extend(records(text, lints.into_iter()));
            }
            Ok(text) => {
                let lints = policy(text, neighbours.as_ref(), now).await;
                findings.extend(records(text, lints.into_iter()));
            }
        }
    }
    outcome(subjects, findings, strict)
}

fn read(subject: &Subject) -> Result<Text<'_>, Box<FileFinding>> {
    let (_, text) = check::read_file(&subject.path, &subject.shown).map_err(|failure| {
        let reason = failure.to_string();
        let prefix = format!("{}: ", subject.shown);
        Box::new(FileFinding {
            path: subject.shown.clone(),
            line: None,
            column: None,
            severity: Severity::Error,
            code: "unreadable".to_owned(),
            message: reason.strip_prefix(&prefix).unwrap_or(&reason).to_owned(),
            excerpt: None,
        })
    })?;
    Ok(Text {
        subject,
        config: !subject.policy && is_config(subject, &text),
        text,
    })
}

/// A configuration has services, providers, or environments with keys of their own.
fn is_config(subject: &Subject, text: &str) -> bool {
    let named = subject.path.file_name().is_some_and(|name| name == CONFIG);
    let Ok(located) = to_value(text, &Limits::SETTINGS) else {
        return named;
    };
    let has = |key: &str| located.value.get(key).is_some();
    let environments = located.value.get("environments");
    has("services")
        || has("providers")
        || environments.is_some_and(Value::is_object)
        || named && !has("kind")
}

fn neighbours<'a>(configs: impl Iterator<Item = &'a Config>) -> Option<Neighbours> {
    let mut all = None;
    for config in configs {
        let known: &mut Neighbours = all.get_or_insert_default();
        known.services.extend(config.services.keys().cloned());
        let environments = config.environments.keys().cloned();
        known.environments.extend(environments);
        known.environments.extend(config.regions.keys().cloned());
    }
    all
}

/// Tells what the presets stand for.
fn presets(config: &Config, text: &str) -> Vec<Lint> {
    let located = to_value(text, &Limits::SETTINGS).ok();
    let mut lints = Vec::new();
    for service in config.services.values() {
        for metric in &service.verification.metrics {
            let Some(message) = metric.expansion() else {
                continue;
            };
            let pointer = format!(
                "/services/{}/verification/metrics/{}",
                service.name, metric.entry
            );
            let position = located.as_ref().map(|located| located.position(&pointer));
            lints.push(Lint {
                position: position.unwrap_or(Position { line: 1, column: 1 }),
                severity: Severity::Info,
                code: "preset",
                message,
            });
        }
    }
    lints
}

/// Finds the watches that are too short for any verdict, and where the traffic is known the steps that
/// cannot see what their comparison promises.
fn steps(config: &Config, text: &str, known: Option<KnownTraffic>) -> Vec<Lint> {
    let located = to_value(text, &Limits::SETTINGS).ok();
    let mut lints = Vec::new();
    for service in config.services.values() {
        let below = match &service.strategy {
            Strategy::Canary(_) => "canary/steps",
            Strategy::Rolling(_) => "rolling",
            Strategy::BlueGreen(_) => "blue_green",
            Strategy::ArgoRollouts(_) => "argo_rollouts",
        };
        let pointer = format!("/services/{}/strategy/{below}", service.name);
        let position = located.as_ref().map(|located| located.position(&pointer));
        let warning = |code, message| Lint {
            position: position.unwrap_or(Position { line: 1, column: 1 }),
            severity: Severity::Warning,
            code,
            message,
        };
        let short = short_watches(service).into_iter();
        lints.extend(short.map(|message| warning("short-watch", message)));
        let Some(known) = known else {
            continue;
        };
        let comparisons = known.of_all(traffic::comparisons(service));
        let steps = traffic::configured_steps(service);
        let messages = match traffic::traffic_plan(&comparisons, &steps, String::new(), None) {
            Ok(record) => traffic::warnings(&record),
            Err(problem) => vec![problem],
        };
        let messages = messages.into_iter();
        lints.extend(messages.map(|message| warning("blind-step", message)));
    }
    lints
}

async fn policy(text: &Text<'_>, neighbours: Option<&Neighbours>, now: DateTime<Utc>) -> Vec<Lint> {
    let source = PolicySource {
        path: text.subject.shown.clone(),
        ..PolicySource::default()
    };
    let beside = Beside::on_disk(&text.subject.path, &source);
    let files = match check::files_beside(&text.text, &beside).await {
        Ok(files) => files,
        Err(failure) => return vec![invalid(at_the_top(failure.to_string()))],
    };
    let policy = match Policy::parse_with(&text.text, &text.subject.shown, &files) {
        Ok(policy) => policy,
        Err(findings) => return findings.into_iter().map(invalid).collect(),
    };
    let signers = match signers(&policy, &beside, now).await {
        Ok(signers) => signers,
        Err(problem) => return vec![invalid(at_the_top(problem))],
    };
    policy.lints(&text.text, neighbours, signers.as_deref(), now)
}

/// Reads who may sign; none = there is no list beside the policy.
async fn signers(
    policy: &Policy,
    beside: &Beside<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Vec<String>>, String> {
    let path = policy.allowed_signers();
    let bytes = beside
        .read(path)
        .await
        .map_err(|failure| failure.to_string())?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|_| format!("{path}: is not UTF-8 text"))?;
    let signers = AllowedSigners::parse(&text, &beside.path(path))?;
    Ok(Some(signers.everybody(now)))
}

fn at_the_top(message: String) -> Finding {
    Finding::new(Position { line: 1, column: 1 }, message)
}

fn invalid(finding: Finding) -> Lint {
    Lint {
        position: finding.position,
        severity: Severity::Error,
        code: "invalid",
        message: finding.message,
    }
}

fn records(text: &Text<'_>, lints: impl Iterator<Item = Lint>) -> Vec<FileFinding> {
    let lines: Vec<&str> = text.text.lines().collect();
    let record = |lint: Lint| {
        let Position { line, column } = lint.position;
        let written = lines.get(line.saturating_sub(1)).copied();
        FileFinding {
            path: text.subject.shown.clone(),
            line: Some(line),
            column: Some(column),
            severity: lint.severity,
            code: lint.code.to_owned(),
            message: lint.message,
            excerpt: written.filter(|line| may_be_shown(line)).map(str::to_owned),
        }
    };
    lints.map(record).collect()
}

/// A line that may hold a secret is not shown.
fn may_be_shown(line: &str) -> bool {
    if line.trim().is_empty() || line.len() > LONGEST_LINE {
        return false;
    }
    let small = line.to_lowercase();
    let secretive = SECRETIVE.iter().any(|word| small.contains(word));
    let address_with_a_user = small.contains("://") && small.contains('@');
    !secretive && !address_with_a_user
}

fn outcome(subjects: &[Subject], findings: Vec<FileFinding>, strict: bool) -> Outcome {
    let count = |severity| {
        let of_it = |finding: &&FileFinding| finding.severity == severity;
        findings.iter().filter(of_it).count()
    };
    let warnings = match count(Severity::Warning) {
        0 => None,
        1 => Some("1 warning".to_owned()),
        more => Some(format!("{more} warnings")),
    };
    let first = findings
        .iter()
        .find(|finding| finding.severity == Severity::Error);
    let files = match subjects {
        [one] => format!("{} is valid", one.shown),
        more => format!("{} files are valid", more.len()),
    };
    let mut outcome = match (first, warnings) {
        (Some(first), _) => {
            let more = match count(Severity::Error) {
                1 => String::new(),
                all => format!(" (and {} more)", all - 1),
            };
            let reason = format!("{}{}{more}", place(first), first.message);
            Outcome::new(Ending::ConfigInvalid, reason)
        }
        (None, Some(warnings)) if strict => Outcome::new(
            Ending::Findings,
            format!("{files}, but there are findings: {warnings}"),
        ),
        (None, Some(warnings)) => Outcome::new(Ending::Shown, format!("{files}; {warnings}")),
        (None, None) => Outcome::new(Ending::Shown, files),
    };
    outcome.findings = findings;
    outcome
}

fn place(finding: &FileFinding) -> String {
    match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}: ", finding.path),
        _ => format!("{}: ", finding.path),
    }
}
