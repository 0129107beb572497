//! What the query API wraps its results in: a status, an error, warnings.

use reqwest::Url;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

use super::request::Useless;
use crate::probe::{
    client::Answer,
    text::{excerpt, origin},
};

/// The envelope of the HTTP API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
#[derive(Deserialize)]
struct Envelope<D> {
    status: String,
    data: Option<D>,
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(rename = "isPartial", default)]
    is_partial: bool,
}

/// Returns the result of an answer.
///
/// # Errors
/// Any status but 200, an answer that is none of this API's, one that says that it is an error or
/// that something is missing in it, one that is too large.
pub(super) fn open<D: DeserializeOwned>(base: &Url, answer: &Answer) -> Result<D, Useless> {
    let status = answer.status.as_u16();
    match status {
        200 => {}
        400 | 422 => {
            let body = answer.body.as_deref().unwrap_or_default();
            let Ok(envelope) = serde_json::from_slice::<Envelope<IgnoredAny>>(body) else {
                return Err(unavailable(base, &format!("answered with status {status}")));
            };
            let complaint = complaint(&envelope);
            return Err(unavailable(
                base,
                &format!("refused the query: {complaint}"),
            ));
        }
        401 | 403 => {
            return Err(unavailable(
                base,
                &format!("answered with status {status}: are the credentials right?"),
            ));
        }
        300..=399 => {
            return Err(unavailable(
                base,
                &format!(
                    "answered with status {status}: redirects are not followed, so the address must be the final one"
                ),
            ));
        }
        404 => {
            return Err(unavailable(
                base,
                "answered with status 404: is its address the base of a query API?",
            ));
        }
        _ => return Err(unavailable(base, &format!("answered with status {status}"))),
    }
    let Some(body) = &answer.body else {
        return Err(Useless::TooLarge);
    };
    let envelope: Envelope<D> = serde_json::from_slice(body).map_err(|_| no_result(base))?;
    if envelope.status != "success" {
        let complaint = complaint(&envelope);
        return Err(unavailable(base, &format!("did not succeed: {complaint}")));
    }
    if !envelope.error_type.is_empty() || !envelope.error.is_empty() {
        let complaint = complaint(&envelope);
        let reason = format!("answered with a result and an error: {complaint}");
        return Err(unavailable(base, &reason));
    }
    // A cluster of VictoriaMetrics says so where a storage node is away.
    if envelope.is_partial {
        return Err(Useless::NoData(
            "an incomplete answer: `isPartial` is true".to_owned(),
        ));
    }
    // Thanos and Mimir answer with what they have when a part of them is away, and say so here.
    if let Some(warning) = envelope
        .warnings
        .iter()
        .find(|warning| !warning.starts_with("PromQL info:"))
    {
        return Err(Useless::NoData(format!(
            "an answer with a warning: {}",
            excerpt(warning)
        )));
    }
    envelope
        .data
        .ok_or_else(|| unavailable(base, "answered without data"))
}

/// Says that an answer has not the shape of a result.
pub(super) fn no_result(base: &Url) -> Useless {
    unavailable(base, "answered with something that is no query result")
}

fn unavailable(base: &Url, reason: &str) -> Useless {
    Useless::Unavailable(format!("{} {reason}", origin(base)))
}

fn complaint<D>(envelope: &Envelope<D>) -> String {
    let Envelope {
        status,
        error_type,
        error,
        ..
    } = envelope;
    if error_type.is_empty() && error.is_empty() {
        return excerpt(&format!("its status is {status:?}"));
    }
    let parts = [error_type.as_str(), error.as_str()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    excerpt(&parts.join(": "))
}
