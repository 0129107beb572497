//! Which names may be branches, refs, services and paths.

use super::error::GitError;

/// Longest path that is read or written, in bytes: Linux takes no longer ones either.
const LONGEST_PATH: usize = 4096;

/// Returns the full ref of a branch.
pub(super) fn branch_reference(branch: &str) -> Result<String, GitError> {
    let reference = format!("refs/heads/{branch}");
    let usable = !branch.starts_with('-') && branch != "HEAD" && !branch.starts_with("refs/");
    if usable && is_reference(&reference) {
        Ok(reference)
    } else {
        Err(GitError::invalid(
            format!("found {branch:?}, expected the name of a branch"),
            "write it as `git branch` shows it, such as main",
        ))
    }
}

/// Refuses what is not a full ref name (the rules of `git check-ref-format`).
pub(super) fn check_reference(reference: &str) -> Result<(), GitError> {
    if reference.starts_with("refs/") && is_reference(reference) {
        Ok(())
    } else {
        Err(GitError::invalid(
            format!("found {reference:?}, expected a full ref name"),
            "write it from the start, such as refs/heads/main",
        ))
    }
}

fn is_reference(reference: &str) -> bool {
    reference.len() <= 1024 && git2::Reference::is_valid_name(reference)
}

/// Returns the journal's ref, `refs/shipgate/<environment>/<service>`.
///
/// # Errors
/// A name that is not a DNS label (RFC 1123): lower-case letters, digits, and `-` between them, at
/// most 63.
pub fn journal_reference(environment: &str, service: &str) -> Result<String, GitError> {
    check_label("environment", environment)?;
    check_label("service", service)?;
    Ok(format!("refs/shipgate/{environment}/{service}"))
}

/// Returns the environment and the service whose journal a ref is; none of another ref.
pub(super) fn journal_at(reference: &str) -> Option<(&str, &str)> {
    let name = reference.strip_prefix("refs/shipgate/")?;
    let (environment, service) = name.split_once('/')?;
    let is_label = |name| check_label("", name).is_ok();
    (is_label(environment) && is_label(service)).then_some((environment, service))
}

/// Which journals a run will most likely read, as far as it knows their names by now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WantedJournals(pub(super) Option<(Option<String>, Option<String>)>);

impl WantedJournals {
    /// Most journals that are brought along: whoever names no service of many means one of them.
    const MOST: usize = 8;

    /// Returns those of some refs; none where they are too many to be what is meant.
    pub(super) fn among<'a>(&self, references: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let Some((environment, service)) = &self.0 else {
            return Vec::new();
        };
        let found: Vec<&str> = references
            .filter(|reference| {
                journal_at(reference).is_some_and(|(of, to)| {
                    environment.as_deref().is_none_or(|wanted| wanted == of)
                        && service.as_deref().is_none_or(|wanted| wanted == to)
                })
            })
            .collect();
        if found.len() > Self::MOST {
            return Vec::new();
        }
        found
    }
}

/// Returns what the refs of a service's approvals begin with.
///
/// # Errors
/// As [`journal_reference`].
pub(super) fn approvals_below(environment: &str, service: &str) -> Result<String, GitError> {
    check_label("environment", environment)?;
    check_label("service", service)?;
    Ok(format!("refs/shipgate/approvals/{environment}/{service}/"))
}

/// Returns the ref of an approval, which its text alone decides.
///
/// # Errors
/// As [`journal_reference`].
pub(super) fn approval_reference(
    environment: &str,
    service: &str,
    text: &str,
) -> Result<String, GitError> {
    let below = approvals_below(environment, service)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let digest: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("{below}{digest}"))
}

fn check_label(what: &str, name: &str) -> Result<(), GitError> {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|byte| alphanumeric(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if good {
        Ok(())
    } else {
        Err(GitError::invalid(
            format!("found {name:?} as the name of the {what}"),
            "use lower-case letters, digits and - between them, at most 63, such as advertisements",
        ))
    }
}

/// Refuses a path that does not stay inside the repository or means something to git itself.
pub(super) fn check_path(path: &str) -> Result<(), GitError> {
    let part_is_good = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.eq_ignore_ascii_case(".git")
            && !part.eq_ignore_ascii_case("git~1")
    };
    if path.len() > LONGEST_PATH {
        let start: String = path.chars().take(100).collect();
        return Err(GitError::invalid(
            format!(
                "found a path of {} bytes that begins with {start:?}, expected at most {LONGEST_PATH}",
                path.len()
            ),
            "move the file nearer to the repository's root",
        ));
    }
    if path.contains(is_odd) {
        return Err(GitError::invalid(
            format!("found {path:?}, expected a path without \\ and control characters"),
            "rename the file",
        ));
    }
    if path.split('/').all(part_is_good) {
        Ok(())
    } else {
        Err(GitError::invalid(
            format!("found {path:?}, expected a path inside the repository"),
            "write it from the repository's root with /, without . and ..",
        ))
    }
}

/// Some systems read it as another path, and a line of a report would end in it.
fn is_odd(character: char) -> bool {
    character == '\\' || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_or_a_shell_would_read_otherwise_are_refused() {
        for good in ["main", "release/1.2", "ümlaut", "a-b_c.d"] {
            assert!(branch_reference(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "-D",
            "--force",
            "a..b",
            "a b",
            "a:b",
            "a~1",
            "a^",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "/a",
            "a/",
            "a//b",
            "a.lock",
            ".a",
            "a.",
            "@{u}",
            "a\nb",
            "HEAD",
            "refs/heads/main",
        ] {
            assert!(branch_reference(wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["main", "HEAD", "refs/", "refs/heads/a..b", "-refs/heads/a"] {
            assert!(check_reference(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(
            journal_reference("production", "shop-1").unwrap(),
            "refs/shipgate/production/shop-1"
        );
        for wrong in ["", "-a", "a-", "A", "a/b", "a.b", "a_b", "..", "é"] {
            assert!(journal_reference("production", wrong).is_err(), "{wrong:?}");
            assert!(journal_reference(wrong, "shop").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for good in ["a", "clusters/prod/a.yaml", ".gitignore", "a b/c", "..a"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/../b",
            "./a",
            ".git/config",
            "a/.GIT/hooks",
            "a\\b",
            "a\0",
            "a\nb",
            "GIT~1/x",
        ] {
            assert!(check_path(wrong).is_err(), "{wrong:?}");
        }
    }
}
