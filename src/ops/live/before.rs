//! What is asked once before anything is changed: whether what is asked could ever say what is waited for.

use super::{
    look::{ANSWER_LIMIT, kubernetes, origin, revisions_of, taken_by, versions},
    source::Source,
};
use crate::{
    config::Live,
    git::CommitId,
    probe::{
        self,
        live::{Trouble, argocd, cluster::Name, flux, kubeconfig::Unusable},
    },
    rollout::Arm,
};

/// Asks once before anything is changed; whatever it is that runs then.
///
/// # Errors
/// It cannot be asked, with what to do about it; or it does not answer, or says nothing that could
/// ever be what is waited for.
pub(super) async fn ask_once(
    live: &Live,
    source: Source<'_>,
) -> Result<Result<(), String>, Unusable> {
    let clock = &*source.outside.clock;
    let said = |trouble: Trouble| trouble.reason().to_owned();
    match live {
        // A canary without pods does not answer, and need not.
        Live::Http { .. } => Ok(Ok(())),
        Live::ArgoCd(live) => {
            let (endpoint, name) = source.argocd(live)?;
            let client = source.outside.client;
            let seen = argocd::application(client, clock, &endpoint, &name, ANSWER_LIMIT).await;
            let what = format!("Application {}", name.application);
            let seen = match seen {
                Ok(seen) => seen,
                Err(trouble) => return Ok(Err(said(trouble))),
            };
            let origin = origin(source, live.repository.as_deref());
            let ours = origin.among(&what, &seen.sources)?;
            if ours.is_empty() {
                let all: Vec<String> = seen
                    .sources
                    .into_iter()
                    .filter_map(|one| one.revision)
                    .collect();
                return follows_git(&what, &all).map(Ok);
            }
            let follows: Vec<&str> = ours
                .iter()
                .filter_map(|one| one.follows.as_deref())
                .collect();
            if let Err(found) = follows_default(&what, &follows, source).await {
                return found;
            }
            follows_git(&what, &revisions_of(ours)).map(Ok)
        }
        Live::Flux(live) => {
            let (cluster, namespace) = source.cluster(&live.place)?;
            let (space, name) = source.object(&live.kustomization, namespace.as_deref())?;
            let name = Name {
                namespace: &space,
                name: &name,
            };
            let seen = flux::kustomization(&cluster, clock, name, ANSWER_LIMIT).await;
            let seen = match seen {
                Ok(seen) => seen,
                Err(trouble) => return Ok(Err(said(trouble))),
            };
            let what = format!("Kustomization {space}/{}", name.name);
            let taken = match taken_by(&seen, &cluster, source.outside).await {
                Ok(taken) => taken,
                Err(trouble) => return Ok(Err(said(trouble))),
            };
            let sources = [taken, seen.source];
            let origin = origin(source, live.repository.as_deref());
            for one in &sources {
                origin.among(&what, std::slice::from_ref(one))?;
            }
            let applied = revisions_of(sources.iter().collect());
            follows_git(&what, &applied)?;
            match &live.helm_release {
                None if !seen.waits => Err(ready_too_early(&what)),
                None => Ok(Ok(())),
                Some(release) => {
                    let (space, name) = source.object(release, namespace.as_deref())?;
                    let name = Name {
                        namespace: &space,
                        name: &name,
                    };
                    let seen = flux::helm_release(&cluster, clock, name, ANSWER_LIMIT).await;
                    Ok(seen.map(|_| ()).map_err(said))
                }
            }
        }
        Live::Kubernetes(live) => Ok(match kubernetes(live, source).await? {
            Err(trouble) => Err(said(trouble)),
            Ok(seen) if seen.versions.is_empty() => Err(format!(
                "{} names no version: none of its containers runs {}, and no label says it",
                live.workload, live.image
            )),
            Ok(_) => Ok(()),
        }),
        Live::Metric(live) => Ok(match versions(live, source).await? {
            Err(trouble) => Err(said(trouble)),
            // A canary without pods has no series.
            Ok(seen) if seen.is_empty() && source.arm == Arm::Stable.word() => Err(format!(
                "`{}` has no series above 0, so it does not tell what stable runs",
                live.query
            )),
            Ok(_) => Ok(()),
        }),
    }
}

/// A source that follows the repository's default branch must find ours there.
///
/// # Errors
/// It is another one, or nobody says which it is; as [`ask_once`] says it.
async fn follows_default(
    what: &str,
    follows: &[&str],
    source: Source<'_>,
) -> Result<(), Result<Result<(), String>, Unusable>> {
    if !follows.iter().all(|text| matches!(*text, "" | "HEAD")) {
        return Ok(());
    }
    let branch = &source.target.branch;
    match source.outside.repository.default_branch().await {
        Ok(default) if default == *branch => Ok(()),
        Ok(default) => Err(Err(Unusable {
            reason: format!(
                "{what} follows the default branch `{default}`, not the branch `{branch}`, which is deployed to"
            ),
            hint: "set `targetRevision` to the branch, or name another application".to_owned(),
        })),
        Err(error) => Err(Ok(Err(error.message().to_owned()))),
    }
}

pub(super) fn ready_too_early(what: &str) -> Unusable {
    Unusable {
        reason: format!("{what} says that it is ready before its workloads are"),
        hint: "set `wait: true` in it, name its `helm_release`, or use `live: {kubernetes: …}`"
            .to_owned(),
    }
}

/// A controller that follows charts or images only would never name a commit of ours.
fn follows_git(what: &str, revisions: &[String]) -> Result<(), Unusable> {
    let is_commit = |revision: &String| revision.parse::<CommitId>().is_ok();
    match revisions {
        [first, ..] if !revisions.iter().any(is_commit) => Err(Unusable {
            reason: format!(
                "{what} is at {}, which is no commit of a git branch",
                probe::excerpt(first)
            ),
            hint:
                "name one that applies manifests of this repository, or use `live: {kubernetes: …}`"
                    .to_owned(),
        }),
        _ => Ok(()),
    }
}
