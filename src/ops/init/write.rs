//! Writes drafts into a folder: all of them, or none.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{CONFIG, Drafts};
use crate::event::{Ending, Failure};

/// Writes drafts into a folder: all of them, or none.
///
/// # Errors
/// One of the files is there already ([`Ending::Usage`]), or cannot be written; then what was written before it
/// is taken away again.
pub fn write(folder: &Path, drafts: &Drafts) -> Result<(), Failure> {
    let is_there = |path: &&String| fs::symlink_metadata(folder.join(path)).is_ok();
    let mut paths = drafts.files.iter().map(|(path, _)| path);
    if let Some(path) = paths.find(is_there) {
        let reason =
            format!("{path} is there already, and `init` overwrites nothing; nothing was written");
        let then = match path.as_str() {
            CONFIG => "move the file away to begin again",
            _ => {
                "put what belongs to it into yours by hand, and run it without --ci for the other files"
            }
        };
        return Err(Failure::new(Ending::Usage, reason).hint(format!(
            "`{} --dry-run` prints what it would write; {then}",
            drafts.command
        )));
    }
    let mut made = Made::default();
    for (path, text) in &drafts.files {
        let written = made.file(folder, path, text);
        written.map_err(|error| {
            let left = made.take_away();
            let end = match left.as_slice() {
                [] => "nothing was left behind".to_owned(),
                left => format!("these could not be taken away again: {}", left.join(", ")),
            };
            let reason = format!("{path} cannot be written: {error}; {end}");
            Failure::new(Ending::Usage, reason).hint("run it in a folder that you may write to")
        })?;
    }
    Ok(())
}

impl Drafts {
    /// Returns what writing them changes, as a unified diff.
    pub fn diff(&self) -> String {
        let files = self.files.iter().map(|(path, text)| {
            let lines = text.lines().map(|line| format!("+{line}\n"));
            let number = text.lines().count();
            format!(
                "--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{number} @@\n{}",
                lines.collect::<String>()
            )
        });
        files.collect()
    }
}

/// The files and folders that this run has made, in their order.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    fn file(&mut self, folder: &Path, path: &str, text: &str) -> io::Result<()> {
        let target = folder.join(path);
        let parents: Vec<&Path> = target.ancestors().skip(1).collect();
        for parent in parents.into_iter().rev() {
            if !parent.is_dir() {
                fs::create_dir(parent)?;
                self.folders.push(parent.to_owned());
            }
        }
        let mut file = fs::File::create_new(&target)?;
        self.files.push(target);
        file.write_all(text.as_bytes())
    }

    /// Takes away what was made; returns what is left.
    fn take_away(&mut self) -> Vec<String> {
        let files = self.files.drain(..).rev();
        let mut left: Vec<String> = files
            .filter(|path| fs::remove_file(path).is_err())
            .map(|path| path.display().to_string())
            .collect();
        let folders = self.folders.drain(..).rev();
        let folders = folders.filter(|path| fs::remove_dir(path).is_err());
        left.extend(folders.map(|path| path.display().to_string()));
        left
    }
}
