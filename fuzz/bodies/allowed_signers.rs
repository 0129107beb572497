//! Any bytes as a list of allowed signers: a key counts only where a line has it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use shipgate::sign::{AllowedSigners, PublicKey};

use super::{cost, findings::one_line};

/// The keys that are asked for: the corpus has them in many ways.
const SIGNERS: &str = include_str!("../signed/allowed_signers");
/// Before, in and after the times that the corpus names.
const INSTANTS: [&str; 4] = [
    "1999-12-31T23:59:59Z",
    "2026-01-01T00:00:00Z",
    "2026-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
];

/// Reads bytes as a list, and asks it for keys.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let signers = match cost::bounded(|| AllowedSigners::parse(text, "policies/allowed_signers")) {
        Ok(signers) => signers,
        Err(refused) => {
            assert!(
                refused.starts_with("policies/allowed_signers:"),
                "{refused}"
            );
            return one_line(&refused);
        }
    };
    for instant in INSTANTS {
        let now: DateTime<Utc> = instant.parse().unwrap();
        for key in keys() {
            match cost::bounded(|| signers.principals(&key, now)) {
                Ok(names) => {
                    assert!(!names.is_empty(), "nobody, and not refused");
                    let written = STANDARD.encode(&key);
                    let line = text.lines().find(|line| {
                        line.contains(&written) && !line.trim_start().starts_with('#')
                    });
                    assert!(line.is_some(), "{names:?} without the key");
                    for name in names {
                        assert!(text.contains(&name), "{name:?} is not in the list");
                        assert!(!name.contains(['*', '?', '!']), "{name:?} is a pattern");
                    }
                }
                Err(refused) => one_line(&refused),
            }
        }
    }
}

fn keys() -> Vec<Vec<u8>> {
    let words = |line: &str| {
        let (_, key) = line.split_once("\" ")?;
        Some(PublicKey::parse(key).unwrap().bytes().to_vec())
    };
    SIGNERS.lines().filter_map(words).collect()
}
