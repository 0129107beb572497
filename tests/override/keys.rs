//! People with keys, and what they sign.

use std::fs;

use chrono::TimeDelta;
use shipgate::{
    policy::{Statement, StatementKind},
    sign,
};

use crate::{shop::TUESDAY, ssh_keygen::Keys};

/// Makes statements about 1.1 of the world's service, good for an hour around [`TUESDAY`].
pub trait Say {
    fn approval() -> Self;
    fn overriding(rules: &[&str]) -> Self;
    fn id(&self) -> String;
}

impl Say for Statement {
    fn approval() -> Self {
        let now = TUESDAY.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        Self {
            kind: StatementKind::Approval,
            service: "advertisements".to_owned(),
            version: "1.1".to_owned(),
            environment: "production".to_owned(),
            not_before: now - TimeDelta::hours(1),
            expires: now + TimeDelta::hours(3),
            rules: Vec::new(),
            ticket: None,
            reason: None,
        }
    }

    fn overriding(rules: &[&str]) -> Self {
        Self {
            kind: StatementKind::Override,
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            ticket: Some("INC-4711".to_owned()),
            reason: Some("checkout fails; 1.1 puts the old <client> back".to_owned()),
            ..Self::approval()
        }
    }

    fn id(&self) -> String {
        sign::id(&sign::write(self))
    }
}

/// Alice and Bob are in the list of keys, Mallory is not.
pub struct Team {
    keys: Keys,
}

impl Team {
    /// Makes their keys; nothing where `ssh-keygen` is missing, but never in CI.
    pub fn new() -> Option<Self> {
        let keys = Keys::new()?;
        for name in ["alice", "bob", "mallory"] {
            keys.key(name);
        }
        Some(Self { keys })
    }

    /// The list of keys.
    pub fn allowed_signers(&self) -> String {
        let line = |name: &str| format!("{name}@example.com {}\n", self.keys.public(name));
        line("alice") + &line("bob")
    }

    /// Path of somebody's private key.
    pub fn key(&self, name: &str) -> String {
        self.keys.path(name).display().to_string()
    }

    /// A signed statement.
    pub fn sign(&self, name: &str, statement: &Statement) -> String {
        let text = sign::write(statement);
        let key = fs::read_to_string(self.keys.path(name)).unwrap();
        let key = sign::PrivateKey::parse(&key).unwrap();
        let signature = key.sign(text.as_bytes()).unwrap();
        format!("{text}{}", signature.armour())
    }

    /// A message without what differs from run to run.
    pub fn neutral(&self, message: &str) -> String {
        let mut text = String::new();
        let mut rest = message;
        while let Some(at) = rest.find("SHA256:") {
            let (before, key) = rest.split_at(at);
            let end = key.find([' ', ',', ';', ')']).unwrap_or(key.len());
            text.push_str(before);
            text.push_str("KEY");
            rest = &key[end..];
        }
        text + rest
    }
}
