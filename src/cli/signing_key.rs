//! The SSH key that statements and commits are signed with: a file, or one that the agent keeps.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::Context;
use crate::{
    event::{Ending, Failure},
    ops::signer::Signer,
    secret::Secret,
    sign::{PrivateKey, PublicKey},
};

/// A key file is a few thousand bytes.
const LONGEST_KEY: u64 = 64 << 10;
/// Where the passphrase of a key file is, for programs.
const PASSPHRASE: &str = "SHIPGATE_KEY_PASSPHRASE";

/// Reads the key that `flag` names: a private one, or the public half of one that the agent has. A
/// passphrase is taken from `SHIPGATE_KEY_PASSPHRASE`, or asked for at a terminal.
///
/// # Errors
/// [`Ending::Usage`]: there is no such file, it is no key, its passphrase is missing or wrong, or
/// there is no agent.
pub fn signer(context: &Context, flag: &str, path: &Path) -> Result<Signer, Failure> {
    let shown = path.display().to_string();
    if shown.contains("-----BEGIN") {
        return Err(
            Failure::new(Ending::Usage, format!("{flag}: found a key itself")).hint(
                "write it into a file that only you may read, and give the path; then make a new \
                 key, since this one may be in a log now",
            ),
        );
    }
    let refuse =
        |problem: String| Failure::new(Ending::Usage, format!("{flag} {shown}: {problem}"));
    let text = read_key(&context.folder.join(path)).map_err(refuse)?;
    if let Ok(public) = PublicKey::parse(text.expose()) {
        let socket = agent(context, flag)?;
        let key = Some(public);
        return Ok(Signer::Agent { socket, key });
    }
    let mut key = PrivateKey::parse(text.expose()).map_err(refuse)?;
    if key.is_encrypted() {
        let passphrase = passphrase(context, flag, &shown)?;
        key = key.decrypt(&passphrase).map_err(refuse)?;
    }
    Ok(Signer::Key(Box::new(key)))
}

/// Returns the socket of the SSH agent.
///
/// # Errors
/// [`Ending::Usage`]: there is none.
pub fn agent(context: &Context, flag: &str) -> Result<PathBuf, Failure> {
    let socket = context.variable("SSH_AUTH_SOCK").map(PathBuf::from);
    socket.ok_or_else(|| {
        Failure::new(
            Ending::Usage,
            "there is no SSH agent to sign with (SSH_AUTH_SOCK)",
        )
        .hint(format!(
            "give a private key file with {flag} FILE, or start an agent and `ssh-add` the key"
        ))
    })
}

fn read_key(path: &Path) -> Result<Secret, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut text = String::new();
    File::open(path)
        .map_err(cannot)?
        .take(LONGEST_KEY)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    Ok(Secret::new(text))
}

fn passphrase(context: &Context, flag: &str, key: &str) -> Result<Secret, Failure> {
    if let Some(passphrase) = context.secret(PASSPHRASE) {
        return Ok(passphrase);
    }
    let missing = |problem: String| {
        Failure::new(Ending::Usage, problem).hint(format!(
            "set {PASSPHRASE}, or `ssh-add` the key and give its public half with {flag}"
        ))
    };
    if !context.stderr_is_terminal || context.in_pipeline() {
        return Err(missing(format!("{flag} {key}: needs a passphrase")));
    }
    let prompt = format!("passphrase of {key}: ");
    let asked = rpassword::prompt_password(prompt);
    asked
        .map(Secret::new)
        .map_err(|error| missing(format!("{flag} {key}: needs a passphrase: {error}")))
}
