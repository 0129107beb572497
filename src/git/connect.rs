//! Which repository it is and as whom it is reached: from an address to the way there, with all that
//! the way needs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    credential_helper::CredentialHelper,
    credentials::{Found, Sources},
    error::GitError,
    http::{Access, Server},
    location::Location,
    program::{ConnectionOptions, Program},
    program_remote::ProgramRemote,
    proxy,
    remote::Remote,
    signing::CommitSigner,
    smart::Smart,
    worker::Calls,
};
use crate::secret::Secret;

/// Which repository, and as whom.
#[derive(Debug, Clone)]
pub struct RepositoryOptions {
    /// `https://…`, `http://…` (this machine only), `ssh://…`, `user@host:path`, or a path or
    /// `file://…` to a bare repository.
    pub url: String,
    /// The token given for it; none = look elsewhere.
    pub token: Option<Secret>,
    /// The user to go with the token; none = what the forge expects.
    pub token_user: Option<String>,
    /// Certificates, in PEM form, to trust besides the machine's.
    pub ca_file: Option<PathBuf>,
    /// A work tree whose `http.extraheader` may supply the credentials for the same server.
    pub checkout: Option<PathBuf>,
    /// Name for commits.
    pub author_name: String,
    /// Address for commits.
    pub author_email: String,
    /// Do name and address stay, whatever the repository's configuration says?
    pub author_is_given: bool,
    /// Who signs commits; none = they are not signed.
    pub signer: Option<Arc<dyn CommitSigner>>,
    /// Longest wait for one answer of the server.
    pub timeout: Duration,
}

/// Chooses the way to the remote.
pub(super) fn remote(
    location: Location,
    calls: &Arc<Calls>,
    store: &Path,
    options: &RepositoryOptions,
    connection: &ConnectionOptions,
) -> Result<Box<dyn Remote>, GitError> {
    let display = location.display();
    let program = |protocol, trusted| {
        let calls = Arc::clone(calls);
        let job_token = connection.job_token.as_ref().map(|job| &job.token);
        let secrets = options.token.iter().chain(job_token).cloned();
        let program = Program::new(calls, store, protocol, trusted, connection, options.timeout)?;
        Ok::<Program, GitError>(program.hiding(secrets))
    };
    Ok(match location {
        Location::Http { url, userinfo } => {
            let sources = Sources {
                token: options.token.as_ref(),
                user: options.token_user.as_deref(),
                checkout: options.checkout.as_deref(),
                userinfo: userinfo.as_ref(),
                job_token: connection.job_token.as_ref(),
                has_helper: connection.asks_credential_helpers,
            };
            let helper = || CredentialHelper::new(store, &connection.environment);
            let access = Access {
                found: Found::search(&url, sources),
                helper: connection.asks_credential_helpers.then(helper),
                way: proxy::find(&url, &connection.environment)?,
            };
            let calls = Arc::clone(calls);
            let server = Server::new(calls, url, access, options.ca_file.clone(), options.timeout);
            Box::new(Smart::new(Arc::new(server)))
        }
        Location::Ssh { address } => {
            Box::new(ProgramRemote::new(program("ssh", None)?, address, display))
        }
        Location::Folder { path } => {
            let address = url::Url::from_file_path(&path)
                .map_err(|()| GitError::internal("a path is not absolute"))?;
            let program = program("file", Some(&path))?;
            Box::new(ProgramRemote::new(program, address.into(), display))
        }
    })
}
