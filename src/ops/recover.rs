//! Finishes or takes back whatever an interrupted run left. Safe at any time, by anyone, any number
//! of times.

use super::{
    carried,
    deploy::{
        Outside, WAITS_FOR_APPROVAL, facts_at_most, read_journal, read_with_branch,
        remains::{Remains, Taken},
    },
    journal::{self, Record, State},
    load::{self, Target},
    stop::Stop,
    takeback::Takeback,
};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    git::CommitId,
    rollout::DIRECT,
    units::Weight,
};

/// The reason code of a version that nobody has taken back.
const NOT_TAKEN_BACK: &str = "not-taken-back";

/// Shows what recovering would change; changes nothing.
///
/// # Errors
/// As [`recover`].
pub async fn show(outside: &Outside<'_>, target: &Target) -> Result<Outcome, Failure> {
    let (tip, records) = read_with_branch(outside, target).await?;
    let record = journal::unfinished(&records).filter(|record| record.state != State::Held);
    let Some(record) = record else {
        return nothing_unfinished(&records, outside, target).await;
    };
    let takeback = Takeback::read(outside, target, record, record.run.clone(), tip, None).await?;
    if takeback.is_to_be_finished(record) {
        return Ok(Outcome::new(
            Ending::Shown,
            "would finish the run: its version was judged good; dry run: nothing was pushed",
        ));
    }
    takeback.show(None).await
}

/// Recovers one service in one environment.
///
/// # Errors
/// The git server does not answer or refuses; the journal does not say enough.
pub async fn recover(
    outside: &Outside<'_>,
    target: &Target,
    actor: Option<String>,
    stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let what = format!("{} in {}", target.service.name, target.environment_name);
    reporter.event(&Event::Started {
        at: outside.clock.now(),
        title: format!("recover {what}"),
    });
    let read = read_journal(outside.repository, target).await?;
    from(read, outside, target, actor, stop, reporter).await
}

/// Recovers what the pipeline that calls itself left unfinished. What others have under way is left
/// alone: a step that always runs at the end of a job must not take theirs back.
///
/// # Errors
/// As [`recover`].
pub async fn own(
    pipeline: Option<&str>,
    outside: &Outside<'_>,
    target: &Target,
    actor: Option<String>,
    stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let (tip, records) = read_journal(outside.repository, target).await?;
    let is_somebody_elses =
        |record: &Record| pipeline.is_none() || owner(record, &records) != pipeline;
    match left(&records) {
        None if given_up(&records).all(is_somebody_elses) => Ok(nothing(target)),
        Some(record) if is_somebody_elses(record) => {
            Ok(somebody_elses(record, &records, pipeline, target))
        }
        _ => from((tip, records), outside, target, actor, stop, reporter).await,
    }
}

/// Returns the record of the run that is unfinished, if there is one. One that was withdrawn while it
/// pushed may have landed after all.
fn left(records: &[Record]) -> Option<&Record> {
    let withdrawn = || {
        let newest = records.first();
        newest.filter(|record| record.state == State::Withdrawn)
    };
    journal::unfinished(records).or_else(withdrawn)
}

/// Returns the address of the pipeline that had the run last; recovering leaves none behind.
fn owner<'a>(record: &Record, records: &'a [Record]) -> Option<&'a str> {
    let mut of_run = records.iter().filter(|other| other.run == record.run);
    of_run.find_map(|record| record.pipeline.as_deref())
}

fn somebody_elses(
    record: &Record,
    records: &[Record],
    pipeline: Option<&str>,
    target: &Target,
) -> Outcome {
    let what = format!("{} in {}", target.service.name, target.environment_name);
    let whose = match (pipeline, owner(record, records)) {
        (None, _) => "this pipeline has no address by which to know its own".to_owned(),
        (Some(_), Some(owner)) => format!("it belongs to {owner}"),
        (Some(_), None) => "no pipeline began it".to_owned(),
    };
    let run = &record.run;
    let state = record.state.word();
    let reason = format!("run {run} of {what} ({state}) is left alone: {whose}");
    let mut outcome = Outcome::new(Ending::NoChange, reason);
    if pipeline.is_none() {
        let hint =
            "set SHIPGATE_PIPELINE to the address of the pipeline's run, in all of its steps";
        outcome.hints.push(hint.to_owned());
    }
    let hint = format!("if nobody is at it any more: {}", target.command("recover"));
    outcome.hints.push(hint);
    outcome
}

