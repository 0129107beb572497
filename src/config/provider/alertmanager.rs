//! `providers.alertmanager`: where an Alertmanager is and how to sign in.

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{address::base_address, sign_in::check_variable};
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
        let mut problems = Vec::new();
        if let Some(variable) = &self.token_env {
            check_variable(variable, &format!("{at}/token_env"), &mut problems);
        }
        match base_address(&self.url, self.allow_http) {
            Ok(url) if problems.is_empty() => Ok(Alertmanager {
                url,
                token_env: self.token_env,
            }),
            Ok(_) => Err(problems),
            Err(message) => {
                problems.push((format!("{at}/url"), message));
                Err(problems)
            }
        }
    }
}
