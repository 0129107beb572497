//! `live`: where it is seen which version a workload really runs.

mod document;

use url::Url;

use super::{
    Problems, Service,
    provider::{Named, Providers},
    query::Template,
};
use crate::manifest::ObjectRef;

pub use document::{
    ArgoCdDocument, FluxDocument, KubernetesDocument, LiveDocument, LivesDocument, MetricDocument,
};

pub(super) use document::Scope;

/// Where it is seen which version runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// An address that tells it.
    Http {
        /// The address.
        url: Url,
        /// JSON pointer of the version in the answer; none = the whole answer is the version.
        pointer: Option<String>,
        /// How many answers in a row must agree; at least 1.
        answers: u32,
    },
    /// An application of Argo CD.
    ArgoCd(ArgoCdApplication),
    /// Objects of Flux.
    Flux(FluxObjects),
    /// A workload in a cluster.
    Kubernetes(KubernetesWorkload),
    /// A metric.
    Metric(VersionMetric),
}

/// A metric that carries the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMetric {
    /// Query for series that are above 0 while the workload runs.
    pub query: Template,
    /// The label that holds the version.
    pub label: String,
}

/// An application of Argo CD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgoCdApplication {
    /// Its name.
    pub application: Template,
    /// Its project, if it is given.
    pub project: Option<Template>,
    /// Its namespace, if it is given.
    pub namespace: Option<Template>,
    /// The repository's address there, if it is given.
    pub repository: Option<String>,
    /// Is Argo CD told of every push?
    pub refresh: bool,
}

/// Objects of Flux: `name` or `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FluxObjects {
    /// The Kustomization.
    pub kustomization: Template,
    /// The HelmRelease, if there is one.
    pub helm_release: Option<Template>,
    /// The repository's address there, if it is given.
    pub repository: Option<String>,
    /// Where they are.
    pub place: ClusterPlace,
}

/// A workload in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesWorkload {
    /// The workload.
    pub workload: ObjectRef,
    /// The service's image repository without tag, whose tag is the version.
    pub image: String,
    /// Where it is.
    pub place: ClusterPlace,
}

/// Which cluster and namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPlace {
    /// Namespace, if it is given.
    pub namespace: Option<Template>,
    /// Context of the kubeconfig; none = its current one.
    pub context: Option<Template>,
}

/// Is a text a DNS subdomain (RFC 1123), as the names of objects in a cluster are?
pub fn is_object_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 253
        && text.split('.').all(|label| {
            let bytes = label.as_bytes();
            bytes.first().copied().is_some_and(legal)
                && bytes.last().copied().is_some_and(legal)
                && bytes.iter().all(|byte| legal(*byte) || *byte == b'-')
        })
}

/// Notes where a `live` asks a provider that is not there, or the same of all.
pub(super) fn check_providers(
    service: &Service,
    providers: &Providers,
    problems: &mut Problems<'_>,
) {
    let workloads = service.strategy.workloads();
    for (arm, workload) in &workloads {
        let live = &workload.live;
        if matches!(live, Live::ArgoCd(_)) && Named::ArgoCd.is_missing(providers, problems) {
            problems.at(
                &format!("/services/{}/live/{arm}/argocd", service.name),
                Named::ArgoCd.missing_with_example("`live`"),
            );
        }
        if let Live::Metric(metric) = live {
            let pointer = format!("/services/{}/live/{arm}/metric", service.name);
            if Named::Prometheus.is_missing(providers, problems) {
                problems.at(&pointer, Named::Prometheus.missing_with_example("`live`"));
            }
            if workloads.len() > 1 && !metric.query.tells_arms_apart() {
                problems.at(
                    &format!("{pointer}/query"),
                    format!(
                        "asks the same of {}; use `{{{{arm}}}}`",
                        workloads
                            .iter()
                            .map(|(word, _)| *word)
                            .collect::<Vec<_>>()
                            .join(" and ")
                    ),
                );
            }
        }
    }
}
