//! The whole job: gate, preflight, rewrite, commit, push, wait until live, verify step by step,
//! promote, or back.

mod asked_before;
mod back;
mod end;
mod facts;
mod follow;
mod forward;
mod healthy;
mod held;
mod in_the_way;
mod kept;
mod late;
mod look_round;
mod observe;
mod overrun;
mod prepare;
pub mod remains;
mod resume;
mod run;
mod there;
mod turn;
mod verdicts;

use std::{sync::Arc, time::Duration};

use chrono::Utc;

use super::{
    announce::{self, Push},
    asker::Asker,
    case::Circumstances,
    convoy::Convoy,
    gate::{self, Permit, Question, TrafficQuestion},
    group_push::GroupPushes,
    journal::{self, RunIdentity, State},
    load::{self, ConfigSource, Target},
    notifications,
    plan::{self, Foreseen, PlannedBefore},
    programs, provenance,
    stop::Stop,
    window::Patience,
};
use crate::{
    clock::Clock,
    event::{Deployment, Ending, Event, Failure, Outcome, Reporter},
    git::Repository,
    notify::Notifier,
    policy::Action,
    probe::{self, prometheus::Batch},
    rollout::{Plan, Replay},
    secret::Secret,
    units::Version,
};

pub use in_the_way::foreseen;

use held::let_past;
use in_the_way::{Recovered, Standing, Waiting, lost_the_start};

pub use asked_before::asked_before;
pub use back::{BackCommit, BackEnd, Track, go_back, with_remarks};
pub use facts::{already_there, facts, facts_at_most, previous_version, roles, serves_with_pods};
pub use forward::write as forward_write;
pub use held::{Held, WAITS_FOR_APPROVAL};
pub use late::read_with_branch;
pub use observe::{Watched, Watching, single, watch};
pub use prepare::{Prepared, Ready, prepare, unfinished_run, whole_diff};
pub use resume::{Continued, Remade, STEPPED_DOWN, in_place, remake, resume};
pub use run::{Run, default_timeout};
pub use verdicts::live_and_worse;

/// What to do when a signal comes after a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// Take the deployment back.
    Rollback,
    /// Leave it for `recover`.
    Hold,
}

/// How a run may end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What to do when a signal comes after a push.
    pub on_cancel: OnCancel,
    /// Limit of the whole run; none = the plan's own length with waits, plus 10 %.
    pub timeout: Option<Duration>,
}

/// What is to be deployed.
#[derive(Debug, Clone)]
pub struct DeployRequest {
    /// Service; none = the only one.
    pub service: Option<String>,
    /// Environment; none = the only one.
    pub environment: Option<String>,
    /// Version.
    pub version: Version,
    /// Path of the configuration in the repository.
    pub config: String,
    /// Branch to read the configuration from; none = the repository's default branch.
    pub branch: Option<String>,
    /// Path of the policy; none = what the environment names.
    pub policy: Option<String>,
    /// Branch to read the policy from; none = the repository's default branch.
    pub policy_ref: Option<String>,
    /// Where traffic is asked for, when the policy wants to know.
    pub traffic: TrafficQuestion,
    /// What is known besides, for rules that ask.
    pub circumstances: Circumstances,
    /// Decide and show, push nothing.
    pub dry_run: bool,
    /// Of a dry run: ask nobody but the git server.
    pub offline: bool,
    /// How a run may end early.
    pub limits: Limits,
    /// What the version was built from, as the trailer `Source` says it.
    pub source: Option<String>,
    /// Is it a rehearsal?
    pub drill: bool,
    /// The regions that the version goes to one after the other, where it is the run of one of them.
    pub regions: Option<String>,
    /// Does the command itself accept what waits for a person, where the policy names nobody who does?
    pub accept: bool,
    /// What it must come to, where it was planned before.
    pub planned: Option<Arc<PlannedBefore>>,
    /// Who asks.
    pub asker: Asker,
}

