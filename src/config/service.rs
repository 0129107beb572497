//! What a service's configuration means: workloads, traffic object, live addresses and strategy fit together.

use std::time::Duration;

use super::{
    Canary, CanaryStep, Live, Problems, Rolling, Service, Strategy,
    document::{CanaryDocument, RollingDocument, ServiceDocument, StepDocument},
    live::Scope,
    verification::{Measure, OnInconclusive, Verification},
};
use crate::{
    manifest::ObjectRef,
    units::{Weight, parse_duration},
};

const DEFAULT_PROGRESS_DEADLINE: Duration = Duration::from_secs(600);
const DEFAULT_BAKE_TIME: Duration = Duration::from_secs(300);
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
        let stable = object(
            &self.workloads.stable,
            &format!("{pointer}/workloads/stable"),
            problems,
        );
        let strategy = match (&self.strategy.canary, &self.strategy.rolling) {
            (Some(canary), None) => self.canary(canary, pointer, problems),
            (None, Some(rolling)) => Strategy::Rolling(self.rolling(rolling, pointer, problems)),
            (Some(_), Some(_)) => {
                problems.at(
                    &format!("{pointer}/strategy"),
                    "found both `canary` and `rolling`, expected one strategy",
                );
                Strategy::Rolling(Rolling {
                    bake_time: DEFAULT_BAKE_TIME,
                })
            }
            (None, None) => {
                problems.at(
                    &format!("{pointer}/strategy"),
                    "no strategy is named; expected `canary` or `rolling`",
                );
                Strategy::Rolling(Rolling {
                    bake_time: DEFAULT_BAKE_TIME,
                })
            }
        };
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
        let scope = Scope {
            workload: &stable,
            image: &image,
        };
        let at = format!("{pointer}/live/stable");
        let live_stable = self.live.stable.validate(scope, &at, problems);
        Service {
            name: name.to_owned(),
            manifests: self.manifests,
            image,
            version_in,
            stable,
            live_stable,
            strategy,
            verification,
            progress_deadline: duration(
                self.progress_deadline.as_deref(),
                DEFAULT_PROGRESS_DEADLINE,
                &format!("{pointer}/progress_deadline"),
                problems,
            ),
            on_unavailable_after: duration(
                self.on_unavailable_after.as_deref(),
                DEFAULT_UNAVAILABLE,
                &format!("{pointer}/on_unavailable_after"),
                problems,
            ),
        }
    }

    fn rolling(
        &self,
        rolling: &RollingDocument,
        pointer: &str,
        problems: &mut Problems<'_>,
    ) -> Rolling {
        for (present, key) in [
            (self.workloads.canary.is_some(), "workloads/canary"),
            (self.live.canary.is_some(), "live/canary"),
            (self.traffic.is_some(), "traffic"),
        ] {
            if present {
                problems.at(
                    &format!("{pointer}/{key}"),
                    "the strategy `rolling` has no canary; remove this, or write `strategy: {canary: …}`",
                );
            }
        }
        Rolling {
            bake_time: duration(
                rolling.bake_time.as_deref(),
                DEFAULT_BAKE_TIME,
                &format!("{pointer}/strategy/rolling/bake_time"),
                problems,
            ),
        }
    }

    fn canary(
        &self,
        canary: &CanaryDocument,
        pointer: &str,
        problems: &mut Problems<'_>,
    ) -> Strategy {
        let missing = |key: &str, example: &str, problems: &mut Problems<'_>| {
            let (parent, _) = key.rsplit_once('/').unwrap_or(("", key));
            problems.at(
                &format!("{pointer}/{parent}"),
                format!(
                    "the strategy `canary` needs `{}`, such as `{example}`",
                    key.replace('/', ".")
                ),
            );
        };
        let workload = match &self.workloads.canary {
            Some(text) => object(text, &format!("{pointer}/workloads/canary"), problems),
            None => {
                missing("workloads/canary", "Deployment/shop-canary", problems);
                stand_in()
            }
        };
        let ingress = match &self.traffic {
            Some(traffic) => object(
                &traffic.ingress_nginx,
                &format!("{pointer}/traffic/ingress_nginx"),
                problems,
            ),
            None => {
                missing("traffic/ingress_nginx", "Ingress/shop-canary", problems);
                stand_in()
            }
        };
        let live = match &self.live.canary {
            Some(document) => {
                let scope = Scope {
                    workload: &workload,
                    image: &self.image,
                };
                document.validate(scope, &format!("{pointer}/live/canary"), problems)
            }
            None => {
                missing(
                    "live/canary",
                    "{http: https://canary.example/version}",
                    problems,
                );
                Live::stand_in()
            }
        };
        let below = format!("{pointer}/strategy/canary");
        Strategy::Canary(Box::new(Canary {
            workload,
            live,
            ingress,
            replicas: canary.canary_replicas.unwrap_or(1),
            steps: steps(&canary.steps, &format!("{below}/steps"), problems),
            bake_time: duration(
                canary.bake_time.as_deref(),
                DEFAULT_BAKE_TIME,
                &format!("{below}/bake_time"),
                problems,
            ),
        }))
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
    for (index, step) in canary.steps.iter().enumerate() {
        if let CanaryStep::Pause {
            promote_early: true,
            ..
        } = step
        {
            problems.at(
                &format!("{pointer}/strategy/canary/steps/{index}/pause/promote_early"),
                "no metric compares (`bad` and `total`), so nothing can say that it is good early",
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

fn steps(
    documents: &[StepDocument],
    pointer: &str,
    problems: &mut Problems<'_>,
) -> Vec<CanaryStep> {
    let mut steps = Vec::new();
    let mut highest = Weight::ZERO;
    for (index, document) in documents.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        match (document.set_weight, &document.pause) {
            (Some(percent), None) => {
                let weight = problems.take(&at, Weight::new(percent), Weight::ZERO);
                if weight <= highest {
                    problems.at(
                        &at,
                        format!("the weight {weight} does not grow; the step before has {highest}"),
                    );
                }
                highest = weight;
                steps.push(CanaryStep::SetWeight(weight));
            }
            (None, Some(pause)) => steps.push(match &pause.duration {
                None => {
                    if pause.promote_early {
                        problems.at(
                            &format!("{at}/pause/promote_early"),
                            "a pause without `duration` waits for a person, so it has no end that could come early",
                        );
                    }
                    CanaryStep::PauseForApproval
                }
                Some(text) => {
                    let at = format!("{at}/pause/duration");
                    CanaryStep::Pause {
                        duration: problems.take(&at, parse_duration(text), DEFAULT_BAKE_TIME),
                        promote_early: pause.promote_early,
                    }
                }
            }),
            _ => problems.at(
                &at,
                "expected one of `set_weight: 10` and `pause: {duration: 10m}`",
            ),
        }
    }
    let judged = steps.iter().enumerate().any(|(index, step)| {
        matches!(step, CanaryStep::Pause { duration, .. } if !duration.is_zero())
            && steps[..index]
                .iter()
                .any(|step| matches!(step, CanaryStep::SetWeight(_)))
    });
    if !judged {
        problems.at(
            pointer,
            "no `pause` with a duration follows a `set_weight`, so the canary would never be judged",
        );
    }
    steps
}

fn object(text: &str, pointer: &str, problems: &mut Problems<'_>) -> ObjectRef {
    problems.take(pointer, text.parse(), stand_in())
}

fn stand_in() -> ObjectRef {
    ObjectRef {
        kind: String::new(),
        name: String::new(),
    }
}

fn duration(
    text: Option<&str>,
    default: Duration,
    pointer: &str,
    problems: &mut Problems<'_>,
) -> Duration {
    match text {
        None => default,
        Some(text) => problems.take(pointer, parse_duration(text), default),
    }
}
