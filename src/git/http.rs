//! Requests to a git server: one origin, no redirects, one try.

use std::{
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
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use url::Url;

use super::{
    client::build,
    credential_helper::CredentialHelper,
    credentials::{Credentials, Found},
    error::GitError,
    proxy::Way,
    sanitise::sanitise,
    worker::Calls,
};

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
    pub(super) way: Option<Way>,
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
    pub(super) fn found(&self) -> Found {
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

    pub(super) fn piece(
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
        let client = build(&self.url, self.ca_file.as_deref(), proxy, self.timeout)?;
        *slot = Some(client.clone());
        Ok(client)
    }
}
