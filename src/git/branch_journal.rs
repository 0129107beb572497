//! The journal where the server refuses references for it: the same records as empty commits on the
//! branch that is deployed to, one line of them for each service.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use git2::Oid;

use super::{
    error::GitError,
    history::{LogEntry, entry, log},
    journal::{Entry, JournalOutcome, JournalRecord},
    local::Local,
    names::branch_reference,
    push::{Settled, push},
    remote::{Depth, Fetched, Moment, Update},
    trailers::Trailers,
    tree::write_commit,
};

/// How many of a branch's newest commits are searched for records.
pub(super) const SEARCHED: u16 = 1000;
/// How often a record is made again at once when other commits are faster; after that it is the
/// caller who waits and tries again.
const TRIES: usize = 4;

/// The journal of which service of which environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    environment: String,
    service: String,
}

impl Place {
    pub(super) fn new(environment: &str, service: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            service: service.to_owned(),
        }
    }
}

/// What is known about journals on branches.
#[derive(Debug, Default)]
pub(super) struct BranchJournals {
    /// The branch that each environment is deployed to.
    pub(super) branches: BTreeMap<String, String>,
    /// Journals that are on their branch.
    places: BTreeSet<Place>,
    /// What the server said when it refused a reference.
    refusal: Option<String>,
    /// Was it said where the journal is?
    told: bool,
    /// The newest commits of each branch, and the first of them: every service without a journal looks for its
    /// records there.
    searched: BTreeMap<String, (Oid, Newest)>,
}

/// Commits of a branch, newest first.
type Newest = Rc<[Rc<LogEntry>]>;

impl BranchJournals {
    /// Returns the branch of a journal that is kept on one.
    pub(super) fn branch_of(&self, place: &Place) -> Option<&str> {
        let branch = self.branches.get(&place.environment)?;
        self.places.contains(place).then_some(branch.as_str())
    }

    pub(super) fn found(&mut self, place: &Place) {
        self.places.insert(place.clone());
    }

    pub(super) fn refused(&mut self, place: &Place, reason: String) {
        self.refusal = Some(reason);
        self.found(place);
    }

    /// The reference counts where there is one.
    pub(super) fn gone(&mut self, place: &Place) {
        self.places.remove(place);
    }

    /// Returns what a person should know about it, once.
    pub(super) fn warning(&mut self, place: &Place) -> Option<String> {
        let branch = self.branch_of(place)?.to_owned();
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let why = match &self.refusal {
            Some(reason) => {
                format!("the git server refuses references under refs/shipgate/ ({reason}), so the")
            }
            None => "the".to_owned(),
        };
        Some(format!(
            "{why} journal is kept as empty commits on `{branch}`; its newest {SEARCHED} commits are searched for it"
        ))
    }
}

/// Reads the records that are on a branch, newest first.
pub(super) fn read(
    local: &mut Local,
    branch: &str,
    place: &Place,
    moment: Moment,
) -> Result<Vec<JournalRecord>, GitError> {
    let found = look(local, branch, place, moment)?;
    Ok(found.map_or_else(Vec::new, |(_, records)| records))
}

/// Reads where a branch is and which records are on it; none = there is no such branch.
fn look(
    local: &mut Local,
    branch: &str,
    place: &Place,
    moment: Moment,
) -> Result<Option<(Oid, Vec<JournalRecord>)>, GitError> {
    let reference = branch_reference(branch)?;
    let Fetched::Tip(tip) = local.fetch(&reference, Depth::Recent(SEARCHED), moment)? else {
        return Ok(None);
    };
    let mut records = Vec::new();
    for entry in newest(local, branch, tip)?.iter() {
        if is_of(&entry.trailers, place) && changes_nothing(local, entry)? {
            records.push(JournalRecord {
                id: entry.id.clone(),
                at: entry.at,
                trailers: entry.trailers.clone(),
            });
        }
    }
    Ok(Some((tip, records)))
}

