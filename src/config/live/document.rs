//! `live` as it is written, and what it means.

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    ArgoCdApplication, ClusterPlace, FluxObjects, KubernetesWorkload, Live, VersionMetric,
    is_object_name,
};
use crate::{
    config::{
        Problems,
        provider::web_address,
        query::{Template, Variables},
        schema::without_null,
    },
    manifest::ObjectRef,
};

/// Kinds of workloads that a cluster is asked about.
const KINDS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "Rollout"];

/// How many answers of an address must agree unless it is said: behind it old pods answer beside new
/// ones while a workload is rolled.
const AGREEING_ANSWERS: u32 = 3;
/// More answers than this only take time.
const MOST_ANSWERS: u32 = 20;

/// Where it is seen which version the workloads really run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LivesDocument {
    /// Of the stable workload.
    #[serde(default)]
    #[schemars(with = "LiveDocument")]
    pub stable: Option<LiveDocument>,
    /// Of the canary workload.
    #[serde(default)]
    #[schemars(with = "LiveDocument")]
    pub canary: Option<LiveDocument>,
    /// Of the blue workload.
    #[serde(default)]
    #[schemars(with = "LiveDocument")]
    pub blue: Option<LiveDocument>,
    /// Of the green workload.
    #[serde(default)]
    #[schemars(with = "LiveDocument")]
    pub green: Option<LiveDocument>,
}

/// Where it is seen which version runs: exactly one of `http`, `argocd`, `flux`, `kubernetes`, `metric`.
/// Names may hold `{{environment}}` and `{{service}}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct LiveDocument {
    /// An address that answers with the version.
    pub http: Option<String>,
    /// With `http`: JSON pointer of the version in the answer. Default: the whole answer is the
    /// version.
    pub pointer: Option<String>,
    /// With `http`: how many answers in a row must have the version, 1 to 20; another version, or no
    /// answer, begins the count again. Default: 3.
    pub answers: Option<u32>,
    /// An application of `providers.argocd`.
    pub argocd: Option<ArgoCdDocument>,
    /// Objects of Flux, asked for in the cluster.
    pub flux: Option<FluxDocument>,
    /// The workload itself, asked for in the cluster.
    pub kubernetes: Option<KubernetesDocument>,
    /// A metric of `providers.prometheus` that carries the version as a label.
    pub metric: Option<MetricDocument>,
}

/// A metric that carries the version.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct MetricDocument {
    /// Query for series of the workload that are above 0 while it runs; may use `{{service}}`,
    /// `{{environment}}` and `{{arm}}`.
    pub query: String,
    /// The label that holds the version. Default: `version`.
    pub label: Option<String>,
}

/// An application of Argo CD.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct ArgoCdDocument {
    /// Its name, such as `shop-{{environment}}`.
    pub application: String,
    /// Its project. With it Argo CD tells a missing application from a missing right.
    pub project: Option<String>,
    /// Its namespace, where applications live in any namespace.
    pub namespace: Option<String>,
    /// Address of the GitOps repository as the application has it, if that is another one than here.
    pub repository: Option<String>,
    /// Tell Argo CD of every push, so that it need not find it by itself. Default: true.
    pub refresh: Option<bool>,
}

/// Objects of Flux. Names are `name` or `namespace/name`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct FluxDocument {
    /// The Kustomization that applies the manifests; it says which commit it has applied.
    pub kustomization: String,
    /// The HelmRelease that it applies, if it does; it is waited for as well.
    pub helm_release: Option<String>,
    /// Address of the GitOps repository as Flux has it, if that is another one than here.
    pub repository: Option<String>,
    /// Namespace of both. Default: the environment's `namespace`, else the kubeconfig's.
    pub namespace: Option<String>,
    /// Context of the kubeconfig. Default: its current one.
    pub context: Option<String>,
}

