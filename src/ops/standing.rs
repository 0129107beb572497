//! Whether what a run has written still stands on the branch, and who gets users has pods there.

use super::{
    carried, failure,
    land::{Direction, Write},
    writer::NotLanded,
};
use crate::{
    config::Service,
    event::Failure,
    manifest::{Change, Manifests, ObjectRef, RestoreProblem, SourceFile, reapply},
};

/// Checks that somebody else has not changed what the run wrote before. A value that this write changes
/// may be where the run left it, or where the write brings it.
///
/// # Errors
/// [`NotLanded::Superseded`] with the first value that is not; a value that cannot be read any more.
pub(super) fn check(manifests: &Manifests, write: &Write<'_>) -> Result<(), NotLanded> {
    if write.direction == Direction::Back || write.stands.is_empty() {
        return Ok(());
    }
    match changed(manifests, write.stands, write.changes)? {
        Some(reason) => Err(NotLanded::Superseded(reason)),
        None => Ok(()),
    }
}

/// Says which of the values that a run wrote somebody else has changed since; none where all stand.
/// `next` is what the run is about to write, or may have written already.
///
/// # Errors
/// A value cannot be read any more.
pub(super) fn changed(
    manifests: &Manifests,
    written: &[Change],
    next: &[Change],
) -> Result<Option<String>, Failure> {
    let all = [written, next].concat();
    let left = |change: &Change| written.iter().rfind(|it| it.same_place(change));
    let set = match reapply(manifests, &all) {
        Ok(set) => set,
        Err(RestoreProblem::Superseded {
            change,
            found,
            line,
        }) => {
            // What only the next step writes is that step's own to find.
            let left = left(&change);
            return Ok(left.map(|left| said(left, found.as_deref(), line)));
        }
        Err(RestoreProblem::Refused(refusals)) => return Err(failure::refusals(refusals)),
    };
    let moved = set.changes.iter().find_map(|change| {
        let left = left(change).filter(|left| left.new != change.old)?;
        Some(said(left, change.old.as_deref(), Some(change.line)))
    });
    Ok(moved)
}

fn said(left: &Change, found: Option<&str>, line: Option<usize>) -> String {
    let path = &left.path;
    let place = line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"));
    format!(
        "{place}: {} of {} is {} now, and this run left `{}`; someone else changed it",
        left.target(),
        left.object,
        found.map_or_else(|| "gone".to_owned(), |value| format!("`{value}`")),
        left.after(),
    )
}

/// Checks that a workload which is given users has pods, once some files are as they are to be.
///
/// # Errors
/// [`NotLanded::Superseded`]: it has none.
pub(super) fn check_pods(
    service: &Service,
    manifests: &Manifests,
    files: &[SourceFile],
    workload: &ObjectRef,
) -> Result<(), NotLanded> {
    let then = manifests.with(files.to_vec());
    let then = then.map_err(|refusals| NotLanded::Failed(failure::refusals(refusals)))?;
    // Where nothing says how many pods it has, something else decides that.
    match carried::replicas(service, &then, workload) {
        Ok(0) => Err(NotLanded::Superseded(format!(
            "{workload} has 0 replicas now, so this would send users to no pods; someone else changed it"
        ))),
        _ => Ok(()),
    }
}
