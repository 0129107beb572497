//! `replacements` of a kustomization: what they copy to a place stands there, whoever wrote it before.

use super::{
    graph,
    patch::{Aim, aim, holds_word},
};
use crate::manifest::{
    Manifests, Refusal, Segment, cursor::Cursor, object::View, pointer::path_of,
};

/// A step of a `fieldPath`, as kustomize writes it: `spec.containers.[name=app].image`.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Item { key: String, value: String },
    All,
}

/// Refuses a value of an object that a replacement writes: kustomize makes them last, so that an edit of
/// the value anywhere else would be without effect.
///
/// `names` are the names that the object has had so far.
///
/// # Errors
/// A replacement writes it, or may, because it is in a file that is not looked into.
pub(super) fn check(
    manifests: &Manifests,
    kustomization: &Cursor<'_>,
    names: &[String],
    (view, pointer): (View<'_>, &[Segment]),
) -> Result<(), Refusal> {
    let Some(list) = kustomization.key("replacements")? else {
        return Ok(());
    };
    let refused = |place: &Cursor<'_>, hint: String| {
        let reason = format!(
            "`replacements` writes {} of {} here",
            path_of(pointer),
            view.reference()
        );
        Err(place.refusal(reason).hint(hint))
    };
    for replacement in list.items() {
        if let Some(path) = replacement.key("path")? {
            let file = graph::file_of(kustomization, path.text().unwrap_or_default());
            let file = file.and_then(|path| manifests.parsed_file(&path));
            let is_named = |text: &str| match pointer.last() {
                Some(Segment::Key(key)) => {
                    holds_word(text, key) && holds_word(text, &view.reference().kind)
                }
                _ => true,
            };
            if file.is_some_and(|file| is_named(file.text())) {
                let hint = "it may: the file is not looked into; write the replacement into the kustomization itself";
                return refused(&path, hint.to_owned());
            }
        }
        for target in replacement.key("targets")?.iter().flat_map(Cursor::items) {
            if !is_for(&target, names, view)? {
                continue;
            }
            for field in target.key("fieldPaths")?.iter().flat_map(Cursor::items) {
                let steps = steps(field.text().unwrap_or_default());
                if leads_to(&steps, view, pointer)? {
                    return refused(&field, hint(&replacement)?);
                }
            }
        }
    }
    Ok(())
}

/// Is a target for an object? One that is not known for sure to leave it out is.
fn is_for(target: &Cursor<'_>, names: &[String], view: View<'_>) -> Result<bool, Refusal> {
    let Some(select) = target.key("select")? else {
        return Ok(false);
    };
    if matches!(aim(&select, names, view)?, Aim::Elsewhere) {
        return Ok(false);
    }
    for reject in target.key("reject")?.iter().flat_map(Cursor::items) {
        let by_more = ["group", "version", "namespace"];
        let by_more = by_more.iter().map(|key| reject.key(key));
        let is_sure = by_more.collect::<Result<Vec<_>, _>>()?;
        if is_sure.iter().all(Option::is_none) && matches!(aim(&reject, names, view)?, Aim::Here) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Says where the value is to be written instead.
fn hint(replacement: &Cursor<'_>) -> Result<String, Refusal> {
    let source = replacement.key("source")?;
    let text = |key: &str| -> Result<Option<&str>, Refusal> {
        let place = match &source {
            Some(source) => source.key(key)?,
            None => None,
        };
        Ok(place.and_then(|place| place.text()))
    };
    Ok(match (text("kind")?, text("name")?) {
        (Some(kind), Some(name)) => format!(
            "set {} of {kind}/{name}, which it is copied from, or take the replacement away",
            text("fieldPath")?.unwrap_or("metadata.name")
        ),
        _ => "set the value that it is copied from, or take the replacement away".to_owned(),
    })
}

/// Does a `fieldPath` lead to a place of an object, or to something that holds it? An item whose place in
/// its list is not known may be any.
fn leads_to(steps: &[Step], view: View<'_>, pointer: &[Segment]) -> Result<bool, Refusal> {
    if steps.is_empty() || steps.len() > pointer.len() {
        return Ok(false);
    }
    for (index, (step, segment)) in steps.iter().zip(pointer).enumerate() {
        let there = || -> Result<Option<Cursor<'_>>, Refusal> {
            Cursor::new(view).follow(pointer.get(..=index).unwrap_or_default())
        };
        let fits = match (step, segment) {
            (Step::All, _) => true,
            (Step::Key(step), Segment::Key(key)) => step == key,
            (Step::Key(step), Segment::Index(position)) => *step == position.to_string(),
            (Step::Key(step), Segment::Item { .. }) => match there()?.and_then(|item| item.index) {
                Some(position) => *step == position.to_string(),
                None => step.bytes().all(|byte| byte.is_ascii_digit()),
            },
            (Step::Item { key, value }, Segment::Item { .. } | Segment::Index(_)) => {
                match there()? {
                    Some(item) => item.key(key)?.and_then(|place| place.text()) == Some(value),
                    None => true,
                }
            }
            _ => false,
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes a `fieldPath` apart: dots between the steps, `\.` for a dot in a key, and `[key=value]`, in
/// which dots are no more than dots (kustomize's `PathSplitter`).
fn steps(path: &str) -> Vec<Step> {
    let mut parts = vec![String::new()];
    let (mut in_brackets, mut escaped) = (false, false);
    for character in path.chars() {
        let part = parts.last_mut();
        match (character, part) {
            ('.', _) if !in_brackets && !escaped => parts.push(String::new()),
            ('\\', _) if !in_brackets && !escaped => {
                escaped = true;
                continue;
            }
            (character, Some(part)) => {
                in_brackets = match character {
                    '[' => true,
                    ']' => false,
                    _ => in_brackets,
                };
                part.push(character);
            }
            (_, None) => {}
        }
        escaped = false;
    }
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    let step = |part: String| {
        let inside = part
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match inside.and_then(|inside| inside.split_once('=')) {
            Some((key, value)) => Step::Item {
                key: key.to_owned(),
                value: value.trim_matches(['"', '\'']).to_owned(),
            },
            None if part == "*" => Step::All,
            None => Step::Key(part),
        }
    };
    parts.map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_paths_are_read_as_kustomize_writes_them() {
        let key = |key: &str| Step::Key(key.to_owned());
        let item = |key: &str, value: &str| Step::Item {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let rows = [
            ("spec.replicas", vec![key("spec"), key("replicas")]),
            (
                "spec.containers.[name=app.x].image",
                vec![
                    key("spec"),
                    key("containers"),
                    item("name", "app.x"),
                    key("image"),
                ],
            ),
            (
                r"metadata.labels.app\.kubernetes\.io/version",
                vec![
                    key("metadata"),
                    key("labels"),
                    key("app.kubernetes.io/version"),
                ],
            ),
            (
                "spec.containers.*.image",
                vec![key("spec"), key("containers"), Step::All, key("image")],
            ),
            (
                "spec.containers.0",
                vec![key("spec"), key("containers"), key("0")],
            ),
            ("", vec![]),
        ];
        for (path, expected) in rows {
            assert_eq!(steps(path), expected, "{path}");
        }
    }
}
