//! `preset`: the whole queries for requests, errors and duration by version, from the names that well
//! known exporters use.
//!
//! A preset becomes ordinary metrics before anything is checked, so all that is true of those is true
//! of it. Every counter of all requests wants the label that tells bad ones to be there: where somebody
//! took that label away, nothing matches, and nothing is not healthy.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ProviderKind, check::Check, form::Form, metric::RawMetric};
use crate::config::schema::without_null;

/// Whose metrics are asked for. Where the names come from, docs/providers.md says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// HTTP server metrics of OpenTelemetry's semantic conventions.
    OpenTelemetry,
    /// The ingress-nginx controller, with a canary Ingress.
    IngressNginx,
    /// Istio's standard metrics, which its Envoy proxies count.
    Istio,
    /// Linkerd's proxies.
    Linkerd,
    /// Services of Traefik.
    Traefik,
    /// HTTP server requests of Spring Boot, by Micrometer.
    Spring,
    /// Trace metrics of Datadog's APM, which `providers.datadog` is asked for. It has no buckets, so only
    /// `errors` are compared.
    DatadogTrace,
}

/// What of a preset is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresetPart {
    /// The share of failed requests.
    Errors,
    /// The share of slow requests.
    Duration,
}

impl PresetPart {
    fn word(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Duration => "duration",
        }
    }
}

/// `with` as it is written: what a preset cannot know. Each preset takes some of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawWith {
    /// Name of the service in the metrics; the service's own unless given.
    pub service: Option<String>,
    /// Name of the Ingress of the stable version; the service's own unless given.
    pub ingress: Option<String>,
    /// Kubernetes namespace; any unless given.
    pub namespace: Option<String>,
    /// Name of what runs the stable version: a Deployment, or a Service of Traefik.
    pub stable: Option<String>,
    /// Name of what runs the canary.
    pub canary: Option<String>,
    /// Who counted: `destination`, `source` or `waypoint`; `destination` unless given.
    pub reporter: Option<String>,
    /// Name of the operation whose requests are counted, such as `servlet.request`; `http.request`
    /// unless given.
    pub operation: Option<String>,
    /// Datadog's name of the environment; the environment's own unless given.
    pub env: Option<String>,
    /// Label that holds the name of the service, where it is another one.
    pub service_label: Option<String>,
    /// Label that holds the version, where it is another one.
    pub version_label: Option<String>,
    /// Label that holds the namespace, where it is another one.
    pub namespace_label: Option<String>,
}

impl RawWith {
    fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("service", &self.service),
            ("ingress", &self.ingress),
            ("namespace", &self.namespace),
            ("stable", &self.stable),
            ("canary", &self.canary),
            ("reporter", &self.reporter),
            ("operation", &self.operation),
            ("env", &self.env),
            ("service_label", &self.service_label),
            ("version_label", &self.version_label),
            ("namespace_label", &self.namespace_label),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
            .collect()
    }

    fn get<'a>(&'a self, key: &str, usual: &'a str) -> &'a str {
        let given = self.given();
        let found = given.into_iter().find(|(name, _)| *name == key);
        found.map_or(usual, |(_, value)| value)
    }
}

/// The names that an exporter uses.
struct Names {
    /// Counter of the requests.
    requests: &'static str,
    /// Buckets of how long they took.
    buckets: &'static str,
    /// Label that tells bad requests, and the matcher for them.
    outcome: (&'static str, &'static str),
    /// Label of the namespace.
    namespace: &'static str,
    /// Keys of `with` that it takes.
    takes: &'static [&'static str],
}

