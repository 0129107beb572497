//! How far several services are: which may begin next, and why one was left alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{DEPENDENCY_FAILED, Fleet, NOT_BEGUN, Pace, is_well, word};
use crate::event::{Ending, Outcome};

/// How far a fleet is.
pub(super) struct Course<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) pace: Pace,
    pub(super) begun: BTreeSet<&'a str>,
    pub(super) ends: BTreeMap<&'a str, Outcome>,
}

impl<'a> Course<'a> {
    /// Returns the next service that may begin now.
    pub(super) fn next(&self) -> Option<&'a str> {
        if !self.pace.keep_going && !self.ends.values().all(is_well) {
            return None;
        }
        let mut names = self.fleet.names.iter().map(String::as_str);
        names.find(|name| {
            let mut before = self.fleet.before[*name].iter();
            !self.begun.contains(name)
                && (self.pace.one_commit
                    || before.all(|needed| self.ends.get(needed.as_str()).is_some_and(is_well)))
        })
    }

    /// Says why a service was left alone.
    pub(super) fn not_begun(&self, name: &str) -> Outcome {
        let missing = self.fleet.before[name]
            .iter()
            .find(|needed| !self.ends.get(needed.as_str()).is_some_and(is_well));
        let reason = match missing {
            Some(other) => {
                let ended = match self.ends.get(other.as_str()) {
                    Some(end) => format!("ended as {}", word(end)),
                    None => "was not begun".to_owned(),
                };
                if self.fleet.is_reversed {
                    format!("`{other}` depends on it and {ended}")
                } else {
                    format!("it depends on `{other}`, which {ended}")
                }
            }
            None => {
                let failed = self.fleet.names.iter().find_map(|name| {
                    let end = self.ends.get(name.as_str())?;
                    (!is_well(end)).then(|| format!("`{name}` ended as {}", word(end)))
                });
                failed.unwrap_or_default()
            }
        };
        let text = format!("{name} was not begun: {reason}");
        let mut outcome = Outcome::new(Ending::BlockedOther, text);
        if missing.is_some() && !self.fleet.is_reversed {
            DEPENDENCY_FAILED.clone_into(&mut outcome.reason_code);
        } else {
            NOT_BEGUN.clone_into(&mut outcome.reason_code);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn what_others_depend_on_goes_first() {
        let before = [
            ("a", vec!["c"]),
            ("b", vec![]),
            ("c", vec!["b"]),
            ("d", vec![]),
        ];
        let fleet = Fleet {
            names: before.iter().map(|(name, _)| (*name).to_owned()).collect(),
            versions: BTreeMap::new(),
            is_reversed: false,
            before: before
                .iter()
                .map(|(name, needed)| {
                    let needed = needed.iter().map(|it| (*it).to_owned()).collect();
                    ((*name).to_owned(), needed)
                })
                .collect(),
        };
        let ended = |ending| Outcome::new(ending, "");
        // (begun, ended, go on after a failure, who is next)
        type Row<'a> = (
            &'a [&'a str],
            &'a [(&'a str, Ending)],
            bool,
            Option<&'a str>,
        );
        let rows: &[Row<'_>] = &[
            (&[], &[], false, Some("b")),
            (&["b"], &[], false, Some("d")),
            (&["b", "d"], &[], false, None),
            (&["b", "d"], &[("b", Ending::NoChange)], false, Some("c")),
            (&["b"], &[("b", Ending::Held)], false, None),
            (&["b"], &[("b", Ending::Held)], true, Some("d")),
            (&["b", "d"], &[("b", Ending::Held)], true, None),
        ];
        for (begun, ends, keep_going, next) in rows {
            let course = Course {
                fleet: &fleet,
                pace: Pace {
                    max_parallel: NonZeroUsize::MIN,
                    keep_going: *keep_going,
                    one_commit: false,
                },
                begun: begun.iter().copied().collect(),
                ends: ends.iter().map(|(name, it)| (*name, ended(*it))).collect(),
            };
            assert_eq!(course.next(), *next, "{begun:?} {ends:?} {keep_going}");
        }
        let course = Course {
            fleet: &fleet,
            pace: Pace {
                max_parallel: NonZeroUsize::MIN,
                keep_going: false,
                one_commit: false,
            },
            begun: ["b"].into_iter().collect(),
            ends: [("b", ended(Ending::Held))].into_iter().collect(),
        };
        let said = ["a", "c", "d"].map(|name| {
            let outcome = course.not_begun(name);
            format!("{}: {}", outcome.reason_code, outcome.reason)
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        dependency-failed: a was not begun: it depends on `c`, which was not begun
        dependency-failed: c was not begun: it depends on `b`, which ended as 42 held
        not-begun: d was not begun: `b` ended as 42 held
        ");
        let back = fleet.clone().in_reverse();
        assert_eq!(back.before["c"], ["a"]);
        assert_eq!(back.before["b"], ["c"]);
        let course = Course {
            fleet: &back,
            pace: course.pace,
            begun: ["a"].into_iter().collect(),
            ends: [("a", ended(Ending::Held))].into_iter().collect(),
        };
        let said = ["c", "b", "d"].map(|name| course.not_begun(name).reason);
        insta::assert_snapshot!(said.join("\n"), @r"
        c was not begun: `a` depends on it and ended as 42 held
        b was not begun: `c` depends on it and was not begun
        d was not begun: `a` ended as 42 held
        ");
    }
}
