//! What a service's manifests say that its workloads run: in the workloads, or in the values of a chart.

use crate::{
    config::Service,
    manifest::{self, Manifests, ObjectRef, Refusal},
};

/// Returns the version that a workload of a service has.
///
/// # Errors
/// The workload, its image or its key in a chart's values is not there, or says no version.
pub fn version(
    service: &Service,
    manifests: &Manifests,
    workload: &ObjectRef,
) -> Result<String, Refusal> {
    match service.helm_keys(workload) {
        Some((values, keys)) => manifest::current_chart_value(manifests, values, &keys.image_tag),
        None => manifest::current_version(manifests, workload, &service.image),
    }
}

/// Tells whether a workload of a service has a version, also where somebody else has pinned it by a digest or
/// named another registry since.
///
/// # Errors
/// It cannot be told.
pub fn has_version(
    service: &Service,
    manifests: &Manifests,
    workload: &ObjectRef,
    version: &str,
) -> Result<bool, Refusal> {
    if service.helm_keys(workload).is_none() {
        return manifest::runs_version(manifests, workload, &service.image, version);
    }
    let tag = self::version(service, manifests, workload)?;
    let (tag, _digest) = tag.split_once('@').unwrap_or((&tag, ""));
    Ok(tag == version)
}

/// Returns how many replicas a workload of a service has.
///
/// # Errors
/// The workload or its key in a chart's values is not there, or says no number.
pub fn replicas(
    service: &Service,
    manifests: &Manifests,
    workload: &ObjectRef,
) -> Result<u32, Refusal> {
    let keys = service.helm_keys(workload);
    let Some((values, path)) =
        keys.and_then(|(values, keys)| Some((values, keys.replicas.as_ref()?)))
    else {
        return manifest::current_replicas(manifests, workload);
    };
    manifest::current_chart_number(manifests, values, path)
}

/// Says why the keys of a chart's values that a service names cannot be used; nothing where its workloads
/// are written out.
pub fn refusals(service: &Service, manifests: &Manifests) -> Vec<Refusal> {
    let mut refused = Vec::new();
    for (_, workload) in service.strategy.workloads() {
        let Some((values, keys)) = service.helm_keys(&workload.object) else {
            continue;
        };
        for key in keys.of_version() {
            refused.extend(manifest::current_chart_value(manifests, values, key).err());
        }
        if keys.replicas.is_some() {
            refused.extend(replicas(service, manifests, &workload.object).err());
        }
    }
    refused.dedup();
    refused
}
