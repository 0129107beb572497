//! `DD_VERSION`: the environment variable that tells Datadog which version a process is.

use super::{Refusal, cursor::Cursor, findings::Findings, pod_spec::Container};
use crate::units::Version;

/// Name of the variable.
pub(super) const NAME: &str = "DD_VERSION";

/// Finds `DD_VERSION` in a container. One that takes its value from elsewhere (`valueFrom`, as
/// from a label) follows by itself and is left as it is.
pub(super) fn locate(container: &Container<'_>, version: &Version, findings: &mut Findings) {
    if let Some(Some(value)) = findings.take(value_of(container)) {
        findings.want(&value, version.as_str());
    }
}

fn value_of<'a>(container: &Container<'a>) -> Result<Option<Cursor<'a>>, Refusal> {
    let mut found: Option<Cursor<'a>> = None;
    let list = container.item.key("env")?;
    for entry in list.iter().flat_map(Cursor::items) {
        if entry.key("name")?.and_then(|name| name.text()) != Some(NAME) {
            continue;
        }
        if let Some(first) = found {
            let (first, second) = (first.line(), entry.line());
            let reason =
                format!("{NAME} is in `env` twice, on lines {first} and {second}, expected once");
            return Err(entry.refusal(reason).hint("remove one of the two"));
        }
        found = Some(entry);
    }
    let Some(entry) = found else {
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

/// Finds an environment variable.
pub(super) fn set(
    manifests: &super::Manifests,
    workload: Option<&super::ObjectRef>,
    container: Option<&str>,
    (name, value): (&str, &str),
    findings: &mut Findings,
) {
    let _ = (manifests, workload, container, name, value);
    findings.refusals.push(super::Refusal::new("not there yet"));
}
