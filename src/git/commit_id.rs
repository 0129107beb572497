//! The id of a commit.

use std::{fmt, str::FromStr};

/// The full id of a commit: 40 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(String);

impl CommitId {
    /// Returns all 40 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first 8 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }

    pub(super) fn of(id: git2::Oid) -> Self {
        Self(id.to_string())
    }

    pub(super) fn oid(&self) -> git2::Oid {
        git2::Oid::from_str(&self.0).expect("a commit id is 40 hexadecimal digits")
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for CommitId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        // The id of nothing stands for "no commit" in git's protocol.
        if digits && text.bytes().any(|byte| byte != b'0') {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(format!(
                "found {text:?}, expected the full id of a commit: 40 hexadecimal digits"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_ids_are_ids() {
        let id: CommitId = "0123456789ABCDEF0123456789abcdef01234567".parse().unwrap();
        assert_eq!(id.to_string(), "0123456789abcdef0123456789abcdef01234567");
        assert_eq!(id.short(), "01234567");
        for wrong in [
            "",
            "main",
            "0123456",
            "0123456789abcdef0123456789abcdef0123456g",
            "0000000000000000000000000000000000000000",
        ] {
            assert!(wrong.parse::<CommitId>().is_err(), "{wrong}");
        }
    }
}
