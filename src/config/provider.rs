//! The `providers` section: where metrics are asked, and which variables hold the credentials.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{Problem, schema::without_null};
use crate::units::is_loopback;

/// `providers` as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawProviders {
    /// A Prometheus or anything that speaks its query API (Thanos, Mimir, VictoriaMetrics).
    pub prometheus: Option<RawPrometheus>,
}

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

/// The providers, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Providers {
    /// Where Prometheus is, if it is configured.
    pub prometheus: Option<Prometheus>,
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

/// How to sign in; names of environment variables, never the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// Not at all.
    Open,
    /// With a bearer token.
    Bearer {
        /// Variable of the token.
        token_env: String,
    },
    /// With a user name and a password.
    Basic {
        /// Variable of the user name.
        username_env: String,
        /// Variable of the password.
        password_env: String,
    },
}

impl RawProviders {
    /// Checks the meaning. Pointers count from the `providers` value.
    ///
    /// # Errors
    /// Every problem there is: see [`RawPrometheus::validate`].
    pub fn validate(self) -> Result<Providers, Vec<Problem>> {
        let prometheus = self
            .prometheus
            .map(|raw| raw.validate("/prometheus"))
            .transpose()?;
        Ok(Providers { prometheus })
    }
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
        for (key, variable) in [
            ("token_env", &self.token_env),
            ("username_env", &self.username_env),
            ("password_env", &self.password_env),
        ] {
            if variable.as_ref().is_some_and(|name| !is_variable(name)) {
                // What stands here could be the secret itself, so the message does not repeat it.
                problems.push((
                    format!("{at}/{key}"),
                    "expected the name of an environment variable, such as PROMETHEUS_TOKEN"
                        .to_owned(),
                ));
            }
        }
        let sign_in = match (self.token_env, self.username_env, self.password_env) {
            (None, None, None) => Some(SignIn::Open),
            (Some(token_env), None, None) => Some(SignIn::Bearer { token_env }),
            (None, Some(username_env), Some(password_env)) => Some(SignIn::Basic {
                username_env,
                password_env,
            }),
            _ => {
                problems.push((
                    at.to_owned(),
                    "expected either `token_env`, or `username_env` together with `password_env`"
                        .to_owned(),
                ));
                None
            }
        };
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

/// Reads an address that secrets may be sent to.
fn base_address(text: &str, allow_http: bool) -> Result<Url, String> {
    let url = web_address(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("expected a base address without `?` and `#`".to_owned());
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err(
            "expected https: plain http shows the queries and credentials to everyone on the way; `allow_http: true` allows it"
                .to_owned(),
        );
    }
    Ok(url)
}

/// Reads an http or https address without credentials. Messages never repeat the address: it could
/// hold a secret.
///
/// # Errors
/// Not an address, another scheme, or credentials in it.
pub(super) fn web_address(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected an http or https address, such as https://host.example/path";
    let url = Url::parse(text.trim()).map_err(|error| format!("{error}; {EXPECTED}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("found the scheme `{}`; {EXPECTED}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "found credentials in the address; name the variables that hold them in `username_env` and `password_env`"
                .to_owned(),
        );
    }
    Ok(url)
}

fn check_header(name: &str, value: &str) -> Result<(), String> {
    // The token grammar of RFC 9110, section 5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("expected a header name, such as X-Scope-OrgID".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "authorization" | "proxy-authorization" | "cookie"
    ) {
        return Err(format!(
            "`{name}` is a secret and does not belong in this file; use `token_env`, or `username_env` with `password_env`"
        ));
    }
    if matches!(
        lower.as_str(),
        "host" | "content-length" | "content-type" | "transfer-encoding" | "connection"
    ) {
        return Err(format!("`{name}` is set by shipgate itself"));
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err("expected a header value of printable ASCII characters".to_owned());
    }
    Ok(())
}

/// The names POSIX allows (Base Definitions, section 8.1), in either case.
fn is_variable(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
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
