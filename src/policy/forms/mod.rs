//! Which form a policy is written in: native, JSON, JSON text in a Kubernetes ConfigMap, or an
//! Argo CD AppProject.
//!
//! The JSON that people write has comments and trailing commas. It is read as a YAML flow mapping,
//! which allows both.

mod configmap;

use serde_json::Value;

use super::wording::shown;
use crate::yaml::{Finding, Limits, Located, Position, to_value};

/// Where the policy's text stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// Its positions are the file's.
    Direct,
    /// It is a quoted or folded text that begins here, so its own lines are not the file's.
    Quoted(Position),
}

impl Placement {
    /// Returns the position in the file.
    pub(super) fn position(self, inner: Position) -> Position {
        match self {
            Self::Direct => inner,
            Self::Quoted(start) => start,
        }
    }

    /// Moves findings to their place in the file.
    pub(super) fn findings(self, findings: Vec<Finding>) -> Vec<Finding> {
        let Self::Quoted(start) = self else {
            return findings;
        };
        let moved = |finding: Finding| {
            let line = finding.position.line;
            Finding::new(
                start,
                format!("line {line} of this text: {}", finding.message),
            )
        };
        findings.into_iter().map(moved).collect()
    }
}

/// A policy file, read as values; what they mean is not looked at yet.
pub(super) enum Form {
    /// A native policy document, or JSON, which has the same keys.
    Policy(Located, Placement),
    /// An Argo CD AppProject.
    AppProject(Located),
}

/// Tells the forms of a policy file apart.
///
/// # Errors
/// Not readable, not a policy, or a ConfigMap that holds none or two.
pub(super) fn locate(text: &str) -> Result<Form, Vec<Finding>> {
    let outer = read(text)?;
    if !outer.value.is_object() && !outer.value.is_null() {
        return Err(vec![Finding::new(
            outer.position(""),
            "this is no policy; expected a mapping that begins with `version: 1`",
        )]);
    }
    let kind = outer.value.get("kind").and_then(Value::as_str);
    match kind {
        Some("ConfigMap") => configmap::locate(text, &outer)
            .map(|(located, placement)| Form::Policy(located, placement)),
        Some("AppProject") => Ok(Form::AppProject(outer)),
        Some(other) => Err(vec![Finding::new(
            outer.position("/kind"),
            no_policy(other, &outer.value),
        )]),
        None if starts_as_json(text) => Ok(Form::Policy(with_version(outer), Placement::Direct)),
        None => Ok(Form::Policy(outer, Placement::Direct)),
    }
}

fn no_policy(kind: &str, object: &Value) -> String {
    let items = object.get("items").and_then(Value::as_array);
    let policies = items.into_iter().flatten().filter(|item| {
        let kind = item.get("kind").and_then(Value::as_str);
        matches!(kind, Some("AppProject" | "ConfigMap"))
    });
    match policies.count() {
        0 => format!(
            "an object of kind {} is not a policy; expected `version: 1` and rules, \
             `kind: ConfigMap` or `kind: AppProject`",
            shown(kind)
        ),
        count => format!(
            "a policy is one object, and this {} holds {count} that could be one; write the one \
             that counts into a file of its own: kubectl get appproject NAME --output yaml",
            shown(kind)
        ),
    }
}

fn read(text: &str) -> Result<Located, Vec<Finding>> {
    to_value(text, &Limits::SETTINGS).map_err(|error| {
        let position = Position {
            line: error.line,
            column: error.column,
        };
        vec![Finding::new(position, error.message)]
    })
}

/// Does the text begin with `{`, after comments and a document start?
fn starts_as_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---")
        .is_some_and(|line| line.starts_with('{'))
}

/// The JSON forms have no `version`: they are version 1.
fn with_version(mut located: Located) -> Located {
    if let Some(object) = located.value.as_object_mut() {
        object.entry("version").or_insert_with(|| Value::from(1));
    }
    located
}
