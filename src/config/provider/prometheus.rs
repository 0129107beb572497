//! `providers.prometheus`: where a Prometheus is and how to sign in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    address::{base_address, check_header},
    sign_in::SignIn,
};
use crate::config::{Problem, schema::without_null};

/// `providers.prometheus` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawPrometheus {
    /// Base address, such as `https://prometheus.example` or `https://mimir.example/prometheus`.
    pub url: String,
    /// Environment variable that holds a bearer token.
    pub token_env: Option<String>,
    /// Environment variable that holds the user name of basic authentication.
    pub username_env: Option<String>,
    /// Environment variable that holds the password of basic authentication.
    pub password_env: Option<String>,
    /// More headers, such as `X-Scope-OrgID: tenant`. No secrets: they are in plain sight here.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Allow `http://` to a host that is not this machine.
    #[serde(default)]
    pub allow_http: bool,
}

/// Where a Prometheus is and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prometheus {
    /// Base address: http or https, without credentials, query or fragment.
    pub url: Url,
    /// How to sign in.
    pub sign_in: SignIn,
    /// More headers, names and values legal in HTTP.
    pub headers: BTreeMap<String, String>,
}

impl RawPrometheus {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// An address that is not http or https, carries credentials, a query or a fragment, or is plain
    /// http to another machine without `allow_http`; two ways to sign in, or half of one; a header
    /// that HTTP does not allow or that would carry a secret in plain sight.
    pub fn validate(self, at: &str) -> Result<Prometheus, Vec<Problem>> {
        let mut problems = Vec::new();
        let url = match base_address(&self.url, self.allow_http) {
            Ok(url) => Some(url),
            Err(message) => {
                problems.push((format!("{at}/url"), message));
                None
            }
        };
        for (name, value) in &self.headers {
            if let Err(message) = check_header(name, value) {
                let key = name.replace('~', "~0").replace('/', "~1");
                problems.push((format!("{at}/headers/{key}"), message));
            }
        }
        let sign_in = SignIn::read(
            self.token_env,
            self.username_env,
            self.password_env,
            at,
            &mut problems,
        );
        match (url, sign_in) {
            (Some(url), Some(sign_in)) if problems.is_empty() => Ok(Prometheus {
                url,
                sign_in,
                headers: self.headers,
            }),
            _ => Err(problems),
        }
    }
}
