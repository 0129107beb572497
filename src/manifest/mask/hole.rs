//! Which bytes only rendering decides: the actions, and the blanks over which they join others.

use std::ops::Range;

use super::action::{Action, Output, is_blank};

/// Returns the bytes of each action, in order and disjoint.
///
/// Where trim markers let what follows join what stands in front of blanks and line breaks, the
/// blanks belong to the hole, so that it lies beside what it continues: `a: b`, and below it
/// `{{- if .c }}{{ .d }}{{ end }}`, is `a: bd` when it is rendered.
pub(super) fn holes(text: &str, actions: &[Action]) -> Vec<Range<usize>> {
    let mut found: Vec<_> = actions.iter().map(|action| action.range.clone()).collect();
    let gaps = Gaps { text, actions };
    // Does text run up to the end of this action, printed by it or standing before it?
    let mut runs = false;
    for (index, (action, hole)) in actions.iter().zip(&mut found).enumerate() {
        runs = action.output != Output::Nothing
            || match gaps.before(index) {
                Gap::Kept => false,
                Gap::Closed => runs,
                Gap::Text { touches_next, .. } => touches_next,
            };
        if runs && action.trims_after {
            let gap = gaps.text_before(index + 1);
            hole.end += gap.len() - gap.trim_start_matches(is_blank).len();
        }
    }
    let ends: Vec<_> = found.iter().map(|hole| hole.end).collect();
    // Does text begin at the start of this action, printed by it or standing behind it?
    runs = false;
    for (index, (action, hole)) in actions.iter().zip(&mut found).enumerate().rev() {
        runs = match (action.output, gaps.before(index + 1)) {
            (Output::Here, _) => true,
            (Output::OnNewLine, _) | (Output::Nothing, Gap::Kept) => false,
            (Output::Nothing, Gap::Closed) => runs,
            (Output::Nothing, Gap::Text { touches_last, .. }) => touches_last,
        };
        if runs && action.trims_before {
            let gap = gaps.text_before(index);
            let start = hole.start - (gap.len() - gap.trim_end_matches(is_blank).len());
            let previous_end = index.checked_sub(1).and_then(|previous| ends.get(previous));
            hole.start = start.max(previous_end.copied().unwrap_or_default());
        }
    }
    found
}

/// What stands between two actions once blanks are trimmed.
enum Gap {
    /// Nothing: one follows the other.
    Closed,
    /// Blanks that nobody trims, or an end of the text.
    Kept,
    /// Text; is it right behind the one in front of it, right in front of the next?
    Text {
        touches_last: bool,
        touches_next: bool,
    },
}

struct Gaps<'a> {
    text: &'a str,
    actions: &'a [Action],
}

impl<'a> Gaps<'a> {
    /// Returns an action and the one in front of it, each if there is one.
    fn around(&self, index: usize) -> (Option<&'a Action>, Option<&'a Action>) {
        let last = index
            .checked_sub(1)
            .and_then(|index| self.actions.get(index));
        (last, self.actions.get(index))
    }

    /// Returns what stands between an action and the one in front of it.
    fn text_before(&self, index: usize) -> &'a str {
        let (last, next) = self.around(index);
        let start = last.map_or(0, |action| action.range.end);
        let end = next.map_or(self.text.len(), |action| action.range.start);
        self.text.get(start..end).unwrap_or_default()
    }

    fn before(&self, index: usize) -> Gap {
        let (last, next) = self.around(index);
        let gap = self.text_before(index);
        let trims_start = last.is_some_and(|action| action.trims_after);
        let trims_end = next.is_some_and(|action| action.trims_before);
        if !gap.trim_start_matches(is_blank).is_empty() {
            Gap::Text {
                touches_last: trims_start || !gap.starts_with(is_blank),
                touches_next: trims_end || !gap.ends_with(is_blank),
            }
        } else if last.is_some() && next.is_some() && (gap.is_empty() || trims_start || trims_end) {
            Gap::Closed
        } else {
            Gap::Kept
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::action::actions, *};

    #[test]
    fn holes_reach_to_what_the_output_joins() {
        let rows: &[(&str, &[&str])] = &[
            ("a {{ b }} c", &["{{ b }}"]),
            ("a\n {{- b }} c", &["\n {{- b }}"]),
            ("a\n {{- b -}} \r\n\tc", &["\n {{- b -}} \r\n\t"]),
            ("a\n{{- nindent 2 b -}}\nc", &["{{- nindent 2 b -}}\n"]),
            ("a\n{{- if b }}\nc", &["{{- if b }}"]),
            ("a\n{{ if b -}}\nc", &["{{ if b -}}"]),
            ("a\n{{- if b -}}\nc", &["\n{{- if b -}}\n"]),
            ("a\n{{- if b }}c", &["\n{{- if b }}"]),
            ("a{{ end -}}\nc", &["{{ end -}}\n"]),
            ("\n{{- if b -}}\n", &["{{- if b -}}"]),
            ("{{- /* b */ -}}\nc", &["{{- /* b */ -}}"]),
            ("{{- a -}} {{- b -}}", &["{{- a -}} ", "{{- b -}}"]),
            (
                "a\n{{- if b }}{{ c }}{{ end -}}\nd",
                &["\n{{- if b }}", "{{ c }}", "{{ end -}}\n"],
            ),
            (
                "a\n{{- if b }}\n{{- c }}\n{{ end -}}\nd",
                &["\n{{- if b }}", "\n{{- c }}", "{{ end -}}"],
            ),
            (
                "a\n{{- if b }}\n{{ c }}\n{{- end -}}\nd",
                &["{{- if b }}", "{{ c }}", "\n{{- end -}}\n"],
            ),
        ];
        for (text, expected) in rows {
            let found = holes(text, &actions(text).unwrap());
            let texts: Vec<_> = found.into_iter().map(|hole| &text[hole]).collect();
            assert_eq!(texts, *expected, "{text}");
        }
    }
}
