//! The values of a service that shipgate writes, as a commit has them, each with its place.

use std::collections::BTreeMap;

use crate::{
    event::{Ending, Failure, ManagedValue, ValueKey},
    git::{CommitId, Repository},
    manifest::{ChangeSet, Edit, Manifests, Refusal, colours as colours_of, locate},
    ops::{
        deploy::Outside,
        failure,
        load::{self, Target},
    },
    rollout::{replicas_edit, version_edits},
    units::{Version, Weight},
};

/// A version that nobody has: everything that carries the version would have to be changed to it.
const NO_VERSION: &str = "0.0.0-nobody-has-this-version";

/// Reads the service from the configuration of a commit; none where it is not in there.
pub(super) async fn configured(
    outside: &Outside<'_>,
    target: &Target,
    commit: &CommitId,
) -> Result<Option<Target>, Failure> {
    match load::target_at(outside.repository, target, commit).await {
        Ok(target) => Ok(Some(target)),
        Err(failure) if failure.0.ending == Ending::Unavailable => Err(failure),
        Err(_) => Ok(None),
    }
}

/// The values of a service, or why they cannot be read.
pub(super) type Read = Result<BTreeMap<ValueKey, ManagedValue>, String>;

/// Reads the values of a commit, or why they cannot be read.
pub(super) async fn read(
    outside: &Outside<'_>,
    commit: &CommitId,
    target: &Target,
) -> Result<Read, Failure> {
    match of_commit(outside.repository, commit, target).await {
        Ok(values) => Ok(Ok(values)),
        Err(failure) if failure.0.ending == Ending::Unavailable => Err(failure),
        Err(failure) => Ok(Err(failure.to_string())),
    }
}

pub(super) async fn value(
    outside: &Outside<'_>,
    commit: &CommitId,
    target: &Target,
    key: &ValueKey,
) -> Result<Option<String>, Failure> {
    let values = read(outside, commit, target).await?.unwrap_or_default();
    Ok(values.get(key).map(|value| value.text.clone()))
}

/// Reads them: whatever an edit would change is there, with what it is now.
///
/// # Errors
/// The git server does not answer; the manifests cannot be read or do not have the values.
async fn of_commit(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
) -> Result<BTreeMap<ValueKey, ManagedValue>, Failure> {
    let manifests = load::manifests(repository, commit, target).await?;
    let service = &target.service;
    let version = NO_VERSION
        .parse::<Version>()
        .map_err(|nonsense| Failure::new(Ending::Internal, format!("no version: {nonsense}")))?;
    let mut found = Vec::new();
    for (_, workload) in service.strategy.workloads() {
        let edits = version_edits(service, &workload.object, &version);
        found.push(all(&manifests, &edits)?);
    }
    if let Some(pair) = service.strategy.blue_green() {
        let colours = [&pair.blue.object, &pair.green.object];
        for workload in colours {
            let replicas = [1, 2].map(|replicas| Edit::Replicas {
                workload: workload.clone(),
                replicas,
            });
            found.push(either(&manifests, replicas.into_iter())?);
        }
        let label = pair.label.as_deref();
        let colours = colours_of(&manifests, &pair.service, label, colours)
            .map_err(|refusal| failure::refusals(vec![refusal]))?;
        for selecting in std::iter::once(&pair.service).chain(&pair.preview_service) {
            let edits = colours.values.iter().map(|value| Edit::Selector {
                service: selecting.clone(),
                key: colours.label.clone(),
                value: value.clone(),
            });
            found.push(either(&manifests, edits)?);
        }
    }
    if let Some(canary) = service.strategy.canary() {
        let weights = [1, 2]
            .into_iter()
            .filter_map(|percent| Weight::new(percent).ok());
        let weights = weights.filter_map(|weight| canary.traffic.edit(weight));
        let workload = &canary.canary.object;
        let replicas = [1, 2].map(|replicas| replicas_edit(service, workload, replicas));
        found.push(either(&manifests, weights)?);
        found.push(either(&manifests, replicas.into_iter())?);
    }
    let changes = found.into_iter().flat_map(|set| set.changes);
    Ok(changes
        .filter_map(|change| {
            let key = ValueKey {
                object: change.object.to_string(),
                target: change.target(),
            };
            let value = ManagedValue {
                text: change.old?,
                path: change.path,
                line: change.line,
            };
            Some((key, value))
        })
        .collect())
}

fn all(manifests: &Manifests, edits: &[Edit]) -> Result<ChangeSet, Failure> {
    locate(manifests, edits).map_err(failure::refusals)
}

/// Tries edits to different values until one would change something: no value is both.
fn either(manifests: &Manifests, edits: impl Iterator<Item = Edit>) -> Result<ChangeSet, Failure> {
    let mut refused: Option<Vec<Refusal>> = None;
    for edit in edits {
        match locate(manifests, &[edit]) {
            Ok(set) if !set.is_empty() => return Ok(set),
            Ok(_) => {}
            Err(refusals) => refused = Some(refusals),
        }
    }
    match refused {
        Some(refusals) => Err(failure::refusals(refusals)),
        None => Ok(ChangeSet::default()),
    }
}
