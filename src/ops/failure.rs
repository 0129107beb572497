//! How the errors of the layers below end a command: one place for each kind of error.

use crate::{
    event::{Ending, Failure},
    git::GitError,
    manifest::Refusal,
    yaml::Finding,
};

/// An error of git.
pub fn git(error: GitError) -> Failure {
    let ending = match &error {
        GitError::Denied { .. } => Ending::PushDenied,
        GitError::Unavailable { .. } => Ending::Unavailable,
        GitError::NotFound { .. }
        | GitError::BranchMissing { .. }
        | GitError::NotBare { .. }
        | GitError::Unsupported { .. } => Ending::ConfigInvalid,
        GitError::Invalid { .. } => Ending::Usage,
        GitError::Internal { .. } => Ending::Internal,
    };
    Failure::new(ending, error.message()).hint(error.hint())
}

/// More findings than this in one file are counted, not listed.
const LISTED_FINDINGS: usize = 20;

/// Findings in a policy or configuration: the first decides, the others are told too.
pub fn findings(path: &str, findings: &[Finding]) -> Failure {
    let mut lines = findings.iter().map(|finding| format!("{path}:{finding}"));
    let first = lines
        .next()
        .unwrap_or_else(|| format!("{path}: is not valid"));
    let mut failure = Failure::new(Ending::ConfigInvalid, first);
    for line in lines.by_ref().take(LISTED_FINDINGS - 1) {
        failure = failure.hint(format!("also mend {line}"));
    }
    match lines.count() {
        0 => failure,
        more => failure.hint(format!("and {more} more")),
    }
}

/// Edits that were refused: the first decides, all are told.
pub fn refusals(refusals: Vec<Refusal>) -> Failure {
    let first = refusals
        .first()
        .map_or_else(|| "nothing could be edited".to_owned(), Refusal::to_string);
    let mut failure = Failure::new(Ending::EditRefused, first);
    for hint in refusals.iter().filter_map(|refusal| refusal.hint.as_ref()) {
        if !failure.0.hints.contains(hint) {
            failure.0.hints.push(hint.clone());
        }
    }
    failure.0.refusals = refusals;
    failure
}
