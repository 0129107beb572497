//! Everything that can fail before the first push, so that it fails there: plan, edits, providers, rights.

use super::{super::failure, DeployRequest, Outside, observe, read_journal};
use crate::{
    config::Strategy,
    event::{Ending, Event, Failure, Reporter},
    git::CommitId,
    manifest::{self, Manifests},
    ops::{
        journal::{self, Record, RunIdentity, State},
        load::{self, Target},
    },
    rollout::{self, Plan, Replay},
    units::{Version, Weight, format_duration},
};

/// A deployment that is ready to go.
#[derive(Debug)]
pub struct Ready {
    /// Its plan.
    pub plan: Plan,
    /// What the plan writes.
    pub replay: Replay,
    /// What stays the same in all its commits.
    pub identity: RunIdentity,
    /// The newest journal record.
    pub journal_tip: Option<CommitId>,
    /// Last step whose commit is on the branch already, when an earlier try is continued.
    pub landed: Option<usize>,
    /// Was the earlier try held for an approval?
    pub held: bool,
}

/// What preparing came to.
#[derive(Debug)]
pub enum Prepared {
    /// The version runs already; nothing to do. Says so.
    AlreadyThere(String),
    /// Ready to go.
    Ready {
        /// The deployment.
        ready: Box<Ready>,
        /// What it changes in all, as a unified diff.
        diff: String,
    },
}

/// Plans the deployment and proves what can be proven before the first push.
///
/// # Errors
/// An unfinished run of another version, edits that cannot be made, providers that do not answer,
/// no right to push.
pub async fn prepare(
    request: &DeployRequest,
    outside: &Outside<'_>,
    target: &Target,
    reporter: &mut dyn Reporter,
) -> Result<Prepared, Failure> {
    let (journal_tip, records) = read_journal(outside.repository, target).await?;
    let run = journal::run_id(
        outside.repository.display(),
        &target.branch,
        &target.environment_name,
        &target.service.name,
        &request.version,
        "deploy",
        &records,
    );
    let unfinished = journal::unfinished(&records);
    if let Some(record) = unfinished
        && (record.run != run || record.state == State::RollingBack)
    {
        return Err(unfinished_run(record, target));
    }
    let continued = match unfinished {
        None => None,
        Some(record) => resume(outside, target, record).await?,
    };
    let base = continued
        .as_ref()
        .map_or(&target.tip, |continued| &continued.base);
    let manifests = load::manifests(outside.repository, base, target).await?;
    let (plan, previous) = plan(target, &manifests, &request.version)?;
    let replay = rollout::replay(&plan, &manifests).map_err(failure::refusals)?;
    if unfinished.is_none() && already_there(target, &manifests, &request.version)? {
        return Ok(Prepared::AlreadyThere(format!(
            "{} {} is in {} already; nothing to do",
            target.service.name, request.version, target.environment_name
        )));
    }
    let diff = whole_diff(&replay, &manifests);
    announce(&plan, &replay, &diff, reporter);
    if !request.dry_run {
        outside
            .repository
            .can_push(&target.branch)
            .await
            .map_err(failure::git)?;
    }
    observe::preflight(target, &request.version, &previous, outside, reporter).await?;
    let identity = RunIdentity {
        run,
        service: target.service.name.clone(),
        environment: target.environment_name.clone(),
        version: request.version.clone(),
        previous_version: previous,
        strategy: plan.strategy.to_owned(),
        base: base.clone(),
        source: request.source.clone(),
        actor: request.actor.clone(),
        pipeline: request.pipeline.clone(),
        policy: None,
    };
    Ok(Prepared::Ready {
        ready: Box::new(Ready {
            plan,
            replay,
            identity,
            journal_tip,
            landed: continued.and_then(|continued| continued.landed),
            held: unfinished.is_some_and(|record| record.state == State::Held),
        }),
        diff,
    })
}

/// An earlier try of the same run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// Branch head before its first push.
    pub base: CommitId,
    /// Last step whose commit is on the branch, from 0; none = nothing of it is.
    pub landed: Option<usize>,
    /// Did a commit of its way back land?
    pub going_back: bool,
}

/// Finds out how far an unfinished run got: the branch itself is asked, not the journal, because a
/// run may have died between the two. None when the run's base is not known.
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
    let mut landed = None;
    let mut going_back = record.state == State::RollingBack;
    let log = outside
        .repository
        .log(&tip, usize::MAX)
        .await
        .map_err(failure::git)?;
    for entry in log.iter().take_while(|entry| entry.id != *base) {
        if entry.trailers.get("Run") != Some(record.run.as_str()) {
            continue;
        }
        let Some(step) = entry.trailers.get("Step") else {
            continue;
        };
        if step.starts_with("back") {
            going_back = true;
            continue;
        }
        landed = landed.max(journal::step_index(step));
    }
    Ok(Some(Continued {
        base: base.clone(),
        landed,
        going_back,
    }))
}

