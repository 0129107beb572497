//! The checkout that a folder is the root of.

use std::path::Path;

use git2::{Repository, RepositoryOpenFlags};

use super::register::prepare;

/// A checkout of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The branch that is checked out; none = a commit is, or nobody can tell.
    pub branch: Option<String>,
}

impl Checkout {
    /// Finds the checkout whose root a folder is; none where it is in one, or in none.
    pub fn at(folder: &Path) -> Option<Self> {
        prepare();
        let here = RepositoryOpenFlags::NO_SEARCH;
        let ceilings: &[&Path] = &[];
        let repository = Repository::open_ext(folder, here, ceilings).ok()?;
        repository.workdir()?;
        let head = repository.find_reference("HEAD").ok();
        let branch = head.and_then(|head| {
            let name = head.symbolic_target().ok()??.strip_prefix("refs/heads/")?;
            Some(name.to_owned())
        });
        Some(Self { branch })
    }
}
