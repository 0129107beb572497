//! What a controller or a cluster says of what runs: one look a call.
//!
//! `ask` is the one question that all share; `object` reads what the answer holds. [`kubeconfig`]
//! finds the cluster and the credentials, [`cluster`] asks it, [`workload`] and [`flux`] say what an
//! object of it means, [`image`] which tag a reference names, [`rollout`] how far a Rollout is; [`source`] is where it
//! comes from, [`overrides`] what is put in its place; [`argocd`] asks Argo CD's own API, [`metric`] a Prometheus. Nothing here
//! decides whether that is what is waited for: an answer is settled, moving or failing, and says which version or
//! commit it is about.

pub mod argocd;
mod ask;
pub mod cluster;
pub mod flux;
pub mod image;
pub mod kubeconfig;
pub mod metric;
mod object;
pub mod overrides;
pub mod rollout;
pub mod source;
pub mod workload;

/// How what was looked at stands. Every text is a clause without raw remote text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// All of it is as it was told to be.
    Settled,
    /// It is on its way there, or says nothing that can be relied on yet.
    Moving(String),
    /// It says that it does not get there. That may pass.
    Failing(String),
}

/// Why nothing is known. Every reason is a clause without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The cluster itself says that there is no such object.
    Missing(String),
    /// No answer, or none that can be used.
    Unanswered(String),
}

impl Trouble {
    /// Returns the reason, for people.
    pub fn reason(&self) -> &str {
        match self {
            Self::Missing(reason) | Self::Unanswered(reason) => reason,
        }
    }
}
