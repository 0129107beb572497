//! A deployment gate: its evaluation is asked for once, and then looked at until it is over.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Endpoint, Useless,
    request::{self, odd, without_complaint},
};
use crate::{
    clock::Clock,
    probe::{CheckReading, Client, text::excerpt},
};

const PATH: &str = "/api/v2/deployments/gates/evaluation";
/// How many rules are named.
const NAMED: usize = 3;

/// Which gate is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The service's name.
    pub service: String,
    /// The environment's name.
    pub env: String,
    /// Which of the gates; Datadog's default where none is given.
    pub identifier: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// Primary tag of APM.
    pub apm_primary_tag: Option<String>,
}

/// How an evaluation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateReading {
    /// It goes on, says this clause.
    InProgress(String),
    /// It is over and passed, as every dry run does; the clause says what its rules found.
    DryRun(String),
    /// It is over, or nobody knows.
    Over(CheckReading),
}

#[derive(Deserialize)]
struct Evaluation {
    gate_status: String,
    evaluation_id: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    name: Option<String>,
    status: Option<String>,
    reason: Option<String>,
}

/// Asks for an evaluation and returns its id, in the way of Datadog's own command line
/// (<https://docs.datadoghq.com/deployment_gates/setup/>).
///
/// # Errors
/// No answer, a refusal, an answer without an id, as a clause.
pub async fn evaluate(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    gate: &Gate,
    timeout: Duration,
) -> Result<String, String> {
    let given = [
        ("service", Some(&gate.service)),
        ("env", Some(&gate.env)),
        ("identifier", gate.identifier.as_ref()),
        ("version", gate.version.as_ref()),
        ("apm_primary_tag", gate.apm_primary_tag.as_ref()),
    ];
    let attributes: Map<String, Value> = given
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?.as_str()))))
        .collect();
    let kind = "deployment_gates_evaluation_request";
    let body = json!({"data": {"type": kind, "attributes": attributes}});
    let answer = request::post(client, clock, endpoint, PATH, &body, timeout).await?;
    let answer = without_complaint(endpoint, answer).map_err(reason)?;
    let id = answer
        .pointer("/data/attributes/evaluation_id")
        .and_then(Value::as_str);
    // It becomes a part of an address.
    let is_id = |id: &&str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=64).contains(&id.len()) && id.bytes().all(legal)
    };
    id.filter(is_id)
        .map(str::to_owned)
        .ok_or_else(|| reason(odd(endpoint, "evaluation of a gate")))
}

/// Looks at an evaluation. Only `pass` passes; a status that is not known says nothing.
pub async fn evaluation(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    id: &str,
    timeout: Duration,
) -> GateReading {
    let path = format!("{PATH}/{id}");
    let unanswered = |reason: String| GateReading::Over(CheckReading::Unanswered(reason));
    let answer = match request::get(client, clock, endpoint, &path, &[], timeout).await {
        Ok(answer) => answer,
        Err(reason) => return unanswered(reason),
    };
    let answer = match without_complaint(endpoint, answer) {
        Ok(answer) => answer,
        Err(useless) => return unanswered(reason(useless)),
    };
    let attributes = answer.pointer("/data/attributes").cloned();
    let read = attributes.and_then(|found| serde_json::from_value::<Evaluation>(found).ok());
    match read {
        Some(Evaluation {
            evaluation_id: Some(found),
            ..
        }) if found != id => {
            unanswered("the answer is about another evaluation than was asked for".to_owned())
        }
        Some(evaluation) => judged(&evaluation)
            .unwrap_or_else(|| unanswered(reason(odd(endpoint, "evaluation of a gate")))),
        None => unanswered(reason(odd(endpoint, "evaluation of a gate"))),
    }
}

fn judged(evaluation: &Evaluation) -> Option<GateReading> {
    let with = |status: &str| -> Vec<&Rule> {
        let rules = evaluation.rules.iter();
        rules
            .filter(|rule| rule.status.as_deref() == Some(status))
            .collect()
    };
    Some(match evaluation.gate_status.as_str() {
        "pass" if evaluation.dry_run => {
            let found = match names(&with("fail")) {
                names if names.is_empty() => String::new(),
                names => format!(", although rules failed: {names}"),
            };
            GateReading::DryRun(format!("passed, as every dry run does{found}"))
        }
        "pass" => GateReading::Over(CheckReading::Passed("passed".to_owned())),
        "fail" => {
            let which = match names(&with("fail")) {
                names if names.is_empty() => String::new(),
                names => format!(": {names}"),
            };
            GateReading::Over(CheckReading::Failed(format!("failed{which}")))
        }
        "in_progress" => {
            let rules = match names(&with("in_progress")) {
                names if names.is_empty() => String::new(),
                names => format!(" {names}"),
            };
            GateReading::InProgress(format!("is not known yet: Datadog is evaluating{rules}"))
        }
        _ => return None,
    })
}

/// Names rules, up to three of them.
fn names(rules: &[&Rule]) -> String {
    let mut names: Vec<String> = rules.iter().take(NAMED).map(|rule| named(rule)).collect();
    if rules.len() > NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// Names a rule with its reason: `error rate (2 monitors in ALERT)`.
fn named(rule: &Rule) -> String {
    let name = rule.name.as_deref().map_or("a rule".to_owned(), excerpt);
    match rule.reason.as_deref().filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{name} ({})", excerpt(reason)),
        None => name,
    }
}

fn reason(useless: Useless) -> String {
    match useless {
        Useless::Nothing(reason) | Useless::NoData(reason) | Useless::Unavailable(reason) => reason,
    }
}
