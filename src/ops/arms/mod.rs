//! Do configuration and manifests fit together: who gets which requests, and are there pods enough?
//!
//! `configured` needs no manifests; `by_object`, `by_pods` and `colours` look at those of each way to
//! share or switch the traffic.

mod by_object;
mod by_pods;
mod colours;
mod configured;

use crate::{
    config::{Service, Strategy, Traffic},
    manifest::{Manifests, Refusal},
};

pub use configured::configured;

/// What is wrong or odd about how a service's requests are shared or switched.
#[derive(Debug, Default)]
pub struct Arms {
    /// Why its workloads cannot be told apart, or cannot share the traffic.
    pub refusal: Option<Refusal>,
    /// What may make it another deployment than the one that is planned, one line each.
    pub warnings: Vec<String>,
}

impl Arms {
    fn refused(refusal: Refusal) -> Self {
        Self {
            refusal: Some(refusal),
            warnings: Vec::new(),
        }
    }
}

/// Looks at the configuration and the manifests of a service.
///
/// # Errors
/// As [`in_manifests`].
pub fn look(service: &Service, manifests: &Manifests) -> Result<Arms, Refusal> {
    let mut arms = in_manifests(service, manifests)?;
    let configured = configured(service).into_iter();
    arms.warnings.extend(configured.map(|(_, warning)| warning));
    Ok(arms)
}

/// Looks at the manifests of a service.
///
/// By an object, stable's backend must lead to stable's pods alone, and the canary's to the canary's: else
/// requests get where no weight sends them. By numbers of pods, a Service must select the pods of both.
/// What is in no file of the environment is not known: that is a warning.
///
/// # Errors
/// A workload or the traffic object is not there exactly once.
pub fn in_manifests(service: &Service, manifests: &Manifests) -> Result<Arms, Refusal> {
    match &service.strategy {
        Strategy::Canary(canary) => match &canary.traffic {
            Traffic::Object {
                object,
                canary: backend,
            } => {
                let traffic = (object, backend.as_deref());
                if service.helm.is_some() {
                    by_object::of_a_chart(traffic, manifests)
                } else {
                    by_object::look(canary, traffic, manifests)
                }
            }
            Traffic::Replicas => by_pods::look(canary, manifests),
        },
        Strategy::BlueGreen(pair) => colours::look(pair, manifests),
        Strategy::Rolling(_) | Strategy::ArgoRollouts(_) => Ok(Arms::default()),
    }
}
