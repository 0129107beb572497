//! Where a controller takes from what it applies, in its own words.

/// One source of manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Address of the repository; none where it is not told along.
    pub repository: Option<String>,
    /// Folders and files of the repository that are applied, as they are written.
    pub paths: Vec<String>,
    /// The branch, tag, commit or range of versions that is followed, as it is written; empty = the
    /// repository's default branch. None where it is not told.
    pub follows: Option<String>,
    /// Is it a chart of a Helm repository, and no git repository?
    pub is_chart: bool,
    /// What was applied of it; none = nothing yet.
    pub revision: Option<String>,
}

/// Returns the branch that a wish or a revision names in full.
pub fn branch_of(reference: &str) -> &str {
    reference.strip_prefix("refs/heads/").unwrap_or(reference)
}
