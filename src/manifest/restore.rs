//! Earlier changes taken back, or made again, on files that have moved on: value by value, and only
//! where nobody else has set a third value meanwhile.

use super::{
    Allowances, Change, ChangeSet, Manifests, Refusal, change_set::place_of, cursor::Cursor,
    list_item, target::Target,
};

/// Why earlier changes cannot be taken back or made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreProblem {
    /// A value is neither what it was before the change nor what it was after it.
    Superseded {
        /// The earlier change.
        change: Box<Change>,
        /// The decoded value that is there now; none where it is gone.
        found: Option<String>,
        /// 1-based line of the value, where it is there.
        line: Option<usize>,
    },
    /// A value cannot be edited safely any more.
    Refused(Vec<Refusal>),
}

/// Takes written changes back. A value that is back already is left as it is.
///
/// Several changes of one value, in the order in which they were written, are taken back together:
/// whichever of them was the last to land, the value becomes what it was before the first.
///
/// # Errors
/// See [`RestoreProblem`]; then nothing is taken back.
pub fn restore(manifests: &Manifests, written: &[Change]) -> Result<ChangeSet, RestoreProblem> {
    replay(manifests, written, Direction::Back)
}

/// Makes wanted changes again, on a newer state. A value that is right already is left as it is.
///
/// Several changes of one value are made together: it becomes what it is after the last.
///
/// # Errors
/// See [`RestoreProblem`]; then nothing is changed.
pub fn reapply(manifests: &Manifests, wanted: &[Change]) -> Result<ChangeSet, RestoreProblem> {
    replay(manifests, wanted, Direction::Forward)
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    Forward,
    Back,
}

/// A decoded value, none where there is to be none, and its bytes in the file.
struct End<'a> {
    value: Option<&'a str>,
    text: &'a str,
}

impl<'a> End<'a> {
    fn old(change: &'a Change) -> Self {
        Self {
            value: change.old.as_deref(),
            text: &change.old_text,
        }
    }

    fn new(change: &'a Change) -> Self {
        Self {
            value: change.new.as_deref(),
            text: &change.text,
        }
    }
}

fn replay(
    manifests: &Manifests,
    changes: &[Change],
    direction: Direction,
) -> Result<ChangeSet, RestoreProblem> {
    let mut found = Vec::new();
    let mut refusals = Vec::new();
    for (index, first) in changes.iter().enumerate() {
        let same = |other: &&Change| other.same_place(first);
        if changes[..index].iter().any(|earlier| same(&earlier)) {
            continue;
        }
        let all: Vec<&Change> = changes[index..].iter().filter(same).collect();
        match step_anew(manifests, first, &all, direction) {
            Ok(step) => found.extend(step),
            Err(RestoreProblem::Refused(more)) => refusals.extend(more),
            Err(superseded) => return Err(superseded),
        }
    }
    if !refusals.is_empty() {
        return Err(RestoreProblem::Refused(refusals));
    }
    found.sort_by(|one, other| (&one.path, one.span.start).cmp(&(&other.path, other.span.start)));
    Ok(ChangeSet::of(found))
}

/// As [`step`], for a value that may be in an item of a list which has another place there by now.
fn step_anew(
    manifests: &Manifests,
    first: &Change,
    all: &[&Change],
    direction: Direction,
) -> Result<Option<Change>, RestoreProblem> {
    let file = manifests.parsed_file(&first.path);
    let (Some(file), Some(_)) = (file, &first.item) else {
        return step(manifests, first, all, direction);
    };
    let refused = |refusal| RestoreProblem::Refused(vec![refusal]);
    // Whichever of the changes landed last, the item is one that one of them knows.
    for change in all {
        if let Some(found) = list_item::found_again(file, change).map_err(refused)? {
            let here = Change {
                pointer: found.pointer,
                ..first.clone()
            };
            let stepped = step(manifests, &here, all, direction)?;
            return Ok(stepped.map(|change| Change {
                item: first.item.clone(),
                ..change
            }));
        }
    }
    Err(RestoreProblem::Superseded {
        change: Box::new(first.clone()),
        found: None,
        line: None,
    })
}

