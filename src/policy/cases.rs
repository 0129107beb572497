//! Test cases of a policy: a time and what else is known, and the verdict that is expected of it.
//!
//! A case is pure: its instant is the only clock, and nobody is asked anything.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    AlertsFact, Decision, Effect, Facts, Freeze, Policy, Reason, TrafficFact, Verdict, evaluate,
    request::{Action, Invoker, Request},
    wording::shown,
};
use crate::{
    units::{RequestsPerSecond, parse_duration},
    yaml::{Finding, Limits, Located, typed},
};

/// Cases of one policy, read from the file beside it: `production.test.yaml`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CasesDocument {
    /// Version of this format: always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The cases, in the order in which they are shown.
    #[schemars(length(min = 1, max = 10_000))]
    pub cases: Vec<CaseDocument>,
}

/// What is known of alerts in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseAlerts {
    /// None is firing.
    Quiet,
    /// One is firing.
    Firing,
    /// Nobody can say.
    Unavailable,
}

impl CaseAlerts {
    fn fact(self) -> AlertsFact {
        match self {
            Self::Quiet => AlertsFact::Quiet("no alert is firing".to_owned()),
            Self::Firing => AlertsFact::Firing("an alert is firing".to_owned()),
            Self::Unavailable => AlertsFact::Unavailable("the case says so".to_owned()),
        }
    }
}

/// One case.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseDocument {
    /// What it is about. Absent: the instant.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub name: Option<String>,
    /// The instant that is judged, RFC 3339 with an offset, such as `2026-11-26T09:00:00-05:00`.
    pub at: String,
    /// The service.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub service: Option<String>,
    /// The environment.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub environment: Option<String>,
    /// What is to be done. Absent: `deploy`.
    #[serde(default)]
    #[schemars(with = "Action")]
    pub action: Option<Action>,
    /// Who starts it. Absent: `automation`.
    #[serde(default)]
    #[schemars(with = "Invoker")]
    pub invoker: Option<Invoker>,
    /// Kubernetes namespace.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub namespace: Option<String>,
    /// Name or address of the cluster.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub cluster: Option<String>,
    /// Requests per second, or `unavailable` where nobody can say. Absent: it is not looked at.
    #[serde(default)]
    #[schemars(extend("type" = ["number", "string"]))]
    pub traffic: Option<Value>,
    /// Are alerts firing that the policy names? Absent: that was not looked at.
    #[serde(default)]
    #[schemars(with = "CaseAlerts")]
    pub alerts: Option<CaseAlerts>,
    /// Paths that the version changes. Absent: nobody said.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub changed_files: Option<Vec<String>>,
    /// How long somebody says the deployment takes, such as `45m`. Absent: nobody said.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub duration: Option<String>,
    /// What the file `FREEZE` beside the policy says. Absent: there is no such file.
    #[serde(default)]
    #[schemars(with = "String")]
    pub freeze: Option<String>,
    /// The verdict that is expected.
    pub expect: ExpectDocument,
}

/// The verdict that is expected. What is absent may be anything.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectDocument {
    /// The decision.
    pub decision: DecisionDocument,
    /// Code of the deciding reason, such as `blocked-date`.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub code: Option<String>,
    /// When it opens next, RFC 3339 with an offset; `none` where no opening is known.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub opens_at: Option<String>,
    /// When it closes next, RFC 3339 with an offset; `none` where no closing is known.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub closes_at: Option<String>,
    /// A rule that decides so, by name or path: `Thanksgiving`, `blocked_dates[3]`. Others may too.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub rule: Option<String>,
}

/// A decision, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionDocument {
    /// It may go.
    Allowed,
    /// It may go, with something to know.
    Warned,
    /// It may not go.
    Blocked,
    /// It may go once a person has approved.
    ApprovalRequired,
}

impl From<DecisionDocument> for Decision {
    fn from(written: DecisionDocument) -> Self {
        match written {
            DecisionDocument::Allowed => Self::Allowed,
            DecisionDocument::Warned => Self::Warned,
            DecisionDocument::Blocked => Self::Blocked,
            DecisionDocument::ApprovalRequired => Self::ApprovalRequired,
        }
    }
}

/// One case, ready to be judged.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// 1-based line in the file.
    pub line: usize,
    /// The instant that is judged.
    pub at: DateTime<Utc>,
    request: Request,
    facts: Facts,
    expected: Expected,
}

