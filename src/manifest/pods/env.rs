//! Environment variables of containers: any that is asked for, and `DD_VERSION`, which tells Datadog
//! which version a process is.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment,
    cursor::Cursor,
    findings::Findings,
    image::container_named,
    pod_spec::{Container, Workload, container_names},
    template,
    workloads::{self, wanted},
};
use crate::units::Version;

/// Name of the variable.
pub(in crate::manifest) const NAME: &str = "DD_VERSION";

/// Finds `DD_VERSION` in a container. One that takes its value from elsewhere (`valueFrom`, as
/// from a label) follows by itself and is left as it is.
pub(in crate::manifest) fn locate(
    container: &Container<'_>,
    version: &Version,
    findings: &mut Findings,
) {
    if let Some(Some(value)) = findings.take(version_of(container)) {
        findings.want(&value, version.as_str());
    }
}

fn version_of<'a>(container: &Container<'a>) -> Result<Option<Cursor<'a>>, Refusal> {
    let Some(entry) = entry_of(container, NAME)? else {
        return Ok(None);
    };
    let Some(value) = entry.key("value")? else {
        if entry.key("valueFrom")?.is_some() {
            return Ok(None);
        }
        let reason = format!("{NAME} has neither `value` nor `valueFrom`");
        return Err(entry.refusal(reason).hint("write `value` below its name"));
    };
    if value.text().is_some_and(|text| text.contains("$(")) {
        let reason = format!("{NAME} is put together from other variables, expected a version");
        return Err(value.refusal(reason).hint("write the version itself there"));
    }
    Ok(Some(value))
}

/// Returns the item of `env` that has a name.
///
/// # Errors
/// Two have it, or one has a key twice.
fn entry_of<'a>(container: &Container<'a>, name: &str) -> Result<Option<Cursor<'a>>, Refusal> {
    let mut found: Option<Cursor<'a>> = None;
    let view = container.place.view;
    if !view.file.may_hold(view.part, name) {
        return Ok(None);
    }
    let list = container.place.key("env")?;
    let entries = |list: &Cursor<'a>| list.items_that_may_have("name", name);
    for entry in list.iter().flat_map(entries) {
        if entry.key("name")?.and_then(|name| name.text()) != Some(name) {
            continue;
        }
        if let Some(first) = found {
            let (first, second) = (first.line(), entry.line());
            let reason =
                format!("{name} is in `env` twice, on lines {first} and {second}, expected once");
            return Err(entry.refusal(reason).hint("remove one of the two"));
        }
        found = Some(entry);
    }
    Ok(found)
}

/// Finds an environment variable; in a workload that is named it is made where it is missing.
pub(in crate::manifest) fn set(
    manifests: &Manifests,
    workload: Option<&ObjectRef>,
    container: Option<&str>,
    (name, value): (&str, &str),
    findings: &mut Findings,
) {
    let legal = check_name(name).and_then(|()| template::check_new(value));
    if findings.take(legal).is_none() {
        return;
    }
    let chosen = chosen(manifests, workload, container, name, findings);
    for (workload, container) in findings.take(chosen).into_iter().flatten() {
        match findings.take(check_entry(&container, name)) {
            None => continue,
            Some(true) => {}
            Some(false) => {
                if let Some(Some(_)) = findings.take(container.place.key("envFrom")) {
                    findings.notes.push(format!(
                        "container {} of {} takes variables from `envFrom` too; {name} is now \
                         written out and wins",
                        container.title(),
                        workload.title()
                    ));
                }
            }
        }
        let path = [
            Segment::from("env"),
            Segment::named(name),
            Segment::from("value"),
        ];
        findings.put(&container.place, &path, value, ScalarType::Text);
    }
}

