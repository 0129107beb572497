//! An image, or a reason: a registry that is broken or a liar has no image, and credentials go to
//! nobody else.

use std::time::Duration;

use shipgate::{
    clock::ManualClock,
    probe::registry::{self, Credentials, Endpoint, ImageReading},
    secret::Secret,
};

use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Behaviour, Server, answer, nobody},
};

const MANIFEST: &str = r#"{"schemaVersion": 2, "config": {"size": 2}, "layers": []}"#;
const DIGEST: &str = "sha256:5fa4cf0d3ea5b8b5c5d5d0c5b1b4b6d5a7b8a2f0c0b0a0f0e0d0c0b0a0908070";
/// What the token service gives out.
const PASS: &str = "hunter3-pass";

fn endpoint(url: &str, token_url: Option<&str>) -> Endpoint {
    Endpoint {
        url: url.parse().unwrap(),
        token_url: token_url.map(|url| url.parse().unwrap()),
        credentials: Some(Credentials {
            username: Secret::new("robin"),
            password: Secret::new(TOKEN),
        }),
    }
}

async fn ask(endpoint: &Endpoint, timeout: Duration) -> ImageReading {
    let clock = ManualClock::at(now());
    registry::image(&client(), &clock, endpoint, ("shop/ads", "1.1"), timeout).await
}

