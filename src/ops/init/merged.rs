//! One service of what is called the same in several environments.

use std::collections::BTreeSet;

use super::{found::Found, notes::Notes, place::Place};
use crate::manifest::Surveyed;

/// A service with the environments that it is in.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// As it is in the first of them, with the files of all.
    pub found: Found,
    /// Each environment's name, with what was found there.
    pub homes: Vec<(String, Found)>,
    /// Environments that it cannot be deployed to as it is written, with the reason and what is there.
    pub elsewhere: Vec<(String, String, Found)>,
}

impl Service {
    /// Is it written in an environment, and can it be deployed there?
    pub(super) fn is_in(&self, place: &str) -> bool {
        self.homes.iter().any(|(name, _)| name == place)
    }
}

/// A second service of a name that another one in the same environment has, too.
pub(super) struct Twin {
    /// Where the other one is, for people.
    first: String,
    found: Found,
}

/// Puts together what was found in each environment; of two that are called the same in one of them the second
/// is a twin.
pub(super) fn merge(found: Vec<(&Place, Found)>) -> (Vec<Service>, Vec<Twin>) {
    let mut services: Vec<Service> = Vec::new();
    let mut twins = Vec::new();
    for (place, found) in found {
        let mut known = services.iter_mut();
        let Some(service) = known.find(|it| it.found.name == found.name) else {
            services.push(Service {
                homes: vec![(place.name.clone(), found.clone())],
                found,
                elsewhere: Vec::new(),
            });
            continue;
        };
        let mut homes = service.homes.iter();
        if let Some((_, first)) = homes.find(|(name, _)| *name == place.name) {
            let first = paths(first);
            twins.push(Twin { first, found });
            continue;
        }
        let known: BTreeSet<String> = service.found.manifests.iter().cloned().collect();
        let more = found.manifests.iter().filter(|glob| !known.contains(*glob));
        service.found.manifests.extend(more.cloned());
        service.homes.push((place.name.clone(), found));
    }
    services.sort_by(|one, other| one.found.name.cmp(&other.found.name));
    (services, twins)
}

/// Notes the twins of services; `kept` are those that are written.
pub(super) fn tell(twins: &[Twin], kept: &[Service], objects: &[Surveyed], notes: &mut Notes) {
    for Twin { first, found } in twins {
        let name = &found.name;
        let second = paths(found);
        let line = if kept.iter().any(|it| it.found.name == *name) {
            format!("two services would be called {name}: {second} is left out, {first} is written")
        } else {
            format!("two services would be called {name}, and none is written: {first}, {second}")
        };
        notes.about(of(found, objects), line);
    }
}

/// Returns the workloads of a service among the objects.
pub(super) fn of<'a>(
    found: &'a Found,
    objects: &'a [Surveyed],
) -> impl Iterator<Item = &'a Surveyed> {
    let is_own = |it: &&Surveyed| {
        let mut all = found.workloads.iter();
        all.any(|(path, object)| *path == it.path && *object == it.object)
    };
    objects.iter().filter(is_own)
}

fn paths(found: &Found) -> String {
    let paths: BTreeSet<&str> = found
        .workloads
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    let paths: Vec<&str> = paths.into_iter().collect();
    format!("that of {}", paths.join(", "))
}
