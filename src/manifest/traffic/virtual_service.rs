//! The destinations of the routes of an Istio `VirtualService`.

use crate::manifest::{
    Manifests, Refusal, ScalarType, Segment,
    backend::{Backend, BackendName, Rule, check_group, for_everyone},
    cursor::Cursor,
    object::View,
    second_backend::{self, Field, Second, check_keys},
    shares::Splitter,
};

/// The API group of the kind.
const GROUPS: &[&str] = &["networking.istio.io"];

/// The lists of routes of an object.
const LISTS: &[&str] = &["http", "tls", "tcp"];

/// What a match asks for that chooses among users or callers, and not among paths.
const CHOOSING: &[&str] = &[
    "headers",
    "withoutHeaders",
    "queryParams",
    "sourceLabels",
    "sourceNamespace",
    "sourceSubnets",
];

/// Weights are relative to each other, "weight/(sum of all weights)". One that is not written is 0
/// beside others.
/// Source: Istio's reference, "Virtual Service", `HTTPRouteDestination.weight`.
pub(in crate::manifest) const SPLITTER: Splitter = Splitter {
    rules,
    missing: 0,
    second,
};

/// Reads the rules that have destinations; one that delegates, redirects or answers itself has none.
/// A mirror is no destination.
fn rules(view: View<'_>) -> Result<Vec<Rule<'_>>, Refusal> {
    check_group(view, GROUPS)?;
    let mut found = Vec::new();
    for list in LISTS {
        let routes = Cursor::new(view).keys(&["spec", list])?;
        for route in routes.iter().flat_map(Cursor::items) {
            let Some(list) = route.key("route")? else {
                continue;
            };
            let mut backends = Vec::new();
            for item in list.items() {
                let name = name_of(&item)?;
                backends.push(Backend::of(item, name)?);
            }
            let matches = route.key("match")?;
            let rule = Rule::of(list, backends);
            let chosen = rule.map(|rule| rule.chosen_by(matches, CHOOSING));
            found.extend(chosen.transpose()?);
        }
    }
    Ok(for_everyone(found))
}

fn name_of(item: &Cursor<'_>) -> Result<BackendName, Refusal> {
    let text = |key: &str| -> Result<Option<String>, Refusal> {
        let place = item.keys(&["destination", key])?;
        Ok(place.and_then(|place| place.text()).map(str::to_owned))
    };
    Ok(BackendName {
        host: text("host")?.unwrap_or_default(),
        subset: text("subset")?,
    })
}

/// Makes a second destination: another subset of the first one's host, or another host.
fn second(manifests: &Manifests, rule: &Rule<'_>, text: &str) -> Result<Second, Refusal> {
    let first = second_backend::first(rule)?;
    check_keys(rule, &first.item, text, &["destination", "weight"])?;
    let name = name_of_second(manifests, rule, text)?;
    let mut fields = vec![Field::text(&["destination", "host"], &name.host)];
    if let Some(subset) = &name.subset {
        fields.push(Field::text(&["destination", "subset"], subset));
    }
    if let Some(destination) = first.item.key("destination")? {
        check_keys(rule, &destination, text, &["host", "subset", "port"])?;
        let path = ["destination", "port", "number"];
        fields.extend(Field::copied(&first.item, &path, ScalarType::Integer)?);
    }
    Ok(Second {
        host: (name.host != first.name.host).then_some(name.host),
        item: Segment::Index(rule.backends.len()),
        fields,
    })
}

fn name_of_second(
    manifests: &Manifests,
    rule: &Rule<'_>,
    text: &str,
) -> Result<BackendName, Refusal> {
    let first = &second_backend::first(rule)?.name;
    let (host, subset) = match text.split_once('/') {
        Some((host, subset)) => (host, Some(subset)),
        None if has_subset(manifests, first, text)? => (first.host.as_str(), Some(text)),
        None if first.subset.is_some() => {
            let reason = "whether it is a subset or a host is not known";
            let hint = "name it as host/subset, or put the DestinationRule into the files to edit";
            return Err(second_backend::refusal(rule, text, reason).hint(hint));
        }
        None => (text, None),
    };
    let host = if host == first.label() {
        &first.host
    } else {
        host
    };
    if first.host.contains('.') && !host.contains('.') {
        let reason = format!("its host has no domain and `{}` has one", first.host);
        let refusal = second_backend::refusal(rule, text, &reason);
        return Err(refusal.hint("name it by its whole host"));
    }
    second_backend::check_name(rule, host)?;
    Ok(BackendName {
        host: host.to_owned(),
        subset: subset.map(str::to_owned),
    })
}

/// Does a DestinationRule of the backend's host have a subset of this name?
fn has_subset(manifests: &Manifests, of: &BackendName, subset: &str) -> Result<bool, Refusal> {
    let needles = ["DestinationRule", subset];
    let views = manifests.views_with(&needles);
    Ok(!subsets(views, of, subset)?.is_empty())
}

/// Returns the subsets of a name that DestinationRules among some objects have of a backend's host.
///
/// # Errors
/// A key on the way is written twice.
pub(in crate::manifest) fn subsets<'a>(
    views: impl Iterator<Item = View<'a>>,
    of: &BackendName,
    subset: &str,
) -> Result<Vec<Cursor<'a>>, Refusal> {
    let mut found = Vec::new();
    for view in views {
        let rule = Cursor::new(view);
        let host = rule.keys(&["spec", "host"])?.and_then(|host| host.text());
        let same_host = host.is_some_and(|host| {
            let host = BackendName {
                host: host.to_owned(),
                subset: None,
            };
            host.label() == of.label()
        });
        if view.reference().kind != "DestinationRule" || !same_host {
            continue;
        }
        if let Some(subsets) = rule.keys(&["spec", "subsets"])? {
            found.extend(subsets.item_with("name", subset)?);
        }
    }
    Ok(found)
}
