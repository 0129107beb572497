//! What becomes of the actions on one line: words, or a comment.

use std::ops::Range;

use super::action::{Action, Output};

/// Stands for the bytes of an action in the middle of a line.
const FILLER: u8 = b'x';

/// Begins what stands for the actions of a whole line.
pub(super) const COMMENT: u8 = b'#';

/// What may stand before and behind the content of a line.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];

/// What may come before a comment that stands for an action at the end of a line: behind any of
/// these no plain scalar is open that the comment would cut off.
const BEFORE_COMMENT: &[char] = &[':', '-', ',', '[', ']', '{', '}', '"', '\'', '|', '>', '+'];

/// One line of a template, without its break.
pub(super) struct Line<'a> {
    /// The whole text.
    pub text: &'a str,
    /// The line's bytes.
    pub range: Range<usize>,
}

impl Line<'_> {
    /// Returns the part of an action on this line, without the indentation of a line inside it.
    fn piece(&self, action: &Action) -> Range<usize> {
        let end = action.range.end.min(self.range.end);
        if action.range.start >= self.range.start {
            return action.range.start..end;
        }
        let inside = self.text.get(self.range.start..end).unwrap_or_default();
        end - inside.trim_start_matches(BLANKS).len()..end
    }

    /// Replaces the actions on the line, byte for byte; returns where a comment begins if the line
    /// is made of it.
    pub(super) fn mask(&self, actions: &[Action], bytes: &mut [u8]) -> Option<usize> {
        for action in actions {
            bytes.get_mut(self.piece(action))?.fill(FILLER);
        }
        self.comment_out(actions, bytes)
    }

    /// Makes a comment of the actions that the line ends with, where that reads better than words;
    /// returns where it begins if the line is made of it.
    fn comment_out(&self, actions: &[Action], bytes: &mut [u8]) -> Option<usize> {
        let run = self.run_at_end(actions)?;
        let before = self.text.get(self.range.start..run.start)?;
        let content = before.trim_end_matches(BLANKS);
        let is_glued = content.len() == before.len();
        let replacement: &[u8] = match content.chars().last() {
            None => &[COMMENT],
            Some(last) if run.prints || !BEFORE_COMMENT.contains(&last) => return None,
            Some(_) if is_glued => &[b' ', COMMENT],
            Some(_) => &[COMMENT],
        };
        let place = bytes.get_mut(run.start..run.start + replacement.len())?;
        place.copy_from_slice(replacement);
        content.is_empty().then_some(run.start)
    }

    /// Returns the actions with which the line ends, before its comment; none where it ends with
    /// something else.
    fn run_at_end(&self, actions: &[Action]) -> Option<Run> {
        let mut run: Option<Run> = None;
        let mut end = self.range.start;
        for action in actions {
            let piece = self.piece(action);
            if piece.is_empty() {
                continue;
            }
            let prints = action.output == Output::Here;
            let between = self.text.get(end..piece.start)?;
            run = match run {
                Some(run) if between.trim_start_matches(BLANKS).is_empty() => Some(Run {
                    start: run.start,
                    prints: run.prints || prints,
                }),
                _ => Some(Run {
                    start: piece.start,
                    prints,
                }),
            };
            end = piece.end;
        }
        let rest = self.text.get(end..self.range.end)?;
        let comment = rest.trim_start_matches(BLANKS);
        let is_comment = comment.starts_with('#') && comment.len() < rest.len();
        run.filter(|_| comment.is_empty() || is_comment)
    }
}

/// Actions with only blanks between them.
struct Run {
    /// Where the first of them begins.
    start: usize,
    /// Does one of them print in place?
    prints: bool,
}

#[cfg(test)]
mod tests {
    use super::super::mask;

