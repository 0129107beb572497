//! Services that name the same workload: each would write its own version over the other's.

use std::collections::BTreeMap;

use globset::GlobSet;

use crate::{
    config::{Config, Service},
    manifest::ObjectRef,
    ops::manifests::glob_set,
    policy::{Lint, Severity},
};

/// Finds services that name a workload which another one names, too, in files that both name: the same glob, or
/// a path that the other's glob matches.
pub fn lints(config: &Config) -> Vec<Lint> {
    let mut named: BTreeMap<&ObjectRef, Vec<(&'static str, &Service)>> = BTreeMap::new();
    for service in config.services.values() {
        for (word, workload) in service.strategy.workloads() {
            let services = named.entry(&workload.object).or_default();
            services.push((word, service));
        }
    }
    let mut lints = Vec::new();
    for (object, services) in named {
        for (index, (word, service)) in services.iter().enumerate() {
            let mut earlier = services.iter().take(index);
            let Some((_, other)) = earlier.find(|(_, other)| share_files(service, other)) else {
                continue;
            };
            let pointer = format!("/services/{}/workloads/{word}", service.name);
            lints.push(Lint {
                position: config.position(&pointer),
                severity: Severity::Warning,
                code: "shared-workload",
                message: format!(
                    "{object} is a workload of `{}`, too, so each deployment would write its version over the other's; expected workloads of its own",
                    other.name
                ),
            });
        }
    }
    lints
}

fn share_files(one: &Service, other: &Service) -> bool {
    let ([one, other], [of_one, of_other]) = ([one, other].map(paths), [one, other].map(set));
    let matches = |set: &GlobSet, paths: &[String]| paths.iter().any(|path| set.is_match(path));
    let is_same = one.iter().any(|glob| other.contains(glob));
    is_same || matches(&of_one, &other) || matches(&of_other, &one)
}

/// The globs in some folder: which, is the same for both.
fn paths(service: &Service) -> Vec<String> {
    let globs = service.manifests.iter();
    globs.map(|glob| glob.replace("{root}", "root")).collect()
}

fn set(service: &Service) -> GlobSet {
    glob_set(&paths(service)).unwrap_or_default()
}
