//! `rolling`: the new version goes into the one workload at once.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DEFAULT_BAKE_TIME, Problems, Reading, Workload, read_duration};

/// The rolling strategy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollingDocument {
    /// How long the new version is watched before it counts as good. Default: 5m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub bake_time: Option<String>,
}

/// `strategy: {rolling: …}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    /// The one workload.
    pub stable: Workload,
    /// How long the new version is watched before it counts as good.
    pub bake_time: Duration,
}

impl RollingDocument {
    pub(super) fn validate(&self, reading: &Reading<'_>, problems: &mut Problems<'_>) -> Rolling {
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
                    "the strategy `rolling` has no canary; remove this, or write `strategy: {canary: …}`",
                );
            }
        }
        let stable = (workloads.stable.as_ref(), live.stable.as_ref());
        Rolling {
            stable: reading.workload("rolling", "stable", stable, problems),
            bake_time: read_duration(
                self.bake_time.as_deref(),
                DEFAULT_BAKE_TIME,
                &reading.at("strategy/rolling/bake_time"),
                problems,
            ),
        }
    }
}
