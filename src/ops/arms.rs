//! Do the Services of the manifests send stable's and the canary's requests where the strategy means
//! them to go?

use crate::{
    config::{Service, Traffic},
    manifest::{self, Manifests, ObjectRef, Refusal, Serving},
    units::Weight,
};

/// What the manifests say of the two arms of a canary.
#[derive(Debug, Default)]
pub struct Arms {
    /// Why they cannot be told apart, or cannot share the traffic.
    pub refusal: Option<Refusal>,
    /// What may make the real share another than the one that is planned, one line each.
    pub warnings: Vec<String>,
}

/// Looks at the manifests of a service.
///
/// By an object, a Service must select stable's pods alone: else stable's requests reach the canary at
/// every weight. By numbers of pods, a Service must select the pods of both: else the canary gets none.
/// Services that are in no file of the environment are not known; where none is, nothing is said.
///
/// # Errors
/// A workload or the traffic object is not there exactly once.
pub fn look(service: &Service, manifests: &Manifests) -> Result<Arms, Refusal> {
    let Some(strategy) = service.strategy.canary() else {
        return Ok(Arms::default());
    };
    let (stable, canary) = (&strategy.stable.object, &strategy.canary.object);
    let services = manifest::serving(manifests, stable, canary)?;
    match &strategy.traffic {
        Traffic::Object {
            object,
            canary: backend,
        } => {
            let before = manifest::current_weight(manifests, object, backend.as_deref())?;
            if before == Weight::FULL {
                let reason = format!(
                    "{object} gives the canary {before} before anything is deployed, so a weight of 0 would take everyone from stable"
                );
                let refusal = Refusal::new(reason).hint(
                    "does `traffic.canary` name stable's backend? else set the weight to 0 first: `shipgate set --weight 0`",
                );
                return Ok(Arms {
                    refusal: Some(refusal),
                    warnings: Vec::new(),
                });
            }
            let warnings = (before != Weight::ZERO).then(|| {
                format!(
                    "{object} gives the canary {before} before anything is deployed: a way back gives it that again"
                )
            });
            let told_apart = services.is_empty()
                || services.iter().any(|service| !service.selects_other)
                || manifest::splits_by_subsets(manifests, object)?;
            Ok(Arms {
                refusal: (!told_apart).then(|| not_apart(&services, (stable, canary))),
                warnings: warnings.into_iter().collect(),
            })
        }
        Traffic::Replicas => by_pods(manifests, &services, (stable, canary)),
    }
}

fn not_apart(services: &[Serving], (stable, canary): (&ObjectRef, &ObjectRef)) -> Refusal {
    let Some(first) = services.first() else {
        return Refusal::new(format!("no Service selects the pods of {stable}"));
    };
    let service = &first.service;
    Refusal::new(format!(
        "{service} selects the pods of {canary} as well as those of {stable}, and none selects stable's alone, so the canary would get stable's requests at every weight"
    ))
    .at(&first.path, first.line)
    .hint(format!(
        "give the selector of {service} a label that only the pods of {stable} have, or split by their numbers: `traffic: {{replicas: {{}}}}`"
    ))
}

fn by_pods(
    manifests: &Manifests,
    services: &[Serving],
    (stable, canary): (&ObjectRef, &ObjectRef),
) -> Result<Arms, Refusal> {
    let mut arms = Arms::default();
    if manifest::current_replicas(manifests, stable)? == 0 {
        let reason = format!(
            "{stable} has 0 replicas, so the canary would get all the traffic whatever its weight"
        );
        arms.refusal = Some(
            Refusal::new(reason).hint("give stable its pods first, then deploy the new version"),
        );
        return Ok(arms);
    }
    match services.first() {
        None => arms.warnings.push(format!(
            "no Service in the files selects the pods of {stable}: whether the canary's pods get requests is not known"
        )),
        Some(first) if !services.iter().any(|service| service.selects_other) => {
            let reason = format!(
                "{} selects the pods of {stable} and not those of {canary}, and no other selects both, so the canary would get no requests",
                first.service
            );
            let hint = format!(
                "let the selector of {} have only labels that the pods of both have, or split by an object such as `http_route`",
                first.service
            );
            arms.refusal = Some(Refusal::new(reason).at(&first.path, first.line).hint(hint));
        }
        Some(_) => {}
    }
    let scaled = [(stable, "smaller"), (canary, "larger")];
    for (workload, which) in scaled {
        if let Some(scaler) = manifest::scaled_by(manifests, workload)? {
            arms.warnings.push(format!(
                "{scaler} may give {workload} more pods than its minimum: the canary's share is {which} then than planned"
            ));
        }
    }
    Ok(arms)
}
