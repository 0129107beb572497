//! A first `shipgate.yaml`, policy and pipeline file, made from the manifests that are there.
//!
//! `places` finds the environments, `found` and `chart` the services in them, `text` and `starter` write.
//! Nothing is asked of anybody, and what does not pass `validate` is not written.

mod chart;
mod found;
mod places;
mod starter;
mod text;

use std::{collections::BTreeSet, fs, io::Write, path::Path};

use chrono::{DateTime, Utc};

use super::{set::FileSet, validate::pairing};
use crate::{
    config::{Config, live::is_object_name},
    event::{Ending, Failure},
    manifest::{self, Edit, Manifests, ObjectRef, SourceFile, Surveyed},
    policy::{Policy, Severity, zone::Zone},
    units::Version,
};

use found::{Found, Survey, Way};
use places::Place;

pub use starter::Pipeline;

/// Where the configuration goes.
const CONFIG: &str = "shipgate.yaml";
/// Every file that may hold manifests.
const EVERYTHING: &str = "**/*.{yaml,yml}";

/// What somebody has said beforehand.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Name of the environment, where there is one only.
    pub environment: Option<String>,
    /// Folder of its manifests.
    pub root: Option<String>,
    /// Address of a service, with `{service}` for its name.
    pub address: Option<String>,
    /// Address of a Prometheus.
    pub prometheus: Option<String>,
    /// Time zone of the policy's hours.
    pub zone: Option<Zone>,
    /// Which pipeline file is wanted.
    pub pipeline: Option<Pipeline>,
}

/// Files to write, and what there is to say about them.
#[derive(Debug)]
pub struct Drafts {
    /// Path and text of each.
    pub files: Vec<(String, String)>,
    /// What was found, guessed and left out, one line each.
    pub notes: Vec<String>,
    /// Names of the services.
    pub services: Vec<String>,
    /// What to do next, one line each.
    pub next: Vec<String>,
}

/// Looks at the manifests of a folder and drafts the files. Nothing is written; `now` is the machine's
/// time.
///
/// # Errors
/// The folder cannot be read, or nothing in it is a service; a wish that no configuration may hold.
pub fn draft(folder: &Path, wishes: &Wishes, now: DateTime<Utc>) -> Result<Drafts, Failure> {
    let files = FileSet::read(folder, &[EVERYTHING.to_owned()], now);
    let files = files.map_err(|failure| failure.hint(WHERE))?;
    let mut notes = Vec::new();
    let mut objects = manifest::survey(files.manifests());
    objects.retain(|object| is_usual(object, &mut notes));
    let charts = chart::charts(&objects);
    let mut workloads: Vec<&Surveyed> =
        objects.iter().filter(|it| found::is_workload(it)).collect();
    workloads.extend(chart::values(&objects, &charts));
    let built = manifest::built(files.manifests());
    let wanted = (wishes.environment.as_deref(), wishes.root.as_deref());
    let places = places::find(&workloads, &built, wanted);
    let Some(place) = places.first() else {
        return Err(nothing(folder, &[]));
    };
    let own = manifests_of(files.manifests(), place);
    let survey = Survey {
        manifests: &own,
        place,
        objects: objects.iter().filter(|it| place.holds(&it.path)).collect(),
    };
    let mut services = survey.services(&mut notes);
    services.extend(chart::services(&objects, &charts, place, &mut notes));
    let mut names = BTreeSet::new();
    services.retain(|service| {
        let is_new = names.insert(service.name.clone());
        if !is_new {
            notes.push(format!(
                "two services would be called {}: one is left out",
                service.name
            ));
        }
        is_new
    });
    let of_all = (places.len() > 1).then_some(place);
    services.retain(|service| match refusal(service, &own, of_all) {
        None => true,
        Some(why) => {
            notes.push(format!("{} is left out: {why}", service.name));
            false
        }
    });
    let known = text::Known {
        address: wishes.address.as_deref(),
        prometheus: wishes.prometheus.as_deref(),
    };
    without_what_does_not_fit(folder, &places, &mut services, &known, &mut notes, now);
    if services.is_empty() {
        return Err(nothing(folder, &notes));
    }
    let places = with_services(folder, places, &services, &mut notes);
    let config = text::config(&places, &services, &known);
    if let Err(findings) = Config::parse(&config) {
        return Err(super::failure::findings(CONFIG, &findings)
            .hint("this is what `init` would have written; look at --address, --prometheus and --environment"));
    }
    Ok(drafts((folder, wishes), &places, &services, config, notes))
}

