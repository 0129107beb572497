//! Services whose workloads a Helm chart writes: what carries the version is a key of a values file.

use std::collections::BTreeMap;

use super::{
    called,
    found::{Address, Found, Way, is_template},
    left_out,
    merged::Service,
    notes::Notes,
    place::{Place, folder},
};
use crate::{
    config::is_name,
    manifest::{ObjectRef, Surveyed, ValuesIn, is_kustomization},
};

/// The key of a values file that holds the image's tag, as `helm create` makes it.
const TAG: &str = "/image/tag";
const REPOSITORY: &str = "/image/repository";

/// A chart of the repository.
pub(super) struct Chart<'a> {
    name: &'a str,
    folder: &'a str,
}

impl<'a> Chart<'a> {
    /// Returns its folder, without a slash at the end.
    pub(super) fn folder(&self) -> &'a str {
        self.folder
    }

    /// Returns its folder for people.
    fn shown(&self) -> &str {
        if self.folder.is_empty() {
            "."
        } else {
            self.folder
        }
    }

    /// Is a file in the chart's folder?
    fn holds(&self, path: &str) -> bool {
        self.folder.is_empty() || path.starts_with(&format!("{}/", self.folder))
    }
}

/// Finds the charts, but for those that are parts of another one.
pub(super) fn charts(objects: &[Surveyed]) -> Vec<Chart<'_>> {
    let descriptions = objects
        .iter()
        .filter(|object| object.path.rsplit('/').next() == Some("Chart.yaml"));
    let charts = descriptions.filter_map(|object| {
        Some(Chart {
            name: object.text("/name").filter(|name| is_name(name))?,
            folder: folder(&object.path),
        })
    });
    let charts: Vec<Chart<'_>> = charts.collect();
    let is_part = |folder: &str| {
        let mut all = charts.iter();
        all.any(|other| folder.starts_with(&format!("{}/charts/", other.folder)))
    };
    let parts: Vec<bool> = charts.iter().map(|chart| is_part(chart.folder)).collect();
    let whole = charts.into_iter().zip(parts);
    whole
        .filter_map(|(chart, is_part)| (!is_part).then_some(chart))
        .collect()
}

/// Finds the values files that hold an image's tag: of each chart those of environments and of services where there
/// are any, else its own.
pub(super) fn values<'a>(objects: &'a [Surveyed], charts: &[Chart<'_>]) -> Vec<&'a Surveyed> {
    let is_values = |object: &&Surveyed| {
        let is_called_so = name(&object.path).starts_with("values");
        object.object.kind == ObjectRef::FILE
            && object.text(TAG).is_some()
            && (is_called_so
                || is_of_environment(object, objects, charts)
                || is_of_service(object, objects, charts))
    };
    let all: Vec<&Surveyed> = objects.iter().filter(is_values).collect();
    let (own, mut chosen): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| is_own(it, charts));
    let is_alone = |own: &&Surveyed| {
        let mut of = charts.iter();
        let of = of.find(|chart| chart.folder == folder(&own.path));
        of.is_some_and(|chart| !chosen.iter().any(|it| is_for(&it.path, chart, charts)))
    };
    let own: Vec<&Surveyed> = own.into_iter().filter(is_alone).collect();
    chosen.extend(own);
    chosen
}

/// May a values file be one for a chart: is it in its folder, or is the chart the only one, or called so in the path?
fn is_for(path: &str, chart: &Chart<'_>, charts: &[Chart<'_>]) -> bool {
    if charts.len() == 1 || chart.holds(path) {
        return true;
    }
    // The values of `shop-worker` are none of `shop`.
    let is_of = |other: &Chart<'_>| {
        other.holds(path) || other.name.len() > chart.name.len() && has_word(path, other.name)
    };
    has_word(path, chart.name) && !charts.iter().any(is_of)
}

/// Returns which image each values file is about: its own, or else the one that its chart has.
pub(super) fn images<'a>(
    objects: &'a [Surveyed],
    charts: &[Chart<'_>],
) -> BTreeMap<&'a str, &'a str> {
    let values = values(objects, charts).into_iter();
    let images = values.filter_map(|it| {
        let mut charts_of = charts
            .iter()
            .filter(|chart| is_for(&it.path, chart, charts));
        let image = image(it, objects, charts_of.next());
        Some((it.path.as_str(), image?))
    });
    images.collect()
}

