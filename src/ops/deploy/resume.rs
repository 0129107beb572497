//! How far an earlier run got, as the branch itself shows it.

use chrono::{DateTime, Utc};

use super::{Outside, dry_run, facts, facts_at_most, previous_version, whole_diff};
use crate::{
    event::{Ending, Failure, Outcome},
    git::{CommitId, LogEntry},
    manifest::{Manifests, RestoreProblem, reapply},
    ops::{
        cause::failed_before,
        failure,
        journal::{self, Record, State},
        load::{self, Target},
        pull_request,
    },
    rollout::{self, Before, CLEANUP, DIRECT, Plan, Replay},
    units::{Version, Weight},
};

/// How the trailer `Step` of a commit begins that steps the weight down.
pub const STEPPED_DOWN: &str = "back down";

/// An earlier try of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// Branch head before its first push. Where the branch was rewritten since, the commit that its
    /// first commit builds on now, or the branch's head when nothing of it is left.
    pub base: CommitId,
    /// Last step whose commit is on the branch, from 0; none = nothing of it is.
    pub landed: Option<usize>,
    /// Has its way back begun?
    pub going_back: bool,
    /// The weights to which a way back in steps has brought the canary.
    pub stepped_down: Vec<Weight>,
    /// Is the base that the journal names no longer on the branch?
    pub rewritten: bool,
    /// The branch's head when all this was read from it.
    pub tip: CommitId,
}

/// A run's plan with what it writes, made again from the commit that the run began with.
#[derive(Debug)]
pub struct Remade {
    /// The plan.
    pub plan: Plan,
    /// What it writes.
    pub replay: Replay,
    /// The manifests it began with.
    pub manifests: Manifests,
    /// The version that ran before.
    pub previous: String,
}

impl Remade {
    /// Makes the outcome that shows it and pushes nothing.
    pub fn shown(&self) -> Outcome {
        let diff = whole_diff(&self.replay, &self.manifests);
        dry_run(Ending::Shown, &self.plan, &self.replay, diff)
    }
}

/// Finds out how far a run got: the branch itself is asked, not the journal, because a run may have
/// died between the two. None when the record names no base.
///
/// # Errors
/// The git server does not answer or refuses.
pub async fn resume(
    outside: &Outside<'_>,
    target: &Target,
    record: &Record,
) -> Result<Option<Continued>, Failure> {
    let Some(base) = &record.base else {
        return Ok(None);
    };
    let tip = outside
        .repository
        .fetch_history(&target.branch)
        .await
        .map_err(failure::git)?;
    let log = outside
        .repository
        .log(&tip, usize::MAX)
        .await
        .map_err(failure::git)?;
    let merged = pull_request::merged(outside, target, record, &log).await?;
    let rewritten = !log.iter().any(|entry| entry.id == *base);
    let own: Vec<&LogEntry> = log
        .iter()
        .take_while(|entry| entry.id != *base)
        .filter(|entry| {
            entry.trailers.of_run(&record.run).is_some()
                || Some(&entry.id) == record.intended.as_ref()
                || Some(&entry.id) == merged.as_ref()
        })
        // A journal on the branch says what was to be pushed, which is not what was.
        .filter(|entry| entry.trailers.get("Writer").is_none())
        .collect();
    // A merge may have given its commit a message of its own.
    let step = |entry: &&'_ LogEntry| {
        let own = entry.trailers.of_run(&record.run);
        let own = own.as_ref().unwrap_or(&entry.trailers);
        own.get("Step").unwrap_or("1").to_owned()
    };
    let steps = || own.iter().map(step);
    let landed = steps().filter_map(|step| journal::step_index(&step)).max();
    let going_back =
        record.state == State::RollingBack || steps().any(|step| step.starts_with("back"));
    let stepped_down = own
        .iter()
        .filter(|entry| step(entry).starts_with(STEPPED_DOWN))
        .filter_map(|entry| entry.trailers.get("Weight")?.parse().ok())
        .collect();
    let base = match own.last().and_then(|entry| entry.parents.first()) {
        _ if !rewritten => base.clone(),
        Some(parent) => parent.clone(),
        None => tip.clone(),
    };
    Ok(Some(Continued {
        base,
        landed,
        going_back,
        stepped_down,
        rewritten,
        tip,
    }))
}

