//! Which files around a folder git is told to pass by: `.gitignore` and `.git/info/exclude`.

use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryOpenFlags};

use super::register::prepare;

/// What the repository around a folder ignores; nothing where there is none.
pub struct Ignored {
    checkout: Option<Repository>,
    /// The folder, counted from the repository's.
    folder: PathBuf,
}

impl Ignored {
    /// Finds the repository around a folder. What cannot be read ignores nothing, and neither does one
    /// that ignores the folder itself.
    pub fn around(folder: &Path) -> Self {
        let nothing = Self {
            checkout: None,
            folder: PathBuf::new(),
        };
        prepare();
        let ceilings: &[&Path] = &[];
        let found = Repository::open_ext(folder, RepositoryOpenFlags::empty(), ceilings);
        let Ok(checkout) = found else {
            return nothing;
        };
        let inside = checkout.workdir().and_then(|all| {
            let (all, folder) = (all.canonicalize().ok()?, folder.canonicalize().ok()?);
            folder.strip_prefix(all).ok().map(Path::to_owned)
        });
        let Some(inside) = inside else {
            return nothing;
        };
        let is_root = inside.as_os_str().is_empty();
        if !is_root && checkout.status_should_ignore(&inside).unwrap_or(true) {
            return nothing;
        }
        Self {
            checkout: Some(checkout),
            folder: inside,
        }
    }

    /// Is a path of the folder ignored? A folder's has `/` at its end. What is committed or staged is not,
    /// whatever the rules say of it.
    pub fn holds(&self, path: &str) -> bool {
        let Some(checkout) = &self.checkout else {
            return false;
        };
        let whole = self.folder.join(path);
        if !checkout.status_should_ignore(&whole).unwrap_or(false) {
            return false;
        }
        let Ok(index) = checkout.index() else {
            return true;
        };
        let is_tracked = if path.ends_with('/') {
            index.find_prefix(&*whole).is_ok()
        } else {
            index.get_path(&whole, 0).is_some()
        };
        !is_tracked
    }
}
