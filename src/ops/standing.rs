//! Whether what a run has written still stands on the branch, and who gets users has pods there.

use super::{
    carried,
    deploy::roles,
    failure,
    journal::State,
    land::{Direction, Write},
    load::Target,
    writer::NotLanded,
};
use crate::{
    config::{Service, Traffic},
    event::Failure,
    manifest::{
        self, Change, LargestShare, Manifests, ObjectRef, RestoreProblem, SourceFile, reapply,
    },
    rollout::Share,
    units::Weight,
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

/// Checks what a write would lead to: who gets users has pods, who loses its pods has no users, and nobody
/// gets more of the users than the plan says.
///
/// # Errors
/// [`NotLanded::Superseded`] where somebody else's change makes it so; a value cannot be read any more.
pub(super) fn check_result(
    target: &Target,
    manifests: &Manifests,
    (write, changes): (&Write<'_>, &[Change]),
    files: &[SourceFile],
) -> Result<(), NotLanded> {
    let empties = changes
        .iter()
        .any(|change| change.new.as_deref() == Some("0"));
    if write.serves.is_none() && !empties {
        return Ok(());
    }
    let then = manifests.with(files.to_vec());
    let then = then.map_err(|refusals| NotLanded::Failed(failure::refusals(refusals)))?;
    let service = &target.service;
    let wrong = write
        .serves
        .and_then(|workload| {
            without_pods(service, &then, workload).or_else(|| too_many_pods(service, &then, write))
        })
        .or_else(|| {
            let emptied = emptied(service, manifests, &then);
            emptied.and_then(|workload| users_of(target, &then, workload))
        });
    match wrong {
        Some(reason) => Err(NotLanded::Superseded(format!(
            "{reason}; someone else changed it"
        ))),
        None => Ok(()),
    }
}

/// Says that a workload which is to have users has no pods.
fn without_pods(service: &Service, then: &Manifests, workload: &ObjectRef) -> Option<String> {
    // Where nothing says how many pods it has, something else decides that.
    let pods = carried::replicas(service, then, workload).ok()?;
    (pods == 0)
        .then(|| format!("{workload} has 0 replicas now, so this would send users to no pods"))
}

/// Says that the canary would have a larger share of the pods than the plan says, where these share the
/// users among them: the stable workload has fewer by now than it was made with.
fn too_many_pods(service: &Service, then: &Manifests, write: &Write<'_>) -> Option<String> {
    let canary = service.strategy.canary()?;
    // What goes to everyone next has no share any more.
    if canary.traffic != Traffic::Replicas || write.state == State::Promoted {
        return None;
    }
    let pods = |workload| carried::replicas(service, then, workload).ok();
    let stable = &canary.stable.object;
    let (of_stable, of_canary) = (pods(stable)?, pods(&canary.canary.object)?);
    let share = Share {
        canary: of_canary,
        all: of_stable.saturating_add(of_canary),
    };
    let planned = write.weight?;
    (share.weight() > planned).then(|| {
        format!(
            "{stable} has {of_stable} of the pods now, so {share} would be the canary's and not {planned}"
        )
    })
}

/// Returns the workload of the service that loses its last pods.
fn emptied<'a>(
    service: &'a Service,
    before: &Manifests,
    then: &Manifests,
) -> Option<&'a ObjectRef> {
    let workloads = service.strategy.workloads().into_iter();
    let mut objects = workloads.map(|(_, workload)| &workload.object);
    objects.find(|object| {
        let pods = |manifests| carried::replicas(service, manifests, object).ok();
        pods(then) == Some(0) && pods(before) != Some(0)
    })
}

/// Says that a workload has users.
fn users_of(target: &Target, then: &Manifests, workload: &ObjectRef) -> Option<String> {
    let strategy = &target.service.strategy;
    if let Some(pair) = strategy.blue_green() {
        let (roles, _) = roles(target, then).ok()?;
        return (roles.stable == *workload).then(|| {
            format!(
                "{} leads to {workload}, so this would send users to no pods",
                pair.service
            )
        });
    }
    let canary = strategy.canary()?;
    let Traffic::Object {
        object,
        canary: name,
    } = &canary.traffic
    else {
        return None;
    };
    if canary.canary.object != *workload {
        return None;
    }
    let share = manifest::largest_share(then, object, name.as_deref()).ok()?;
    let LargestShare { weight, path, line } = share;
    (weight != Weight::ZERO).then(|| {
        format!(
            "{path}:{line}: {object} gives {workload} {weight}, so this would send users to no pods"
        )
    })
}
