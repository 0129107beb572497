//! The `providers` section: where metrics are asked, and which variables hold the credentials.
//!
//! Each provider has a file of its own; `address` and `sign_in` hold what they share.

mod address;
mod alertmanager;
mod argocd;
mod cloudwatch;
mod cluster;
mod datadog;
mod named;
mod newrelic;
mod prometheus;
mod registry;
mod sign_in;
mod sums;
mod web;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Problem, schema::without_null};

pub use alertmanager::{Alertmanager, RawAlertmanager};
pub use argocd::{ArgoCd, RawArgoCd};
pub use cloudwatch::{Cloudwatch, RawCloudwatch};
pub use cluster::{Flux, Kubernetes};
pub use datadog::{Datadog, DatadogApi, RawDatadog};
pub use named::Named;
pub use newrelic::{NewRelic, NewRelicRegion, RawNewRelic};
pub use prometheus::{Prometheus, RawPrometheus};
pub use registry::{RawRegistry, Registry, RegistrySignIn};
pub use sign_in::SignIn;
pub use sums::Sums;
pub use web::{RawWeb, Web};

pub(super) use address::web_address;
pub(super) use sign_in::check_variable;

/// `providers` as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawProviders {
    /// A Prometheus or anything that speaks its query API (Thanos, Mimir, VictoriaMetrics).
    pub prometheus: Option<RawPrometheus>,
    /// An Alertmanager, for `checks` of alerts.
    pub alertmanager: Option<RawAlertmanager>,
    /// A region of Amazon CloudWatch.
    pub cloudwatch: Option<RawCloudwatch>,
    /// The registry in which an image must be before it is deployed.
    pub registry: Option<RawRegistry>,
    /// Any JSON API that has a number, or a yes or no.
    pub web: Option<RawWeb>,
    /// Datadog, for metrics and for `checks` of monitors and deployment gates.
    pub datadog: Option<RawDatadog>,
    /// New Relic, for metrics.
    pub newrelic: Option<RawNewRelic>,
    /// An Argo CD, for `live`.
    pub argocd: Option<RawArgoCd>,
    /// How to sign in at a cluster, for `live`.
    pub kubernetes: Option<Kubernetes>,
    /// Flux's webhook receiver, which is told of every push.
    pub flux: Option<Flux>,
}

/// The providers, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Providers {
    /// Where Prometheus is, if it is configured.
    pub prometheus: Option<Prometheus>,
    /// Where Alertmanager is, if it is configured.
    pub alertmanager: Option<Alertmanager>,
    /// A region of CloudWatch, if it is configured.
    pub cloudwatch: Option<Cloudwatch>,
    /// Where images must be before they are deployed, if it is configured.
    pub registry: Option<Registry>,
    /// A JSON API, if it is configured.
    pub web: Option<Web>,
    /// Which Datadog is asked, if it is configured.
    pub datadog: Option<Datadog>,
    /// Which account of New Relic is asked, if it is configured.
    pub newrelic: Option<NewRelic>,
    /// Where Argo CD is, if it is configured.
    pub argocd: Option<ArgoCd>,
    /// How to sign in at a cluster; by the kubeconfig alone where it is not configured.
    pub kubernetes: Option<Kubernetes>,
    /// Flux's webhook receiver, if it is configured.
    pub flux: Option<Flux>,
}

