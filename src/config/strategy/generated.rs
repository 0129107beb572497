//! `step_weight`: the steps of a canary made from three numbers, in Flagger's words.

use super::{
    Problems, Reading,
    canary::{CanaryDocument, CanaryStep},
};
use crate::units::{Weight, parse_duration};

/// Makes `step_weight: 10`, `max_weight: 50`, `interval: 5m` into 10, 20 … 50, each held for 5 minutes.
/// The last weight is `max_weight`, whether it is a multiple or not.
///
/// Source of the words: Flagger's documentation, "Canary analysis" (`stepWeight`, `maxWeight`,
/// `interval`). Nothing of it has a default here: how far a version gets unseen is for the file to say.
pub(super) fn steps(
    document: &CanaryDocument,
    reading: &Reading<'_>,
    problems: &mut Problems<'_>,
) -> Vec<CanaryStep> {
    let at = |key: &str| reading.at(&format!("strategy/canary/{key}"));
    let CanaryDocument {
        step_weight,
        max_weight,
        interval,
        ..
    } = document;
    let Some(step_weight) = step_weight else {
        problems.at(
            &reading.at("strategy/canary"),
            "there are no steps; expected `steps: […]`, or `step_weight: 10` with `max_weight` and `interval`",
        );
        return Vec::new();
    };
    if document.steps.is_some() {
        problems.at(
            &at("step_weight"),
            "found both `steps` and `step_weight`, expected one of them",
        );
    }
    let (Some(max_weight), Some(interval)) = (max_weight, interval) else {
        problems.at(
            &at("step_weight"),
            "`step_weight` needs `max_weight: 50` and `interval: 5m` beside it",
        );
        return Vec::new();
    };
    if step_weight > max_weight {
        problems.at(
            &at("step_weight"),
            format!(
                "the first step of {step_weight}% is above `max_weight`, which is {max_weight}%"
            ),
        );
    }
    let interval_at = at("interval");
    let duration = problems.take(
        &interval_at,
        parse_duration(interval),
        super::DEFAULT_BAKE_TIME,
    );
    if duration.is_zero() {
        problems.at(
            &interval_at,
            "an `interval` of 0s watches nothing, so the canary would never be judged",
        );
    }
    let mut steps = Vec::new();
    let mut percent = 0;
    while percent < *max_weight {
        percent = (percent + (*step_weight).max(1)).min(*max_weight);
        let weight = problems.take(&at("max_weight"), Weight::new(percent), Weight::FULL);
        steps.push(CanaryStep::SetWeight(weight));
        steps.push(CanaryStep::Pause {
            duration,
            promote_early: document.promote_early.unwrap_or(false),
        });
        if weight == Weight::FULL {
            break;
        }
    }
    steps
}

/// Notes settings of generated steps where none are generated.
pub(super) fn check_alone(
    document: &CanaryDocument,
    reading: &Reading<'_>,
    problems: &mut Problems<'_>,
) {
    let settings = [
        ("max_weight", document.max_weight.is_some()),
        ("interval", document.interval.is_some()),
        ("promote_early", document.promote_early.is_some()),
    ];
    for (key, _) in settings.into_iter().filter(|(_, is_there)| *is_there) {
        problems.at(
            &reading.at(&format!("strategy/canary/{key}")),
            format!(
                "`{key}` is for `step_weight`, which is not there; a pause in `steps` has its own"
            ),
        );
    }
}
