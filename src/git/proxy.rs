//! The proxy on the way to an HTTP server, as the environment names it.
//!
//! Only the environment decides: `http.proxy` of a checkout could send everything elsewhere.

use std::collections::BTreeMap;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Proxy;
use url::Url;

use super::{error::GitError, location::is_loopback};

/// Schemes that reach a proxy.
const SCHEMES: &[&str] = &["http", "https"];

/// A proxy, and how it may be printed.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) proxy: Proxy,
    /// Scheme, host and port.
    pub(super) display: String,
}

/// Finds the proxy for a server: `https_proxy` or `http_proxy` by its scheme, else `all_proxy`, in
/// lower case before upper case; none where `no_proxy` names the server, and never for this
/// machine. `HTTP_PROXY` in upper case does not count: a CGI request could set it (CVE-2016-5385).
///
/// # Errors
/// It is no address of a proxy that can be used: going past it is not what was meant.
pub(super) fn find(
    url: &Url,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Way>, GitError> {
    let given = |name: &&str| {
        let value = environment.get(*name).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    };
    let names: &[&str] = if url.scheme() == "https" {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let found = names
        .iter()
        .find_map(|name| Some((*name, given(name)?)))
        .filter(|_| !is_loopback(url));
    let Some((name, value)) = found else {
        return Ok(None);
    };
    let exceptions = ["no_proxy", "NO_PROXY"].iter().find_map(given);
    if is_excepted(url, exceptions.unwrap_or_default()) {
        return Ok(None);
    }
    // The value may hold a password, so it is never shown.
    let unusable = || {
        GitError::invalid(
            format!("{name}: found no proxy that can be used"),
            "expected http://HOST:PORT or https://HOST:PORT; take it away to go without a proxy",
        )
    };
    let address = if value.contains("://") {
        Url::parse(value)
    } else {
        Url::parse(&format!("http://{value}"))
    };
    let address = address.map_err(|_| unusable())?;
    if !SCHEMES.contains(&address.scheme()) || address.host().is_none() {
        return Err(unusable());
    }
    Ok(Some(Way {
        display: address.origin().ascii_serialization(),
        proxy: Proxy::all(address).map_err(|_| unusable())?,
    }))
}

/// Does a `no_proxy` list name the server, as curl reads such lists?
fn is_excepted(url: &Url, exceptions: &str) -> bool {
    let matcher = Matcher::builder()
        .all("http://proxy.invalid")
        .no(exceptions)
        .build();
    // What cannot be read as an address has no exception.
    let uri = url.as_str().parse();
    uri.is_ok_and(|uri| matcher.intercept(&uri).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str, variables: &[(&str, &str)]) -> String {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment = variables.iter().map(owned).collect();
        match find(&Url::parse(url).unwrap(), &environment) {
            Ok(Some(way)) => way.display,
            Ok(None) => "direct".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_environment_names_the_proxy() {
        const SERVER: &str = "https://git.example.com/shop.git";
        const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://proxy:3128");
        const REFUSED: &str = "HTTPS_PROXY: found no proxy that can be used";
        type Row = (
            &'static str,
            &'static [(&'static str, &'static str)],
            &'static str,
        );
        let rows: &[Row] = &[
            (SERVER, &[], "direct"),
            (SERVER, &[PROXY], "http://proxy:3128"),
            (SERVER, &[("HTTPS_PROXY", "")], "direct"),
            (
                SERVER,
                &[("HTTPS_PROXY", "proxy:3128")],
                "http://proxy:3128",
            ),
            (SERVER, &[("ALL_PROXY", "https://proxy")], "https://proxy"),
            (
                SERVER,
                &[("HTTPS_PROXY", "http://me:s3cret@proxy:1/x")],
                "http://proxy:1",
            ),
            (
                SERVER,
                &[PROXY, ("https_proxy", "http://other")],
                "http://other",
            ),
            (SERVER, &[("http_proxy", "http://proxy")], "direct"),
            (SERVER, &[PROXY, ("NO_PROXY", "git.example.com")], "direct"),
            (
                SERVER,
                &[PROXY, ("NO_PROXY", ".example.com,localhost")],
                "direct",
            ),
            (SERVER, &[PROXY, ("no_proxy", "*")], "direct"),
            (
                SERVER,
                &[PROXY, ("NO_PROXY", "example.org, ample.com")],
                "http://proxy:3128",
            ),
            (
                "https://10.1.2.3/shop.git",
                &[PROXY, ("NO_PROXY", "10.0.0.0/8")],
                "direct",
            ),
            ("https://127.0.0.1/shop.git", &[PROXY], "direct"),
            ("https://localhost:8443/shop.git", &[PROXY], "direct"),
            (
                "http://git/shop.git",
                &[("HTTP_PROXY", "http://proxy")],
                "direct",
            ),
            (
                "http://git/shop.git",
                &[("http_proxy", "http://proxy")],
                "http://proxy",
            ),
            (
                SERVER,
                &[("HTTPS_PROXY", "socks5://me:s3cret@proxy:1080")],
                REFUSED,
            ),
            (SERVER, &[("HTTPS_PROXY", "http://")], REFUSED),
            (SERVER, &[("HTTPS_PROXY", "file:///s3cret")], REFUSED),
        ];
        for (url, variables, expected) in rows {
            assert_eq!(shown(url, variables), *expected, "{url} {variables:?}");
        }
    }
}
