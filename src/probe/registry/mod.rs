//! A container registry: is an image there, and which digest has it?
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md>)
//!
//! `challenge` reads what a registry says of signing in, `token` gets what it asks for, and
//! `docker_config` finds credentials where Docker keeps them.

mod challenge;
mod docker_config;
mod token;

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::Value;

use super::{
    Client,
    auth::basic,
    client::{Answer, Call},
    json_api::{below, sensitive, without},
    text::origin,
};
use crate::{clock::Clock, secret::Secret};

use challenge::Challenge;

pub use docker_config::credentials;

/// Bytes of one manifest; registries allow no more than 4 MiB.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
                         application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";
/// Where images without a registry come from, and who gives out the tokens there.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";
const DOCKER_HUB_TOKENS: &str = "auth.docker.io";

/// Where a registry is and how to sign in.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its address, without a path.
    pub url: Url,
    /// The address that gives out its tokens, where it is another one.
    pub token_url: Option<Url>,
    /// User name and password, if it asks for them.
    pub credentials: Option<Credentials>,
}

/// A user name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: Secret,
    /// The password, or an access token in its place.
    pub password: Secret,
}

/// What a registry says of an image. Every reason is a clause without secrets and without raw remote
/// text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageReading {
    /// It is there, with this digest: `sha256:…`.
    Found(String),
    /// It is not there.
    Missing(String),
    /// Nobody knows: no answer, none that is a manifest, or no right to ask.
    Unanswered(String),
}

impl Endpoint {
    /// Returns the path of an image in this registry, by the image's full name: `shop/ads` of
    /// `registry.example/shop/ads`; none where it is in another registry.
    pub fn path_of<'a>(&self, full: &'a str) -> Option<&'a str> {
        let (host, path) = full.split_once('/')?;
        let own = self.host();
        let is_hub = host == DOCKER_HUB && own == DOCKER_HUB_HOST;
        (is_hub || host.eq_ignore_ascii_case(&own)).then_some(path)
    }

    /// Returns host and port, as images name them.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Where tokens may be asked for: at the registry itself, and where the configuration says.
    fn gives_tokens(&self, realm: &Url) -> bool {
        let allowed = [Some(&self.url), self.token_url.as_ref()];
        let is_hub = self.url.host_str() == Some(DOCKER_HUB_HOST)
            && realm.scheme() == "https"
            && realm.host_str() == Some(DOCKER_HUB_TOKENS);
        is_hub
            || allowed
                .into_iter()
                .flatten()
                .any(|url| url.origin() == realm.origin())
    }
}

/// Asks for the manifest of `path:tag`, signs in where the registry asks for that, and proves the
/// answer by its own digest.
pub async fn image(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    (path, tag): (&str, &str),
    timeout: Duration,
) -> ImageReading {
    let mut url = below(&endpoint.url, &format!("/v2/{path}/manifests/{tag}"));
    // Images of the hub are called by a name that only redirects.
    if endpoint.host() == DOCKER_HUB {
        let _ = url.set_host(Some(DOCKER_HUB_HOST));
    }
    let who = origin(&url);
    let first = match get(client, clock, &url, None, timeout).await {
        Ok(answer) => answer,
        Err(reason) => return ImageReading::Unanswered(reason),
    };
    if first.status.as_u16() != 401 {
        return judge(&first, &who, (path, tag));
    }
    let mut secrets: Vec<Secret> = Vec::new();
    if let Some(Credentials { username, password }) = &endpoint.credentials {
        secrets.extend([
            username.clone(),
            password.clone(),
            basic(username, password),
        ]);
    }
    let clean =
        |reason: String, secrets: &[Secret]| without(reason, &secrets.iter().collect::<Vec<_>>());
    let authorization = match (Challenge::read(&first.headers), &endpoint.credentials) {
        (Some(Challenge::Bearer(asked)), credentials) => {
            let credentials = credentials.as_ref();
            let found = token::get(
                client,
                clock,
                endpoint,
                credentials,
                &asked,
                (path, timeout),
            )
            .await;
            match found {
                Ok(token) => {
                    let header = format!("Bearer {}", token.expose());
                    secrets.push(token);
                    header
                }
                Err(reason) => return ImageReading::Unanswered(clean(reason, &secrets)),
            }
        }
        (Some(Challenge::Basic), Some(Credentials { username, password })) => {
            format!("Basic {}", basic(username, password).expose())
        }
        (Some(Challenge::Basic), None) => {
            return ImageReading::Unanswered(format!(
                "{who} asks for a user name and a password, and `providers.registry` names none"
            ));
        }
        (None, _) => {
            return ImageReading::Unanswered(format!(
                "{who} answered with status 401 and does not say how to sign in"
            ));
        }
    };
    match get(client, clock, &url, Some(&authorization), timeout).await {
        Ok(answer) => judge(&answer, &who, (path, tag)),
        Err(reason) => ImageReading::Unanswered(clean(reason, &secrets)),
    }
}

async fn get(
    client: &Client,
    clock: &dyn Clock,
    url: &Url,
    authorization: Option<&str>,
    timeout: Duration,
) -> Result<Answer, String> {
    let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(MANIFESTS))]);
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, sensitive(value, "Authorization")?);
    }
    let call = Call {
        method: Method::GET,
        url: url.clone(),
        headers,
        body: String::new(),
        timeout,
        body_limit: BODY_LIMIT,
        retry: true,
    };
    client.ask(clock, call).await
}

