//! Untrusted text made harmless for the place it is shown in: logs, terminals, CI commands.
//!
//! A CI runner reads commands out of the text that a step prints: `::name::` at the start of a line
//! and `##[name]` anywhere (GitHub), `##vso[name]` anywhere (Azure Pipelines). A health endpoint's
//! body or a commit message must never become one.

/// Most characters that one untrusted line may fill.
pub const LINE_LIMIT: usize = 500;

/// Makes one harmless line: controls removed, commands made visible, at most [`LINE_LIMIT`]
/// characters. Line breaks and tabs become blanks.
pub fn line(text: &str) -> String {
    shorten(&neutralise(&fragment(text)), LINE_LIMIT)
}

/// Makes harmless lines of a diff; each as [`line()`] does, but with its tabs.
pub fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(|line| neutralise(&line_of_file(line)))
}

/// Makes a part of a line: as [`line()`], but a command stays as it is, since whether it is one is
/// only known once the line is whole. Whoever joins the parts calls [`neutralise`].
pub fn fragment(text: &str) -> String {
    let clean = without_controls(text);
    if clean.len() <= LINE_LIMIT {
        return clean;
    }
    shorten(&clean, LINE_LIMIT)
}

/// As [`fragment`], for a line of a file: its tabs stay, of which runners and terminals make no more
/// than blanks.
pub fn line_of_file(text: &str) -> String {
    let pieces: Vec<String> = text.split('\t').map(without_controls).collect();
    shorten(&pieces.join("\t"), LINE_LIMIT)
}

/// Breaks up what a CI runner would read as a command, visibly: `::` at the start of a line becomes
/// `: :`, `##[` becomes `# #[`, `##vso[` becomes `# #vso[`.
pub fn neutralise(line: &str) -> String {
    if !line.contains("##") && !line.trim_start().starts_with("::") {
        return line.to_owned();
    }
    let blanks = line.len() - line.trim_start().len();
    let (blank, rest) = line.split_at(blanks);
    let mut safe = String::with_capacity(line.len() + 4);
    safe.push_str(blank);
    let mut rest = match rest.strip_prefix("::") {
        Some(rest) => {
            safe.push_str(": :");
            rest
        }
        None => rest,
    };
    while let Some(at) = rest.find("##") {
        let (before, found) = rest.split_at(at);
        safe.push_str(before);
        safe.push('#');
        rest = &found[1..];
        if opens_command(&rest[1..]) {
            safe.push(' ');
        }
    }
    safe.push_str(rest);
    safe
}

