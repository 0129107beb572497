//! What others changed meanwhile: nothing is made in the wrong place, and a list item is found
//! although its name changed.

use crate::manifest::{
    ChangeSet, Edit, Manifests, SourceFile, locate, parse_path, reapply, restore,
};

const BEFORE: &str = "\
kind: Service
metadata: {name: app}
spec:
  ports:
    - name: http
      port: 80
";

fn manifests(text: &str) -> Manifests {
    Manifests::parse(vec![SourceFile {
        path: "s.yaml".to_owned(),
        bytes: text.into(),
    }])
    .unwrap()
}

fn located(text: &str, path: &str, value: &str) -> ChangeSet {
    let edit = Edit::Path {
        object: Some("Service/app".parse().unwrap()),
        path: parse_path(path).unwrap(),
        value: value.to_owned(),
        scalar_type: None,
    };
    locate(&manifests(text), &[edit]).unwrap()
}

#[test]
fn nothing_is_added_to_an_item_that_is_gone() {
    let added = located(BEFORE, "spec.ports[name=http].protocol", "TCP");
    let renamed = BEFORE.replace("http", "web");
    let again = reapply(&manifests(&renamed), &added.changes).unwrap();
    let refusal = again.apply(&manifests(&renamed)).unwrap_err();
    insta::assert_snapshot!(refusal, @"s.yaml:5: spec.ports[name=http].protocol of Service/app is not there any more");
}

#[test]
fn a_name_that_was_changed_is_taken_back() {
    let set = located(BEFORE, "spec.ports[name=http].name", "web");
    let files = set.apply(&manifests(BEFORE)).unwrap().files;
    let after = manifests(BEFORE).with(files).unwrap();
    assert_eq!(
        after.text("s.yaml"),
        Some(BEFORE.replace("http", "web").as_str())
    );
    let back = restore(&after, &set.changes).unwrap();
    let files = back.apply(&after).unwrap().files;
    assert_eq!(files[0].bytes, BEFORE.as_bytes());
}