/// What an operation works with.
pub struct Outside<'a> {
    /// The GitOps repository.
    pub repository: &'a Repository,
    /// The HTTP client of all probes.
    pub client: &'a probe::Client,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Finds a secret by the name of its variable.
    pub secrets: &'a dyn Fn(&str) -> Option<Secret>,
    /// The services that share their first commit; none = each has its own.
    pub convoy: Option<&'a Convoy>,
    /// The services that push commits of their own together; none = each pushes alone.
    pub pushes: Option<&'a GroupPushes>,
    /// How often a deployment that waits looks whether another run has taken it over; none = never.
    pub lookout: Option<Duration>,
    /// What services that are watched side by side ask through; none = each watch asks alone.
    pub batch: Option<&'a Batch>,
}

impl Outside<'_> {
    /// Lets no call to the git server take longer than this of the run's time; none = each its own
    /// limit. A second is left to each, so that an answer can be read at all.
    pub fn answer_within(&self, longest: Option<Duration>) {
        let longest = longest.map(|longest| self.clock.real(longest).max(Duration::from_secs(1)));
        self.repository.answer_within(longest);
    }
}

/// Deploys. A run of the service that has expired is recovered first; one that has not is waited for
/// where that is wished.
///
/// # Errors
/// Every ending before the first push that is not a verdict: configuration, refused edits, a
/// provider or git server that does not answer.
pub async fn deploy(
    request: &DeployRequest,
    outside: &Outside<'_>,
    stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let mut recovered = None;
    let limit = request.limits.timeout;
    let mut notifier = notifications::listen(outside, reporter);
    outside.answer_within(limit);
    let ended = after_others(
        request,
        outside,
        stop.clone(),
        &mut notifier,
        &mut recovered,
    );
    let ended = Box::pin(ended).await;
    outside.answer_within(None);
    let ended = match recovered {
        None => ended,
        Some(recovered) => Ok(recovered.before(ended.unwrap_or_else(Outcome::from))),
    };
    notifications::end(notifier, &ended, stop).await;
    ended
}

