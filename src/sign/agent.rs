//! Signing through an SSH agent, which keeps the keys (draft-ietf-sshm-ssh-agent).

use std::{io, path::Path};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(unix)]
use tokio::net::UnixStream as Stream;
#[cfg(windows)]
use tokio::net::windows::named_pipe::NamedPipeClient as Stream;

use super::{
    NAMESPACE, algorithm,
    key::PublicKey,
    signature::{SshSignature, to_sign},
    wire::{Reader, put},
};

/// Longest message of an agent, in bytes; OpenSSH has the same limit.
const LONGEST: u32 = 256 << 10;
/// Most keys that an agent is believed to have.
const MOST_KEYS: u32 = 1000;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// RSA keys sign with SHA-512; other keys do not look at it.
const FLAG_RSA_SHA2_512: u32 = 4;

/// An SSH agent.
pub struct Agent {
    stream: Stream,
}

impl Agent {
    /// Connects to the agent at a socket, as `SSH_AUTH_SOCK` names it; on Windows at a named pipe.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(socket: &Path) -> Result<Self, String> {
        let stream = connect(socket).await;
        let stream = stream
            .map_err(|error| format!("the SSH agent at SSH_AUTH_SOCK does not answer: {error}"))?;
        Ok(Self { stream })
    }

    /// Signs a message for shipgate with this key, or with the only one that the agent has.
    ///
    /// # Errors
    /// The agent does not have the key, or several to choose from; it refuses to sign.
    pub async fn sign(
        &mut self,
        wanted: Option<&PublicKey>,
        message: &[u8],
    ) -> Result<SshSignature, String> {
        self.sign_for(NAMESPACE, wanted, message).await
    }

    /// Signs a message for a namespace with this key, or with the only one that the agent has.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub async fn sign_for(
        &mut self,
        namespace: &str,
        wanted: Option<&PublicKey>,
        message: &[u8],
    ) -> Result<SshSignature, String> {
        let key = self.choose(wanted).await?;
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &key);
        put(&mut request, &to_sign(namespace, message));
        request.extend(FLAG_RSA_SHA2_512.to_be_bytes());
        let answer = self.ask(&request).await?;
        let mut reader = Reader(&answer);
        if reader.take(1) != Some(&[SIGN_RESPONSE]) {
            return Err("the SSH agent refuses to sign with this key".to_owned());
        }
        let signature = reader.bytes().ok_or_else(broken)?;
        Ok(SshSignature::made(namespace, key, signature.to_vec()))
    }

    /// Returns the key that would sign, as OpenSSH encodes it: this one, or the only one that the
    /// agent has. Nothing is signed.
    ///
    /// # Errors
    /// The agent does not have the key, or several to choose from.
    pub async fn choose(&mut self, wanted: Option<&PublicKey>) -> Result<Vec<u8>, String> {
        let keys = self.keys().await?;
        let Some(wanted) = wanted else {
            return only(keys);
        };
        if keys.iter().any(|(key, _)| key == wanted.bytes()) {
            Ok(wanted.bytes().to_vec())
        } else {
            Err("the SSH agent does not have this key; `ssh-add` it".to_owned())
        }
    }

    /// The keys of the agent with their comments; certificates are left out.
    async fn keys(&mut self) -> Result<Vec<(Vec<u8>, String)>, String> {
        let answer = self.ask(&[REQUEST_IDENTITIES]).await?;
        let mut reader = Reader(&answer);
        if reader.take(1) != Some(&[IDENTITIES_ANSWER]) {
            return Err("the SSH agent does not say which keys it has".to_owned());
        }
        let count = reader.number().filter(|count| *count <= MOST_KEYS);
        let mut keys = Vec::new();
        for _ in 0..count.ok_or_else(broken)? {
            let (key, comment) = reader.bytes().zip(reader.bytes()).ok_or_else(broken)?;
            if !algorithm::name(key).contains("-cert-v01@") {
                keys.push((key.to_vec(), String::from_utf8_lossy(comment).into_owned()));
            }
        }
        Ok(keys)
    }

    async fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>, String> {
        let mut message = Vec::new();
        put(&mut message, request);
        let lost = |error: io::Error| format!("the SSH agent does not answer: {error}");
        self.stream.write_all(&message).await.map_err(lost)?;
        let length = self.stream.read_u32().await.map_err(lost)?;
        if length > LONGEST {
            return Err(broken());
        }
        let mut answer = vec![0; length as usize];
        self.stream.read_exact(&mut answer).await.map_err(lost)?;
        Ok(answer)
    }
}

#[cfg(unix)]
async fn connect(socket: &Path) -> io::Result<Stream> {
    Stream::connect(socket).await
}

#[cfg(windows)]
async fn connect(pipe: &Path) -> io::Result<Stream> {
    tokio::net::windows::named_pipe::ClientOptions::new().open(pipe)
}

fn only(mut keys: Vec<(Vec<u8>, String)>) -> Result<Vec<u8>, String> {
    match keys.len() {
        0 => Err("the SSH agent has no key; `ssh-add` one, or give --key FILE".to_owned()),
        1 => Ok(keys.remove(0).0),
        count => {
            let names: Vec<String> = keys
                .iter()
                .take(5)
                .map(|(_, comment)| {
                    comment
                        .chars()
                        .take(40)
                        .flat_map(char::escape_debug)
                        .collect()
                })
                .collect();
            Err(format!(
                "the SSH agent has {count} keys ({}); choose one with --key PUBLIC_KEY_FILE",
                names.join(", ")
            ))
        }
    }
}

fn broken() -> String {
    "the SSH agent gives an answer that cannot be read".to_owned()
}