/// Returns the newest commits of a branch. Of those that were known before none is read again.
fn newest(local: &mut Local, branch: &str, tip: Oid) -> Result<Newest, GitError> {
    let known = local.journals.searched.get(branch);
    let on_top = match known {
        Some((at, known)) => on_top(local, tip, *at)?.map(|on_top| (on_top, known)),
        None => None,
    };
    let found: Newest = match on_top {
        Some((on_top, known)) => {
            let all = on_top.into_iter().map(Rc::new);
            let all = all.chain(known.iter().map(Rc::clone));
            all.take(usize::from(SEARCHED)).collect()
        }
        None => {
            let all = log(local, tip, usize::from(SEARCHED))?;
            all.into_iter().map(Rc::new).collect()
        }
    };
    let kept = (tip, Rc::clone(&found));
    local.journals.searched.insert(branch.to_owned(), kept);
    Ok(found)
}

/// Returns what came on top of a commit, newest first; none where that is more than one commit after the other.
fn on_top(local: &Local, tip: Oid, of: Oid) -> Result<Option<Vec<LogEntry>>, GitError> {
    let (mut at, mut found) = (tip, Vec::new());
    while at != of {
        let commit = local.commit_of(at)?;
        if found.len() == usize::from(SEARCHED) || commit.parent_count() != 1 {
            return Ok(None);
        }
        found.push(entry(&commit)?);
        let parent = commit.parent_id(0);
        at = parent.map_err(GitError::while_doing("walk the history"))?;
        if at != of && local.store.find_commit(at).is_err() {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// Writes a record on top of a branch, if the newest one of its service is the one expected.
pub(super) fn append(
    local: &mut Local,
    branch: &str,
    place: &Place,
    entry: &Entry<'_>,
) -> Result<JournalOutcome, GitError> {
    let Entry {
        expected,
        message,
        at,
        proof,
        ..
    } = *entry;
    if !is_of(&Trailers::parse(message), place) {
        return Err(GitError::internal(
            "a journal record does not say what it is about",
        ));
    }
    let reference = branch_reference(branch)?;
    for _ in 0..TRIES {
        let Some((tip, records)) = look(local, branch, place, Moment::Now)? else {
            break;
        };
        let newest = records.into_iter().next().map(|record| record.id);
        if newest.as_ref() != expected {
            return Ok(JournalOutcome::Lost { tip: newest });
        }
        let before = local.commit_of(tip)?;
        let record = write_commit(local, before.tree_id(), &[&before], message, at)?;
        drop(before);
        let update = Update {
            reference: reference.clone(),
            expected: Some(tip),
            new: record.oid(),
            replaces: false,
        };
        match push(local, &update, proof)? {
            Settled::Applied => return Ok(JournalOutcome::Appended(record)),
            // Another commit was faster. Whether it is a record shows when all is read again.
            Settled::Moved(_) | Settled::Hidden => {}
            Settled::NotTaken(reason) => return Ok(JournalOutcome::NotTaken { reason }),
            Settled::Locked(reason) => return Ok(JournalOutcome::Locked { reason }),
            Settled::Refused(reason) => return Ok(JournalOutcome::Refused { reason }),
            Settled::Unknown(reason) => return Ok(JournalOutcome::Unknown { reason }),
        }
    }
    Ok(JournalOutcome::Lost {
        tip: expected.cloned(),
    })
}

/// Is it a record of this service? The commits of a deployment say the same of themselves, but not
/// which repository wrote them.
fn is_of(trailers: &Trailers, place: &Place) -> bool {
    trailers.get("Environment") == Some(&place.environment)
        && trailers.get("Service") == Some(&place.service)
        && ["Run", "State", "Writer"]
            .iter()
            .all(|key| trailers.get(key).is_some())
}

/// A commit that gathers others, or picks one of them, can say what they said.
fn changes_nothing(local: &Local, entry: &LogEntry) -> Result<bool, GitError> {
    let [parent] = entry.parents.as_slice() else {
        return Ok(false);
    };
    let before = local.commit_of(parent.oid())?.tree_id();
    Ok(local.commit_of(entry.id.oid())?.tree_id() == before)
}
