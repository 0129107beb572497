//! One HTTP client for everything that is asked: bounded in time and size, without redirects.

use std::{
    error::Error,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Certificate, ClientBuilder, Identity, Method, Response, StatusCode, Url,
    header::{HeaderMap, LINK},
    redirect,
};

use super::{
    address::{self, CheckedNames},
    rate_limit,
    text::{excerpt, origin},
};
use crate::{
    clock::Clock,
    secret::Secret,
    units::{format_duration, is_loopback},
};

const MORE_TRIES: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How the client is set up.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// A file of PEM certificates that are trusted beside those of the machine.
    pub ca_file: Option<PathBuf>,
    /// What the client calls itself, such as `shipgate/1.0.0`.
    pub user_agent: String,
}

/// An HTTP client that is set up when it is first used. Clones share connections.
///
/// It follows no redirect (a redirect would carry credentials away), waits no longer and reads no
/// more than it is told, and asks link-local and metadata addresses nothing. Loopback addresses are
/// never asked through a proxy.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    trust: Option<Trust>,
    plain: OnceLock<Result<reqwest::Client, String>>,
    loopback: OnceLock<Result<reqwest::Client, String>>,
    elsewhere: OnceLock<Result<reqwest::Client, String>>,
}

/// Whom a client of one server trusts, and how it shows who it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Trust {
    /// PEM certificates that are trusted, and no others; none = those of the machine.
    pub(super) authority: Option<Vec<u8>>,
    /// PEM certificate and key of the client, one after the other.
    pub(super) identity: Option<Secret>,
}

/// What is asked.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// For everything together: connecting, trying again, reading.
    pub(super) timeout: Duration,
    /// Bytes of the decoded answer.
    pub(super) body_limit: usize,
    /// Try again after failed connections and the statuses that ask for it?
    pub(super) retry: bool,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The whole body, or nothing if it is larger than the limit.
    pub(super) body: Option<Vec<u8>>,
    /// Does a header `Link` (RFC 8288) say that there is a next page?
    pub(super) has_next_page: bool,
    pub(super) headers: HeaderMap,
    /// How long the server asks to be left alone.
    pub(super) wait: Option<Duration>,
}

/// Why there is no answer.
struct NoAnswer {
    reason: String,
    worth_another_try: bool,
}

impl Client {
    /// Makes a client; nothing is read or opened before the first call.
    pub fn new(options: ClientOptions) -> Self {
        Self::with_trust(options, None)
    }

    /// Makes a client for one server that has certificates of its own.
    pub(super) fn trusting(&self, trust: Trust) -> Self {
        Self::with_trust(self.0.options.clone(), Some(trust))
    }

    fn with_trust(options: ClientOptions, trust: Option<Trust>) -> Self {
        Self(Arc::new(Inner {
            options,
            trust,
            plain: OnceLock::new(),
            loopback: OnceLock::new(),
            elsewhere: OnceLock::new(),
        }))
    }

