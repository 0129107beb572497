//! Requests to a git server: one origin, no redirects, one try, and every refusal in our words.

use std::{
    error::Error as _,
    io::{self, Cursor, Read as _},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use git2::transport::Service;
use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT},
};
use url::Url;

use super::{
    client::build,
    credential_helper::CredentialHelper,
    credentials::{Credentials, Found},
    error::GitError,
    proxy::Way,
    sanitise::sanitise,
    worker::{Calls, Interrupted},
};

/// Longest text of an error page that is read, in bytes.
const ERROR_PAGE: usize = 4096;
/// Longest list of refs: about a million.
const ADVERTISEMENT: usize = 128 << 20;
/// Longest list of refs that is kept for the next push.
const LONGEST_KEPT: usize = 4 << 20;
/// Longest answer to a push: progress and one line a ref.
const PUSH_RESULT: usize = 4 << 20;
/// Largest pack.
const PACK: usize = 4 << 30;
/// A whole pack may take this many times as long as a server may stay silent.
const PACK_TIME_FACTOR: u32 = 20;

/// One repository on an HTTP server.
pub(super) struct Server {
    pub(super) calls: Arc<Calls>,
    /// The address without user, password, query and closing slash.
    pub(super) url: Url,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) timeout: Duration,
    found: Mutex<Found>,
    /// Asked before the first request, if there is nothing else.
    helper: Mutex<Option<CredentialHelper>>,
    way: Option<Way>,
    client: Mutex<Option<Client>>,
    failure: Mutex<Option<GitError>>,
    pack_left: AtomicBool,
    lists: Mutex<Lists>,
}

/// Lists of refs as the server sent them last.
#[derive(Default)]
struct Lists {
    for_reading: Option<Vec<u8>>,
    for_pushing: Option<Vec<u8>>,
    /// May the next request for one be answered with it?
    again: bool,
}

impl Lists {
    fn of(&mut self, service: Service) -> Option<&mut Option<Vec<u8>>> {
        match service {
            Service::UploadPackLs => Some(&mut self.for_reading),
            Service::ReceivePackLs => Some(&mut self.for_pushing),
            Service::UploadPack | Service::ReceivePack => None,
        }
    }
}

/// What lies between us and a server.
pub(super) struct Access {
    /// Credentials, so far.
    pub(super) found: Found,
    /// Who else may know some.
    pub(super) helper: Option<CredentialHelper>,
    /// The proxy.
    pub(super) way: Option<Way>,
}

/// An answer as it is read by libgit2.
pub(super) enum Answer {
    /// Read piece by piece.
    Stream {
        /// The rest of it.
        response: Response,
        /// The piece at hand.
        piece: Cursor<Vec<u8>>,
        /// Bytes that may still come.
        left: usize,
    },
    /// Already here.
    Whole(Cursor<Vec<u8>>),
}

impl Server {
    pub(super) fn new(
        calls: Arc<Calls>,
        url: Url,
        access: Access,
        ca_file: Option<PathBuf>,
        timeout: Duration,
    ) -> Self {
        Self {
            calls,
            url,
            ca_file,
            timeout,
            found: Mutex::new(access.found),
            helper: Mutex::new(access.helper),
            way: access.way,
            client: Mutex::new(None),
            failure: Mutex::new(None),
            pack_left: AtomicBool::new(false),
            lists: Mutex::default(),
        }
    }

    /// Returns the credentials with their story.
    fn found(&self) -> Found {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    /// Asks the person's own git, once and only if there is nothing else.
    fn ask_helper(&self) {
        let mut helper = self.helper.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.credentials == Credentials::None
            && let Some(helper) = helper.take()
        {
            found.add(helper.ask(&self.calls, &self.url));
        }
    }

    /// Is this address on the configured server, and nowhere else?
    pub(super) fn is_at(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| url.origin() == self.url.origin())
    }

