//! A workload in a cluster: which version it is told to run, and whether all its pods do.
//!
//! What counts as done is what `kubectl rollout status` waits for
//! (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status>), and
//! for a Rollout what `kubectl argo rollouts status` does
//! (<https://argo-rollouts.readthedocs.io/en/stable/generated/kubectl-argo-rollouts/kubectl-argo-rollouts_status/>),
//! and that no pod of another version is left.

use std::time::Duration;

use serde_json::Value;

use super::{
    Standing, Trouble,
    cluster::{Cluster, Kind, Name},
    image::tags,
    object::Object,
    rollout::{self, Progress},
};
use crate::{clock::Clock, probe::text::excerpt};

const DEPLOYMENT: Kind = Kind {
    group_version: "apps/v1",
    plural: "deployments",
    kind: "Deployment",
};
const STATEFUL_SET: Kind = Kind {
    group_version: "apps/v1",
    plural: "statefulsets",
    kind: "StatefulSet",
};
const DAEMON_SET: Kind = Kind {
    group_version: "apps/v1",
    plural: "daemonsets",
    kind: "DaemonSet",
};
const ROLLOUT: Kind = Kind {
    group_version: "argoproj.io/v1alpha1",
    plural: "rollouts",
    kind: "Rollout",
};

/// Labels of a pod template that say the version, where no image does.
const VERSION_LABELS: [&str; 3] = [
    "app.kubernetes.io~1version",
    "tags.datadoghq.com~1version",
    "version",
];

/// What a workload says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The versions that its pod template names, each once: one, or it is none or not clear.
    pub versions: Vec<String>,
    /// How many pods it is told to run.
    pub wanted: u64,
    /// How many pods of whatever version it has.
    pub pods: u64,
    /// How it stands.
    pub standing: Standing,
    /// How far its controller is, where it is a Rollout.
    pub progress: Option<Progress>,
}

/// Asks a cluster for a workload. `kind` is one of Deployment, StatefulSet, DaemonSet, Rollout; `image`
/// the repository whose tag is the version.
///
/// # Errors
/// It is not there; no answer, or none that can be used.
pub async fn look(
    cluster: &Cluster,
    clock: &dyn Clock,
    kind: &str,
    name: Name<'_>,
    image: &str,
    timeout: Duration,
) -> Result<Workload, Trouble> {
    let kinds = [DEPLOYMENT, STATEFUL_SET, DAEMON_SET, ROLLOUT];
    let Some(kind) = kinds.into_iter().find(|known| known.kind == kind) else {
        let reason = format!("`{kind}` is no kind of workload that is known");
        return Err(Trouble::Unanswered(reason));
    };
    let answer = cluster.object(clock, kind, name, timeout).await?;
    let what = kind.named(name);
    let object = Object::new(&answer, kind.kind, (Some(name.namespace), name.name), &what)?;
    let told = told(cluster, clock, object, name, timeout).await?;
    let template = told
        .as_ref()
        .map_or(object, |told| Object::known(&told.answer, &told.what));
    let versions = versions(template, image)?;
    let (wanted, pods) = match kind {
        DAEMON_SET => (
            object
                .number("/status/desiredNumberScheduled")?
                .unwrap_or(0),
            object
                .number("/status/currentNumberScheduled")?
                .unwrap_or(0),
        ),
        _ => (
            object.number("/spec/replicas")?.unwrap_or(1),
            object.number("/status/replicas")?.unwrap_or(0),
        ),
    };
    let outdated = match (object.outdated()?, &told) {
        (Some(outdated), _) => Some(outdated),
        (None, Some(told)) => told.outdated(object)?,
        (None, None) => None,
    };
    let progress = (kind == ROLLOUT).then(|| rollout::progress(object, outdated.is_none()));
    let standing = match (outdated, kind) {
        (Some(moving), _) => moving,
        (None, DEPLOYMENT) => deployment(object, wanted, pods)?,
        (None, STATEFUL_SET) => stateful_set(object, wanted, pods)?,
        (None, DAEMON_SET) => daemon_set(object, wanted)?,
        (None, _) => rollout::standing(object, name, (wanted, pods), counted)?,
    };
    Ok(Workload {
        versions,
        wanted,
        pods,
        standing,
        progress: progress.transpose()?,
    })
}

/// What a Rollout refers to for its pod template (`spec.workloadRef`).
struct Told {
    /// `Deployment shop/web`.
    what: String,
    answer: Value,
}

/// Asks for the workload whose pod template a Rollout uses; none where it has its own.
async fn told(
    cluster: &Cluster,
    clock: &dyn Clock,
    object: Object<'_>,
    name: Name<'_>,
    timeout: Duration,
) -> Result<Option<Told>, Trouble> {
    let Some(referred) = object.text("/spec/workloadRef/name")? else {
        return Ok(None);
    };
    let kind = object.text("/spec/workloadRef/kind")?.unwrap_or_default();
    if kind != DEPLOYMENT.kind {
        let reason = format!(
            "the Rollout takes its pods from a {}, of which only a Deployment is known",
            excerpt(kind)
        );
        return Err(Trouble::Unanswered(reason));
    }
    let place = Name {
        namespace: name.namespace,
        name: referred,
    };
    let what = DEPLOYMENT.named(place);
    // Without it the Rollout is still there, so that nothing is gone.
    let answer = cluster.object(clock, DEPLOYMENT, place, timeout).await;
    let answer = answer.map_err(|trouble| Trouble::Unanswered(trouble.reason().to_owned()))?;
    let asked = (Some(name.namespace), referred);
    Object::new(&answer, DEPLOYMENT.kind, asked, &what)?;
    Ok(Some(Told { what, answer }))
}