/// A workload in a cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct KubernetesDocument {
    /// The workload as `Kind/name`: a Deployment, StatefulSet, DaemonSet or Rollout of Argo Rollouts.
    /// Default: the one that `workloads` names.
    pub workload: Option<String>,
    /// Its namespace. Default: the environment's `namespace`, else the kubeconfig's.
    pub namespace: Option<String>,
    /// Context of the kubeconfig. Default: its current one.
    pub context: Option<String>,
}

/// What a `live` is about.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Scope<'a> {
    pub(in crate::config) workload: &'a ObjectRef,
    /// Where the workload is written.
    pub(in crate::config) written: &'a str,
    pub(in crate::config) image: &'a str,
}

impl Live {
    /// Stands in for one that could not be read; such a configuration is never used.
    pub(in crate::config) fn stand_in() -> Self {
        Self::Http {
            url: Url::parse("http://unknown.invalid").expect("this is an address"),
            pointer: None,
            answers: AGREEING_ANSWERS,
        }
    }
}

impl LiveDocument {
    pub(in crate::config) fn validate(
        &self,
        scope: Scope<'_>,
        pointer: &str,
        problems: &mut Problems<'_>,
    ) -> Live {
        let beside_http = [
            ("pointer", self.pointer.is_some()),
            ("answers", self.answers.is_some()),
        ];
        for (key, is_given) in beside_http {
            if is_given && self.http.is_none() {
                problems.at(
                    &format!("{pointer}/{key}"),
                    format!("`{key}` goes with `http` only"),
                );
            }
        }
        let given = [
            self.http.is_some(),
            self.argocd.is_some(),
            self.flux.is_some(),
            self.kubernetes.is_some(),
            self.metric.is_some(),
        ];
        let is_one = given.into_iter().filter(|is_given| *is_given).count() == 1;
        let at = |key: &str| format!("{pointer}/{key}");
        if !is_one {
            problems.at(
                pointer,
                "expected exactly one of `http`, `argocd`, `flux`, `kubernetes` and `metric`, such as `{http: https://shop.example/version}`",
            );
        } else if let Some(address) = &self.http {
            return self.http(address, pointer, problems);
        } else if let Some(argocd) = &self.argocd {
            return Live::ArgoCd(argocd.validate(&at("argocd"), problems));
        } else if let Some(flux) = &self.flux {
            return Live::Flux(flux.validate(&at("flux"), problems));
        } else if let Some(kubernetes) = &self.kubernetes {
            return Live::Kubernetes(kubernetes.validate(scope, &at("kubernetes"), problems));
        } else if let Some(metric) = &self.metric {
            return metric.validate(&at("metric"), problems);
        }
        Live::stand_in()
    }

    fn http(&self, address: &str, pointer: &str, problems: &mut Problems<'_>) -> Live {
        let at = format!("{pointer}/http");
        if let Some(path) = &self.pointer
            && !path.is_empty()
            && !path.starts_with('/')
        {
            problems.at(
                &format!("{pointer}/pointer"),
                format!(
                    "found `{path}`, expected a JSON pointer that begins with `/`, such as /version"
                ),
            );
        }
        let answers = self.answers.unwrap_or(AGREEING_ANSWERS);
        if !(1..=MOST_ANSWERS).contains(&answers) {
            problems.at(
                &format!("{pointer}/answers"),
                format!("found {answers}, expected a number from 1 to {MOST_ANSWERS}"),
            );
        }
        match web_address(address) {
            Ok(url) => Live::Http {
                url,
                pointer: self.pointer.clone(),
                answers,
            },
            Err(message) => {
                problems.at(&at, message);
                Live::stand_in()
            }
        }
    }
}

