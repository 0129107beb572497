//! The names under which our own store has the commits that are being pushed.

use git2::Repository;

use super::{error::GitError, remote::Update};

/// Returns the name of the commit of the update with a number, from 0.
pub(super) fn name(number: usize) -> String {
    format!("refs/outgoing/{number}")
}

/// Commits that are being pushed, under their names.
pub(super) struct Outgoing<'store> {
    store: &'store Repository,
    names: Vec<String>,
}

impl<'store> Outgoing<'store> {
    /// Names the new commit of each update.
    ///
    /// # Errors
    /// Our own folder cannot be written.
    pub(super) fn keep(store: &'store Repository, updates: &[&Update]) -> Result<Self, GitError> {
        let mut outgoing = Self {
            store,
            names: Vec::new(),
        };
        let kept = updates.iter().enumerate();
        for (number, update) in kept.filter(|(_, update)| !update.new.is_zero()) {
            let name = name(number);
            store
                .reference(&name, update.new, true, "push")
                .map_err(GitError::while_doing("keep the commit"))?;
            outgoing.names.push(name);
        }
        Ok(outgoing)
    }
}

impl Drop for Outgoing<'_> {
    /// Lets go of all but the first: the next fetch tells the server of every name that there is, and of
    /// the last commit that is worth it.
    fn drop(&mut self) {
        for name in self.names.iter().skip(1) {
            if let Ok(mut reference) = self.store.find_reference(name) {
                // A name that stays is in nobody's way.
                let _ = reference.delete();
            }
        }
    }
}
