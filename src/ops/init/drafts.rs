//! The files that `init` writes, and what it says about them.

use std::{collections::BTreeMap, path::Path};

use super::{
    CONFIG, Drafts, Wishes, called, found::Way, merged::Service, notes::Notes, pipeline,
    place::Place, starter,
};
use crate::{
    config::Environment,
    policy::{Policy, zone::Zone},
};

/// Returns the files to write and what there is to say about them.
pub(super) fn drafts(
    (folder, wishes): (&Path, &Wishes),
    places: &[Place],
    services: &[Service],
    config: String,
    left_out: &Notes,
) -> Drafts {
    let mut files = vec![(CONFIG.to_owned(), config)];
    let mut notes = Vec::new();
    let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
    for place in places {
        notes.push(format!(
            "found the environment {} in {}",
            place.name,
            place.shown()
        ));
    }
    for (whole, parts) in parts(&names) {
        notes.push(format!(
            "{} may be regions of one environment {whole}, which a version goes to one after the other: docs/regions.md",
            parts.join(", ")
        ));
    }
    for service in services {
        let strategy = match &service.found.way {
            Way::Rolling(_) | Way::Chart(..) => "rolling",
            Way::Canary { .. } => "canary",
            Way::BlueGreen { .. } => "blue_green",
            Way::Rollout(..) => "argo_rollouts",
        };
        notes.push(format!(
            "found {}: {}, so {strategy}",
            service.found.name, service.found.because
        ));
    }
    notes.extend(left_out.lines().iter().cloned());
    let zone = wishes.zone.clone().unwrap_or_else(Zone::utc);
    for place in places {
        let name = &place.name;
        let path = Environment::usual_policy(name);
        if folder.join(&path).exists() {
            notes.push(format!("{path} is there already and stays as it is"));
            continue;
        }
        let text = starter::policy(name, &path, &zone, is_production(place));
        debug_assert!(Policy::parse(&text, &path).is_ok(), "{text}");
        notes.push(format!(
            "guessed the hours in {path}, on the clock of {}",
            zone.name()
        ));
        files.push((path, text));
    }
    if let Some(system) = wishes.pipeline {
        let pairs = pairs(places, services);
        let services: Vec<&str> = services.iter().map(|it| it.found.name.as_str()).collect();
        let written = pipeline::Names {
            services: &services,
            environments: &names,
            pairs: &pairs,
        };
        files.extend(pipeline::files(system, &written));
    }
    let guesses = files[0].1.matches("# guess").count();
    notes.push(format!(
        "guessed that your kubeconfig leads to the cluster{}",
        match guesses {
            0 => String::new(),
            1 => format!(", and one line of {CONFIG} that says `guess`"),
            more => format!(", and {more} lines of {CONFIG} that say `guess`"),
        }
    ));
    let mut pairs = pairs(places, services).into_iter();
    let (environment, service) = pairs.next().unwrap_or_default();
    let which = match services {
        [_] => String::new(),
        _ => format!(" --service {service}"),
    };
    let place = match places {
        [_] => String::new(),
        _ => format!(" --environment {environment}"),
    };
    Drafts {
        files,
        notes,
        services: services
            .iter()
            .map(|service| service.found.name.clone())
            .collect(),
        next: vec![
            "shipgate validate".to_owned(),
            "read and commit the files".to_owned(),
            format!("shipgate plan --offline --repository URL{which}{place} --version VERSION"),
        ],
        command: match wishes.pipeline {
            Some(system) => format!("shipgate init --ci {}", system.word()),
            None => "shipgate init".to_owned(),
        },
    }
}

/// Each environment with each service that can be deployed to it.
fn pairs<'a>(places: &'a [Place], services: &'a [Service]) -> Vec<(&'a str, &'a str)> {
    let pairs = places.iter().flat_map(|place| {
        let here = services.iter().filter(|it| it.is_in(&place.name));
        here.map(|it| (place.name.as_str(), it.found.name.as_str()))
    });
    pairs.collect()
}

/// The environments of which there are several parts, with these.
fn parts<'a>(names: &[&'a str]) -> BTreeMap<&'static str, Vec<&'a str>> {
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        if let Some(whole) = called::whole(name) {
            parts.entry(whole).or_default().push(name);
        }
    }
    parts.retain(|_, parts| parts.len() > 1);
    parts
}

/// Is it production, or part of it, as `clusters/production/eu` is?
fn is_production(place: &Place) -> bool {
    let is_called_so = |folder: String| {
        let mut parts = folder.split('/');
        parts.any(|part| ["prod", "production"].contains(&part))
    };
    called::is_production(&place.name) || place.folders().any(is_called_so)
}
