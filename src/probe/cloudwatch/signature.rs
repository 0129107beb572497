//! AWS Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use chrono::{DateTime, Utc};
use ring::{digest, hmac};

use crate::secret::Secret;

/// The keys of somebody who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key, which names the secret one.
    pub access_key_id: Secret,
    /// The secret key.
    pub secret_access_key: Secret,
    /// Goes with keys that are good for a while.
    pub session_token: Option<Secret>,
}

/// What is signed.
pub(super) struct Request<'a> {
    /// The HTTP method.
    pub(super) method: &'a str,
    /// The path, encoded.
    pub(super) path: &'a str,
    /// The query, encoded and in order; empty = none.
    pub(super) query: &'a str,
    /// Headers that are signed, lower-case, in order, `host` and `x-amz-date` among them.
    pub(super) headers: &'a [(&'a str, String)],
    /// The whole body.
    pub(super) body: &'a [u8],
}

/// Returns an instant as `x-amz-date` has it.
pub(super) fn date(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// Returns the value of the header `Authorization`.
pub(super) fn authorization(
    request: &Request<'_>,
    keys: &Keys,
    (region, service): (&str, &str),
    at: DateTime<Utc>,
) -> String {
    let headers = request.headers.iter();
    let canonical_headers: String = headers
        .clone()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let names: Vec<&str> = headers.map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical = format!(
        "{}\n{}\n{}\n{canonical_headers}\n{names}\n{}",
        request.method,
        request.path,
        request.query,
        sha256(request.body)
    );
    let day = at.format("%Y%m%d").to_string();
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        date(at),
        sha256(canonical.as_bytes())
    );
    let secret = format!("AWS4{}", keys.secret_access_key.expose());
    let key = [day.as_str(), region, service, "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| sign(&key, part));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        keys.access_key_id.expose(),
        hexadecimal(&sign(&key, &text))
    )
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's own examples: `get-vanilla` of its test suite for Signature Version 4, and the request
    /// to IAM of its documentation.
    #[test]
    fn published_examples_have_their_published_signatures() {
        let at = "2015-08-30T12:36:00Z".parse().unwrap();
        let keys = Keys {
            access_key_id: Secret::new("AKIDEXAMPLE"),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: None,
        };
        let date = ("x-amz-date", date(at));
        let vanilla = Request {
            method: "GET",
            path: "/",
            query: "",
            headers: &[("host", "example.amazonaws.com".to_owned()), date.clone()],
            body: b"",
        };
        let found = authorization(&vanilla, &keys, ("us-east-1", "service"), at);
        assert_eq!(
            found,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let users = Request {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &[
                ("content-type", kind.to_owned()),
                ("host", "iam.amazonaws.com".to_owned()),
                date,
            ],
            body: b"",
        };
        let found = authorization(&users, &keys, ("us-east-1", "iam"), at);
        let signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        assert!(found.ends_with(signature), "{found}");
    }
}