fn image<'a>(
    values: &'a Surveyed,
    objects: &'a [Surveyed],
    chart: Option<&Chart<'_>>,
) -> Option<&'a str> {
    let defaults = || {
        let mut objects = objects.iter();
        objects.find(|it| {
            chart.is_some_and(|chart| folder(&it.path) == chart.folder)
                && it.path.ends_with("values.yaml")
        })
    };
    let own = values.text(REPOSITORY);
    let found = own.or_else(|| defaults()?.text(REPOSITORY));
    found.filter(|image| !image.is_empty())
}

/// Is a file the values of a chart themselves?
fn is_own(object: &Surveyed, charts: &[Chart<'_>]) -> bool {
    let mut charts = charts.iter();
    name(&object.path) == "values.yaml" && charts.any(|it| folder(&object.path) == it.folder)
}

/// Is a file called by an environment, or in a folder that is, with values that a chart of the repository has
/// as well?
fn is_of_environment(object: &Surveyed, objects: &[Surveyed], charts: &[Chart<'_>]) -> bool {
    called::is_called_by_one(&object.path) && has_values_of_one(object, objects, charts)
}

/// Is a file beside the charts the values of one service, which names its image itself?
fn is_of_service(object: &Surveyed, objects: &[Surveyed], charts: &[Chart<'_>]) -> bool {
    object.text(REPOSITORY).is_some()
        && !charts.iter().any(|chart| chart.holds(&object.path))
        && has_values_of_one(object, objects, charts)
}

/// Has a file values that a chart of the repository has as well?
fn has_values_of_one(object: &Surveyed, objects: &[Surveyed], charts: &[Chart<'_>]) -> bool {
    let Some(values) = object.content.as_object() else {
        return false;
    };
    let is_known = |own: &Surveyed| {
        let known = own.content.as_object();
        known.is_some_and(|known| values.keys().any(|key| known.contains_key(key)))
    };
    let mut own = objects.iter().filter(|it| is_own(it, charts));
    object.object.kind == ObjectRef::FILE
        && !is_template(object)
        && !is_kustomization(&object.path)
        && own.any(is_known)
}

/// Returns the name of a file.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Is a part of a path called so, or a part of it that stands between dashes, dots or underscores?
fn has_word(path: &str, name: &str) -> bool {
    let is_edge = |it: Option<char>| it.is_none_or(|it| "/-._".contains(it));
    path.match_indices(name).any(|(at, _)| {
        let (before, after) = (&path[..at], &path[at + name.len()..]);
        is_edge(before.chars().next_back()) && is_edge(after.chars().next())
    })
}

/// Finds the services of charts in an environment; what cannot be one is noted.
pub(super) fn services(
    objects: &[Surveyed],
    charts: &[Chart<'_>],
    place: &Place,
    notes: &mut Notes,
) -> Vec<Found> {
    let values = values(objects, charts);
    let mut of_place: Vec<&Surveyed> = values
        .iter()
        .copied()
        .filter(|it| place.holds(&it.path))
        .collect();
    // Of several in one folder, that of production.
    of_place.sort_by_key(|it| (!it.path.contains("prod"), it.path.len()));
    let mut found = Vec::new();
    for chart in charts {
        let of_chart = of_place
            .iter()
            .copied()
            .filter(|it| is_for(&it.path, chart, charts));
        let of_chart: Vec<&Surveyed> = of_chart.collect();
        if of_chart.is_empty() {
            let why = if values.iter().any(|it| is_for(&it.path, chart, charts)) {
                "its values files are in no folder of an environment"
            } else {
                "no values file with `image.tag` is found for it"
            };
            notes.add(format!(
                "{}: the chart `{}` is left out: {why}",
                chart.shown(),
                chart.name
            ));
            continue;
        }
        for (name, image, own) in named(chart, &of_chart, objects) {
            let Some(image) = image else {
                notes.add(format!(
                    "{}: no `image.repository` says what the chart `{}` runs: it is left out",
                    own.path, chart.name
                ));
                continue;
            };
            found.push(of_values(&name, own, image, chart, place));
        }
    }
    found
}

/// Returns what the services of a chart are called, each with its image and its values: one, or several that share the
/// chart where their values name other images.
fn named<'a>(
    chart: &Chart<'_>,
    values: &[&'a Surveyed],
    objects: &'a [Surveyed],
) -> Vec<(String, Option<&'a str>, &'a Surveyed)> {
    let images = values
        .iter()
        .map(|it| (image(it, objects, Some(chart)), *it));
    let mut by_image: Vec<(Option<&str>, Vec<&Surveyed>)> = Vec::new();
    for (image, it) in images {
        match by_image.iter_mut().find(|(known, _)| *known == image) {
            Some((_, of_image)) => of_image.push(it),
            None => by_image.push((image, vec![it])),
        }
    }
    let is_shared = by_image.len() > 1;
    let services = by_image.into_iter().filter_map(|(image, of_image)| {
        // The one that is called as the chart is.
        let mut all = of_image.iter().copied();
        let own = all.clone().find(|it| has_word(name(&it.path), chart.name));
        let own = own.or_else(|| all.next())?;
        let called = match own.text(REPOSITORY).filter(|_| is_shared) {
            Some(image) => {
                let last = name(image);
                let by_file = called::service(&own.path).filter(|name| is_name(name));
                let is_in_path = has_word(&own.path, last);
                by_file.filter(|_| !is_in_path).unwrap_or(last)
            }
            None => chart.name,
        };
        Some((called.to_owned(), image, own))
    });
    services.collect()
}

/// Makes the service that a chart writes with some values.
fn of_values(name: &str, own: &Surveyed, image: &str, chart: &Chart<'_>, place: &Place) -> Found {
    let path = place.named(&own.path);
    Found {
        name: name.to_owned(),
        image: image.to_owned(),
        manifests: vec![path.clone()],
        workloads: vec![(own.path.clone(), own.object.clone())],
        way: Way::Chart(
            ObjectRef {
                kind: "Deployment".to_owned(),
                name: name.to_owned(),
            },
            ValuesIn::File(path),
            "image.tag".to_owned(),
        ),
        because: format!(
            "the chart in `{}` writes it, with the values of {}",
            chart.shown(),
            own.path
        ),
        address: Address::Inside(format!("http://{name}")),
        health: "/".to_owned(),
        ingress: None,
        namespace: None,
        has_linkerd: false,
    }
}

/// Notes the values files of environments, beside the charts, that are in none of the services; those without a tag
/// where no environment has a file with one.
pub(super) fn tell_unused(
    objects: &[Surveyed],
    charts: &[Chart<'_>],
    services: &[Service],
    notes: &mut Notes,
) {
    let written = left_out::written(services);
    let is_unused = |it: &&Surveyed| {
        let of = (it.path.as_str(), &it.object);
        is_of_environment(it, objects, charts)
            && !charts.iter().any(|chart| chart.holds(&it.path))
            && !written.contains(&of)
            && !notes.name(it)
    };
    let unused = objects.iter().filter(is_unused);
    let (tagged, mut others): (Vec<&Surveyed>, Vec<&Surveyed>) =
        unused.partition(|it| it.text(TAG).is_some());
    let values = values(objects, charts);
    if values.iter().any(|it| !is_own(it, charts)) {
        others.clear();
    }
    let rows = [
        (
            tagged,
            "no service made of it; add one by hand, as docs/strategies.md says of `helm`",
        ),
        (
            others,
            "no `image.tag` in it that could be written; put the one that runs there into it, and run this again",
        ),
    ];
    for (files, why) in rows {
        let paths: Vec<&str> = files.iter().map(|it| it.path.as_str()).collect();
        let looks = match paths[..] {
            [] => continue,
            [_] => "looks",
            _ => "each looks",
        };
        let line = format!(
            "{}: {looks} like the values of an environment, and there is {why}",
            paths.join(", ")
        );
        notes.about(files, line);
    }
}
