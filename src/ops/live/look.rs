//! One look at whatever says what runs, and what it means for what is waited for.

use std::{collections::BTreeSet, time::Duration};

use url::Url;

use super::{
    Presence, Wanted, before,
    origin::Origin,
    overrides,
    revision::Revisions,
    source::{Source, needed},
};
use crate::{
    config::{
        Live,
        live::{ArgoCdApplication, FluxObjects, KubernetesWorkload, VersionMetric},
    },
    ops::deploy::Outside,
    probe::{
        self,
        live::{
            Standing, Trouble, argocd,
            cluster::{Cluster, Name},
            flux,
            kubeconfig::Unusable,
            source::Source as Taken,
            workload::{self, Workload},
        },
    },
};

/// How long one answer may take.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// As wanted.
    AsWanted,
    /// Not as wanted, or nobody knows; says what was seen.
    NotYet(String),
    /// What we wrote has arrived, and whoever carries it out says that it fails. That may pass.
    Failing(String),
    /// It cannot be asked at all.
    Unusable(Unusable),
}

impl From<Unusable> for Look {
    fn from(unusable: Unusable) -> Self {
        Self::Unusable(unusable)
    }
}

/// Looks once.
pub(super) async fn look(
    wanted: &Wanted<'_>,
    outside: &Outside<'_>,
    revisions: &mut Revisions,
) -> Look {
    let source = Source {
        target: wanted.target,
        outside,
        arm: wanted.arm,
    };
    let looked = match wanted.live {
        Live::Http { url, pointer, .. } => {
            return http(wanted, version(url, pointer.as_deref(), outside).await);
        }
        Live::ArgoCd(live) => argocd(live, source, wanted, revisions).await,
        Live::Flux(live) => flux(live, source, wanted, revisions).await,
        Live::Kubernetes(live) => kubernetes(live, source)
            .await
            .map(|seen| workload(wanted, seen)),
        Live::Metric(live) => versions(live, source)
            .await
            .map(|seen| metric(wanted, seen)),
    };
    looked.unwrap_or_else(Look::from)
}

/// Asks an address which version it is of.
///
/// # Errors
/// It does not say; the reason as a clause.
pub(super) async fn version(
    url: &Url,
    pointer: Option<&str>,
    outside: &Outside<'_>,
) -> Result<String, String> {
    let (client, clock) = (outside.client, &*outside.clock);
    probe::http::version(client, clock, url, pointer, ANSWER_LIMIT).await
}

/// A service that no longer answers is as good as one that is gone.
fn http(wanted: &Wanted<'_>, answer: Result<String, String>) -> Look {
    let (found, seen) = match answer {
        Ok(found) => (found == wanted.version, format!("runs {found}")),
        Err(trouble) => (false, trouble),
    };
    if found == (wanted.presence == Presence::Running) {
        Look::AsWanted
    } else {
        Look::NotYet(seen)
    }
}

pub(super) async fn versions(
    live: &VersionMetric,
    source: Source<'_>,
) -> Result<Result<BTreeSet<String>, Trouble>, Unusable> {
    let (endpoint, query) = source.metric(live)?;
    let (client, clock) = (source.outside.client, &*source.outside.clock);
    let asked = (query.as_str(), live.label.as_str());
    Ok(probe::live::metric::versions(client, clock, &endpoint, asked, ANSWER_LIMIT).await)
}

/// A workload without a series does not run; one with another version beside the wanted one is on its
/// way.
fn metric(wanted: &Wanted<'_>, seen: Result<BTreeSet<String>, Trouble>) -> Look {
    let seen = match seen {
        Ok(seen) => seen,
        Err(trouble) => return Look::NotYet(trouble.reason().to_owned()),
    };
    let is_as_wanted = match wanted.presence {
        Presence::Running => seen.len() == 1 && seen.contains(wanted.version),
        Presence::Gone => !seen.contains(wanted.version),
    };
    if is_as_wanted {
        return Look::AsWanted;
    }
    let shown: Vec<&str> = seen.iter().map(String::as_str).collect();
    Look::NotYet(match shown.as_slice() {
        [] => "no series is above 0".to_owned(),
        shown => format!("runs {}", shown.join(" and ")),
    })
}

