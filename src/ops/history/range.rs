//! Which commits of a branch are judged, and what came with them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::git::{CommitId, LogEntry, Past};

/// The commits that are judged.
pub(super) struct Range {
    /// What was before the first of them, newest first; empty = there was nothing.
    pub(super) before: Vec<CommitId>,
    /// Along the first parents, oldest first.
    pub(super) line: Vec<CommitId>,
    /// Was older history not fetched that belongs to it?
    pub(super) is_cut: bool,
}

impl Range {
    /// A commit says itself when it was made, so that one which claims to be old must not end the
    /// range: it reaches back to the last commit that is young enough.
    pub(super) fn of(
        past: &Past,
        commits: &HashMap<CommitId, LogEntry>,
        since: Option<DateTime<Utc>>,
    ) -> Self {
        let young = |id: &CommitId| {
            let entry = commits.get(id);
            entry.is_some_and(|entry| since.is_none_or(|since| entry.at >= since))
        };
        let length = past.line.iter().rposition(young).map_or(0, |last| last + 1);
        let mut line: Vec<CommitId> = past.line.iter().take(length).cloned().collect();
        let mut before: Vec<CommitId> = past.line.iter().skip(length).cloned().collect();
        let is_cut = past.cut && before.is_empty();
        if is_cut {
            // What the oldest commit changed cannot be known.
            before.extend(line.pop());
        }
        line.reverse();
        Self {
            before,
            line,
            is_cut,
        }
    }

    /// Returns each commit with the one before it, oldest first.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Option<&CommitId>, &CommitId)> {
        let before = std::iter::once(self.before.first()).chain(self.line.iter().map(Some));
        before.zip(&self.line)
    }

    /// Every commit that came with the range, also through merges.
    pub(super) fn judged<'a>(&self, commits: &'a HashMap<CommitId, LogEntry>) -> Vec<&'a LogEntry> {
        let before = ancestors(self.before.first().into_iter(), commits, &HashSet::new());
        let with = ancestors(self.line.last().into_iter(), commits, &before);
        let mut judged: Vec<&LogEntry> = with.iter().filter_map(|id| commits.get(id)).collect();
        judged.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        judged
    }
}

/// Returns these commits and all before them, except what is in `without`.
pub(super) fn ancestors<'a>(
    from: impl Iterator<Item = &'a CommitId>,
    commits: &HashMap<CommitId, LogEntry>,
    without: &HashSet<CommitId>,
) -> HashSet<CommitId> {
    let mut seen = HashSet::new();
    let mut next: Vec<CommitId> = from.cloned().collect();
    while let Some(id) = next.pop() {
        if without.contains(&id) || !seen.insert(id.clone()) {
            continue;
        }
        if let Some(entry) = commits.get(&id) {
            next.extend(entry.parents.iter().cloned());
        }
    }
    seen
}
