//! Everything that can fail before the first push, so that it fails there: plan, edits, providers, rights.

use super::{
    super::failure,
    DeployRequest, Outside, asked_before,
    facts::{already_there, serves_with_pods},
    held::Held,
    in_the_way::InTheWay,
    kept::Kept,
    late,
    resume::{Continued, Remade, in_place, remake, resume, step_began},
    there::AlreadyThere,
};
use chrono::{DateTime, Utc};

use crate::{
    event::{Ending, Event, Failure, PreflightRecord, Reporter},
    git::CommitId,
    manifest::{self, Manifests},
    ops::{
        arms,
        command::About,
        journal::{self, Record, RunIdentity, State},
        live,
        load::Target,
        overridden, preflight, pull_request, shared,
    },
    rollout::{self, Action, Plan, Replay},
    units::Version,
    yaml::value::escape,
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
    /// A commit of the branch that holds what has landed so far.
    pub on_branch: CommitId,
    /// When an earlier try began to push that step.
    pub landed_at: Option<DateTime<Utc>>,
    /// Where earlier tries were held.
    pub held: Held,
    /// Whether its image is there; none where nobody asks that.
    pub image: Option<PreflightRecord>,
}

/// What preparing came to.
#[derive(Debug)]
pub enum Prepared {
    /// The branch has the version already.
    AlreadyThere(AlreadyThere),
    /// The version runs already, was judged worse, and nobody has accepted that.
    JudgedWorse(Box<Kept>),
    /// Another run of the service is not finished.
    InTheWay(Box<InTheWay>),
    /// Ready to go.
    Ready {
        /// The deployment.
        ready: Box<Ready>,
        /// What it changes in all, as a unified diff.
        diff: String,
        /// The manifests that it begins with.
        manifests: Manifests,
    },
}

/// Plans the deployment and proves what can be proven before the first push.
///
/// # Errors
/// Edits that cannot be made, providers that do not answer, no right to push.
pub async fn prepare(
    request: &DeployRequest,
    outside: &Outside<'_>,
    target: &Target,
    reporter: &mut dyn Reporter,
) -> Result<Prepared, Failure> {
    let journal = outside
        .repository
        .journal_as_listed(&target.environment_name, &target.service.name)
        .await
        .map_err(failure::git)?;
    let records = late::of_journal(outside, target, &journal).await?;
    let journal_tip = journal.tip;
    let run = journal::run_id(
        outside.repository.display(),
        &target.branch,
        &target.environment_name,
        &target.service.name,
        &request.version,
        // What a drill has left is never gone on with as a deployment that is meant to stay.
        if request.drill { "drill" } else { "deploy" },
        &records,
    );
    let unfinished = journal::unfinished(&records);
    if let Some(run) = unfinished.and_then(late::unwatched) {
        reporter.event(&Event::Warning(format!(
            "{run}, so nobody has watched what it brought"
        )));
    }
    if let Some(other) = InTheWay::find(&records)
        && unfinished.is_some_and(|record| record.run != run || record.state == State::RollingBack)
    {
        return Ok(Prepared::InTheWay(Box::new(other)));
    }
    let continued = match unfinished {
        None => None,
        Some(record) => resume(outside, target, record).await?,
    };
    if let (
        Some(record),
        Some(Continued {
            going_back: true, ..
        }),
    ) = (unfinished, &continued)
    {
        let mut failure = unfinished_run(record, target.about(), outside.clock.now());
        if let Some(next) = failure.0.hints.first_mut() {
            *next = format!(
                "its way back has begun, so nobody goes forward with it: {}",
                target.command("rollback")
            );
        }
        return Err(failure);
    }
    // A try of which nothing landed begins again on what is there now.
    let (base, landed) = match &continued {
        Some(Continued {
            base,
            landed: Some(landed),
            tip,
            ..
        }) => (base, Some((*landed, tip))),
        _ => (&target.tip, None),
    };
    let strategy = target.service.strategy.name();
    let Remade {
        plan,
        replay,
        manifests,
        previous,
    } = remake(outside, target, base, &request.version, strategy).await?;
    if let Some((landed, tip)) = landed {
        in_place(outside, target, &replay, landed, tip)
            .await
            .map_err(not_in_place)?;
    }
    // What has begun with leave goes on.
    if landed.is_none() {
        let repository = outside.repository;
        overridden::check(repository, base, target, &plan, &manifests).await?;
    }
    if unfinished.is_none() && already_there(target, &manifests, &request.version)? {
        if let Some(kept) = Kept::find(&records, &request.version, journal_tip.clone()) {
            return Ok(Prepared::JudgedWorse(Box::new(kept)));
        }
        let there = AlreadyThere::new(request, target, plan.roles.stable);
        return Ok(Prepared::AlreadyThere(there));
    }
    let look = arms::look(&target.service, &manifests);
    let arms = look.map_err(|refusal| failure::refusals(vec![refusal]))?;
    if let Some(refusal) = arms.refusal {
        return Err(failure::refusals(vec![refusal]));
    }
    for warning in arms.warnings {
        reporter.event(&Event::Warning(warning));
    }
    serves_with_pods(target, &manifests)?;
    // What has begun with leave goes on.
    if landed.is_none() {
        shared::check(target, &replay.result(usize::MAX))?;
    }
    let diff = whole_diff(&replay, &manifests);
    // A dry run shows all of it as its result.
    if !request.dry_run {
        announce(&plan, &replay, &diff, reporter);
    }
    let has = |wanted: fn(&Action) -> bool| plan.steps.iter().any(|step| wanted(&step.action));
    let blind = if has(|action| matches!(action, Action::Watch { .. })) {
        None
    } else if !has(|action| matches!(action, Action::Follow { .. })) {
        Some("nothing is measured, so it counts as verified as soon as it is live")
    } else if target.service.verification.compares() {
        Some("what compares is never judged, because it needs a watch after the last step")
    } else {
        None
    };
    if let Some(blind) = blind {
        reporter.event(&Event::Warning(format!("`bake_time` is 0s: {blind}")));
    }
    if !request.dry_run {
        outside
            .repository
            .can_push(&target.branch)
            .await
            .map_err(|error| {
                let environment = format!("/environments/{}", escape(&target.environment_name));
                let at = preflight::place(target, &environment);
                failure::git(error).hint(format!("the branch is that of the environment at {at}"))
            })?;
        pull_request::preflight(outside, target).await?;
    }
    let (image, unhealthy) = if request.offline && request.dry_run {
        (Some(preflight::nobody_asked()), Vec::new())
    } else {
        let image = preflight::image(target, &request.version, outside).await?;
        live::preflight(target, outside).await?;
        let roles = (&plan.roles, &previous[..]);
        let version = &request.version;
        let asked = asked_before::ask_once(target, version, roles, outside, reporter);
        (image, asked.await?)
    };
    // What an earlier try has written may be what makes it unhealthy now.
    let unhealthy_before = match unfinished.filter(|_| landed.is_some()) {
        Some(record) => record.unhealthy_before.clone(),
        None => unhealthy,
    };
    let held = unfinished.map_or_else(Held::default, |_| Held::of(&records, &run, &plan));
    let landed_at = landed.and_then(|(landed, _)| step_began(&records, &run, landed));
    let identity = RunIdentity {
        run,
        service: target.service.name.clone(),
        environment: target.environment_name.clone(),
        version: request.version.clone(),
        previous_version: previous,
        strategy: plan.strategy.to_owned(),
        base: base.clone(),
        source: request.source.clone(),
        actor: request.asker.actor.clone(),
        pipeline: request.asker.pipeline.clone(),
        policy: None,
        approvals: Vec::new(),
        overridden: None,
        reason: None,
        cause: None,
        unhealthy_before,
        judged_worse: unfinished
            .filter(|_| landed.is_some())
            .and_then(|record| record.judged_worse.clone()),
        drill: request.drill,
        regions: request.regions.clone(),
    };
    Ok(Prepared::Ready {
        ready: Box::new(Ready {
            plan,
            replay,
            identity,
            journal_tip,
            landed: landed.map(|(landed, _)| landed),
            on_branch: landed.map_or_else(|| target.tip.clone(), |(_, tip)| tip.clone()),
            landed_at,
            held,
            image,
        }),
        diff,
        manifests,
    })
}

