//! `providers.registry`: the registry in which an image must be before it is deployed.

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{
    address::base_address,
    sign_in::{SignIn, check_variable},
};
use crate::config::{Problem, schema::without_null};

/// `providers.registry` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawRegistry {
    /// Address of the registry, such as `https://registry.example`. Images of other registries are
    /// not looked for.
    pub url: String,
    /// Address that gives out its tokens, where that is another host than the registry:
    /// `https://gitlab.com` for `registry.gitlab.com`. Credentials go nowhere else.
    pub token_url: Option<String>,
    /// Environment variable that holds the user name.
    pub username_env: Option<String>,
    /// Environment variable that holds the password or access token of that user.
    pub password_env: Option<String>,
    /// Environment variable that holds the text of a Docker `config.json`, such as
    /// `DOCKER_AUTH_CONFIG`; what it says of this registry counts.
    pub docker_config_env: Option<String>,
    /// Allow `http://` to a host that is not this machine.
    #[serde(default)]
    pub allow_http: bool,
}

/// A registry and how to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// Its address, without credentials, path, query or fragment.
    pub url: Url,
    /// The address that gives out its tokens, where it is another one.
    pub token_url: Option<Url>,
    /// How to sign in.
    pub sign_in: RegistrySignIn,
}

/// How to sign in at a registry; names of environment variables, never the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrySignIn {
    /// Not at all.
    Open,
    /// With a user name and a password.
    Basic {
        /// Variable of the user name.
        username_env: String,
        /// Variable of the password.
        password_env: String,
    },
    /// With what a Docker `config.json` says.
    DockerConfig {
        /// Variable of its text.
        docker_config_env: String,
    },
}

impl RawRegistry {
    /// Checks the meaning; `at` is the JSON pointer of this value.
    ///
    /// # Errors
    /// An address that may not be asked with credentials or that has a path, something else than a
    /// variable's name, two ways to sign in or half of one.
    pub fn validate(self, at: &str) -> Result<Registry, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut address = |text: &str, key: &str| match base_address(text, self.allow_http) {
            Ok(url) if matches!(url.path(), "" | "/") => Some(url),
            Ok(_) => {
                let message =
                    "expected an address without a path, such as https://registry.example";
                problems.push((format!("{at}/{key}"), message.to_owned()));
                None
            }
            Err(message) => {
                problems.push((format!("{at}/{key}"), message));
                None
            }
        };
        let url = address(&self.url, "url");
        let token_url = self
            .token_url
            .as_deref()
            .map(|text| address(text, "token_url"));
        let has_names = self.username_env.is_some() || self.password_env.is_some();
        let basic = SignIn::read(
            None,
            self.username_env,
            self.password_env,
            at,
            &mut problems,
        );
        let sign_in = match (basic, self.docker_config_env) {
            (_, Some(_)) if has_names => {
                problems.push((
                    at.to_owned(),
                    "expected either `docker_config_env`, or `username_env` together with `password_env`"
                        .to_owned(),
                ));
                None
            }
            (_, Some(docker_config_env)) => {
                let pointer = format!("{at}/docker_config_env");
                check_variable(&docker_config_env, &pointer, &mut problems);
                Some(RegistrySignIn::DockerConfig { docker_config_env })
            }
            (
                Some(SignIn::Basic {
                    username_env,
                    password_env,
                }),
                None,
            ) => Some(RegistrySignIn::Basic {
                username_env,
                password_env,
            }),
            (Some(_), None) => Some(RegistrySignIn::Open),
            (None, None) => None,
        };
        match (url, token_url, sign_in) {
            (Some(url), None, Some(sign_in)) if problems.is_empty() => Ok(Registry {
                url,
                token_url: None,
                sign_in,
            }),
            (Some(url), Some(Some(token_url)), Some(sign_in)) if problems.is_empty() => {
                Ok(Registry {
                    url,
                    token_url: Some(token_url),
                    sign_in,
                })
            }
            _ => Err(problems),
        }
    }
}
