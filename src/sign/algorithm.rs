//! Does a signature fit a key and the data? The algorithms of OpenSSH, checked with ring.

use ring::{
    digest::{SHA256, digest},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use ssh_key::public::{EcdsaPublicKey, KeyData};

use super::wire::Reader;

/// Bit in a security key's flags: somebody has touched it (PROTOCOL.u2f).
const USER_PRESENT: u8 = 1;

const ED25519_NAME: &str = "ssh-ed25519";
const SK_ED25519_NAME: &str = "sk-ssh-ed25519@openssh.com";
const SK_ECDSA_NAME: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

/// Checks a signature blob (algorithm, signature, and what a security key adds) over `data`.
///
/// # Errors
/// It is not a signature of this key over these bytes, or of a kind that is not accepted; the text
/// says what it is.
pub(super) fn verify(key_blob: &[u8], signature: &[u8], data: &[u8]) -> Result<(), String> {
    let mut reader = Reader(signature);
    let unreadable = || "the signature cannot be read".to_owned();
    let algorithm = reader.text().ok_or_else(unreadable)?;
    let signed = reader.bytes().ok_or_else(unreadable)?;
    let key = key(key_blob)?;
    match (&key, algorithm) {
        (KeyData::Ed25519(key), ED25519_NAME) => check(&ED25519, &key.0, data, signed)?,
        (KeyData::Ecdsa(key), _) if algorithm == key.algorithm().as_str() => {
            ecdsa(key, data, signed)?;
        }
        (KeyData::Rsa(key), "rsa-sha2-256" | "rsa-sha2-512") => {
            let parameters = match algorithm {
                "rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
                _ => &RSA_PKCS1_2048_8192_SHA512,
            };
            let number = |number: &ssh_key::Mpint| number.as_positive_bytes().map(<[u8]>::to_vec);
            let (n, e) = number(&key.n).zip(number(&key.e)).ok_or_else(unreadable)?;
            if bits(&n) < 2048 {
                return Err(format!(
                    "an RSA key of {} bits is too short; expected at least 2048",
                    bits(&n)
                ));
            }
            // ring wants the length of the key; leading zeros may be left out of a signature.
            let padded = [
                vec![0; n.len().saturating_sub(signed.len())],
                signed.to_vec(),
            ]
            .concat();
            let components = RsaPublicKeyComponents { n, e };
            let checked = components.verify(parameters, data, &padded);
            checked.map_err(|_| does_not_fit())?;
        }
        (KeyData::SkEd25519(key), SK_ED25519_NAME) => {
            let data = touched(key.application(), &mut reader, data)?;
            check(&ED25519, &key.public_key().0, &data, signed)?;
        }
        (KeyData::SkEcdsaSha2NistP256(key), SK_ECDSA_NAME) => {
            let data = touched(key.application(), &mut reader, data)?;
            let point = key.ec_point().as_bytes();
            check(&ECDSA_P256_SHA256_FIXED, point, &data, &fixed(signed, 32)?)?;
        }
        (KeyData::Rsa(_), "ssh-rsa") => {
            return Err(
                "signatures of the kind ssh-rsa (SHA-1) are not accepted; expected \
                        rsa-sha2-256 or rsa-sha2-512"
                    .to_owned(),
            );
        }
        _ => {
            return Err(format!(
                "signatures of the kind {} by a key of the kind {} are not accepted",
                algorithm.escape_debug(),
                name(key_blob)
            ));
        }
    }
    if reader.is_empty() {
        Ok(())
    } else {
        Err("there is something behind the signature".to_owned())
    }
}

/// Returns the kind of a key as OpenSSH calls it.
pub(super) fn name(key_blob: &[u8]) -> String {
    let name = Reader(key_blob).text().unwrap_or("unknown");
    name.chars().take(60).flat_map(char::escape_debug).collect()
}

fn key(blob: &[u8]) -> Result<KeyData, String> {
    let key = ssh_key::PublicKey::from_bytes(blob);
    let key = key.map_err(|_| format!("the key of the kind {} cannot be read", name(blob)))?;
    Ok(key.key_data().clone())
}

fn ecdsa(key: &EcdsaPublicKey, data: &[u8], signed: &[u8]) -> Result<(), String> {
    let point = key.as_sec1_bytes();
    match key {
        EcdsaPublicKey::NistP256(_) => {
            check(&ECDSA_P256_SHA256_FIXED, point, data, &fixed(signed, 32)?)
        }
        EcdsaPublicKey::NistP384(_) => {
            check(&ECDSA_P384_SHA384_FIXED, point, data, &fixed(signed, 48)?)
        }
        EcdsaPublicKey::NistP521(_) => Err("keys of the kind ecdsa-sha2-nistp521 are not \
                                            accepted; ssh-ed25519 is"
            .to_owned()),
    }
}

/// The two numbers of an ECDSA signature at a fixed length each.
fn fixed(signed: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut reader = Reader(signed);
    let mut all = Vec::new();
    for _ in 0..2 {
        let number = reader.big_number().filter(|it| it.len() <= length);
        let number = number.ok_or_else(does_not_fit)?;
        all.resize(all.len() + length - number.len(), 0);
        all.extend(number);
    }
    if reader.is_empty() {
        Ok(all)
    } else {
        Err(does_not_fit())
    }
}

/// What a security key has signed (PROTOCOL.u2f): the application, its flags and counter, the data.
fn touched(application: &str, reader: &mut Reader<'_>, data: &[u8]) -> Result<Vec<u8>, String> {
    let suffix = reader.take(5).ok_or_else(does_not_fit)?;
    if suffix[0] & USER_PRESENT == 0 {
        return Err("nobody has touched the security key for this signature".to_owned());
    }
    let application = digest(&SHA256, application.as_bytes());
    let data = digest(&SHA256, data);
    Ok([application.as_ref(), suffix, data.as_ref()].concat())
}

fn check(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    data: &[u8],
    signed: &[u8],
) -> Result<(), String> {
    let key = UnparsedPublicKey::new(algorithm, key);
    key.verify(data, signed).map_err(|_| does_not_fit())
}

fn does_not_fit() -> String {
    "the signature does not fit the statement: it was changed, or signed with another key"
        .to_owned()
}

/// How many bits a number without leading zeros has.
fn bits(number: &[u8]) -> usize {
    let leading = number
        .first()
        .map_or(0, |first| first.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(leading)
}