impl MetricDocument {
    fn validate(&self, pointer: &str, problems: &mut Problems<'_>) -> Live {
        let label = self.label.as_deref().unwrap_or("version");
        // The names of labels (Prometheus, "Metric names and labels").
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_label = label.bytes().all(legal)
            && label
                .bytes()
                .next()
                .is_some_and(|first| !first.is_ascii_digit());
        if !is_label {
            problems.at(
                &format!("{pointer}/label"),
                format!("found `{label}`, expected the name of a label, such as version"),
            );
        }
        match Template::parse(&self.query) {
            Ok(query) => Live::Metric(VersionMetric {
                query,
                label: label.to_owned(),
            }),
            Err(message) => {
                problems.at(&format!("{pointer}/query"), message);
                Live::stand_in()
            }
        }
    }
}

impl ArgoCdDocument {
    fn validate(&self, pointer: &str, problems: &mut Problems<'_>) -> ArgoCdApplication {
        let mut name = |key: &str, text: &str| {
            template(text, &format!("{pointer}/{key}"), problems, is_object_name)
        };
        ArgoCdApplication {
            application: name("application", &self.application),
            project: self.project.as_deref().map(|text| name("project", text)),
            namespace: self
                .namespace
                .as_deref()
                .map(|text| name("namespace", text)),
            repository: self.repository.clone(),
            refresh: self.refresh.unwrap_or(true),
        }
    }
}

impl FluxDocument {
    fn validate(&self, pointer: &str, problems: &mut Problems<'_>) -> FluxObjects {
        let mut object = |key: &str, text: &str| {
            let is_name = |text: &str| match text.split_once('/') {
                Some((namespace, name)) => is_object_name(namespace) && is_object_name(name),
                None => is_object_name(text),
            };
            template(text, &format!("{pointer}/{key}"), problems, is_name)
        };
        FluxObjects {
            kustomization: object("kustomization", &self.kustomization),
            helm_release: self
                .helm_release
                .as_deref()
                .map(|text| object("helm_release", text)),
            repository: self.repository.clone(),
            place: place(&self.namespace, &self.context, pointer, problems),
        }
    }
}

impl KubernetesDocument {
    fn validate(
        &self,
        scope: Scope<'_>,
        pointer: &str,
        problems: &mut Problems<'_>,
    ) -> KubernetesWorkload {
        let at = match self.workload {
            Some(_) => format!("{pointer}/workload"),
            None => scope.written.to_owned(),
        };
        let workload = match &self.workload {
            Some(text) => problems.take(&at, text.parse(), scope.workload.clone()),
            None => scope.workload.clone(),
        };
        if !workload.kind.is_empty() && !KINDS.contains(&workload.kind.as_str()) {
            problems.at(
                &at,
                format!(
                    "found the kind `{}`, expected one of {}",
                    workload.kind,
                    KINDS.join(", ")
                ),
            );
        }
        KubernetesWorkload {
            workload,
            image: scope.image.to_owned(),
            place: place(&self.namespace, &self.context, pointer, problems),
        }
    }
}

fn place(
    namespace: &Option<String>,
    context: &Option<String>,
    pointer: &str,
    problems: &mut Problems<'_>,
) -> ClusterPlace {
    ClusterPlace {
        namespace: namespace.as_deref().map(|text| {
            template(
                text,
                &format!("{pointer}/namespace"),
                problems,
                is_object_name,
            )
        }),
        context: context.as_deref().map(|text| {
            let any = |text: &str| !text.trim().is_empty();
            template(text, &format!("{pointer}/context"), problems, any)
        }),
    }
}

/// Reads a name with variables, whose form is tried with examples.
fn template(
    text: &str,
    pointer: &str,
    problems: &mut Problems<'_>,
    is_name: impl Fn(&str) -> bool,
) -> Template {
    let stand_in = || Template::parse("unknown").expect("this is a text without variables");
    match Template::parse(text) {
        Ok(template) => {
            let example = template.render(&Variables::examples());
            if !example.is_ok_and(|example| is_name(&example)) {
                problems.at(
                    pointer,
                    format!("found `{text}`, expected the name of an object: a-z 0-9 - and `.` between them"),
                );
            }
            template
        }
        Err(message) => {
            problems.at(pointer, message);
            stand_in()
        }
    }
}
