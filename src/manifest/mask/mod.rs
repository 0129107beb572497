//! Makes Helm templates readable as YAML: harmless bytes for every action, and no offset moves.

mod action;
mod block;
mod hole;
mod line;

use std::ops::Range;

use self::{
    action::actions,
    block::Block,
    hole::holes,
    line::{BLANKS, Line},
};
use super::split;

/// A document's text with its template actions replaced by as many harmless bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Masked {
    /// As long as the original, with the same bytes outside of the actions.
    pub text: String,
    /// What only rendering decides, sorted, in bytes of the text: each action, and the blanks that
    /// its trim markers take away where that joins what stands on both sides of them.
    pub holes: Vec<Range<usize>>,
}

impl Masked {
    /// May rendering change what stands at these bytes, or join something to it? Then they must
    /// not be edited.
    ///
    /// A hole beside the span counts too, or behind it with only blanks between. An empty value
    /// is touched by a hole on the lines below it: the action may print the value.
    pub(super) fn touches(&self, span: &Range<usize>) -> bool {
        let index = self.holes.partition_point(|hole| hole.end < span.start);
        let Some(hole) = self.holes.get(index) else {
            return false;
        };
        let Some(between) = self.text.get(span.end..hole.start) else {
            return true;
        };
        if span.is_empty() {
            is_vacant(between)
        } else {
            between.trim_start_matches(BLANKS).is_empty()
        }
    }
}

/// Is nothing but the rest of a line with `key:` or `|` in a text, and blanks and comments below?
fn is_vacant(text: &str) -> bool {
    let is_note = |line: &str| line.is_empty() || line.starts_with('#');
    let mut lines = text.split(['\n', '\r']);
    let first = lines.next().unwrap_or_default();
    is_note(first.trim_start_matches([' ', '\t', ':', '|', '>', '-', '+']))
        && lines.all(|line| is_note(line.trim_start_matches(BLANKS)))
}

