//! Labels of the subsets of an Istio DestinationRule.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment, backend::check_group, cursor::Cursor,
    findings::Findings, manifests::listed, qualified_name,
};

/// The API group of the kind.
const GROUPS: &[&str] = &["networking.istio.io"];

/// Finds a label of a subset; a key that it does not have is added.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    rule: &ObjectRef,
    subset: &str,
    (key, value): (&str, &str),
    findings: &mut Findings,
) {
    let Some(place) = findings.take(place_of(manifests, rule, subset)) else {
        return;
    };
    let legal = qualified_name::check_key("label", key)
        .and_then(|()| qualified_name::check_label_value(value));
    if findings.take(legal).is_some() {
        let path = Segment::keys(&["labels", key]);
        findings.put(&place, &path, value, ScalarType::Text);
    }
}

fn place_of<'a>(
    manifests: &'a Manifests,
    rule: &ObjectRef,
    subset: &str,
) -> Result<Cursor<'a>, Refusal> {
    let view = manifests.one(rule)?;
    let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
    if rule.kind != "DestinationRule" {
        let reason = format!("{rule} has no subsets, expected a DestinationRule");
        return Err(refuse(reason).hint("name the DestinationRule that has the subset"));
    }
    check_group(view, GROUPS)?;
    let subsets = Cursor::new(view).keys(&["spec", "subsets"])?;
    if let Some(subsets) = &subsets
        && let Some(found) = subsets.item_with("name", subset)?
    {
        return Ok(found);
    }
    let items = subsets.iter().flat_map(Cursor::items);
    let names = items.filter_map(|item| {
        let name = item.key("name").ok().flatten()?;
        Some(format!("`{}` (line {})", name.text()?, item.line()))
    });
    let found = listed(names);
    let found = if found.is_empty() { "none" } else { &found };
    let place = subsets.map_or(view.object.line, |subsets| subsets.line());
    Err(
        Refusal::new(format!("{rule} has no subset `{subset}`; found {found}"))
            .at(view.path(), place)
            .hint("name one of its subsets, or write the new one by hand once"),
    )
}