/// Returns the containers that the variable is for.
fn chosen<'a>(
    manifests: &'a Manifests,
    workload: Option<&ObjectRef>,
    container: Option<&str>,
    name: &str,
    findings: &mut Findings,
) -> Result<Vec<(Workload<'a>, Container<'a>)>, Refusal> {
    if workload.is_none() {
        let named = [name];
        let mut unknown = manifests.unknown_with(&named);
        if let Some(unknown) = unknown.find(|unknown| unknown.hides_entry("name", Some(name))) {
            let reason = format!("the {} here may have the variable {name}", unknown.what());
            return Err(unknown.refusal(reason));
        }
    }
    let mut found = Vec::new();
    for candidate in wanted(manifests, workload, name, findings)? {
        let containers = match container {
            Some(wanted) => container_named(&candidate, wanted)?.into_iter().collect(),
            None => candidate.containers()?,
        };
        let mut having = Vec::new();
        for container in &containers {
            if entry_of(container, name)?.is_some() {
                having.push(container.clone());
            }
        }
        // A workload that is named gets the variable; any other one must have it.
        if having.is_empty() && workload.is_some() {
            having.push(only_one(&candidate, containers, container)?);
        }
        found.extend(having.into_iter().map(|having| (candidate.clone(), having)));
    }
    if found.is_empty() {
        let whose = match container {
            Some(container) => format!("no container `{container}`"),
            None => "no container".to_owned(),
        };
        let missing = format!("{whose} has the variable {name}");
        if workload.is_some() {
            return Err(Refusal::new(format!("{missing}, expected one that has"))
                .hint("name the workload that is to get it"));
        }
        let only = workloads::only_one(manifests, &missing)?;
        let containers = match container {
            Some(wanted) => container_named(&only, wanted)?.into_iter().collect(),
            None => only.containers()?,
        };
        let container = only_one(&only, containers, container)?;
        findings.notes.push(format!(
            "{missing}; {} gets it, the only workload",
            only.title()
        ));
        found.push((only, container));
    }
    Ok(found)
}

/// Returns the one container that can be meant.
fn only_one<'a>(
    workload: &Workload<'a>,
    mut containers: Vec<Container<'a>>,
    wanted: Option<&str>,
) -> Result<Container<'a>, Refusal> {
    match (containers.pop(), containers.is_empty(), wanted) {
        (Some(only), true, _) => Ok(only),
        (None, _, Some(wanted)) => Err(workload
            .refusal(format!(
                "{} has no container `{wanted}`; found {}",
                workload.title(),
                container_names(&workload.containers()?)
            ))
            .hint("name the container as its `name` is written there")),
        (None, _, None) => Err(workload
            .refusal(format!("{} has no containers", workload.title()))
            .hint("write its containers first")),
        (Some(last), false, _) => Err(workload
            .refusal(format!(
                "{} has several containers, expected one that is named; found {}",
                workload.title(),
                container_names(containers.iter().chain([&last]))
            ))
            .hint("name the container that is to get the variable")),
    }
}

/// Has the container the variable already, with a value that may be replaced?
fn check_entry(container: &Container<'_>, name: &str) -> Result<bool, Refusal> {
    let Some(entry) = entry_of(container, name)? else {
        return Ok(false);
    };
    match entry.key("valueFrom")? {
        None => Ok(true),
        Some(source) => Err(source
            .refusal(format!(
                "{name} takes its value from {}, expected a `value`",
                origin(&source)
            ))
            .hint("change it where it comes from, or write `value` in place of `valueFrom`")),
    }
}

/// Says where a value comes from: `configMapKeyRef settings, key LEVEL`.
fn origin(source: &Cursor<'_>) -> String {
    let document = source.document;
    let Some((kind, value)) = document.entries(source.node).next() else {
        return "`valueFrom`".to_owned();
    };
    let kind = document.text(kind).unwrap_or("valueFrom");
    let parts = ["name", "key", "fieldPath", "resource"]
        .iter()
        .filter_map(|key| {
            let text = document.text(document.get(value, key)?)?;
            Some(match *key {
                "key" => format!("key {text}"),
                _ => text.to_owned(),
            })
        });
    let parts: Vec<String> = parts.collect();
    format!("`{kind}` {}", parts.join(", "))
        .trim_end()
        .to_owned()
}

/// Checks the name of a variable (kubernetes.io, "EnvVar", C_IDENTIFIER with dots and dashes).
fn check_name(name: &str) -> Result<(), Refusal> {
    let mut bytes = name.bytes();
    let starts_well = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || b"._-".contains(&byte));
    if starts_well && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "`{}` is no name of a variable, expected letters, digits, `_`, `.` and `-`, not with a \
         digit in front",
        name.escape_debug()
    ))
    .hint("a name looks like LOG_LEVEL"))
}