/// An instant that is expected: none = that there is none.
type ExpectedInstant = Option<DateTime<Utc>>;

#[derive(Debug, Clone)]
struct Expected {
    decision: Decision,
    code: Option<String>,
    opens_at: Option<ExpectedInstant>,
    closes_at: Option<ExpectedInstant>,
    rule: Option<String>,
}

/// Something that was expected and not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What: `decision`, `code`, `opens_at`, `closes_at` or `rule`.
    pub what: &'static str,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Reads the cases of a policy.
///
/// # Errors
/// Everything that is wrong with them, in the order of the lines; also where the policy cannot
/// answer a case, and where there is no case at all.
pub fn parse(text: &str, policy: &Policy) -> Result<Vec<Case>, Vec<Finding>> {
    let (document, located) = typed::read::<CasesDocument>(text, &Limits::SETTINGS)?;
    let mut reader = Reader {
        located: &located,
        findings: Vec::new(),
    };
    let mut cases = Vec::new();
    for (index, case) in document.cases.iter().enumerate() {
        let pointer = format!("/cases/{index}");
        if let Some(case) = reader.case(case, &pointer) {
            reader.answers(policy, &case, &pointer);
            cases.push(case);
        }
    }
    reader.findings.sort();
    if reader.findings.is_empty() {
        Ok(cases)
    } else {
        Err(reader.findings)
    }
}

/// Judges a case. It holds where nothing is in the list.
pub fn judge(policy: &Policy, case: &Case) -> (Verdict, Vec<Mismatch>) {
    let verdict = evaluate(policy, &case.request, &case.facts, case.at);
    let expected = &case.expected;
    let mut mismatches = Vec::new();
    let mut compare = |what, expected: &str, found: &str| {
        if expected != found {
            mismatches.push(Mismatch {
                what,
                expected: expected.to_owned(),
                found: found.to_owned(),
            });
        }
    };
    compare(
        "decision",
        expected.decision.word(),
        verdict.decision.word(),
    );
    if let Some(code) = &expected.code {
        let found = verdict.deciding().map(|reason| reason.code.word());
        compare("code", code, found.unwrap_or("none"));
    }
    let shown = |at: Option<DateTime<Utc>>| {
        at.map_or_else(|| "none".to_owned(), |at| policy.zone().at(at).to_rfc3339())
    };
    let instants = [
        ("opens_at", expected.opens_at, verdict.opens_at),
        ("closes_at", expected.closes_at, verdict.closes_at),
    ];
    for (what, expected, found) in instants {
        if let Some(expected) = expected {
            let found = found.map(|at| at.to_utc());
            compare(what, &shown(expected), &shown(found));
        }
    }
    if let Some(rule) = &expected.rule {
        let deciding = |reason: &&Reason| decides(reason.effect, verdict.decision);
        let rules: Vec<&Reason> = verdict.reasons.iter().filter(deciding).collect();
        let named = |reason: &&Reason| policy.rule_is(&reason.rule, rule);
        if !rules.iter().any(named) {
            let found: Vec<String> = rules
                .iter()
                .map(|it| policy.rule_in_words(&it.rule))
                .collect();
            compare("rule", rule, &found.join(", "));
        }
    }
    (verdict, mismatches)
}

/// Does a reason with this effect bring about this decision?
fn decides(effect: Effect, decision: Decision) -> bool {
    match decision {
        Decision::Allowed => effect == Effect::Allows,
        Decision::Warned => effect == Effect::Warns,
        Decision::Blocked => effect == Effect::Blocks,
        Decision::ApprovalRequired => effect == Effect::AsksApproval,
    }
}

impl Policy {
    /// Returns the name of a window or blocked date.
    fn name_of(&self, path: &str) -> Option<&str> {
        let rules = [&self.allowed, &self.blocked, &self.blocked_dates];
        let found = rules.into_iter().flatten().find(|rule| rule.rule == path)?;
        found.name.as_deref()
    }

    fn rule_is(&self, path: &str, wanted: &str) -> bool {
        path == wanted || self.name_of(path) == Some(wanted)
    }

    fn rule_in_words(&self, path: &str) -> String {
        match self.name_of(path) {
            Some(name) => format!("{name} ({path})"),
            None => path.to_owned(),
        }
    }
}

