//! Keeps what Secrets hold out of diffs: lines of context that lie in one are shown without their values.

use std::{borrow::Cow, ops::Range};

/// What stands for a value.
const HIDDEN: &str = "\u{2026}";
/// Kinds whose documents hold secrets, sealed ones not: those are meant to be seen.
const KIND: &str = "Secret";
/// How a document begins.
const START: &[u8] = b"---";
/// The same on a line of its own.
const BREAK: &[u8] = b"\n---";

/// The documents of a text, asked for from front to back.
pub(super) struct SecretLines<'a> {
    text: &'a str,
    /// The document that was looked at last, and whether it has a Secret.
    last: Option<(Range<usize>, bool)>,
}

impl<'a> SecretLines<'a> {
    /// Starts in front of the first.
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, last: None }
    }

    /// Returns a line of the text as it may be shown; `start` is where it begins.
    pub(super) fn shown(&mut self, start: usize, line: &'a str) -> Cow<'a, str> {
        if self.is_secret(start) {
            Cow::Owned(hidden(line))
        } else {
            Cow::Borrowed(line)
        }
    }

    fn is_secret(&mut self, at: usize) -> bool {
        if let Some((document, is_secret)) = &self.last
            && document.contains(&at)
        {
            return *is_secret;
        }
        let bytes = self.text.as_bytes();
        // The line itself may begin the document.
        let front = &bytes[..(at + START.len()).min(bytes.len())];
        let begin = memchr::memmem::rfind(front, BREAK).map_or(0, |found| found + 1);
        let end = memchr::memmem::find(&bytes[at..], BREAK);
        let end = end.map_or(bytes.len(), |found| at + found + 1);
        let is_secret = has_secret(&self.text[begin..end]);
        self.last = Some((begin..end, is_secret));
        is_secret
    }
}

/// Has a document an object of that kind, itself or as an item of a list? Asked by its words alone: it
/// may be one that cannot be read. What only names a Secret, as a HelmRelease does, has no `data` beside.
fn has_secret(document: &str) -> bool {
    let is_quote = |sign: char| matches!(sign, '"' | '\'');
    let is_kind = |at: usize| {
        let after = document[at + KIND.len()..].trim_start_matches(is_quote);
        let before = document[..at]
            .trim_end_matches(is_quote)
            .trim_end_matches(' ');
        let key = before.strip_suffix(':').map(str::trim_end);
        let key = key.map(|key| key.trim_end_matches(is_quote));
        let rest = key.and_then(|key| key.strip_suffix("kind"));
        rest.filter(|_| !after.starts_with(char::is_alphanumeric))
    };
    document.match_indices(KIND).any(|(at, _)| {
        is_kind(at)
            .is_some_and(|before| before.is_empty() || before.ends_with('\n') || has_data(document))
    })
}

fn has_data(document: &str) -> bool {
    document.contains("stringData")
        || document.match_indices("data").any(|(at, _)| {
            !document[..at].ends_with(char::is_alphanumeric)
                && !document[at + "data".len()..].starts_with(char::is_alphanumeric)
        })
}

/// Returns a line with what is behind its key hidden; with all of it hidden where it has no key.
fn hidden(line: &str) -> String {
    let text = line.trim_end_matches(['\r', '\n']);
    let end = &line[text.len()..];
    let indent = &text[..text.len() - text.trim_start().len()];
    let content = text.trim();
    if content.is_empty() || content.starts_with("---") {
        return line.to_owned();
    }
    let key = content
        .split_once(':')
        .map(|(key, value)| (key, value.trim()));
    match key {
        Some((key, "")) => format!("{indent}{key}:{end}"),
        Some((key, _)) if !key.contains(['{', '[']) => format!("{indent}{key}: {HIDDEN}{end}"),
        _ => format!("{indent}{HIDDEN}{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_hidden_and_others_are_not() {
        let text = "\
kind: Deployment
metadata: {name: a}
---
apiVersion: v1
kind: 'Secret'
metadata: {name: a}
stringData:
  password: hunter2
  key: |
    -----BEGIN KEY-----
    abc
---
kind: SecretStore
path: b
---
kind: HelmRelease
metadata: {name: b}
spec: {valuesFrom: [{kind: Secret, name: shown}]}
--- # a comment
{\"kind\" : \"List\", \"items\": [
 {\"kind\": \"Secret\", \"data\": {\"x\": \"y\"}}
]}
";
        let mut lines = SecretLines::of(text);
        let mut start = 0;
        let mut shown = String::new();
        for line in text.split_inclusive('\n') {
            shown.push_str(&lines.shown(start, line));
            start += line.len();
        }
        insta::assert_snapshot!(shown, @r"
        kind: Deployment
        metadata: {name: a}
        ---
        apiVersion: …
        kind: …
        metadata: …
        stringData:
          password: …
          key: …
            -----BEGIN KEY-----
            …
        ---
        kind: SecretStore
        path: b
        ---
        kind: HelmRelease
        metadata: {name: b}
        spec: {valuesFrom: [{kind: Secret, name: shown}]}
        --- # a comment
        …
         …
        …
        ");
    }
}