async fn argocd(
    live: &ArgoCdApplication,
    source: Source<'_>,
    wanted: &Wanted<'_>,
    revisions: &mut Revisions,
) -> Result<Look, Unusable> {
    let (endpoint, name) = source.argocd(live)?;
    let Source { outside, .. } = source;
    let (client, clock) = (outside.client, &*outside.clock);
    let seen = argocd::application(client, clock, &endpoint, &name, ANSWER_LIMIT).await;
    let seen = match seen {
        Ok(seen) => seen,
        Err(trouble) => return Ok(Look::NotYet(trouble.reason().to_owned())),
    };
    let what = format!("Application {}", name.application);
    let ours = origin(source, live.repository.as_deref()).among(&what, &seen.sources)?;
    let found = revisions_of(ours);
    let arrived = arrived(&found, wanted, outside, revisions).await;
    Ok(match (arrived, seen.standing) {
        (Err(reason), _) => Look::NotYet(format!("{what}: {reason}")),
        (Ok(()), Standing::Settled) => match overrides::told(wanted, &seen.overrides)
            .or_else(|| overrides::seen(wanted, &seen.images))
        {
            None => Look::AsWanted,
            Some(reason) => Look::NotYet(format!("{what}: {reason}")),
        },
        (Ok(()), Standing::Moving(text)) => Look::NotYet(format!("{what}: {text}")),
        (Ok(()), Standing::Failing(text)) => Look::Failing(format!("{what}: {text}")),
    })
}

async fn flux(
    live: &FluxObjects,
    source: Source<'_>,
    wanted: &Wanted<'_>,
    revisions: &mut Revisions,
) -> Result<Look, Unusable> {
    let Source { outside, .. } = source;
    let clock = &*outside.clock;
    let (cluster, namespace) = source.cluster(&live.place)?;
    let (space, name) = source.object(&live.kustomization, namespace.as_deref())?;
    let name = Name {
        namespace: &space,
        name: &name,
    };
    let seen = match flux::kustomization(&cluster, clock, name, ANSWER_LIMIT).await {
        Ok(seen) => seen,
        Err(trouble) => return Ok(Look::NotYet(trouble.reason().to_owned())),
    };
    let what = format!("Kustomization {space}/{}", name.name);
    if !seen.waits && live.helm_release.is_none() {
        return Err(before::ready_too_early(&what));
    }
    // It may have been turned to another branch or repository since the first look.
    let taken = match taken_by(&seen, &cluster, outside).await {
        Ok(taken) => taken,
        Err(trouble) => return Ok(Look::NotYet(trouble.reason().to_owned())),
    };
    origin(source, live.repository.as_deref()).among(&what, &[taken])?;
    let sources = [seen.source];
    let ours = origin(source, live.repository.as_deref()).among(&what, &sources)?;
    let applied = revisions_of(ours);
    let attempted: Vec<String> = seen.attempted.into_iter().collect();
    if let Err(reason) = arrived(&applied, wanted, outside, revisions).await {
        // What fails counts only where it is ours that fails.
        let tried = arrived(&attempted, wanted, outside, revisions).await;
        return Ok(match (seen.standing, tried) {
            (Standing::Failing(text), Ok(())) => Look::Failing(format!("{what}: {text}")),
            (Standing::Failing(text) | Standing::Moving(text), _) => {
                Look::NotYet(format!("{what}: {reason}; {text}"))
            }
            (Standing::Settled, _) => Look::NotYet(format!("{what}: {reason}")),
        });
    }
    match seen.standing {
        Standing::Settled => {}
        // Ours was applied, so it is a later commit that fails.
        Standing::Moving(text) | Standing::Failing(text) => {
            return Ok(Look::NotYet(format!("{what}: {text}")));
        }
    }
    if let Some(reason) = overrides::told(wanted, &seen.overrides) {
        return Ok(Look::NotYet(format!("{what}: {reason}")));
    }
    let Some(release) = &live.helm_release else {
        return Ok(Look::AsWanted);
    };
    let (space, name) = source.object(release, namespace.as_deref())?;
    let what = format!("HelmRelease {space}/{name}");
    let name = Name {
        namespace: &space,
        name: &name,
    };
    let seen = flux::helm_release(&cluster, clock, name, ANSWER_LIMIT).await;
    Ok(match seen {
        Err(trouble) => Look::NotYet(trouble.reason().to_owned()),
        Ok(Standing::Settled) => Look::AsWanted,
        Ok(Standing::Moving(text)) => Look::NotYet(format!("{what}: {text}")),
        Ok(Standing::Failing(text)) => Look::Failing(format!("{what}: {text}")),
    })
}