/// What an answer that needs no more signing in says.
fn judge(answer: &Answer, who: &str, (path, tag): (&str, &str)) -> ImageReading {
    let status = answer.status.as_u16();
    let unanswered = |reason: String| ImageReading::Unanswered(format!("{who} {reason}"));
    match status {
        200 if is_empty_index(answer) => ImageReading::Missing(format!(
            "{who} has an index of images for {path}:{tag}, and no image in it"
        )),
        200 => match proven(answer) {
            Ok(digest) => ImageReading::Found(digest),
            Err(reason) => unanswered(reason),
        },
        // Anybody's 404 says nothing; a registry says which of its errors it is.
        404 if says_unknown(answer) => ImageReading::Missing(format!("{who} has no {path}:{tag}")),
        404 => unanswered(
            "answered with status 404, and not as a registry does: is its address right?"
                .to_owned(),
        ),
        401 | 403 => unanswered(format!(
            "answered with status {status}: {path} is not there, or the credentials may not read it"
        )),
        429 => unanswered("answered with status 429: too many requests".to_owned()),
        300..=399 => unanswered(format!(
            "answered with status {status}: redirects are not followed, so the address must be the final one"
        )),
        _ => unanswered(format!("answered with status {status}")),
    }
}

/// Is it an index (OCI image-spec, "Image Index") that names no manifest?
fn is_empty_index(answer: &Answer) -> bool {
    let document = answer.body.as_deref().map(serde_json::from_slice::<Value>);
    let Some(Ok(document)) = document else {
        return false;
    };
    let manifests = document.get("manifests").and_then(Value::as_array);
    document.get("config").is_none() && manifests.is_some_and(Vec::is_empty)
}

/// Computes the digest of what was answered. That it is a manifest is seen by its form, and where
/// the registry names a digest, it must be that one.
fn proven(answer: &Answer) -> Result<String, String> {
    let body = answer
        .body
        .as_ref()
        .ok_or("answered with more than 4 MiB")?;
    let document: Value = serde_json::from_slice(body)
        .map_err(|_| "answered with something that is no JSON".to_owned())?;
    let is_manifest = document.get("schemaVersion").and_then(Value::as_u64) == Some(2)
        && (document.get("config").is_some_and(Value::is_object)
            || document.get("manifests").is_some_and(Value::is_array));
    if !is_manifest {
        return Err("answered with something that is no manifest of an image".to_owned());
    }
    let sum = ring::digest::digest(&ring::digest::SHA256, body);
    let sum: String = sum
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let digest = format!("sha256:{sum}");
    let named = answer.headers.get("docker-content-digest");
    match named.map(|value| value.to_str().unwrap_or_default()) {
        Some(named) if named.starts_with("sha256:") && named != digest => {
            Err("answered with a manifest that has another digest than it says".to_owned())
        }
        _ => Ok(digest),
    }
}

fn says_unknown(answer: &Answer) -> bool {
    let document = answer.body.as_deref().map(serde_json::from_slice::<Value>);
    let Some(Ok(document)) = document else {
        return false;
    };
    let errors = document.get("errors").and_then(Value::as_array);
    errors.into_iter().flatten().any(|error| {
        let code = error.get("code").and_then(Value::as_str);
        matches!(
            code,
            Some("MANIFEST_UNKNOWN" | "NAME_UNKNOWN" | "NOT_FOUND" | "TAG_UNKNOWN")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_looked_for_only_in_its_own_registry() {
        let path = |url: &str, image: &str| {
            let endpoint = Endpoint {
                url: url.parse().unwrap(),
                token_url: None,
                credentials: None,
            };
            endpoint.path_of(image).map(str::to_owned)
        };
        let rows = [
            (
                "https://registry.example",
                "registry.example/shop/ads",
                Some("shop/ads"),
            ),
            (
                "https://registry.example",
                "Registry.example/ads",
                Some("ads"),
            ),
            (
                "https://registry.example",
                "registry.example:5000/ads",
                None,
            ),
            (
                "https://registry.example:5000",
                "registry.example:5000/ads",
                Some("ads"),
            ),
            (
                "https://registry.example",
                "registry.example.evil/ads",
                None,
            ),
            ("https://registry.example", "docker.io/shop/ads", None),
            (
                "https://registry-1.docker.io",
                "docker.io/library/nginx",
                Some("library/nginx"),
            ),
            ("https://docker.io", "docker.io/shop/ads", Some("shop/ads")),
            ("http://localhost:5000", "localhost:5000/ads", Some("ads")),
        ];
        for (url, image, wanted) in rows {
            assert_eq!(path(url, image).as_deref(), wanted, "{url} {image}");
        }
    }

    #[test]
    fn tokens_are_asked_for_where_the_configuration_allows_it() {
        let endpoint = |url: &str, token_url: Option<&str>| Endpoint {
            url: url.parse().unwrap(),
            token_url: token_url.map(|url| url.parse().unwrap()),
            credentials: None,
        };
        let own = endpoint("https://registry.example", None);
        let gitlab = endpoint("https://registry.gitlab.com", Some("https://gitlab.com"));
        let hub = endpoint("https://registry-1.docker.io", None);
        let rows = [
            (&own, "https://registry.example/token", true),
            (&own, "http://registry.example/token", false),
            (&own, "https://registry.example:8443/token", false),
            (&own, "https://token.registry.example/", false),
            (&own, "https://auth.docker.io/token", false),
            (&gitlab, "https://gitlab.com/jwt/auth", true),
            (&gitlab, "https://gitlab.com.evil.example/jwt/auth", false),
            (&hub, "https://auth.docker.io/token", true),
            (&hub, "http://auth.docker.io/token", false),
        ];
        for (endpoint, realm, wanted) in rows {
            let realm = Url::parse(realm).unwrap();
            assert_eq!(endpoint.gives_tokens(&realm), wanted, "{realm}");
        }
    }
}