    /// Forgets the failure of the operation before.
    pub(super) fn begin(&self) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.pack_left.store(false, Ordering::SeqCst);
        self.lists().again = false;
    }

    /// Lets the next connection begin with the refs that the server sent last for its purpose, if
    /// they are still here.
    pub(super) fn list_as_before(&self) {
        self.lists().again = true;
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns why the last request failed, if one did.
    pub(super) fn take_failure(&self) -> Option<GitError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Did a push leave this machine, so that the server may have applied it?
    pub(super) fn pack_left(&self) -> bool {
        self.pack_left.load(Ordering::SeqCst)
    }

    /// Makes a server's text printable: bounded, harmless, without our secrets.
    pub(super) fn printable(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.found().secrets(&self.url) {
            text = text.replace(secret.expose(), "***");
        }
        sanitise(&text)
    }

    /// Sends a request and checks that a git server answers it.
    pub(super) fn ask(&self, service: Service, body: Vec<u8>) -> io::Result<Answer> {
        self.exchange(service, body)
            .map_err(|error| self.fail(error))
    }

    /// Reads on in an answer.
    pub(super) fn read(&self, answer: &mut Answer, buffer: &mut [u8]) -> io::Result<usize> {
        match answer {
            Answer::Whole(bytes) => bytes.read(buffer),
            Answer::Stream {
                response,
                piece,
                left,
            } => loop {
                let count = piece.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                match self
                    .piece(response, left)
                    .map_err(|error| self.fail(error))?
                {
                    None => return Ok(0),
                    Some(bytes) => *piece = Cursor::new(bytes),
                }
            },
        }
    }

    fn fail(&self, error: GitError) -> io::Error {
        let text = error.message().replace('\0', " ");
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        io::Error::other(text)
    }

    fn exchange(&self, service: Service, body: Vec<u8>) -> Result<Answer, GitError> {
        let mut lists = self.lists();
        if std::mem::take(&mut lists.again)
            && let Some(list) = lists.of(service).and_then(|list| list.clone())
        {
            return Ok(Answer::Whole(Cursor::new(list)));
        }
        drop(lists);
        let (name, is_push) = match service {
            Service::UploadPackLs | Service::UploadPack => ("git-upload-pack", false),
            Service::ReceivePackLs | Service::ReceivePack => ("git-receive-pack", true),
        };
        let asks_for_refs = matches!(service, Service::UploadPackLs | Service::ReceivePackLs);
        let kind = if asks_for_refs {
            "advertisement"
        } else {
            "result"
        };
        let expected = format!("application/x-{name}-{kind}");
        let client = self.client()?;
        let request = if asks_for_refs {
            client.get(format!("{}/info/refs?service={name}", self.url))
        } else {
            client
                .post(format!("{}/{name}", self.url))
                .header(CONTENT_TYPE, format!("application/x-{name}-request"))
                .body(body)
        };
        let mut request = request.header(ACCEPT, &expected).header(
            USER_AGENT,
            concat!("git/2.0 (shipgate ", env!("CARGO_PKG_VERSION"), ")"),
        );
        if let Some(authorization) = self.authorization()? {
            request = request.header(AUTHORIZATION, authorization);
        }
        if service == Service::ReceivePack {
            self.pack_left.store(true, Ordering::SeqCst);
        }
        let limit = self.limit(service);
        // Made inside the runtime: sending starts a timer.
        let request = request.timeout(limit);
        let sent = self.calls.wait(limit, async { request.send().await });
        if matches!(&sent, Ok(Err(error)) if error.is_connect()) {
            self.pack_left.store(false, Ordering::SeqCst);
        }
        let response = self.answered(sent)?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(response, is_push));
        }
        let given = response.headers().get(CONTENT_TYPE);
        if given.is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
            return Err(GitError::not_found(
                format!("{} answers, but not as a git repository", self.url),
                "check the address: it is the one that `git clone` takes",
            ));
        }
        match service {
            Service::UploadPackLs | Service::ReceivePackLs => self.whole_list(service, response),
            Service::ReceivePack => self.whole_report(response),
            Service::UploadPack => Ok(Answer::Stream {
                response,
                piece: Cursor::new(Vec::new()),
                left: PACK,
            }),
        }
    }

    fn limit(&self, service: Service) -> Duration {
        if service == Service::UploadPack {
            self.timeout.saturating_mul(PACK_TIME_FACTOR)
        } else {
            self.timeout
        }
    }

    /// Reads a whole list of refs, and keeps it where it is not too long.
    fn whole_list(&self, service: Service, response: Response) -> Result<Answer, GitError> {
        let list = self.whole(response, ADVERTISEMENT)?;
        if let Some(kept) = self.lists().of(service) {
            let is_whole = list.ends_with(b"0000");
            *kept = (is_whole && list.len() <= LONGEST_KEPT).then(|| list.clone());
        }
        Ok(Answer::Whole(Cursor::new(list)))
    }

    /// Reads the whole report of a push, so that a report cut short is told from a refusal: git
    /// closes it with a flush packet.
    fn whole_report(&self, response: Response) -> Result<Answer, GitError> {
        let report = self.whole(response, PUSH_RESULT)?;
        if !report.ends_with(b"0000") {
            return Err(self.no_answer("the connection ended in the middle of the answer"));
        }
        Ok(Answer::Whole(Cursor::new(report)))
    }

    fn whole(&self, mut response: Response, mut left: usize) -> Result<Vec<u8>, GitError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece(&mut response, &mut left)? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    fn piece(
        &self,
        response: &mut Response,
        left: &mut usize,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let read = self.calls.wait(self.timeout, response.chunk());
        let Some(bytes) = self.answered(read)? else {
            return Ok(None);
        };
        *left = left.checked_sub(bytes.len()).ok_or_else(|| {
            GitError::invalid(
                format!("{} sends more than shipgate takes", self.url),
                "split the repository, or remove refs that nobody needs",
            )
        })?;
        Ok(Some(bytes.to_vec()))
    }

    fn answered<T>(&self, result: Result<reqwest::Result<T>, Interrupted>) -> Result<T, GitError> {
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
            self.timeout.as_secs_f32()
        ))
    }

    fn no_answer(&self, what: &str) -> GitError {
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
            "give the certificate of your own authority as the CA file"
        } else {
            "check the address, the network and the proxy settings, then run the same command again"
        };
        GitError::unavailable(message, hint)
    }

    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    fn refused(&self, mut response: Response, is_push: bool) -> GitError {
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

    fn authorization(&self) -> Result<Option<HeaderValue>, GitError> {
        self.ask_helper();
        let Some(text) = self.found().authorization(&self.url) else {
            return Ok(None);
        };
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| {
            GitError::invalid(
                "the credentials hold characters that no HTTP header can",
                "check that the token was not cut or pasted with a line break",
            )
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Returns the client, built at the first request.
    fn client(&self) -> Result<Client, GitError> {
        let mut slot = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let proxy = self.way.as_ref().map(|way| &way.proxy);
        let client = build(self.ca_file.as_deref(), proxy, self.timeout)?;
        *slot = Some(client.clone());
        Ok(client)
    }
}
