//! Patches of a kustomization: which of them are for an object, and the value that they give to one
//! of its places.

use regex::Regex;

use super::{graph, operations};
use crate::{
    manifest::{Manifests, Refusal, Segment, cursor::Cursor, manifests::views_with, object::View},
    yaml::NodeKind,
};

/// A patch that is for an object, or may be.
struct Patch<'a> {
    form: Form<'a>,
    /// Does it say for sure that it is for the object? What selects by labels does not.
    certain: bool,
}

/// How a patch is written.
enum Form<'a> {
    /// As a part of the object: a strategic merge.
    Merge(Cursor<'a>),
    /// As a list of JSON Patch operations (RFC 6902).
    Operations(Cursor<'a>),
    /// In a form that is not looked into: where it is, and its text.
    Opaque(Cursor<'a>, &'a str),
}

/// Returns the place in the patches of a kustomization that gives the value of a place of an object;
/// where several do, the last one wins.
///
/// `names` are the names that the object has had so far.
///
/// # Errors
/// A patch may give the value, and it cannot be told whether, or it is written where it cannot be edited.
pub(super) fn value<'a>(
    manifests: &'a Manifests,
    kustomization: &Cursor<'a>,
    names: &[String],
    (view, pointer): (View<'a>, &[Segment]),
) -> Result<Option<Cursor<'a>>, Refusal> {
    let mut last = None;
    for patch in all(manifests, kustomization, names, view)? {
        let found = match &patch.form {
            Form::Merge(root) => merged(root, pointer)?,
            Form::Operations(list) => operations::value(list, view, pointer)?,
            Form::Opaque(place, text) => {
                let names_it = match pointer.last() {
                    Some(Segment::Key(key)) => holds_word(text, key),
                    _ => true,
                };
                if !names_it {
                    continue;
                }
                return Err(place
                    .refusal(format!(
                        "a patch of {} is written here in a form that is not edited",
                        view.reference()
                    ))
                    .hint(
                        "write the patch as a literal block (`patch: |-`) in the kustomization",
                    ));
            }
        };
        let Some(found) = found else { continue };
        if !patch.certain {
            return Err(found
                .refusal(format!(
                    "this patch selects objects by labels or annotations, which may be those of {}",
                    view.reference()
                ))
                .hint("select the object by kind and name in `target`"));
        }
        last = Some(found);
    }
    Ok(last)
}

fn all<'a>(
    manifests: &'a Manifests,
    kustomization: &Cursor<'a>,
    names: &[String],
    view: View<'a>,
) -> Result<Vec<Patch<'a>>, Refusal> {
    let mut found = Vec::new();
    // Kustomize applies the strategic merges first.
    if let Some(list) = kustomization.key("patchesStrategicMerge")? {
        for item in list.items() {
            found.extend(written(manifests, kustomization, &item, &item)?);
        }
    }
    let merges = found.len();
    for key in ["patches", "patchesJson6902"] {
        let Some(list) = kustomization.key(key)? else {
            continue;
        };
        for item in list.items() {
            let target = item.key("target")?;
            let aim = match &target {
                None => None,
                Some(target) => match aim(target, names, view)? {
                    Aim::Elsewhere => continue,
                    aim => Some(aim),
                },
            };
            for place in [item.key("patch")?, item.key("path")?]
                .into_iter()
                .flatten()
            {
                for mut patch in written(manifests, kustomization, &place, &item)? {
                    patch.certain = !matches!(aim, Some(Aim::Unsure));
                    if aim.is_some() || is_for(&patch.form, names, view)? {
                        found.push(patch);
                    }
                }
            }
        }
    }
    let mut kept = Vec::new();
    for (index, patch) in found.into_iter().enumerate() {
        if index >= merges || is_for(&patch.form, names, view)? {
            kept.push(patch);
        }
    }
    Ok(kept)
}