/// Asks for what a Kustomization takes what it applies from.
pub(super) async fn taken_by(
    seen: &flux::Kustomization,
    cluster: &Cluster,
    outside: &Outside<'_>,
) -> Result<Taken, Trouble> {
    let (namespace, name) = &seen.repository;
    let of = Name { namespace, name };
    let taken = flux::git_repository(cluster, &*outside.clock, of, ANSWER_LIMIT).await?;
    Ok(Taken {
        paths: seen.source.paths.clone(),
        ..taken
    })
}

/// Returns what is deployed to, to hold what a controller applies against it.
pub(super) fn origin<'a>(source: Source<'a>, repository: Option<&'a str>) -> Origin<'a> {
    Origin {
        repository: repository.unwrap_or_else(|| source.outside.repository.display()),
        target: source.target,
    }
}

pub(super) fn revisions_of(sources: Vec<&Taken>) -> Vec<String> {
    let sources = sources.into_iter();
    sources.filter_map(|one| one.revision.clone()).collect()
}

/// Says whether one of the revisions holds our commit; if not, which they are.
async fn arrived(
    found: &[String],
    wanted: &Wanted<'_>,
    outside: &Outside<'_>,
    revisions: &mut Revisions,
) -> Result<(), String> {
    let branch = &wanted.target.branch;
    for revision in found {
        let held = revisions.hold(revision, wanted.commit, branch, outside);
        if held.await? {
            return Ok(());
        }
    }
    let shown = |revision: &String| probe::excerpt(&revision.chars().take(12).collect::<String>());
    let shown: Vec<String> = found.iter().map(shown).collect();
    let is_at = match shown.as_slice() {
        [] => return Err("it names no revision yet".to_owned()),
        some => some.join(", "),
    };
    Err(format!(
        "it is at {is_at}, which does not hold commit {}",
        wanted.commit.short()
    ))
}

pub(super) async fn kubernetes(
    live: &KubernetesWorkload,
    source: Source<'_>,
) -> Result<Result<Workload, Trouble>, Unusable> {
    let (cluster, namespace) = source.cluster(&live.place)?;
    let name = Name {
        namespace: needed(namespace.as_deref())?,
        name: &live.workload.name,
    };
    let clock = &*source.outside.clock;
    let kind = &live.workload.kind;
    Ok(workload::look(&cluster, clock, kind, name, &live.image, ANSWER_LIMIT).await)
}

pub(super) fn workload(wanted: &Wanted<'_>, seen: Result<Workload, Trouble>) -> Look {
    let is_wanted = |seen: &Workload| seen.versions == [wanted.version];
    match (wanted.presence, seen) {
        (Presence::Gone, Err(Trouble::Missing(_))) => Look::AsWanted,
        (_, Err(trouble)) => Look::NotYet(trouble.reason().to_owned()),
        (Presence::Running, Ok(seen)) if !is_wanted(&seen) => {
            Look::NotYet(format!("is told to run {}", named(&seen.versions)))
        }
        (Presence::Running, Ok(seen)) => match seen.standing {
            Standing::Settled if seen.wanted > 0 => Look::AsWanted,
            Standing::Settled => Look::NotYet("is scaled to 0 pods".to_owned()),
            Standing::Moving(text) => Look::NotYet(text),
            Standing::Failing(text) => Look::Failing(text),
        },
        (Presence::Gone, Ok(seen)) => {
            let has_none = seen.wanted == 0 && seen.pods == 0;
            let has_others = !seen.versions.is_empty()
                && seen
                    .versions
                    .iter()
                    .all(|version| version != wanted.version);
            match seen.standing {
                Standing::Moving(text) => Look::NotYet(text),
                Standing::Settled | Standing::Failing(_) if has_none => Look::AsWanted,
                Standing::Settled if has_others => Look::AsWanted,
                Standing::Settled => Look::NotYet(format!(
                    "has {} pods of {}",
                    seen.pods,
                    named(&seen.versions)
                )),
                Standing::Failing(text) => Look::NotYet(text),
            }
        }
    }
}

fn named(versions: &[String]) -> String {
    match versions {
        [] => "no version that it names".to_owned(),
        some => some.join(" and "),
    }
}
