//! What is odd about a valid policy: windows that never open, dates that went wrong, names of nobody.

mod approvers;
mod clock_changes;
mod dates;
mod names;
mod windows;

use chrono::{DateTime, Utc};

use super::{
    forms::{self, Form, Placement},
    rules::{Policy, TimeRule},
    wording::shown,
};
use crate::yaml::{Located, Position};

/// How much something found in a file matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is not valid and decides nothing.
    Error,
    /// It is valid, and is hardly meant so.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Returns the stable word of machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One odd thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// Where it is.
    pub position: Position,
    /// How much it matters; never [`Severity::Error`].
    pub severity: Severity,
    /// Stable id of the kind of oddness.
    pub code: &'static str,
    /// What is odd and what to do, as a lower-case fragment.
    pub message: String,
}

/// What stands beside the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Names of all services.
    pub services: Vec<String>,
    /// Names of all environments.
    pub environments: Vec<String>,
}

impl Policy {
    /// Finds what is odd, in the order of the lines. `text` is what the policy was parsed from,
    /// `neighbours` the configuration beside it, where there is one, `signers` the principals whose
    /// keys may sign, where there is a list of them; `now` decides what is past, and the two years
    /// after it are looked at.
    pub fn lints(
        &self,
        text: &str,
        neighbours: Option<&Neighbours>,
        signers: Option<&[String]>,
        now: DateTime<Utc>,
    ) -> Vec<Lint> {
        let mut linter = Linter {
            policy: self,
            places: Places::of(text),
            now,
            lints: Vec::new(),
        };
        linter.windows();
        linter.dates();
        linter.clock_changes();
        linter.approvers(signers);
        linter.runway();
        if let Some(neighbours) = neighbours {
            linter.names(neighbours);
        }
        let mut lints = linter.lints;
        lints.sort_by(|left, right| {
            let key = |lint: &Lint| (lint.position, lint.severity, lint.code);
            key(left)
                .cmp(&key(right))
                .then_with(|| left.message.cmp(&right.message))
        });
        lints
    }
}

struct Linter<'a> {
    policy: &'a Policy,
    places: Places<'a>,
    now: DateTime<Utc>,
    lints: Vec<Lint>,
}

impl Linter<'_> {
    fn odd(&mut self, severity: Severity, code: &'static str, position: Position, message: String) {
        self.lints.push(Lint {
            position,
            severity,
            code,
            message,
        });
    }

    /// Is odd about a whole rule.
    fn odd_rule(
        &mut self,
        severity: Severity,
        code: &'static str,
        rule: &TimeRule,
        message: String,
    ) {
        let position = self.places.rule(rule, "");
        self.odd(severity, code, position, message);
    }
}

/// Where the parts of the policy are written.
struct Places<'a> {
    located: Option<(Located, Placement)>,
    lines: Vec<&'a str>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let located = match forms::locate(text) {
            Ok(Form::Policy(located, placement)) => Some((located, placement)),
            Ok(Form::AppProject(located)) => Some((located, Placement::Direct)),
            Err(_) => None,
        };
        Self {
            located,
            lines: text.lines().collect(),
        }
    }

    /// Returns the comment at the end of the line that a rule is written on.
    fn comment(&self, rule: &TimeRule) -> Option<&'a str> {
        let line = self.lines.get(rule.line.checked_sub(1)?)?;
        let (_, comment) = line.split_once(" #")?;
        Some(comment.trim()).filter(|comment| !comment.is_empty())
    }

    /// Returns the place of a rule, or of a part of it.
    fn rule(&self, rule: &TimeRule, part: &str) -> Position {
        let path = rule.rule.replace(['.', '['], "/").replace(']', "");
        self.pointer(&format!("/{path}{part}")).unwrap_or(Position {
            line: rule.line,
            column: 1,
        })
    }

    fn pointer(&self, pointer: &str) -> Option<Position> {
        let (located, placement) = self.located.as_ref()?;
        Some(placement.position(located.position(pointer)))
    }
}

/// A rule in a message: its path, and its name where it has one.
fn called(rule: &TimeRule) -> String {
    match &rule.name {
        Some(name) => format!("{} ({})", rule.rule, shown(name)),
        None => rule.rule.clone(),
    }
}
