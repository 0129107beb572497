//! Items of lists that have no names, such as the rules of a route: known by what else is in them, wherever
//! in their list they are by then.

use super::{
    Change, Manifests, Refusal, Segment, change_set::object_of, cursor::Cursor, source::ParsedFile,
};
use crate::yaml::NodeKind;

/// The item of a list that a change is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListItem {
    /// How many segments of the path lead to it.
    depth: usize,
    /// The path of the value when it was found first.
    pub(super) pointer: Vec<Segment>,
    /// Paths within the item that changes write.
    written: Vec<Vec<Segment>>,
    /// What is in it beside these.
    content: String,
    /// How many items of the list have that in them.
    alike: usize,
    /// How many of these come before it.
    before: usize,
}

/// Notes of each change in which item of a list it is, where only its place tells.
pub(super) fn note(manifests: &Manifests, changes: &mut [Change]) {
    for index in 0..changes.len() {
        let item = changes.get(index).and_then(|change| {
            let file = manifests.parsed_file(&change.path)?;
            item_of(file, change, changes)
        });
        if let Some(change) = changes.get_mut(index) {
            change.item = item;
        }
    }
}

fn item_of(file: &ParsedFile, change: &Change, all: &[Change]) -> Option<ListItem> {
    let is_place = |segment: &Segment| matches!(segment, Segment::Index(_));
    let depth = change.pointer.iter().position(is_place)? + 1;
    let prefix = change.pointer.get(..depth)?;
    let inside = all.iter().filter(|other| {
        other.path == change.path
            && other.object == change.object
            && other.pointer.starts_with(prefix)
    });
    // What is made with a value is written, too; an item that is made itself has nothing to know it by.
    let written = inside.map(|other| {
        let made = other.created.saturating_sub(1);
        let end = other.pointer.len().saturating_sub(made);
        other.pointer.get(depth..end).map(<[Segment]>::to_vec)
    });
    let written: Vec<Vec<Segment>> = written.collect::<Option<_>>()?;
    let object = object_of(file, change)?;
    let list = object.follow(prefix.get(..depth - 1)?).ok()??;
    let contents: Vec<String> = list
        .items()
        .iter()
        .map(|item| content(item, &written))
        .collect();
    let Segment::Index(own) = prefix.last()? else {
        return None;
    };
    let content = contents.get(*own)?.clone();
    let alike = |contents: &[String]| contents.iter().filter(|other| **other == content).count();
    Some(ListItem {
        depth,
        pointer: change.pointer.clone(),
        written,
        alike: alike(&contents),
        before: alike(contents.get(..*own)?),
        content,
    })
}

/// Returns a change with the path that it has in a file by now; none where its item of a list is not
/// there any more, or cannot be told from others.
///
/// # Errors
/// A key on the way is written twice.
pub(super) fn found_again(file: &ParsedFile, change: &Change) -> Result<Option<Change>, Refusal> {
    let (Some(item), Some(object)) = (&change.item, object_of(file, change)) else {
        return Ok(Some(change.clone()));
    };
    let path = change.pointer.get(..item.depth - 1).unwrap_or_default();
    let Some(list) = object.follow(path)? else {
        return Ok(None);
    };
    let items = list.items();
    let alike = items.iter().enumerate();
    let alike = alike.filter(|(_, other)| content(other, &item.written) == item.content);
    let places: Vec<usize> = alike.map(|(index, _)| index).collect();
    let place = places
        .get(item.before)
        .filter(|_| places.len() == item.alike);
    Ok(place.map(|place| {
        let mut change = change.clone();
        if let Some(segment) = change.pointer.get_mut(item.depth - 1) {
            *segment = Segment::Index(*place);
        }
        change
    }))
}

/// Returns what is in a thing, but for some paths in it; keys in any order.
fn content(thing: &Cursor<'_>, without: &[Vec<Segment>]) -> String {
    let without: Vec<&[Segment]> = without.iter().map(Vec::as_slice).collect();
    described(thing, &without).unwrap_or_default()
}