/// Makes the plan for a version on given manifests, and tells which version runs there.
///
/// # Errors
/// A value that the plan needs to know is not there.
pub fn plan(
    target: &Target,
    manifests: &Manifests,
    version: &Version,
) -> Result<(Plan, String), Failure> {
    let previous = previous_version(target, manifests)?;
    let facts = facts(target, manifests)?;
    Ok((rollout::plan(&target.service, version, facts), previous))
}

/// Reads which version the stable workload has on given manifests.
///
/// # Errors
/// The workload or its image is not there.
pub fn previous_version(target: &Target, manifests: &Manifests) -> Result<String, Failure> {
    let service = &target.service;
    manifest::current_version(manifests, &service.stable, &service.image)
        .map_err(|refusal| failure::refusals(vec![refusal]))
}

/// Reads what a plan needs to know of the manifests.
///
/// # Errors
/// A value is not there.
pub fn facts(target: &Target, manifests: &Manifests) -> Result<rollout::Facts, Failure> {
    let refused = |refusal| failure::refusals(vec![refusal]);
    Ok(match &target.service.strategy {
        Strategy::Rolling(_) => rollout::Facts {
            canary_replicas: None,
            canary_weight: None,
        },
        Strategy::Canary(canary) => rollout::Facts {
            canary_replicas: Some(
                manifest::current_replicas(manifests, &canary.workload).map_err(refused)?,
            ),
            canary_weight: Some(
                manifest::current_weight(manifests, &canary.ingress).map_err(refused)?,
            ),
        },
    })
}

/// Does the stable workload carry the version in full, with no canary taking traffic?
fn already_there(
    target: &Target,
    manifests: &Manifests,
    version: &Version,
) -> Result<bool, Failure> {
    let service = &target.service;
    let edit = manifest::Edit::Version {
        workload: Some(service.stable.clone()),
        image: service.image.clone(),
        version: version.clone(),
    };
    let differs = !manifest::locate(manifests, &[edit])
        .map_err(failure::refusals)?
        .is_empty();
    let weight = match &service.strategy {
        Strategy::Rolling(_) => Weight::ZERO,
        Strategy::Canary(canary) => manifest::current_weight(manifests, &canary.ingress)
            .map_err(|refusal| failure::refusals(vec![refusal]))?,
    };
    Ok(!differs && weight == Weight::ZERO)
}

/// Shows what the plan changes in all. The values are looked up again, because their places in a file
/// move with every step.
fn whole_diff(replay: &Replay, manifests: &Manifests) -> String {
    manifest::reapply(manifests, &replay.result(usize::MAX))
        .map(|set| set.diff(manifests))
        .unwrap_or_default()
}

fn announce(plan: &Plan, replay: &Replay, diff: &str, reporter: &mut dyn Reporter) {
    let steps = plan
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| format!("{}. {}", index + 1, step.name))
        .collect();
    let way_back = rollout::way_back(plan, replay, plan.steps.len().checked_sub(1))
        .iter()
        .map(rollout::BackStep::name)
        .collect();
    reporter.event(&Event::Plan {
        steps,
        way_back,
        length: plan.length(),
    });
    reporter.event(&Event::Changes {
        changes: replay.result(usize::MAX),
        diff: diff.to_owned(),
    });
    reporter.event(&Event::Note(format!(
        "about {} and the controller's own time",
        format_duration(plan.length())
    )));
}

fn unfinished_run(record: &Record, target: &Target) -> Failure {
    let version = record
        .version
        .as_ref()
        .map_or_else(|| "?".to_owned(), Version::to_string);
    let mut failure = Failure::new(
        Ending::BlockedOther,
        format!(
            "an earlier run ({} {version} in {}, run {}, {}) is not finished",
            target.service.name,
            target.environment_name,
            record.run,
            record.state.word()
        ),
    )
    .hint("run `shipgate recover`: it finishes or takes back what that run left")
    .hint(match &record.actor {
        Some(actor) => format!(
            "it was started by {actor}, last sign of life {}",
            journal::instant(record.at)
        ),
        None => format!("last sign of life {}", journal::instant(record.at)),
    });
    failure.0.reason_code = "unfinished-run".to_owned();
    failure
}
