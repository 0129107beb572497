//! The grammar of label and annotation keys and of label values, as the API server checks them.

use crate::manifest::Refusal;

/// The longest name, and the longest label value, in characters.
const LONGEST: usize = 63;

/// The longest prefix of a key, in characters.
const LONGEST_PREFIX: usize = 253;

/// Checks the key of a label or annotation: a name, with a DNS subdomain and `/` in front or not
/// (kubernetes.io, "Labels and Selectors", "Syntax and character set").
///
/// # Errors
/// It is none; `noun` says what the key is of.
pub(in crate::manifest) fn check_key(noun: &str, key: &str) -> Result<(), Refusal> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if is_name(name) && prefix.is_none_or(is_subdomain) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "`{}` is no {noun} key, expected a name of 1 to {LONGEST} characters, with a DNS name and \
         `/` in front or not",
        key.escape_debug()
    ))
    .hint("a key looks like `tier` or `app.kubernetes.io/version`"))
}

/// Checks the value of a label: empty, or 1 to 63 characters like those of a name.
///
/// # Errors
/// It is none.
pub(in crate::manifest) fn check_label_value(value: &str) -> Result<(), Refusal> {
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "`{}` is no label value, expected at most {LONGEST} characters of A-Z a-z 0-9 . _ - that \
         begin and end with a letter or digit",
        value.escape_debug()
    ))
    .hint("put longer texts, and those with other characters, into an annotation"))
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=LONGEST).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

/// Is a text a DNS subdomain (RFC 1123)?
pub(in crate::manifest) fn is_subdomain(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().is_some_and(is_word)
            && bytes.last().is_some_and(is_word)
            && bytes.iter().all(|byte| is_word(byte) || *byte == b'-')
    };
    text.len() <= LONGEST_PREFIX && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_those_that_the_api_server_takes() {
        let long = "a".repeat(63);
        let longer = "a".repeat(64);
        let long_prefix = format!("{}.example/a", "a".repeat(246));
        for key in [
            "a",
            "A_b.c-1",
            "app.kubernetes.io/version",
            "x/Y",
            &long,
            &format!("example.com/{long}"),
        ] {
            assert_eq!(check_key("label", key), Ok(()), "{key}");
        }
        for key in [
            "",
            "/a",
            "a/",
            "a/b/c",
            "-a",
            "a-",
            "a b",
            "ä",
            "Example.com/a",
            "a..b/c",
            "a:b",
            "{{x}}",
            "a\nb",
            &longer,
            &long_prefix,
        ] {
            let refusal = check_key("label", key).unwrap_err();
            assert!(!refusal.reason.contains('\n'), "{key}: {refusal}");
        }
        for value in ["", "1", "1.10", "V_x-1", &long] {
            assert_eq!(check_label_value(value), Ok(()), "{value}");
        }
        for value in [
            " ",
            "a b",
            "-",
            "a.",
            "a/b",
            "1.0+build",
            "ü",
            "a\n",
            &longer,
        ] {
            let refusal = check_label_value(value).unwrap_err();
            assert!(!refusal.reason.contains('\n'), "{value}: {refusal}");
        }
    }
}
