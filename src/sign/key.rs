//! Keys in files, as ssh-keygen writes them: a private one that signs, a public one that names.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair,
    },
};
use ssh_key::private::{EcdsaKeypair, KeypairData};

use super::{
    NAMESPACE, algorithm,
    signature::{SshSignature, to_sign},
    wire::{Reader, put, put_big_number},
};
use crate::secret::Secret;

/// A private key in OpenSSH's format. It never shows.
pub struct PrivateKey(ssh_key::PrivateKey);

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a public key file: kind, key and comment on one line.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let expected = "expected a public key such as `ssh-ed25519 AAAA… alice@example.com`";
        let kind = words.next().ok_or(expected)?;
        let key = words.next().and_then(|key| STANDARD.decode(key).ok());
        let key = key.filter(|key| Reader(key).text() == Some(kind));
        key.map(Self).ok_or_else(|| expected.to_owned())
    }

    /// Returns the key as OpenSSH encodes it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PrivateKey {
    /// Reads a private key file; it may be encrypted.
    ///
    /// # Errors
    /// It is not one in OpenSSH's format.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Nothing of a private key goes into a message, so neither does the parser's own.
        ssh_key::PrivateKey::from_openssh(text)
            .map(Self)
            .map_err(|_| {
                "is no private key in OpenSSH's format that can be read here; for a key of another \
                 format, one that only the agent has, or one of 256 of the kind ECDSA (its number \
                 begins with a zero), give its public half"
                    .to_owned()
            })
    }

    /// Does it need a passphrase?
    pub fn is_encrypted(&self) -> bool {
        self.0.is_encrypted()
    }

    /// Decrypts it.
    ///
    /// # Errors
    /// The passphrase is wrong.
    pub fn decrypt(&self, passphrase: &Secret) -> Result<Self, String> {
        let decrypted = self.0.decrypt(passphrase.expose());
        decrypted
            .map(Self)
            .map_err(|_| "the passphrase does not fit the key".to_owned())
    }

    /// Signs a message for shipgate.
    ///
    /// # Errors
    /// The key is of a kind that has to be in an agent, or broken.
    pub fn sign(&self, message: &[u8]) -> Result<SshSignature, String> {
        self.sign_for(NAMESPACE, message)
    }

    /// Signs a message for a namespace.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_for(&self, namespace: &str, message: &[u8]) -> Result<SshSignature, String> {
        let key = self.0.public_key().to_bytes();
        let key = key.map_err(|_| "the key cannot be read".to_owned())?;
        let data = to_sign(namespace, message);
        let mut signature = Vec::new();
        let kind = algorithm::name(&key);
        put(&mut signature, kind.as_bytes());
        match self.0.key_data() {
            KeypairData::Ed25519(pair) => {
                let seed = pair.private.to_bytes();
                let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, &pair.public.0);
                let pair = pair.map_err(|_| broken())?;
                put(&mut signature, pair.sign(&data).as_ref());
            }
            KeypairData::Ecdsa(EcdsaKeypair::NistP256 { public, private }) => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let signed = ecdsa(algorithm, private.as_slice(), public.as_bytes(), &data)?;
                put(&mut signature, &signed);
            }
            KeypairData::Ecdsa(EcdsaKeypair::NistP384 { public, private }) => {
                let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
                let signed = ecdsa(algorithm, private.as_slice(), public.as_bytes(), &data)?;
                put(&mut signature, &signed);
            }
            _ => {
                return Err(format!(
                    "keys of the kind {kind} sign through the SSH agent only: `ssh-add` it and \
                     give its public half"
                ));
            }
        }
        Ok(SshSignature::made(namespace, key, signature))
    }
}

fn ecdsa(
    algorithm: &'static EcdsaSigningAlgorithm,
    private: &[u8],
    public: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, String> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &random);
    let signed = pair.map_err(|_| broken())?.sign(&random, data);
    let signed = signed.map_err(|_| broken())?;
    let (first, second) = signed.as_ref().split_at(signed.as_ref().len() / 2);
    let mut numbers = Vec::new();
    put_big_number(&mut numbers, first);
    put_big_number(&mut numbers, second);
    Ok(numbers)
}

fn broken() -> String {
    "the two halves of the key do not fit".to_owned()
}
