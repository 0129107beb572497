//! Runs the `git` program with an environment of our own: for SSH and for paths, which libgit2 can
//! not do well.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

use super::{
    credentials::ServerToken,
    error::GitError,
    sanitise::sanitise,
    worker::{Calls, Interrupted},
};
use crate::{
    process::{Group, NEEDED_VARIABLES, set_apart},
    secret::Secret,
    units::with_slashes,
};

/// Most output that is read, in bytes; a list of refs is the longest.
const LONGEST_OUTPUT: u64 = 64 << 20;
/// Where programs are looked for when the environment does not say.
pub(super) const USUAL_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";
/// What the program gets from the environment, besides what is set for it here.
const PASSED_ON: &[&str] = &[
    "HOME",
    "SSH_AUTH_SOCK",
    "TMPDIR",
    "SystemRoot",
    "USERPROFILE",
];

/// What a connection may take from the world the run was started in.
#[derive(Debug, Clone, Default)]
pub struct ConnectionOptions {
    /// The environment. Used of it: `PATH`, `HOME`, `SSH_AUTH_SOCK`, `TMPDIR`, `GIT_SSH_COMMAND`
    /// and the names of proxies; empty = the usual folders for programs, no agent, no proxy.
    pub environment: BTreeMap<String, String>,
    /// Private key for SSH; none = the agent and the usual keys.
    pub ssh_identity_file: Option<PathBuf>,
    /// Known hosts for SSH; none = the user's.
    pub ssh_known_hosts: Option<PathBuf>,
    /// Admits `http://` to other machines than this one.
    pub allow_plain_http: bool,
    /// A token that the pipeline hands out for one server.
    pub job_token: Option<ServerToken>,
    /// May the person's own git be asked for credentials (`git credential fill`), when there are
    /// no others? It starts whatever program the person's configuration names.
    pub asks_credential_helpers: bool,
}

impl ConnectionOptions {
    /// Returns the command for SSH: never asks, never waits for ever for a connection.
    fn ssh_command(&self) -> String {
        if let Some(command) = self.environment.get("GIT_SSH_COMMAND")
            && !command.is_empty()
            && self.ssh_identity_file.is_none()
            && self.ssh_known_hosts.is_none()
        {
            return command.clone();
        }
        // A host key is never taken on trust, whatever the person's configuration says; and the
        // server gets no agent and no tunnel.
        let mut command = "ssh -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking=yes \
             -o ForwardAgent=no -o ClearAllForwardings=yes"
            .to_owned();
        if let Some(key) = &self.ssh_identity_file {
            command.push_str(&format!(" -i {} -o IdentitiesOnly=yes", quoted(key)));
        }
        if let Some(hosts) = &self.ssh_known_hosts {
            command.push_str(&format!(
                " -o UserKnownHostsFile={} -o GlobalKnownHostsFile=none",
                quoted(hosts)
            ));
        }
        command
    }
}

/// Quotes a path for the shell that `git` starts SSH with.
fn quoted(path: &Path) -> String {
    let path = with_slashes(&path.display().to_string());
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// The `git` program, bound to one store and one protocol.
pub(super) struct Program {
    calls: Arc<Calls>,
    store: PathBuf,
    config: PathBuf,
    protocol: &'static str,
    environment: Vec<(String, String)>,
    timeout: Duration,
    /// What it says is shown without these.
    secrets: Vec<Secret>,
}

/// Lines that git adds to whatever went wrong with a connection; what to do we say ourselves.
const TELL_NOTHING: &[&str] = &[
    "",
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
];

/// What a run of the program said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    /// Returns the text for people, as one harmless line.
    pub(super) fn reason(&self) -> String {
        let lines = self.stderr.lines().map(str::trim);
        let telling: Vec<&str> = lines.filter(|line| !TELL_NOTHING.contains(line)).collect();
        let text = match telling.as_slice() {
            [] => sanitise(&self.stderr),
            telling => sanitise(&telling.join("\n")),
        };
        if text.is_empty() {
            self.status.to_string()
        } else {
            text
        }
    }
}

impl Program {
    /// Binds the program to the bare folder `store`. `trusted` is the one folder that may belong to
    /// another user: the path remote that the user named.
    pub(super) fn new(
        calls: Arc<Calls>,
        store: &Path,
        protocol: &'static str,
        trusted: Option<&Path>,
        options: &ConnectionOptions,
        timeout: Duration,
    ) -> Result<Self, GitError> {
        let config = store.join("shipgate.gitconfig");
        let text = match trusted {
            Some(path) => {
                let path = with_slashes(&path.display().to_string());
                let path = path.replace('\\', r"\\").replace('"', "\\\"");
                format!("[safe]\n\tdirectory = \"{path}\"\n")
            }
            None => String::new(),
        };
        fs::write(&config, text)
            .map_err(|error| GitError::no_room(&format!("write {}: {error}", config.display())))?;
        let given = |name: &str| {
            options
                .environment
                .get(name)
                .filter(|value| !value.is_empty())
        };
        let mut environment: Vec<(String, String)> = PASSED_ON
            .iter()
            .chain(NEEDED_VARIABLES)
            .filter_map(|name| Some(((*name).to_owned(), given(name)?.clone())))
            .collect();
        let path = given("PATH").map_or(USUAL_PATH, String::as_str);
        environment.push(("PATH".to_owned(), path.to_owned()));
        if protocol == "ssh" {
            environment.push(("GIT_SSH_COMMAND".to_owned(), options.ssh_command()));
        }
        Ok(Self {
            calls,
            store: store.to_owned(),
            config,
            protocol,
            environment,
            timeout,
            secrets: Vec::new(),
        })
    }

