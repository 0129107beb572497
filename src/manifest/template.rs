//! Which documents are Helm templates: `{{` where YAML itself would read it.

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
    }
}
