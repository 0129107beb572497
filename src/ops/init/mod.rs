//! A first `shipgate.yaml`, policy and pipeline file, made from the manifests that are there.
//!
//! `tree` reads the folder, `places` finds the environments (`called` has their names, `parted` the copies inside of
//! one), `survey`, `chart` and `release` the services in them (with `details` for each), `merged` puts together what
//! is one service, `fit` keeps what `plan` would take, `left_out` names the rest, and `text`, `starter` and
//! `pipeline` write. Nothing is asked of anybody, and what does not pass `validate` is not written.

mod called;
mod chart;
mod details;
mod drafts;
mod fit;
mod found;
mod inside;
mod left_out;
mod merged;
mod notes;
mod parted;
mod pipeline;
mod place;
mod places;
mod release;
mod starter;
mod survey;
mod text;
mod tree;
mod trial;
mod write;

use std::path::Path;

use chrono::{DateTime, Utc};

use super::{
    command::USUAL_CONFIG as CONFIG,
    validate::{self, Subject},
};
use crate::{
    config::{Config, Environment, live::is_object_name},
    event::{Ending, Failure},
    manifest::{self, Manifests, ObjectRef, SourceFile, Surveyed},
    policy::zone::Zone,
    units::with_slashes,
};

use notes::Notes;
use place::Place;
use survey::Survey;
use tree::Tree;

pub use pipeline::Pipeline;
pub use write::write;

/// What to do where nothing is found.
const WHERE: &str = "run it in the folder of your GitOps repository; it looks for Deployments, StatefulSets, DaemonSets, Rollouts and Helm charts";

/// What somebody has said beforehand.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Name of the environment: of the only one, or which one of several.
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
    /// The command that drafts them again, for messages.
    pub command: String,
}

/// Looks at the manifests of a folder and drafts the files. Nothing is written; `now` is the machine's
/// time.
///
/// # Errors
/// The folder is not the root of the repository that it is in, or cannot be read; nothing in it is a service; a wish that no configuration may hold; a policy that
/// is there already and not valid.
pub async fn draft(folder: &Path, wishes: &Wishes, now: DateTime<Utc>) -> Result<Drafts, Failure> {
    check_is_root(folder)?;
    let mut notes = Notes::default();
    let tree = Tree::read(folder, &mut notes).map_err(|failure| failure.hint(WHERE))?;
    if let Some(root) = wishes
        .root
        .as_deref()
        .filter(|it| !tree.root.join(it).is_dir())
    {
        let reason = format!("--root: found no folder `{root}` here");
        return Err(Failure::new(Ending::Usage, reason).hint(
            "name the folder of one environment's manifests, counted from here; without --root they are looked for",
        ));
    }
    let mut objects = manifest::survey(&tree.manifests);
    objects.retain(|object| is_usual(object, &mut notes));
    let patches = manifest::patches(&tree.manifests);
    let mut charts = chart::charts(&objects);
    let folders: Vec<&str> = charts.iter().map(|chart| chart.folder()).collect();
    charts.retain(|chart| !release::install(&objects, chart.folder()));
    let mut workloads: Vec<&Surveyed> =
        objects.iter().filter(|it| found::is_workload(it)).collect();
    workloads.extend(chart::values(&objects, &charts));
    workloads.extend(release::releases(&objects));
    let written = places::Written {
        workloads: &workloads,
        images: &chart::images(&objects, &charts),
        built: &manifest::built(&tree.manifests),
    };
    let wanted = (wishes.environment.as_deref(), wishes.root.as_deref());
    let mut places = places::find(written, wanted, &mut notes)?;
    let mut found = Vec::new();
    for place in &places {
        for own in place.folders() {
            let services = services_in((&own, place, &places), &tree, &objects, &mut notes);
            found.extend(services.into_iter().map(|service| (place, service)));
        }
        // What the first environment says of charts holds for all.
        let mut of_others = Notes::default();
        let is_first = places.first() == Some(place);
        let told = if is_first { &mut notes } else { &mut of_others };
        let of_charts = chart::services(&objects, &charts, place, told);
        found.extend(of_charts.into_iter().map(|service| (place, service)));
        let mut releases = release::services((&objects, &patches), place, &mut notes);
        releases.retain(|release| {
            !found
                .iter()
                .any(|(of, it)| *of == place && it.name == release.name)
        });
        found.extend(releases.into_iter().map(|service| (place, service)));
    }
    let known = text::Known {
        address: wishes.address.as_deref(),
        prometheus: wishes.prometheus.as_deref(),
    };
    let files = trial::Files {
        manifests: &tree.manifests,
        unreadable: &tree.unreadable,
    };
    let (services, twins) = merged::merge(found);
    let services = fit::without_others(services, &mut places, &objects, &mut notes);
    let services = fit::services(services, &places, (files, &objects), &known, &mut notes);
    let places = fit::places(places, &services, &mut notes);
    merged::tell(&twins, &services, &objects, &mut notes);
    left_out::tell(&objects, &folders, (&places, &services), &mut notes);
    release::tell_sets(&objects, &mut notes);
    chart::tell_unused(&objects, &charts, &services, &mut notes);
    if services.is_empty() {
        return Err(nothing(folder, notes.lines()));
    }
    let config = text::config(&places, &services, &known);
    if let Err(findings) = Config::parse(&config) {
        return Err(super::failure::findings(CONFIG, &findings)
            .hint("this is what `init` would have written; look at --address, --prometheus and --environment"));
    }
    check_policies(folder, &places, now).await?;
    Ok(drafts::drafts(
        (&tree.root, wishes),
        &places,
        &services,
        config,
        &notes,
    ))
}

