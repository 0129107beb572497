//! Back to the last known good version, or to a version that is named.

use super::{
    announce::{self, Push},
    asker::Asker,
    cause::failed_before,
    deploy::{self, Limits, Outside, Remade, Run, read_with_branch},
    errand::Start,
    gate::Permit,
    journal::{self, Record, State},
    load::Target,
    overridden,
    recover::not_taken_back,
    stop::Stop,
    takeback::{Progressive, Takeback},
};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    git::CommitId,
    policy::Action,
    rollout::{CLEANUP, DIRECT},
    units::Version,
};

/// A version to go to.
pub struct RollbackTo<'a> {
    /// The version.
    pub version: &'a Version,
    /// Who asks for it.
    pub asker: &'a Asker,
    /// How the run may end early.
    pub limits: Limits,
    /// The gate's leave.
    pub permit: &'a Permit,
    /// Show what would be changed, push nothing.
    pub dry_run: bool,
    /// Why, for people.
    pub reason: &'a str,
    /// Is it a rehearsal?
    pub drill: bool,
}

/// The last deployment, to be taken back.
pub struct RollbackLast<'a> {
    /// Who asks for it.
    pub asker: &'a Asker,
    /// The gate's leave.
    pub permit: &'a Permit,
    /// Why, for people.
    pub reason: &'a str,
    /// Is it a rehearsal?
    pub drill: bool,
    /// How the weight goes down in steps, as long as stable carries what comes back to it; none = at
    /// once.
    pub progressive: Option<Progressive>,
}

/// Brings a named version to everyone at once, watched as any deployment is.
///
/// # Errors
/// The git server does not answer or refuses; a run is unfinished; the edits cannot be made.
pub async fn rollback_to(
    request: RollbackTo<'_>,
    outside: &Outside<'_>,
    target: &Target,
    mut stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let RollbackTo {
        version,
        asker,
        limits,
        permit,
        dry_run,
        reason,
        drill,
    } = request;
    let what = format!("{} in {}", target.service.name, target.environment_name);
    reporter.event(&Event::Started {
        at: outside.clock.now(),
        title: format!("roll back {what} to {version}"),
    });
    let (journal_tip, records) = read_with_branch(outside, target).await?;
    let run = run_id(outside, target, version, &records);
    warn_of_failure(outside, target, version, reporter).await?;
    let continued = match journal::unfinished(&records) {
        None => None,
        Some(record) if record.run == run && record.state != State::RollingBack => {
            deploy::resume(outside, target, record).await?
        }
        Some(record) => {
            let now = outside.clock.now();
            return Err(
                deploy::unfinished_run(record, target.about(), now).hint(format!(
                    "or take that run back first: {}",
                    target.command("rollback")
                )),
            );
        }
    };
    let start = Start::of(continued.as_ref(), target);
    let remade = start.prepare(outside, target, version, DIRECT).await?;
    if start.landed.is_none() {
        warn_of_no_effect(outside, target, (start.base, &remade), reporter).await?;
    }
    let is_there =
        start.landed.is_none() && deploy::already_there(target, &remade.manifests, version)?;
    if remade.replay.is_empty() || (remade.plan.switches() && is_there) {
        return Ok(Outcome::new(
            Ending::NoChange,
            format!("{what} is at {version} already"),
        ));
    }
    if dry_run {
        announce::foretell(permit, outside, reporter);
        return Ok(remade.shown());
    }
    let mut ready = start.ready(remade, target, (version, run), asker, journal_tip);
    ready.identity.reason = Some(reason.to_owned());
    ready.identity.drill = drill;
    let push = Push {
        action: Action::Rollback,
        target,
        version: version.as_str(),
        asker,
    };
    announce::before_push(&push, permit, outside, &mut stop, reporter).await?;
    let mut outcome = Run::new(limits, outside, target, ready, stop, reporter)
        .go(permit)
        .await;
    outcome.override_used = permit.verdict().overridden.is_some();
    if outcome.ending == Ending::Deployed {
        outcome.ending = Ending::TakenBack;
    }
    Ok(outcome)
}

/// A named version is brought whatever its past is: nothing stops a way back. But that it failed
/// here before, whoever names it should know.
async fn warn_of_failure(
    outside: &Outside<'_>,
    target: &Target,
    version: &Version,
    reporter: &mut dyn Reporter,
) -> Result<(), Failure> {
    let (environment, service) = (&target.environment_name, &target.service.name);
    let failed = failed_before(outside.repository, environment, service, version).await?;
    if let Some(failed) = failed {
        reporter.event(&Event::Warning(format!(
            "{version} failed here before: run {} {} at {} ({})",
            failed.run,
            failed.deed(),
            journal::instant(failed.at),
            failed.why
        )));
    }
    Ok(())
}

/// A kustomization that is not among the manifests may be wrong about what the cluster gets, and a way back is
/// not refused for it: whoever goes back is told what stands in the way, and the run sees whether it does.
async fn warn_of_no_effect(
    outside: &Outside<'_>,
    target: &Target,
    (base, remade): (&CommitId, &Remade),
    reporter: &mut dyn Reporter,
) -> Result<(), Failure> {
    let Remade {
        plan, manifests, ..
    } = remade;
    match overridden::check(outside.repository, base, target, plan, manifests).await {
        Err(failure) if failure.0.ending == Ending::EditRefused => {
            for refusal in &failure.0.refusals {
                reporter.event(&Event::Warning(refusal.to_string()));
            }
            Ok(())
        }
        checked => checked,
    }
}

