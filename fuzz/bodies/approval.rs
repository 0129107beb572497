//! Any bytes as signed statements: what counts is what somebody signed, byte for byte.

use chrono::{DateTime, Utc};
use shipgate::{
    policy::Statement,
    sign::{AllowedSigners, OneText, SshSignature, id, write},
};

use super::{cost, findings::one_line};

/// Keys of which nobody has the private half any more, so that nothing more will be signed.
const SIGNERS: &str = include_str!("../signed/allowed_signers");
/// All that they ever signed for shipgate.
const SIGNED: [&str; 2] = [
    include_str!("../signed/approval.json"),
    include_str!("../signed/override.json"),
];

/// Takes bytes apart as `--approval` and a ref do, and checks who stands behind each part.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let signers = AllowedSigners::parse(SIGNERS, "policies/allowed_signers").unwrap();
    let now: DateTime<Utc> = "2026-03-10T10:00:00Z".parse().unwrap();
    match cost::bounded(|| OneText::split(text)) {
        Ok(parts) => {
            let length: usize = parts
                .iter()
                .map(|part| part.statement.len() + part.signature.len())
                .sum();
            assert!(length <= text.len(), "{parts:?}: more than there was");
            for part in &parts {
                statement(part);
                signature(part, &signers, now);
            }
        }
        Err(refused) => one_line(&refused),
    }
}

fn statement(part: &OneText) {
    match cost::bounded(|| part.read()) {
        Ok(statement) => {
            let written = OneText {
                statement: write(&statement),
                signature: String::new(),
            };
            let again: Result<Statement, String> = written.read();
            assert_eq!(again.as_ref(), Ok(&statement), "written otherwise");
            assert_eq!(id(&part.statement).len(), 64);
        }
        Err(refused) => one_line(&refused),
    }
}

fn signature(part: &OneText, signers: &AllowedSigners, now: DateTime<Utc>) {
    let signature = match cost::bounded(|| SshSignature::parse(&part.signature)) {
        Ok(signature) => signature,
        Err(refused) => return one_line(&refused),
    };
    let again = SshSignature::parse(&signature.armour()).map(|again| again.key().to_vec());
    assert_eq!(again.as_deref(), Ok(signature.key()), "armoured otherwise");
    let verified = cost::bounded(|| signature.verify(part.statement.as_bytes()));
    let principals = cost::bounded(|| signers.principals(signature.key(), now));
    match (verified, principals) {
        (Ok(()), Ok(_)) => assert!(
            SIGNED.contains(&part.statement.as_str()),
            "forged: {part:?}"
        ),
        (verified, principals) => {
            for refused in [verified.err(), principals.err()].into_iter().flatten() {
                one_line(&refused);
            }
        }
    }
}
