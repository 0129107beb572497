//! Which documents are Helm templates: `{{` where YAML itself would read it.

use super::Refusal;
use crate::yaml::{Document, NodeKind, ScalarStyle};

/// Marks the start of a template action.
pub(super) const ACTION: &str = "{{";

/// Marks the start of a variable that another tool fills in, as `envsubst` does.
pub(super) const VARIABLE: &str = "${";

/// Has a document that parses as YAML a template action outside of comments, quotes and block
/// scalars?
///
/// `image: {{ .Values.image }}` is legal YAML (a mapping in a mapping), so that a document parses
/// proves nothing. In quotes and blocks `{{` is content: alert texts, configuration of other tools.
pub(super) fn in_document(document: &Document) -> bool {
    (0..document.len()).any(|id| {
        let written = document.written(id);
        match document.kind(id) {
            NodeKind::Mapping { flow: true } => written.starts_with(ACTION),
            NodeKind::Scalar {
                style: ScalarStyle::Plain,
            } => written.contains(ACTION),
            _ => false,
        }
    })
}

/// Is there anything that looks like a template action?
pub(super) fn may_be_in(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), ACTION.as_bytes()).is_some()
}

/// Has a text that does not parse as YAML a template action outside of comment lines?
pub(super) fn in_text(text: &str) -> bool {
    text.lines()
        .any(|line| line.contains(ACTION) && !line.trim_start().starts_with('#'))
}

/// Does a template look like one of an object of this kind?
pub(super) fn may_be(text: &str, kind: &str) -> bool {
    text.lines().any(|line| {
        line.trim_start()
            .trim_start_matches("- ")
            .strip_prefix("kind:")
            .is_some_and(|rest| {
                let written = rest.split(" #").next().unwrap_or(rest);
                let written = written.trim().trim_matches(['"', '\'']);
                written == kind || written.contains(ACTION)
            })
    })
}

/// Refuses a new value that other tools would take for something to fill in.
///
/// # Errors
/// It holds the start of a template action or of a variable.
pub(super) fn check_new(value: &str) -> Result<(), Refusal> {
    let found = [(ACTION, "Helm fills"), (VARIABLE, "other tools fill")]
        .into_iter()
        .find(|(start, _)| value.contains(start));
    match found {
        None => Ok(()),
        Some((start, whose)) => Err(Refusal::new(format!(
            "the new value holds `{start}`, which {whose} in, expected the value itself"
        ))
        .hint("give the value that is to be there in the end; write such a text by hand")),
    }
}

/// Has a template a line that gives a key, and with this value where one is given?
pub(super) fn has_entry(text: &str, key: &str, value: Option<&str>) -> bool {
    let without_quotes = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        let found = line
            .split_once(':')
            .filter(|(name, _)| without_quotes(name) == key);
        found.is_some_and(|(_, rest)| {
            let written = rest.split(" #").next().unwrap_or(rest);
            value.is_none_or(|value| without_quotes(written) == value)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, documents};

    #[test]
    fn templates_are_told_from_texts_that_hold_braces() {
        let rows = [
            ("image: {{ .Values.image }}\n", true),
            ("name: app-{{ .Release.Name }}\n", true),
            ("a: [{{ .x }}]\n", true),
            ("{{ .key }}: 1\n", true),
            ("# {{ .Values.image }}\na: 1\n", false),
            ("a: 1 # {{ x }}\n", false),
            ("a: \"{{ .Values.image }}:1\"\n", false),
            ("a: '{{ $labels.job }}'\n", false),
            ("a: |\n  {{ range .Alerts }}\n", false),
            ("a: {b: {c: 1}}\n", false),
            ("{\"a\":{\"b\":[{}]}}\n", false),
        ];
        for (text, expected) in rows {
            let found = documents(text, &Limits::MANIFEST).unwrap();
            assert_eq!(in_document(&found[0]), expected, "{text}");
        }
    }

    #[test]
    fn unreadable_texts_are_templates_only_with_an_action() {
        assert!(in_text("{{- if .Values.on }}\na: 1\n{{- end }}\n"));
        assert!(!in_text("a: [1\n# {{ x }}\n"));
        assert!(may_be("kind: \"Deployment\" # x\n", "Deployment"));
        assert!(may_be("kind: {{ .Values.kind }}\n", "Deployment"));
        assert!(!may_be("kind: DeploymentList\n", "Deployment"));
        assert!(has_entry("  - name: \"app\" # x\n", "name", Some("app")));
        assert!(has_entry("'a/b': {{ .x }}\n", "a/b", None));
        assert!(!has_entry("name: {{ .x }}\n", "name", Some("app")));
        assert!(!has_entry("# name: app\n", "name", Some("app")));
    }
}
