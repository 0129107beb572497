//! Takes the pods of the colour away that does not serve, once it was kept for long enough.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    announce::{self, Push},
    asker::Asker,
    deploy::{self, Limits, OnCancel, Outside, Run, read_with_branch},
    errand::Start,
    gate::Permit,
    journal::{self, Record, State},
    load::{self, Target},
    stop::Stop,
};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    git::CommitId,
    policy::Action,
    rollout::CLEANUP,
    units::{Version, format_duration},
};

/// Reason code of a cleanup that comes too early.
const TOO_EARLY: &str = "kept";

/// What is asked for.
pub struct CleanupRequest<'a> {
    /// Who asks for it.
    pub asker: &'a Asker,
    /// The gate's leave.
    pub permit: &'a Permit,
    /// Must `keep_for` not be over?
    pub now: bool,
    /// Why, for people.
    pub reason: Option<&'a str>,
    /// Show what would be changed, push nothing.
    pub dry_run: bool,
}

/// Cleans up what a deployment has left on purpose: of a blue/green pair the colour that served
/// before. The other strategies leave nothing.
///
/// # Errors
/// The git server does not answer or refuses; a run is unfinished; `keep_for` is not over; the edit
/// cannot be made.
pub async fn cleanup(
    request: CleanupRequest<'_>,
    outside: &Outside<'_>,
    target: &Target,
    mut stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let what = format!("{} in {}", target.service.name, target.environment_name);
    reporter.event(&Event::Started {
        at: outside.clock.now(),
        title: format!("clean up {what}"),
    });
    let (journal_tip, records) = read_with_branch(outside, target).await?;
    let continued = match journal::unfinished(&records) {
        None => None,
        Some(record) if record.strategy == CLEANUP && record.state != State::RollingBack => {
            deploy::resume(outside, target, record)
                .await?
                .map(|continued| (record, continued))
        }
        Some(record) => {
            let now = outside.clock.now();
            return Err(deploy::unfinished_run(record, target.about(), now));
        }
    };
    let Some(pair) = target.service.strategy.blue_green() else {
        let strategy = target.service.strategy.name();
        return Ok(Outcome::new(
            Ending::NoChange,
            format!(
                "nothing to clean up: the strategy `{strategy}` of {what} leaves nothing behind"
            ),
        ));
    };
    let start = Start::of(continued.as_ref().map(|(_, continued)| continued), target);
    let version = serving(outside, target, start.base).await?;
    let remade = start.prepare(outside, target, &version, CLEANUP).await?;
    let idle = remade.plan.roles.canary.clone();
    let idle = idle.map_or_else(String::new, |idle| idle.to_string());
    if remade.replay.is_empty() {
        return Ok(Outcome::new(
            Ending::NoChange,
            format!("nothing to clean up: {idle} of {what} has no pods"),
        ));
    }
    if start.landed.is_none() && !request.now {
        kept(&records, pair.keep_for, outside.clock.now(), &what)?;
    }
    if request.dry_run {
        announce::foretell(request.permit, outside, reporter);
        let mut shown = remade.shown();
        shown.reason = format!("would put {idle} of {what} away; dry run: nothing was pushed");
        return Ok(shown);
    }
    let run = match &continued {
        Some((record, _)) => record.run.clone(),
        None => journal::run_id(
            outside.repository.display(),
            &target.branch,
            &target.environment_name,
            &target.service.name,
            &version,
            CLEANUP,
            &records,
        ),
    };
    let run = (&version, run);
    let mut ready = start.ready(remade, target, run, request.asker, journal_tip);
    ready.identity.reason = request.reason.map(str::to_owned);
    let push = Push {
        action: Action::Cleanup,
        target,
        version: version.as_str(),
        asker: request.asker,
    };
    announce::before_push(&push, request.permit, outside, &mut stop, reporter).await?;
    let limits = Limits {
        on_cancel: OnCancel::Hold,
        timeout: None,
    };
    let mut outcome = Run::new(limits, outside, target, ready, stop, reporter)
        .go(request.permit)
        .await;
    outcome.override_used = request.permit.verdict().overridden.is_some();
    if outcome.ending == Ending::Deployed {
        outcome.reason = format!("{idle} of {what} is put away; {version} serves");
    }
    Ok(outcome)
}

/// Reads which version serves.
async fn serving(
    outside: &Outside<'_>,
    target: &Target,
    base: &CommitId,
) -> Result<Version, Failure> {
    let target = load::target_at(outside.repository, target, base).await?;
    let manifests = load::manifests(outside.repository, base, &target).await?;
    let version = deploy::previous_version(&target, &manifests)?;
    version.parse().map_err(|nonsense| {
        Failure::new(
            Ending::EditRefused,
            format!("the version that serves, `{version}`, is none: {nonsense}"),
        )
    })
}

/// Refuses while the old colour is to be kept for a way back.
fn kept(
    records: &[Record],
    keep_for: Duration,
    now: DateTime<Utc>,
    what: &str,
) -> Result<(), Failure> {
    let hint = "to do it all the same: --now with a --reason";
    let blocked = |reason: String| {
        let mut failure = Failure::new(Ending::BlockedOther, reason).hint(hint);
        TOO_EARLY.clone_into(&mut failure.0.reason_code);
        failure
    };
    let mut ends = records.iter().filter(|record| record.is_end());
    let Some(last) = ends.find(|record| record.state != State::Withdrawn) else {
        return Err(blocked(format!(
            "no deployment of {what} is known, so nobody can say how long the old colour was kept"
        )));
    };
    let until = TimeDelta::from_std(keep_for)
        .ok()
        .and_then(|keep_for| last.at.checked_add_signed(keep_for))
        .unwrap_or(DateTime::<Utc>::MAX_UTC);
    if now >= until {
        return Ok(());
    }
    Err(blocked(format!(
        "the old colour of {what} is kept for {} after the last deployment ended at {}: until {}",
        format_duration(keep_for),
        journal::instant(last.at),
        journal::instant(until)
    )))
}
