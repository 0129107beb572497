//! Is every change of the managed values on the branch explained by a run?
//!
//! The branch is walked along its first parents, because that is what the cluster saw, and each
//! state is compared with the one before. A merge is explained by the commit that it brings in.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{
    Told,
    range::{Range, ancestors},
    standing::{Journals, missing},
    values::{configured, read, value},
};
use crate::{
    event::{BranchAudit, Ending, Failure, Gap, GapKind, Outcome, ValueChange, Values},
    git::{CommitId, LogEntry},
    ops::{
        deploy::Outside,
        failure,
        load::{Site, Target},
    },
};

/// Judges the branch of an environment from an instant on.
///
/// # Errors
/// The git server does not answer or refuses.
pub(super) async fn audit(
    outside: &Outside<'_>,
    site: &Site,
    told: &[Told],
    since: Option<DateTime<Utc>>,
) -> Result<Outcome, Failure> {
    let repository = outside.repository;
    let past = repository.fetch_since(&site.branch, since).await;
    let past = past.map_err(failure::git)?;
    let log = repository.log(&past.tip, usize::MAX).await;
    let commits: HashMap<CommitId, LogEntry> = log
        .map_err(failure::git)?
        .into_iter()
        .map(|entry| (entry.id.clone(), entry))
        .collect();
    let range = Range::of(&past, &commits, since);
    let asked = told.iter().filter(|told| told.asked);
    let mut journals = Journals::of(told);
    journals.find_squashed(&past.line, &commits);
    journals.find_remade(&past.line, &commits);
    let mut walk = Walk {
        outside,
        journals,
        commits: &commits,
        services: asked.clone().map(Followed::new).collect(),
        explained: 0,
        gaps: Vec::new(),
    };
    walk.begin_at(&range.before).await?;
    for (before, commit) in range.steps() {
        walk.step(before, commit).await?;
    }
    let judged = range.judged(&commits);
    walk.claims(&judged);
    let on_branch: HashSet<CommitId> = commits.keys().cloned().collect();
    let from = range
        .line
        .first()
        .and_then(|id| commits.get(id))
        .map(|it| it.at);
    for told in asked {
        // Where the history is cut off, what came before it cannot be missed.
        let from = since.or(from.filter(|_| past.cut));
        walk.gaps.extend(missing(told, &on_branch, from));
    }
    let Walk {
        services,
        explained,
        mut gaps,
        ..
    } = walk;
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.at));
    let audit = BranchAudit {
        branch: site.branch.clone(),
        from,
        commits: judged.len(),
        values: services.iter().map(|one| one.values.count()).sum(),
        explained,
        cut: range
            .is_cut
            .then(|| "older commits were not fetched: what they changed was not judged".to_owned()),
        gaps,
    };
    Ok(outcome(audit))
}

fn outcome(audit: BranchAudit) -> Outcome {
    let since = audit.from.map_or_else(String::new, |from| {
        format!(" since {}", from.format("%Y-%m-%d %H:%M UTC"))
    });
    let commits = counted(audit.commits, "commit");
    let range = format!("{commits} on `{}`{since}", audit.branch);
    let explained = match audit.explained {
        1 => "1 change of a managed value is explained".to_owned(),
        count => format!("{count} changes of managed values are explained"),
    };
    let (ending, mut reason) = match audit.gaps.len() {
        0 => (Ending::Shown, format!("{explained}, no gap in {range}")),
        gaps => {
            let gaps = counted(gaps, "gap");
            (Ending::Findings, format!("{gaps} in {range}; {explained}"))
        }
    };
    if let Some(cut) = &audit.cut {
        reason.push_str(&format!("; {cut}"));
    }
    let mut outcome = Outcome::new(ending, reason);
    outcome.audit = Some(audit);
    outcome
}

fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

/// One service along the branch.
struct Followed<'a> {
    told: &'a Told,
    /// As the configuration was at the last commit; none where it did not have the service.
    target: Option<Target>,
    values: Values,
    is_unreadable: bool,
}

impl<'a> Followed<'a> {
    fn new(told: &'a Told) -> Self {
        Self {
            told,
            target: None,
            values: Values::default(),
            is_unreadable: false,
        }
    }

    fn name(&self) -> &'a str {
        &self.told.target.service.name
    }

    /// Do its changes land through pull or merge requests?
    fn lands_by_request(&self) -> bool {
        let target = self.target.as_ref();
        target.is_some_and(|target| target.environment.pull_request.is_some())
    }

    /// May a commit that changes these files change its values?
    fn is_touched(&self, paths: &[String]) -> bool {
        let target = self.target.as_ref();
        let Some(globs) = target.and_then(globs) else {
            return true;
        };
        paths.iter().any(|path| globs.is_match(path))
    }
}

/// None where they cannot be read: then every file may matter.
fn globs(target: &Target) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in target.service.globs(&target.environment) {
        set.add(
            GlobBuilder::new(&glob)
                .literal_separator(true)
                .build()
                .ok()?,
        );
    }
    set.build().ok()
}

struct Walk<'a> {
    outside: &'a Outside<'a>,
    journals: Journals,
    commits: &'a HashMap<CommitId, LogEntry>,
    services: Vec<Followed<'a>>,
    explained: usize,
    gaps: Vec<Gap>,
}

