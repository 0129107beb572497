//! Services that a Flux HelmRelease or an Argo CD Application installs from a chart, with the values inside of it
//! or in a patch of it.

use std::borrow::Cow;

use super::{
    found::{Address, Found, Way, is_template},
    inside,
    notes::Notes,
    place::Place,
};
use crate::manifest::{ObjectRef, Surveyed, ValuesIn};

/// What makes an Application for each of several environments.
const MANY: &str = "ApplicationSet";

/// Finds those whose values say which version of an image runs.
pub(super) fn releases(objects: &[Surveyed]) -> Vec<&Surveyed> {
    let is_one = |object: &&Surveyed| object.object.kind != MANY && says_version(object);
    objects.iter().filter(is_one).collect()
}

fn says_version(object: &Surveyed) -> bool {
    !is_template(object) && inside::image(object, "tag").is_some()
}

/// Is a chart of the repository installed by an object that says itself which version runs?
pub(super) fn install(objects: &[Surveyed], chart: &str) -> bool {
    let mut objects = objects.iter();
    objects.any(|it| says_version(it) && inside::chart_folder(it) == Some(chart))
}

/// Finds the services of an environment; what cannot be one is noted. `patches` are those of kustomizations.
pub(super) fn services(
    (objects, patches): (&[Surveyed], &[Surveyed]),
    place: &Place,
    notes: &mut Notes,
) -> Vec<Found> {
    let mut found = Vec::new();
    for release in releases(objects) {
        if !place.holds(&release.path) {
            continue;
        }
        let defaults = inside::chart_values(release);
        let of_chart = || {
            let mut objects = objects.iter();
            let values = objects.find(|it| Some(&it.path) == defaults.as_ref())?;
            values.text("/image/repository").map(Cow::Borrowed)
        };
        let image = inside::image(release, "repository").or_else(of_chart);
        let Some(image) = image else {
            let line = format!(
                "{}:{}: {} is left out: no `image.repository` in its values says what it runs; write it there, as the chart has it, and run this again",
                release.path, release.line, release.object
            );
            notes.about([release], line);
            continue;
        };
        let name = inside::release(release);
        let patch = patches.iter().find(|patch| {
            patch.object == release.object
                && place.is_own(&patch.path)
                && inside::image(patch, "tag").is_some()
        });
        let key = patch.and_then(|patch| inside::patched_tag(&patch.object.kind));
        let (holder, values, key) = match (patch, key) {
            (Some(patch), Some(key)) => {
                let file = ValuesIn::File(place.named(&patch.path));
                (patch, file, key)
            }
            _ => {
                let object = ValuesIn::Object(release.object.clone());
                (release, object, "image.tag".to_owned())
            }
        };
        found.push(Found {
            name: release.object.name.clone(),
            image: image.into_owned(),
            manifests: vec![place.named(&holder.path)],
            workloads: vec![(release.path.clone(), release.object.clone())],
            way: Way::Chart(
                ObjectRef {
                    kind: "Deployment".to_owned(),
                    name: name.to_owned(),
                },
                values,
                key,
            ),
            because: because(release, patch),
            address: Address::Inside(format!("http://{name}")),
            health: "/".to_owned(),
            ingress: None,
            namespace: inside::namespace(release).map(str::to_owned),
            has_linkerd: false,
        });
    }
    found
}

fn because(release: &Surveyed, patch: Option<&Surveyed>) -> String {
    let (object, path) = (&release.object, &release.path);
    match patch {
        None => format!("{object} in {path} installs a chart, with its values inside"),
        Some(patch) => format!(
            "{object} in {path} installs a chart, and {} has its values",
            patch.path
        ),
    }
}

/// Notes what makes releases for several environments from one text.
pub(super) fn tell_sets(objects: &[Surveyed], notes: &mut Notes) {
    for set in objects.iter().filter(|it| it.object.kind == MANY) {
        let Some(tag) = inside::image(set, "tag").filter(|_| !is_template(set)) else {
            continue;
        };
        let why = if tag.contains("{{") {
            format!(
                "its generators fill in `image.tag` (found `{tag}`), and what they list is not written; let `valueFiles` name a file of each environment, or write an Application for each, and run this again"
            )
        } else {
            "all that it makes has one `image.tag`; where that is meant, name it as `helm: {object: …, image_tag: image.tag}` (docs/strategies.md)".to_owned()
        };
        let line = format!(
            "{}:{}: {} is left out: {why}",
            set.path, set.line, set.object
        );
        notes.about([set], line);
    }
}