/// Deploys once nothing is in the way any more.
async fn after_others(
    request: &DeployRequest,
    outside: &Outside<'_>,
    mut stop: Stop,
    reporter: &mut Notifier<'_>,
    recovered: &mut Option<Recovered>,
) -> Result<Outcome, Failure> {
    let now = outside.clock.now();
    let wait_for_run = request.circumstances.wait_for_run;
    let mut waiting = wait_for_run.map(|length| Waiting::new(now, length));
    let mut is_first = true;
    loop {
        let before = begin(request, outside, reporter, waiting.as_mut(), is_first);
        is_first = false;
        // Nothing has been changed yet, so whatever is under way may be dropped at once.
        let (target, mut permit, prepared) = match Box::pin(stop.or(before)).await {
            Err(reason) => return Err(super::stopped_before_change(reason)),
            Ok(Err(failure)) => return Err(failure),
            Ok(Ok(Err(outcome))) => return Ok(*outcome),
            Ok(Ok(Ok(begun))) => begun,
        };
        let (mut prepared, diff, manifests) = match prepared {
            Prepared::AlreadyThere(there) => {
                if let Some(planned) = &request.planned {
                    planned.check_place(&target, outside.repository.display())?;
                }
                let mut outcome = if request.dry_run {
                    there.on_branch()
                } else {
                    let end = there.end(request, outside, &target, &mut stop, reporter);
                    Box::pin(end).await?
                };
                outcome.verdict = Some(permit.into_verdict());
                return Ok(outcome);
            }
            Prepared::JudgedWorse(kept) => {
                let end = kept.end(*permit, request, outside, &target, &mut stop, reporter);
                return Box::pin(end).await;
            }
            Prepared::InTheWay(run) => {
                let now = outside.clock.now();
                let is_expired = run.standing(now) == Standing::Expired;
                if !is_expired || request.dry_run || recovered.is_some() {
                    return Err(run.refusal(target.about(), now));
                }
                let actor = request.asker.actor.clone();
                let stop = stop.clone();
                match run.recover(outside, &target, actor, stop, reporter).await? {
                    Some(end) if !end.is_done() => return Ok(end.into_end()),
                    end => *recovered = end,
                }
                continue;
            }
            Prepared::Ready {
                ready,
                diff,
                manifests,
            } => (ready, diff, manifests),
        };
        if let Some(planned) = &request.planned {
            let repository = outside.repository.display();
            let checked = planned.check(&prepared, &manifests, &target, repository);
            if let Err(mut failure) = checked {
                failure.0.verdict = Some(permit.into_verdict());
                return Err(failure);
            }
        }
        let asked = let_past(
            &mut prepared,
            &mut permit,
            request,
            outside,
            &target,
            reporter,
        );
        let held = match Box::pin(stop.or(asked)).await {
            Err(reason) => return Err(super::stopped_before_change(reason)),
            Ok(asked) => asked?,
        };
        if let Some(mut outcome) = held {
            outcome.verdict = Some(permit.into_verdict());
            if request.dry_run {
                let foreseen = Foreseen {
                    ready: &prepared,
                    manifests: &manifests,
                    diff,
                    target: &target,
                    repository: outside.repository.display(),
                    timeout: request.limits.timeout,
                };
                foreseen.add_to(&mut outcome)?;
            }
            return Ok(outcome);
        }
        if request.dry_run {
            announce::foretell(&permit, outside, reporter);
            let foreseen = Foreseen {
                ready: &prepared,
                manifests: &manifests,
                diff,
                target: &target,
                repository: outside.repository.display(),
                timeout: request.limits.timeout,
            };
            return foreseen.allowed(*permit, outside.clock.now(), reporter);
        }
        let push = Push {
            action: Action::Deploy,
            target: &target,
            version: request.version.as_str(),
            asker: &request.asker,
        };
        announce::before_push(&push, &permit, outside, &mut stop, reporter).await?;
        let limits = request.limits;
        let mut run = Run::new(limits, outside, &target, *prepared, stop.clone(), reporter);
        let mut outcome = run.go(&permit).await;
        // Of two that waited for the same end only one goes on, and the other one waits for it.
        if waiting.is_some() && lost_the_start(&outcome, run.is_announced()) {
            continue;
        }
        outcome.override_used = permit.verdict().overridden.is_some();
        outcome.verdict = Some(permit.into_verdict());
        return Ok(outcome);
    }
}

/// What comes before the first change: where it goes, the gate's leave, and the plan; or the gate's no.
type Begun = Result<(Target, Box<Permit>, Prepared), Box<Outcome>>;

/// Reads, asks the gate and prepares; again from the start whenever something was waited for.
async fn begin(
    request: &DeployRequest,
    outside: &Outside<'_>,
    reporter: &mut Notifier<'_>,
    mut waiting: Option<&mut Waiting>,
    mut is_first: bool,
) -> Result<Begun, Failure> {
    let source = ConfigSource {
        branch: request.branch.as_deref(),
        path: &request.config,
    };
    let read = || {
        let (service, environment) = (&request.service, &request.environment);
        load::target(
            outside.repository,
            &source,
            service.as_deref(),
            environment.as_deref(),
        )
    };
    loop {
        let mut target = read().await?;
        if std::mem::take(&mut is_first) {
            if !request.dry_run {
                let version = Some(request.version.as_str());
                let who = notifications::who(&request.asker);
                notifications::begin(reporter, outside, &target, version, who);
            }
            reporter.event(&Event::Started {
                at: outside.clock.now(),
                title: format!(
                    "deploy {} {} to {}",
                    target.service.name, request.version, target.environment_name
                ),
            });
        }
        if request.drill && !target.service.drills {
            return Err(no_drills(&target));
        }
        let question = Question::from(request);
        programs::allow(&question, outside, &mut target).await?;
        if let Some(length) = request.circumstances.wait_for_window {
            let patience = Patience::new(&*outside.clock, length);
            while gate::wait(patience, &question, outside, &target, reporter).await? {
                target = read().await?;
                programs::allow(&question, outside, &mut target).await?;
            }
        }
        let permit = match gate::ask(&question, outside, &target, reporter).await? {
            gate::Answer::Permit(permit) => permit,
            gate::Answer::No(outcome) if request.dry_run => {
                let shown = plan::despite(*outcome, request, outside, &target, reporter);
                return Ok(Err(Box::new(Box::pin(shown).await)));
            }
            gate::Answer::No(outcome) => return Ok(Err(outcome)),
        };
        let prepared = match Box::pin(prepare(request, outside, &target, reporter)).await {
            Ok(prepared) => prepared,
            // Whoever only looks wants to know what the gate said as well.
            Err(mut failure) if request.dry_run => {
                failure.0.verdict = Some(permit.into_verdict());
                return Err(failure);
            }
            Err(failure) => return Err(failure),
        };
        if let (Prepared::InTheWay(run), Some(waiting)) = (&prepared, waiting.as_deref_mut())
            && run.standing(outside.clock.now()) == Standing::Alive
            && waiting.wait(run, outside, &target, reporter).await?
        {
            continue;
        }
        return Ok(Ok((target, permit, prepared)));
    }
}

