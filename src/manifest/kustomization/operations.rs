//! JSON Patch (RFC 6902): the operation that gives the value of a place of an object.

use crate::{
    manifest::{Refusal, Segment, cursor::Cursor, object::View},
    yaml::NodeKind,
};

/// Returns the place in a list of operations that gives the value of a place of an object; the last
/// one wins.
///
/// # Errors
/// An operation removes, moves or inserts something on the way to the value.
pub(super) fn value<'a>(
    list: &Cursor<'a>,
    view: View<'a>,
    pointer: &[Segment],
) -> Result<Option<Cursor<'a>>, Refusal> {
    let Some(wanted) = tokens(view, pointer)? else {
        return Ok(None);
    };
    let mut last = None;
    for operation in list.items() {
        let Some(path) = operation.key("path")? else {
            continue;
        };
        let given: Vec<String> = path
            .text()
            .unwrap_or_default()
            .split('/')
            .skip(1)
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .collect();
        if given.is_empty() || !wanted.starts_with(&given) {
            continue;
        }
        let name = operation.key("op")?.and_then(|name| name.text());
        let inserts = given
            .last()
            .is_some_and(|token| token.bytes().all(|byte| byte.is_ascii_digit()));
        match name {
            Some("test") => {}
            Some("replace") => last = given_by(&operation, pointer, given.len())?,
            Some("add") if !inserts => last = given_by(&operation, pointer, given.len())?,
            other => {
                let reason = format!(
                    "the operation `{}` here works on what holds the value of {}",
                    other.unwrap_or_default(),
                    view.reference()
                );
                return Err(operation
                    .refusal(reason)
                    .hint("edit the patch by hand, or write it as `replace` of the value"));
            }
        }
    }
    Ok(last)
}

/// Follows the rest of a path into the value of an operation.
fn given_by<'a>(
    operation: &Cursor<'a>,
    pointer: &[Segment],
    given: usize,
) -> Result<Option<Cursor<'a>>, Refusal> {
    match operation.key("value")? {
        Some(value) => value.follow(pointer.get(given..).unwrap_or_default()),
        None => Ok(None),
    }
}

/// Returns a path as JSON Pointers have it: items of lists by their position in the object. None where
/// the object does not have an item.
fn tokens(view: View<'_>, pointer: &[Segment]) -> Result<Option<Vec<String>>, Refusal> {
    let mut place = Some(Cursor::new(view));
    let mut tokens = Vec::new();
    for segment in pointer {
        let next = match &place {
            Some(place) => place.follow(std::slice::from_ref(segment))?,
            None => None,
        };
        tokens.push(match (segment, &place, &next) {
            (Segment::Key(key), ..) => key.clone(),
            (Segment::Index(index), ..) => index.to_string(),
            (Segment::Item { .. }, Some(list), Some(item)) => {
                let document = list.document;
                let position = match document.kind(list.resolved()) {
                    NodeKind::Sequence { .. } => {
                        document.items(list.node).position(|node| node == item.node)
                    }
                    _ => None,
                };
                let Some(position) = position else {
                    return Ok(None);
                };
                position.to_string()
            }
            _ => return Ok(None),
        });
        place = next;
    }
    Ok(Some(tokens))
}
