//! A policy that stands as JSON text in the `data` of a Kubernetes ConfigMap.

use serde_json::Value;

use super::{Placement, read, starts_as_json, with_version};
use crate::{
    policy::wording::shown,
    yaml::{
        Document, Finding, Limits, Located, NodeKind, Position, documents, to_value, value::escape,
    },
};

/// Keys that tell a policy from any other object.
const TELLING_KEYS: [&str; 4] = [
    "allowed_windows",
    "blocked_windows",
    "blocked_dates",
    "traffic_threshold",
];

/// Reads the one key of `data` that holds a policy.
///
/// # Errors
/// None or several hold one, or it is not readable.
pub(super) fn locate(text: &str, outer: &Located) -> Result<(Located, Placement), Vec<Finding>> {
    let Some(data) = outer.value.get("data").and_then(Value::as_object) else {
        let message = "this ConfigMap has no `data` with a policy in it";
        return Err(vec![Finding::new(outer.position("/data"), message)]);
    };
    let texts: Vec<(&str, &str)> = data
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    let holds = |(_, inner): &&(&str, &str)| holds_policy(inner);
    let mut found: Vec<(&str, &str)> = texts.iter().filter(holds).copied().collect();
    if let ([], [(key, only)]) = (&found[..], &texts[..])
        && starts_as_json(only)
    {
        found.push((key, only));
    }
    let pointer = |key: &str| format!("/data/{}", escape(key));
    match found[..] {
        [(key, inner)] => embedded(text, key, inner, outer.position(&pointer(key))),
        [] => Err(vec![Finding::new(
            outer.position("/data"),
            format!(
                "no key of `data` holds a policy; expected a JSON object with one of {}",
                TELLING_KEYS.map(|key| format!("`{key}`")).join(", ")
            ),
        )]),
        [(first, _), (second, _), ..] => Err(vec![Finding::new(
            outer.key_position(&pointer(second)),
            format!(
                "{} and {} both hold a policy; keep one",
                shown(second),
                shown(first)
            ),
        )]),
    }
}

/// Reads the policy below one key of `data`.
fn embedded(
    text: &str,
    key: &str,
    inner: &str,
    start: Position,
) -> Result<(Located, Placement), Vec<Finding>> {
    if let Some(in_place) = blank_around(text, key) {
        let located = read(&in_place)?;
        return Ok((with_version(located), Placement::Direct));
    }
    let placement = Placement::Quoted(start);
    let located = read(inner).map_err(|findings| placement.findings(findings))?;
    Ok((with_version(located), placement))
}

/// Returns the file with everything before the literal block of `data.<key>` blanked and everything
/// after it cut off, so that positions in the block are positions in the file. None where the text
/// is not a literal block: only there are the lines in the file the lines of the value.
fn blank_around(text: &str, key: &str) -> Option<String> {
    let found = documents(text, &Limits::SETTINGS).ok()?;
    let document: &Document = found.first()?;
    let data = document.get(document.root(), "data")?;
    let node = document.resolve(document.get(data, key)?);
    let NodeKind::Scalar { style } = document.kind(node) else {
        return None;
    };
    if !style.is_block() {
        return None;
    }
    let span = document.span(node);
    // The span is the text alone; the line with `|` or `>` is the last one before it that says
    // anything.
    let above = text[..span.start].trim_end();
    let header = above.lines().next_back()?;
    let header = header.split(" #").next()?.trim_end();
    let indicator =
        header.trim_end_matches(|mark: char| "+-".contains(mark) || mark.is_ascii_digit());
    if !indicator.ends_with('|') {
        return None;
    }
    let content = text[..span.start].rfind('\n')? + 1;
    let lines_above = text[..content].matches('\n').count();
    Some("\n".repeat(lines_above) + &text[content..span.end])
}

/// A text that mentions a telling key and cannot be read counts: that it is broken must be seen.
fn holds_policy(text: &str) -> bool {
    if !TELLING_KEYS.iter().any(|key| text.contains(key)) {
        return false;
    }
    match to_value(text, &Limits::SETTINGS) {
        Ok(located) => TELLING_KEYS
            .iter()
            .any(|key| located.value.get(key).is_some()),
        Err(_) => starts_as_json(text),
    }
}
