//! What a service's configuration means: workloads, traffic object, live addresses and strategy fit together.

use std::time::Duration;

use super::{
    Canary, CanaryStep, Problems, Service, Strategy,
    document::ServiceDocument,
    strategy::read_duration,
    verification::{Measure, OnInconclusive, Verification},
};

const DEFAULT_PROGRESS_DEADLINE: Duration = Duration::from_secs(600);
const DEFAULT_UNAVAILABLE: Duration = Duration::from_secs(300);

impl ServiceDocument {
    pub(super) fn validate(
        self,
        name: &str,
        pointer: &str,
        problems: &mut Problems<'_>,
    ) -> Service {
        for (index, glob) in self.manifests.iter().enumerate() {
            if glob.starts_with('/') || glob.split('/').any(|part| part == "..") {
                problems.at(
                    &format!("{pointer}/manifests/{index}"),
                    format!("found `{glob}`, expected a path inside the repository"),
                );
            }
        }
        let image = self.image.clone();
        let tag = image
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains([':', '@']));
        if tag {
            problems.at(
                &format!("{pointer}/image"),
                format!("found `{image}`, expected the image repository without tag or digest"),
            );
        }
        let carriers = self.version_in.iter().enumerate();
        let version_in = carriers
            .filter_map(|(index, carrier)| {
                let at = format!("{pointer}/version_in/{index}");
                carrier.clone().validate(&at, problems)
            })
            .collect();
        let strategy = self.strategy(pointer, problems);
        let helm = self.helm(&strategy, pointer, problems);
        let verification = self.verification.validate().unwrap_or_else(|found| {
            problems.all(&format!("{pointer}/verification"), found);
            Verification {
                count: 1,
                health: Vec::new(),
                checks: Vec::new(),
                metrics: Vec::new(),
                on_inconclusive: OnInconclusive::Hold,
            }
        });
        if let Strategy::Canary(canary) = &strategy {
            tell_apart(&verification, pointer, problems);
            early_ends(canary, &verification, pointer, problems);
        }
        Service {
            name: name.to_owned(),
            manifests: self.manifests,
            image,
            version_in,
            helm,
            strategy,
            verification,
            progress_deadline: read_duration(
                self.progress_deadline.as_deref(),
                DEFAULT_PROGRESS_DEADLINE,
                &format!("{pointer}/progress_deadline"),
                problems,
            ),
            on_unavailable_after: read_duration(
                self.on_unavailable_after.as_deref(),
                DEFAULT_UNAVAILABLE,
                &format!("{pointer}/on_unavailable_after"),
                problems,
            ),
            on_failure: self.on_failure,
            depends_on: self.depends_on,
            shared: self.shared,
            drills: self.drills,
        }
    }
}

/// Only comparisons can say that it is good before the time is up.
fn early_ends(
    canary: &Canary,
    verification: &Verification,
    pointer: &str,
    problems: &mut Problems<'_>,
) {
    let mut metrics = verification.metrics.iter();
    if metrics.any(|metric| matches!(metric.measure, Measure::Comparison(_))) {
        return;
    }
    let nothing_compares =
        "no metric compares (`bad` and `total`), so nothing can say that it is good early";
    if canary.is_generated {
        let early = |step: &CanaryStep| {
            matches!(
                step,
                CanaryStep::Pause {
                    promote_early: true,
                    ..
                }
            )
        };
        if canary.steps.iter().any(early) {
            problems.at(
                &format!("{pointer}/strategy/canary/promote_early"),
                nothing_compares,
            );
        }
        return;
    }
    for (index, step) in canary.steps.iter().enumerate() {
        if let CanaryStep::Pause {
            promote_early: true,
            ..
        } = step
        {
            problems.at(
                &format!("{pointer}/strategy/canary/steps/{index}/pause/promote_early"),
                nothing_compares,
            );
        }
    }
}

/// A comparison of canary and stable by a query that asks both for the same would find them equal.
fn tell_apart(verification: &Verification, pointer: &str, problems: &mut Problems<'_>) {
    for metric in &verification.metrics {
        let index = metric.entry;
        let Measure::Comparison(comparison) = &metric.measure else {
            continue;
        };
        if !comparison.needs_stable() {
            continue;
        }
        for (key, query) in comparison.queries() {
            if !query.tells_arms_apart() {
                problems.at(
                    &format!("{pointer}/verification/metrics/{index}/{key}"),
                    format!(
                        "`{key}` has neither `{{{{arm}}}}` nor `{{{{version}}}}`, so canary and stable would be asked for the same"
                    ),
                );
            }
        }
    }
}
