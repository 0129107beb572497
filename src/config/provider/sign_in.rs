//! How to sign in at a provider: names of environment variables, never the secrets.

use url::Url;

use super::{Problem, address::base_address};

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

impl SignIn {
    /// Reads the three keys that every provider with HTTP sign-in shares; `at` is the JSON pointer of
    /// the value that they stand in. Returns none where there are problems.
    pub(super) fn read(
        token_env: Option<String>,
        username_env: Option<String>,
        password_env: Option<String>,
        at: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        for (key, variable) in [
            ("token_env", &token_env),
            ("username_env", &username_env),
            ("password_env", &password_env),
        ] {
            if let Some(variable) = variable {
                check_variable(variable, &format!("{at}/{key}"), problems);
            }
        }
        match (token_env, username_env, password_env) {
            (None, None, None) => Some(Self::Open),
            (Some(token_env), None, None) => Some(Self::Bearer { token_env }),
            (None, Some(username_env), Some(password_env)) => Some(Self::Basic {
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
        }
    }
}

/// Reads `url`, `allow_http` and `token_env`, all that some providers need; `at` is the JSON pointer of
/// the value that they stand in.
///
/// # Errors
/// An address that may not be asked with credentials, something else than a variable's name.
pub(super) fn address_with_token(
    url: &str,
    allow_http: bool,
    token_env: Option<String>,
    at: &str,
) -> Result<(Url, Option<String>), Vec<Problem>> {
    let mut problems = Vec::new();
    if let Some(variable) = &token_env {
        check_variable(variable, &format!("{at}/token_env"), &mut problems);
    }
    match base_address(url, allow_http) {
        Ok(url) if problems.is_empty() => Ok((url, token_env)),
        Ok(_) => Err(problems),
        Err(message) => {
            problems.push((format!("{at}/url"), message));
            Err(problems)
        }
    }
}

/// Notes where something else than the name of an environment variable is found. What stands there
/// could be the secret itself, so the message does not repeat it.
pub(in crate::config) fn check_variable(name: &str, pointer: &str, problems: &mut Vec<Problem>) {
    if !is_variable(name) {
        problems.push((
            pointer.to_owned(),
            "expected the name of an environment variable, such as PROMETHEUS_TOKEN".to_owned(),
        ));
    }
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
