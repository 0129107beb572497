//! A signature in OpenSSH's armour (PROTOCOL.sshsig): read, checked and written.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, SHA512, digest};

use super::{
    NAMESPACE, algorithm,
    wire::{Reader, put},
};

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
pub(super) const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
pub(super) const END: &str = "-----END SSH SIGNATURE-----";
/// Characters in a line of the armour, as ssh-keygen writes it.
const LINE: usize = 70;

/// A signature with the key that made it. Whether the key is anybody's, it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshSignature {
    key: Vec<u8>,
    namespace: String,
    hash: Hash,
    signature: Vec<u8>,
}

/// How the signed bytes are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn word(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl SshSignature {
    /// Reads the armour.
    ///
    /// # Errors
    /// It is not one, or of a later version; the text says what is wrong.
    pub fn parse(armoured: &str) -> Result<Self, String> {
        let inner = armoured
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|text| text.strip_suffix(END))
            .ok_or_else(|| format!("expected an SSH signature from {BEGIN} to {END}"))?;
        let text: String = inner.split_ascii_whitespace().collect();
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| "the signature is not base64".to_owned())?;
        let mut reader = Reader(&bytes);
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err("this is not an SSH signature of a file".to_owned());
        }
        match reader.number() {
            Some(VERSION) => {}
            Some(other) => {
                return Err(format!(
                    "the signature has version {other}; expected {VERSION}"
                ));
            }
            None => return Err("the signature is cut off".to_owned()),
        }
        Self::fields(reader).ok_or_else(|| "the signature is cut off or broken".to_owned())?
    }

    fn fields(mut reader: Reader<'_>) -> Option<Result<Self, String>> {
        let key = reader.bytes()?.to_vec();
        let namespace = reader.text()?.to_owned();
        let _reserved = reader.bytes()?;
        let hash = reader.text()?;
        let signature = reader.bytes()?.to_vec();
        if !reader.is_empty() {
            return None;
        }
        let hash = match hash {
            "sha256" => Hash::Sha256,
            "sha512" => Hash::Sha512,
            other => {
                return Some(Err(format!(
                    "the signature hashes with {}; expected sha256 or sha512",
                    other.escape_debug()
                )));
            }
        };
        Some(Ok(Self {
            key,
            namespace,
            hash,
            signature,
        }))
    }

    /// Returns the key, as OpenSSH encodes it.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Was this signed with the key, for shipgate?
    ///
    /// # Errors
    /// It was not; the text says why.
    pub fn verify(&self, message: &[u8]) -> Result<(), String> {
        self.verify_for(NAMESPACE, message)
    }

    /// Was this signed with the key, for this namespace?
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_for(&self, namespace: &str, message: &[u8]) -> Result<(), String> {
        if self.namespace != namespace {
            return Err(format!(
                "the signature is for the namespace `{}`; expected `{namespace}`: sign with \
                 `ssh-keygen -Y sign -n {namespace}`",
                self.namespace
                    .chars()
                    .take(60)
                    .flat_map(char::escape_debug)
                    .collect::<String>()
            ));
        }
        let data = signed_data(namespace, self.hash, message);
        algorithm::verify(&self.key, &self.signature, &data)
    }

    /// Puts together what a key has made of [`to_sign`].
    pub(super) fn made(namespace: &str, key: Vec<u8>, signature: Vec<u8>) -> Self {
        Self {
            key,
            namespace: namespace.to_owned(),
            hash: Hash::Sha512,
            signature,
        }
    }

    /// Writes it as ssh-keygen does.
    pub fn armour(&self) -> String {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_be_bytes());
        put(&mut bytes, &self.key);
        put(&mut bytes, self.namespace.as_bytes());
        put(&mut bytes, b"");
        put(&mut bytes, self.hash.word().as_bytes());
        put(&mut bytes, &self.signature);
        let text = STANDARD.encode(bytes);
        let mut armour = format!("{BEGIN}\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(LINE));
            armour.push_str(line);
            armour.push('\n');
            rest = more;
        }
        armour.push_str(END);
        armour.push('\n');
        armour
    }
}

/// Returns what a key has to sign for a message.
pub(super) fn to_sign(namespace: &str, message: &[u8]) -> Vec<u8> {
    signed_data(namespace, Hash::Sha512, message)
}

fn signed_data(namespace: &str, hash: Hash, message: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha256 => &SHA256,
        Hash::Sha512 => &SHA512,
    };
    let mut data = MAGIC.to_vec();
    put(&mut data, namespace.as_bytes());
    put(&mut data, b"");
    put(&mut data, hash.word().as_bytes());
    put(&mut data, digest(algorithm, message).as_ref());
    data
}
