//! The file `FREEZE` beside a policy: whoever puts it there stops the line.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{request::Request, scope::NamePattern};
use crate::yaml::{Limits, to_value, typed};

/// Longest part of someone's text in a message, in characters.
const LONGEST: usize = 300;
/// Keys that tell the mapping from a plain text with a colon in its first line.
const KEYS: [&str; 5] = ["reason", "contact", "until", "environments", "services"];

/// What the file `FREEZE` beside the policy says. Whatever cannot be understood freezes everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freeze {
    /// Path of the file.
    pub path: String,
    /// Why nothing may go; empty if the file does not say. One line, without control characters.
    pub reason: String,
    /// Whom to ask. One line, without control characters.
    pub contact: Option<String>,
    /// From when on it does not count any more; none = until the file is gone.
    pub until: Option<DateTime<Utc>>,
    /// Environments that it is for, by name or with `*` and `?`; none = all.
    pub environments: Option<Vec<String>>,
    /// Services that it is for, by name or with `*` and `?`; none = all.
    pub services: Option<Vec<String>>,
    /// Why the file cannot be understood, if it cannot.
    pub problem: Option<String>,
}

/// The file as a mapping.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FreezeDocument {
    /// Why nothing may go.
    #[schemars(length(min = 1))]
    reason: String,
    /// Whom to ask.
    #[serde(default)]
    #[schemars(with = "String")]
    contact: Option<String>,
    /// RFC 3339 instant from when on it does not count any more.
    #[serde(default)]
    #[schemars(with = "String")]
    until: Option<String>,
    /// Environments that it is for.
    #[serde(default)]
    #[schemars(with = "Vec<String>", length(min = 1))]
    environments: Option<Vec<String>>,
    /// Services that it is for.
    #[serde(default)]
    #[schemars(with = "Vec<String>", length(min = 1))]
    services: Option<Vec<String>>,
}

impl Freeze {
    /// Reads the file: a plain text, whose first line says why and which may have a line
    /// `contact: …`, or a YAML mapping `{reason, contact, until, environments, services}`.
    pub fn parse(path: &str, bytes: &[u8]) -> Self {
        let read = || {
            let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            if text.trim().is_empty() {
                return Err("it is empty".to_owned());
            }
            match mapping(text)? {
                Some(document) => Self::of_mapping(document),
                None => Ok(Self::of_text(text)),
            }
        };
        match read() {
            Ok(freeze) => Self {
                path: path.to_owned(),
                ..freeze
            },
            Err(problem) => Self::unreadable(path, &problem),
        }
    }

    /// A file that is there and cannot be read.
    pub fn unreadable(path: &str, problem: &str) -> Self {
        Self {
            path: path.to_owned(),
            problem: Some(one_line(problem)),
            ..Self::default()
        }
    }

    fn of_text(text: &str) -> Self {
        let mut freeze = Self::default();
        for line in text.lines() {
            let line = line.trim().trim_start_matches('#').trim();
            let contact = line
                .get(.."contact:".len())
                .filter(|start| start.eq_ignore_ascii_case("contact:"));
            match contact {
                Some(start) if freeze.contact.is_none() => {
                    freeze.contact = said(&line[start.len()..]);
                }
                None if freeze.reason.is_empty() => freeze.reason = one_line(line),
                _ => {}
            }
        }
        freeze
    }

    fn of_mapping(document: FreezeDocument) -> Result<Self, String> {
        let until = document.until.map(|text| {
            DateTime::parse_from_rfc3339(&text)
                .map(|instant| instant.to_utc())
                .map_err(|_| {
                    format!(
                        "`until` is {text:?}, expected RFC 3339 with an offset, such as \
                         2026-01-05T09:00:00Z"
                    )
                })
        });
        for name in [&document.environments, &document.services]
            .into_iter()
            .flatten()
            .flatten()
        {
            NamePattern::parse(name)?;
        }
        Ok(Self {
            reason: one_line(&document.reason),
            contact: document.contact.as_deref().and_then(said),
            until: until.transpose()?,
            environments: document.environments,
            services: document.services,
            ..Self::default()
        })
    }

    /// Is it for this request? What a request does not name may be what is frozen.
    pub(super) fn covers(&self, request: &Request) -> bool {
        let whole = request.whole_environment.as_deref();
        (has(&self.environments, request.environment.as_deref())
            || whole.is_some() && has(&self.environments, whole))
            && has(&self.services, request.service.as_deref())
    }
}

fn has(names: &Option<Vec<String>>, name: Option<&str>) -> bool {
    let (Some(names), Some(name)) = (names, name) else {
        return true;
    };
    names.iter().any(|pattern| {
        let matches = |pattern: NamePattern| pattern.matcher.is_match(name);
        pattern == name || NamePattern::parse(pattern).is_ok_and(matches)
    })
}

/// Returns none for a plain text.
fn mapping(text: &str) -> Result<Option<FreezeDocument>, String> {
    let begins_as_mapping = || {
        let first = text.lines().map(str::trim_start);
        let mut first = first.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let first = first.next().unwrap_or_default();
        let begins = |key: &&str| {
            let rest = first.strip_prefix(*key);
            rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        first.starts_with('{') || KEYS.iter().any(begins)
    };
    let located = match to_value(text, &Limits::SETTINGS) {
        Ok(located) => located,
        Err(error) if begins_as_mapping() => {
            return Err(format!(
                "line {}:{}: {}",
                error.line, error.column, error.message
            ));
        }
        Err(_) => return Ok(None),
    };
    let is_mapping = |value: &Value| {
        let map = value.as_object();
        map.is_some_and(|map| map.is_empty() || KEYS.iter().any(|key| map.contains_key(*key)))
    };
    if !is_mapping(&located.value) {
        return Ok(None);
    }
    typed::check(&located).map(Some).map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(|it| format!("line {it}")).collect();
        findings.join("; ")
    })
}

fn said(text: &str) -> Option<String> {
    Some(one_line(text)).filter(|text| !text.is_empty())
}

/// Returns a text as one short line without characters that steer a terminal or a reader's eye.
fn one_line(text: &str) -> String {
    let steers = |character: char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let plain: String = text
        .chars()
        .map(|character| if steers(character) { ' ' } else { character })
        .collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let mut short: String = line.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}
