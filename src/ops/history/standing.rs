//! What the journals say of a commit: did a run announce it, does it only claim so, or neither?

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::Told;
use crate::{
    event::{Gap, GapKind},
    git::{CommitId, LogEntry},
    ops::journal::{Record, State, records, step_index},
};

/// What the journals of an environment know.
pub(super) struct Journals {
    /// Every commit that a run has announced, with the run.
    announced: HashMap<CommitId, String>,
    /// Commits that an announced merge brought in squashed, with its run.
    squashed: HashMap<CommitId, String>,
    /// Every record with its run; a server that refuses refs of its own has them on the branch.
    records: HashMap<CommitId, String>,
    /// Those that announce a commit. Behind any other none of the run is to come.
    announcing: HashMap<CommitId, String>,
    /// Commits that were made again because their record, on the branch, had moved it.
    remade: HashMap<CommitId, String>,
    runs: HashSet<String>,
    /// Runs that say last that nothing of theirs is on the branch. Theirs that is the journal's last
    /// record can still be gone on with.
    withdrawn: HashMap<String, Withdrawn>,
}

/// What is known of a run that was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withdrawn {
    /// Nothing came after it.
    Last,
    /// Other runs did.
    Followed,
}

/// How a commit stands to the journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// A run announced it, or it is itself a record.
    Announced,
    /// A run announced it that says last that nothing of it is on the branch: nobody has watched it.
    Withdrawn(&'a str, Withdrawn),
    /// It claims a run that the journals know, and that did not announce it.
    NotAnnounced(&'a str),
    /// It claims a run that no journal knows.
    UnknownRun(&'a str),
    /// It claims none.
    NoRun,
}

impl Journals {
    pub(super) fn of(told: &[Told]) -> Self {
        let mut journals = Self {
            announced: HashMap::new(),
            squashed: HashMap::new(),
            records: HashMap::new(),
            announcing: HashMap::new(),
            remade: HashMap::new(),
            runs: HashSet::new(),
            withdrawn: HashMap::new(),
        };
        for told in told {
            for (index, record) in records(&told.journal).into_iter().enumerate() {
                // The newest one of a run comes first.
                if record.state == State::Withdrawn && !journals.runs.contains(&record.run) {
                    let last = if index == 0 {
                        Withdrawn::Last
                    } else {
                        Withdrawn::Followed
                    };
                    journals.withdrawn.insert(record.run.clone(), last);
                }
                if let Some(intended) = record.intended {
                    journals.announced.insert(intended, record.run.clone());
                    let of_run = (record.id.clone(), record.run.clone());
                    journals.announcing.extend([of_run]);
                }
                journals.records.insert(record.id, record.run.clone());
                journals.runs.insert(record.run);
            }
        }
        journals
    }

    /// Finds the commits that announced merges along a line brought in squashed. A forge names one
    /// commit of a merge, so a run can announce no more: GitLab's merge commit is announced, and the
    /// one that it squashed the request into is not. What brings in more than one commit is no squash.
    pub(super) fn find_squashed(
        &mut self,
        line: &[CommitId],
        commits: &HashMap<CommitId, LogEntry>,
    ) {
        let on_line: HashSet<&CommitId> = line.iter().collect();
        for merge in line.iter().filter_map(|id| commits.get(id)) {
            let (Some(run), [_, side]) = (self.announced.get(&merge.id), merge.parents.as_slice())
            else {
                continue;
            };
            let Some(side) = commits.get(side) else {
                continue;
            };
            let is_alone = matches!(side.parents.as_slice(), [before] if on_line.contains(before));
            let named = side.trailers.get("Run");
            if is_alone && named.is_none_or(|named| named == run) {
                self.squashed.insert(side.id.clone(), run.clone());
            }
        }
    }

    /// Finds the commits that runs made again after their records moved the branch, along a line,
    /// newest first. Others may have come in between; each record explains one commit.
    pub(super) fn find_remade(&mut self, line: &[CommitId], commits: &HashMap<CommitId, LogEntry>) {
        let mut awaited: HashSet<&str> = HashSet::new();
        for commit in line.iter().rev().filter_map(|id| commits.get(id)) {
            let named = commit.trailers.get("Run");
            match self.records.get(&commit.id) {
                Some(run) if self.announcing.contains_key(&commit.id) => {
                    awaited.insert(run);
                }
                Some(run) => {
                    awaited.remove(run.as_str());
                }
                None if named.is_some_and(|run| awaited.remove(run)) => {
                    if let Some(run) = named {
                        self.remade.insert(commit.id.clone(), run.to_owned());
                    }
                }
                None => {}
            }
        }
    }

    pub(super) fn standing<'a>(&'a self, commit: &'a LogEntry) -> Standing<'a> {
        if self.records.contains_key(&commit.id) {
            return Standing::Announced;
        }
        let known = [&self.announced, &self.squashed, &self.remade]
            .iter()
            .find_map(|known| known.get(&commit.id));
        if let Some(run) = known {
            return match self.withdrawn.get(run) {
                Some(last) => Standing::Withdrawn(run, *last),
                None => Standing::Announced,
            };
        }
        match commit.trailers.get("Run") {
            Some(run) if self.runs.contains(run) => Standing::NotAnnounced(run),
            Some(run) => Standing::UnknownRun(run),
            None => Standing::NoRun,
        }
    }
}

impl Standing<'_> {
    /// Returns what is wrong with a commit that changes a value, if anything is, and in words.
    pub(super) fn gap(self) -> Option<(GapKind, String)> {
        match self {
            Self::Announced => None,
            Self::Withdrawn(run, last) => Some((
                GapKind::WithdrawnRun,
                match last {
                    Withdrawn::Last => format!(
                        "run {run} was withdrawn before it landed, so nobody has watched it: deploy the same version again to watch it, or take it back with `shipgate recover`"
                    ),
                    Withdrawn::Followed => format!(
                        "run {run} was withdrawn before it landed, so nobody has watched it, and other runs came after it: look at whether one of them brought another version"
                    ),
                },
            )),
            Self::NotAnnounced(run) => Some((
                GapKind::NotAnnounced,
                format!("it names run {run}, whose journal does not announce this commit"),
            )),
            Self::UnknownRun(run) => Some((
                GapKind::UnknownRun,
                format!("it names run {run}, which no journal knows"),
            )),
            Self::NoRun => Some((GapKind::Unexplained, "it names no run".to_owned())),
        }
    }

    /// Returns the run of what is wrong.
    pub(super) fn claimed(self) -> Option<String> {
        match self {
            Self::Withdrawn(run, _) | Self::NotAnnounced(run) | Self::UnknownRun(run) => {
                Some(run.to_owned())
            }
            Self::Announced | Self::NoRun => None,
        }
    }
}

/// Returns the commits that the journal of a service says are on the branch and that are not, of
/// runs that began inside the range.
pub(super) fn missing(
    told: &Told,
    on_branch: &HashSet<CommitId>,
    from: Option<DateTime<Utc>>,
) -> Vec<Gap> {
    let mut runs: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for record in records(&told.journal) {
        runs.entry(record.run.clone()).or_default().push(record);
    }
    let mut gaps = Vec::new();
    for (run, records) in runs {
        let began = records.last().map(|record| record.at);
        if from.is_some_and(|from| began < Some(from)) {
            continue;
        }
        // A push of somebody who was killed can land after whoever goes on has announced the same step.
        let is_there = |step: &str| {
            let mut tries = records.iter().filter(|record| record.step == step);
            tries.any(|record| {
                let intended = record.intended.as_ref();
                intended.is_some_and(|id| on_branch.contains(id) || on_branch.contains(&record.id))
            })
        };
        let is_by_others = |step: &String| records.iter().any(|it| it.found_there.contains(step));
        for record in landed(&records) {
            let is_missing = !is_there(&record.step) && !is_by_others(&record.step);
            let Some(commit) = record.intended.as_ref().filter(|_| is_missing) else {
                continue;
            };
            gaps.push(Gap {
                kind: GapKind::MissingCommit,
                commit: None,
                author: None,
                at: record.at,
                service: told.target.service.name.clone(),
                run: Some(run.clone()),
                change: None,
                message: format!(
                    "run {run} pushed commit {} for step {}, and it is not on the branch",
                    commit.short(),
                    record.step
                ),
            });
        }
    }
    gaps
}

/// Picks the records of a run, newest first, whose commits must have landed. An announcement is no
/// proof: the push behind it may have lost its race, and the last one before an end may never have
/// been made.
fn landed(records: &[Record]) -> Vec<&Record> {
    let Some(newest) = records.first() else {
        return Vec::new();
    };
    // A try of which nothing landed began again, with another base.
    let announced = records
        .iter()
        .filter(|record| record.intended.is_some() && record.base == newest.base);
    let mut steps = BTreeSet::new();
    // The last announcement of a step is the one that landed.
    let mut last: Vec<&Record> = announced
        .filter(|record| steps.insert(&record.step))
        .collect();
    if matches!(
        newest.state,
        State::Verified | State::Alerted | State::Accepted
    ) {
        return last;
    }
    if newest.state == State::Withdrawn {
        return Vec::new();
    }
    // A way back begins whether or not the step before it landed.
    let forward = last
        .iter()
        .position(|record| step_index(&record.step).is_some());
    if let Some(unsure) = forward {
        last.remove(unsure);
    }
    // The same of whoever began the way back before: another try may number its steps otherwise.
    last.retain(|record| {
        let of_same = |other: &&Record| other.intended.is_some() && other.writer == record.writer;
        let is_its_last = records.iter().find(of_same).map(|last| &last.id) == Some(&record.id);
        step_index(&record.step).is_some() || record.writer == newest.writer || !is_its_last
    });
    // What was announced last may never have been made, unless the run says that all of it was.
    if newest.state != State::RolledBack && forward != Some(0) && !last.is_empty() {
        last.remove(0);
    }
    last
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    /// Reads `promoted 7/11` (state, step), newest first; each but those of step `-` announces a commit. After
    /// `@` comes who wrote it.
    fn records(lines: &[&str]) -> Vec<Record> {
        let all = (1..).zip(lines).map(|(index, line)| {
            let (line, writer) = line.split_once('@').unwrap_or((line, ""));
            let (state, step) = line.split_once(' ').unwrap();
            Record {
                run: "run".to_owned(),
                state: state.parse().unwrap(),
                version: None,
                previous_version: None,
                strategy: "canary".to_owned(),
                step: step.to_owned(),
                base: None,
                weight: None,
                actor: None,
                pipeline: None,
                reason: None,
                unhealthy_before: Vec::new(),
                judged_worse: None,
                drill: false,
                regions: None,
                found_there: Vec::new(),
                intended: (step != "-").then(|| format!("{index:040}").parse().unwrap()),
                expires_at: None,
                writer: Some(writer.to_owned()),
                at: Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap() - TimeDelta::minutes(index),
                id: format!("{index:0>40}").parse().unwrap(),
            }
        });
        all.collect()
    }

    #[test]
    fn an_announcement_is_no_proof_of_a_push() {
        let rows: &[(&[&str], &str)] = &[
            (&["verified -", "promoted 2/3", "started 1/3"], "2/3 1/3"),
            (&["withdrawn -", "started 1/3"], ""),
            (&["advanced 2/3", "started 1/3"], "1/3"),
            (&["superseded -", "advanced 2/3", "started 1/3"], "1/3"),
            (
                &[
                    "rolled-back -",
                    "rolling-back back 1/2",
                    "advanced 2/3",
                    "started 1/3",
                ],
                "back 1/2 1/3",
            ),
            // Neither the step before the way back nor its own last one need have landed.
            (
                &[
                    "superseded -",
                    "rolling-back back 1/2",
                    "advanced 2/3",
                    "started 1/3",
                ],
                "1/3",
            ),
            (
                &[
                    "superseded -",
                    "rolling-back back 2/2",
                    "rolling-back back 1/2",
                    "started 1/3",
                ],
                "back 1/2",
            ),
            // Whoever was refused once is followed by somebody whose way back has fewer steps.
            (
                &[
                    "rolled-back -@3",
                    "rolling-back back 1/1@3",
                    "rolling-back back 2/2@2",
                    "rolling-back back 1/2@2",
                    "started 2/3@1",
                    "started 1/3@1",
                ],
                "back 1/1 back 1/2 1/3",
            ),
        ];
        for (lines, wanted) in rows {
            let records = records(lines);
            let found: Vec<&str> = landed(&records)
                .iter()
                .map(|record| record.step.as_str())
                .collect();
            assert_eq!(found.join(" "), *wanted, "{lines:?}");
        }
    }
}
