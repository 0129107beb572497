//! What a person's own git knows: `git credential fill`, asked once, outside of every checkout.
//!
//! It starts whatever program a configuration names. So it is asked only where the caller says that
//! a person is there; and of all configuration only the person's and the machine's takes part, of
//! the environment only what such programs need to find their stores.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{io::AsyncWriteExt, process::Command};
use url::Url;

use super::{
    location::is_loopback,
    program::{Said, USUAL_PATH, gather},
    worker::{Calls, Interrupted},
};
use crate::{
    process::{Group, NEEDED_VARIABLES, set_apart},
    secret::Secret,
};

/// Longest wait: a helper may open a window and ask.
const LIMIT: Duration = Duration::from_secs(60);
/// What helpers get from the environment: where the person's things are, and the desktop.
const PASSED_ON: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "GPG_TTY",
    "SystemRoot",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
];

/// The person's own git.
pub(super) struct CredentialHelper {
    /// A bare folder of ours: a repository around the working folder would lend its configuration.
    store: PathBuf,
    environment: Vec<(String, String)>,
}

impl CredentialHelper {
    pub(super) fn new(store: &Path, environment: &BTreeMap<String, String>) -> Self {
        let given = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let mut passed_on: Vec<(String, String)> = PASSED_ON
            .iter()
            .chain(NEEDED_VARIABLES)
            .filter_map(|name| Some(((*name).to_owned(), given(name)?.clone())))
            .collect();
        let path = given("PATH").map_or(USUAL_PATH, String::as_str);
        passed_on.push(("PATH".to_owned(), path.to_owned()));
        Self {
            store: store.to_owned(),
            environment: passed_on,
        }
    }

    /// Asks for user and password of a server. Git itself asks nobody: what is stored counts, or
    /// what a helper's own window brings.
    ///
    /// # Errors
    /// There are none, or no answer came; one line says why and holds nothing of the answer.
    pub(super) fn ask(&self, calls: &Calls, url: &Url) -> Result<(String, Secret), String> {
        let question = question(url).ok_or("it is not asked for this address")?;
        let mut command = Command::new("git");
        command
            .arg(format!("--git-dir={}", self.store.display()))
            .args(["credential", "fill"])
            .current_dir(&self.store)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("GIT_TERMINAL_PROMPT", "0")
            // Set and empty: no program that only asks.
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        set_apart(&mut command);
        let ended = calls.wait(LIMIT, async {
            let mut child = command.spawn()?;
            let mut group = Group::of(&child);
            if let Some(mut stdin) = child.stdin.take() {
                // A helper that does not read its question answers without it.
                let _ = stdin.write_all(question.as_bytes()).await;
            }
            let said = gather(&mut child).await;
            group.has_ended();
            said
        });
        match ended {
            Ok(Ok(said)) => answer(&said),
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                Err("the git program is not installed".to_owned())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(interrupted) => Err(match interrupted {
                Interrupted::TimedOut => format!("no answer within {} s", LIMIT.as_secs()),
                Interrupted::Stopped => "the run is being stopped".to_owned(),
            }),
        }
    }
}

/// Writes the question (git-credential(1), "INPUT/OUTPUT FORMAT"). A password goes nowhere in the
/// clear but to this machine.
fn question(url: &Url) -> Option<String> {
    if url.scheme() != "https" && !is_loopback(url) {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}"));
    Some(format!(
        "protocol={}\nhost={}{}\npath={}\n\n",
        url.scheme(),
        url.host_str()?,
        port.unwrap_or_default(),
        url.path().trim_start_matches('/')
    ))
}

/// Reads the answer. What the program says otherwise is not repeated: a helper may say anything.
fn answer(said: &Said) -> Result<(String, Secret), String> {
    if !said.status.success() {
        return Err("it has none for this server".to_owned());
    }
    let value = |key: &str| {
        let mut lines = said.stdout.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let password = value("password").filter(|password| !password.is_empty());
    let password = password.ok_or("it has no password for this server")?;
    Ok((
        value("username").unwrap_or_default().to_owned(),
        Secret::new(password),
    ))
}
