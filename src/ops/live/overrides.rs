//! Does a controller put another image in the place of the one that is in git?

use super::{Presence, Wanted};
use crate::{
    manifest::{ValuesIn, path_of},
    probe::{
        excerpt,
        live::{
            image::tags,
            overrides::{Overrides, Patch},
        },
    },
};

/// Says which tags an application has of the service's image, where what is in git is not among them: its
/// source can put others in their place. An application whose objects do not name the image says nothing.
pub(super) fn seen(wanted: &Wanted<'_>, images: &[String]) -> Option<String> {
    let references: Vec<&str> = images.iter().map(String::as_str).collect();
    let tags = tags(&references, &wanted.target.service.image);
    if wanted.presence == Presence::Gone || tags.is_empty() || tags.contains(wanted.version) {
        return None;
    }
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    Some(format!(
        "it is synced to our commit, and yet its image has the tag {}; do `kustomize.images` or Helm parameters of the Application override it?",
        tags.join(" and ")
    ))
}

/// Says what a controller is told to put in the place of the service's image, where that is not the wanted
/// version. What is only written into git never runs then, whatever else the controller says.
pub(super) fn told(wanted: &Wanted<'_>, overrides: &Overrides) -> Option<String> {
    if wanted.presence == Presence::Gone {
        return None;
    }
    let (service, version) = (&wanted.target.service, wanted.version);
    let image = service.image.as_str();
    let is_other = |found: &&(String, String)| found.0 == image && found.1 != version;
    if let Some((_, to)) = overrides.images.iter().find(is_other) {
        return Some(format!(
            "its own `images` give {image} the tag or digest {}, whatever git says; take the entry out of it",
            excerpt(to)
        ));
    }
    let workloads = service.strategy.workloads().into_iter();
    let own = workloads.filter(|(arm, _)| *arm == wanted.arm);
    let objects: Vec<_> = own.map(|(_, workload)| &workload.object).collect();
    // Where git has the values inside of the application, its parameters may be ours, and those of the commit
    // before.
    let keys = objects
        .iter()
        .filter_map(|object| service.helm_keys(object))
        .filter(|(values, _)| matches!(values, ValuesIn::File(_)));
    let keys: Vec<String> = keys.map(|(_, keys)| path_of(&keys.image_tag)).collect();
    let is_other = |found: &&(String, String)| keys.contains(&found.0) && found.1 != version;
    if let Some((name, value)) = overrides.parameters.iter().find(is_other) {
        return Some(format!(
            "its own Helm parameter {} is {}, whatever git says; take it out of it",
            excerpt(name),
            excerpt(value)
        ));
    }
    let may_be_ours = |patch: &&Patch| {
        let is_named = |name: &String| match &patch.target {
            Some(target) => target == name,
            None => patch.text.contains(name.as_str()) || patch.is_of_selected,
        };
        let mut names = objects.iter().map(|object| &object.name);
        (patch.text.contains(image) || names.any(is_named)) && !names_version(&patch.text, version)
    };
    overrides.patches.iter().find(may_be_ours).map(|_| {
        "one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself".to_owned()
    })
}

/// Does a text name a version as a word of its own? `1.10` and `apps/v1` do not name `1.1` or `1`.
fn names_version(text: &str, version: &str) -> bool {
    let is_of_word = |it: char| it.is_ascii_alphanumeric() || "._-+".contains(it);
    let mut words = text.split(|it| !is_of_word(it));
    words.any(|word| word == version)
}
