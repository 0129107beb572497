//! Values in a Flux HelmRelease: `spec.values`, which win over everything that `valuesFrom` brings.

use super::Wanted;
use crate::manifest::{Refusal, Segment, cursor::Cursor, findings::Findings, object::View};

/// Returns the place of a value in the inline values.
pub(super) fn place<'a>(view: View<'a>, path: &[Segment]) -> Result<Option<Cursor<'a>>, Refusal> {
    let inside = Segment::keys(&["spec", "values"]);
    Cursor::new(view).follow(&[&inside[..], path].concat())
}

/// Finds a value in the inline values.
pub(super) fn locate(
    view: View<'_>,
    wanted: Wanted<'_>,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    let release = Cursor::new(view);
    if release.keys(&["spec", "values"])?.is_none()
        && let Some(from) = release.keys(&["spec", "valuesFrom"])?
    {
        return Err(from
            .refusal(format!(
                "{} has no `spec.values`; its values come from what `valuesFrom` names",
                view.reference()
            ))
            .hint("change the value there, or write a first value below `spec.values`: it wins"));
    }
    wanted.put(&release, &Segment::keys(&["spec", "values"]), findings)
}
