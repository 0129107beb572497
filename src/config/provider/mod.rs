//! The `providers` section: where metrics are asked, and which variables hold the credentials.
//!
//! Each provider has a file of its own; `address` and `sign_in` hold what they share.

mod address;
mod alertmanager;
mod cloudwatch;
mod prometheus;
mod registry;
mod sign_in;
mod web;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Problem, schema::without_null};

pub use alertmanager::{Alertmanager, RawAlertmanager};
pub use cloudwatch::{Cloudwatch, RawCloudwatch};
pub use prometheus::{Prometheus, RawPrometheus};
pub use registry::{RawRegistry, Registry, RegistrySignIn};
pub use sign_in::SignIn;
pub use web::{RawWeb, Web};

pub(super) use address::web_address;

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
}
