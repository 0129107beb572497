//! The name of a program that may be run.

use std::{fmt, str::FromStr};

use super::Nonsense;

const EXPECTED: &str =
    "the name of a program that is looked for in PATH, such as k6, or an absolute path";

/// A program: a name that is looked for in `PATH`, or an absolute path. Never a relative path, which
/// would mean whatever a checkout brings along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramName(String);

impl ProgramName {
    /// Returns it as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProgramName {
    type Err = Nonsense;

    fn from_str(text: &str) -> Result<Self, Nonsense> {
        let is_plain = !text.is_empty()
            && text.trim() == text
            && !text
                .contains(|character: char| character.is_control() || "{}*".contains(character));
        let is_path = text
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
        let is_name = !text.contains(['/', '\\']) && !matches!(text, "." | "..");
        if is_plain && (is_path || is_name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Nonsense::new(text, EXPECTED))
        }
    }
}

impl fmt::Display for ProgramName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_an_absolute_path() {
        for text in ["k6", "/usr/local/bin/smoke", "smoke-test.sh", "my program"] {
            assert_eq!(text.parse::<ProgramName>().unwrap().as_str(), text);
        }
        for text in [
            "",
            " k6",
            "./smoke",
            "scripts/smoke",
            "../smoke",
            "/",
            "/opt/../bin/sh",
            "/opt//sh",
            "/opt/",
            "{{service}}",
            "k*",
            "a\nb",
            ".",
            "..",
            "a\\b",
        ] {
            assert!(text.parse::<ProgramName>().is_err(), "{text:?}");
        }
    }
}
