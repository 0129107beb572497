//! What Kubernetes takes for the key and for the value of a label.

/// Why a text is refused.
#[derive(Debug)]
pub(super) struct Illegal {
    /// What was found.
    pub reason: String,
    /// What is expected.
    pub hint: &'static str,
}

const VALUE_HINT: &str = "expected 1 to 63 characters of A-Z a-z 0-9 . _ - that begin and end with a \
     letter or digit";

const KEY_HINT: &str = "expected 1 to 63 characters of A-Z a-z 0-9 . _ - that begin and end with a \
     letter or digit, with a domain and / in front where there is one";

/// The longest name, in bytes.
const LONGEST_NAME: usize = 63;

/// The longest domain in front of the name of a key, in bytes.
const LONGEST_DOMAIN: usize = 253;

/// Checks the value of a label. An empty one is legal too, but says nothing.
/// Source: Kubernetes documentation, "Labels and Selectors", "Syntax and character set".
///
/// # Errors
/// It is none.
pub(super) fn check_value(value: &str) -> Result<(), Illegal> {
    if is_name(value) {
        return Ok(());
    }
    Err(Illegal {
        reason: format!("`{}` is no value of a label", value.escape_debug()),
        hint: VALUE_HINT,
    })
}

/// Checks the key of a label.
/// Source: as [`check_value`].
///
/// # Errors
/// It is none.
pub(super) fn check_key(key: &str) -> Result<(), Illegal> {
    let legal = match key.split_once('/') {
        Some((domain, name)) => {
            domain.len() <= LONGEST_DOMAIN && is_domain(domain) && is_name(name)
        }
        None => is_name(key),
    };
    if legal {
        return Ok(());
    }
    Err(Illegal {
        reason: format!("`{}` is no key of a label", key.escape_debug()),
        hint: KEY_HINT,
    })
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST_NAME
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// Is this a DNS subdomain (RFC 1123)?
pub(super) fn is_domain(text: &str) -> bool {
    text.len() <= LONGEST_DOMAIN
        && text.split('.').all(|label| {
            let is_lower = !label
                .bytes()
                .any(|byte| byte.is_ascii_uppercase() || byte == b'_');
            is_lower && is_name(label)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_keys_are_what_kubernetes_takes() {
        let (longest, longer) = ("a".repeat(63), "a".repeat(64));
        let rows = [
            ("green", true, true),
            ("1.10", true, true),
            ("A_b-c.d", true, true),
            (longest.as_str(), true, true),
            (longer.as_str(), false, false),
            ("", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("a b", false, false),
            ("grün", false, false),
            ("app.kubernetes.io/version", false, true),
            ("App.io/version", false, false),
            ("a/b/c", false, false),
            ("/a", false, false),
            ("a/", false, false),
        ];
        for (text, is_value, is_key) in rows {
            assert_eq!(check_value(text).is_ok(), is_value, "{text}");
            assert_eq!(check_key(text).is_ok(), is_key, "{text}");
        }
    }
}
