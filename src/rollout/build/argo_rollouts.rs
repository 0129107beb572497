//! `argo_rollouts`: version into the Rollout, follow its controller, watch.

use super::{Arm, Facts, Stage, Step, Steps, version_edits};
use crate::{
    config::{ArgoRollouts, Service},
    units::Version,
};

/// Returns the steps of a deployment by Argo Rollouts: one commit, because the weights are the
/// controller's own affair.
pub(super) fn steps(
    service: &Service,
    argo: &ArgoRollouts,
    version: &Version,
    facts: &Facts,
) -> Vec<Step> {
    let stable = &facts.roles.stable;
    let mut steps = Steps::at(None);
    steps.write(
        format!("{stable} to {version}"),
        version_edits(service, stable, version),
        Stage::Start,
    );
    steps.follow(argo, version);
    steps.watch(Arm::Stable, argo.bake_time, false);
    steps.list
}
