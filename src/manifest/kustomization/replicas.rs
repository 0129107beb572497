//! The entries of `replicas`: how many pods a workload gets, whatever it says itself.

use crate::manifest::{Refusal, Segment, cursor::Cursor, object::View};

/// The kinds that kustomize sets replicas of, unless it is configured otherwise.
const KINDS: &[&str] = &[
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

/// Returns the number that a kustomization gives for a place of an object: none where the place is not
/// its `spec.replicas`, or there is no entry.
///
/// # Errors
/// Two entries are for the object.
pub(super) fn count<'a>(
    kustomization: &Cursor<'a>,
    names: &[String],
    (view, pointer): (View<'a>, &[Segment]),
) -> Result<Option<Cursor<'a>>, Refusal> {
    let is_replicas = pointer == Segment::keys(&["spec", "replicas"]);
    if !is_replicas || !KINDS.contains(&view.reference().kind.as_str()) {
        return Ok(None);
    }
    let Some(list) = kustomization.key("replicas")? else {
        return Ok(None);
    };
    let mut found: Option<Cursor<'a>> = None;
    for item in list.items() {
        let name = item.key("name")?.and_then(|name| name.text());
        if !names.iter().any(|known| Some(known.as_str()) == name) {
            continue;
        }
        let Some(count) = item.key("count")? else {
            continue;
        };
        if let Some(first) = found {
            return Err(count
                .refusal(format!(
                    "`replicas` has two entries for {}, on lines {} and {}, expected one",
                    view.reference(),
                    first.line(),
                    count.line()
                ))
                .hint("remove one of the two"));
        }
        found = Some(count);
    }
    Ok(found)
}
