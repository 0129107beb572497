//! How a new value is written: in the old one's quotes, and plain only where every reader agrees
//! that it is a text.

use super::{ScalarType, plain};
use crate::yaml::{Document, NodeKind, ScalarStyle};

/// The two ways to quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// `'…'`
    Single,
    /// `"…"`
    Double,
}

impl Quote {
    /// Returns the style of a scalar in such quotes.
    pub(super) fn style(self) -> ScalarStyle {
        match self {
            Self::Single => ScalarStyle::SingleQuoted,
            Self::Double => ScalarStyle::DoubleQuoted,
        }
    }

    /// Returns what a document quotes with most; JSON knows only double quotes.
    pub(super) fn usual(document: &Document) -> Self {
        let style = |id| match document.kind(id) {
            NodeKind::Scalar { style } => Some(style),
            _ => None,
        };
        let count = |wanted| {
            let styles = (0..document.len()).filter_map(style);
            styles.filter(|style| *style == wanted).count()
        };
        let single = count(ScalarStyle::SingleQuoted);
        Self::most(document, single, count(ScalarStyle::DoubleQuoted))
    }

    /// As [`Self::usual`], where the scalars in each kind of quotes are counted already.
    pub(super) fn most(document: &Document, single: usize, double: usize) -> Self {
        let root = document.kind(document.root());
        let in_json = matches!(
            root,
            NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true }
        );
        if in_json {
            return Self::Double;
        }
        if single > double {
            Self::Single
        } else {
            Self::Double
        }
    }
}

/// What surrounds the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// How the old value is written.
    pub style: ScalarStyle,
    /// Inside `{…}` or `[…]`?
    pub in_flow: bool,
    /// What the file quotes with, for a value that was plain and cannot stay so.
    pub quote: Quote,
}

/// Returns the text that a reader decodes as `value`.
pub(super) fn render(value: &str, kind: ScalarType, at: Surroundings) -> String {
    let unsigned = value.strip_prefix('-').unwrap_or(value);
    let digits = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let quote = match at.style {
        ScalarStyle::SingleQuoted => Quote::Single,
        ScalarStyle::DoubleQuoted => Quote::Double,
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => {
            let stays_plain = match kind {
                ScalarType::Integer if digits => true,
                ScalarType::Boolean if matches!(value, "true" | "false") => true,
                _ => plain::is_text(value, at.in_flow),
            };
            if stays_plain {
                return value.to_owned();
            }
            at.quote
        }
    };
    match quote {
        Quote::Single if !value.chars().any(must_be_escaped) => {
            format!("'{}'", value.replace('\'', "''"))
        }
        _ => double_quoted(value),
    }
}

/// Characters that can only be written as an escape: control characters, line breaks of any kind
/// and the byte-order mark.
fn must_be_escaped(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Writes a text between double quotes with the escapes that JSON and YAML share.
fn double_quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            _ if must_be_escaped(character) => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::{Limits, documents};

    fn at(style: ScalarStyle) -> Surroundings {
        Surroundings {
            style,
            in_flow: false,
            quote: Quote::Double,
        }
    }

    #[test]
    fn values_keep_the_quotes_of_the_old_ones() {
        use ScalarStyle::{DoubleQuoted, Plain, SingleQuoted};
        use ScalarType::{Integer, Text};
        let rows = [
            ("1.10", Text, Plain, "\"1.10\""),
            ("1.10", Text, SingleQuoted, "'1.10'"),
            ("1.10", Text, DoubleQuoted, "\"1.10\""),
            ("1.9.4", Text, Plain, "1.9.4"),
            ("abc123", Text, SingleQuoted, "'abc123'"),
            ("1234e56", Text, Plain, "\"1234e56\""),
            ("5", Integer, Plain, "5"),
            ("-5", Integer, Plain, "-5"),
            ("-", Integer, Plain, "\"-\""),
            ("5", Integer, DoubleQuoted, "\"5\""),
            ("5", Integer, SingleQuoted, "'5'"),
            ("5", Text, Plain, "\"5\""),
            ("five", Integer, Plain, "five"),
            ("it's", Text, SingleQuoted, "'it''s'"),
            ("a\"b\\c", Text, DoubleQuoted, "\"a\\\"b\\\\c\""),
            ("a\nb", Text, SingleQuoted, "\"a\\nb\""),
            ("\u{85}", Text, Plain, "\"\\u0085\""),
            ("", Text, Plain, "\"\""),
        ];
        for (value, kind, style, expected) in rows {
            assert_eq!(
                render(value, kind, at(style)),
                expected,
                "{value:?} {style:?}"
            );
        }
        let single = Surroundings {
            quote: Quote::Single,
            ..at(Plain)
        };
        assert_eq!(render("1.10", Text, single), "'1.10'");
    }

    fn any_style() -> impl Strategy<Value = ScalarStyle> {
        prop_oneof![
            Just(ScalarStyle::Plain),
            Just(ScalarStyle::SingleQuoted),
            Just(ScalarStyle::DoubleQuoted),
        ]
    }

    fn any_value() -> impl Strategy<Value = String> {
        prop_oneof![
            "[A-Za-z0-9._:+-]{0,12}",
            "[0-9.eExob_:+-]{1,8}",
            "[ -~]{0,12}",
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            value in any_value(),
            style in any_style(),
            in_flow: bool,
            single: bool,
        ) {
            let quote = if single { Quote::Single } else { Quote::Double };
            let text = render(&value, ScalarType::Text, Surroundings { style, in_flow, quote });
            let file = if in_flow {
                format!("a: {{k: {text}, z: 1}} # note\n")
            } else {
                format!("a:\n  k: {text} # note\nz: 1\n")
            };
            let found = documents(&file, &Limits::MANIFEST).unwrap();
            let document = &found[0];
            let outer = document.get(document.root(), "a").unwrap();
            let inner = document.get(outer, "k").unwrap();
            prop_assert_eq!(document.text(inner), Some(value.as_str()));
            prop_assert_eq!(&file[document.span(inner)], text.as_str());
            let independent: serde_yaml::Value = serde_yaml::from_str(&file).unwrap();
            prop_assert_eq!(independent["a"]["k"].as_str(), Some(value.as_str()));
        }
    }
}
