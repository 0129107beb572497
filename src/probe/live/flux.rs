//! Flux: which commit a Kustomization has applied, and whether a HelmRelease is released
//! (<https://github.com/fluxcd/kustomize-controller/blob/main/docs/spec/v1/kustomizations.md>,
//! <https://github.com/fluxcd/helm-controller/blob/main/docs/spec/v2/helmreleases.md>).

use std::time::Duration;

use super::{
    Standing, Trouble,
    cluster::{Cluster, Kind, Name},
    object::{Object, said},
    overrides::Overrides,
    source::Source,
};
use crate::{clock::Clock, probe::text::excerpt};

const KUSTOMIZATION: Kind = Kind {
    group_version: "kustomize.toolkit.fluxcd.io/v1",
    plural: "kustomizations",
    kind: "Kustomization",
};
const HELM_RELEASE: Kind = Kind {
    group_version: "helm.toolkit.fluxcd.io/v2",
    plural: "helmreleases",
    kind: "HelmRelease",
};

const GIT_REPOSITORY: Kind = Kind {
    group_version: "source.toolkit.fluxcd.io/v1",
    plural: "gitrepositories",
    kind: "GitRepository",
};

/// What a Kustomization says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kustomization {
    /// Where it takes from what it applies, with the commit that it has applied, as it says it; none =
    /// none yet.
    pub source: Source,
    /// Namespace and name of the GitRepository that it takes it from.
    pub repository: (String, String),
    /// The commit that it has tried to apply last.
    pub attempted: Option<String>,
    /// Does it say that it is ready only once the workloads are?
    pub waits: bool,
    /// What it puts in the place of what is in git.
    pub overrides: Overrides,
    /// How it stands.
    pub standing: Standing,
}

/// Asks a cluster for a Kustomization.
///
/// # Errors
/// It is not there; no answer, or none that can be used.
pub async fn kustomization(
    cluster: &Cluster,
    clock: &dyn Clock,
    name: Name<'_>,
    timeout: Duration,
) -> Result<Kustomization, Trouble> {
    let answer = cluster.object(clock, KUSTOMIZATION, name, timeout).await?;
    let what = KUSTOMIZATION.named(name);
    let object = Object::new(
        &answer,
        KUSTOMIZATION.kind,
        (Some(name.namespace), name.name),
        &what,
    )?;
    let source = object.text("/spec/sourceRef/kind")?.unwrap_or_default();
    if source != GIT_REPOSITORY.kind {
        return Err(Trouble::Unanswered(format!(
            "{what} applies what it takes from a {}, which names no commit; use `live: {{kubernetes: …}}`",
            excerpt(source)
        )));
    }
    let of = object.text("/spec/sourceRef/name")?.unwrap_or_default();
    let of_namespace = object.text("/spec/sourceRef/namespace")?;
    let applied = object.text("/status/lastAppliedRevision")?;
    let attempted = object.text("/status/lastAttemptedRevision")?;
    Ok(Kustomization {
        source: Source {
            paths: vec![object.text("/spec/path")?.unwrap_or("./").to_owned()],
            follows: applied.and_then(reference_of).map(str::to_owned),
            revision: applied.map(|text| commit_of(text).to_owned()),
            ..Source::default()
        },
        repository: (
            of_namespace.unwrap_or(name.namespace).to_owned(),
            of.to_owned(),
        ),
        attempted: attempted.map(|text| commit_of(text).to_owned()),
        waits: object.is("/spec/wait")? || !object.list("/spec/healthChecks")?.is_empty(),
        overrides: Overrides::of_flux(object)?,
        standing: ready(object)?,
    })
}

/// Asks a cluster for a GitRepository: its address, and what it follows
/// (<https://github.com/fluxcd/source-controller/blob/main/docs/spec/v1/gitrepositories.md>).
///
/// # Errors
/// It is not there; no answer, or none that can be used.
pub async fn git_repository(
    cluster: &Cluster,
    clock: &dyn Clock,
    name: Name<'_>,
    timeout: Duration,
) -> Result<Source, Trouble> {
    let answer = cluster.object(clock, GIT_REPOSITORY, name, timeout).await?;
    let what = GIT_REPOSITORY.named(name);
    let place = (Some(name.namespace), name.name);
    let object = Object::new(&answer, GIT_REPOSITORY.kind, place, &what)?;
    let mut follows = None;
    // In the order in which they count.
    for key in ["commit", "name", "semver", "tag", "branch"] {
        follows = follows.or(object.text(&format!("/spec/ref/{key}"))?);
    }
    Ok(Source {
        repository: object.text("/spec/url")?.map(str::to_owned),
        follows: Some(follows.unwrap_or("master").to_owned()),
        ..Source::default()
    })
}

/// Asks a cluster for a HelmRelease.
///
/// # Errors
/// It is not there; no answer, or none that can be used.
pub async fn helm_release(
    cluster: &Cluster,
    clock: &dyn Clock,
    name: Name<'_>,
    timeout: Duration,
) -> Result<Standing, Trouble> {
    let answer = cluster.object(clock, HELM_RELEASE, name, timeout).await?;
    let what = HELM_RELEASE.named(name);
    let object = Object::new(
        &answer,
        HELM_RELEASE.kind,
        (Some(name.namespace), name.name),
        &what,
    )?;
    let standing = ready(object)?;
    if standing == Standing::Settled
        && let Some(remediated) = object.condition("Remediated")?
        && remediated.is_true()
    {
        return Ok(Standing::Failing(said(
            "Flux took the release back by itself",
            &remediated.sentence(),
        )));
    }
    Ok(standing)
}

/// Reads the conditions that all objects of Flux share.
fn ready(object: Object<'_>) -> Result<Standing, Trouble> {
    if let Some(moving) = object.outdated()? {
        return Ok(moving);
    }
    if object.is("/spec/suspend")? {
        return Ok(Standing::Moving("it is suspended".to_owned()));
    }
    if let Some(stalled) = object.condition("Stalled")?
        && stalled.is_true()
    {
        return Ok(Standing::Failing(said("stalled", &stalled.sentence())));
    }
    if let Some(reconciling) = object.condition("Reconciling")?
        && reconciling.is_true()
    {
        return Ok(Standing::Moving(said(
            "reconciling",
            &reconciling.sentence(),
        )));
    }
    Ok(match object.condition("Ready")? {
        Some(ready) if ready.is_outdated => {
            Standing::Moving("it says of an older generation whether it is ready".to_owned())
        }
        Some(ready) if ready.is_true() => Standing::Settled,
        // It waits for another one, and tries again.
        Some(ready) if ready.is_false() && ready.reason != "DependencyNotReady" => {
            Standing::Failing(said("not ready", &ready.sentence()))
        }
        Some(ready) => Standing::Moving(said("not ready", &ready.sentence())),
        None => Standing::Moving("it does not say yet whether it is ready".to_owned()),
    })
}

/// Returns the commit of a revision: `main@sha1:<id>`, `sha1:<id>`, and `main/<id>` of older releases.
fn commit_of(revision: &str) -> &str {
    revision.rsplit([':', '/']).next().unwrap_or(revision)
}

/// Returns the branch or tag of a revision, where it names one.
fn reference_of(revision: &str) -> Option<&str> {
    match revision.rsplit_once('@') {
        Some((reference, _)) => Some(reference),
        None => revision.rsplit_once('/').map(|(reference, _)| reference),
    }
}
