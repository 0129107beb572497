//! What is signed: one JSON object that says what somebody approves, and the text that carries it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::signature::{BEGIN, END};
use crate::policy::{Statement, StatementKind};

/// Longest text of statements and signatures, in bytes.
pub const LIMIT: usize = 16 << 10;
/// Longest text in a statement, in characters.
const LONGEST: usize = 500;
/// Most rules in a statement.
const MOST_RULES: usize = 50;
/// Version of the form.
const VERSION: u32 = 1;

/// A statement with the signature behind it: `cat statement.json statement.json.sig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneText {
    /// The bytes that are signed.
    pub statement: String,
    /// The armoured signature; empty where there is none.
    pub signature: String,
}

/// The object, key by key. Unknown and repeated keys are refused.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    shipgate: u32,
    kind: Kind,
    service: String,
    environment: String,
    version: String,
    not_before: String,
    expires: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Approval,
    Override,
}

impl OneText {
    /// Takes a text with one or more signed statements apart. What they say is not looked at.
    ///
    /// # Errors
    /// It is longer than [`LIMIT`].
    pub fn split(text: &str) -> Result<Vec<Self>, String> {
        if text.len() > LIMIT {
            return Err(format!("is larger than the limit of {LIMIT} bytes"));
        }
        let mut found = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find(BEGIN) {
            let (statement, after) = rest.split_at(begin);
            let end = after.find(END).map_or(after.len(), |end| end + END.len());
            let (signature, after) = after.split_at(end);
            found.push(Self {
                statement: statement.to_owned(),
                signature: signature.to_owned(),
            });
            // The line break belongs to the signature, everything else to what follows.
            rest = after
                .strip_prefix("\r\n")
                .or(after.strip_prefix('\n'))
                .unwrap_or(after);
        }
        if !rest.trim().is_empty() {
            found.push(Self {
                statement: rest.to_owned(),
                signature: String::new(),
            });
        }
        Ok(found)
    }

    /// Reads what the statement says.
    ///
    /// # Errors
    /// It is not a statement; the text says where and why.
    pub fn read(&self) -> Result<Statement, String> {
        read(&self.statement)
    }
}

/// Returns what a statement is recorded under: the SHA-256 of its bytes in hexadecimal. The
/// signature does not take part, so that signing it again does not make it new.
pub fn id(statement: &str) -> String {
    hexadecimal(statement.as_bytes())
}

/// Writes a statement as the bytes that are signed: one line.
pub fn write(statement: &Statement) -> String {
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let object = Object {
        shipgate: VERSION,
        kind: match statement.kind {
            StatementKind::Approval => Kind::Approval,
            StatementKind::Override => Kind::Override,
        },
        service: statement.service.clone(),
        environment: statement.environment.clone(),
        version: statement.version.clone(),
        not_before: instant(statement.not_before),
        expires: instant(statement.expires),
        rules: statement.rules.clone(),
        ticket: statement.ticket.clone(),
        reason: statement.reason.clone(),
    };
    let text = serde_json::to_string(&object);
    // Texts and numbers always have a JSON form.
    text.unwrap_or_default() + "\n"
}

fn read(text: &str) -> Result<Statement, String> {
    if text.len() > LIMIT {
        return Err(format!(
            "the statement is larger than the limit of {LIMIT} bytes"
        ));
    }
    let object: Object = serde_json::from_str(text).map_err(|error| {
        let problem: String = error.to_string().chars().take(200).collect();
        format!("the statement cannot be read: {}", problem.escape_debug())
    })?;
    if object.shipgate != VERSION {
        return Err(format!(
            "the statement has version {}; expected {VERSION}",
            object.shipgate
        ));
    }
    if object.rules.len() > MOST_RULES {
        return Err(format!("the statement names more than {MOST_RULES} rules"));
    }
    let texts = [
        ("service", Some(&object.service)),
        ("environment", Some(&object.environment)),
        ("version", Some(&object.version)),
        ("ticket", object.ticket.as_ref()),
        ("reason", object.reason.as_ref()),
    ];
    let rules = object.rules.iter().map(|rule| ("rules", Some(rule)));
    for (key, text) in texts.into_iter().chain(rules) {
        if let Some(text) = text {
            check(key, text)?;
        }
    }
    let not_before = instant("not_before", &object.not_before)?;
    let expires = instant("expires", &object.expires)?;
    if expires <= not_before {
        return Err("the statement expires before it begins".to_owned());
    }
    Ok(Statement {
        kind: match object.kind {
            Kind::Approval => StatementKind::Approval,
            Kind::Override => StatementKind::Override,
        },
        service: object.service,
        version: object.version,
        environment: object.environment,
        not_before,
        expires,
        rules: object.rules,
        ticket: object.ticket,
        reason: object.reason,
    })
}

/// Texts end up in messages and trailers: one line, not too long.
fn check(key: &str, text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        Err(format!("`{key}` of the statement is empty"))
    } else if length > LONGEST {
        Err(format!(
            "`{key}` of the statement has more than {LONGEST} characters"
        ))
    } else if text.chars().any(char::is_control) {
        Err(format!("`{key}` of the statement has control characters"))
    } else {
        Ok(())
    }
}

fn instant(key: &str, text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| {
            let text: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            format!(
                "`{key}` of the statement is `{text}`; expected RFC 3339 with an offset, such as \
                 2025-11-04T08:00:00Z"
            )
        })
}

fn hexadecimal(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
