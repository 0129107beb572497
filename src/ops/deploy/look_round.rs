//! What a way back finds on the branch besides its own values: what others have changed, and what cannot be
//! read.

use super::{Outside, back::BackEnd, facts};
use crate::{
    event::{Event, Reporter},
    git::CommitId,
    manifest::ObjectRef,
    ops::{carried, load, manifests::ForWayBack, writer::Writer},
    rollout::{BackStep, taken_back},
};

/// Says that a workload has another version on the branch than the one that is to run again, if it has: a
/// version that the run did not write, because it was there already, and that somebody else has changed since.
/// What is not on the branch is not waited for.
pub(super) async fn another_on_branch(
    writer: &Writer<'_>,
    workload: &ObjectRef,
    version: &str,
    commit: &CommitId,
    outside: &Outside<'_>,
) -> Option<String> {
    let target = writer.target;
    // Where it cannot be read, the wait says what runs.
    let read = load::manifests_for_way_back(outside.repository, commit, target, &[]).await;
    let manifests = read.ok()?.manifests;
    let found = carried::version(&target.service, &manifests, workload).ok()?;
    (found != version).then(|| sentence(writer, workload, &found, version))
}

/// What is on the branch besides the values of a way back, once these are there.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Says of the workload that serves everyone, where no step waits for it, that it has another version
    /// than the one that is said to be live again.
    pub another: Option<String>,
    /// Files that cannot be read.
    left_out: Vec<String>,
}

impl Around {
    /// Looks at the commit with all values back, and tells which files cannot be read there.
    pub async fn look(
        writer: &Writer<'_>,
        steps: &[BackStep],
        commit: &CommitId,
        outside: &Outside<'_>,
        reporter: &mut dyn Reporter,
    ) -> Self {
        let target = writer.target;
        let written = taken_back(steps);
        let read = load::manifests_for_way_back(outside.repository, commit, target, &written).await;
        // Where it cannot be read, the waits say what runs.
        let Ok(ForWayBack {
            manifests,
            left_out,
        }) = read
        else {
            return Self::default();
        };
        for file in &left_out {
            reporter.event(&Event::Warning(format!(
                "the way back goes on without a file that it needs nothing of: {file}"
            )));
        }
        let waits =
            |step: &BackStep| matches!(step, BackStep::WaitLive(_) | BackStep::WaitServing(_));
        let stable = facts::roles(target, &manifests).map(|(roles, _)| roles.stable);
        let another = stable
            .ok()
            .filter(|_| !steps.iter().any(waits))
            .and_then(|stable| {
                let found = carried::version(&target.service, &manifests, &stable).ok()?;
                let previous = &writer.identity.previous_version;
                (found != *previous).then(|| sentence(writer, &stable, &found, previous))
            });
        Self { another, left_out }
    }

    /// Adds to what was waited for in vain why that may be so.
    pub fn tell(&self, end: BackEnd) -> BackEnd {
        match (end, self.left_out.first()) {
            (BackEnd::Failed(failure), Some(file)) => BackEnd::Failed(failure.hint(format!(
                "a controller may take nothing of the branch while a file there cannot be read: {file}"
            ))),
            (end, _) => end,
        }
    }
}

fn sentence(writer: &Writer<'_>, workload: &ObjectRef, found: &str, wanted: &str) -> String {
    format!(
        "{workload} has {found} on branch `{}` and not {wanted}: someone else changed it",
        writer.target.branch
    )
}
