//! Which of two workloads a Service leads to, and the label that says so.

use std::collections::HashMap;

use super::selector::{pod_labels, shown};
use crate::manifest::{
    Manifests, ObjectRef, Refusal, cursor::Cursor, manifests::listed, object::View,
    pods::version_label,
};

/// How a Service tells two workloads apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colours {
    /// Key of the selector's label.
    pub label: String,
    /// Its value on the pods of each of the two.
    pub values: [String; 2],
    /// Which of the two serves, 0 or 1.
    pub serving: usize,
}

/// Finds out which of two workloads a Service leads to. `label` is the key of the selector's label
/// that holds the colour; none = the one by which their pods differ.
///
/// # Errors
/// The Service or a workload is not there exactly once; several labels of the selector differ between
/// the pods, or none does; the selector leads to neither of the two, or to both.
pub fn colours(
    manifests: &Manifests,
    service: &ObjectRef,
    label: Option<&str>,
    workloads: [&ObjectRef; 2],
) -> Result<Colours, Refusal> {
    let view = manifests.one(service)?;
    if service.kind != "Service" {
        let reason = format!("{service} selects no pods, expected a Service");
        return Err(refuse(view, reason).hint("name the Service that everyone uses"));
    }
    let selector = Cursor::new(view).keys(&["spec", "selector"])?;
    let Some(selector) = selector.map(|selector| selector.texts()) else {
        return Err(refuse(view, format!("{service} has no selector"))
            .hint("name a Service that selects pods by a label"));
    };
    let [first, second] = workloads;
    let pods = [
        pod_labels(manifests.one(first)?)?,
        pod_labels(manifests.one(second)?)?,
    ];
    let label = match label {
        Some(label) => label,
        None => match differing(&selector, &pods).as_slice() {
            [only] => only,
            [] => {
                let reason = format!(
                    "{service}: the pods of {first} and {second} differ in no label that it selects by, so it leads to both or to neither; found {}",
                    shown(&selector)
                );
                return Err(refuse(view, reason).hint(new_label(service, &pods, None)));
            }
            several => {
                let reason = format!(
                    "{service}: the pods of {first} and {second} differ in {} of its labels, expected one: {}",
                    several.len(),
                    listed(several.iter().map(|key| format!("`{key}`")))
                );
                return Err(refuse(view, reason)
                    .hint("name the label with `traffic: {service: …, label: KEY}`"));
            }
        },
    };
    let Some(selected) = selector.get(label) else {
        let reason = format!(
            "{service} does not select by the label `{label}`; found {}",
            shown(&selector)
        );
        let others = differing(&selector, &pods);
        return Err(refuse(view, reason).hint(if others.is_empty() {
            new_label(service, &pods, Some(label))
        } else {
            let others = listed(others.iter().map(|key| format!("`{key}`")));
            format!("name a label of it by which the pods differ ({others})")
        }));
    };
    let mut values = Vec::new();
    for (workload, pods) in workloads.iter().zip(&pods) {
        let Some(value) = pods.get(label) else {
            let reason = format!(
                "the pods of {workload} have no label `{label}`; found {}",
                shown(pods)
            );
            return Err(refuse(manifests.one(workload)?, reason)
                .hint("give the pods of both colours the label that the Service selects by"));
        };
        values.push((*value).to_owned());
    }
    let values: [String; 2] = values.try_into().unwrap_or_default();
    let [of_first, of_second] = &values;
    if of_first == of_second {
        let reason = format!(
            "the pods of {first} and {second} both have `{label}: {of_first}`, so {service} leads to both"
        );
        return Err(refuse(view, reason).hint("give each colour a value of its own"));
    }
    let others_match = |pods: &HashMap<&str, &str>| {
        selector
            .iter()
            .all(|(key, value)| *key == label || pods.get(key) == Some(value))
    };
    for (workload, pods) in workloads.iter().zip(&pods) {
        if !others_match(pods) {
            let reason = format!(
                "{service} selects {}, and the pods of {workload} have {}: it could not lead there",
                shown(&selector),
                shown(pods)
            );
            return Err(refuse(view, reason)
                .hint("give the pods of both colours every other label of the selector"));
        }
    }
    let Some(serving) = values.iter().position(|value| value == selected) else {
        let reason = format!(
            "{service} selects `{label}: {selected}`, which is neither {first} (`{of_first}`) nor {second} (`{of_second}`)"
        );
        return Err(refuse(view, reason).hint("let it lead to the colour that is to serve"));
    };
    Ok(Colours {
        label: label.to_owned(),
        values,
        serving,
    })
}

/// Finds the labels of the selector whose value differs between the pods, by name.
fn differing<'a>(
    selector: &HashMap<&'a str, &'a str>,
    [first, second]: &[HashMap<&str, &str>; 2],
) -> Vec<&'a str> {
    let mut found: Vec<&'a str> = selector
        .keys()
        .copied()
        .filter(|key| first.get(key) != second.get(key))
        .collect();
    found.sort_unstable();
    found
}

/// Says what to write so that a selector tells the colours apart that does not: a deployment gives it
/// no new label. `wanted` is the label that should do so.
fn new_label(
    service: &ObjectRef,
    [first, second]: &[HashMap<&str, &str>; 2],
    wanted: Option<&str>,
) -> String {
    let mut both: Vec<(&str, &str, &str)> = first
        .iter()
        .filter_map(|(key, value)| Some((*key, *value, *second.get(key)?)))
        .filter(|(key, one, other)| one != other && wanted.is_none_or(|wanted| wanted == *key))
        // What differs because the versions do says nothing of the colour.
        .filter(|(key, ..)| !version_label::KEYS.contains(key))
        .collect();
    both.sort_unstable();
    match both.first() {
        Some((key, one, other)) => format!(
            "write the colour that serves into the selector of {service}, in a commit of your own: `{key}: {one}` or `{key}: {other}`"
        ),
        None => {
            let key = wanted.unwrap_or("colour");
            format!(
                "give the pods of each colour a label of their own in its template (`{key}: blue`, `{key}: green`); once they run, write the one that serves into the selector of {service}"
            )
        }
    }
}

fn refuse(view: View<'_>, reason: String) -> Refusal {
    Refusal::new(reason).at(view.path(), view.object.line)
}