impl Preset {
    /// Returns its name as it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::OpenTelemetry => "open_telemetry",
            Self::IngressNginx => "ingress_nginx",
            Self::Istio => "istio",
            Self::Linkerd => "linkerd",
            Self::Traefik => "traefik",
            Self::Spring => "spring",
            Self::DatadogTrace => "datadog_trace",
        }
    }

    /// Returns who is asked.
    fn provider(self) -> ProviderKind {
        match self {
            Self::DatadogTrace => ProviderKind::Datadog,
            _ => ProviderKind::Prometheus,
        }
    }

    /// Returns what is compared unless it is said.
    fn parts(self) -> Vec<PresetPart> {
        match self {
            Self::DatadogTrace => vec![PresetPart::Errors],
            _ => vec![PresetPart::Errors, PresetPart::Duration],
        }
    }

    fn names(self) -> Names {
        let failed = "=~\"5..\"";
        match self {
            Self::OpenTelemetry => Names {
                requests: "http_server_request_duration_seconds_count",
                buckets: "http_server_request_duration_seconds_bucket",
                outcome: ("http_response_status_code", failed),
                namespace: "service_namespace",
                takes: &[
                    "service",
                    "namespace",
                    "service_label",
                    "version_label",
                    "namespace_label",
                ],
            },
            Self::IngressNginx => Names {
                requests: "nginx_ingress_controller_requests",
                buckets: "nginx_ingress_controller_request_duration_seconds_bucket",
                outcome: ("status", failed),
                namespace: "exported_namespace",
                takes: &["ingress", "namespace", "namespace_label"],
            },
            Self::Istio => Names {
                requests: "istio_requests_total",
                buckets: "istio_request_duration_milliseconds_bucket",
                outcome: ("response_code", failed),
                namespace: "destination_workload_namespace",
                takes: &[
                    "service",
                    "namespace",
                    "reporter",
                    "service_label",
                    "version_label",
                ],
            },
            Self::Linkerd => Names {
                requests: "response_total",
                buckets: "response_latency_ms_bucket",
                outcome: ("classification", "=\"failure\""),
                namespace: "namespace",
                takes: &[
                    "stable",
                    "canary",
                    "namespace",
                    "service_label",
                    "namespace_label",
                ],
            },
            Self::Traefik => Names {
                requests: "traefik_service_requests_total",
                buckets: "traefik_service_request_duration_seconds_bucket",
                outcome: ("code", failed),
                namespace: "",
                takes: &["stable", "canary", "service_label"],
            },
            Self::Spring => Names {
                requests: "http_server_requests_seconds_count",
                buckets: "http_server_requests_seconds_bucket",
                outcome: ("status", failed),
                namespace: "namespace",
                takes: &[
                    "service",
                    "namespace",
                    "service_label",
                    "version_label",
                    "namespace_label",
                ],
            },
            // What is counted stands in the name, and the operation as well.
            Self::DatadogTrace => Names {
                requests: "hits",
                buckets: "",
                outcome: ("errors", ""),
                namespace: "",
                takes: &["service", "operation", "env"],
            },
        }
    }

    /// Returns the queries for bad and for all requests.
    fn counts(self, with: &RawWith) -> (String, String) {
        let names = self.names();
        let matchers = self.matchers(with).join(",");
        let (label, failed) = names.outcome;
        let requests = names.requests;
        if self == Self::DatadogTrace {
            let operation = with.get("operation", "http.request");
            let count =
                |what: &str| format!("sum:trace.{operation}.{what}{{{matchers}}}.as_count()");
            return (count(label), count(requests));
        }
        (
            format!("{requests}{{{matchers},{label}{failed}}}"),
            format!("{requests}{{{matchers},{label}!=\"\"}}"),
        )
    }

    /// Returns the matchers of one version's requests, with variables.
    fn matchers(self, with: &RawWith) -> Vec<String> {
        let is = |label: &str, value: &str| format!("{label}=\"{value}\"");
        let by_version = |service_label: &str, version_label: &str| {
            vec![
                is(
                    with.get("service_label", service_label),
                    with.get("service", "{{service}}"),
                ),
                is(with.get("version_label", version_label), "{{version}}"),
            ]
        };
        let by_name = |label: &str| {
            let stable = with.get("stable", "{{service}}");
            let canary = with.get("canary", "{{service}}-canary");
            let name = match (&with.stable, &with.canary) {
                (None, None) => {
                    "{{service}}{{ \"-canary\" if arm == \"canary\" else \"\" }}".to_owned()
                }
                _ => {
                    let text = |name: &str| {
                        let name = name.replace("{{service}}", "\" ~ service ~ \"");
                        format!("\"{name}\"")
                    };
                    let (stable, canary) = (text(stable), text(canary));
                    format!("{{{{ {canary} if arm == \"canary\" else {stable} }}}}")
                }
            };
            is(with.get("service_label", label), &name)
        };
        let mut matchers = match self {
            Self::OpenTelemetry => by_version("service_name", "service_version"),
            // Both versions bear the Ingress of the stable one; `canary` names the other backend.
            Self::IngressNginx => vec![
                is("ingress", with.get("ingress", "{{service}}")),
                "canary{{ \"!=\" if arm == \"canary\" else \"=\" }}\"\"".to_owned(),
            ],
            Self::Istio => {
                let reporter = is("reporter", with.get("reporter", "destination"));
                let service = by_version(
                    "destination_canonical_service",
                    "destination_canonical_revision",
                );
                [vec![reporter], service].concat()
            }
            Self::Linkerd => vec![is("direction", "inbound"), by_name("deployment")],
            Self::Traefik => vec![by_name("service")],
            Self::Spring => {
                let mut matchers = by_version("application", "version");
                // Probes always succeed, and are nobody's requests.
                matchers.push("uri!~\"/actuator.*\"".to_owned());
                matchers
            }
            Self::DatadogTrace => vec![
                format!("service:{}", with.get("service", "{{service}}")),
                format!("env:{}", with.get("env", "{{environment}}")),
                "version:{{version}}".to_owned(),
            ],
        };
        if let Some(namespace) = &with.namespace {
            let label = with.get("namespace_label", self.names().namespace);
            matchers.push(is(label, namespace));
        }
        matchers
    }

    /// Returns the metric that one of its parts is.
    fn metric(self, part: PresetPart, raw: &RawMetric, with: &RawWith) -> RawMetric {
        let names = self.names();
        let name = raw.name.as_ref();
        let mut metric = RawMetric {
            name: Some(name.map_or_else(
                || part.word().to_owned(),
                |name| format!("{name} {}", part.word()),
            )),
            provider: Some(raw.provider.unwrap_or(self.provider())),
            applied: Some(self),
            preset: None,
            with: None,
            parts: None,
            slow_above: None,
            absent_bad_is_zero: None,
            ..raw.clone()
        };
        match part {
            PresetPart::Errors => {
                let (bad, total) = self.counts(with);
                metric.bad = Some(bad);
                metric.total = Some(total);
                // Who counts all requests counts the bad ones too: where there are some and none of them
                // is bad, none was.
                metric.absent_bad_is_zero = Some(raw.absent_bad_is_zero.unwrap_or(true));
            }
            PresetPart::Duration => {
                let matchers = self.matchers(with).join(",");
                metric.histogram = Some(format!("{}{{{matchers}}}", names.buckets));
                let usual = || serde_json::Value::String("auto".to_owned());
                metric.slow_above = Some(raw.slow_above.clone().unwrap_or_else(usual));
            }
        }
        metric
    }
}