impl Walk<'_> {
    /// Takes the values before the range as they are; where they could not be read, as they were
    /// when they last could.
    async fn begin_at(&mut self, before: &[CommitId]) -> Result<(), Failure> {
        for one in &mut self.services {
            for (index, commit) in before.iter().enumerate() {
                let target = configured(self.outside, &one.told.target, commit).await?;
                if index == 0 {
                    one.target.clone_from(&target);
                }
                let Some(target) = target else { break };
                if let Ok(values) = read(self.outside, commit, &target).await? {
                    one.values.turn_to(&values);
                    break;
                }
                one.is_unreadable = true;
            }
        }
        Ok(())
    }

    async fn step(&mut self, before: Option<&CommitId>, id: &CommitId) -> Result<(), Failure> {
        let Some(commit) = self.commits.get(id) else {
            return Ok(());
        };
        let repository = self.outside.repository;
        let paths = repository.changed_paths(before, id).await;
        let paths = paths.map_err(failure::git)?;
        for index in 0..self.services.len() {
            let changes = {
                let Some(one) = self.services.get_mut(index) else {
                    continue;
                };
                let config_changed = paths.contains(&one.told.target.config_path);
                if config_changed {
                    one.target = configured(self.outside, &one.told.target, id).await?;
                }
                if one.target.is_none() || !(config_changed || one.is_touched(&paths)) {
                    continue;
                }
                let Some(target) = &one.target else { continue };
                match read(self.outside, id, target).await? {
                    Ok(values) => {
                        one.is_unreadable = false;
                        one.values.turn_to(&values)
                    }
                    Err(_) if one.is_unreadable => continue,
                    Err(why) => {
                        one.is_unreadable = true;
                        let service = one.name();
                        let message = format!("its values cannot be read: {why}");
                        self.gaps
                            .push(gap(GapKind::Unreadable, commit, service, message));
                        continue;
                    }
                }
            };
            for change in changes {
                self.explain(index, commit, change).await?;
            }
        }
        Ok(())
    }

    async fn explain(
        &mut self,
        index: usize,
        commit: &LogEntry,
        change: ValueChange,
    ) -> Result<(), Failure> {
        let Some(one) = self.services.get(index) else {
            return Ok(());
        };
        let brought = match commit.parents.as_slice() {
            [first, others @ ..] if !others.is_empty() => {
                self.brought_by(one, first, others, &change).await?
            }
            _ => None,
        };
        let culprit = brought.unwrap_or(commit);
        let standing = self.journals.standing(culprit);
        let Some((kind, mut message)) = standing.gap() else {
            self.explained += 1;
            return Ok(());
        };
        if kind == GapKind::Unexplained && one.lands_by_request() {
            message.push_str(
                "; if a request of a run was squashed into it without the run's trailers, run the \
                 same deployment again: that looks for it and writes it down",
            );
        }
        self.gaps.push(Gap {
            run: standing.claimed(),
            change: Some(change),
            ..gap(kind, culprit, one.name(), message)
        });
        Ok(())
    }

    /// Finds the commit that a merge brings in and that gave a value what it has after the merge.
    async fn brought_by(
        &self,
        one: &Followed<'_>,
        first: &CommitId,
        others: &[CommitId],
        change: &ValueChange,
    ) -> Result<Option<&LogEntry>, Failure> {
        let Some(target) = &one.target else {
            return Ok(None);
        };
        let before = ancestors(std::iter::once(first), self.commits, &HashSet::new());
        let side = ancestors(others.iter(), self.commits, &before);
        let mut side: Vec<&LogEntry> = side.iter().filter_map(|id| self.commits.get(id)).collect();
        side.sort_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
        for commit in side {
            let parent = commit.parents.first();
            let repository = self.outside.repository;
            let paths = repository.changed_paths(parent, &commit.id).await;
            if !one.is_touched(&paths.map_err(failure::git)?) {
                continue;
            }
            let old = match parent {
                Some(parent) => value(self.outside, parent, target, &change.key).await?,
                None => None,
            };
            let new = value(self.outside, &commit.id, target, &change.key).await?;
            if new == change.new && old != change.new {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Adds the commits that claim a run without having changed a value.
    fn claims(&mut self, judged: &[&LogEntry]) {
        for commit in judged {
            let standing = self.journals.standing(commit);
            let Some((kind, message)) = standing.gap() else {
                continue;
            };
            let Some(run) = standing.claimed() else {
                continue;
            };
            let named = |key| commit.trailers.get(key);
            let mut followed = self.services.iter().map(|it| &it.told.target);
            let elsewhere = named("Environment")
                .is_some_and(|named| followed.all(|it| it.environment_name != named));
            let service = named("Service");
            let asked = service.is_none_or(|name| self.services.iter().any(|it| it.name() == name));
            let id = commit.id.to_string();
            let is_told = self.gaps.iter().any(|gap| gap.commit.as_ref() == Some(&id));
            if elsewhere || !asked || is_told {
                continue;
            }
            let service = service.unwrap_or("unknown");
            self.gaps.push(Gap {
                run: Some(run),
                ..gap(kind, commit, service, message)
            });
        }
    }
}

fn gap(kind: GapKind, commit: &LogEntry, service: &str, message: String) -> Gap {
    Gap {
        kind,
        commit: Some(commit.id.to_string()),
        author: Some(commit.author.clone()),
        at: commit.at,
        service: service.to_owned(),
        run: None,
        change: None,
        message,
    }
}
