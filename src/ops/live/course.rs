//! How far the controller of a Rollout is with what it was told.

use super::{
    Wanted,
    look::{Look, kubernetes, look, workload},
    revision::Revisions,
    source::Source,
};
use crate::{config::Live, ops::deploy::Outside, probe::live::kubeconfig::Unusable};

/// What one look at a Rollout found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ops) enum Course {
    /// Everyone gets the version.
    Done,
    /// On its way, or nobody knows.
    Moving {
        /// Has the controller taken up what was written, as far as that is known?
        is_taken_up: bool,
        /// What was seen.
        seen: String,
    },
    /// It says that it fails. That may pass.
    Failing(String),
    /// It has taken the traffic off the version for good.
    Aborted(String),
    /// It waits for a person. Says why, and what lets it go on.
    Paused(String),
    /// It cannot be asked at all.
    Unusable(Unusable),
}

impl From<Unusable> for Course {
    fn from(unusable: Unusable) -> Self {
        Self::Unusable(unusable)
    }
}

/// Looks once. Only the Rollout itself knows its steps; Argo CD says of all that is neither done nor
/// failing that it is under way.
pub(in crate::ops) async fn course(
    wanted: &Wanted<'_>,
    outside: &Outside<'_>,
    revisions: &mut Revisions,
) -> Course {
    let Live::Kubernetes(live) = wanted.live else {
        return by_health(look(wanted, outside, revisions).await);
    };
    let source = Source {
        target: wanted.target,
        outside,
        arm: wanted.arm,
    };
    let seen = match kubernetes(live, source).await {
        Err(unusable) => return unusable.into(),
        Ok(seen) => seen,
    };
    let progress = match &seen {
        Ok(seen) if seen.versions == [wanted.version] => seen.progress.clone(),
        _ => None,
    };
    let looked = workload(wanted, seen);
    let Some(progress) = progress else {
        return match looked {
            Look::NotYet(seen) => Course::Moving {
                is_taken_up: false,
                seen,
            },
            looked => by_health(looked),
        };
    };
    match (looked, progress.aborted, progress.waits_for_person) {
        (Look::AsWanted, ..) => Course::Done,
        (_, Some(reason), _) => Course::Aborted(reason),
        (Look::NotYet(seen), None, Some(_)) => Course::Paused(seen),
        (Look::NotYet(seen), None, None) => Course::Moving {
            is_taken_up: progress.is_taken_up,
            seen,
        },
        (looked, None, _) => by_health(looked),
    }
}

fn by_health(looked: Look) -> Course {
    match looked {
        Look::AsWanted => Course::Done,
        Look::NotYet(seen) => Course::Moving {
            is_taken_up: true,
            seen,
        },
        Look::Failing(seen) => Course::Failing(seen),
        Look::Unusable(unusable) => Course::Unusable(unusable),
    }
}

/// Says where the steps of a Rollout are not seen; none where they are.
pub(in crate::ops) fn blind_to_steps(live: &Live) -> Option<&'static str> {
    (!matches!(live, Live::Kubernetes(_))).then_some(
        "Argo CD tells whether the Rollout is healthy, and not at which step it is or that it waits for a person; `live: {stable: {kubernetes: {}}}` does",
    )
}
