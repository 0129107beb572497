//! A small git server over HTTP: the smart protocol, version 0, with a token (gitprotocol-http).

mod packet;
mod receive;
mod upload;

use std::sync::{Mutex, PoisonError};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};

use super::{
    remote::{GitError, Remote},
    server::Answer,
};

const AGENT: &str = "agent=shipgate-demo";

/// What the git server does wrong on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Refuses every push to the branch, as branch protection does.
    pub protect_branch: bool,
    /// Refuses every reference outside `refs/heads/`.
    pub refuse_journal: bool,
    /// How many of the next pushes to the branch are applied and then not answered.
    pub lost_answers: u32,
    /// Before how many of the next pushes to the branch somebody else commits first.
    pub rivals: u32,
}

/// The server of one repository.
pub(super) struct GitServer {
    token: String,
    faults: Mutex<Faults>,
}

impl GitServer {
    /// Makes a server that lets in whoever has the token, under any user name.
    pub(super) fn new(token: String) -> Self {
        Self {
            token,
            faults: Mutex::default(),
        }
    }

    /// Returns the token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Returns what goes wrong from now on.
    pub(super) fn faults(&self) -> Faults {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.clone()
    }

    /// Sets what goes wrong from now on.
    pub(super) fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Answers one request. `path` is what follows the repository's address, `query` what follows
    /// the question mark, `authorization` the header of that name. None: drop the connection.
    pub(super) fn answer(
        &self,
        remote: &Remote,
        now: DateTime<Utc>,
        request: &GitRequest<'_>,
    ) -> Option<Answer> {
        if !self.lets_in(request.authorization) {
            return Some(Answer::unauthorized());
        }
        let answered = match (request.is_post, request.path, request.query) {
            (false, "/info/refs", "service=git-upload-pack") => {
                Ok(Some(advertise(remote, "git-upload-pack")))
            }
            (false, "/info/refs", "service=git-receive-pack") => {
                Ok(Some(advertise(remote, "git-receive-pack")))
            }
            (true, "/git-upload-pack", _) => upload::answer(remote, request.body)
                .map(|body| Some(Answer::git("application/x-git-upload-pack-result", body))),
            (true, "/git-receive-pack", _) => {
                receive::answer(remote, &self.faults, now, request.body).map(|body| {
                    body.map(|body| Answer::git("application/x-git-receive-pack-result", body))
                })
            }
            _ => Ok(Some(Answer::text(404, "not found"))),
        };
        answered.unwrap_or_else(|malformed| Some(Answer::text(400, &malformed.0)))
    }

    fn lets_in(&self, authorization: Option<&str>) -> bool {
        authorization
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
            .and_then(|(_, encoded)| BASE64_STANDARD.decode(encoded.trim()).ok())
            .and_then(|decoded| String::from_utf8(decoded).ok())
            .and_then(|pair| pair.split_once(':').map(|(_, token)| token == self.token))
            .unwrap_or(false)
    }
}

/// The parts of an HTTP request that the git server looks at.
pub(super) struct GitRequest<'a> {
    /// POST, else GET.
    pub(super) is_post: bool,
    /// What follows the repository's address, with its slash.
    pub(super) path: &'a str,
    /// What follows the question mark.
    pub(super) query: &'a str,
    /// The header of that name.
    pub(super) authorization: Option<&'a str>,
    /// The body, unpacked.
    pub(super) body: &'a [u8],
}

/// Lists the references and what the service can do.
fn advertise(remote: &Remote, service: &'static str) -> Answer {
    match advertisement(remote, service) {
        Ok(body) => {
            let content_type = if service == "git-upload-pack" {
                "application/x-git-upload-pack-advertisement"
            } else {
                "application/x-git-receive-pack-advertisement"
            };
            Answer::git(content_type, body)
        }
        Err(error) => Answer::text(500, error.message()),
    }
}

fn advertisement(remote: &Remote, service: &str) -> Result<Vec<u8>, GitError> {
    let mut lines = Vec::new();
    let references = remote.references()?;
    let mut capabilities = receive::CAPABILITIES.to_owned();
    if service == "git-upload-pack" {
        capabilities = upload::CAPABILITIES.to_owned();
        let branch = remote.branch();
        if let Some((_, tip)) = references.iter().find(|(name, _)| name == branch) {
            capabilities.push_str(&format!(" symref=HEAD:{branch}"));
            lines.push(format!("{tip} HEAD"));
        }
    }
    for (name, id) in references {
        lines.push(format!("{id} {name}"));
        if service == "git-upload-pack"
            && let Some(commit) = remote.behind_tag(id)
        {
            lines.push(format!("{commit} {name}^{{}}"));
        }
    }
    if lines.is_empty() {
        lines.push(format!("{} capabilities^{{}}", "0".repeat(40)));
    }
    let mut out = Vec::new();
    packet::line(&mut out, format!("# service={service}\n").as_bytes());
    packet::flush(&mut out);
    for (position, line) in lines.iter().enumerate() {
        let text = if position == 0 {
            format!("{line}\0{capabilities} {AGENT}\n")
        } else {
            format!("{line}\n")
        };
        packet::line(&mut out, text.as_bytes());
    }
    packet::flush(&mut out);
    Ok(out)
}