    /// Asks once, and again where that is worth it and allowed.
    ///
    /// # Errors
    /// No whole answer within the time: the reason as a clause that goes on from the address, with
    /// no more of the address than its origin.
    pub(super) async fn ask(&self, clock: &dyn Clock, call: Call) -> Result<Answer, String> {
        let reason = |reason: String| format!("{} did not answer: {reason}", origin(&call.url));
        address::check(&call.url)
            .map_err(|refusal| format!("{} was not asked: {refusal}", origin(&call.url)))?;
        let client = self.client_for(&call.url)?;
        let limit = socket_limit(clock, call.timeout);
        match tokio::time::timeout(limit, attempts(client, clock, &call)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err(reason(failure.reason)),
            Err(_) => Err(format!(
                "{} did not answer within {}",
                origin(&call.url),
                format_duration(call.timeout)
            )),
        }
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, String> {
        let Inner {
            options,
            trust,
            plain,
            loopback,
            elsewhere,
        } = self.0.as_ref();
        let build = |proxy: &dyn Fn(ClientBuilder) -> ClientBuilder| match trust {
            None => build(options, proxy),
            Some(trust) => build_trusting(options, trust, proxy),
        };
        if is_loopback(url) && url.scheme() == "http" {
            // Nobody shows a certificate there, and reading the machine's takes milliseconds.
            plain.get_or_init(|| build(&|builder| builder.no_proxy().tls_certs_only([])))
        } else if is_loopback(url) {
            loopback.get_or_init(|| build(&ClientBuilder::no_proxy))
        } else {
            elsewhere.get_or_init(|| build(&|builder| builder))
        }
        .as_ref()
        .map_err(Clone::clone)
    }
}

/// What all clients have in common.
fn unconnected(options: &ClientOptions) -> ClientBuilder {
    // Installing twice fails harmlessly: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .redirect(redirect::Policy::none())
        .dns_resolver(CheckedNames)
}

fn build(
    options: &ClientOptions,
    proxy: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<reqwest::Client, String> {
    let own = match &options.ca_file {
        Some(path) => {
            let file = path.display();
            let pem = std::fs::read(path)
                .map_err(|error| format!("the certificates in {file} cannot be read: {error}"))?;
            let found = Certificate::from_pem_bundle(&pem)
                .map_err(|error| format!("{file} holds no PEM certificates: {error}"))?;
            if found.is_empty() {
                return Err(format!("{file} holds no PEM certificates"));
            }
            found
        }
        None => Vec::new(),
    };
    let builder = || proxy(unconnected(options));
    let with_own = builder().tls_certs_merge(own.clone()).build();
    // An image without CA certificates cannot build a client, not even for plain http.
    with_own
        .or_else(|_| {
            let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS
                .iter()
                .filter_map(|certificate| Certificate::from_der(certificate).ok());
            builder().tls_certs_only(bundled.chain(own)).build()
        })
        .map_err(|error| format!("the HTTP client could not be set up: {}", chain(error)))
}

/// As [`build`], for a server with an authority of its own or a client that shows a certificate.
fn build_trusting(
    options: &ClientOptions,
    trust: &Trust,
    proxy: impl Fn(ClientBuilder) -> ClientBuilder,
) -> Result<reqwest::Client, String> {
    let identity = match &trust.identity {
        // What the error says could repeat a part of the key.
        Some(pem) => Some(
            Identity::from_pem(pem.expose().as_bytes())
                .map_err(|_| "the client certificate and its key are no PEM pair".to_owned())?,
        ),
        None => None,
    };
    let with_identity = |builder: ClientBuilder| match &identity {
        Some(identity) => builder.identity(identity.clone()),
        None => builder,
    };
    let Some(pem) = &trust.authority else {
        return build(options, |builder| with_identity(proxy(builder)));
    };
    let authority = Certificate::from_pem_bundle(pem)
        .map_err(|_| "the certificates of the cluster's authority are no PEM".to_owned())?;
    if authority.is_empty() {
        return Err("the cluster's authority has no certificate".to_owned());
    }
    // Nobody else may speak for the cluster: neither the machine's authorities nor bundled ones.
    with_identity(proxy(unconnected(options)))
        .tls_certs_only(authority)
        .build()
        .map_err(|error| format!("the HTTP client could not be set up: {}", chain(error)))
}

async fn attempts(
    client: &reqwest::Client,
    clock: &dyn Clock,
    call: &Call,
) -> Result<Answer, NoAnswer> {
    let started = clock.now();
    let mut pause = FIRST_PAUSE;
    for _ in 0..MORE_TRIES {
        let outcome = once(client, clock, call).await;
        let wait = match &outcome {
            Ok(answer) if asks_for_another_try(answer.status) => answer.wait.unwrap_or(pause),
            Err(failure) if failure.worth_another_try => pause,
            _ => return outcome,
        };
        let spent = (clock.now() - started).to_std().unwrap_or_default();
        if !call.retry || wait > LONGEST_PAUSE || spent + wait >= call.timeout {
            return outcome;
        }
        clock.sleep(wait).await;
        pause *= 4;
    }
    once(client, clock, call).await
}

async fn once(
    client: &reqwest::Client,
    clock: &dyn Clock,
    call: &Call,
) -> Result<Answer, NoAnswer> {
    let mut response = client
        .request(call.method.clone(), call.url.clone())
        .headers(call.headers.clone())
        .body(call.body.clone())
        .send()
        .await
        .map_err(|error| {
            let reason = chain(error);
            NoAnswer {
                // A certificate that is wrong now is wrong in a second.
                worth_another_try: !reason.contains("certificate"),
                reason,
            }
        })?;
    let status = response.status();
    let now = clock.now();
    let wait = rate_limit::wait(status, response.headers(), now);
    let has_next_page = has_next_page(response.headers());
    let headers = response.headers().clone();
    let body = read(&mut response, call.body_limit)
        .await
        .map_err(|error| NoAnswer {
            reason: format!("the answer broke off: {}", chain(error)),
            worth_another_try: true,
        })?;
    Ok(Answer {
        status,
        body,
        has_next_page,
        headers,
        wait,
    })
}

/// Reads the decoded body chunk by chunk, so that neither an endless answer nor one that unpacks to
/// a thousand times its size is ever held.
async fn read(response: &mut Response, limit: usize) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn asks_for_another_try(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

fn has_next_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"))
}

/// How long the machine waits. A clock that runs faster shortens the wait, but not below a second:
/// the server on the other side does not run faster.
fn socket_limit(clock: &dyn Clock, timeout: Duration) -> Duration {
    clock.real(timeout).max(timeout.min(Duration::from_secs(1)))
}

/// Returns an error's causes without its address, which may hold secrets, and without the layers
/// that say only that a request was being made.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut parts: Vec<String> = Vec::new();
    let mut next: Option<&dyn Error> = Some(&error);
    while let Some(cause) = next {
        next = cause.source();
        let text = cause.to_string();
        let is_wrapping = [
            "error sending request",
            "client error (",
            "error decoding response body",
            "error reading a body from connection",
        ]
        .iter()
        .any(|start| text.starts_with(start));
        if is_wrapping && next.is_some() {
            continue;
        }
        // The system's number of an error says nothing that its text does not.
        let text = text.split(" (os error ").next().unwrap_or_default();
        if !parts.iter().any(|earlier| earlier.contains(text)) {
            parts.push(excerpt(text));
        }
    }
    parts.join(": ")
}