/// Returns when a run first began to push one of its steps, as the journal (newest record first) says.
pub fn step_began(records: &[Record], run: &str, step: usize) -> Option<DateTime<Utc>> {
    let forward = [State::Started, State::Advanced, State::Promoted];
    let of_step = |record: &&Record| {
        record.run == run
            && forward.contains(&record.state)
            && journal::step_index(&record.step) == Some(step)
    };
    records.iter().rfind(of_step).map(|record| record.at)
}

/// Makes a run's plan again: the configuration and the manifests count as they were when it began,
/// because its steps are numbered by them.
///
/// # Errors
/// The git server does not answer or refuses; what was there then cannot be read any more.
pub async fn remake(
    outside: &Outside<'_>,
    target: &Target,
    base: &CommitId,
    version: &Version,
    strategy: &str,
) -> Result<Remade, Failure> {
    let target = load::target_at(outside.repository, target, base).await?;
    // What somebody else has broken or weighed keeps nobody from a named version.
    let is_direct = strategy == DIRECT;
    let manifests = if is_direct {
        let read = load::manifests_for_way_back(outside.repository, base, &target, &[]);
        read.await?.manifests
    } else {
        load::manifests(outside.repository, base, &target).await?
    };
    let previous = previous_version(&target, &manifests)?;
    let facts = if is_direct {
        facts_at_most(&target, &manifests)?
    } else {
        facts(&target, &manifests)?
    };
    let mut plan = match strategy {
        DIRECT => rollout::direct(&target.service, version, &facts),
        CLEANUP => rollout::cleanup(version, &facts),
        _ => rollout::plan(&target.service, version, &facts),
    };
    if let Some(before) = &mut plan.before {
        before.is_known_bad = is_known_bad(before, outside, &target).await?;
    }
    let replay = rollout::replay(&plan, &manifests).map_err(failure::refusals)?;
    Ok(Remade {
        plan,
        replay,
        manifests,
        previous,
    })
}

/// Did the version that a canary had, with users or pods, fail here before?
async fn is_known_bad(
    before: &Before,
    outside: &Outside<'_>,
    target: &Target,
) -> Result<bool, Failure> {
    let is_idle = before.weight == Weight::ZERO && before.pods == 0;
    let version = before.version.as_ref().filter(|_| !is_idle);
    let Some(version) = version.and_then(|version| version.parse().ok()) else {
        return Ok(false);
    };
    let (service, environment) = target.place();
    let failed = failed_before(outside.repository, environment, service, &version).await?;
    Ok(failed.is_some())
}

/// Is everything that a run has written up to a step still there, at the commit that told so?
///
/// # Errors
/// The git server does not answer or refuses. [`Ending::BlockedOther`] with the first value that is
/// not as the run left it.
pub async fn in_place(
    outside: &Outside<'_>,
    target: &Target,
    replay: &Replay,
    landed: usize,
    tip: &CommitId,
) -> Result<(), Failure> {
    let manifests = load::manifests(outside.repository, tip, target).await?;
    let other = match reapply(&manifests, &replay.until(landed)) {
        Ok(set) => set
            .changes
            .first()
            .map(|change| (change.clone(), change.old.clone())),
        Err(RestoreProblem::Superseded { change, found, .. }) => Some((*change, found)),
        Err(RestoreProblem::Refused(refusals)) => return Err(failure::refusals(refusals)),
    };
    match other {
        None => Ok(()),
        Some((change, found)) => Err(Failure::new(
            Ending::BlockedOther,
            format!(
                "{}: {} of {} is {} now, an earlier try of this run left `{}`; someone else changed it",
                change.path,
                change.target(),
                change.object,
                found.map_or_else(|| "gone".to_owned(), |value| format!("`{value}`")),
                change.after(),
            ),
        )
        .hint(format!(
            "run `{}`: it takes back what that run left and leaves the rest alone",
            target.command("rollback")
        ))),
    }
}
