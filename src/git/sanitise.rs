//! Makes a server's text fit to print: one line, bounded, no control characters, no CI commands.

const LONGEST: usize = 500;

/// Returns at most 500 characters of untrusted text as one line. Lines are joined with ` | `.
/// Terminal escapes, control and direction-changing characters go; what a CI system would read as
/// a command (`::` at the start of a line, `##[`, `##vso[`) is broken by a space.
pub(super) fn sanitise(text: &str) -> String {
    let plain = without_passwords(&without_escapes(text));
    let lines: Vec<String> = plain
        .split(['\n', '\r'])
        .map(|line| {
            let shown: String = line
                .chars()
                .map(|character| if character == '\t' { ' ' } else { character })
                .filter(|character| !is_invisible(*character))
                .collect();
            neutral(shown.trim())
        })
        .filter(|line| !line.is_empty())
        .collect();
    let line = lines.join(" | ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let mut short: String = line.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}

/// Takes user and password out of addresses: a server may name the one that it was itself cloned from.
fn without_passwords(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let ends = |character: char| character.is_whitespace() || "/?#'\"`<>".contains(character);
        let (authority, rest) = piece.split_at(piece.find(ends).unwrap_or(piece.len()));
        let is_web = shown.ends_with("http") || shown.ends_with("https");
        let host = match authority.rsplit_once('@') {
            Some((userinfo, host)) if is_web || userinfo.contains(':') => host,
            _ => authority,
        };
        shown.push_str("://");
        shown.push_str(host);
        shown.push_str(rest);
    }
    shown
}

fn neutral(line: &str) -> String {
    let line = line.replace("##", "# #");
    match line.strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => line,
    }
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Removes ANSI sequences: `ESC [ … letter`, `ESC ] … BEL`, and the lone `ESC` with what follows.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('[') => {
                characters.find(|next| ('@'..='~').contains(next));
            }
            Some(']') => {
                characters.find(|next| matches!(next, '\u{7}' | '\u{1b}' | '\n'));
            }
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_becomes_one_harmless_line() {
        let rows = [
            (
                "GH006: Protected branch\nupdate failed.\n",
                "GH006: Protected branch | update failed.",
            ),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("::error::forged", ": :error::forged"),
            (
                "mirror of https://bob:s3cret@git.example/x, ssh://git@git.example and a://b",
                "mirror of https://git.example/x, ssh://git@git.example and a://b",
            ),
            (
                "first\n  ::set-output name=x::y",
                "first | : :set-output name=x::y",
            ),
            ("first\r::error::forged", "first | : :error::forged"),
            (
                "##[error]x ##vso[task.complete]",
                "# #[error]x # #vso[task.complete]",
            ),
            ("###[error]", "# ##[error]"),
            ("a\u{202e}b\u{0}c\u{200b}d", "abcd"),
            ("\u{200b}::error::x", ": :error::x"),
            ("", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(sanitise(text), expected, "{text:?}");
        }
        assert_eq!(sanitise(&"é".repeat(9000)).chars().count(), 500);
    }
}
