//! What someone wants to do, and who: the question that the gate is asked.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::units::Version;

/// What someone wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Bring out a version.
    Deploy,
    /// Go on with a deployment that is held at a weight.
    Promote,
    /// Go back to an earlier version.
    Rollback,
    /// Finish or take back what an interrupted run left.
    Recover,
    /// Scale the old colour to nothing.
    Cleanup,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 5] = [
        Self::Deploy,
        Self::Promote,
        Self::Rollback,
        Self::Recover,
        Self::Cleanup,
    ];

    /// What a policy is about that names no actions: a freeze must not stop the way back.
    pub const GOING_FORWARD: [Self; 2] = [Self::Deploy, Self::Promote];

    /// Returns the word used in policies and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Recover => "recover",
            Self::Cleanup => "cleanup",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// Who starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Invoker {
    /// A person at a keyboard.
    User,
    /// A pipeline.
    Automation,
}

impl Invoker {
    /// All invokers.
    pub const ALL: [Self; 2] = [Self::User, Self::Automation];

    /// Returns the word used in policies and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Automation => "automation",
        }
    }
}

impl fmt::Display for Invoker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What someone wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where to, if it is known.
    pub environment: Option<String>,
    /// The environment that it is a region of: what is for the whole is for each region, too.
    pub whole_environment: Option<String>,
    /// Which service, if it is known.
    pub service: Option<String>,
    /// Kubernetes namespace that it runs in, if it is known.
    pub namespace: Option<String>,
    /// Name or address of the cluster that it runs in, if it is known.
    pub cluster: Option<String>,
    /// Which version, if it is known.
    pub version: Option<Version>,
    /// What is to be done.
    pub action: Action,
    /// Who starts it.
    pub invoker: Invoker,
}

impl Request {
    /// A pipeline wants `action`, of nothing in particular.
    pub fn new(action: Action) -> Self {
        Self {
            environment: None,
            whole_environment: None,
            service: None,
            namespace: None,
            cluster: None,
            version: None,
            action,
            invoker: Invoker::Automation,
        }
    }
}