/// Returns the patches that a text is, or that stand in the file that it names.
fn written<'a>(
    manifests: &'a Manifests,
    kustomization: &Cursor<'a>,
    place: &Cursor<'a>,
    item: &Cursor<'a>,
) -> Result<Vec<Patch<'a>>, Refusal> {
    let Some(text) = place.text() else {
        return Ok(Vec::new());
    };
    let is_list = |cursor: &Cursor<'_>| {
        matches!(
            cursor.document.kind(cursor.resolved()),
            NodeKind::Sequence { .. }
        )
    };
    let certain = |form| Patch {
        form,
        certain: true,
    };
    if let Some(inside) = place.enter() {
        return Ok(vec![certain(if is_list(&inside) {
            Form::Operations(inside)
        } else {
            Form::Merge(inside)
        })]);
    }
    let is_path = item.key("patch")?.is_none() && !text.contains('\n') && !text.contains(": ");
    if !is_path {
        return Ok(vec![certain(Form::Opaque(place.clone(), text))]);
    }
    let path = graph::file_of(kustomization, text);
    let Some(file) = path.and_then(|path| manifests.parsed_file(&path)) else {
        return Ok(Vec::new());
    };
    let mut patches: Vec<Patch<'a>> = views_with(file, &[])
        .map(|view| certain(Form::Merge(Cursor::new(view))))
        .collect();
    if patches.is_empty() {
        patches.push(certain(Form::Opaque(place.clone(), file.text())));
    }
    Ok(patches)
}

/// Is a patch without a target for an object? It says so itself.
fn is_for(form: &Form<'_>, names: &[String], view: View<'_>) -> Result<bool, Refusal> {
    let root = match form {
        Form::Merge(root) => root,
        Form::Operations(_) => return Ok(false),
        Form::Opaque(_, text) => return Ok(names.iter().any(|name| holds_word(text, name))),
    };
    let kind = root.key("kind")?.and_then(|kind| kind.text());
    let name = root
        .keys(&["metadata", "name"])?
        .and_then(|name| name.text());
    Ok(kind == Some(view.reference().kind.as_str())
        && names.iter().any(|known| Some(known.as_str()) == name))
}

/// What a `target` selects.
pub(super) enum Aim {
    /// The object.
    Here,
    /// The object, or not: that depends on labels or annotations.
    Unsure,
    /// Other objects.
    Elsewhere,
}

/// Finds out whether a `target` selects an object. Its kind and names are regular expressions that
/// match the whole text (kustomize's `types.Selector`).
pub(super) fn aim(target: &Cursor<'_>, names: &[String], view: View<'_>) -> Result<Aim, Refusal> {
    let fits = |key: &str, texts: &[&str]| -> Result<bool, Refusal> {
        let Some(pattern) = target.key(key)?.and_then(|place| place.text()) else {
            return Ok(true);
        };
        let matcher = Regex::new(&format!("^(?:{pattern})$"));
        Ok(pattern.is_empty()
            || texts.iter().any(|text| match &matcher {
                Ok(matcher) => matcher.is_match(text),
                Err(_) => *text == pattern,
            }))
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if !fits("kind", &[&view.reference().kind])? || !fits("name", &names)? {
        return Ok(Aim::Elsewhere);
    }
    for key in ["labelSelector", "annotationSelector"] {
        if target.key(key)?.is_some() {
            return Ok(Aim::Unsure);
        }
    }
    Ok(Aim::Here)
}

/// Follows the path to a value through a strategic merge.
fn merged<'a>(root: &Cursor<'a>, pointer: &[Segment]) -> Result<Option<Cursor<'a>>, Refusal> {
    let mut place = root.clone();
    for segment in pointer {
        if let Some(directive) = place.key("$patch")? {
            let text = directive.text().unwrap_or_default();
            return Err(directive
                .refusal(format!("this patch has the directive `$patch: {text}`"))
                .hint("edit the patch by hand"));
        }
        if let Segment::Index(_) = segment {
            return Err(place
                .refusal(format!(
                    "{} of this patch is a list whose items have no names",
                    place.target()
                ))
                .hint("edit the patch by hand"));
        }
        match place.follow(std::slice::from_ref(segment))? {
            Some(next) => place = next,
            None => return Ok(None),
        }
    }
    Ok(Some(place))
}

/// Does a text hold a word, not as a part of a longer one?
pub(super) fn holds_word(text: &str, word: &str) -> bool {
    let joins = |character: char| character.is_alphanumeric() || "_-".contains(character);
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}
