//! Where the actions of a Helm template begin and end, read as Go's `text/template` reads them.

use std::ops::Range;

use super::super::template::ACTION;

const END: &str = "}}";

/// What stands in the rendered text where an action was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Nothing: a condition, a loop, an assignment, a comment.
    Nothing,
    /// A text that begins with a line break: `nindent`.
    OnNewLine,
    /// A text, right here.
    Here,
}

/// One `{{ … }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    /// Its bytes, with the braces.
    pub range: Range<usize>,
    /// What it leaves behind.
    pub output: Output,
    /// `{{- `: the blanks and line breaks in front of it go.
    pub trims_before: bool,
    /// ` -}}`: the blanks and line breaks after it go.
    pub trims_after: bool,
}

/// Returns the actions of a text in order; none where one of them has no end.
///
/// Go's lexer looks for the first `{{` and knows nothing of YAML: an action in a YAML comment or
/// in YAML quotes is one too. From `{{ define }}` to its `{{ end }}` all is one action that prints
/// nothing: that text appears somewhere else, if at all, and often not as it is written.
pub(super) fn actions(text: &str) -> Option<Vec<Action>> {
    let mut found = Vec::new();
    let mut definition: Option<(Action, usize)> = None;
    let mut from = 0;
    while let Some(distance) = text.get(from..)?.find(ACTION) {
        let start = from + distance;
        let end = end_of(text, start)?;
        from = end;
        let (keyword, action) = read(text, start..end)?;
        definition = match (definition, keyword) {
            (None, "define") => Some((action, 1)),
            (None, _) => {
                found.push(action);
                None
            }
            (Some((whole, 1)), "end") => {
                found.push(Action {
                    range: whole.range.start..end,
                    trims_after: action.trims_after,
                    ..whole
                });
                None
            }
            (Some((whole, depth)), "end") => Some((whole, depth - 1)),
            (Some((whole, depth)), "if" | "range" | "with" | "block" | "define") => {
                Some((whole, depth + 1))
            }
            (unchanged, _) => unchanged,
        };
    }
    definition.is_none().then_some(found)
}

/// Returns where the action that begins at `start` ends; none where it does not. Every byte is
/// looked at once, and there is no second try: an action without an end is the last one.
fn end_of(text: &str, start: usize) -> Option<usize> {
    let inside = text.get(start + ACTION.len()..)?;
    let content = inside.strip_prefix('-').unwrap_or(inside).trim_start();
    let mut at = text.len() - content.len();
    if let Some(comment) = content.strip_prefix("/*") {
        at = text.len() - comment.len() + comment.find("*/")? + 2;
    }
    let bytes = text.as_bytes();
    loop {
        at = match bytes.get(at)? {
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at + END.len()),
            b'`' => at + 2 + text.get(at + 1..)?.find('`')?,
            quote @ (b'"' | b'\'') => end_of_quoted(bytes, at + 1, *quote)?,
            _ => at + 1,
        };
    }
}

/// Returns the position after the closing quote; a line break is not allowed before it.
fn end_of_quoted(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'\n' => return None,
            b'\\' if bytes.get(at + 1) != Some(&b'\n') => at += 2,
            byte if *byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Returns an action and the word that it begins with, empty where it does not begin with one.
fn read(text: &str, range: Range<usize>) -> Option<(&str, Action)> {
    let written = text.get(range.start + ACTION.len()..range.end - END.len())?;
    let trims_before = written
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(is_blank));
    let trims_after = written
        .strip_suffix('-')
        .is_some_and(|rest| rest.ends_with(is_blank));
    let written = written.trim_start_matches('-').trim_start();
    let keyword = written.split(|one| !is_of_name(one)).next()?;
    let output = match keyword {
        "if" | "else" | "end" | "range" | "with" | "define" | "break" | "continue" => {
            Output::Nothing
        }
        _ if written.starts_with("/*") || is_assignment(written) => Output::Nothing,
        _ if written.contains("nindent") => Output::OnNewLine,
        _ => Output::Here,
    };
    let action = Action {
        range,
        output,
        trims_before,
        trims_after,
    };
    Some((keyword, action))
}

