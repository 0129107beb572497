//! Services whose workloads a Helm chart writes: what carries the version is a key of a values file.

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

/// Finds the values files that hold an image's tag: those of environments where there are any, else the charts'
/// own.
pub(super) fn values<'a>(objects: &'a [Surveyed], charts: &[Chart<'_>]) -> Vec<&'a Surveyed> {
    let is_values = |object: &&Surveyed| {
        let is_called_so = name(&object.path).starts_with("values");
        object.object.kind == ObjectRef::FILE
            && object.text(TAG).is_some()
            && (is_called_so || is_of_environment(object, objects, charts))
    };
    let all: Vec<&Surveyed> = objects.iter().filter(is_values).collect();
    let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| is_own(it, charts));
    let mut chosen = if others.is_empty() { own } else { others };
    // Values files of different charts have the same keys, and are not one service in several environments.
    let mut of_one = charts.iter();
    if let Some(one) = of_one.find(|chart| chosen.iter().any(|it| chart.holds(&it.path))) {
        let is_of_another =
            |path: &str| !one.holds(path) && charts.iter().any(|chart| chart.holds(path));
        chosen.retain(|it| !is_of_another(&it.path));
    }
    chosen
}

/// Is a file the values of a chart themselves?
fn is_own(object: &Surveyed, charts: &[Chart<'_>]) -> bool {
    let mut charts = charts.iter();
    name(&object.path) == "values.yaml" && charts.any(|it| folder(&object.path) == it.folder)
}

/// Is a file called by an environment, or in a folder that is, with values that a chart of the repository has
/// as well?
fn is_of_environment(object: &Surveyed, objects: &[Surveyed], charts: &[Chart<'_>]) -> bool {
    let Some(values) = object.content.as_object() else {
        return false;
    };
    let is_known = |own: &Surveyed| {
        let known = own.content.as_object();
        known.is_some_and(|known| values.keys().any(|key| known.contains_key(key)))
    };
    let mut own = objects.iter().filter(|it| is_own(it, charts));
    object.object.kind == ObjectRef::FILE
        && called::is_called_by_one(&object.path)
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
    let mut of_place: Vec<&&Surveyed> = values.iter().filter(|it| place.holds(&it.path)).collect();
    // Of several in one folder, that of production.
    of_place.sort_by_key(|it| (!it.path.contains("prod"), it.path.len()));
    let mut found = Vec::new();
    for chart in charts {
        let beside = |it: &&&&Surveyed| {
            let mut others = charts.iter().filter(|other| other.folder != chart.folder);
            let is_of_another = !chart.holds(&it.path) && others.any(|other| other.holds(&it.path));
            charts.len() == 1
                || !is_of_another && (chart.holds(&it.path) || has_word(&it.path, chart.name))
        };
        // Of those, the one that is called as the chart is.
        let of_chart = of_place.iter().filter(beside);
        let own = of_chart.min_by_key(|it| !has_word(name(&it.path), chart.name));
        let Some(own) = own else {
            let of_another = values.iter().any(|it| !chart.holds(&it.path));
            let why = if charts.len() > 1 && of_another {
                "only one chart is written: add this one by hand, as docs/strategies.md says"
            } else {
                "no values file with `image.tag` is found for it"
            };
            notes.add(format!(
                "{}: the chart `{}` is left out: {why}",
                chart.shown(),
                chart.name
            ));
            continue;
        };
        let defaults = objects
            .iter()
            .find(|it| folder(&it.path) == chart.folder && it.path.ends_with("values.yaml"));
        let image = own.text(REPOSITORY);
        let image = image.or_else(|| defaults.and_then(|it| it.text(REPOSITORY)));
        let Some(image) = image.filter(|image| !image.is_empty()) else {
            notes.add(format!(
                "{}: no `image.repository` says what the chart `{}` runs: it is left out",
                own.path, chart.name
            ));
            continue;
        };
        let path = place.named(&own.path);
        found.push(Found {
            name: chart.name.to_owned(),
            image: image.to_owned(),
            manifests: vec![path.clone()],
            workloads: vec![(own.path.clone(), own.object.clone())],
            way: Way::Chart(
                ObjectRef {
                    kind: "Deployment".to_owned(),
                    name: chart.name.to_owned(),
                },
                ValuesIn::File(path),
                "image.tag".to_owned(),
            ),
            because: format!(
                "the chart in `{}` writes it, with the values of {}",
                chart.shown(),
                own.path
            ),
            address: Address::Inside(format!("http://{}", chart.name)),
            health: "/".to_owned(),
            ingress: None,
            namespace: None,
            has_linkerd: false,
        });
    }
    found
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
