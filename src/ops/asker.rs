//! Who asks the gate, and what they bring along.

use super::github_approvals::GitHubRun;
use crate::{audit::AuditFile, policy::Identity};

/// Who asks the gate, and what they bring along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker {
    /// Who starts it, as far as the pipeline says; none = nobody said.
    pub deployer: Option<Identity>,
    /// Who started it again, if the pipeline says that it was somebody else.
    pub restarted_by: Option<Identity>,
    /// Who started it, as trailers and announcements name them.
    pub actor: Option<String>,
    /// Address of the pipeline run.
    pub pipeline: Option<String>,
    /// The run of GitHub Actions that we are a part of.
    pub github: Option<GitHubRun>,
    /// Where the use of an override is written down.
    pub audit: Option<AuditFile>,
}