/// Masks the actions of a template, those in its quotes, block scalars and comments too; none where
/// no action stands outside of comment lines, or where one has no end.
///
/// In the middle of a line an action becomes letters, because a word is what it most often stands
/// for. A line of nothing but actions becomes a comment, and so does an action that prints nothing
/// in place behind `key:` or `-`. Line breaks and the indentation of lines inside an action stay.
/// The text of a `{{ define }}` is one action with it: here it stands for nothing.
pub(super) fn mask(text: &str) -> Option<Masked> {
    let actions = actions(text)?;
    let mut bytes = text.as_bytes().to_vec();
    let mut outside_comments = false;
    let mut rest = actions.as_slice();
    let mut block = Block::default();
    for line in split::lines(text) {
        let content = text.get(line.clone())?;
        let done = rest
            .iter()
            .take_while(|action| action.range.end <= line.start);
        rest = rest.get(done.count()..)?;
        let count = rest
            .iter()
            .take_while(|action| action.range.start < line.end);
        let here = rest.get(..count.count())?;
        outside_comments |= !here.is_empty() && !content.trim_start().starts_with('#');
        let line = Line { text, range: line };
        let comment = line.mask(here, &mut bytes);
        block.take(&line.range, comment, &mut bytes);
    }
    outside_comments.then_some(())?;
    Some(Masked {
        text: String::from_utf8(bytes).ok()?,
        holes: holes(text, &actions),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::{Limits, NodeKind, documents};

    #[test]
    fn a_text_without_actions_or_with_half_of_one_is_not_masked() {
        for text in [
            "",
            "a: 1\n",
            "a: {b: {}}\n",
            "  # {{ a }}\nb: 1\n",
            "a: {{ b\n",
            "a: {{ b }}\n# {{\n",
            "a: {{ \"b }}\n",
        ] {
            assert_eq!(mask(text), None, "{text}");
        }
    }

    /// Returns the scalars of a template's documents that may be edited, as they are written.
    fn editable(text: &str) -> Vec<&str> {
        let masked = mask(text).unwrap();
        let mut found = Vec::new();
        for document in documents(&masked.text, &Limits::MANIFEST).unwrap() {
            for id in 0..document.len() {
                let is_scalar = matches!(document.kind(id), NodeKind::Scalar { .. });
                if is_scalar && !masked.touches(&document.span(id)) {
                    found.push(&text[document.span(id)]);
                }
            }
        }
        found
    }

    #[test]
    fn what_rendering_may_change_is_touched() {
        let rows: &[(&str, &[&str])] = &[
            ("image: {{ .a }}\nb: 1\n", &["image", "b", "1"]),
            ("image: \"{{ .a }}:1.2\"\nb: {{c}}\n", &["image", "b"]),
            ("a: b-{{ c }}-d\n{{ e }}f: 1\n", &["a", "1"]),
            (
                "{{ if a }}\nb: 2\n{{ else }}\nb: 3\n{{ end }}\n",
                &["b", "2", "b", "3"],
            ),
            ("a: b {{ end }}\n", &["a"]),
            ("a: \"b\"{{ end }}\n", &["a"]),
            ("a: 'b'  {{ end }}\n", &["a"]),
            ("a: b # {{ c }}\n", &["a", "b"]),
            ("a: [b, {{ c }}]\n", &["a", "b"]),
            // Nothing is written there, yet something may be printed.
            ("a:\n  {{ b }}\n", &["a"]),
            ("a: # note\n\n# note\n  {{ b }}\n", &["a"]),
            ("a:\nb:\n  {{ c }}\n", &["a", "", "b"]),
            ("a: {{- nindent 2 b }}\n", &["a"]),
            ("- a:\r\n  {{ b }}\r\n-\r\n  {{ c }}\r\n", &["a"]),
            ("a: |\n{{ indent 2 b }}\nc: {{ d }}\n", &["a", "c"]),
            ("a: |\n  b\n  {{ c }}\n  d\ne: 1\n", &["a", "e", "1"]),
            ("{a: , b: {{ c }}}\n", &["a", "", "b"]),
            // Trim markers join what is printed to what stands beyond the line.
            ("a: b\n{{- .c }}\n", &["a"]),
            ("a: b\n{{- \"c\" -}}\n  \nd: 1\n", &["a", "1"]),
            ("a: b\n{{- nindent 0 c }}\nd: 1\n", &["a", "b", "d", "1"]),
            ("a: b\n{{- if c }}\nd: 1\n", &["a", "b", "d", "1"]),
            ("a: b\n{{- if c -}}\nd: 1\n", &["a", "1"]),
            ("{{ define \"a\" }}\nb: 1\n{{ end }}\nc: 2\n", &["c", "2"]),
        ];
        for (text, expected) in rows {
            assert_eq!(editable(text), *expected, "{text}");
        }
    }

    #[test]
    fn a_chart_is_read_as_its_author_meant_it() {
        let text = "\
{{- if .Values.enabled }}
{{- /* The web server's
---
it's {{ not }} an action */ -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include \"web.name\" . }}-web
  labels: {{- include \"web.labels\" . | nindent 4 }}
    tier: front
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: 2
  {{- end }}
  template:
    spec:
      containers:
        - name: web
          image: \"{{ .Values.image }}:{{ .Values.tag | default \"1.2\" }}\"
          args: [{{ range .Values.args }}{{ . | quote }}, {{ end }}\"--port=80\"]
          env:
            {{- with .Values.env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            - name: DD_VERSION
              value: \"1.2\"
        {{- range .Values.sidecars }}
        - name: {{ .name }}
          image: envoy:1.31
        {{- end }}
{{- end }}
";
        insta::assert_snapshot!(editable(text).join(" "), @r#"apiVersion apps/v1 kind Deployment metadata name labels tier front spec replicas 2 template spec containers name web image args env name DD_VERSION value "1.2" name image envoy:1.31"#);
    }

    #[test]
    fn hostile_texts_cost_one_pass() {
        let size = 1 << 18;
        for unit in [
            "{{",
            "{{}}",
            "{{}}\n",
            "{{`",
            "{{/*",
            "{{/**/}}",
            "{{\"",
            "{{ \n",
            "{{-  ",
            "-\n{{}}\n",
            "a: |\n{{}}\n",
            "{{- a -}} ",
            "{{- a -}}\n\n",
            "#{{}}\n",
            "{{define}}\n",
            "{{define}}{{end}}",
        ] {
            let text = unit.repeat(size / unit.len());
            if let Some(masked) = mask(&text) {
                assert_eq!(masked.text.len(), text.len());
                assert!(masked.touches(&(size / 2..size)));
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_moves_and_nothing_changes_outside_of_the_holes(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "{{", "}}", "{", "}", "{{ .a }}", "{{- if b }}", "{{ end -}}", "{{/* ' */}}",
                "\"", "'", "`", "/*", "*/", "\\", "-", " ", "\t", "\n", "\r\n", "\r", ":", "#",
                "|", ">-", "a", "ü", "世", "🚢", "\u{feff}", "\u{2028}", "nindent", "---\n", "a: |\n",
            ]), 0..40),
        ) {
            let text = pieces.concat();
            if let Some(masked) = mask(&text) {
                prop_assert_eq!(masked.text.len(), text.len());
                let mut end = 0;
                for hole in &masked.holes {
                    prop_assert!(end <= hole.start && hole.start < hole.end);
                    prop_assert_eq!(text.get(end..hole.start), masked.text.get(end..hole.start));
                    prop_assert!(text.get(hole.clone()).is_some_and(|hole| hole.contains("{{")));
                    prop_assert!(masked.touches(hole));
                    end = hole.end;
                }
                prop_assert_eq!(text.get(end..), masked.text.get(end..));
                prop_assert!(text.get(end..).is_some());
                prop_assert!(!masked.text.contains("{{"));
                let breaks = |text: &str| split::lines(text).collect::<Vec<_>>();
                prop_assert_eq!(breaks(&text), breaks(&masked.text));
            }
        }
    }
}