impl Told {
    /// Returns why the Rollout's status is not about what the other workload says now.
    fn outdated(&self, rollout: Object<'_>) -> Result<Option<Standing>, Trouble> {
        let generation = self.answer.pointer("/metadata/generation");
        let generation = generation.and_then(Value::as_u64);
        let seen = rollout.text("/status/workloadObservedGeneration")?;
        let seen_number = seen.and_then(|seen| seen.parse().ok());
        if generation.is_some() && generation == seen_number {
            return Ok(None);
        }
        Ok(Some(Standing::Moving(format!(
            "its controller has not seen the present pods of {} yet",
            self.what
        ))))
    }
}

fn deployment(object: Object<'_>, wanted: u64, pods: u64) -> Result<Standing, Trouble> {
    if object.is("/spec/paused")? {
        return Ok(Standing::Moving("it is paused".to_owned()));
    }
    if let Some(progressing) = object.condition("Progressing")?
        && progressing.is_false()
        && progressing.reason == "ProgressDeadlineExceeded"
    {
        return Ok(Standing::Failing(progressing.sentence()));
    }
    if let Some(failure) = object.condition("ReplicaFailure")?
        && failure.is_true()
    {
        return Ok(Standing::Failing(failure.sentence()));
    }
    let updated = object.number("/status/updatedReplicas")?.unwrap_or(0);
    let available = object.number("/status/availableReplicas")?.unwrap_or(0);
    match (
        counted(wanted, pods, updated, available),
        object.condition("Available")?,
    ) {
        // The counts and the condition are written together, so one of them is wrong.
        (Standing::Settled, Some(condition)) if condition.is_false() => {
            Ok(Standing::Moving(condition.sentence()))
        }
        (standing, _) => Ok(standing),
    }
}

fn stateful_set(object: Object<'_>, wanted: u64, pods: u64) -> Result<Standing, Trouble> {
    if object.text("/spec/updateStrategy/type")? == Some("OnDelete") {
        return Ok(Standing::Moving(
            "its pods get the new version only once somebody deletes them (`OnDelete`)".to_owned(),
        ));
    }
    let partition = object
        .number("/spec/updateStrategy/rollingUpdate/partition")?
        .unwrap_or(0);
    if partition > 0 && wanted > 0 {
        return Ok(Standing::Moving(format!(
            "its partition {partition} keeps pods at the old version"
        )));
    }
    let current = object.text("/status/currentRevision")?;
    let update = object.text("/status/updateRevision")?;
    let available = object.number("/status/availableReplicas")?.unwrap_or(0);
    // Once an update is done its pods are the current ones, and may be counted as those alone.
    let updated = if update.is_some() && current == update {
        pods
    } else {
        object.number("/status/updatedReplicas")?.unwrap_or(0)
    };
    match counted(wanted, pods, updated, available) {
        Standing::Settled if wanted > 0 && (update.is_none() || current != update) => {
            Ok(Standing::Moving("its update is not closed yet".to_owned()))
        }
        standing => Ok(standing),
    }
}

fn daemon_set(object: Object<'_>, wanted: u64) -> Result<Standing, Trouble> {
    if object.text("/spec/updateStrategy/type")? == Some("OnDelete") {
        return Ok(Standing::Moving(
            "its pods get the new version only once somebody deletes them (`OnDelete`)".to_owned(),
        ));
    }
    let updated = object
        .number("/status/updatedNumberScheduled")?
        .unwrap_or(0);
    let available = object.number("/status/numberAvailable")?.unwrap_or(0);
    let misplaced = object.number("/status/numberMisscheduled")?.unwrap_or(0);
    if misplaced > 0 {
        return Ok(Standing::Moving(format!(
            "{misplaced} pods run where they should not"
        )));
    }
    Ok(counted(wanted, wanted, updated, available))
}

/// Says how far the pods are.
fn counted(wanted: u64, pods: u64, updated: u64, available: u64) -> Standing {
    if updated < wanted {
        Standing::Moving(format!("{updated} of {wanted} pods are updated"))
    } else if pods > updated {
        Standing::Moving(format!("{} old pods are not gone yet", pods - updated))
    } else if updated > wanted {
        Standing::Moving(format!("{} pods are not gone yet", updated - wanted))
    } else if available < wanted {
        Standing::Moving(format!("{available} of {wanted} pods are available"))
    } else {
        Standing::Settled
    }
}

/// Returns the tags with which the pod template runs the image, each once; where none of its
/// containers runs it by a tag, those of an image of the same name from elsewhere, such as a mirror;
/// and where there is none either, what the first version label says.
fn versions(object: Object<'_>, image: &str) -> Result<Vec<String>, Trouble> {
    let mut references = Vec::new();
    for list in ["containers", "initContainers"] {
        for container in object.list(&format!("/spec/template/spec/{list}"))? {
            references.extend(container.get("image").and_then(Value::as_str));
        }
    }
    let mut found = tags(&references, image);
    // A label may say anything while another version runs beside it.
    if found.is_empty() {
        for label in VERSION_LABELS {
            let pointer = format!("/spec/template/metadata/labels/{label}");
            if let Some(version) = object.text(&pointer)? {
                found.insert(excerpt(version));
                break;
            }
        }
    }
    Ok(found.into_iter().collect())
}
