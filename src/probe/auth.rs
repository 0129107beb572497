//! How to sign in by the header `Authorization`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::header::{AUTHORIZATION, HeaderMap};

use super::json_api::sensitive;
use crate::secret::Secret;

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    Open,
    /// With a bearer token.
    Bearer(Secret),
    /// With a user name and a password.
    Basic {
        /// User name.
        username: Secret,
        /// Password.
        password: Secret,
    },
}

impl Auth {
    /// Adds the header.
    ///
    /// # Errors
    /// Characters that HTTP does not allow; the message names the header only.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) -> Result<(), String> {
        let text = match self {
            Self::Open => return Ok(()),
            Self::Bearer(token) => format!("Bearer {}", token.expose()),
            Self::Basic { username, password } => {
                format!("Basic {}", basic(username, password).expose())
            }
        };
        headers.insert(AUTHORIZATION, sensitive(&text, "Authorization")?);
        Ok(())
    }

    /// Returns what must never be seen in a reason.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Open => Vec::new(),
            Self::Bearer(token) => vec![token.clone()],
            Self::Basic { username, password } => {
                vec![password.clone(), basic(username, password)]
            }
        }
    }
}

/// Returns the text behind `Basic`, which is as secret as the password.
pub(super) fn basic(username: &Secret, password: &Secret) -> Secret {
    let pair = format!("{}:{}", username.expose(), password.expose());
    Secret::new(BASE64_STANDARD.encode(pair))
}
