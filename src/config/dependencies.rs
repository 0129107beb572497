//! `depends_on`: which services are deployed before which; no circles.

use std::collections::{BTreeMap, BTreeSet};

use super::{Problems, Service};

/// Notes services that depend on one that is not there, on themselves, or on each other in a circle.
pub(super) fn check(services: &BTreeMap<String, Service>, problems: &mut Problems<'_>) {
    for (name, service) in services {
        for (index, other) in service.depends_on.iter().enumerate() {
            let pointer = format!(
                "/services/{}/depends_on/{index}",
                crate::yaml::value::escape(name)
            );
            if other == name {
                problems.at(&pointer, format!("`{name}` depends on itself"));
            } else if !services.contains_key(other) {
                let known: Vec<String> = services.keys().cloned().collect();
                let message = crate::yaml::typed::unknown("service", other, &known);
                problems.at(&pointer, message);
            } else if service.depends_on[..index].contains(other) {
                problems.at(&pointer, format!("`{other}` is named twice"));
            } else if let Some(circle) = way(services, other, name) {
                let circle = circle.join("` needs `");
                problems.at(
                    &pointer,
                    format!("`{name}` needs `{circle}`: a circle, so none of them could be first"),
                );
            }
        }
    }
}

/// Returns the services on the way from one to another by what each depends on, both included.
fn way<'a>(
    services: &'a BTreeMap<String, Service>,
    from: &'a str,
    to: &str,
) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![from]];
    while let Some(way) = ways.pop() {
        let last = *way.last()?;
        if last == to {
            return Some(way);
        }
        if seen.insert(last)
            && let Some(service) = services.get(last)
        {
            ways.extend(service.depends_on.iter().map(|next| {
                let mut longer = way.clone();
                longer.push(next.as_str());
                longer
            }));
        }
    }
    None
}
