//! `argo_rollouts`: the new version goes into a Rollout, whose own controller does the steps.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DEFAULT_BAKE_TIME, Problems, Reading, Workload, read_duration};
use crate::config::Live;

/// How long a Rollout is followed where the file does not say.
const DEFAULT_FOLLOW_FOR: Duration = Duration::from_secs(3_600);

/// The kind of object that is followed.
const ROLLOUT: &str = "Rollout";

/// The strategy for a workload that Argo Rollouts brings out.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgoRolloutsDocument {
    /// How long the controller may take for all its steps; then the version is taken back.
    /// Default: 1h.
    #[serde(default)]
    #[schemars(with = "String")]
    pub follow_for: Option<String>,
    /// How long the new version is watched after the last step before it counts as good.
    /// Default: 5m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub bake_time: Option<String>,
    /// What happens at a pause that only a person ends: `hold` leaves it there, and the same
    /// deployment goes on following; `wait` stays until `follow_for` is over. Default: hold.
    #[serde(default)]
    pub on_pause: OnPause,
}

/// What happens at a pause that only a person ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnPause {
    /// Leave it there; the same deployment goes on.
    #[default]
    Hold,
    /// Stay until the time is over.
    Wait,
}

/// `strategy: {argo_rollouts: …}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgoRollouts {
    /// What holds the pod template: the Rollout, or the workload that it refers to.
    pub stable: Workload,
    /// How long the controller may take for all its steps.
    pub follow_for: Duration,
    /// How long the new version is watched after the last step before it counts as good.
    pub bake_time: Duration,
    /// What happens at a pause that only a person ends.
    pub on_pause: OnPause,
}

impl ArgoRolloutsDocument {
    pub(super) fn validate(
        &self,
        reading: &Reading<'_>,
        problems: &mut Problems<'_>,
    ) -> ArgoRollouts {
        let document = reading.document;
        let (workloads, live) = (&document.workloads, &document.live);
        for (present, key) in [
            (workloads.canary.is_some(), "workloads/canary"),
            (live.canary.is_some(), "live/canary"),
            (document.traffic.is_some(), "traffic"),
        ] {
            if present {
                problems.at(
                    &reading.at(key),
                    "the strategy `argo_rollouts` leaves canary and traffic to the Rollout's controller; remove this",
                );
            }
        }
        let stable = (workloads.stable.as_ref(), live.stable.as_ref());
        let stable = reading.workload("argo_rollouts", "stable", stable, problems);
        check_live(&stable, reading, problems);
        let follow_for = reading.at("strategy/argo_rollouts/follow_for");
        let length = read_duration(
            self.follow_for.as_deref(),
            DEFAULT_FOLLOW_FOR,
            &follow_for,
            problems,
        );
        if length.is_zero() {
            problems.at(
                &follow_for,
                "a Rollout that is not followed is taken back at once; expected a length such as 1h",
            );
        }
        ArgoRollouts {
            stable,
            follow_for: length,
            bake_time: read_duration(
                self.bake_time.as_deref(),
                DEFAULT_BAKE_TIME,
                &reading.at("strategy/argo_rollouts/bake_time"),
                problems,
            ),
            on_pause: self.on_pause,
        }
    }
}

/// Only the Rollout itself, or Argo CD's health of it, says when the controller is done: one pod of a
/// canary answers with the new version while most of the traffic still goes to the old one, and Flux
/// does not know Rollouts.
fn check_live(stable: &Workload, reading: &Reading<'_>, problems: &mut Problems<'_>) {
    match &stable.live {
        Live::ArgoCd(_) => {}
        Live::Kubernetes(live) if live.workload.kind == ROLLOUT => {}
        Live::Kubernetes(live) => problems.at(
            &reading.at("live/stable/kubernetes"),
            format!(
                "found {}, expected the Rollout that is followed, such as `workload: Rollout/{}`",
                live.workload, live.workload.name
            ),
        ),
        Live::Http { .. } | Live::Flux(_) | Live::Metric(_) => problems.at(
            &reading.at("live/stable"),
            "this does not tell when a Rollout is done; expected `kubernetes: {}`, or `argocd`, which does not tell its steps",
        ),
    }
}
