//! Which texts may stand without quotes: only those that YAML 1.1 and YAML 1.2 readers, strict and
//! sloppy ones, all take for a text.

/// Is a value without quotes the same text to every reader?
///
/// Sources: the tag resolution of YAML 1.2.2 section 10.3, the types of YAML 1.1 (bool, int, float,
/// null, timestamp, merge, value), and the union of what readers in use add to them.
pub fn is_text(value: &str, in_flow: bool) -> bool {
    is_one_plain_scalar(value, in_flow)
        && !is_word_of_another_type(value)
        && !is_number(value)
        && !is_date(value)
}

/// Does the syntax allow it: no indicator at the start, nothing that ends a plain scalar inside?
fn is_one_plain_scalar(value: &str, in_flow: bool) -> bool {
    let mut characters = value.chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let second = characters.next();
    let starts_well = match first {
        '-' | '?' | ':' => second.is_some_and(|second| !second.is_whitespace()),
        _ => !"!&*|>%@`\"'#,[]{}=~".contains(first),
    };
    let odd = |character: char| {
        character.is_control()
            || (character.is_whitespace() && character != ' ')
            || matches!(character, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    starts_well
        && value.trim() == value
        && !value.starts_with("---")
        && !value.starts_with("...")
        && !value.contains(odd)
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.ends_with(':')
        && (!in_flow || fits_into_flow(value))
}

/// Inside `{…}` and `[…]` readers of YAML 1.1 see indicators in more places.
fn fits_into_flow(value: &str) -> bool {
    let mut after_colons = value.split(':').skip(1);
    !value.starts_with([':', '?', '-'])
        && !value.contains([',', '[', ']', '{', '}'])
        && after_colons.all(|rest| rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
}

/// Null, booleans, infinity, the merge and the value key, in any case.
fn is_word_of_another_type(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    matches!(
        lower.as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "<<"
    ) || matches!(unsigned, ".inf" | ".nan" | "inf" | "infinity" | "nan")
}

/// Numbers of any notation: decimal, with exponent, leading zeros, underscores, base 2, 8, 16
/// and 60.
fn is_number(value: &str) -> bool {
    let joined: String = value.chars().filter(|digit| *digit != '_').collect();
    let lower = joined.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    let prefixed = ["0x", "0o", "0b"]
        .iter()
        .filter_map(|prefix| unsigned.strip_prefix(prefix))
        .any(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    prefixed || is_decimal(unsigned) || is_sexagesimal(unsigned)
}

fn is_decimal(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let some_digit = !whole.is_empty() || !fraction.is_empty();
    exponent_fits && some_digit && all_digits(whole) && all_digits(fraction)
}

fn is_sexagesimal(unsigned: &str) -> bool {
    unsigned.contains(':')
        && unsigned.starts_with(|first: char| first.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.')
}

/// `2024-01-01`, alone or with a time behind it.
fn is_date(value: &str) -> bool {
    let mut parts = value.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let (day, time) = rest.split_at(end);
    let digits = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(year, 4, 4)
        && digits(month, 1, 2)
        && digits(day, 1, 2)
        && (time.is_empty() || time.starts_with(['T', 't', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_that_some_reader_mistakes_is_quoted() {
        let mistaken = "1.10 2.0 1e3 1234e56 12e03 7e8 0123456 017 0o17 0x1F 0b11 1_000 +1 -1 1. \
            .5 0 00 20240101 0xdeadbeef 9007199254740993 y n Y N yes no on off On OFF true True \
            TRUE .inf -.Inf .nan null Null NULL ~ 12:30 1:2.5 2024-01-01 2024-1-2T10:00:00Z = << \
            3e14159 1E5 1e+5 -0 0b 0x !x &x *x a: -";
        for value in mistaken.split_whitespace() {
            assert!(!is_text(value, false), "{value}");
        }
        for value in [
            "", " a", "a ", "a #b", "a: b", "- a", "a\tb", "a\nb", "#a", "%a", "@a", "`a",
        ] {
            assert!(!is_text(value, false), "{value:?}");
        }
    }

    #[test]
    fn texts_that_no_reader_mistakes_stay_plain() {
        let safe = "1.2.3 v1 v1.10 1.2.3-rc.1 abc123 sha256:abc a:b x#y 8e7a 1e 1,000 .. \
            registry.example/shop/app:1.10 reg:5000/app:2.0 2024-01-01-abc 2024.01.01 1.2.x \
            1-2 e5 0xg 1.2.3.4 _ a_b 12-30";
        for value in safe.split_whitespace() {
            assert!(is_text(value, false), "{value}");
        }
        assert!(!is_text("1,000", true));
        assert!(!is_text("a]", true));
        assert!(!is_text("a:?", true));
        assert!(is_text("reg:5000/app:2.0", true));
    }
}
