//! What goes wrong between us and a git server, and what it refuses, in our words and with what to do.

use std::error::Error as _;

use reqwest::{
    Response,
    header::{CONTENT_TYPE, LOCATION},
};

use super::{credentials::Credentials, error::GitError, http::Server, worker::Interrupted};

/// Longest text of an error page that is read, in bytes.
const ERROR_PAGE: usize = 4096;

impl Server {
    pub(super) fn answered<T>(
        &self,
        result: Result<reqwest::Result<T>, Interrupted>,
    ) -> Result<T, GitError> {
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if error.is_timeout() => Err(self.timed_out()),
            Ok(Err(error)) => Err(self.unreachable(error)),
            Err(Interrupted::TimedOut) => Err(self.timed_out()),
            Err(Interrupted::Stopped) => Err(self.no_answer("the run is being stopped")),
        }
    }

    fn timed_out(&self) -> GitError {
        self.no_answer(&format!(
            "no answer within {} s",
            self.calls.limit(self.timeout).as_secs_f32()
        ))
    }

    pub(super) fn no_answer(&self, what: &str) -> GitError {
        GitError::unavailable(
            format!("git server {}: {what}", self.origin()),
            "run the same command again when the server answers",
        )
    }

    fn unreachable(&self, error: reqwest::Error) -> GitError {
        let error = error.without_url();
        // The outer texts say only that something failed; the innermost says what.
        let mut innermost = error.to_string();
        let mut source = error.source();
        let mut is_certificate = false;
        while let Some(inner) = source {
            innermost = inner.to_string();
            is_certificate |= innermost.contains("certificate");
            source = inner.source();
        }
        let way = match &self.way {
            Some(way) => format!(" through the proxy {}", way.display),
            None => String::new(),
        };
        let message = format!(
            "git server {}{way}: {}",
            self.origin(),
            self.printable(&innermost)
        );
        let hint = if is_certificate {
            "give the certificate of your own authority with --ca-file FILE (or SHIPGATE_CA_FILE)"
        } else {
            "check the address, the network and the proxy settings, then run the same command again"
        };
        GitError::unavailable(message, hint)
    }

    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(super) fn refused(&self, mut response: Response, is_push: bool) -> GitError {
        let status = response.status();
        let said = self.error_page(&mut response);
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        let number = status.as_u16();
        let found = self.found();
        let tried = found.tried.join(", ");
        match number {
            401 if found.credentials == Credentials::None => GitError::denied(
                format!("{} asks for credentials and there are none", self.url),
                format!("give a token that may push to the repository in SHIPGATE_TOKEN ({tried})"),
            ),
            401 => GitError::denied(
                format!("{} refuses the credentials (HTTP 401{said})", self.url),
                format!(
                    "check that the token is valid, not expired, and meant for this server; it was tried once ({tried})"
                ),
            ),
            403 => GitError::denied(
                format!(
                    "{} does not allow {} (HTTP 403{said})",
                    self.url,
                    if is_push { "a push" } else { "to read" }
                ),
                format!(
                    "check the token's rights: GITHUB_TOKEN reaches only its own repository and needs contents: write; \
                     a GitLab job token pushes only where the project allows it ({tried})"
                ),
            ),
            404 | 410 => GitError::not_found(
                format!("no repository at {} (HTTP {number}{said})", self.url),
                format!("check the address, and that the token may see the repository ({tried})"),
            ),
            300..=399 => GitError::invalid(
                format!("{} sends us to {}", self.url, self.target(&response)),
                "write that address into the configuration, if it is right; shipgate follows no redirects",
            ),
            _ => GitError::unavailable(
                format!("git server {} answers HTTP {number}{said}", self.origin()),
                "run the same command again when the server is well",
            ),
        }
    }

    /// Returns where a redirect leads, without what may be secret in it.
    fn target(&self, response: &Response) -> String {
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| self.url.join(text).ok());
        match target {
            Some(mut target) => {
                // Both fail only for addresses that can not hold them.
                let _ = target.set_username("");
                let _ = target.set_password(None);
                target.set_query(None);
                target.set_fragment(None);
                let path = target.path().trim_end_matches("/info/refs").to_owned();
                target.set_path(&path);
                self.printable(target.as_str())
            }
            None => "nowhere".to_owned(),
        }
    }

    fn error_page(&self, response: &mut Response) -> String {
        let is_text = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|given| given.as_bytes().starts_with(b"text/plain"));
        let mut page = Vec::new();
        let mut left = ERROR_PAGE;
        while is_text && let Ok(Some(piece)) = self.piece(response, &mut left) {
            page.extend_from_slice(&piece);
        }
        self.printable(&String::from_utf8_lossy(&page))
    }
}