/// Shows what the plan changes in all. The values are looked up again, because their places in a file
/// move with every step.
pub fn whole_diff(replay: &Replay, manifests: &Manifests) -> String {
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
}

const UNFINISHED_RUN: &str = "unfinished-run";

fn not_in_place(mut failure: Failure) -> Failure {
    if failure.0.ending == Ending::BlockedOther {
        UNFINISHED_RUN.clone_into(&mut failure.0.reason_code);
    }
    failure
}

/// Refuses to start while a run is not finished; `now` tells whether it may still be under way.
pub fn unfinished_run(record: &Record, about: About<'_>, now: DateTime<Utc>) -> Failure {
    let (service, environment) = (about.service, about.environment);
    let version = record
        .version
        .as_ref()
        .map_or_else(|| "?".to_owned(), Version::to_string);
    let mut failure = Failure::new(
        Ending::BlockedOther,
        format!(
            "an earlier run ({service} {version} in {environment}, run {}, {}) is not finished",
            record.run,
            record.state.word()
        ),
    );
    UNFINISHED_RUN.clone_into(&mut failure.0.reason_code);
    let by = [&record.actor, &record.pipeline];
    let by: Vec<&str> = by.into_iter().flatten().map(String::as_str).collect();
    let by = if by.is_empty() {
        String::new()
    } else {
        format!("it was started by {}, ", by.join(", "))
    };
    let why = record.reason.as_ref();
    let why = why.map_or_else(String::new, |reason| format!(" ({reason})"));
    let sign_of_life = format!("{by}last sign of life {}{why}", journal::instant(record.at));
    let holds_until = record.expires_at.filter(|until| *until > now);
    match (record.state, holds_until) {
        (State::Held, _) => failure
            .hint(format!(
                "it is held on purpose: deploy {version} again{} to go on, or take it back with `{}`",
                if record.drill { " with --drill" } else { "" },
                about.command("rollback")
            ))
            .hint(sign_of_life),
        // Whoever is told first to recover takes back what somebody is just rolling out.
        (_, Some(until)) => failure
            .hint(format!(
                "{sign_of_life}; it may still be under way until {}",
                journal::instant(until)
            ))
            .hint("wait for its end: --wait-for-run 30m")
            .hint(format!(
                "only if it is known to be dead: `{}` takes it back at once",
                about.command("recover")
            )),
        (_, None) => failure
            .hint(format!(
                "run `{}`: it finishes or takes back what that run left",
                about.command("recover")
            ))
            .hint(sign_of_life),
    }
}
