//! A self-signed certificate for a server on loopback, made anew for each test.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};

/// A name that is nobody's (RFC 6761): only a proxy can lead there.
pub const NAME: &str = "git.shop.test";

/// A key and its certificate for `127.0.0.1` and for [`NAME`].
pub struct Identity {
    key: Vec<u8>,
    certificate: Vec<u8>,
}

impl Identity {
    /// Makes one.
    pub fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let body = body(pair.public_key().as_ref());
        let signature = pair.sign(&body);
        let certificate = sequence(&[&body, &ALGORITHM, &bits(signature.as_ref())]);
        Self {
            key: document.as_ref().to_vec(),
            certificate,
        }
    }

    /// Returns the certificate as a PEM file.
    pub fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(&self.certificate);
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    /// Returns the settings of a server that shows it.
    pub fn config(&self) -> Arc<ServerConfig> {
        // Installing twice fails harmlessly: the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let chain = vec![CertificateDer::from(self.certificate.clone())];
        let key = PrivatePkcs8KeyDer::from(self.key.clone());
        let config = ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_single_cert(chain, key.into()).unwrap())
    }
}

/// Ed25519 (RFC 8410): 1.3.101.112.
const ALGORITHM: [u8; 7] = [0x30, 5, 6, 3, 43, 101, 112];

/// The part of the certificate that is signed (RFC 5280, 4.1).
fn body(public_key: &[u8]) -> Vec<u8> {
    let common_name = sequence(&[&item(6, &[85, 4, 3]), &item(12, b"shipgate test")]);
    let name = sequence(&[&item(0x31, &common_name)]);
    let validity = sequence(&[
        &item(0x17, b"200101000000Z"),
        &item(0x18, b"29991231235959Z"),
    ]);
    let key = sequence(&[&ALGORITHM, &bits(public_key)]);
    let names = [item(0x87, &[127, 0, 0, 1]), item(0x82, NAME.as_bytes())];
    let addresses = sequence(&[&names[0], &names[1]]);
    let extension = sequence(&[&item(6, &[85, 29, 17]), &item(4, &addresses)]);
    sequence(&[
        &item(0xa0, &item(2, &[2])),
        &item(2, &[1]),
        &ALGORITHM,
        &name,
        &validity,
        &name,
        &key,
        &item(0xa3, &sequence(&[&extension])),
    ])
}

fn sequence(items: &[&[u8]]) -> Vec<u8> {
    item(0x30, &items.concat())
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    item(3, &[&[0], bytes].concat())
}

/// One item of DER: tag, length, content.
fn item(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        length @ 0..128 => bytes.push(length as u8),
        length @ 128..256 => bytes.extend_from_slice(&[0x81, length as u8]),
        length @ 256..65536 => {
            bytes.extend_from_slice(&[0x82, (length >> 8) as u8, (length & 255) as u8]);
        }
        length => panic!("{length} bytes are more than a test needs"),
    }
    bytes.extend_from_slice(content);
    bytes
}