/// Keys that have a meaning for some form of a metric, and for presets too.
const COMMON_KEYS: [&str; 13] = [
    "absent_bad_is_zero",
    "slow_above",
    "tolerated_ratio",
    "unacceptable_ratio",
    "negligible_rate",
    "tolerated_margin",
    "alpha_worse",
    "alpha_good",
    "dispersion",
    "restart_polls",
    "soak_polls",
    "before",
    "min_requests",
];

impl Check {
    /// Returns what an entry stands for: itself, or the metrics of its preset.
    pub(super) fn expanded(&mut self, index: usize, raw: RawMetric) -> Vec<RawMetric> {
        let at = format!("/metrics/{index}");
        let Some(preset) = raw.preset else {
            let given = [("with", raw.with.is_some()), ("parts", raw.parts.is_some())];
            for (key, is_given) in given {
                if is_given {
                    let message = format!("`{key}` goes with `preset` only");
                    self.problem(format!("{at}/{key}"), message);
                }
            }
            return vec![raw];
        };
        for key in Form::all_keys() {
            if raw.has(key) && !COMMON_KEYS.contains(&key) {
                let message =
                    format!("`{key}` does not go with `preset`, which is the whole query");
                self.problem(format!("{at}/{key}"), message);
                return Vec::new();
            }
        }
        let with = raw.with.clone().unwrap_or_default();
        if !self.fits(&at, preset, &with) {
            return Vec::new();
        }
        let parts = raw.parts.clone().unwrap_or_else(|| preset.parts());
        if parts.is_empty() {
            self.problem(
                format!("{at}/parts"),
                "expected `errors`, `duration` or both",
            );
        }
        for (number, part) in parts.iter().enumerate() {
            if !preset.parts().contains(part) {
                let message = format!(
                    "`preset: {}` has no `{}`: it counts in no buckets; write a `query` with `threshold_range`",
                    preset.word(),
                    part.word()
                );
                self.problem(format!("{at}/parts/{number}"), message);
                return Vec::new();
            }
        }
        if let Some(provider) = raw.provider
            && (provider == ProviderKind::Datadog) != (preset.provider() == ProviderKind::Datadog)
        {
            let message = format!("`preset: {}` is not asked of this provider", preset.word());
            self.problem(format!("{at}/provider"), message);
            return Vec::new();
        }
        parts
            .into_iter()
            .map(|part| preset.metric(part, &raw, &with))
            .collect()
    }

