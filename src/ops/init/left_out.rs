//! The last check: every workload of the repository is in the configuration, or a note says why not.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    found::{is_of_kind, is_template},
    merged::Service,
    notes::Notes,
    place::{Place, is_below},
};
use crate::manifest::{ObjectRef, Surveyed};

/// Kinds that run pods, and of which no service is made.
const OTHER_KINDS: [&str; 5] = [
    "CronJob",
    "Job",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
];

/// Notes each workload that is in none of the services and that no note names. `charts` are the folders of the
/// charts, which speak for what their templates write.
pub(super) fn tell(
    objects: &[Surveyed],
    charts: &[&str],
    (places, services): (&[Place], &[Service]),
    notes: &mut Notes,
) {
    let written = written(services);
    let mut by_reason: BTreeMap<String, Vec<&Surveyed>> = BTreeMap::new();
    for object in objects {
        let of = (object.path.as_str(), &object.object);
        if written.contains(&of) || notes.name(object) {
            continue;
        }
        let is_of_chart = charts.iter().any(|chart| is_below(&object.path, chart));
        let why = if !is_of_kind(object) {
            let kind = object.object.kind.as_str();
            if !OTHER_KINDS.contains(&kind) || is_template(object) {
                continue;
            }
            format!("`init` makes no service of a {kind}")
        } else if is_template(object) {
            if is_of_chart {
                continue;
            }
            "a template writes it, and no Chart.yaml is there".to_owned()
        } else if places.iter().any(|place| place.holds(&object.path)) {
            "nothing in the configuration leads to it".to_owned()
        } else {
            let folders: Vec<String> = places.iter().map(Place::shown).collect();
            let folders = match &folders[..] {
                [] => String::new(),
                folders => format!(" ({})", folders.join(", ")),
            };
            format!("it is in no folder of an environment{folders}")
        };
        by_reason.entry(why).or_default().push(object);
    }
    for (why, objects) in by_reason {
        let names: Vec<String> = objects
            .iter()
            .map(|it| format!("{} in {}", it.object, it.path))
            .collect();
        let is = if names.len() == 1 { "is" } else { "are" };
        let line = format!("{} {is} left out: {why}", names.join(", "));
        notes.about(objects, line);
    }
}

/// The workloads that services consist of, in the environments that they can be deployed to.
pub(super) fn written(services: &[Service]) -> BTreeSet<(&str, &ObjectRef)> {
    let all = services.iter().flat_map(|service| {
        let homes = service.homes.iter().map(|(_, found)| found);
        homes.chain([&service.found])
    });
    all.flat_map(|found| &found.workloads)
        .map(|(path, object)| (path.as_str(), object))
        .collect()
}
