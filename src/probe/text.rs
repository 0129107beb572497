//! Text from outside, made fit for a line that people read: short, without control characters.

use reqwest::Url;

const LONGEST: usize = 200;

/// Returns at most 200 characters of a text from outside, as [`line()`] does.
pub fn excerpt(text: &str) -> String {
    line(text, LONGEST)
}

/// Returns at most so many characters of a text from outside, in one line, without control
/// characters and without those that change the reading direction.
pub fn line(text: &str, longest: usize) -> String {
    let mut characters = text.trim().chars();
    let mut short: String = characters
        .by_ref()
        .take(longest)
        .map(|character| {
            if is_harmless(character) {
                character
            } else {
                ' '
            }
        })
        .collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

/// Returns scheme, host and port: all of an address that a message may show.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Is it a character that neither controls a terminal nor changes the reading direction?
pub fn is_harmless(character: char) -> bool {
    let turns_direction = matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    !character.is_control() && !turns_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_becomes_one_short_harmless_line() {
        let rows = [
            ("  parse error\n", "parse error"),
            ("a\r\n::error::b\u{1b}[31m", "a  ::error::b [31m"),
            ("x\u{202e}y\u{2028}z", "x y z"),
            ("größer als 5 µs", "größer als 5 µs"),
        ];
        for (text, line) in rows {
            assert_eq!(excerpt(text), line);
        }
        assert_eq!(excerpt(&"é".repeat(9_000)).chars().count(), LONGEST + 1);
    }
}