/// Finds the services in a folder of an environment.
fn services_in(
    (own, place, places): (&str, &Place, &[Place]),
    tree: &Tree,
    objects: &[Surveyed],
    notes: &mut Notes,
) -> Vec<found::Found> {
    let paths = tree.manifests.paths();
    let files = paths.filter(|path| place.holds_in(own, path));
    let files = files.map(|path| SourceFile {
        path: path.to_owned(),
        bytes: tree.manifests.text(path).unwrap_or_default().into(),
    });
    // They were read before.
    let manifests = Manifests::parse(files.collect()).unwrap_or_else(|_| tree.manifests.clone());
    let objects = objects.iter().filter(|it| place.holds_in(own, &it.path));
    let survey = Survey {
        manifests: &manifests,
        place,
        places,
        folder: own,
        objects: objects.collect(),
        unreadable: &tree.unreadable,
    };
    survey.services(notes)
}

/// Has an object names that a cluster takes? Another one could be anything, and is said to be left out if it
/// is a workload.
fn is_usual(object: &Surveyed, notes: &mut Notes) -> bool {
    let names = object.namespace.iter().chain([&object.object.name]);
    let is_usual =
        object.object.kind == ObjectRef::FILE || names.into_iter().all(|it| is_object_name(it));
    // What templates write has names that are none.
    let is_usual = is_usual || found::is_template(object);
    if !is_usual && found::is_workload(object) {
        let name = object.object.name.escape_debug();
        notes.add(format!(
            "`{name}` in {} is no name of an object in a cluster: it is left out",
            object.path
        ));
    }
    is_usual
}

/// Refuses a folder within a repository: every command looks for the files at the repository's root, and
/// forges for theirs.
fn check_is_root(folder: &Path) -> Result<(), Failure> {
    let is_repository = |folder: &&Path| folder.join(".git").exists();
    let Some(root) = folder.ancestors().find(is_repository) else {
        return Ok(());
    };
    let Ok(inner) = folder.strip_prefix(root) else {
        return Ok(());
    };
    if inner.as_os_str().is_empty() {
        return Ok(());
    }
    let inner = with_slashes(&inner.to_string_lossy());
    let reason = format!(
        "`{inner}` is a folder of the git repository in `{}`, and `shipgate.yaml` is looked for at its root",
        root.display()
    );
    Err(Failure::new(Ending::Usage, reason).hint(
        "run it there; --root names the folder of one environment's manifests, counted from there",
    ))
}

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

/// Refuses to write a configuration whose policies would not pass.
async fn check_policies(
    folder: &Path,
    places: &[Place],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let there = places
        .iter()
        .map(|place| Environment::usual_policy(&place.name));
    let there = there.filter(|path| folder.join(path).exists());
    let subjects: Vec<Subject> = there
        .map(|shown| Subject {
            path: folder.join(&shown),
            shown,
            policy: true,
        })
        .collect();
    if subjects.is_empty() {
        return Ok(());
    }
    let outcome = validate::run(&subjects, now, false, None, &|_| true).await;
    if outcome.ending != Ending::ConfigInvalid {
        return Ok(());
    }
    let reason = format!("{}; nothing was written", outcome.reason);
    Err(Failure::new(Ending::ConfigInvalid, reason)
        .hint("the policy is there already and is not valid: mend it, or move it away, and run `shipgate init` again"))
}