/// Recovers, if this is still the newest record of the journal; none = it is not.
///
/// # Errors
/// As [`recover`].
pub async fn only(
    newest: &CommitId,
    outside: &Outside<'_>,
    target: &Target,
    actor: Option<String>,
    stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Option<Outcome>, Failure> {
    let read = read_journal(outside.repository, target).await?;
    if read.0.as_ref() != Some(newest) {
        return Ok(None);
    }
    let ended = from(read, outside, target, actor, stop, reporter).await?;
    Ok(Some(ended))
}

/// Recovers what a journal tells of.
async fn from(
    (tip, records): (Option<CommitId>, Vec<Record>),
    outside: &Outside<'_>,
    target: &Target,
    actor: Option<String>,
    stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let what = format!("{} in {}", target.service.name, target.environment_name);
    let Some(record) = left(&records) else {
        return nothing_unfinished(&records, outside, target).await;
    };
    if record.state == State::Held {
        let mut outcome = Outcome::new(
            Ending::NoChange,
            format!(
                "run {} of {what} is held on purpose ({}); left as it is",
                record.run,
                record.reason.as_deref().unwrap_or("no reason given")
            ),
        );
        let drill = if record.drill { ", with --drill" } else { "" };
        let again = format!("run the same deploy again{drill}");
        outcome
            .hints
            .push(match (record.reason.as_deref(), &record.version) {
                (Some(WAITS_FOR_APPROVAL), Some(version)) => {
                    let approve = target.command("approve").flag("version", version.as_str());
                    format!(
                        "to go on: somebody else approves it (`{}`; where the policy names nobody who may, --accept says \
                         so instead), then {again}",
                        approve.switch("push")
                    )
                }
                _ => format!("to go on: {again}"),
            });
        outcome
            .hints
            .push(format!("to take it back: {}", target.command("rollback")));
        return Ok(outcome);
    }
    let takeback = Takeback::read(outside, target, record, record.run.clone(), tip, actor).await?;
    if record.state == State::Withdrawn && takeback.is_untouched() {
        return Ok(nothing(target));
    }
    if takeback.is_to_be_finished(record) {
        return Ok(takeback.finish(stop, reporter).await);
    }
    let state = record.state.word();
    let holds_until = record
        .expires_at
        .filter(|until| *until > outside.clock.now());
    let why = match holds_until {
        // Nobody knows whether it is dead; what is certain is that it had time left.
        Some(until) => {
            let until = journal::instant(until);
            let by = record.actor.as_ref();
            let by = by.map_or_else(String::new, |actor| format!(" by {actor}"));
            reporter.event(&Event::Warning(format!(
                "run {}{by} ({state}, step {}) holds the journal until {until} and may still be under \
                 way: it is fenced out and taken back",
                record.run, record.step
            )));
            format!(
                "run {} ({state}) was recovered while it held the journal until {until}",
                record.run
            )
        }
        None => format!("run {} was interrupted ({state})", record.run),
    };
    let run = record.run.clone();
    let ended = takeback.back(&why, stop, reporter).await;
    Ok(or_done_by_another(ended, &run, outside, target).await)
}

fn nothing(target: &Target) -> Outcome {
    let (service, environment) = target.place();
    let reason = format!("nothing is unfinished: {service} in {environment}");
    Outcome::new(Ending::NoChange, reason)
}

/// Returns how the last runs ended whose way back somebody else's value was in the way of, newest first. A
/// run straight to another version that came to nothing has not changed that.
fn given_up(records: &[Record]) -> impl Iterator<Item = &Record> {
    let ends = records.iter().filter(|record| record.state.is_final());
    let is_in_vain = |record: &Record| {
        let is_kept = matches!(
            record.state,
            State::Verified | State::Alerted | State::Accepted
        );
        record.strategy == DIRECT && !is_kept
    };
    ends.take_while(move |record| record.is_way_back_given_up() || is_in_vain(record))
        .filter(|record| record.is_way_back_given_up())
}

/// Says that nothing is unfinished, unless something was not taken back.
async fn nothing_unfinished(
    records: &[Record],
    outside: &Outside<'_>,
    target: &Target,
) -> Result<Outcome, Failure> {
    let left = match records {
        [] => unrecorded(outside, target).await,
        records => not_taken_back(records, outside, target).await?,
    };
    Ok(left.unwrap_or_else(|| nothing(target)))
}

/// Says of a service without a journal that a canary has users on the branch: nobody has recorded a run that
/// brought it there, or the record was taken away. None where there is none, or where that cannot be read.
async fn unrecorded(outside: &Outside<'_>, target: &Target) -> Option<Outcome> {
    let canary = target.service.strategy.canary()?;
    let tip = outside.repository.fetch(&target.branch).await.ok()?;
    let read = load::manifests_for_way_back(outside.repository, &tip, target, &[]).await;
    let manifests = read.ok()?.manifests;
    let facts = facts_at_most(target, &manifests).ok()?;
    let weight = facts
        .canary_weight
        .filter(|weight| *weight > Weight::ZERO)?;
    let version = |object| carried::version(&target.service, &manifests, object).ok();
    let stable = version(&canary.stable.object);
    let own = version(&canary.canary.object);
    if weight.percent() == 100 && own.is_some() && own == stable {
        return None;
    }
    let (service, environment) = target.place();
    let named =
        |version: &Option<String>| version.clone().unwrap_or_else(|| "no version".to_owned());
    let mut outcome = Outcome::new(
        Ending::BlockedOther,
        format!(
            "{service} in {environment} has no journal, so no run of it is known, but its canary has users on branch \
             `{}`: {} has {} with weight {weight}; {} has {}",
            target.branch,
            canary.canary.object,
            named(&own),
            canary.stable.object,
            named(&stable)
        ),
    );
    let to = stable.as_deref().unwrap_or("VERSION");
    let rollback = target.command("rollback").flag("to", to);
    outcome
        .hints
        .push(format!("to take its users off, and its pods: {rollback}"));
    outcome
        .hints
        .push("if it is meant to be so, there is nothing to do".to_owned());
    NOT_TAKEN_BACK.clone_into(&mut outcome.reason_code);
    Some(outcome)
}

/// Says of the last run that it was to be taken back, that somebody else's value was in the way of that, and
/// that its version is still there, if that is so: which value is right a person decides.
///
/// # Errors
/// The git server does not answer or refuses; the manifests cannot be read.
pub async fn not_taken_back(
    records: &[Record],
    outside: &Outside<'_>,
    target: &Target,
) -> Result<Option<Outcome>, Failure> {
    let mut found = None;
    for record in given_up(records) {
        if let Some(taken) = Taken::by(record)
            && let Some(remains) = Remains::look(taken, outside, target).await?
        {
            found = Some((record, taken.version, remains));
            break;
        }
    }
    let Some((record, version, remains)) = found else {
        return Ok(None);
    };
    let (service, environment) = target.place();
    let mut outcome = Outcome::new(
        Ending::BlockedOther,
        format!(
            "nothing is unfinished, but {service} {version} in {environment} was not taken back: run {} ended \
             superseded at {}; {}",
            record.run,
            journal::instant(record.at),
            remains.sentence()
        ),
    )
    .with_hint(remains.next_step().to_owned());
    let why = record.reason.as_ref();
    outcome
        .hints
        .extend(why.map(|why| format!("what was in the way: {why}")));
    NOT_TAKEN_BACK.clone_into(&mut outcome.reason_code);
    Ok(Some(outcome))
}

/// Of several that recover at the same moment one does it. The others have what they wanted, too,
/// once it is done.
async fn or_done_by_another(
    ended: Outcome,
    run: &str,
    outside: &Outside<'_>,
    target: &Target,
) -> Outcome {
    let changed = ended.deployment.as_ref().is_some_and(|run| run.changed);
    if ended.ending != Ending::Superseded || changed {
        return ended;
    }
    let Ok((_, records)) = read_journal(outside.repository, target).await else {
        return ended;
    };
    let newest = records.first().filter(|record| record.run == run);
    match newest.map(|record| record.state) {
        Some(
            State::RolledBack
            | State::Withdrawn
            | State::Verified
            | State::Alerted
            | State::Accepted,
        ) => Outcome::new(Ending::NoChange, ended.reason),
        Some(state) if !state.is_final() => {
            let mut ended = ended;
            let recover = target.command("recover");
            let next = format!("run `{recover}` again: it says what became of it");
            ended.hints.push(next);
            ended
        }
        _ => ended,
    }
}