/// Takes one value along all of its changes; none where it is at the end already.
fn step(
    manifests: &Manifests,
    first: &Change,
    all: &[&Change],
    direction: Direction,
) -> Result<Option<Change>, RestoreProblem> {
    let last = all.last().copied().unwrap_or(first);
    let (to, starts): (End<'_>, Vec<End<'_>>) = match direction {
        Direction::Forward => (
            End::new(last),
            all.iter().map(|change| End::old(change)).collect(),
        ),
        Direction::Back => (
            End::old(first),
            all.iter().map(|change| End::new(change)).collect(),
        ),
    };
    let refused = |refusal| RestoreProblem::Refused(vec![refusal]);
    let superseded = |found: Option<&str>, line| RestoreProblem::Superseded {
        change: Box::new(Change {
            new: last.new.clone(),
            text: last.text.clone(),
            ..first.clone()
        }),
        found: found.map(str::to_owned),
        line,
    };
    let file = manifests.parsed_file(&first.path);
    let place = file
        .map(|file| place_of(file, first))
        .transpose()
        .map_err(refused)?
        .flatten();
    let there = place.as_ref().filter(|place| place.detour.is_none());
    let current = there.and_then(Cursor::text);
    let line = there.map(Cursor::line);
    let as_is = || place.is_none() || (there.is_none() && first.created > 0);
    // A value may only have been put in quotes.
    let is_requoted = all
        .iter()
        .all(|change| change.old.is_some() && change.old == change.new);
    if current == to.value && (current.is_some() || as_is()) && !is_requoted {
        return Ok(None);
    }
    if !starts.iter().any(|start| current == start.value) {
        return Err(superseded(current, line));
    }
    let Some(place) = there.filter(|place| place.text().is_some()) else {
        // Nothing is there, as it was before the value was made.
        return Ok(to.value.map(|value| Change {
            old: None,
            new: Some(value.to_owned()),
            ..first.clone()
        }));
    };
    let Some(to_value) = to.value else {
        return Ok(Some(Change {
            line: place.line(),
            old: current.map(str::to_owned),
            new: None,
            ..first.clone()
        }));
    };
    // Whoever uses the value through an alias follows it back as it followed it there; a block scalar
    // that was replaced may be replaced again.
    let allowed = Allowances {
        through_anchors: true,
        inline_blocks: first.old_text.starts_with(['|', '>']),
        ..Allowances::default()
    };
    let target = Target::at(place, allowed).map_err(refused)?;
    if is_requoted && !starts.iter().any(|start| target.written == start.text) {
        return Ok(None);
    }
    // Where the bytes are still those of a change, the other end fits byte for byte; where someone
    // has changed the quotes since, the value is written in theirs.
    let as_written = starts
        .iter()
        .any(|start| Some(target.value) == start.value && target.written == start.text);
    Ok(if as_written && !to.text.is_empty() {
        Some(target.change_as(to_value, to.text.to_owned(), first.scalar_type))
    } else {
        target.change_to(to_value, first.scalar_type)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Edit, SourceFile, locate};

    const BEFORE: &str = "\
kind: Deployment
metadata:
  name: app
  labels: {version: 1.9.3}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: app
          image: \"r/app:1.9.3\"
";

    fn manifests(text: &str) -> Manifests {
        Manifests::parse(vec![SourceFile {
            path: "f.yaml".to_owned(),
            bytes: text.into(),
        }])
        .unwrap()
    }

    fn edits(version: &str, replicas: u32) -> [Edit; 2] {
        let workload = "Deployment/app".parse().unwrap();
        [
            Edit::Version {
                workload: None,
                image: "r/app".to_owned(),
                version: version.parse().unwrap(),
            },
            Edit::Replicas { workload, replicas },
        ]
    }

    fn text_after(text: &str, set: &ChangeSet) -> String {
        let manifests = manifests(text);
        let mut applied = set.apply(&manifests).unwrap();
        applied.files.pop().map_or_else(
            || text.to_owned(),
            |file| String::from_utf8(file.bytes).unwrap(),
        )
    }

    /// The file after the change to 1.10 with 3 replicas, and the change.
    fn changed() -> (String, Vec<Change>) {
        let set = locate(&manifests(BEFORE), &edits("1.10", 3)).unwrap();
        assert_eq!(set.changes.len(), 3);
        (text_after(BEFORE, &set), set.changes)
    }

    #[test]
    fn what_others_changed_meanwhile_stays() {
        let (after, written) = changed();
        assert!(after.contains("{version: \"1.10\"}"), "{after}");
        let moved = after
            .replace(
                "spec:\n  replicas",
                "# on call: team a\nspec:\n  paused: true\n  replicas",
            )
            .replace(
                "- name: app",
                "- {name: proxy, image: r/proxy:7}\n        - name: app",
            );
        let back = restore(&manifests(&moved), &written).unwrap();
        let expected = BEFORE
            .replace(
                "spec:\n  replicas",
                "# on call: team a\nspec:\n  paused: true\n  replicas",
            )
            .replace(
                "- name: app",
                "- {name: proxy, image: r/proxy:7}\n        - name: app",
            );
        assert_eq!(text_after(&moved, &back), expected);
        let forth = reapply(&manifests(&expected), &written).unwrap();
        assert_eq!(text_after(&expected, &forth), moved);
    }

    #[test]
    fn what_was_only_put_in_quotes_goes_back_and_is_made_again() {
        let before = BEFORE.replace("{version: 1.9.3}", "{version: 1.10}");
        let state = manifests(&before.replace("app:1.9.3", "app:1.10"));
        let set = locate(&state, &edits("1.10", 2)[..1]).unwrap();
        let after = text_after(state.text("f.yaml").unwrap(), &set);
        assert!(after.contains("{version: \"1.10\"}"), "{after}");
        assert_eq!(set.changes.len(), 1);
        let on_after = manifests(&after);
        assert!(reapply(&on_after, &set.changes).unwrap().is_empty());
        assert_eq!(
            text_after(
                state.text("f.yaml").unwrap(),
                &reapply(&state, &set.changes).unwrap()
            ),
            after
        );
        let back = restore(&on_after, &set.changes).unwrap();
        assert_eq!(
            Some(text_after(&after, &back).as_str()),
            state.text("f.yaml")
        );
        assert!(restore(&state, &set.changes).unwrap().is_empty());
    }

    #[test]
    fn quotes_that_someone_changed_meanwhile_stay() {
        let (after, written) = changed();
        let requoted = after
            .replace("\"1.10\"", "'1.10'")
            .replace("\"r/app:1.10\"", "'r/app:1.10'");
        let back = restore(&manifests(&requoted), &written).unwrap();
        let expected = BEFORE
            .replace("{version: 1.9.3}", "{version: '1.9.3'}")
            .replace("\"r/app:1.9.3\"", "'r/app:1.9.3'");
        assert_eq!(text_after(&requoted, &back), expected);
    }

    #[test]
    fn half_of_it_back_already_is_no_problem() {
        let (after, written) = changed();
        let half = after.replace("replicas: 3", "replicas: 2");
        let back = restore(&manifests(&half), &written).unwrap();
        assert_eq!(back.changes.len(), 2);
        assert_eq!(text_after(&half, &back), BEFORE);
        assert!(restore(&manifests(BEFORE), &written).unwrap().is_empty());
        assert!(reapply(&manifests(&after), &written).unwrap().is_empty());
    }

    #[test]
    fn third_values_and_missing_ones_are_told() {
        let (after, written) = changed();
        let rows = [
            (
                after.replace("r/app:1.10", "r/app:2.0"),
                Some("r/app:2.0"),
                Some(11),
            ),
            (
                after.replace("replicas: 3", "replicas: 7"),
                Some("7"),
                Some(6),
            ),
            (after.replace("  replicas: 3\n", ""), None, None),
            (
                after.replace("name: app\n  labels", "name: web\n  labels"),
                None,
                None,
            ),
        ];
        for (text, value, place) in rows {
            for result in [
                restore(&manifests(&text), &written),
                reapply(&manifests(&text), &written),
            ] {
                let Err(RestoreProblem::Superseded { found, line, .. }) = result else {
                    panic!("{text}: {result:?}");
                };
                assert_eq!((found.as_deref(), line), (value, place), "{text}");
            }
        }
        let elsewhere = Manifests::parse(Vec::new()).unwrap();
        assert!(matches!(
            restore(&elsewhere, &written),
            Err(RestoreProblem::Superseded { found: None, .. })
        ));
    }

    #[test]
    fn values_that_became_unsafe_are_refused() {
        let (after, written) = changed();
        let aliased = format!(
            "x: &x r/app:1.10\n{}",
            after.replace("\"r/app:1.10\"", "*x")
        );
        let Err(RestoreProblem::Refused(refusals)) = restore(&manifests(&aliased), &written) else {
            panic!("an alias was written through");
        };
        assert_eq!(
            refusals[0].to_string(),
            "f.yaml:12: spec.template.spec.containers[name=app].image of Deployment/app is an alias \
             of the value that is anchored on line 1"
        );
    }

    #[test]
    fn changes_of_several_steps_are_one_change_of_the_first_state() {
        let start = manifests(BEFORE);
        let first = locate(&start, &edits("1.10.100-a-long-one", 3)).unwrap();
        let middle = start.with(first.apply(&start).unwrap().files).unwrap();
        let second = locate(&middle, &edits("2.0", 2)).unwrap();
        let mut merged = first.changes.clone();
        for later in &second.changes {
            let earlier = merged
                .iter_mut()
                .find(|earlier| earlier.same_place(later))
                .unwrap();
            earlier.new.clone_from(&later.new);
            earlier.text.clone_from(&later.text);
        }
        let set = ChangeSet::of(merged);
        assert_eq!(set.summary(), "2 values in 1 file");
        let end = middle.with(second.apply(&middle).unwrap().files).unwrap();
        let expected = end.text("f.yaml").unwrap().to_owned();
        assert_eq!(text_after(BEFORE, &set), expected);
        assert_eq!(
            text_after(&expected, &restore(&end, &set.changes).unwrap()),
            BEFORE
        );
    }

    #[test]
    fn whichever_step_landed_last_the_way_back_is_the_same() {
        let start = manifests(BEFORE);
        let mut states = vec![start.clone()];
        let mut written = Vec::new();
        for (version, replicas) in [("1.10", 3), ("1.10", 5), ("2.0", 2)] {
            let state = states.last().unwrap();
            let set = locate(state, &edits(version, replicas)).unwrap();
            let next = state.with(set.apply(state).unwrap().files).unwrap();
            states.push(next);
            written.extend(set.changes);
        }
        let text_of = |state: &Manifests| state.text("f.yaml").unwrap().to_owned();
        for state in &states {
            let text = text_of(state);
            let back = restore(state, &written).unwrap();
            assert_eq!(text_after(&text, &back), BEFORE);
            let forth = reapply(state, &written).unwrap();
            assert_eq!(text_after(&text, &forth), text_of(&states[3]));
        }
        let third = text_of(&states[2]).replace("replicas: 5", "replicas: 4");
        assert!(restore(&manifests(&third), &written).is_err());
    }

    #[test]
    fn a_change_does_not_land_on_another_state() {
        let (_, written) = changed();
        let other = BEFORE.replace("replicas: 2", "replicas: 9");
        let refusal = ChangeSet::of(written)
            .apply(&manifests(&other))
            .unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "f.yaml:6: spec.replicas of Deployment/app is `9` now, expected `2`"
        );
    }
}
