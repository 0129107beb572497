//! The measured words of the domain: each parses from text, prints with its unit and refuses nonsense.

mod address;
mod alert_matcher;
mod duration;
mod loopback;
mod program;
mod rate;
mod slashes;
mod version;
mod weight;

pub use address::without_userinfo;
pub use alert_matcher::is_alert_matcher;
pub use duration::{format_duration, parse_duration};
pub use loopback::is_loopback;
pub use program::ProgramName;
pub use rate::RequestsPerSecond;
pub use slashes::with_slashes;
pub use version::Version;
pub use weight::Weight;

/// Why a text is not a value of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonsense {
    /// The text as it was given.
    pub found: String,
    /// What would have been right, with an example.
    pub expected: &'static str,
}

impl Nonsense {
    fn new(found: impl Into<String>, expected: &'static str) -> Self {
        Self {
            found: found.into(),
            expected,
        }
    }
}

impl std::fmt::Display for Nonsense {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "found {:?}, expected {}",
            self.found, self.expected
        )
    }
}

impl std::error::Error for Nonsense {}