    /// Checks what a preset is given.
    fn fits(&mut self, at: &str, preset: Preset, with: &RawWith) -> bool {
        let before = self.problems.len();
        let takes = preset.names().takes;
        for (key, value) in with.given() {
            let pointer = format!("{at}/with/{key}");
            if !takes.contains(&key) {
                let message = format!(
                    "`{key}` does not go with `preset: {}`; it takes {}",
                    preset.word(),
                    takes.join(", ")
                );
                self.problem(pointer, message);
            } else if key.ends_with("_label") {
                let mut characters = value.chars();
                let begins = characters
                    .next()
                    .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
                if !begins || !characters.all(|it| it.is_ascii_alphanumeric() || it == '_') {
                    let message = format!("found {value:?}, expected the name of a label");
                    self.problem(pointer, message);
                }
            } else if key == "reporter" && !["destination", "source", "waypoint"].contains(&value) {
                let message =
                    format!("found {value:?}, expected `destination`, `source` or `waypoint`");
                self.problem(pointer, message);
            } else if value.is_empty() || !value.chars().all(is_of_name) {
                let message =
                    format!("found {value:?}, expected a name of letters, digits and . _ - / @ :");
                self.problem(pointer, message);
            }
        }
        if preset == Preset::Traefik && (with.stable.is_none() || with.canary.is_none()) {
            self.problem(
                at,
                "expected `with: {stable: shop-ads-80@kubernetes, canary: …}`: Traefik names services by namespace, Service and port",
            );
        }
        if let (Some(stable), Some(canary)) = (&with.stable, &with.canary)
            && stable == canary
        {
            let message = format!(
                "found {canary:?} for `canary` and `stable`, expected two names: a version is as good as itself"
            );
            self.problem(format!("{at}/with/canary"), message);
        }
        self.problems.len() == before
    }
}

/// No quotes, braces or backslashes, which would change the query.
fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._-/@:".contains(character)
}