/// Has an object names that a cluster takes? Another one could be anything, and is said to be left out if it
/// is a workload.
fn is_usual(object: &Surveyed, notes: &mut Vec<String>) -> bool {
    let names = object.namespace.iter().chain([&object.object.name]);
    let is_usual =
        object.object.kind == ObjectRef::FILE || names.into_iter().all(|it| is_object_name(it));
    if !is_usual && found::is_workload(object) {
        let name = object.object.name.escape_debug();
        notes.push(format!(
            "`{name}` is no name of an object in a cluster: it is left out"
        ));
    }
    is_usual
}

/// What to do where nothing is found.
const WHERE: &str = "run it in the folder of your GitOps repository; it looks for Deployments, StatefulSets, DaemonSets, Rollouts and Helm charts";

fn nothing(folder: &Path, notes: &[String]) -> Failure {
    let reason = format!(
        "no workload is found in `{}` that could be a service",
        folder.display()
    );
    let failure = Failure::new(Ending::EditRefused, reason);
    let failure = notes
        .iter()
        .fold(failure, |failure, note| failure.hint(note.clone()));
    failure.hint(WHERE)
}

/// The files of an environment alone: the same objects may stand in those of others.
fn manifests_of(all: &Manifests, place: &Place) -> Manifests {
    let paths = all.paths().filter(|path| place.holds(path));
    let files = paths.map(|path| SourceFile {
        path: path.to_owned(),
        bytes: all.text(path).unwrap_or_default().as_bytes().to_vec(),
    });
    // They were read before.
    Manifests::parse(files.collect()).unwrap_or_else(|_| all.clone())
}

/// Says why a version could not be written into a service's workloads; where there are several environments
/// it must be written in the folder of its own.
fn refusal(service: &Found, manifests: &Manifests, own: Option<&Place>) -> Option<String> {
    let workloads = match &service.way {
        Way::Chart(..) => return None,
        Way::Rolling(workload) | Way::Rollout(workload, _) => vec![workload],
        Way::Canary { stable, canary, .. } => vec![stable, canary],
        Way::BlueGreen { blue, green, .. } => vec![blue, green],
    };
    let version: Version = "1.0.0-init".parse().ok()?;
    let edits = workloads.into_iter().map(|workload| Edit::Version {
        workload: Some(workload.clone()),
        image: service.image.clone(),
        version: version.clone(),
    });
    let edits: Vec<Edit> = edits.collect();
    let changes = match manifest::locate(manifests, &edits) {
        Err(refusals) => return refusals.first().map(ToString::to_string),
        Ok(set) => set.changes,
    };
    let own = own?;
    let shared = changes.iter().find(|change| !own.is_own(&change.path))?;
    Some(format!(
        "{}:{} would bring its version to every environment at once; give each kustomization an entry in `images`",
        shared.path, shared.line
    ))
}

/// Makes a plain `rolling` of what the check of `validate` refuses in the manifests, and leaves out what it
/// refuses even so.
fn without_what_does_not_fit(
    folder: &Path,
    places: &[Place],
    services: &mut Vec<Found>,
    known: &text::Known<'_>,
    notes: &mut Vec<String>,
    now: DateTime<Utc>,
) {
    let mut kept = Vec::new();
    for service in services.drain(..) {
        let text = text::config(places, std::slice::from_ref(&service), known);
        let Ok(config) = Config::parse(&text) else {
            // Every service has what is wrong here; it is told of them together.
            kept.push(service);
            continue;
        };
        let lints = pairing::lints(&config, &folder.join(CONFIG), now);
        let mut wrong = lints
            .into_iter()
            .filter(|lint| lint.severity == Severity::Error);
        let Some(wrong) = wrong.next() else {
            kept.push(service);
            continue;
        };
        let stable = match &service.way {
            Way::Canary { stable, .. } => stable.clone(),
            _ => {
                notes.push(format!("{} is left out: {}", service.name, wrong.message));
                continue;
            }
        };
        notes.push(format!(
            "{} could be a canary once this is mended: {}",
            service.name, wrong.message
        ));
        kept.push(Found {
            because: format!("{stable}; its canary does not fit yet"),
            way: Way::Rolling(stable),
            ..service
        });
    }
    *services = kept;
}