    #[test]
    fn actions_become_words_or_comments_of_their_length() {
        let texts = [
            "image: {{ .a }}\n",
            "image: {{ .a }} # {{ b }}\n",
            "a: \"{{ .a }}:1.2\"\nb: {{c}}",
            "{{ .key }}: 1\n",
            "a: [{{ .x }}, {y: {{z}}}]\n",
            "- {{ if .a }}b{{ end }}\n",
            "a: ${{ .b }}\n",
            "a: {{ \"}}ü🚢\" }}\n",
            // Alone on a line, or all but a comment.
            "  {{- toYaml . | nindent 8 }}\r\n",
            "\t{{- if a }} {{ b }}\t\na: 1",
            "{{ .a }}\n---\n",
            "{{ end }} # of a\n",
            "{{ a }}#b\n",
            "{{ a }}---\n",
            // Nothing is printed behind the colon, the dash, the closing quote.
            "a: {{- if x }}\n  b: 1\n",
            "a:{{- if x }}\n  b: 1\n",
            "- {{ if x }}{{ $y := 1 }} # z\n",
            "a: |- {{ nindent 2 x }}\n",
            "a: \"b\"{{ end }}\n",
            "a: {{ if x }}{{ y }}\n",
            "a: b {{ end }}\n",
            // Actions over several lines.
            "{{/*\n  it's\n\n*/}}\na: 1\n",
            "{{/*\r\n---\r\n*/}}\r\n",
            "a: {{ b\n  c }}\n",
            "a: \"{{ b\n  c }}\"\n",
            "a: {{- if b\r  c }}\r  d: 1",
            // Lines of a block scalar stay in it.
            "a: |\n    b\n{{ if c }}\n{{x}}\n    d\n{{ end }}\ne: 1\n",
            "- a: >- # {{ b }}\n  {{x}}\n        c\n    {{ y }}\n        d\n",
            "- |\n{{ if c }}\n  d\n",
            "a: !t |\n{{ if c }}\n  d\n",
            "a: x |\n{{ if c }}\n  d\n",
        ];
        let pairs = texts.map(|text| format!("{text:?}\n{:?}", mask(text).unwrap().text));
        insta::assert_snapshot!(pairs.join("\n"), @r##"
        "image: {{ .a }}\n"
        "image: xxxxxxxx\n"
        "image: {{ .a }} # {{ b }}\n"
        "image: xxxxxxxx # xxxxxxx\n"
        "a: \"{{ .a }}:1.2\"\nb: {{c}}"
        "a: \"xxxxxxxx:1.2\"\nb: xxxxx"
        "{{ .key }}: 1\n"
        "xxxxxxxxxx: 1\n"
        "a: [{{ .x }}, {y: {{z}}}]\n"
        "a: [xxxxxxxx, {y: xxxxx}]\n"
        "- {{ if .a }}b{{ end }}\n"
        "- xxxxxxxxxxxbxxxxxxxxx\n"
        "a: ${{ .b }}\n"
        "a: $xxxxxxxx\n"
        "a: {{ \"}}ü🚢\" }}\n"
        "a: xxxxxxxxxxxxxxxx\n"
        "  {{- toYaml . | nindent 8 }}\r\n"
        "  #xxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"
        "\t{{- if a }} {{ b }}\t\na: 1"
        "\t#xxxxxxxxxx xxxxxxx\t\na: 1"
        "{{ .a }}\n---\n"
        "#xxxxxxx\n---\n"
        "{{ end }} # of a\n"
        "#xxxxxxxx # of a\n"
        "{{ a }}#b\n"
        "xxxxxxx#b\n"
        "{{ a }}---\n"
        "xxxxxxx---\n"
        "a: {{- if x }}\n  b: 1\n"
        "a: #xxxxxxxxxx\n  b: 1\n"
        "a:{{- if x }}\n  b: 1\n"
        "a: #xxxxxxxxx\n  b: 1\n"
        "- {{ if x }}{{ $y := 1 }} # z\n"
        "- #xxxxxxxxxxxxxxxxxxxxxx # z\n"
        "a: |- {{ nindent 2 x }}\n"
        "a: |- #xxxxxxxxxxxxxxxx\n"
        "a: \"b\"{{ end }}\n"
        "a: \"b\" #xxxxxxx\n"
        "a: {{ if x }}{{ y }}\n"
        "a: xxxxxxxxxxxxxxxxx\n"
        "a: b {{ end }}\n"
        "a: b xxxxxxxxx\n"
        "{{/*\n  it's\n\n*/}}\na: 1\n"
        "#xxx\n  #xxx\n\n#xxx\na: 1\n"
        "{{/*\r\n---\r\n*/}}\r\n"
        "#xxx\r\n#xx\r\n#xxx\r\n"
        "a: {{ b\n  c }}\n"
        "a: xxxx\n  #xxx\n"
        "a: \"{{ b\n  c }}\"\n"
        "a: \"xxxx\n  xxxx\"\n"
        "a: {{- if b\r  c }}\r  d: 1"
        "a: #xxxxxxx\r  #xxx\r  d: 1"
        "a: |\n    b\n{{ if c }}\n{{x}}\n    d\n{{ end }}\ne: 1\n"
        "a: |\n    b\n    #xxxxx\n    #\n    d\n#xxxxxxxx\ne: 1\n"
        "- a: >- # {{ b }}\n  {{x}}\n        c\n    {{ y }}\n        d\n"
        "- a: >- # xxxxxxx\n       \n        c\n        #xx\n        d\n"
        "- |\n{{ if c }}\n  d\n"
        "- |\n  #xxxxxxx\n  d\n"
        "a: !t |\n{{ if c }}\n  d\n"
        "a: !t |\n  #xxxxxxx\n  d\n"
        "a: x |\n{{ if c }}\n  d\n"
        "a: x |\n#xxxxxxxxx\n  d\n"
        "##);
    }
}
