//! An edit changes what it should and nothing else, can be made again without effect, taken back
//! byte for byte, and made together with others.

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestCaseResult, TestRunner},
};

use super::{
    counts::Counts,
    object_file::any_file,
    reading::Reading,
    wish::{Wanted, Wish, again, any_wish},
};
use crate::manifest::{Change, ChangeSet, Manifests, SourceFile, locate, restore};

/// The path of the file that is edited.
const PATH: &str = "f.yaml";

fn manifests(text: &str) -> Manifests {
    let file = SourceFile {
        path: PATH.to_owned(),
        bytes: text.into(),
    };
    Manifests::parse(vec![file]).unwrap()
}

/// Makes changes; the text stays as it is where there are none.
fn made(text: &str, set: &ChangeSet) -> Result<String, String> {
    let applied = set
        .apply(&manifests(text))
        .map_err(|refusal| refusal.reason)?;
    let new = applied.files.into_iter().next();
    Ok(new.map_or_else(
        || text.to_owned(),
        |file| String::from_utf8(file.bytes).unwrap(),
    ))
}

fn runner() -> TestRunner {
    TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    })
}

/// Checks all that is true of one edit; returns the new text and the change, none where it was
/// refused.
fn check_one(
    text: &str,
    before: &Reading,
    wanted: &Wanted,
    counts: &Counts,
) -> Result<Option<(String, Vec<Change>)>, TestCaseError> {
    let located = wanted.locate(&manifests(text));
    let done = located.and_then(|set| made(text, &set).map(|new| (set.changes, new)));
    let (changes, new) = match done {
        Ok(done) => done,
        Err(reason) => {
            prop_assert!(!reason.contains("internal"), "{reason}\n{text}");
            prop_assert!(!reason.contains("superseded"), "{reason}\n{text}");
            counts.refused(&reason);
            return Ok(None);
        }
    };
    counts.made();
    let Some(change) = changes.first() else {
        prop_assert_eq!(text, &new);
        return Ok(None);
    };
    let mut expected = before.clone();
    expected.set(&wanted.place.object, &wanted.path, wanted.expected(change));
    let after = Reading::of(&new);
    prop_assert_eq!(Some(&expected), after.as_ref(), "{}\n===\n{}", text, new);
    if wanted.replaces() {
        let (start, end) = (change.span.start, change.span.end);
        prop_assert_eq!(&text[start..end], &change.old_text);
        let spliced = [&text[..start], &change.text, &text[end..]].concat();
        prop_assert_eq!(&spliced, &new);
    } else {
        check_only_added(text, &new)?;
    }
    let second = wanted.locate(&manifests(&new));
    let nothing = second.as_ref().is_ok_and(ChangeSet::is_empty);
    prop_assert!(nothing, "second run: {second:?}\n{text}\n===\n{new}");
    check_back_and_forth(text, &new, &changes)?;
    Ok(Some((new, changes)))
}

/// Checks that every old line is still there, but for the one that something is put into or behind.
fn check_only_added(text: &str, new: &str) -> TestCaseResult {
    let old: Vec<&str> = text.split_inclusive(['\r', '\n']).collect();
    let lines: Vec<&str> = new.split_inclusive(['\r', '\n']).collect();
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(one, other)| one == other).count()
    };
    let above = same(&mut old.iter().zip(&lines));
    let below = same(&mut old[above..].iter().rev().zip(lines[above..].iter().rev()));
    let changed = old.len() - above - below;
    prop_assert!(changed <= 1, "{changed} lines changed\n{text}\n===\n{new}");
    Ok(())
}

fn check_back_and_forth(text: &str, new: &str, changes: &[Change]) -> TestCaseResult {
    let shown = || format!("{text}\n===\n{new}");
    let back = restore(&manifests(new), changes);
    prop_assert!(back.is_ok(), "{back:?}\n{}", shown());
    let back = made(new, &back.unwrap());
    prop_assert_eq!(back.as_deref(), Ok(text), "taken back: {}", shown());
    let forth = again(&manifests(text), changes).and_then(|set| made(text, &set));
    prop_assert_eq!(forth.as_deref(), Ok(new), "made again: {}", shown());
    Ok(())
}

