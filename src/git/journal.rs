//! The journal of a service: one ref of empty commits whose trailers say what a run is doing. It is
//! the lock, the place to resume from and the last known good. Where the server refuses such refs,
//! the records are on the branch.

use chrono::{DateTime, Utc};
use git2::Oid;

use super::{
    branch_journal::{self, Place},
    commit_id::CommitId,
    error::GitError,
    history::log,
    local::Local,
    names::journal_reference,
    push::{Proof, Settled, push, push_all},
    remote::{Depth, Fetched, Moment, Update},
    trailers::Trailers,
    tree::write_commit,
};

/// Everything that a service's journal says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal {
    /// The newest record; none = there is no journal yet.
    pub tip: Option<CommitId>,
    /// All records, newest first.
    pub records: Vec<JournalRecord>,
}

/// One record of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRecord {
    /// The commit that carries it.
    pub id: CommitId,
    /// When it was written, by the writer's clock.
    pub at: DateTime<Utc>,
    /// What it says.
    pub trailers: Trailers,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalOutcome {
    /// It is in the journal, right after the one expected.
    Appended(CommitId),
    /// It is not in the journal: another run wrote first. Read the journal again.
    Lost {
        /// Newest record now; none = there is no journal.
        tip: Option<CommitId>,
    },
    /// It is not in the journal, whose newest record is the one expected: the server has not taken it, or
    /// the dialogue broke before. Try again.
    NotTaken {
        /// What the server answered, or what broke: one harmless line.
        reason: String,
    },
    /// The server shows a record that the one expected has followed upon: a copy that lags behind. Try again.
    Behind,
    /// The server shows the reference to whoever pushes and not to whoever reads.
    Hidden,
    /// Somebody else is just writing the reference, so the server did not: the newest record is the
    /// one expected. Try again.
    Locked {
        /// The server's text: one harmless line of at most 500 characters.
        reason: String,
    },
    /// The server refuses such refs, or this one.
    Refused {
        /// The server's text: one harmless line of at most 500 characters.
        reason: String,
    },
    /// It could not be found out.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// A record to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) environment: &'a str,
    pub(super) service: &'a str,
    /// The newest record, as far as is known; none = this is to be the first.
    pub(super) expected: Option<&'a CommitId>,
    /// What it says, with its trailers.
    pub(super) message: &'a str,
    pub(super) at: DateTime<Utc>,
    pub(super) proof: Proof,
}

/// Reads a service's journal. The ref counts where there is one, and else the branch: a journal that
/// began on the branch stays there, whatever the server takes later.
pub(super) fn read(
    local: &mut Local,
    environment: &str,
    service: &str,
    moment: Moment,
) -> Result<Journal, GitError> {
    let reference = journal_reference(environment, service)?;
    let place = Place::new(environment, service);
    if let Fetched::Tip(tip) = local.fetch(&reference, Depth::Since, moment)? {
        local.journals.gone(&place);
        let records = log(local, tip, usize::MAX)?
            .into_iter()
            .map(|entry| JournalRecord {
                id: entry.id,
                at: entry.at,
                trailers: entry.trailers,
            })
            .collect();
        return Ok(Journal {
            tip: Some(CommitId::of(tip)),
            records,
        });
    }
    let Some(branch) = local.journals.branches.get(environment).cloned() else {
        return Ok(Journal::default());
    };
    let records = branch_journal::read(local, &branch, &place, moment)?;
    if !records.is_empty() {
        local.journals.found(&place);
    }
    Ok(Journal {
        tip: records.first().map(|record| record.id.clone()),
        records,
    })
}

