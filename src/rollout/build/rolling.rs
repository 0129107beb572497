//! `rolling`: version in, wait, watch.

use super::{Arm, Facts, Stage, Step, Steps, version_edits};
use crate::{
    config::{Rolling, Service},
    units::Version,
};

/// Returns the steps of a rolling deployment.
pub(super) fn steps(
    service: &Service,
    rolling: &Rolling,
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
    steps.wait(Arm::Stable, version);
    steps.watch(Arm::Stable, rolling.bake_time, false);
    steps.list
}