/// Is it `$name := …` or `$name = …`?
fn is_assignment(written: &str) -> bool {
    written.strip_prefix('$').is_some_and(|rest| {
        let rest = rest.trim_start_matches(is_of_name).trim_start();
        rest.starts_with(":=") || rest.starts_with('=')
    })
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Is it one of the characters that a trim marker takes away?
pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_end_where_go_ends_them() {
        let rows: &[(&str, Option<&[&str]>)] = &[
            ("a: 1", Some(&[])),
            ("{{ .a }}{{.b}}", Some(&["{{ .a }}", "{{.b}}"])),
            ("{{}}", Some(&["{{}}"])),
            (r#"{{ "}}" }}:1"#, Some(&[r#"{{ "}}" }}"#])),
            (r#"{{ "\"}}" }}:1"#, Some(&[r#"{{ "\"}}" }}"#])),
            (r"{{ '}' }} }}", Some(&[r"{{ '}' }}"])),
            (r"{{ '\'' }} }}", Some(&[r"{{ '\'' }}"])),
            ("{{ `}}\n\\` }} }}", Some(&["{{ `}}\n\\` }}"])),
            ("{{/* it's }} */}} }}", Some(&["{{/* it's }} */}}"])),
            ("{{- /* \" \n */ -}} }}", Some(&["{{- /* \" \n */ -}}"])),
            ("{a: {b: {{ .c }}}}", Some(&["{{ .c }}"])),
            ("${{ .a }}$", Some(&["{{ .a }}"])),
            ("{{\n  .a\n}}", Some(&["{{\n  .a\n}}"])),
            ("{{ \"ü}}🚢\" }}", Some(&["{{ \"ü}}🚢\" }}"])),
            (
                "{{ define \"a\" }}{{ if b }}{{ end }}{{ end }}{{ c }}",
                Some(&["{{ define \"a\" }}{{ if b }}{{ end }}{{ end }}", "{{ c }}"]),
            ),
            ("{{ define \"a\" }}{{ if b }}{{ end }}", None),
            ("{{ .a }", None),
            ("{{ .a }}{{", None),
            ("{{ \"}}", None),
            ("{{ \"a\n\" }}", None),
            ("{{ \"a\\\n\" }}", None),
            ("{{ 'a\\", None),
            ("{{ ` }}", None),
            ("{{/* }}", None),
        ];
        for (text, expected) in rows {
            let found = actions(text).map(|found| {
                let texts = found.into_iter().map(|action| &text[action.range]);
                texts.collect::<Vec<_>>()
            });
            assert_eq!(found.as_deref(), *expected, "{text}");
        }
    }

    #[test]
    fn what_an_action_leaves_behind_is_told_from_its_first_word() {
        let rows = [
            ("{{ if .a }}", Output::Nothing),
            ("{{- else if .a }}", Output::Nothing),
            ("{{-end-}}", Output::Nothing),
            ("{{ range $i, $a := .b }}", Output::Nothing),
            ("{{ $a := .b | nindent 2 }}", Output::Nothing),
            ("{{ $a_1 = .b }}", Output::Nothing),
            ("{{- /* nindent */ -}}", Output::Nothing),
            ("{{- toYaml . | nindent 8 }}", Output::OnNewLine),
            ("{{ nindent 8 .a }}", Output::OnNewLine),
            ("{{ toYaml . | indent 8 }}", Output::Here),
            ("{{ .Values.if }}", Output::Here),
            ("{{ ifTrue .a }}", Output::Here),
            ("{{ $ }}", Output::Here),
            ("{{ $a }}", Output::Here),
            ("{{ $.Values.a }}", Output::Here),
            ("{{ template \"a\" . }}", Output::Here),
            ("{{ \"if\" }}", Output::Here),
        ];
        for (text, expected) in rows {
            assert_eq!(actions(text).unwrap()[0].output, expected, "{text}");
        }
    }

    #[test]
    fn only_a_dash_beside_a_blank_trims() {
        let rows = [
            ("{{- .a -}}", (true, true)),
            ("{{-\n.a\t-}}", (true, true)),
            ("{{-1}}", (false, false)),
            ("{{ .a-}}", (false, false)),
            ("{{ .a }}", (false, false)),
        ];
        for (text, expected) in rows {
            let action = &actions(text).unwrap()[0];
            let found = (action.trims_before, action.trims_after);
            assert_eq!(found, expected, "{text}");
        }
    }
}
