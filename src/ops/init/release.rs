//! Services that a Flux HelmRelease or an Argo CD Application installs from a chart, with the values inside of it.

use super::{
    found::{Address, Found, Way, is_template},
    notes::Notes,
    place::Place,
};
use crate::manifest::{ObjectRef, Surveyed, ValuesIn};

/// Where the objects of a kind have what is looked for, as JSON pointers.
struct Layout {
    kind: &'static str,
    values: &'static str,
    /// The name of the release, where it is another one than the object's.
    release: &'static str,
    /// The namespace that it is installed in.
    namespace: &'static str,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        kind: "HelmRelease",
        values: "/spec/values",
        release: "/spec/releaseName",
        namespace: "/spec/targetNamespace",
    },
    Layout {
        kind: "Application",
        values: "/spec/source/helm/valuesObject",
        release: "/spec/source/helm/releaseName",
        namespace: "/spec/destination/namespace",
    },
];

fn layout(object: &Surveyed) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|it| it.kind == object.object.kind)
}

fn value<'a>(object: &'a Surveyed, key: &str) -> Option<&'a str> {
    let layout = layout(object)?;
    let text = object.text(&format!("{}/image/{key}", layout.values))?;
    Some(text).filter(|text| !text.is_empty())
}

/// Finds those whose values say which version of an image runs.
pub(super) fn releases(objects: &[Surveyed]) -> Vec<&Surveyed> {
    let says_version = |object: &&Surveyed| !is_template(object) && value(object, "tag").is_some();
    objects.iter().filter(says_version).collect()
}

/// Finds the services of an environment; what cannot be one is noted.
pub(super) fn services(objects: &[Surveyed], place: &Place, notes: &mut Notes) -> Vec<Found> {
    let mut found = Vec::new();
    for release in releases(objects) {
        let Some(layout) = layout(release).filter(|_| place.holds(&release.path)) else {
            continue;
        };
        let Some(image) = value(release, "repository") else {
            notes.add(format!(
                "{}: {} is left out: no `image.repository` in its values says what it runs; write it there, as the chart has it, and run this again",
                release.path, release.object
            ));
            continue;
        };
        let name = release.text(layout.release).unwrap_or(&release.object.name);
        let namespace = release.text(layout.namespace).or_else(|| {
            let own = release.namespace.as_deref();
            own.filter(|_| layout.kind == "HelmRelease")
        });
        found.push(Found {
            name: release.object.name.clone(),
            image: image.to_owned(),
            manifests: vec![place.named(&release.path)],
            workloads: vec![(release.path.clone(), release.object.clone())],
            way: Way::Chart(
                ObjectRef {
                    kind: "Deployment".to_owned(),
                    name: name.to_owned(),
                },
                ValuesIn::Object(release.object.clone()),
                "image.tag".to_owned(),
            ),
            because: format!(
                "{} in {} installs a chart, with its values inside",
                release.object, release.path
            ),
            address: Address::Inside(format!("http://{name}")),
            health: "/".to_owned(),
            ingress: None,
            namespace: namespace.map(str::to_owned),
            has_linkerd: false,
        });
    }
    found
}
