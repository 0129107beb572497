//! `providers.web`: any JSON API that has a number or a yes or no, and how to sign in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    address::{base_address, check_header},
    sign_in::SignIn,
};
use crate::config::{Problem, schema::without_null};

/// `providers.web` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawWeb {
    /// Base address, such as `https://status.example/api`; what metrics and checks ask is below it.
    pub url: String,
    /// Environment variable that holds a bearer token.
    pub token_env: Option<String>,
    /// Environment variable that holds the user name of basic authentication.
    pub username_env: Option<String>,
    /// Environment variable that holds the password of basic authentication.
    pub password_env: Option<String>,
    /// More headers. No secrets: they are in plain sight here.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Allow `http://` to a host that is not this machine.
    #[serde(default)]
    pub allow_http: bool,
}

/// A JSON API and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Base address: http or https, without credentials, query or fragment.
    pub url: Url,
    /// How to sign in.
    pub sign_in: SignIn,
    /// More headers, names and values legal in HTTP.
    pub headers: BTreeMap<String, String>,
}

impl RawWeb {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// An address that may not be asked with credentials; two ways to sign in, or half of one; a
    /// header that HTTP does not allow or that would carry a secret in plain sight.
    pub fn validate(self, at: &str) -> Result<Web, Vec<Problem>> {
        let mut problems = Vec::new();
        let url = base_address(&self.url, self.allow_http)
            .map_err(|message| problems.push((format!("{at}/url"), message)))
            .ok();
        for (name, value) in &self.headers {
            if let Err(message) = check_header(name, value) {
                let key = crate::yaml::value::escape(name);
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
            (Some(url), Some(sign_in)) if problems.is_empty() => Ok(Web {
                url,
                sign_in,
                headers: self.headers,
            }),
            _ => Err(problems),
        }
    }
}
