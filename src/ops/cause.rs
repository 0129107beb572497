//! Why a run was taken back, as its records say it, and which version is known to be bad by that.

use super::{failure, journal};
use crate::{
    event::Failure,
    git::{Journal, Repository},
    policy::FailedBefore,
    units::Version,
};

/// Longest reason that is told of a failure, in characters.
const LONGEST_REASON: usize = 200;

/// Why a run was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The new version did not come up, was judged worse, or was not judged good in time.
    Verification,
    /// A person asked for it.
    Asked,
    /// The run was asked to stop.
    Cancelled,
    /// The run had ended without an end.
    Interrupted,
    /// Somebody else changed a value of it meanwhile.
    Superseded,
    /// Something else broke, which says nothing about the version.
    Trouble,
    /// It was a rehearsal, and that was its end.
    Drill,
    /// It closed before the run could end, and the policy wants it taken back then.
    Closed,
}

impl Cause {
    /// Returns the word in the trailer `Cause`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Asked => "asked",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Superseded => "superseded",
            Self::Trouble => "trouble",
            Self::Drill => "drill",
            Self::Closed => "window-closed",
        }
    }

    /// Is a way back for this reason a failure of its region, after which the other regions may have
    /// to go back, too?
    pub fn fails_its_region(self) -> bool {
        match self {
            Self::Verification | Self::Interrupted | Self::Trouble => true,
            Self::Asked | Self::Cancelled | Self::Superseded | Self::Drill | Self::Closed => false,
        }
    }
}

/// Finds out whether a version failed here before, as the journal of its service says.
///
/// # Errors
/// The git server does not answer or refuses.
pub async fn failed_before(
    repository: &Repository,
    environment: &str,
    service: &str,
    version: &Version,
) -> Result<Option<FailedBefore>, Failure> {
    let journal = repository.journal_as_listed(environment, service).await;
    Ok(last_failure(&journal.map_err(failure::git)?, version))
}

/// Returns the last failure of a version, unless it was judged good since. What is still on its way back
/// is in the way of others as a run that is not finished, and no past yet.
pub fn last_failure(journal: &Journal, version: &Version) -> Option<FailedBefore> {
    use journal::State;
    let mut seen: Vec<String> = Vec::new();
    let records = journal::records(journal);
    let under_way = journal::unfinished(&records).map(|record| record.run.clone());
    seen.extend(under_way);
    for record in records {
        if record.version.as_ref() != Some(version) || seen.contains(&record.run) {
            continue;
        }
        match record.state {
            State::Verified => return None,
            State::RolledBack | State::Superseded => {
                // Whoever finished the way back had reasons of their own: the first one counts.
                let of_run = journal
                    .records
                    .iter()
                    .filter(|other| other.trailers.get("Run") == Some(&record.run));
                let mut failed = of_run.filter(|other| {
                    other.trailers.get("Cause") == Some(Cause::Verification.word())
                });
                if let Some(first) = failed.next_back() {
                    let why = first.trailers.get("Reason").unwrap_or("no reason given");
                    // All that such a record tells is what stood in the way.
                    let is_obstacle = first.trailers.get("State") == Some(State::Superseded.word());
                    let of_what = if is_obstacle {
                        "in the way of that: "
                    } else {
                        ""
                    };
                    let why = of_what.chars().chain(why.chars());
                    let why: String = why.take(LONGEST_REASON).collect();
                    return Some(FailedBefore {
                        run: record.run,
                        at: record.at,
                        is_given_up: record.state == State::Superseded,
                        why: why.trim_end_matches([' ', ';', ',']).to_owned(),
                    });
                }
            }
            State::Started
            | State::Advanced
            | State::Promoted
            | State::RollingBack
            | State::Held
            | State::Withdrawn
            | State::Alerted
            | State::Accepted => {}
        }
        seen.push(record.run);
    }
    None
}
