//! The world's git server alone, answering in the caller's thread: for whoever decides for every
//! request when it is heard, and whether its answer arrives.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::{
    Faults,
    git_server::{GitRequest, GitServer},
    remote::{LogLine, Remote},
};

/// A bare repository with one branch, and the smart protocol in front of it.
pub struct Origin {
    remote: Remote,
    git: GitServer,
}

/// One request to it.
#[derive(Debug, Clone, Copy)]
pub struct OriginRequest<'a> {
    /// POST, else GET.
    pub is_post: bool,
    /// What follows the repository's address, with its slash.
    pub path: &'a str,
    /// What follows the question mark.
    pub query: &'a str,
    /// The header of that name.
    pub authorization: Option<&'a str>,
    /// The body, unpacked.
    pub body: &'a [u8],
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginAnswer {
    /// Status of HTTP.
    pub status: u16,
    /// The header of that name.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Origin {
    /// Makes the repository `gitops.git` in a folder, with one commit of `files` (path and text).
    /// Whoever has the token may read and write, under any user name.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn create(
        folder: &Path,
        token: &str,
        branch: &str,
        files: &[(String, String)],
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            remote: Remote::create(&folder.join("gitops.git"), branch, files, now)?,
            git: GitServer::new(token.to_owned()),
        })
    }

    /// Answers one request; none: the connection is to be dropped.
    pub fn answer(&self, now: DateTime<Utc>, request: &OriginRequest<'_>) -> Option<OriginAnswer> {
        let request = GitRequest {
            is_post: request.is_post,
            path: request.path,
            query: request.query,
            authorization: request.authorization,
            body: request.body,
        };
        let answer = self.git.answer(&self.remote, now, &request)?;
        let (status, content_type, body) = answer.into_parts();
        Some(OriginAnswer {
            status,
            content_type,
            body,
        })
    }

    /// Sets what it does wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.git.set_faults(faults);
    }

    /// Returns the full id of the branch's tip.
    ///
    /// # Errors
    /// The branch is gone.
    pub fn tip(&self) -> anyhow::Result<String> {
        Ok(self.remote.tip()?.to_string())
    }

    /// Returns every reference with the full id it stands on, in the order of the names.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn references(&self) -> anyhow::Result<Vec<(String, String)>> {
        let references = self.remote.references()?.into_iter();
        Ok(references
            .map(|(name, id)| (name, id.to_string()))
            .collect())
    }

    /// Returns a file's bytes at the branch's tip; none when it is not there.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn read(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.remote.read(self.remote.tip()?, path)?)
    }

    /// Commits one file to the branch, as another writer would. Returns the commit's full id.
    ///
    /// # Errors
    /// The repository cannot be written, or the path is not one.
    pub fn write(
        &self,
        path: &str,
        bytes: &[u8],
        message: &str,
        now: DateTime<Utc>,
    ) -> anyhow::Result<String> {
        Ok(self.remote.write(path, bytes, message, now)?.to_string())
    }

    /// Returns the branch's commits, newest first, along first parents.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn log(&self) -> anyhow::Result<Vec<LogLine>> {
        Ok(self.remote.log()?)
    }
}
