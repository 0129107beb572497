//! `providers.alertmanager`: where an Alertmanager is and how to sign in.

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::sign_in::address_with_token;
use crate::config::{Problem, schema::without_null};

/// `providers.alertmanager` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawAlertmanager {
    /// Base address, such as `https://alertmanager.example`.
    pub url: String,
    /// Environment variable that holds a bearer token.
    pub token_env: Option<String>,
    /// Allow `http://` to a host that is not this machine.
    #[serde(default)]
    pub allow_http: bool,
}

/// Where an Alertmanager is and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alertmanager {
    /// Base address: http or https, without credentials, query or fragment.
    pub url: Url,
    /// Variable of the bearer token, if it asks for one.
    pub token_env: Option<String>,
}

impl RawAlertmanager {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// An address that may not be asked with credentials, something else than a variable's name.
    pub fn validate(self, at: &str) -> Result<Alertmanager, Vec<Problem>> {
        let (url, token_env) = address_with_token(&self.url, self.allow_http, self.token_env, at)?;
        Ok(Alertmanager { url, token_env })
    }
}