/// Shows what [`rollback`] would change; changes nothing.
///
/// # Errors
/// As [`rollback`].
pub async fn show(
    progressive: Option<Progressive>,
    outside: &Outside<'_>,
    target: &Target,
) -> Result<Outcome, Failure> {
    let (tip, records) = read_with_branch(outside, target).await?;
    let record = match journal::unfinished(&records) {
        Some(record) => not_a_cleanup(record, outside, target)?,
        None => last_good(&records, outside, target).await?,
    };
    let takeback = Takeback::read(outside, target, record, record.run.clone(), tip, None).await?;
    takeback.show(progressive).await
}

/// Takes the unfinished run back if there is one, else the last verified one, value by value.
///
/// # Errors
/// The git server does not answer or refuses; there is nothing to go back to.
pub async fn rollback(
    request: RollbackLast<'_>,
    outside: &Outside<'_>,
    target: &Target,
    mut stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let RollbackLast {
        asker,
        permit,
        reason,
        drill,
        progressive,
    } = request;
    let what = format!("{} in {}", target.service.name, target.environment_name);
    reporter.event(&Event::Started {
        at: outside.clock.now(),
        title: format!("roll back {what}"),
    });
    let (tip, records) = read_with_branch(outside, target).await?;
    let (record, run) = match journal::unfinished(&records) {
        Some(record) => {
            let record = not_a_cleanup(record, outside, target)?;
            (record, record.run.clone())
        }
        None => {
            let record = last_good(&records, outside, target).await?;
            (record, new_run(outside, target, record, &records))
        }
    };
    let actor = asker.actor.clone();
    let mut takeback = Takeback::read(outside, target, record, run, tip, actor).await?;
    takeback.under(permit);
    takeback.asked_for(drill);
    takeback.with_others();
    let push = Push {
        action: Action::Rollback,
        target,
        version: "the last known good version",
        asker,
    };
    announce::before_push(&push, permit, outside, &mut stop, reporter).await?;
    let stepped = match progressive {
        Some(how) => takeback.step_down(how, reason, &mut stop, reporter).await,
        None => Ok(()),
    };
    let mut outcome = match stepped {
        Ok(()) => takeback.back(reason, stop, reporter).await,
        Err(outcome) => *outcome,
    };
    outcome.override_used = permit.verdict().overridden.is_some();
    Ok(outcome)
}

/// A cleanup brings no version, so there is none to go back to: it is finished first.
fn not_a_cleanup<'a>(
    record: &'a Record,
    outside: &Outside<'_>,
    target: &Target,
) -> Result<&'a Record, Failure> {
    if record.strategy == CLEANUP {
        let now = outside.clock.now();
        return Err(deploy::unfinished_run(record, target.about(), now));
    }
    Ok(record)
}

/// Finds the run to take back: the newest finished one, if its version is what runs.
async fn last_good<'a>(
    records: &'a [Record],
    outside: &Outside<'_>,
    target: &Target,
) -> Result<&'a Record, Failure> {
    let (service, environment) = target.place();
    let what = format!("{service} in {environment}");
    let unknown = |reason: String, to: Option<&str>| {
        let rollback = target.command("rollback");
        Err(
            Failure::new(Ending::BlockedOther, reason).hint(match to.filter(|to| !to.is_empty()) {
                Some(to) => format!(
                    "name the version, such as the one that ran before: {}",
                    rollback.flag("to", to)
                ),
                None => format!("name the version: {}", rollback.flag("to", "VERSION")),
            }),
        )
    };
    let last = records
        .iter()
        .find(|record| record.is_end() && record.state != State::Withdrawn);
    let Some(record) = last else {
        return unknown(
            format!("no deployment of {what} is known, so there is no last known good version"),
            None,
        );
    };
    if matches!(
        record.state,
        State::Verified | State::Alerted | State::Accepted
    ) {
        return Ok(record);
    }
    if let Some(left) = not_taken_back(records, outside, target).await? {
        return Err(Failure(Box::new(left)));
    }
    match record.state {
        State::Superseded => unknown(
            format!(
                "someone else changed {what} during the last run ({}), so its last known good version is not known",
                record.reason.as_deref().unwrap_or("no reason given")
            ),
            record.previous_version.as_deref(),
        ),
        _ => Err(Failure::new(
            Ending::NoChange,
            format!(
                "{what} was taken back already: {} was rolled back at {}",
                record
                    .version
                    .as_ref()
                    .map_or_else(|| "the last version".to_owned(), ToString::to_string),
                journal::instant(record.at)
            ),
        )),
    }
}

/// Returns the id of a run that takes back what a finished one brought.
pub(super) fn new_run(
    outside: &Outside<'_>,
    target: &Target,
    record: &Record,
    records: &[Record],
) -> String {
    match &record.version {
        Some(version) => run_id(outside, target, version, records),
        None => record.run.clone(),
    }
}

fn run_id(outside: &Outside<'_>, target: &Target, version: &Version, records: &[Record]) -> String {
    journal::run_id(
        outside.repository.display(),
        &target.branch,
        &target.environment_name,
        &target.service.name,
        version,
        "rollback",
        records,
    )
}