/// The reason code of a service that takes no drills.
const NO_DRILLS: &str = "no-drills";

/// Refuses a drill of a service whose owners have not said that there may be any.
fn no_drills(target: &Target) -> Failure {
    let service = &target.service.name;
    let pointer = format!("/services/{}", crate::yaml::value::escape(service));
    let place = super::preflight::place(target, &pointer);
    let mut failure = Failure::new(
        Ending::BlockedOther,
        format!("{place}: `{service}` does not say `drills: true`, so no drill brings a version to it"),
    )
    .hint("a drill sends real users to the new version for a moment; its owners allow that with `drills: true`");
    NO_DRILLS.clone_into(&mut failure.0.reason_code);
    failure
}

/// Makes the outcome of a run that only shows what it would do.
pub fn dry_run(ending: Ending, plan: &Plan, replay: &Replay, diff: String) -> Outcome {
    let reason = format!(
        "{} steps are planned; dry run: nothing was pushed",
        plan.steps.len()
    );
    let mut outcome = Outcome::new(ending, reason);
    outcome.changes = replay.result(usize::MAX);
    outcome.files_changed = files(&outcome.changes);
    outcome.diff = diff;
    outcome
}

/// Returns the files of some changes, each once, in order.
pub fn files(changes: &[crate::manifest::Change]) -> Vec<String> {
    let mut files: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
    files.sort();
    files.dedup();
    files
}

/// Fills a deployment with what is known before its first step.
pub fn describe(
    identity: &RunIdentity,
    target: &Target,
    started_at: chrono::DateTime<Utc>,
) -> Deployment {
    let (source, source_at) = match &identity.source {
        Some(trailer) => {
            let (source, at) = provenance::source(trailer);
            (Some(source), at)
        }
        None => (None, None),
    };
    Deployment {
        run: identity.run.clone(),
        service: target.service.name.clone(),
        environment: target.environment_name.clone(),
        version: Some(identity.version.clone()),
        previous_version: Some(identity.previous_version.clone()),
        strategy: identity.strategy.clone(),
        state: State::Started.word().to_owned(),
        started_at: Some(started_at),
        actor: identity.actor.clone(),
        source,
        source_at,
        drill: identity.drill,
        ..Deployment::default()
    }
}

/// Reads the journal of a service, newest record first, with its tip.
///
/// # Errors
/// The git server does not answer or refuses.
pub async fn read_journal(
    repository: &Repository,
    target: &Target,
) -> Result<(Option<crate::git::CommitId>, Vec<journal::Record>), Failure> {
    let journal = repository
        .journal(&target.environment_name, &target.service.name)
        .await
        .map_err(super::failure::git)?;
    let records = journal::records(&journal);
    Ok((journal.tip, records))
}