impl RawProviders {
    /// Checks the meaning. Pointers count from the `providers` value.
    ///
    /// # Errors
    /// Every problem of every provider.
    pub fn validate(self) -> Result<Providers, Vec<Problem>> {
        let mut problems = Vec::new();
        let providers = Providers {
            prometheus: checked(self.prometheus, &mut problems, |raw| {
                raw.validate("/prometheus")
            }),
            alertmanager: checked(self.alertmanager, &mut problems, |raw| {
                raw.validate("/alertmanager")
            }),
            cloudwatch: checked(self.cloudwatch, &mut problems, |raw| {
                raw.validate("/cloudwatch")
            }),
            registry: checked(self.registry, &mut problems, |raw| {
                raw.validate("/registry")
            }),
            web: checked(self.web, &mut problems, |raw| raw.validate("/web")),
            datadog: checked(self.datadog, &mut problems, |raw| raw.validate("/datadog")),
            newrelic: checked(self.newrelic, &mut problems, |raw| {
                raw.validate("/newrelic")
            }),
            argocd: checked(self.argocd, &mut problems, |raw| raw.validate("/argocd")),
            kubernetes: checked(self.kubernetes, &mut problems, |raw| {
                raw.validate("/kubernetes")
            }),
            flux: checked(self.flux, &mut problems, |raw| raw.validate("/flux")),
        };
        if problems.is_empty() {
            Ok(providers)
        } else {
            Err(problems)
        }
    }
}

