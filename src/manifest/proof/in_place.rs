//! The short proof: new values stand in the place of old ones such that nothing else can be read
//! differently, and all other bytes are the same.

use super::{Difference, Expected, Splice};
use crate::{manifest::source::ParsedFile, yaml::Limits};

/// Is it certain, without reading the new part of a file, that it holds the values that are expected
/// and all others as they were? False where only reading it tells.
pub(super) fn is_certain(
    (old, new, part): (&ParsedFile, &ParsedFile, usize),
    mut splices: Vec<&Splice>,
    expected: &[&Expected],
) -> bool {
    let content = old.content(part);
    let ([document], None) = (content.documents.as_slice(), &content.problem) else {
        return false;
    };
    if splices.len() != expected.len() || new.text().len() > Limits::MANIFEST.bytes {
        return false;
    }
    let start = old.part_range(part).start;
    let mut before = old.part_text(part);
    let mut after = new.part_text(part);
    let mut done = start;
    splices.sort_by_key(|splice| splice.span.start);
    for splice in splices {
        let is_wanted = expected.iter().any(|expected| {
            let Difference::Value(value) = &expected.difference else {
                return false;
            };
            expected.site.texts.is_empty()
                && document.span(expected.node) == splice.span
                && document.value_in_place(expected.node, &splice.text) == Some(value)
        });
        let kept = splice.span.start.checked_sub(done);
        let Some((kept, rest)) = kept.and_then(|length| before.split_at_checked(length)) else {
            return false;
        };
        let (Some(old), Some(new)) = (
            rest.get(splice.span.len()..),
            after
                .strip_prefix(kept)
                .and_then(|after| after.strip_prefix(splice.text.as_str())),
        ) else {
            return false;
        };
        if !is_wanted {
            return false;
        }
        (before, after, done) = (old, new, splice.span.end);
    }
    before == after
}
