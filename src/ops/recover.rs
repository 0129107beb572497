//! Finishes or takes back whatever an interrupted run left. Safe at any time, by anyone, any number
//! of times.

use super::{
    deploy::{Outside, read_journal},
    journal::{self, Record, State},
    load::Target,
    stop::Stop,
    takeback::Takeback,
};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    git::CommitId,
};

/// Shows what recovering would change; changes nothing.
///
/// # Errors
/// As [`recover`].
pub async fn show(outside: &Outside<'_>, target: &Target) -> Result<Outcome, Failure> {
    let (tip, records) = read_journal(outside.repository, target).await?;
    let record = journal::unfinished(&records).filter(|record| record.state != State::Held);
    let Some(record) = record else {
        let what = format!("{} in {}", target.service.name, target.environment_name);
        return Ok(Outcome::new(
            Ending::NoChange,
            format!("nothing is unfinished: {what}"),
        ));
    };
    let takeback = Takeback::read(outside, target, record, record.run.clone(), tip, None).await?;
    if takeback.is_to_be_finished(record) {
        return Ok(Outcome::new(
            Ending::Shown,
            "would finish the run: its version was judged good; dry run: nothing was pushed",
        ));
    }
    takeback.show().await
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
    let nothing = || Outcome::new(Ending::NoChange, format!("nothing is unfinished: {what}"));
    // A run that was withdrawn while it pushed may have landed after all.
    let withdrawn = || {
        let newest = records.first();
        newest.filter(|record| record.state == State::Withdrawn)
    };
    let Some(record) = journal::unfinished(&records).or_else(withdrawn) else {
        return Ok(nothing());
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
        outcome
            .hints
            .push("to go on: run the same deploy again".to_owned());
        outcome.hints.push(format!(
            "to take it back: shipgate rollback --service {}",
            target.service.name
        ));
        return Ok(outcome);
    }
    let takeback = Takeback::read(outside, target, record, record.run.clone(), tip, actor).await?;
    if record.state == State::Withdrawn && takeback.is_untouched() {
        return Ok(nothing());
    }
    if takeback.is_to_be_finished(record) {
        return Ok(takeback.finish(stop, reporter).await);
    }
    let why = format!(
        "run {} was interrupted ({})",
        record.run,
        record.state.word()
    );
    Ok(takeback.back(&why, stop, reporter).await)
}
