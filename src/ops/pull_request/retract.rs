//! Closes a pull request that shall not be merged any more, and finds one that was.

use super::{connect, ends, names, own_branch::OwnCommits};
use crate::{
    event::{Failure, Reporter},
    forge::{Forge, State, Trouble},
    git::{CommitId, LogEntry},
    ops::{deploy::Outside, journal::Record, land::Direction, load::Target, writer::Writer},
    probe::excerpt,
};

/// What became of a pull request that shall not be merged any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retracted {
    /// There was none that could be merged.
    Nothing,
    /// It is closed.
    Closed,
    /// Too late: it was merged as this commit.
    Merged(String),
}

impl Writer<'_> {
    /// Closes the pull request of a run of which nothing is on the branch, and takes its branch
    /// away. Nothing is done where changes are pushed.
    ///
    /// # Errors
    /// The forge does not answer or refuses: then it may still be merged.
    pub async fn retract(
        &self,
        why: &str,
        reporter: &mut dyn Reporter,
    ) -> Result<Retracted, Failure> {
        let Some(proposals) = &self.proposals else {
            return Ok(Retracted::Nothing);
        };
        let forge = proposals.forge()?;
        let own = OwnCommits::read(self).await?;
        let branch = names::branch(&self.identity, Direction::Forward, "");
        self.retract_branch(&*forge, &branch, &own, why, reporter)
            .await
            .map_err(ends::failure)
    }

    pub(super) async fn retract_branch(
        &self,
        forge: &dyn Forge,
        branch: &str,
        own: &OwnCommits,
        why: &str,
        reporter: &mut dyn Reporter,
    ) -> Result<Retracted, Trouble> {
        let mut retracted = Retracted::Nothing;
        if let Some(found) = forge.find(branch, &self.target.branch).await? {
            let mut state = found.state;
            if matches!(state, State::Open(_)) {
                let said = excerpt(&why.replace('`', "'"));
                let why = format!(
                    "shipgate closes this, it is not to be merged any more:\n\n```text\n{said}\n```\n"
                );
                forge.close(found.number, &why).await?;
                // Somebody may have been faster.
                state = forge.look(found.number).await?.state;
                retracted = Retracted::Closed;
            }
            match state {
                State::Merged { commit } => return Ok(Retracted::Merged(commit)),
                State::Closed => {}
                State::Open(_) => {
                    return Err(Trouble::Refused(format!("{} is still open", found.page)));
                }
            }
        }
        self.take_own_away(branch, own, reporter).await;
        Ok(retracted)
    }
}

/// Finds the commit that a run's pull request brought to the branch, where the commits themselves do
/// not tell: a merge may have given them another message.
///
/// # Errors
/// The forge does not answer or refuses: what is not known is not guessed.
pub async fn merged(
    outside: &Outside<'_>,
    target: &Target,
    record: &Record,
    log: &[LogEntry],
) -> Result<Option<CommitId>, Failure> {
    let Some(settings) = &target.environment.pull_request else {
        return Ok(None);
    };
    let is_told = |entry: &LogEntry| entry.trailers.get("Run") == Some(record.run.as_str());
    let Some(version) = record.version.as_ref().filter(|_| !log.iter().any(is_told)) else {
        return Ok(None);
    };
    let run = names::Run {
        id: &record.run,
        environment: &target.environment_name,
        service: &target.service.name,
        version: version.as_str(),
    };
    let branch = run.branch(Direction::Forward, "");
    let forge = connect(outside, settings)?;
    let found = forge
        .find(&branch, &target.branch)
        .await
        .map_err(ends::failure)?;
    let commit = match found.map(|found| found.state) {
        Some(State::Merged { commit }) => commit.parse::<CommitId>().ok(),
        _ => None,
    };
    // What a forced push took away again is not there.
    Ok(commit.filter(|commit| log.iter().any(|entry| entry.id == *commit)))
}
