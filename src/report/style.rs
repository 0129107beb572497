//! One line of text with colours, safe to print whatever it is made of.

use anstyle::{AnsiColor, Style};

use super::{phrases::Tone, sanitise};

/// As everything else.
pub const PLAIN: Style = Style::new();
/// Bold.
pub const BOLD: Style = Style::new().bold();
/// For what is rarely read.
pub const DIM: Style = Style::new().dimmed();
/// As wanted.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Needs an eye.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Not as wanted.
pub const RED: Style = AnsiColor::Red.on_default();
/// Places in files.
pub const CYAN: Style = AnsiColor::Cyan.on_default();

/// Returns the colour of a tone.
pub fn of(tone: Tone) -> Style {
    match tone {
        Tone::Good => GREEN,
        Tone::Caution => YELLOW,
        Tone::Bad => RED,
    }
}

/// A line in the making.
#[derive(Debug, Default, Clone)]
pub struct Line {
    parts: Vec<(Style, String)>,
}

impl Line {
    /// Begins a line with plain text.
    pub fn plain(text: &str) -> Self {
        Self::default().and(Style::new(), text)
    }

    /// Begins a line with styled text.
    pub fn styled(style: Style, text: &str) -> Self {
        Self::default().and(style, text)
    }

    /// Adds text; controls in it are removed.
    #[must_use]
    pub fn and(mut self, style: Style, text: &str) -> Self {
        self.parts.push((style, sanitise::fragment(text)));
        self
    }

    /// Adds a line of a file, with its tabs; other controls in it are removed.
    #[must_use]
    pub fn and_file(mut self, style: Style, text: &str) -> Self {
        self.parts.push((style, sanitise::line_of_file(text)));
        self
    }

    /// Returns the line without a line end. Colours are left out of a line that would be a CI
    /// command, since breaking it up moves its characters, and where a part ends with `#`, which
    /// the `[` of a colour could make one.
    pub fn render(&self, colour: bool) -> String {
        let plain: String = self.parts.iter().map(|(_, text)| text.as_str()).collect();
        let safe = sanitise::neutralise(&plain);
        let ends_with_hash = self.parts.iter().any(|(_, text)| text.ends_with('#'));
        if !colour || safe != plain || ends_with_hash {
            return safe.trim_end().to_owned();
        }
        self.parts
            .iter()
            .map(|(style, text)| {
                if *style == Style::new() {
                    text.clone()
                } else {
                    format!("{style}{text}{style:#}")
                }
            })
            .collect()
    }
}

/// How a command begins.
const COMMAND: &str = "shipgate ";

/// Breaks a text into lines of at most `width` characters at blanks; a longer word stays whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    fill(text.split_whitespace(), width)
}

/// As [`wrap`], but a command of shipgate stays in one line as it is: it is there to be pasted.
pub fn wrap_beside_commands(text: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('`') {
            Some(quoted) if quoted.starts_with(COMMAND) => quoted.find('`').map(|end| end + 2),
            _ if rest.starts_with(COMMAND) => rest.find(" ("),
            _ => Some(0),
        };
        let end = end.unwrap_or(rest.len());
        let word = rest[end..].find(char::is_whitespace);
        let (piece, after) = rest.split_at(word.map_or(rest.len(), |word| end + word));
        pieces.push(piece);
        rest = after.trim_start();
    }
    fill(pieces.into_iter(), width)
}

fn fill<'a>(words: impl Iterator<Item = &'a str>, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in words {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(last) = lines.last_mut() {
            if length > 0 {
                last.push(' ');
                length += 1;
            }
            last.push_str(word);
            length += word_length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stays_in_one_line_and_what_stands_beside_it_does_not() {
        let texts = [
            "to take it away from there: shipgate rollback --repository '/srv/a  b.git' --service a --to 1.0",
            "to go on: somebody else signs `shipgate approve --service a --push` now; then: shipgate deploy --service a",
            "to go on: shipgate deploy --service a --accept (the policy names nobody who approves)",
            "run `shipgate recover --service a --environment b`: it finishes the way back",
            "look at shipgate's page",
        ];
        let lines = texts.map(|text| wrap_beside_commands(text, 30).join("\n"));
        insta::assert_snapshot!(lines.join("\n\n"), @r"
        to take it away from there:
        shipgate rollback --repository '/srv/a  b.git' --service a --to 1.0

        to go on: somebody else signs
        `shipgate approve --service a --push`
        now; then:
        shipgate deploy --service a

        to go on:
        shipgate deploy --service a --accept
        (the policy names nobody who
        approves)

        run
        `shipgate recover --service a --environment b`:
        it finishes the way back

        look at shipgate's page
        ");
    }
}
