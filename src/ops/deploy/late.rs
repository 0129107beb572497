//! A run that was withdrawn because nothing of it was on the branch, and whose push landed after all.

use super::{Outside, read_journal};
use crate::{
    event::Failure,
    git::{CommitId, Journal},
    ops::{
        failure,
        journal::{self, Record, State},
        load::Target,
    },
};

/// The reason of a record that is read so.
pub const LATE: &str = "it was withdrawn, and its push landed after that";

/// Reads the journal of a service as [`read_journal`] does, and the branch where it has to be asked:
/// see `reopened`.
///
/// # Errors
/// The git server does not answer or refuses.
pub async fn read_with_branch(
    outside: &Outside<'_>,
    target: &Target,
) -> Result<(Option<CommitId>, Vec<Record>), Failure> {
    let (tip, records) = read_journal(outside.repository, target).await?;
    Ok((tip, reopened(outside, target, records).await?))
}

/// As [`read_with_branch`], of a journal that is read already.
///
/// # Errors
/// The same.
pub(super) async fn of_journal(
    outside: &Outside<'_>,
    target: &Target,
    journal: &Journal,
) -> Result<Vec<Record>, Failure> {
    reopened(outside, target, journal::records(journal)).await
}

/// Returns records, newest first, as they are once the branch is believed more than the last of them: a
/// git server can be slow with a push, and whoever sent it be killed and its record withdrawn before it
/// lands. Nobody has watched what it brought, so the run is not finished: its withdrawal is left out, and
/// nobody holds its journal.
///
/// # Errors
/// The git server does not answer or refuses.
async fn reopened(
    outside: &Outside<'_>,
    target: &Target,
    mut records: Vec<Record>,
) -> Result<Vec<Record>, Failure> {
    let Some(withdrawn) = withdrawn(&records).cloned() else {
        return Ok(records);
    };
    if !has_landed(outside, target, &withdrawn, &records).await? {
        return Ok(records);
    }
    let is_own = |record: &&Record| record.run == withdrawn.run && record.intended.is_some();
    if let Some(announced) = records.iter().find(is_own).cloned() {
        // The journal's tip is the withdrawal still: whoever goes on writes on top of that.
        let open = Record {
            id: withdrawn.id.clone(),
            reason: Some(LATE.to_owned()),
            expires_at: Some(withdrawn.at),
            ..announced.clone()
        };
        records.retain(|record| record.id != withdrawn.id && record.id != announced.id);
        records.insert(0, open);
    }
    Ok(records)
}

/// Says that a run which is not finished is one of these; none where it is not.
pub(super) fn unwatched(record: &Record) -> Option<String> {
    let is_late = record.reason.as_deref() == Some(LATE);
    is_late.then(|| {
        let run = &record.run;
        let version = record.version.as_ref();
        let version = version.map_or_else(String::new, |version| format!(" of {version}"));
        format!("run {run}{version}: {LATE}")
    })
}

/// Returns the newest record, if it is the withdrawal of a run.
fn withdrawn(records: &[Record]) -> Option<&Record> {
    let newest = records.first();
    newest.filter(|record| record.state == State::Withdrawn)
}

/// Is the newest record of a journal the withdrawal of a run?
pub(super) fn ends_withdrawn(records: &[Record]) -> bool {
    withdrawn(records).is_some()
}

/// Is a commit of a run on the branch?
async fn has_landed(
    outside: &Outside<'_>,
    target: &Target,
    withdrawn: &Record,
    records: &[Record],
) -> Result<bool, Failure> {
    let Some(base) = &withdrawn.base else {
        return Ok(false);
    };
    let own = records.iter().filter(|it| it.run == withdrawn.run);
    let announced: Vec<&CommitId> = own.filter_map(|it| it.intended.as_ref()).collect();
    if announced.is_empty() {
        return Ok(false);
    }
    let repository = outside.repository;
    let tip = repository.fetch_history(&target.branch).await;
    let log = repository
        .log(&tip.map_err(failure::git)?, usize::MAX)
        .await;
    let log = log.map_err(failure::git)?;
    let mut since = log.iter().take_while(|entry| entry.id != *base);
    Ok(since.any(|entry| {
        let names_it = entry.trailers.of_run(&withdrawn.run).is_some();
        // A journal on the branch says what was to be pushed, which is not what was.
        let is_record = entry.trailers.get("Writer").is_some();
        !is_record && (names_it || announced.contains(&&entry.id))
    }))
}