/// Checks all that is true of several edits of one file.
fn check_together(text: &str, wishes: &[Wish], counts: &Counts) -> TestCaseResult {
    let Some(reading) = Reading::of(text) else {
        return Ok(());
    };
    let (mut new, mut changes) = (text.to_owned(), Vec::new());
    let mut all: Vec<Wanted> = Vec::new();
    let mut expected = reading.clone();
    for (turn, wish) in wishes.iter().enumerate() {
        let Some(wanted) = Wanted::of(wish, &reading, turn) else {
            continue;
        };
        if all.iter().any(|earlier| earlier.touches(&wanted)) {
            continue;
        }
        let alone = wanted.locate(&manifests(text));
        let alone = alone.and_then(|set| made(text, &set).map(|_| set));
        let Some(change) = alone.ok().and_then(|set| set.changes.into_iter().next()) else {
            continue;
        };
        let after = wanted.locate(&manifests(&new));
        let Ok(after) = after.and_then(|set| made(&new, &set)) else {
            counts.refused("after another");
            continue;
        };
        counts.made();
        new = after;
        expected.set(&wanted.place.object, &wanted.path, wanted.expected(&change));
        changes.push(change);
        all.push(wanted);
    }
    let seen = Reading::of(&new);
    prop_assert_eq!(Some(&expected), seen.as_ref(), "{}\n===\n{}", text, new);
    let at_once = again(&manifests(text), &changes).and_then(|set| made(text, &set));
    // How something is added depends on what is around it, and so on what was added before.
    if all.iter().all(Wanted::replaces) {
        prop_assert_eq!(at_once.as_deref(), Ok(new.as_str()), "{}", text);
    }
    new = at_once.map_err(TestCaseError::fail)?;
    let seen = Reading::of(&new);
    prop_assert_eq!(Some(&expected), seen.as_ref(), "{}\n===\n{}", text, new);
    let edits: Option<Vec<_>> = all.iter().rev().map(Wanted::edit).collect();
    if let Some(edits) = edits {
        let located = locate(&manifests(text), &edits);
        let set = located.map_err(|refusals| TestCaseError::fail(refusals[0].reason.clone()))?;
        let in_another_order = made(text, &set);
        let seen = in_another_order.as_deref().map(Reading::of);
        prop_assert_eq!(seen, Ok(Some(expected)), "{}", text);
        changes = set.changes;
        new = in_another_order.unwrap_or_default();
    }
    check_back_and_forth(text, &new, &changes)
}

#[test]
fn an_edit_does_what_it_says_and_nothing_else() {
    let counts = Counts::default();
    let cases = (any_file(), proptest::collection::vec(any_wish(), 3));
    let mut runner = runner();
    let ran = runner.run(&cases, |(text, wishes)| {
        let Some(reading) = Reading::of(&text) else {
            counts.refused("not readable");
            return Ok(());
        };
        for wish in &wishes {
            if let Some(wanted) = Wanted::of(wish, &reading, 0) {
                check_one(&text, &reading, &wanted, &counts)?;
            }
        }
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
    counts.check(2 * runner.config().cases, 15);
}

#[test]
fn edits_at_once_do_the_same_as_one_after_the_other() {
    let counts = Counts::default();
    let cases = (any_file(), proptest::collection::vec(any_wish(), 2..6));
    let mut runner = runner();
    let ran = runner.run(&cases, |(text, wishes)| {
        check_together(&text, &wishes, &counts)
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
    counts.check(2 * runner.config().cases, 3);
}

/// Holds a document whose only value stands on several lines, in a text without a last line break.
const SEVERAL_LINES: &str = "\
---
  spec: !!map # note

    app : !!map # note

      app : # note

      b-c : web # note

  kind : Widget # note

  metadata : !!map # note

    name : one # note

  data : !!map # note

    app.yaml : |-
        app: plain
          on

          lines\x20\x20
    \"other\": \"web\"\x20\x20";

/// Holds a document of one line, in such a text.
const ONE_LINE: &str = "\
kind: Widget
metadata: {name: one}
data:
  app.yaml: |-
    app: web
  other: web
";

#[test]
fn a_document_of_one_line_is_edited_as_any_other() {
    // Each wish says which place, and what is done there: see `Wanted::of`.
    let rows = [
        // The only value of a document comes down to one line, and a key is added elsewhere.
        (SEVERAL_LINES.replace('\n', "\r"), [(4, 176), (0, 0)]),
        // The same, and another value is replaced.
        (SEVERAL_LINES.to_owned(), [(4, 176), (5, 2)]),
        (ONE_LINE.to_owned(), [(0, 2), (2, 2)]),
        (ONE_LINE.replace("app: web", "{app: web}"), [(0, 2), (2, 2)]),
        // Something is added to a document of one line, and another value is replaced.
        (ONE_LINE.replace('\n', "\r\n"), [(1, 3), (2, 2)]),
        (ONE_LINE.replace("app: web", "[]"), [(0, 3), (1, 2)]),
    ];
    for (text, wishes) in rows {
        let wishes = wishes.map(|(which, form)| Wish {
            which,
            value: "1.10".to_owned(),
            number: 0,
            form,
        });
        let counts = Counts::default();
        let checked = check_together(&text, &wishes, &counts);
        checked.unwrap_or_else(|failure| panic!("{failure}\n{text}"));
        counts.check(2, 0);
    }
}
