//! Which kinds of repositories on this machine can be changed: bare ones that hold all of their files.

use std::path::Path;

use git2::{Config, Repository, RepositoryOpenFlags};

use super::{error::GitError, register::prepare};

/// Sees that the repository at `path` is one that can be pushed to. How its refs are kept is left to
/// the `git` program, which reads and writes them.
///
/// # Errors
/// No repository, a work tree, ids that are not SHA-1, a partial clone.
pub(super) fn check(path: &Path) -> Result<(), GitError> {
    prepare();
    let display = path.display().to_string();
    let flags = RepositoryOpenFlags::NO_SEARCH;
    let repository = Repository::open_ext(path, flags, &[] as &[&Path]).map_err(|error| {
        if error.code() == git2::ErrorCode::NotFound {
            return GitError::not_found(
                format!("{display} is not a git repository"),
                "name the folder of a bare repository",
            );
        }
        match object_format(path) {
            Some(format) => GitError::object_format(&display, &format),
            None => GitError::unsupported(
                format!("{display} can not be opened: {}", error.message()),
                "name the address of a server that holds the repository",
            ),
        }
    })?;
    if !repository.is_bare() {
        return Err(GitError::NotBare {
            message: format!(
                "{display} is a work tree; changing its branch would leave its files behind"
            ),
            hint: "name a bare repository, or the address that the work tree was cloned from"
                .to_owned(),
        });
    }
    let partial = is_partial(&repository).map_err(GitError::while_doing("read its settings"))?;
    if partial {
        // Git would get what is missing from wherever the settings say.
        return Err(GitError::unsupported(
            format!("{display} is a partial clone: some of its files are only where it comes from"),
            "name the address that it was cloned from",
        ));
    }
    Ok(())
}

/// Returns the object format that the settings of a repository name, if that is another one than
/// SHA-1 (gitrepository-layout: `extensions.objectFormat`).
fn object_format(path: &Path) -> Option<String> {
    ["config", ".git/config"].iter().find_map(|name| {
        let config = Config::open(&path.join(name)).ok()?;
        let format = config.get_string("extensions.objectformat").ok()?;
        (format != "sha1").then_some(format)
    })
}

/// Was it cloned with a filter (`extensions.partialClone`, or `remote.<name>.promisor`)?
fn is_partial(repository: &Repository) -> Result<bool, git2::Error> {
    let config = repository.config()?.snapshot()?;
    let mut found = config.get_str("extensions.partialclone").is_ok();
    config
        .entries(Some("^remote\\..*\\.promisor$"))?
        .for_each(|entry| {
            let name = entry.name().unwrap_or_default();
            found |= config.get_bool(name).unwrap_or(false);
        })?;
    Ok(found)
}
