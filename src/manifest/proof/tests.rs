//! What the proof lets through and what it stops.

use proptest::prelude::*;

use super::{Difference, Expected, ShortWay, Site, Splice, check_by, in_place};
use crate::{
    manifest::{
        ChangeSet, Edit, Manifests, SourceFile,
        insert::tests::generator::{any_model, any_styles, print_file},
        locate,
        source::ParsedFile,
    },
    yaml::NodeKind,
};

const FILE: &str = "\
kind: Deployment
metadata: {name: app}
spec:
  replicas: 2
  paused: false
---
{{ if .Values.on }}
kind: Note
---
kind: Note
";

#[test]
fn a_text_that_does_more_than_it_should_is_stopped() {
    let manifests = Manifests::parse(vec![SourceFile {
        path: "f.yaml".to_owned(),
        bytes: FILE.into(),
    }])
    .unwrap();
    let edit = Edit::Replicas {
        workload: "Deployment/app".parse().unwrap(),
        replicas: 3,
    };
    let set = locate(&manifests, &[edit]).unwrap();
    assert!(set.apply(&manifests).is_ok());
    let texts = [
        "4",
        "3\n  evil: 1",
        "3\n---\nspec:\n  replicas: 3",
        "[3, 3]",
        "&a 3",
        "!!str 3",
        "\"3",
        "{{ 3 }}",
        "",
    ];
    let stops = texts.map(|text| {
        let mut changes = set.changes.clone();
        text.clone_into(&mut changes[0].text);
        let refusal = ChangeSet::of(changes).apply(&manifests).unwrap_err();
        format!("{text:?}: {refusal}")
    });
    insta::assert_snapshot!(stops.join("\n"), @r#"
    "4": f.yaml: internal safety stop: the value on line 4 would not be what it should
    "3\n  evil: 1": f.yaml: internal safety stop: the value on line 5 would not be what it should
    "3\n---\nspec:\n  replicas: 3": f.yaml: internal safety stop: the number of documents would change
    "[3, 3]": f.yaml: internal safety stop: the value on line 4 would not be what it should
    "&a 3": f.yaml: internal safety stop: the value on line 4 would not be what it should
    "!!str 3": f.yaml: internal safety stop: the value on line 4 would not be what it should
    "\"3": f.yaml: internal safety stop: the result would not be readable
    "{{ 3 }}": f.yaml: internal safety stop: the result would not be readable
    "": f.yaml: internal safety stop: the value on line 4 would not be what it should
    "#);
}

/// What is written in the place of a value, and what is then expected to be there.
#[derive(Debug, Clone)]
struct NewValue {
    place: prop::sample::Index,
    text: String,
    value: String,
}

fn any_new_value() -> impl Strategy<Value = NewValue> {
    let text = prop_oneof![
        3 => "[a-z0-9]{1,3}([.:/@-][a-z0-9]{1,3}){0,2}",
        1 => "[ -~]{0,5}",
    ];
    let written = (text, 0..4_u8).prop_map(|(value, style)| match style {
        0 => (format!("\"{value}\""), value),
        1 => (format!("'{value}'"), value),
        2 => (format!("{value}x"), value),
        _ => (value.clone(), value),
    });
    (any::<prop::sample::Index>(), written).prop_map(|(place, (text, value))| NewValue {
        place,
        text,
        value,
    })
}

/// Something that happens to the new file beside the edits.
fn any_damage() -> impl Strategy<Value = Option<(prop::sample::Index, String)>> {
    prop::option::weighted(0.3, (any::<prop::sample::Index>(), "[ a:#\n\\-'\"]{1,2}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_short_proof_shows_nothing_that_the_long_one_does_not(
        models in prop::collection::vec(any_model(), 1..3),
        styles in any_styles(),
        news in prop::collection::vec(any_new_value(), 1..4),
        damage in any_damage(),
    ) {
        let old = ParsedFile::of("f.yaml".to_owned(), print_file(&models, &styles));
        let mut scalars = Vec::new();
        for part in 0..old.parts() {
            for (index, document) in old.content(part).documents.iter().enumerate() {
                let all = 0..document.len();
                let is_scalar = |id: &usize| matches!(document.kind(*id), NodeKind::Scalar { .. });
                scalars.extend(all.filter(is_scalar).map(|id| (part, index, id)));
            }
        }
        prop_assume!(!scalars.is_empty());
        let (mut splices, mut expected) = (Vec::new(), Vec::new());
        for new in news {
            let (part, document, node) = *new.place.get(&scalars);
            let span = old.content(part).documents[document].span(node);
            let is_near = |splice: &Splice| splice.span.start <= span.end && span.start <= splice.span.end;
            if splices.iter().any(is_near) {
                continue;
            }
            splices.push(Splice { span, text: new.text });
            let site = Site { part, document, texts: Vec::new() };
            expected.push(Expected { site, node, difference: Difference::Value(new.value) });
        }
        splices.sort_by_key(|splice| splice.span.start);
        let mut text = old.text().to_owned();
        for splice in splices.iter().rev() {
            text.replace_range(splice.span.clone(), &splice.text);
        }
        if let Some((at, more)) = damage {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if !places.is_empty() {
                text.insert_str(*at.get(&places), &more);
            }
        }
        let new = ParsedFile::of("f.yaml".to_owned(), text.clone());
        let verdict = |ways: &[ShortWay]| check_by(ways, (&old, &new), &splices, &expected).is_ok();
        prop_assert_eq!(verdict(&[in_place::is_certain]), verdict(&[]), "{}\n{}", old.text(), text);
    }
}

#[test]
fn the_short_proof_is_the_one_that_is_used_for_usual_edits() {
    let old = "kind: Pod\nspec:\n  containers:\n  - image: r.example/app:1.9 # c\n";
    let rows = [
        ("r.example/app:1.10", "r.example/app:1.10", "", true),
        ("'r.example/app:1.10'", "r.example/app:1.10", "", true),
        ("r.example/app:1.10", "r.example/app:1.11", "", false),
        ("r.example/app:1.10", "r.example/app:1.10", "#", false),
        ("[1]", "[1]", "", false),
    ];
    for (text, value, more, expected) in rows {
        let file = |text: String| ParsedFile::of("f.yaml".to_owned(), text);
        let new = file(old.replace("r.example/app:1.9", text) + more);
        let old = file(old.to_owned());
        let document = &old.content(0).documents[0];
        let mut all = 0..document.len();
        let node = all.find(|id| document.value(*id) == Some("r.example/app:1.9"));
        let node = node.unwrap();
        let splice = Splice {
            span: document.span(node),
            text: text.to_owned(),
        };
        let site = Site {
            part: 0,
            document: 0,
            texts: Vec::new(),
        };
        let difference = Difference::Value(value.to_owned());
        let wanted = Expected {
            site,
            node,
            difference,
        };
        let is_certain = in_place::is_certain((&old, &new, 0), vec![&splice], &[&wanted]);
        assert_eq!(is_certain, expected, "{text:?} {value:?} {more:?}");
    }
}