/// Keeps the environments in which a service is written as it is in the first one, and notes which is not.
fn with_services(
    folder: &Path,
    places: Vec<Place>,
    services: &[Found],
    notes: &mut Vec<String>,
) -> Vec<Place> {
    let mut kept: Vec<Place> = Vec::new();
    for place in places {
        let Some(first) = kept.first() else {
            kept.push(place);
            continue;
        };
        let is_there = |glob: &String| {
            let path = glob.replace("{root}", &place.root);
            glob.contains('*') || folder.join(path).exists()
        };
        let (here, elsewhere): (Vec<&Found>, Vec<&Found>) = services
            .iter()
            .partition(|service| service.manifests.iter().all(is_there));
        if here.is_empty() {
            notes.push(format!(
                "{} is no environment of these services: their files are not in it, as they are in {}",
                place.root, first.root
            ));
            continue;
        }
        for service in elsewhere {
            notes.push(format!(
                "{} has other files in {} than in {}",
                service.name, place.name, first.name
            ));
        }
        kept.push(place);
    }
    kept
}

fn drafts(
    (folder, wishes): (&Path, &Wishes),
    places: &[Place],
    services: &[Found],
    config: String,
    left_out: Vec<String>,
) -> Drafts {
    let mut files = vec![(CONFIG.to_owned(), config)];
    let mut notes = Vec::new();
    let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
    for place in places {
        let root = if place.root.is_empty() {
            "."
        } else {
            &place.root
        };
        notes.push(format!("found the environment {} in {root}", place.name));
    }
    for service in services {
        let strategy = match &service.way {
            Way::Rolling(_) | Way::Chart(..) => "rolling",
            Way::Canary { .. } => "canary",
            Way::BlueGreen { .. } => "blue_green",
            Way::Rollout(..) => "argo_rollouts",
        };
        notes.push(format!(
            "found {}: {}, so {strategy}",
            service.name, service.because
        ));
    }
    notes.extend(left_out);
    let zone = wishes.zone.clone().unwrap_or_else(Zone::utc);
    for name in &names {
        let path = format!("policies/{name}.yaml");
        if folder.join(&path).exists() {
            notes.push(format!("{path} is there already and stays as it is"));
            continue;
        }
        let text = starter::policy(name, &path, &zone, *name == "production");
        debug_assert!(Policy::parse(&text, &path).is_ok(), "{text}");
        notes.push(format!(
            "guessed the hours in {path}, on the clock of {}",
            zone.name()
        ));
        files.push((path, text));
    }
    let (first, environment) = (
        &services[0].name,
        names.first().copied().unwrap_or_default(),
    );
    files.extend(
        wishes
            .pipeline
            .map(|system| starter::pipeline(system, first, environment)),
    );
    let guesses = files[0].1.matches("# guess").count();
    notes.push(format!(
        "guessed that your kubeconfig leads to the cluster{}",
        match guesses {
            0 => String::new(),
            1 => format!(", and one line of {CONFIG} that says `guess`"),
            more => format!(", and {more} lines of {CONFIG} that say `guess`"),
        }
    ));
    let which = match services {
        [_] => String::new(),
        _ => format!(" --service {first}"),
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
            .map(|service| service.name.clone())
            .collect(),
        next: vec![
            "shipgate validate".to_owned(),
            "read and commit the files".to_owned(),
            format!("shipgate plan --offline --repository URL{which}{place} --version VERSION"),
        ],
    }
}

/// Writes drafts into a folder: all of them, or none.
///
/// # Errors
/// One of the files is there already ([`Ending::Usage`]), or cannot be written.
pub fn write(folder: &Path, drafts: &Drafts) -> Result<(), Failure> {
    let is_there = |path: &&String| fs::symlink_metadata(folder.join(path)).is_ok();
    let mut paths = drafts.files.iter().map(|(path, _)| path);
    if let Some(path) = paths.find(is_there) {
        let reason =
            format!("{path} is there already, and `init` overwrites nothing; nothing was written");
        return Err(Failure::new(Ending::Usage, reason)
            .hint("`shipgate init --dry-run` prints what it would write; move the file away to begin again"));
    }
    for (path, text) in &drafts.files {
        let target = folder.join(path);
        let parent = target.parent().map_or(Ok(()), fs::create_dir_all);
        let written = parent
            .and_then(|()| fs::File::create_new(&target))
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| {
            Failure::new(Ending::Usage, format!("{path} cannot be written: {error}"))
                .hint("run it in a folder that you may write to")
        })?;
    }
    Ok(())
}
