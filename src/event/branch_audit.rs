//! What a branch did to the values that shipgate manages, and which of that nobody explains.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// Is every change of the managed values explained by a run?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchAudit {
    /// Branch that was looked at.
    pub branch: String,
    /// The time of the first commit that was judged; none = there is none.
    pub from: Option<DateTime<Utc>>,
    /// Commits that were judged.
    pub commits: usize,
    /// Values that are managed now.
    pub values: usize,
    /// Changes that a run explains.
    pub explained: usize,
    /// Why the range does not reach as far back as it should.
    pub cut: Option<String>,
    /// What nobody explains, newest first.
    pub gaps: Vec<Gap>,
}

/// Something that nobody explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What is wrong.
    pub kind: GapKind,
    /// The commit, full id; none = it should be there and is not.
    pub commit: Option<String>,
    /// Who wrote it. Untrusted text.
    pub author: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Service.
    pub service: String,
    /// Run that it claims, or that the journal tells of.
    pub run: Option<String>,
    /// The value, where one changed.
    pub change: Option<ValueChange>,
    /// One line: what is wrong.
    pub message: String,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// A value changed in a commit that claims no run.
    Unexplained,
    /// A commit claims a run that no journal knows.
    UnknownRun,
    /// A commit claims a run whose journal does not announce this commit.
    NotAnnounced,
    /// A commit of a run whose journal says last that nothing of it is on the branch.
    WithdrawnRun,
    /// The journal announces a commit that is not on the branch.
    MissingCommit,
    /// The values cannot be read.
    Unreadable,
}

impl GapKind {
    /// Returns the stable word of machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unexplained => "unexplained",
            Self::UnknownRun => "unknown-run",
            Self::NotAnnounced => "not-announced",
            Self::WithdrawnRun => "withdrawn-run",
            Self::MissingCommit => "missing-commit",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Which value of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueKey {
    /// The Kubernetes object, as `Kind/name`.
    pub object: String,
    /// Path of the value inside the object.
    pub target: String,
}

/// A value that shipgate manages, as one commit has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedValue {
    /// The value.
    pub text: String,
    /// Path of its file.
    pub path: String,
    /// 1-based line.
    pub line: usize,
}

/// One value that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// Which.
    pub key: ValueKey,
    /// Path of its file; of the one where it was, if it is gone.
    pub path: String,
    /// 1-based line there.
    pub line: usize,
    /// Before; none = it was gone.
    pub old: Option<String>,
    /// After; none = it is gone.
    pub new: Option<String>,
}

/// The managed values of one service along a branch.
///
/// A value that was never seen before comes into being without a gap: somebody has to write the
/// first version of a manifest. From then on it is followed, also while it is gone.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<ValueKey, Followed>);

#[derive(Debug, Clone)]
struct Followed {
    last: ManagedValue,
    gone: bool,
}

impl Values {
    /// Goes on to the values of the next commit; returns what is not as it was.
    pub fn turn_to(&mut self, next: &BTreeMap<ValueKey, ManagedValue>) -> Vec<ValueChange> {
        let mut changes = Vec::new();
        for (key, known) in &mut self.0 {
            let now = next.get(key);
            let old = (!known.gone).then(|| known.last.text.clone());
            let new = now.map(|value| value.text.clone());
            let at = now.unwrap_or(&known.last);
            if old != new {
                changes.push(ValueChange {
                    key: key.clone(),
                    path: at.path.clone(),
                    line: at.line,
                    old,
                    new,
                });
            }
            known.gone = now.is_none();
            if let Some(value) = now {
                known.last = value.clone();
            }
        }
        for (key, value) in next {
            self.0.entry(key.clone()).or_insert_with(|| Followed {
                last: value.clone(),
                gone: false,
            });
        }
        changes
    }

    /// Returns how many there are now.
    pub fn count(&self) -> usize {
        self.0.values().filter(|known| !known.gone).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `image=1.0 weight=0` as values, each on a line of its own.
    fn values(text: &str) -> BTreeMap<ValueKey, ManagedValue> {
        let words = text.split_whitespace().enumerate();
        words
            .map(|(index, word)| {
                let (target, value) = word.split_once('=').unwrap();
                let key = ValueKey {
                    object: "Deployment/app".to_owned(),
                    target: target.to_owned(),
                };
                let value = ManagedValue {
                    text: value.to_owned(),
                    path: "app.yaml".to_owned(),
                    line: index + 1,
                };
                (key, value)
            })
            .collect()
    }

    #[test]
    fn what_changes_is_told_and_what_comes_into_being_is_not() {
        let mut along = Values::default();
        let told: Vec<String> = [
            "image=1.0",
            "image=1.0",
            "image=1.1 weight=0",
            "weight=10 image=1.1",
            "weight=10",
            "weight=10",
            "weight=10 image=2.0",
        ]
        .into_iter()
        .map(|text| {
            let changes = along.turn_to(&values(text));
            let line = |it: &ValueChange| {
                let or = |value: &Option<String>| value.clone().unwrap_or("gone".to_owned());
                format!(
                    "{}:{} {} -> {}",
                    it.key.target,
                    it.line,
                    or(&it.old),
                    or(&it.new)
                )
            };
            let changes: Vec<String> = changes.iter().map(line).collect();
            format!("{text}: {} ({})", changes.join(", "), along.count())
        })
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        image=1.0:  (1)
        image=1.0:  (1)
        image=1.1 weight=0: image:1 1.0 -> 1.1 (2)
        weight=10 image=1.1: weight:1 0 -> 10 (2)
        weight=10: image:2 1.1 -> gone (1)
        weight=10:  (1)
        weight=10 image=2.0: image:2 gone -> 2.0 (2)
        ");
    }
}
