//! Who signs: a key from a file or one that an SSH agent keeps; statements and commits alike.

use std::{fmt, path::PathBuf};

use crate::{
    git::{self, Signing},
    sign::{Agent, GIT_NAMESPACE, PrivateKey, PublicKey, SshSignature},
};

/// Who signs.
pub enum Signer {
    /// A key from a file.
    Key(Box<PrivateKey>),
    /// An SSH agent, with this key or with the only one that it has.
    Agent {
        /// Its socket.
        socket: PathBuf,
        /// Which key.
        key: Option<PublicKey>,
    },
}

impl Signer {
    /// Signs a message for a namespace, and checks that the signature fits.
    ///
    /// # Errors
    /// The key or the agent does not sign; the text says why.
    pub async fn sign(&self, namespace: &str, message: &[u8]) -> Result<SshSignature, String> {
        let signature = match self {
            Self::Key(key) => key.sign_for(namespace, message)?,
            Self::Agent { socket, key } => {
                let mut agent = Agent::connect(socket).await?;
                agent.sign_for(namespace, key.as_ref(), message).await?
            }
        };
        // What a gate or a server would refuse is better refused now.
        signature.verify_for(namespace, message)?;
        Ok(signature)
    }

    /// Sees that it could sign commits. An agent is asked for the key but not to sign: somebody
    /// might have to touch it.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub async fn check(&self) -> Result<(), String> {
        match self {
            Self::Key(_) => self.sign(GIT_NAMESPACE, b"").await.map(drop),
            Self::Agent { socket, key } => {
                let mut agent = Agent::connect(socket).await?;
                agent.choose(key.as_ref()).await.map(drop)
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Key(_) => "Signer::Key",
            Self::Agent { .. } => "Signer::Agent",
        })
    }
}

impl git::CommitSigner for Signer {
    fn sign<'a>(&'a self, commit: &'a [u8]) -> Signing<'a> {
        Box::pin(async move {
            let signature = self.sign(GIT_NAMESPACE, commit).await?;
            Ok(signature.armour())
        })
    }
}