/// Writes records of different journals, each after what it expects, by compare-and-set: in one push as far
/// as the server takes that, each by itself where it does not.
pub(super) fn append_all(
    local: &mut Local,
    entries: &[Entry<'_>],
) -> Vec<Result<JournalOutcome, GitError>> {
    let mut outcomes: Vec<Option<Result<JournalOutcome, GitError>>> = Vec::new();
    outcomes.resize_with(entries.len(), || None);
    if entries.len() > 1 {
        let (mut indices, mut records, mut updates) = (Vec::new(), Vec::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            let place = Place::new(entry.environment, entry.service);
            if local.journals.branch_of(&place).is_some() {
                continue;
            }
            // What is wrong with one is told where it goes by itself.
            if let Ok((record, update)) = record(local, entry) {
                indices.push(index);
                records.push(record);
                updates.push((update, entry.proof));
            }
        }
        let settled = push_all(local, &updates);
        for ((index, record), settled) in indices.into_iter().zip(records).zip(settled) {
            outcomes[index] = match settled {
                Ok(Some(settled)) => Some(outcome(local, settled, &entries[index], record)),
                Ok(None) => None,
                Err(error) => Some(Err(error)),
            };
        }
    }
    let outcomes = entries.iter().zip(outcomes);
    let each = outcomes.map(|(entry, known)| known.unwrap_or_else(|| append(local, entry)));
    each.collect()
}

/// Writes a record after `expected`, by compare-and-set.
fn append(local: &mut Local, entry: &Entry<'_>) -> Result<JournalOutcome, GitError> {
    let Entry {
        environment,
        service,
        ..
    } = *entry;
    let reference = journal_reference(environment, service)?;
    let place = Place::new(environment, service);
    if local.journals.branch_of(&place).is_some() {
        // Somebody with other rights may have made the ref meanwhile, and then that counts.
        return match local.tip(&reference)? {
            None => append_to_branch(local, &place, entry),
            Some(tip) => Ok(JournalOutcome::Lost {
                tip: Some(CommitId::of(tip)),
            }),
        };
    }
    let outcome = append_to_reference(local, entry)?;
    match outcome {
        // A journal that is there is never left for another one: nobody would look at both.
        JournalOutcome::Refused { reason }
            if entry.expected.is_none() && local.journals.branches.contains_key(environment) =>
        {
            local.journals.refused(&place, reason.clone());
            match append_to_branch(local, &place, entry)? {
                JournalOutcome::Refused { reason: second } => Ok(JournalOutcome::Refused {
                    reason: format!("{reason}; and {second}"),
                }),
                outcome => Ok(outcome),
            }
        }
        outcome => Ok(outcome),
    }
}

fn append_to_branch(
    local: &mut Local,
    place: &Place,
    entry: &Entry<'_>,
) -> Result<JournalOutcome, GitError> {
    let Some(branch) = local.journals.branch_of(place).map(str::to_owned) else {
        return Err(GitError::internal("a journal's branch is not known"));
    };
    let message = marked(entry.message, &local.writer);
    let entry = &Entry {
        message: &message,
        ..*entry
    };
    Ok(
        match branch_journal::append(local, &branch, place, entry)? {
            JournalOutcome::Refused { reason } => JournalOutcome::Refused {
                reason: format!("as a commit on `{branch}`: {reason}"),
            },
            outcome => outcome,
        },
    )
}

fn append_to_reference(local: &mut Local, entry: &Entry<'_>) -> Result<JournalOutcome, GitError> {
    let (record, update) = record(local, entry)?;
    let settled = push(local, &update, entry.proof)?;
    outcome(local, settled, entry, record)
}

/// Makes a record, and says where it is to go.
fn record(local: &Local, entry: &Entry<'_>) -> Result<(CommitId, Update), GitError> {
    let message = marked(entry.message, &local.writer);
    let before = entry.expected.map(|id| local.commit_of(id.oid()));
    let before = before.transpose()?;
    let empty = local
        .store
        .treebuilder(None)
        .and_then(|builder| builder.write())
        .map_err(GitError::while_doing("make an empty tree"))?;
    let parents: Vec<_> = before.iter().collect();
    let record = write_commit(local, empty, &parents, &message, entry.at)?;
    let update = Update {
        reference: journal_reference(entry.environment, entry.service)?,
        expected: entry.expected.map(CommitId::oid),
        new: record.oid(),
        replaces: false,
    };
    Ok((record, update))
}

fn outcome(
    local: &Local,
    settled: Settled,
    entry: &Entry<'_>,
    record: CommitId,
) -> Result<JournalOutcome, GitError> {
    Ok(match settled {
        Settled::Applied => JournalOutcome::Appended(record),
        Settled::Moved(Some(tip)) if is_older(local, tip, entry.expected)? => {
            JournalOutcome::Behind
        }
        Settled::Moved(tip) => JournalOutcome::Lost {
            tip: tip.map(CommitId::of),
        },
        Settled::NotTaken(reason) => JournalOutcome::NotTaken { reason },
        Settled::Hidden => JournalOutcome::Hidden,
        Settled::Locked(reason) => JournalOutcome::Locked { reason },
        Settled::Refused(reason) => JournalOutcome::Refused { reason },
        Settled::Unknown(reason) => JournalOutcome::Unknown { reason },
    })
}

/// Is a record one that the expected one has followed upon?
fn is_older(local: &Local, tip: Oid, expected: Option<&CommitId>) -> Result<bool, GitError> {
    match expected.map(CommitId::oid) {
        Some(expected) if expected != tip => local.descends(expected, tip),
        _ => Ok(false),
    }
}

/// Adds who wrote it: two runs that say the same in the same second must not make the same commit,
/// or both would read back their success.
fn marked(message: &str, writer: &str) -> String {
    let line = format!("Shipgate-Writer: {writer}\n");
    let message = message.trim_end();
    let gap = if Trailers::parse(message).is_empty() {
        "\n\n"
    } else {
        "\n"
    };
    format!("{message}{gap}{line}")
}
