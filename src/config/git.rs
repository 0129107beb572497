//! `git`: as whom commits to the repository are made.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Problems;

/// As whom commits to this repository are made.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitDocument {
    /// Name of the author and committer; goes together with `author_email`. Default: the person
    /// who started the pipeline.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub author_name: Option<String>,
    /// Address of the author and committer.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub author_email: Option<String>,
    /// Refuses to commit without a key to sign with. Default: false.
    #[serde(default)]
    pub sign_commits: bool,
}

/// As whom commits to a repository are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitSettings {
    /// Name and address of the author and committer; none = who started the pipeline.
    pub author: Option<(String, String)>,
    /// Is it refused to commit without a signature?
    pub sign_commits: bool,
}

impl GitDocument {
    pub(super) fn validate(self, problems: &mut Problems<'_>) -> GitSettings {
        for (key, value) in [
            ("author_name", &self.author_name),
            ("author_email", &self.author_email),
        ] {
            let unfit = |text: &String| {
                text.trim() != text || text.contains(['<', '>']) || text.contains(char::is_control)
            };
            if let Some(text) = value.as_ref().filter(|text| unfit(text)) {
                problems.at(
                    &format!("/git/{key}"),
                    format!(
                        "found {text:?}, expected one line without < and > and blanks around it"
                    ),
                );
            }
        }
        let author = match (self.author_name, self.author_email) {
            (Some(name), Some(email)) => Some((name, email)),
            (None, None) => None,
            _ => {
                problems.at("/git", "expected `author_name` and `author_email` together");
                None
            }
        };
        GitSettings {
            author,
            sign_commits: self.sign_commits,
        }
    }
}