/// Escapes the data of a GitHub workflow command (`::error::data`).
pub fn github_data(text: &str) -> String {
    line(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a GitHub workflow command (`::error file=property::`).
pub fn github_property(text: &str) -> String {
    github_data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Escapes a value or the text of an Azure Pipelines command (`##vso[area.event key=value]text`).
pub fn azure(text: &str) -> String {
    azure_whole(&line(text))
}

/// As [`azure()`], for text that must not be cut.
pub fn azure_whole(text: &str) -> String {
    text.replace('%', "%AZP25")
        .replace(';', "%3B")
        .replace(']', "%5D")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Rewrites the text of a JSON document so that no runner or terminal reads a command in it. The
/// document means the same: characters inside its strings are only written as `\u` escapes.
pub fn json(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    let mut rest = document.chars();
    while let Some(character) = rest.next() {
        let after = rest.as_str();
        let is_second_hash = character == '#' && safe.ends_with('#') && opens_command(after);
        if is_second_hash || (is_hidden(character) && character != '\n') {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Cuts a text to `limit` characters, the last of them `…` where something was cut.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Does the text after `##` make it a command?
fn opens_command(after: &str) -> bool {
    after.starts_with('[')
        || after
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("vso["))
}

/// Is there nothing in a text but letters and signs of ASCII, as in nearly all of them?
fn is_plain(text: &str) -> bool {
    let is_other = |byte: u8| !(b' '..=b'~').contains(&byte);
    // Without branches, so that many bytes are looked at in one go.
    let found = text
        .bytes()
        .fold(false, |found, byte| found | is_other(byte));
    !found
}

fn without_controls(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match character {
            '\u{1b}' => after_escape(after),
            '\u{9b}' => after_parameters(after),
            '\r' if after.starts_with('\n') => after,
            '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                clean.push(' ');
                after
            }
            hidden if is_hidden(hidden) => after,
            shown => {
                clean.push(shown);
                after
            }
        };
    }
    clean
}

/// Returns what follows a terminal escape sequence (ECMA-48) whose ESC has been read. A sequence
/// that does not end loses only its introducer, so that it cannot swallow the rest of a message.
fn after_escape(text: &str) -> &str {
    let mut characters = text.chars();
    match characters.next() {
        Some('[') => after_parameters(characters.as_str()),
        Some(']' | 'P' | 'X' | '^' | '_') => {
            let body = characters.as_str();
            let line_end = body.find(['\n', '\r']).unwrap_or(body.len());
            let bell = body[..line_end].find('\u{7}').map(|at| at + 1);
            let string_end = body[..line_end].find("\u{1b}\\").map(|at| at + 2);
            match (bell, string_end) {
                (Some(bell), Some(string_end)) => &body[bell.min(string_end)..],
                (Some(end), None) | (None, Some(end)) => &body[end..],
                (None, None) => body,
            }
        }
        _ => text,
    }
}

fn after_parameters(text: &str) -> &str {
    let end = text
        .find(|character: char| !matches!(character, ' '..='?'))
        .unwrap_or(text.len());
    match text[end..].chars().next() {
        Some(last @ '@'..='~') => &text[end + last.len_utf8()..],
        _ => text,
    }
}

/// Is it a control, a bidirectional override, or a character that shows nothing? Runners compare
/// text by culture, where such characters do not count, so `:\u{200b}:` could be read as `::`.
/// Ranges: Unicode `Cc`, `Default_Ignorable_Code_Point`, line separators, interlinear marks, tags.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f
            | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a
            | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_visible_and_controls_go() {
        let rows = [
            ("all is well", "all is well"),
            ("::error::x", ": :error::x"),
            ("  \u{a0}::error::x", "  \u{a0}: :error::x"),
            (":\u{200b}:error::x", ": :error::x"),
            ("\u{1b}[1m::error::x\u{1b}[0m", ": :error::x"),
            ("a::b", "a::b"),
            ("x ##[add-mask]allowed", "x # #[add-mask]allowed"),
            ("###[x] ####[y]", "## #[x] ### #[y]"),
            ("##\u{ad}[x]", "# #[x]"),
            ("##vso[a] ##VSO[b]", "# #vso[a] # #VSO[b]"),
            ("one\r\ntwo\nthree", "one two three"),
            ("\u{202e}txet \u{9b}31mred", "txet red"),
            ("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\c", "abc"),
            ("a\u{1b}]0;never ends", "a0;never ends"),
            ("\u{1b}[1;32mgreen \u{1b}[99", "green 99"),
        ];
        for (given, wanted) in rows {
            assert_eq!(line(given), wanted, "{given:?}");
        }
    }

    #[test]
    fn a_line_of_a_file_keeps_its_tabs_and_nothing_else() {
        let rows = [
            ("+\tkey:\tvalue", "+\tkey:\tvalue"),
            ("\t\u{1b}[1mbold\u{1b}[0m\t\u{7}x", "\tbold\tx"),
            ("\u{1b}]0;title\tb\u{7}c", "0;title\tbc"),
        ];
        for (given, wanted) in rows {
            assert_eq!(line_of_file(given), wanted, "{given:?}");
        }
        let shown: Vec<String> = lines("\t::error::x\n \ta").collect();
        assert_eq!(shown, ["\t: :error::x", " \ta"]);
    }

    #[test]
    fn long_lines_are_cut_and_say_so() {
        let cut = line(&"ä".repeat(9_000));
        assert_eq!(cut.chars().count(), LINE_LIMIT);
        assert!(cut.ends_with('…'));
        assert_eq!(line(&"x".repeat(LINE_LIMIT)).len(), LINE_LIMIT);
    }

    #[test]
    fn command_fields_are_escaped() {
        assert_eq!(github_data("50% done\nnext"), "50%25 done next");
        assert_eq!(github_property("a,b:c%"), "a%2Cb%3Ac%25");
        assert_eq!(azure("a;b]c%5D\nd"), "a%3Bb%5Dc%AZP255D d");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"a": "x ##[b] ###[c] ##VsO[d] \u{202e}\u{85}\u{e0001}"});
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains("##[") && !text.contains("##V") && text.is_ascii());
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
