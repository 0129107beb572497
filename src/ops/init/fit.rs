//! What is kept of the services that were found: what can be written and planned, where it can be.

use std::sync::Arc;

use super::{
    called,
    found::{Found, Way},
    merged::{self, Service},
    notes::Notes,
    place::Place,
    text::{self, Known},
    trial::{self, Files},
};
use crate::{
    config::Config,
    manifest::{ObjectRef, Surveyed},
};

/// Keeps the services that `plan` would take in an environment at least, and of each the environments where it
/// would; of a canary that does not fit anywhere the one workload. The rest is noted.
pub(super) fn services(
    services: Vec<Service>,
    places: &[Place],
    (files, objects): (Files<'_>, &[Surveyed]),
    known: &Known<'_>,
    notes: &mut Notes,
) -> Vec<Service> {
    let mut kept = Vec::new();
    let mut unwritable = Vec::new();
    for service in services {
        let text = text::config(places, std::slice::from_ref(&service), known);
        let config = match Config::parse(&text) {
            Ok(config) => Arc::new(config),
            Err(findings) => {
                let why = findings.first().map(|it| it.message.clone());
                unwritable.push((service, why.unwrap_or_default()));
                continue;
            }
        };
        let (service, why) = match tried(service, places, files, &config) {
            Ok(service) => {
                kept.push(service);
                continue;
            }
            Err(refused) => *refused,
        };
        match &service.found.way {
            Way::Canary { stable, .. } => {
                let simple = simple(&service, stable.clone());
                let text = text::config(places, std::slice::from_ref(&simple), known);
                let again = Config::parse(&text).ok().map(Arc::new);
                let again = again.and_then(|it| tried(simple, places, files, &it).ok());
                let Some(again) = again else {
                    leave_out(&service, &why, objects, notes);
                    continue;
                };
                let all = merged::of(&service.found, objects);
                notes.about(
                    all.filter(|it| it.object != *stable),
                    format!(
                        "{} could be a canary once this is mended: {why}",
                        service.found.name
                    ),
                );
                kept.push(again);
            }
            _ => leave_out(&service, &why, objects, notes),
        }
    }
    if kept.is_empty() {
        // Every service has what is wrong here; it is told of them together.
        kept.extend(unwritable.into_iter().map(|(service, _)| service));
    } else {
        for (service, why) in unwritable {
            leave_out(&service, &why, objects, notes);
        }
    }
    for service in &kept {
        for (place, why, found) in &service.elsewhere {
            let name = &service.found.name;
            let line = format!("{name} cannot be deployed to {place} as it is there: {why}");
            notes.about(merged::of(found, objects), line);
        }
    }
    kept
}

/// Tries a service in each of its environments; it is given back with the first reason where it can be
/// deployed to none.
fn tried(
    mut service: Service,
    places: &[Place],
    files: Files<'_>,
    config: &Arc<Config>,
) -> Result<Service, Box<(Service, String)>> {
    let name = &service.found.name;
    let refusal = |home: &str| {
        let place = places.iter().find(|place| place.name == home)?;
        trial::refusal(files, config, name, place)
    };
    let refusals = service.homes.iter().map(|(home, _)| refusal(home));
    let refusals: Vec<Option<String>> = refusals.collect();
    if let Some(Some(why)) = refusals.first()
        && refusals.iter().all(Option::is_some)
    {
        let why = why.clone();
        return Err(Box::new((service, why)));
    }
    let tried = service.homes.into_iter().zip(refusals);
    (service.homes, service.elsewhere) = (Vec::new(), Vec::new());
    for ((home, found), refusal) in tried {
        match refusal {
            None => service.homes.push((home, found)),
            Some(why) => service.elsewhere.push((home, why, found)),
        }
    }
    Ok(service)
}

/// A canary as the one workload that serves everyone.
fn simple(service: &Service, stable: ObjectRef) -> Service {
    let simple = |found: &Found| {
        let mut workloads = found.workloads.clone();
        workloads.retain(|(_, object)| *object == stable);
        Found {
            because: format!("{stable}; its canary does not fit yet"),
            way: Way::Rolling(stable.clone()),
            workloads,
            ..found.clone()
        }
    };
    let homes = service.homes.iter();
    Service {
        found: simple(&service.found),
        homes: homes
            .map(|(home, found)| (home.clone(), simple(found)))
            .collect(),
        elsewhere: Vec::new(),
    }
}

fn leave_out(service: &Service, why: &str, objects: &[Surveyed], notes: &mut Notes) {
    let all = service.homes.iter();
    let all = all.flat_map(|(_, found)| merged::of(found, objects));
    let all = all.chain(merged::of(&service.found, objects));
    notes.about(all, format!("{} is left out: {why}", service.found.name));
}

/// Leaves out the folders that are not called as environments are and have no service in common with the first
/// environment: they hold something else.
pub(super) fn without_others(
    services: Vec<Service>,
    places: &mut Vec<Place>,
    objects: &[Surveyed],
    notes: &mut Notes,
) -> Vec<Service> {
    let Some(first) = places.first().cloned() else {
        return services;
    };
    let is_other = |place: &Place| {
        let mut here = services.iter().filter(|it| it.is_in(&place.name));
        !called::is_usual(&place.name)
            && place.name != first.name
            && !here.any(|it| it.is_in(&first.name))
    };
    let others: Vec<Place> = places.iter().filter(|it| is_other(it)).cloned().collect();
    places.retain(|place| !others.contains(place));
    let (kept, dropped): (Vec<Service>, Vec<Service>) = services.into_iter().partition(|it| {
        let mut places = places.iter();
        places.any(|place| it.is_in(&place.name))
    });
    for place in &others {
        let here = dropped.iter().filter(|it| it.is_in(&place.name));
        let all: Vec<&Surveyed> = here.flat_map(|it| merged::of(&it.found, objects)).collect();
        let names: Vec<String> = all.iter().map(|it| it.object.to_string()).collect();
        let line = format!(
            "{} is no environment of these services, as none of them is in it: left out are {}",
            place.shown(),
            names.join(", ")
        );
        if !names.is_empty() {
            notes.about(all, line);
        }
    }
    kept
}

/// Keeps the environments that a service can be deployed to, and notes which cannot be, and which services are
/// not in one of them.
pub(super) fn places(places: Vec<Place>, services: &[Service], notes: &mut Notes) -> Vec<Place> {
    let (kept, others): (Vec<Place>, Vec<Place>) = places.into_iter().partition(|place| {
        let mut services = services.iter();
        services.any(|service| service.is_in(&place.name))
    });
    if kept.is_empty() {
        return kept;
    }
    for place in others {
        notes.add(format!(
            "the environment {} is left out, as nothing in {} can be deployed as it is written",
            place.name,
            place.shown()
        ));
    }
    for service in services {
        let is_nowhere = |place: &&Place| {
            let mut refused = service.elsewhere.iter();
            !service.is_in(&place.name) && !refused.any(|(name, ..)| *name == place.name)
        };
        let missing: Vec<&str> = kept
            .iter()
            .filter(is_nowhere)
            .map(|place| place.name.as_str())
            .collect();
        if !missing.is_empty() {
            notes.add(format!(
                "{} is not in {}",
                service.found.name,
                missing.join(", ")
            ));
        }
    }
    kept
}
