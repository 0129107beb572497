//! Addresses and headers that may be asked with credentials.

use url::Url;

use crate::{config::forbidden_address, units::is_loopback};

/// Reads an address that secrets may be sent to.
pub(super) fn base_address(text: &str, allow_http: bool) -> Result<Url, String> {
    let url = web_address(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("expected a base address without `?` and `#`".to_owned());
    }
    if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
        return Err(
            "expected https: plain http shows the queries and credentials to everyone on the way; `allow_http: true` allows it"
                .to_owned(),
        );
    }
    Ok(url)
}

/// Reads an address that a vendor's keys may be sent to: https, or http to this machine.
pub(super) fn vendor_address(text: &str) -> Result<Url, String> {
    let url = base_address(text, true)?;
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err("expected https: plain http shows the key to everyone on the way".to_owned());
    }
    Ok(url)
}

/// Reads an http or https address without credentials. Messages never repeat the address: it could
/// hold a secret.
///
/// # Errors
/// Not an address, another scheme, credentials in it, or one that is never asked.
pub(in crate::config) fn web_address(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected an http or https address, such as https://host.example/path";
    let url = Url::parse(text.trim()).map_err(|error| format!("{error}; {EXPECTED}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("found the scheme `{}`; {EXPECTED}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "found credentials in the address; name the variables that hold them in `username_env` and `password_env`"
                .to_owned(),
        );
    }
    forbidden_address::check(&url)?;
    Ok(url)
}

pub(super) fn check_header(name: &str, value: &str) -> Result<(), String> {
    // The token grammar of RFC 9110, section 5.6.2.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("expected a header name, such as X-Scope-OrgID".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "authorization" | "proxy-authorization" | "cookie"
    ) {
        return Err(format!(
            "`{name}` is a secret and does not belong in this file; use `token_env`, or `username_env` with `password_env`"
        ));
    }
    if matches!(
        lower.as_str(),
        "host" | "content-length" | "content-type" | "transfer-encoding" | "connection"
    ) {
        return Err(format!("`{name}` is set by shipgate itself"));
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err("expected a header value of printable ASCII characters".to_owned());
    }
    Ok(())
}
