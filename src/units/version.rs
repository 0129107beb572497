//! A version that is a legal image tag and a legal Kubernetes label value at the same time.

use std::{fmt, str::FromStr};

use super::Nonsense;

const EXPECTED: &str = "1 to 63 characters of A-Z a-z 0-9 . _ - that begin and end with a letter or digit \
     (an image tag and a Kubernetes label value at once), such as 1.4.2";

/// A version to deploy: 1 to 63 characters, `^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`.
///
/// That is the intersection of the OCI tag grammar (distribution-spec) and the Kubernetes label
/// value grammar, so one text fits the image, the labels and the environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(String);

impl Version {
    /// Returns the version's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = Nonsense;

    fn from_str(text: &str) -> Result<Self, Nonsense> {
        let bytes = text.as_bytes();
        let legal = (1..=63).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.last().is_some_and(u8::is_ascii_alphanumeric);
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(Nonsense::new(text, EXPECTED))
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_are_tag_and_label_are_versions() {
        let longest = "a".repeat(63);
        for good in ["1", "1.10", "v2", "1.2.3-rc.1", "abc_1", longest.as_str()] {
            assert!(good.parse::<Version>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(64);
        for bad in [
            "",
            "-x",
            "x-",
            "1.0\nevil",
            "1 0",
            "1.0+build",
            "ä",
            ".1",
            "{{x}}",
            too_long.as_str(),
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