fn checked<R, P>(
    raw: Option<R>,
    problems: &mut Vec<Problem>,
    validate: impl FnOnce(R) -> Result<P, Vec<Problem>>,
) -> Option<P> {
    validate(raw?).map_err(|found| problems.extend(found)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, read};

    fn problems(text: &str) -> String {
        let (raw, _) = read::<RawProviders>(text, &Limits::SETTINGS).unwrap();
        match raw.validate() {
            Ok(providers) => format!("{:?}", providers.prometheus.unwrap().sign_in),
            Err(problems) => problems
                .iter()
                .map(|(pointer, message)| format!("{pointer}: {message}"))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    #[test]
    fn addresses_that_could_leak_are_refused() {
        let good = [
            "https://prometheus.example",
            "https://mimir.example/prometheus",
            "http://localhost:9090",
            "http://127.0.0.1:9090",
            "http://127.9.9.9:9090",
            "http://[::1]:9090",
        ];
        for url in good {
            assert_eq!(problems(&format!("prometheus: {{url: '{url}'}}")), "Open");
        }
        let bad = [
            (
                "http://prometheus.example",
                "/prometheus/url: expected https",
            ),
            (
                "http://localhost.example",
                "/prometheus/url: expected https",
            ),
            (
                "http://127.0.0.1.example",
                "/prometheus/url: expected https",
            ),
            ("http://10.0.0.1", "/prometheus/url: expected https"),
            (
                "https://[::ffff:169.254.169.254]",
                "/prometheus/url: the address is link-local",
            ),
            (
                "https://2852039166",
                "/prometheus/url: the address is link-local",
            ),
            ("ftp://x.example", "/prometheus/url: found the scheme `ftp`"),
            (
                "prometheus:9090",
                "/prometheus/url: found the scheme `prometheus`",
            ),
            (
                "prometheus.example",
                "/prometheus/url: relative URL without a base",
            ),
            (
                "https://u:hunter2@x.example",
                "/prometheus/url: found credentials",
            ),
            (
                "https://x.example/?token=hunter2",
                "/prometheus/url: expected a base",
            ),
            ("https://x.example/#a", "/prometheus/url: expected a base"),
        ];
        for (url, message) in bad {
            let found = problems(&format!("prometheus: {{url: '{url}'}}"));
            assert!(found.starts_with(message), "{url}: {found}");
            assert!(!found.contains("hunter2"), "{found}");
        }
        assert_eq!(
            problems("prometheus: {url: 'http://10.0.0.1', allow_http: true}"),
            "Open"
        );
    }

    #[test]
    fn credentials_are_named_and_never_written() {
        insta::assert_snapshot!(problems(
            "prometheus:
  url: https://x.example
  token_env: ey.hunter2
  username_env: USER_NAME
  headers: {authorization: Bearer hunter2, X-Scope-OrgID: tenant, 'a b': c, Host: x, X-Odd: \"a\\u0007\"}
"
        ), @r"
        /prometheus/headers/Host: `Host` is set by shipgate itself
        /prometheus/headers/X-Odd: expected a header value of printable ASCII characters
        /prometheus/headers/a b: expected a header name, such as X-Scope-OrgID
        /prometheus/headers/authorization: `authorization` is a secret and does not belong in this file; use `token_env`, or `username_env` with `password_env`
        /prometheus/token_env: expected the name of an environment variable, such as PROMETHEUS_TOKEN
        /prometheus: expected either `token_env`, or `username_env` together with `password_env`
        ");
        assert_eq!(
            problems("prometheus: {url: 'https://x.example', username_env: A, password_env: B}"),
            r#"Basic { username_env: "A", password_env: "B" }"#
        );
    }

    #[test]
    fn keys_go_to_the_vendor_only_and_times_make_sense() {
        let rows = [
            "datadog: {}",
            "datadog: {site: us5.datadoghq.com, api: scalar, bucket: 30s, settle: 10m}",
            "datadog: {url: 'http://127.0.0.1:8126'}",
            "datadog: {site: datadoghq.eu.example}",
            "datadog: {site: notdatadoghq.com}",
            "datadog: {site: 'evil.example/datadoghq.com'}",
            "datadog: {site: 'a@datadoghq.com'}",
            "datadog: {site: datadoghq.eu, url: 'https://proxy.example'}",
            "datadog: {url: 'http://proxy.example'}",
            "datadog: {api_key_env: 0123-hunter2, bucket: 1.5s, settle: 2h, window: 0s}",
            "newrelic: {account: 7, region: eu}",
            "newrelic: {account: 7, url: 'https://proxy.example/nr', window: 1h}",
            "newrelic: {account: 7, region: us, url: 'https://proxy.example'}",
            "newrelic: {account: 7, api_key_env: NRAK-hunter2, bucket: soon}",
        ];
        let line = |text: &str| {
            let (raw, _) = read::<RawProviders>(text, &Limits::SETTINGS).unwrap();
            match raw.validate() {
                Ok(Providers {
                    datadog: Some(found),
                    ..
                }) => format!("{} {:?} {:?}", found.url, found.api, found.sums),
                Ok(found) => found.newrelic.map_or("nothing".to_owned(), |found| {
                    format!("{} {:?} {:?}", found.url, found.window, found.sums)
                }),
                Err(problems) => problems
                    .iter()
                    .map(|(pointer, message)| format!("{pointer}: {message}"))
                    .collect::<Vec<_>>()
                    .join("; "),
            }
        };
        let lines: Vec<String> = rows.into_iter().map(line).collect();
        assert!(!lines.iter().any(|line| line.contains("hunter2")));
        insta::assert_snapshot!(lines.join("\n"), @r#"
        https://api.datadoghq.com/ V1 Sums { bucket: 10s, settle: 60s }
        https://api.us5.datadoghq.com/ Scalar Sums { bucket: 30s, settle: 600s }
        http://127.0.0.1:8126/ V1 Sums { bucket: 10s, settle: 60s }
        /datadog/site: expected a site of Datadog, such as datadoghq.eu or us5.datadoghq.com; another address stands in `url`
        /datadog/site: expected a site of Datadog, such as datadoghq.eu or us5.datadoghq.com; another address stands in `url`
        /datadog/site: expected a site of Datadog, such as datadoghq.eu or us5.datadoghq.com; another address stands in `url`
        /datadog/site: expected a site of Datadog, such as datadoghq.eu or us5.datadoghq.com; another address stands in `url`
        /datadog/url: found `site` as well, expected one of them
        /datadog/url: expected https: plain http shows the key to everyone on the way
        /datadog/api_key_env: expected the name of an environment variable, such as PROMETHEUS_TOKEN; /datadog/window: expected from 1s to 1d; /datadog/bucket: expected whole seconds, from 1s to 1h; /datadog/settle: expected at most 1h
        https://api.eu.newrelic.com/ 300s Sums { bucket: 10s, settle: 120s }
        https://proxy.example/nr 3600s Sums { bucket: 10s, settle: 120s }
        /newrelic/url: found `region` as well, expected one of them
        /newrelic/api_key_env: expected the name of an environment variable, such as PROMETHEUS_TOKEN; /newrelic/bucket: found "soon", expected a duration with a unit, such as 30s, 10m or 1h30m
        "#);
    }
}
