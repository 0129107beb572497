//! Credentials for one registry from the text of a Docker `config.json`
//! (<https://docs.docker.com/reference/cli/docker/login/>).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::{Credentials, DOCKER_HUB, DOCKER_HUB_HOST};
use crate::secret::Secret;

/// Finds what the text says of a registry, by its host with port; none where it says nothing.
///
/// # Errors
/// Not such a text, or an entry for the registry that is not understood; the message repeats nothing
/// of it.
pub fn credentials(text: &Secret, host: &str) -> Result<Option<Credentials>, String> {
    let document: Value = serde_json::from_str(text.expose())
        .map_err(|_| "is not the JSON text of a Docker config.json".to_owned())?;
    let Some(auths) = document.get("auths").and_then(Value::as_object) else {
        return Ok(None);
    };
    let entry = auths.iter().find(|(name, _)| is_named(name, host));
    let Some((_, entry)) = entry else {
        return Ok(None);
    };
    let text_of = |key: &str| entry.get(key).and_then(Value::as_str);
    let pair = match (text_of("auth"), text_of("username"), text_of("password")) {
        (Some(auth), ..) if !auth.is_empty() => {
            let bytes = BASE64_STANDARD.decode(auth.trim()).ok();
            let pair = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            pair.as_deref()
                .and_then(|pair| pair.split_once(':'))
                .map(|(name, password)| (name.to_owned(), password.to_owned()))
        }
        (_, Some(name), Some(password)) => Some((name.to_owned(), password.to_owned())),
        _ => None,
    };
    let (username, password) = pair.ok_or_else(|| {
        "has an entry for the registry without `auth` or `username` with `password`".to_owned()
    })?;
    Ok(Some(Credentials {
        username: Secret::new(username),
        password: Secret::new(password.trim_end_matches('\0')),
    }))
}

/// Entries are hosts, or old addresses such as `https://index.docker.io/v1/`.
fn is_named(name: &str, host: &str) -> bool {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    let name = name.split('/').next().unwrap_or_default();
    let hub = ["index.docker.io", DOCKER_HUB, DOCKER_HUB_HOST];
    name.eq_ignore_ascii_case(host) || (hub.contains(&name) && hub.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_entry_of_the_registry_counts() {
        let found = |text: &str, host: &str| match credentials(&Secret::new(text), host) {
            Ok(Some(Credentials { username, password })) => {
                format!("{} {}", username.expose(), password.expose())
            }
            Ok(None) => "nothing".to_owned(),
            Err(reason) => reason,
        };
        // robin:hunter2
        let text = r#"{"auths": {
            "registry.example": {"auth": "cm9iaW46aHVudGVyMg=="},
            "https://index.docker.io/v1/": {"username": "robin", "password": "hub"},
            "broken.example": {"auth": "!!!"},
            "helper.example": {}
        }, "credsStore": "desktop"}"#;
        let rows = [
            (text, "registry.example", "robin hunter2"),
            (text, "docker.io", "robin hub"),
            (text, "registry-1.docker.io", "robin hub"),
            (text, "registry.example:5000", "nothing"),
            (text, "other.example", "nothing"),
            (
                text,
                "broken.example",
                "has an entry for the registry without `auth` or `username` with `password`",
            ),
            (
                text,
                "helper.example",
                "has an entry for the registry without `auth` or `username` with `password`",
            ),
            ("{}", "registry.example", "nothing"),
            (
                "hunter2",
                "registry.example",
                "is not the JSON text of a Docker config.json",
            ),
        ];
        for (text, host, wanted) in rows {
            assert_eq!(found(text, host), wanted, "{host}");
        }
    }
}
