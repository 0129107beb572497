//! Values inside of an object that installs a chart, a Flux HelmRelease or an Argo CD Application: where each kind
//! has them, and which of several places counts.

use std::borrow::Cow;

use serde_json::Value;

use super::place::join;
use crate::{
    manifest::Surveyed,
    yaml::{Limits, to_value},
};

/// Where the objects of a kind have what is looked for, as JSON pointers.
struct Layout {
    kind: &'static str,
    /// The specification of the release.
    spec: &'static str,
    /// The name of the release, where it is another one than the object's.
    release: &'static str,
    /// The namespace that it is installed in.
    namespace: &'static str,
    /// The folder of a chart of the repository.
    chart: &'static str,
    /// The key of the values that a patch may have.
    patched: &'static str,
}

const LAYOUTS: [Layout; 3] = [
    Layout {
        kind: "HelmRelease",
        spec: "/spec",
        release: "/spec/releaseName",
        namespace: "/spec/targetNamespace",
        chart: "/spec/chart/spec/chart",
        patched: "spec.values",
    },
    Layout {
        kind: "Application",
        spec: "/spec",
        release: "/spec/source/helm/releaseName",
        namespace: "/spec/destination/namespace",
        chart: "/spec/source/path",
        patched: "spec.source.helm.valuesObject",
    },
    Layout {
        kind: "ApplicationSet",
        spec: "/spec/template/spec",
        release: "/spec/template/spec/source/helm/releaseName",
        namespace: "/spec/template/spec/destination/namespace",
        chart: "/spec/template/spec/source/path",
        patched: "spec.template.spec.source.helm.valuesObject",
    },
];

fn layout(kind: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|it| it.kind == kind)
}

/// Returns the key of the image's tag in a patch of an object that installs a chart; none for other kinds.
pub(super) fn patched_tag(kind: &str) -> Option<String> {
    Some(format!("{}.image.tag", layout(kind)?.patched))
}

/// Returns the name of the release that an object installs.
pub(super) fn release(object: &Surveyed) -> &str {
    let named = layout(&object.object.kind).and_then(|it| object.text(it.release));
    named.unwrap_or(&object.object.name)
}

/// Returns the namespace that an object installs its release in, where it says so.
pub(super) fn namespace(object: &Surveyed) -> Option<&str> {
    let named = object.text(layout(&object.object.kind)?.namespace);
    // An Application is in the namespace of Argo CD.
    let is_in_it = object.object.kind == "HelmRelease";
    named.or_else(|| object.namespace.as_deref().filter(|_| is_in_it))
}

/// Returns the folder of the chart that an object installs, where it is one of the repository.
pub(super) fn chart_folder(object: &Surveyed) -> Option<&str> {
    let folder = object.text(layout(&object.object.kind)?.chart)?;
    let folder = folder.trim_start_matches("./").trim_matches('/');
    Some(if folder == "." { "" } else { folder })
}

/// Returns a value of the chart's `image`, such as its tag, that an object has inside.
pub(super) fn image<'a>(object: &'a Surveyed, key: &str) -> Option<Cow<'a, str>> {
    let layout = layout(&object.object.kind)?;
    let spec = object.content.pointer(layout.spec)?;
    let pointer = format!("/image/{key}");
    let found = match layout.kind {
        "HelmRelease" => spec
            .get("values")?
            .pointer(&pointer)?
            .as_str()
            .map(Cow::Borrowed),
        _ => in_argo_cd(spec, &pointer),
    };
    found.filter(|text| !text.is_empty())
}

/// Of the three places `parameters` win over `valuesObject`, and beside that `values` count for nothing.
fn in_argo_cd<'a>(spec: &'a Value, pointer: &str) -> Option<Cow<'a, str>> {
    let sources = spec.get("sources").and_then(Value::as_array);
    let helm = match sources {
        Some(sources) => sources.iter().find_map(|source| source.get("helm")),
        None => spec.pointer("/source/helm"),
    }?;
    let name = pointer.trim_start_matches('/').replace('/', ".");
    let mut parameters = helm.get("parameters").and_then(Value::as_array).into_iter();
    let parameter = parameters.find_map(|all| {
        let is_it = |it: &&Value| it.get("name").and_then(Value::as_str) == Some(name.as_str());
        all.iter().find(is_it)
    });
    if let Some(parameter) = parameter {
        return parameter.get("value")?.as_str().map(Cow::Borrowed);
    }
    if let Some(values) = helm.get("valuesObject") {
        return values.pointer(pointer)?.as_str().map(Cow::Borrowed);
    }
    let values = to_value(helm.get("values")?.as_str()?, &Limits::MANIFEST).ok()?;
    match values.value.pointer(pointer)? {
        Value::String(text) => Some(Cow::Owned(text.clone())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Returns the path of the values file of the chart that an object installs, where that is in the repository.
pub(super) fn chart_values(object: &Surveyed) -> Option<String> {
    Some(join(chart_folder(object)?, "values.yaml"))
}
