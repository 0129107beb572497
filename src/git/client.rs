//! The HTTP client for one git server: no redirects, whom it trusts, how long it waits.

use std::{fs, path::Path, time::Duration};

use reqwest::{Certificate, Client, Proxy, redirect::Policy};
use url::Url;

use super::error::GitError;

/// Builds the client. Reading the machine's certificates takes milliseconds, so this is done at the
/// first request, not at all for commands that make none, and not for a server that shows none.
pub(super) fn build(
    server: &Url,
    ca_file: Option<&Path>,
    proxy: Option<&Proxy>,
    timeout: Duration,
) -> Result<Client, GitError> {
    // Installing twice fails harmlessly: the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = own_authorities(ca_file)?;
    let builder = || {
        let builder = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(timeout)
            .read_timeout(timeout)
            // The thread that would notice a closed connection sleeps between our calls.
            .pool_idle_timeout(Duration::from_secs(2))
            .no_gzip()
            .referer(false)
            // The library would look into the environment itself.
            .no_proxy();
        match proxy {
            Some(proxy) => builder.proxy(proxy.clone()),
            None => builder,
        }
    };
    let is_plain = server.scheme() == "http" && proxy.is_none();
    let client = if is_plain {
        builder().tls_certs_only(own).build()
    } else {
        builder().tls_certs_merge(own.clone()).build().or_else(|_| {
            // An image without certificates: the well-known authorities are built in.
            let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS
                .iter()
                .filter_map(|der| Certificate::from_der(der).ok());
            builder().tls_certs_only(known.chain(own)).build()
        })
    };
    client.map_err(|error| {
        GitError::internal(format!("could not set up TLS: {}", error.without_url()))
    })
}

fn own_authorities(ca_file: Option<&Path>) -> Result<Vec<Certificate>, GitError> {
    let Some(path) = ca_file else {
        return Ok(Vec::new());
    };
    let wrong = |what: String| {
        GitError::invalid(
            format!("CA file {}: {what}", path.display()),
            "name a file with certificates in PEM form",
        )
    };
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(authorities) if !authorities.is_empty() => Ok(authorities),
        _ => Err(wrong("holds no certificate".to_owned())),
    }
}
