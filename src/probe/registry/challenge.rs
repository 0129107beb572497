//! `WWW-Authenticate` (RFC 9110, section 11.6.1) as registries write it.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a registry wants to be signed in at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With a token from somewhere.
    Bearer(Asked),
    /// With a user name and a password.
    Basic,
}

/// Which token is asked for
/// (<https://distribution.github.io/distribution/spec/auth/token/>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Address that gives it out.
    pub(super) realm: String,
    /// Whom it is for.
    pub(super) service: Option<String>,
    /// What it is good for.
    pub(super) scope: Option<String>,
}

impl Challenge {
    /// Reads the headers; a token goes before a password.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter();
        let found: Vec<Self> = texts
            .filter_map(|text| Self::parse(text.to_str().ok()?))
            .collect();
        let bearer = found.iter().find(|found| matches!(found, Self::Bearer(_)));
        bearer.or(found.first()).cloned()
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut asked = Asked::default();
        for (name, value) in parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => asked.realm = value,
                "service" => asked.service = Some(value),
                "scope" => asked.scope = Some(value),
                _ => {}
            }
        }
        (!asked.realm.is_empty()).then_some(Self::Bearer(asked))
    }
}

/// Reads `name="value", name=value`; a comma between quotes is part of the value.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((name.trim().to_owned(), value.trim().to_owned()));
        rest = after.trim_start_matches([',', ' ', '\t']);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_known_registries_are_read() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer(Asked {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
                scope: scope.map(str::to_owned),
            }))
        };
        let rows = [
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/nginx:pull\"",
                bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:library/nginx:pull"),
                ),
            ),
            (
                "bearer realm=\"https://r.example/token\", scope=\"repository:a:pull,push\", error=\"invalid_token\"",
                bearer(
                    "https://r.example/token",
                    None,
                    Some("repository:a:pull,push"),
                ),
            ),
            (
                "Bearer realm=https://r.example/t",
                bearer("https://r.example/t", None, None),
            ),
            ("Basic realm=\"Registry\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            ("Bearer", None),
            ("Bearer service=\"x\"", None),
            ("Negotiate", None),
            ("", None),
        ];
        for (text, wanted) in rows {
            assert_eq!(Challenge::parse(text), wanted, "{text}");
        }
    }
}