    /// Keeps secrets out of what it says: a hook of the other side may know them.
    pub(super) fn hiding(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let secrets = secrets.into_iter();
        let secrets = secrets.filter(|secret| !secret.expose().is_empty());
        self.secrets.extend(secrets);
        self
    }

    /// Runs `git` with these arguments in the store.
    ///
    /// # Errors
    /// When it can not be started or does not end in time. An exit status is no error here.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Said, GitError> {
        let mut command = Command::new("git");
        command
            .arg(format!("--git-dir={}", self.store.display()))
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
            .args(["-c", "credential.helper=", "-c", "core.fsmonitor=false"])
            .args(["-c", "protocol.allow=never"])
            .args(["-c", &format!("protocol.{}.allow=always", self.protocol)])
            .args(arguments)
            .current_dir(&self.store)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("GIT_CONFIG_GLOBAL", &self.config)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        set_apart(&mut command);
        let ended = self.calls.wait(self.timeout, async {
            let mut child = command.spawn()?;
            let mut group = Group::of(&child);
            let said = gather(&mut child).await;
            group.has_ended();
            said
        });
        match ended {
            Ok(Ok(mut said)) => {
                for secret in &self.secrets {
                    said.stderr = said.stderr.replace(secret.expose(), "***");
                }
                Ok(said)
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(GitError::invalid(
                "the git program is not installed, and this address needs it",
                "install git, or use an https:// address",
            )),
            Ok(Err(error)) => Err(GitError::internal(format!("could not run git: {error}"))),
            Err(interrupted) => {
                let why = match interrupted {
                    Interrupted::TimedOut => {
                        format!(
                            "no answer within {} s",
                            self.calls.limit(self.timeout).as_secs_f32()
                        )
                    }
                    Interrupted::Stopped => "the run is being stopped".to_owned(),
                };
                Err(GitError::unavailable(
                    format!("git {}: {why}", arguments.first().unwrap_or(&"")),
                    "run the same command again when the server answers",
                ))
            }
        }
    }
}

pub(super) async fn gather(child: &mut Child) -> io::Result<Said> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr, status) = tokio::join!(all(stdout), all(stderr), child.wait());
    Ok(Said {
        status: status?,
        stdout: stdout?,
        stderr: stderr?,
    })
}

async fn all(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LONGEST_OUTPUT).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn what_git_adds_to_every_failure_is_left_out() {
        use std::os::unix::process::ExitStatusExt;
        let all = "fatal: Could not read from remote repository.\n\nPlease make sure you have \
                   the correct access rights\nand the repository exists.\n";
        for (stderr, wanted) in [
            (
                format!("git@host: Permission denied (publickey).\r\n{all}"),
                "git@host: Permission denied (publickey).",
            ),
            (format!("::warning::x\x1b[31m\n{all}"), ": :warning::x"),
            (
                "fatal: Could not read from remote repository.\n".to_owned(),
                "fatal: Could not read from remote repository.",
            ),
            (String::new(), "exit status: 128"),
        ] {
            let said = Said {
                status: ExitStatus::from_raw(128 << 8),
                stdout: String::new(),
                stderr,
            };
            assert_eq!(said.reason(), wanted);
        }
    }

    #[test]
    fn a_host_key_is_never_taken_on_trust() {
        let usual = "ssh -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking=yes \
                     -o ForwardAgent=no -o ClearAllForwardings=yes";
        let own = [("GIT_SSH_COMMAND".to_owned(), "ssh -v".to_owned())];
        let none = ConnectionOptions::default();
        let with_command = ConnectionOptions {
            environment: own.into(),
            ..ConnectionOptions::default()
        };
        let with_key = ConnectionOptions {
            ssh_identity_file: Some("it's".into()),
            ..with_command.clone()
        };
        let with_hosts = ConnectionOptions {
            ssh_known_hosts: Some("hosts".into()),
            ..with_command.clone()
        };
        let key = format!(r"{usual} -i 'it'\''s' -o IdentitiesOnly=yes");
        let hosts = format!("{usual} -o UserKnownHostsFile='hosts' -o GlobalKnownHostsFile=none");
        for (options, command) in [
            (none, usual),
            (with_command, "ssh -v"),
            (with_key, &key),
            (with_hosts, &hosts),
        ] {
            assert_eq!(options.ssh_command(), command);
        }
    }
}