struct Reader<'a> {
    located: &'a Located,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn case(&mut self, written: &CaseDocument, pointer: &str) -> Option<Case> {
        let at = self.instant(&written.at, &format!("{pointer}/at"));
        let traffic = match &written.traffic {
            Some(value) => self.traffic(value, &format!("{pointer}/traffic")),
            None => Some(TrafficFact::NotAsked),
        };
        let expect = &written.expect;
        let place = format!("{pointer}/expect");
        let opens_at = self.expected(expect.opens_at.as_ref(), &format!("{place}/opens_at"));
        let closes_at = self.expected(expect.closes_at.as_ref(), &format!("{place}/closes_at"));
        let freeze = written.freeze.as_ref();
        let freeze = freeze.map(|text| Freeze::parse("FREEZE", text.as_bytes()));
        let duration = match &written.duration {
            Some(text) => Some(self.duration(text, &format!("{pointer}/duration"))?),
            None => None,
        };
        Some(Case {
            name: written.name.clone().unwrap_or_else(|| written.at.clone()),
            line: self.located.position(pointer).line,
            at: at?,
            request: Request {
                environment: written.environment.clone(),
                service: written.service.clone(),
                namespace: written.namespace.clone(),
                cluster: written.cluster.clone(),
                invoker: written.invoker.unwrap_or(Invoker::Automation),
                ..Request::new(written.action.unwrap_or(Action::Deploy))
            },
            facts: Facts {
                traffic: traffic?,
                alerts: written.alerts.map_or_else(BTreeMap::new, |alerts| {
                    // Whether the rule asks by service is the policy's affair.
                    let all = [None, written.service.clone()];
                    all.map(|service| (service, alerts.fact())).into()
                }),
                freeze,
                changed_paths: written.changed_files.clone(),
                duration,
                ..Facts::default()
            },
            expected: Expected {
                decision: expect.decision.into(),
                code: expect.code.clone(),
                opens_at: opens_at?,
                closes_at: closes_at?,
                rule: expect.rule.clone(),
            },
        })
    }

    /// The outer option is none where it is a finding by now, the next one where nothing is
    /// expected.
    fn expected(
        &mut self,
        written: Option<&String>,
        pointer: &str,
    ) -> Option<Option<ExpectedInstant>> {
        match written.map(String::as_str) {
            None => Some(None),
            Some("none") => Some(Some(None)),
            Some(text) => Some(Some(Some(self.instant(text, pointer)?))),
        }
    }

    fn instant(&mut self, text: &str, pointer: &str) -> Option<DateTime<Utc>> {
        let parsed = DateTime::parse_from_rfc3339(text);
        if parsed.is_err() {
            let message = format!(
                "{} is no instant; expected RFC 3339 with an offset, such as 2026-11-26T09:00:00-05:00",
                shown(text)
            );
            self.wrong(pointer, message);
        }
        parsed.ok().map(|at| at.to_utc())
    }

    fn traffic(&mut self, value: &Value, pointer: &str) -> Option<TrafficFact> {
        match value {
            Value::String(word) if word == "unavailable" => {
                let why = "the case says so".to_owned();
                return Some(TrafficFact::Unavailable(why));
            }
            Value::Number(number) => {
                let rate = RequestsPerSecond::new(number.as_f64().unwrap_or(f64::NAN));
                if let Ok(rate) = rate {
                    return Some(TrafficFact::Measured(rate));
                }
            }
            _ => {}
        }
        let found = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let message = format!(
            "found {}, expected requests per second, 0 or more, or `unavailable`",
            shown(&found)
        );
        self.wrong(pointer, message);
        None
    }

    fn duration(&mut self, text: &str, pointer: &str) -> Option<TimeDelta> {
        match parse_duration(text) {
            Ok(length) => Some(TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX)),
            Err(nonsense) => {
                self.wrong(pointer, nonsense.to_string());
                None
            }
        }
    }

    /// A case that the policy cannot answer is a mistake in the case, never a verdict.
    fn answers(&mut self, policy: &Policy, case: &Case, pointer: &str) {
        if let Some(environment) = &case.request.environment
            && let Err(finding) = policy.check_environment(environment, None)
        {
            self.wrong(&format!("{pointer}/environment"), finding.message);
        }
        if let Some(unnamed) = policy.unnamed(&case.request) {
            let word = unnamed.word();
            let message = format!(
                "some rules are for one {word} and not for another; add `{word}` to the case"
            );
            self.wrong(pointer, message);
        }
    }

    fn wrong(&mut self, pointer: &str, message: String) {
        let position = self.located.position(pointer);
        self.findings.push(Finding::new(position, message));
    }
}