/// None for what is one of the paths itself.
fn described(thing: &Cursor<'_>, without: &[&[Segment]]) -> Option<String> {
    if without.iter().any(|path| path.is_empty()) {
        return None;
    }
    let below = |fits: &dyn Fn(&Segment) -> bool| -> Vec<&[Segment]> {
        let paths = without.iter().filter_map(|path| path.split_first());
        let paths = paths.filter(|(first, _)| fits(first));
        paths.map(|(_, rest)| rest).collect()
    };
    let document = thing.document;
    Some(match document.kind(thing.resolved()) {
        NodeKind::Mapping { .. } => {
            let keys = document.entries(thing.node);
            let keys = keys.filter_map(|(key, _)| document.text(key));
            let mut parts: Vec<String> = keys
                .filter_map(|name| {
                    let value = thing.key(name).ok()??;
                    let is_it =
                        |segment: &Segment| matches!(segment, Segment::Key(key) if key == name);
                    Some(format!("{name:?}:{}", described(&value, &below(&is_it))?))
                })
                .collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        NodeKind::Sequence { .. } => {
            let items = thing.items();
            let parts = items.iter().enumerate().filter_map(|(index, item)| {
                let is_it = |segment: &Segment| match segment {
                    Segment::Index(place) => *place == index,
                    Segment::Item { key, value } => {
                        let text = item.key(key).ok().flatten();
                        text.and_then(|text| text.text()) == Some(value)
                    }
                    Segment::Key(_) | Segment::Document => false,
                };
                described(item, &below(&is_it))
            });
            format!("[{}]", parts.collect::<Vec<String>>().join(","))
        }
        _ => format!("{:?}", thing.text()),
    })
}

#[cfg(test)]
mod tests {
    use crate::manifest::{
        Change, Edit, Manifests, RestoreProblem, SourceFile, locate, reapply, restore,
    };

    const HEAD: &str = "kind: HTTPRoute\nmetadata: {name: shop}\nspec:\n  rules:\n";
    const OURS: &str = "    - backendRefs:\n        - {name: shop, port: 80, weight: 90}\n        - {name: shop-canary, port: 80, weight: 10}\n";
    const THEIRS: &str = "    - matches: [{path: {value: /beta}}]\n      backendRefs:\n        - {name: shop, port: 80, weight: 90}\n        - {name: shop-canary, port: 80, weight: 10}\n";

    fn manifests(rules: &[&str]) -> Manifests {
        Manifests::parse(vec![SourceFile {
            path: "route.yaml".to_owned(),
            bytes: format!("{HEAD}{}", rules.concat()).into(),
        }])
        .unwrap()
    }

    fn changes(rules: &[&str]) -> Vec<Change> {
        let edit = Edit::Weight {
            traffic: None,
            weight: "50".parse().unwrap(),
            canary: Some("shop-canary".to_owned()),
        };
        locate(&manifests(rules), &[edit]).unwrap().changes
    }

    /// The first rules, the rules later, and what these are with 50 in ours; none = that is refused.
    type Row<'a> = (&'a [&'a str], &'a [&'a str], Option<&'a [&'a str]>);

    #[test]
    fn a_rule_is_found_again_among_others() {
        let half = OURS.replace("90", "50").replace("10", "50");
        let half = half.as_str();
        let other = THEIRS.replace("/beta", "/gamma");
        let other = other.as_str();
        let rows: &[Row<'_>] = &[
            (&[OURS], &[OURS], Some(&[half])),
            (&[OURS], &[THEIRS, OURS], Some(&[THEIRS, half])),
            (&[OURS], &[OURS, THEIRS], Some(&[half, THEIRS])),
            (
                &[OURS],
                &[THEIRS, OURS, other],
                Some(&[THEIRS, half, other]),
            ),
            // Which of the two it is nobody can tell.
            (&[OURS], &[OURS, OURS], None),
            (&[OURS], &[THEIRS], None),
            // Both are ours, one after the other.
            (
                &[OURS, OURS],
                &[THEIRS, OURS, OURS],
                Some(&[THEIRS, half, half]),
            ),
            (&[OURS, OURS], &[OURS], None),
        ];
        for (first, later, wanted) in rows {
            let changes = changes(first);
            let later = manifests(later);
            let Some(wanted) = wanted else {
                let problem = reapply(&later, &changes);
                assert!(
                    matches!(problem, Err(RestoreProblem::Superseded { found: None, .. })),
                    "{problem:?}"
                );
                continue;
            };
            let text = |set: crate::manifest::ChangeSet, of: &Manifests| {
                let mut files = set.apply(of).unwrap().files;
                String::from_utf8(files.pop().unwrap().bytes).unwrap()
            };
            let made = text(reapply(&later, &changes).unwrap(), &later);
            assert_eq!(made, format!("{HEAD}{}", wanted.concat()));
            let made = manifests(wanted);
            let back = text(restore(&made, &changes).unwrap(), &made);
            assert_eq!(Some(back.as_str()), later.text("route.yaml"));
        }
    }
}
