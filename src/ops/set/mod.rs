//! Rewrites manifests in a folder: all of the values that were asked for, or none.

mod read;
mod stamp;
mod write;

pub use read::FileSet;
pub(super) use read::{contents, names_in};

use self::write::Staged;
use super::{failure, stop::Stop};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    manifest::{Allowances, Applied, Edit, locate_allowing},
};

/// Makes edits in files. With `dry_run` nothing is written.
///
/// # Errors
/// An edit cannot be made safely, a file cannot be written, or somebody asked to stop; then no file is changed.
pub async fn run(
    files: &FileSet,
    edits: &[Edit],
    (allowed, dry_run): (Allowances, bool),
    stop: &Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let manifests = files.manifests();
    let set = locate_allowing(manifests, edits, allowed).map_err(failure::refusals)?;
    // What cannot be applied is refused without a note that it was done.
    // Each file is written beside its old one while it is at hand, and put in place when all are there.
    let mut staged = Staged::new(files);
    let mut paths = Vec::new();
    let applied = set.apply_each(manifests, |file| {
        if !dry_run {
            staged.add(&file);
        }
        paths.push(file.path);
    });
    let applied = applied.map_err(|refusal| failure::refusals(vec![refusal]))?;
    let mut notes: Vec<String> = files.left_out().into_iter().collect();
    notes.extend(set.notes.iter().cloned());
    for note in &notes {
        reporter.event(&Event::Note(note.clone()));
    }
    if set.is_empty() {
        let reason = "every value is right already; nothing was written";
        let mut outcome = Outcome::new(Ending::NoChange, reason);
        outcome.notes = notes;
        return Ok(outcome);
    }
    let what = set.summary();
    let Applied {
        diff,
        notes: warnings,
        ..
    } = applied;
    for warning in &warnings {
        reporter.event(&Event::Warning(warning.clone()));
    }
    notes.extend(warnings);
    let reason = if dry_run {
        format!("would change {what}; dry run: nothing was written")
    } else {
        // All of it was done in one go: a signal that came meanwhile is heard of now, and the new files are
        // taken away again.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        if let Some(reason) = stop.requested() {
            return Err(super::stopped_before_change(reason));
        }
        staged.put_in_place()?;
        format!("changed {what}")
    };
    let mut outcome = Outcome::new(Ending::Shown, reason);
    outcome.files_changed = paths;
    outcome.changes = set.changes;
    outcome.notes = notes;
    outcome.diff = diff;
    Ok(outcome)
}
