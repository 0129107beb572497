//! What holds for every document: a child that is put in is there, nothing else changes, and taking
//! it out again gives the same bytes.

use proptest::prelude::*;

use super::{
    super::{Place, Tree, add_entry, add_item, remove},
    apply,
    generator::any_sample,
    seen::{Found, Seen, Step, at_path, find_all, open, seen},
};
use crate::{
    manifest::ScalarType,
    yaml::{NodeId, NodeKind},
};

fn any_tree() -> impl Strategy<Value = Tree> {
    let text = prop_oneof![
        Just("1.10"),
        Just("v2.0"),
        Just("abc123"),
        Just("web"),
        Just("a: b"),
        Just(""),
        Just("it's"),
        Just("ü"),
        Just("x, y"),
        Just("true"),
        Just("a\nb"),
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(|text| Tree::Scalar { value: text.to_owned(), kind: ScalarType::Text }),
        1 => (0..500u32).prop_map(|number| Tree::Scalar {
            value: number.to_string(),
            kind: ScalarType::Integer,
        }),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|values| {
                let keys = ["name", "tags.datadoghq.com/version", "it's: so"];
                let keys = keys.iter().map(|key| (*key).to_owned());
                Tree::Mapping(keys.zip(values).collect())
            }),
            proptest::collection::vec(inner, 0..3).prop_map(Tree::Sequence),
        ]
    })
}

/// Reasons for which forms that the generator prints are refused.
fn is_known_refusal(reason: &str) -> bool {
    [
        "without a key",
        "is empty, expected one",
        "the file ends in a block scalar",
        "that count, which the text",
        "the only child",
        "stands behind a dash, with comments",
        "would become part of the block scalar",
        "the alias on line",
        "a tag or an anchor",
        "anchor or tag",
        "its last block scalar is empty",
        "has no value, expected `{}`",
        "has an anchor or a tag in front of it",
        "would set the indentation of the text it is in",
        "something stands between the `-` and the item",
    ]
    .iter()
    .any(|known| reason.contains(known))
}

fn index_of(text: &str, embedded: bool) -> usize {
    usize::from(!embedded && text.starts_with("other:"))
}

proptest! {
    #[test]
    fn what_is_put_in_is_there_and_can_be_taken_out_again(
        sample in any_sample(),
        which: prop::sample::Index,
        tree in any_tree(),
        as_item: bool,
    ) {
        let (text, embedded) = (sample.text.as_str(), sample.embedded);
        let index = index_of(text, embedded);
        let Ok(document) = open(text, embedded, index) else {
            // Of few random styles the parser thinks otherwise than the printer.
            return Ok(());
        };
        let root = Found { path: Vec::new(), node: document.root(), key: None };
        let mut places = Vec::new();
        find_all(&document, root, &mut places);
        let found = places[which.index(places.len())].clone();
        let place = Place { text, document: &document, node: found.node, key: found.key };
        let is_list = match document.kind(found.node) {
            NodeKind::Sequence { .. } => true,
            NodeKind::Mapping { .. } => false,
            _ => as_item,
        };
        let added = if is_list {
            add_item(&place, &tree)
        } else {
            add_entry(&place, "new-key", &tree)
        };
        let splices = match added {
            Ok(splices) => splices,
            Err(reason) => {
                prop_assert!(is_known_refusal(&reason), "{reason}\n{text}");
                return Ok(());
            }
        };
        let new = apply(text, &splices);
        let key = (!is_list).then(|| "new-key".to_owned());
        let (mut before, mut independent_before) = seen(text, embedded);
        before[index].edit(&found.path, &Step::Push(key.clone(), Seen::of_tree(&tree, false)));
        prop_assert!(open(&new, embedded, index).is_ok(), "{text}\n===\n{new}");
        let (after, independent_after) = seen(&new, embedded);
        prop_assert_eq!(&before, &after, "{}\n===\n{}", text, new);
        if let Some(before) = &mut independent_before {
            before[index].edit(&found.path, &Step::Push(key, Seen::of_tree(&tree, true)));
            prop_assert_eq!(Some(&*before), independent_after.as_ref(), "{}\n===\n{}", text, new);
        }

        let document_after = open(&new, embedded, index).unwrap();
        let again = at_path(&document_after, &found.path);
        let place_after =
            Place { text: &new, document: &document_after, node: again.node, key: again.key };
        let child = match document_after.kind(again.node) {
            NodeKind::Mapping { .. } => document_after.entries(again.node).last().unwrap().0,
            _ => document_after.items(again.node).last().unwrap(),
        };
        let back = remove(&place_after, child);
        prop_assert!(back.is_ok(), "{:?}\n{}\n===\n{}", back, text, new);
        let back = apply(&new, &back.unwrap());
        if !matches!(document.written(found.node), "~" | "null") {
            prop_assert_eq!(&back, text);
        }
    }

    #[test]
    fn what_is_taken_out_is_gone_and_nothing_else(
        sample in any_sample(),
        which: prop::sample::Index,
        whose: prop::sample::Index,
    ) {
        let (text, embedded) = (sample.text.as_str(), sample.embedded);
        let index = index_of(text, embedded);
        let Ok(document) = open(text, embedded, index) else {
            return Ok(());
        };
        let root = Found { path: Vec::new(), node: document.root(), key: None };
        let mut places = Vec::new();
        find_all(&document, root, &mut places);
        let found = places[which.index(places.len())].clone();
        let children: Vec<NodeId> = match document.kind(found.node) {
            NodeKind::Mapping { .. } => document.entries(found.node).map(|(key, _)| key).collect(),
            _ => document.items(found.node).collect(),
        };
        if children.is_empty() {
            return Ok(());
        }
        let whose = whose.index(children.len());
        let place = Place { text, document: &document, node: found.node, key: found.key };
        let splices = match remove(&place, children[whose]) {
            Ok(splices) => splices,
            Err(reason) => {
                prop_assert!(is_known_refusal(&reason), "{reason}\n{text}");
                return Ok(());
            }
        };
        let new = apply(text, &splices);
        let is_block = matches!(
            document.kind(found.node),
            NodeKind::Mapping { flow: false } | NodeKind::Sequence { flow: false }
        );
        let null = |text: &str| {
            (is_block && children.len() == 1).then(|| Seen::Leaf(text.to_owned()))
        };
        let (mut before, mut independent_before) = seen(text, embedded);
        before[index].edit(&found.path, &Step::Take(whose, null("~")));
        prop_assert!(open(&new, embedded, index).is_ok(), "{text}\n===\n{new}");
        let (after, independent_after) = seen(&new, embedded);
        prop_assert_eq!(&before, &after, "{}\n===\n{}", text, new);
        if let Some(before) = &mut independent_before {
            before[index].edit(&found.path, &Step::Take(whose, null("Null")));
            prop_assert_eq!(Some(&*before), independent_after.as_ref(), "{}\n===\n{}", text, new);
        }
    }
}
