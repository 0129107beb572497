//! A service that was found, and how it may be deployed by what is there.

use crate::manifest::{ObjectRef, Surveyed, ValuesIn};

/// Kinds of workloads that a service may be: those that a cluster can be asked about.
const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];
pub(super) const ROLLOUT: &str = "Rollout";
/// A service that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its name.
    pub name: String,
    /// Its image repository.
    pub image: String,
    /// Its manifests, as the configuration names them.
    pub manifests: Vec<String>,
    /// Paths and names of the workloads that it consists of.
    pub workloads: Vec<(String, ObjectRef)>,
    /// How it may be deployed.
    pub way: Way,
    /// What tells so, for people.
    pub because: String,
    /// The address that it answers at.
    pub address: Address,
    /// Path of its health check.
    pub health: String,
    /// The Ingress that everyone comes through, and the namespace.
    pub ingress: Option<String>,
    pub namespace: Option<String>,
    /// Do its pods have Linkerd's proxy?
    pub has_linkerd: bool,
}

/// How a service may be deployed by what is there.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// One workload.
    Rolling(ObjectRef),
    /// One workload, written by a chart: its values and the key of the tag.
    Chart(ObjectRef, ValuesIn, String),
    /// Two, and what splits the traffic between them.
    Canary {
        stable: ObjectRef,
        canary: ObjectRef,
        /// The object, with the backend that is the canary where its name does not tell; none = the
        /// numbers of pods.
        traffic: Option<(ObjectRef, Option<String>)>,
    },
    /// Two colours and the Service that leads to one of them.
    BlueGreen {
        blue: ObjectRef,
        green: ObjectRef,
        service: ObjectRef,
    },
    /// What holds the pod template, and the Rollout.
    Rollout(ObjectRef, ObjectRef),
}

/// Where a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A host that an Ingress or a route names.
    Outside(String),
    /// The name of a Service, which is known inside the cluster only.
    Inside(String),
}

/// Is an object of a kind that a service may be?
pub(super) fn is_of_kind(object: &Surveyed) -> bool {
    let kind = object.object.kind.as_str();
    WORKLOADS.contains(&kind) || kind == ROLLOUT
}

/// Does a template write an object?
pub(super) fn is_template(object: &Surveyed) -> bool {
    object.object.name.contains("{{") || object.path.contains("/templates/")
}

/// Is an object a workload that a service may be?
pub(super) fn is_workload(object: &Surveyed) -> bool {
    is_of_kind(object) && !is_template(object)
}
