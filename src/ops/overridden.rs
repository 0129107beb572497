//! Kustomizations that are not among a service's manifests and decide over what is written in them: an edit there
//! would be without effect.

use std::collections::BTreeSet;

use super::{
    failure,
    load::Target,
    manifests::{is_below, is_file},
};
use crate::{
    event::Failure,
    git::{CommitId, Repository},
    manifest::{self, Manifests, Refusal, is_kustomization},
    rollout::{self, Plan},
};

/// Refuses a plan whose values another kustomization of the environment sets.
///
/// # Errors
/// The git server does not answer; the first value of each such kustomization.
pub async fn check(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
    plan: &Plan,
    manifests: &Manifests,
) -> Result<(), Failure> {
    let known: BTreeSet<&str> = manifests.paths().collect();
    let listing = repository.list(commit).await.map_err(failure::git)?;
    let candidates = listing.iter().enumerate().filter(|(_, entry)| {
        let path = &*entry.path;
        is_kustomization(path)
            && is_file(entry)
            && is_below(path, &target.environment.root)
            && !known.contains(path)
    });
    let candidates = candidates.map(|(position, _)| position).collect();
    // What cannot be read decides over nothing that could be told.
    let looked_at = repository.read_where(&listing, candidates, whatever_it_holds);
    let looked_at = looked_at.await.map_err(failure::git)?;
    let files = manifest::reaching(&looked_at, &known);
    if files.is_empty() {
        return Ok(());
    }
    let others: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
    let Ok(together) = manifests.with(files) else {
        return Ok(());
    };
    let built = manifest::built(&together);
    let builds_ours = |files: &BTreeSet<String>| {
        files.iter().any(|file| known.contains(file.as_str()))
            && files.iter().any(|file| others.contains(file))
    };
    if !built.values().any(builds_ours) {
        return Ok(());
    }
    let refusals = match rollout::replay(plan, &together) {
        Ok(replay) => {
            let changes = replay.result(usize::MAX);
            let mut refusals: Vec<Refusal> = Vec::new();
            for change in changes.iter().filter(|it| others.contains(&it.path)) {
                let is_known = |known: &Refusal| known.path.as_deref() == Some(&*change.path);
                if !refusals.iter().any(is_known) {
                    let reason = format!(
                        "{} of {} decides over a value of `{}` and is not among its `manifests`, so an edit there \
                         would be without effect",
                        change.target(),
                        change.object,
                        target.service.name
                    );
                    refusals.push(hinted(Refusal::new(reason).at(&change.path, change.line)));
                }
            }
            refusals
        }
        // What is written by itself could be edited: it is the other kustomization that is in the way.
        Err(refusals) => {
            let told = |refusal: Refusal| Refusal {
                reason: format!(
                    "{}; a kustomization that is not among `manifests` of `{}` decides here",
                    refusal.reason, target.service.name
                ),
                ..refusal
            };
            refusals.into_iter().map(told).collect()
        }
    };
    if refusals.is_empty() {
        return Ok(());
    }
    Err(failure::refusals(refusals))
}

fn whatever_it_holds(_: &[u8]) -> bool {
    true
}

fn hinted(refusal: Refusal) -> Refusal {
    refusal.hint(
        "name the kustomization in `manifests`, too: it is edited then; or take what it sets there out of it",
    )
}
