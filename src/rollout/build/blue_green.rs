//! `blue_green`: version into the idle colour, check it there, switch everyone over, watch.

use super::{Action, Arm, Facts, Stage, Step, Steps, count, version_edits};
use crate::{
    config::{BlueGreen, Service},
    manifest::{Edit, ObjectRef},
    units::{Version, Weight, format_duration},
};

/// The switch is a commit of its own, and comes when the new version is seen live: until then there
/// are no pods that could take the requests. The old colour is left as it is, so that a way back is
/// the same one value.
pub(super) fn steps(
    service: &Service,
    pair: &BlueGreen,
    version: &Version,
    facts: &Facts,
) -> Vec<Step> {
    let mut steps = Steps::at(Some(Weight::ZERO));
    fill(service, pair, version, facts, &mut steps);
    if let Some(preview) = &pair.preview {
        let length = format_duration(preview.duration);
        steps.add(
            format!("check the preview for {length}"),
            Action::Preview {
                duration: preview.duration,
            },
        );
    }
    if pair.pause_before_switch {
        steps.add("hold for an approval".to_owned(), Action::Approval);
    }
    switch(pair, version, facts, &mut steps);
    steps.list
}

/// Returns the steps to a version that is known to be good: without preview and approval.
pub(super) fn direct(
    service: &Service,
    pair: &BlueGreen,
    version: &Version,
    facts: &Facts,
) -> Vec<Step> {
    let mut steps = Steps::at(Some(Weight::ZERO));
    fill(service, pair, version, facts, &mut steps);
    switch(pair, version, facts, &mut steps);
    steps.list
}

/// Brings the version into the colour that nobody uses, with pods for everyone.
fn fill(service: &Service, pair: &BlueGreen, version: &Version, facts: &Facts, steps: &mut Steps) {
    let idle = idle(pair, facts);
    let replicas = replicas(pair, facts);
    let mut edits = version_edits(service, idle, version);
    edits.push(Edit::Replicas {
        workload: idle.clone(),
        replicas,
    });
    if let (Some(preview), Some(switch)) = (&pair.preview_service, &facts.switch) {
        edits.push(Edit::Selector {
            service: preview.clone(),
            key: switch.label.clone(),
            value: switch.canary.clone(),
        });
    }
    steps.write(
        format!("{idle} to {version} with {}", count(replicas)),
        edits,
        Stage::Start,
    );
    steps.add(
        format!("wait until {} runs {version}", idle.name),
        Action::WaitLive { arm: Arm::Canary },
    );
}

/// Switches everyone over, and watches what comes of it.
fn switch(pair: &BlueGreen, version: &Version, facts: &Facts, steps: &mut Steps) {
    let idle = idle(pair, facts);
    let Some(switch) = &facts.switch else { return };
    steps.weight = Some(Weight::FULL);
    steps.write(
        format!("switch {} to {idle}", pair.service),
        vec![Edit::Selector {
            service: pair.service.clone(),
            key: switch.label.clone(),
            value: switch.canary.clone(),
        }],
        Stage::Promote,
    );
    // A controller that says which commit it has applied is waited for: before that the old version
    // would be watched.
    steps.add(
        format!("wait until {} runs {version}", idle.name),
        Action::WaitLive { arm: Arm::Canary },
    );
    if !pair.bake_time.is_zero() {
        let length = format_duration(pair.bake_time);
        steps.add(
            format!("watch {} for {length}", idle.name),
            Action::Watch {
                arm: Arm::Canary,
                duration: pair.bake_time,
                promote_early: false,
            },
        );
    }
}

/// Returns the colour that gets the version. Facts without one are of another strategy.
fn idle<'a>(pair: &'a BlueGreen, facts: &'a Facts) -> &'a ObjectRef {
    let canary = facts.roles.canary.as_ref();
    canary.unwrap_or_else(|| pair.other(&facts.roles.stable))
}

/// Enough for everyone: as many as serve now, where the file names no number.
fn replicas(pair: &BlueGreen, facts: &Facts) -> u32 {
    let serving = || facts.stable_replicas.filter(|replicas| *replicas > 0);
    pair.replicas.or_else(serving).unwrap_or(1)
}