fn line(reading: &ImageReading, url: &str) -> String {
    let text = match reading {
        ImageReading::Found(digest) => format!("found {}", &digest[..13]),
        ImageReading::Missing(reason) => format!("missing: {reason}"),
        ImageReading::Unanswered(reason) => format!("unanswered: {reason}"),
    };
    // "robin:hunter2-token" in base 64.
    for secret in [TOKEN, PASS, "cm9iaW46aHVudGVyMi10b2tlbg=="] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

/// A registry that asks for a token of this address, and gives the manifest for one.
fn with_tokens(realm: String) -> Server {
    Server::with(move |_, request| {
        if request.contains(&format!("Bearer {PASS}")) {
            return answer(200, "", MANIFEST);
        }
        let header = format!(
            "www-authenticate: Bearer realm=\"{realm}\",service=\"shop\",scope=\"repository:shop/ads:pull,push,delete\"\r\n"
        );
        answer(401, &header, "{}")
    })
}

fn gives(body: &'static str) -> Server {
    Server::always(answer(200, "", body))
}

#[tokio::test]
async fn a_broken_registry_has_no_image() {
    let mut rows = faults(MANIFEST);
    let unknown = r#"{"errors": [{"code": "MANIFEST_UNKNOWN"}]}"#;
    let other = format!("docker-content-digest: {DIGEST}\r\n");
    rows.extend([
        ("a 404 of a registry", answer(404, "", unknown)),
        ("a 404 of anybody", answer(404, "", "{}")),
        ("another digest", answer(200, &other, MANIFEST)),
        ("an object", answer(200, "", "{}")),
        (
            "an old manifest",
            answer(200, "", r#"{"schemaVersion": 1, "config": {}}"#),
        ),
        (
            "no configuration",
            answer(200, "", r#"{"schemaVersion": 2}"#),
        ),
        (
            "an index without an image",
            answer(200, "", r#"{"schemaVersion": 2, "manifests": []}"#),
        ),
        (
            "an old index without an image",
            answer(200, "", r#"{"manifests": []}"#),
        ),
        (
            "an index that is none",
            answer(200, "", r#"{"schemaVersion": 2, "manifests": {}}"#),
        ),
        ("201", answer(201, "", MANIFEST)),
        ("202", answer(202, "", MANIFEST)),
        ("203", answer(203, "", MANIFEST)),
        (
            "an unknown challenge",
            answer(401, "www-authenticate: Negotiate\r\n", ""),
        ),
    ]);
    let mut lines = Vec::new();
    for (name, behaviour) in rows {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let reading = ask(&endpoint(&server.url, None), timeout).await;
        assert!(
            !matches!(reading, ImageReading::Found(_)),
            "{name}: {reading:?}"
        );
        lines.push(format!("{name}: {}", line(&reading, &server.url)));
        let mut sent = server.requests().into_iter();
        assert!(sent.all(|request| !request.to_lowercase().contains("authorization")));
    }
    let url = nobody();
    let reading = ask(&endpoint(&url, None), SECOND).await;
    lines.push(format!("refused: {}", line(&reading, &url)));
    insta::assert_snapshot!(lines.join("\n"), @r"
    closed: unanswered: URL did not answer: connection closed before message completed
    hanging: unanswered: URL did not answer within 500ms
    dripping: unanswered: URL did not answer within 500ms
    endless: unanswered: URL answered with more than 4 MiB
    endless headers: unanswered: URL did not answer: message head is too large
    cut off: unanswered: URL did not answer: the answer broke off: end of file before message length reached
    broken chunks: unanswered: URL did not answer: the answer broke off: Invalid chunk size line: missing size digit
    not HTTP: unanswered: URL did not answer: invalid HTTP version parsed
    301: unanswered: URL answered with status 301: redirects are not followed, so the address must be the final one
    302: unanswered: URL answered with status 302: redirects are not followed, so the address must be the final one
    307: unanswered: URL answered with status 307: redirects are not followed, so the address must be the final one
    401: unanswered: URL answered with status 401 and does not say how to sign in
    403: unanswered: URL answered with status 403: shop/ads is not there, or the credentials may not read it
    404: unanswered: URL answered with status 404, and not as a registry does: is its address right?
    429: unanswered: URL answered with status 429: too many requests
    500: unanswered: URL answered with status 500
    502: unanswered: URL answered with status 502
    503: unanswered: URL answered with status 503
    504: unanswered: URL answered with status 504
    204: unanswered: URL answered with status 204
    206: unanswered: URL answered with status 206
    empty: unanswered: URL answered with something that is no JSON
    null: unanswered: URL answered with something that is no manifest of an image
    a list: unanswered: URL answered with something that is no manifest of an image
    a text: unanswered: URL answered with something that is no manifest of an image
    HTML: unanswered: URL answered with something that is no JSON
    half of a JSON text: unanswered: URL answered with something that is no JSON
    two JSON texts: unanswered: URL answered with something that is no JSON
    deep: unanswered: URL answered with something that is no JSON
    large: unanswered: URL answered with more than 4 MiB
    a bomb: unanswered: URL answered with more than 4 MiB
    no gzip: unanswered: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unanswered: URL answered with something that is no JSON
    a 404 of a registry: missing: URL has no shop/ads:1.1
    a 404 of anybody: unanswered: URL answered with status 404, and not as a registry does: is its address right?
    another digest: unanswered: URL answered with a manifest that has another digest than it says
    an object: unanswered: URL answered with something that is no manifest of an image
    an old manifest: unanswered: URL answered with something that is no manifest of an image
    no configuration: unanswered: URL answered with something that is no manifest of an image
    an index without an image: missing: URL has an index of images for shop/ads:1.1, and no image in it
    an old index without an image: missing: URL has an index of images for shop/ads:1.1, and no image in it
    an index that is none: unanswered: URL answered with something that is no manifest of an image
    201: unanswered: URL answered with status 201
    202: unanswered: URL answered with status 202
    203: unanswered: URL answered with status 203
    an unknown challenge: unanswered: URL answered with status 401 and does not say how to sign in
    refused: unanswered: URL did not answer: tcp connect error: Connection refused
    ");
}

#[tokio::test]
async fn a_broken_token_service_lets_nobody_in() {
    let mut lines = Vec::new();
    let good = r#"{"token": "hunter3-pass"}"#;
    let mut rows = faults(good);
    rows.extend([
        ("no token", answer(200, "", "{}")),
        ("an empty token", answer(200, "", r#"{"token": ""}"#)),
        ("a number", answer(200, "", r#"{"token": 7}"#)),
        ("two lines", answer(200, "", r#"{"token": "a\r\nx: b"}"#)),
        ("a wrong token", answer(200, "", r#"{"token": "wrong"}"#)),
    ]);
    for (name, behaviour) in rows {
        let timeout = patience(&behaviour);
        let tokens = Server::always(behaviour);
        let server = with_tokens(format!("{}/token", tokens.url));
        let reading = ask(&endpoint(&server.url, Some(&tokens.url)), timeout).await;
        assert!(
            matches!(reading, ImageReading::Unanswered(_)),
            "{name}: {reading:?}"
        );
        let line = line(&reading, &server.url).replace(&tokens.url, "TOKENS");
        lines.push(format!("{name}: {line}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    closed: unanswered: TOKENS did not answer: connection closed before message completed
    hanging: unanswered: TOKENS did not answer within 500ms
    dripping: unanswered: TOKENS did not answer within 500ms
    endless: unanswered: TOKENS answered with more than 8 MiB
    endless headers: unanswered: TOKENS did not answer: message head is too large
    cut off: unanswered: TOKENS did not answer: the answer broke off: end of file before message length reached
    broken chunks: unanswered: TOKENS did not answer: the answer broke off: Invalid chunk size line: missing size digit
    not HTTP: unanswered: TOKENS did not answer: invalid HTTP version parsed
    301: unanswered: TOKENS answered with status 301: redirects are not followed, so the address must be the final one
    302: unanswered: TOKENS answered with status 302: redirects are not followed, so the address must be the final one
    307: unanswered: TOKENS answered with status 307: redirects are not followed, so the address must be the final one
    401: unanswered: TOKENS answered with status 401: are the credentials right?
    403: unanswered: TOKENS answered with status 403: are the credentials right?
    404: unanswered: TOKENS answered with status 404
    429: unanswered: TOKENS answered with status 429: too many requests
    500: unanswered: TOKENS answered with status 500
    502: unanswered: TOKENS answered with status 502
    503: unanswered: TOKENS answered with status 503
    504: unanswered: TOKENS answered with status 504
    204: unanswered: TOKENS answered with something that is no JSON
    206: unanswered: TOKENS answered with status 206: only a part of the answer
    empty: unanswered: TOKENS answered with something that is no JSON
    null: unanswered: TOKENS answered without a token
    a list: unanswered: TOKENS answered without a token
    a text: unanswered: TOKENS answered without a token
    HTML: unanswered: TOKENS answered with something that is no JSON
    half of a JSON text: unanswered: TOKENS answered with something that is no JSON
    two JSON texts: unanswered: TOKENS answered with something that is no JSON
    deep: unanswered: TOKENS answered with something that is no JSON
    large: unanswered: TOKENS answered with more than 8 MiB
    a bomb: unanswered: TOKENS answered with more than 8 MiB
    no gzip: unanswered: TOKENS did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unanswered: TOKENS answered with something that is no JSON
    no token: unanswered: TOKENS answered without a token
    an empty token: unanswered: TOKENS answered without a token
    a number: unanswered: TOKENS answered without a token
    two lines: unanswered: the value of the header Authorization has characters that HTTP does not allow
    a wrong token: unanswered: URL answered with status 401: shop/ads is not there, or the credentials may not read it
    ");
}

#[tokio::test]
async fn credentials_go_to_the_token_service_and_the_token_to_the_registry() {
    for body in [
        r#"{"token": "hunter3-pass"}"#,
        r#"{"access_token": "hunter3-pass"}"#,
    ] {
        let tokens = gives(body);
        let server = with_tokens(format!("{}/token", tokens.url));
        let reading = ask(&endpoint(&server.url, Some(&tokens.url)), SECOND * 9).await;
        assert!(matches!(reading, ImageReading::Found(_)), "{reading:?}");
        let to_registry = server.requests().join("\n");
        assert!(!to_registry.contains("Basic"), "{to_registry}");
        let to_tokens = tokens.requests();
        let [request] = to_tokens.as_slice() else {
            panic!("{to_tokens:?}");
        };
        assert!(
            request.contains("Basic cm9iaW46aHVudGVyMi10b2tlbg=="),
            "{request}"
        );
        // No more than to read, whatever the registry would like.
        let first = "GET /token?service=shop&scope=repository%3Ashop%2Fads%3Apull HTTP/1.1";
        assert_eq!(request.lines().next(), Some(first));
    }
}

#[tokio::test]
async fn nobody_else_is_asked_for_a_token() {
    let metadata = "http://169.254.169.254/latest".to_owned();
    let other = gives(r#"{"token": "hunter3-pass"}"#);
    let mut lines = Vec::new();
    for realm in [
        format!("{}/token", other.url),
        metadata,
        "https://auth.docker.io/token".to_owned(),
        "file:///etc/passwd".to_owned(),
        "/token".to_owned(),
        "http://robin@127.0.0.1:1/".to_owned(),
    ] {
        let server = with_tokens(realm);
        let reading = ask(&endpoint(&server.url, None), SECOND * 9).await;
        lines.push(line(&reading, &server.url).replace(&other.url, "OTHER"));
    }
    assert!(other.requests().is_empty());
    // A redirect is not followed with credentials either.
    let away = format!("location: {}/\r\n", other.url);
    let redirect = move |_: usize, _: &str| -> Behaviour { answer(307, &away, "") };
    let tokens = Server::with(redirect);
    let server = with_tokens(format!("{}/token", tokens.url));
    let reading = ask(&endpoint(&server.url, Some(&tokens.url)), SECOND * 9).await;
    lines.push(line(&reading, &server.url).replace(&tokens.url, "TOKENS"));
    assert!(other.requests().is_empty());
    insta::assert_snapshot!(lines.join("\n"), @r"
    unanswered: URL wants a token from OTHER, which is another host; if that is right, name it in `providers.registry.token_url`
    unanswered: URL wants a token from http://169.254.169.254, which is another host; if that is right, name it in `providers.registry.token_url`
    unanswered: URL wants a token from https://auth.docker.io, which is another host; if that is right, name it in `providers.registry.token_url`
    unanswered: URL wants a token from null, which is another host; if that is right, name it in `providers.registry.token_url`
    unanswered: URL names no address that gives out tokens
    unanswered: URL wants a token from http://127.0.0.1:1, which is another host; if that is right, name it in `providers.registry.token_url`
    unanswered: TOKENS answered with status 307: redirects are not followed, so the address must be the final one
    ");
}
