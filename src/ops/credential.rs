//! A secret by the name of its variable, or why there is none that can be used.

use crate::{
    event::{Ending, Failure},
    secret::Secret,
};

/// Why a variable gives no secret, as a clause, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unset {
    pub(super) reason: String,
    pub(super) hint: String,
}

impl Unset {
    /// Makes it the end of a run.
    pub(super) fn failure(self) -> Failure {
        Failure::new(Ending::Usage, self.reason).hint(self.hint)
    }
}

/// Reads what `owner` takes its credentials from, of as many lines as it has.
///
/// # Errors
/// The variable is not set, or there is nothing in it.
pub(super) fn document(
    secrets: impl Fn(&str) -> Option<Secret>,
    variable: &str,
    owner: &str,
) -> Result<Secret, Unset> {
    let found = secrets(variable).filter(|secret| !secret.expose().trim().is_empty());
    found.ok_or_else(|| Unset {
        reason: format!(
            "the variable {variable} is not set, from which `{owner}` takes its credentials"
        ),
        hint: format!("set {variable} in the pipeline, as a secret"),
    })
}

/// Reads a token, key, name or password of `owner`.
///
/// # Errors
/// As [`document`]; or it holds what no request can carry: to ask would only look like an outage.
pub(super) fn credential(
    secrets: impl Fn(&str) -> Option<Secret>,
    variable: &str,
    owner: &str,
) -> Result<Secret, Unset> {
    let secret = document(secrets, variable, owner)?;
    if secret.expose().contains(char::is_control) {
        return Err(Unset {
            reason: format!(
                "the variable {variable}, from which `{owner}` takes its credentials, holds a line break or another control character"
            ),
            hint: format!("set {variable} in the pipeline to the bare secret, on one line"),
        });
    }
    Ok(secret)
}
