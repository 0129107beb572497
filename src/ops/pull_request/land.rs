//! Brings a change into a pull request and the pull request to its end.

use chrono::{DateTime, TimeDelta, Utc};

use super::{ends::Told, names, own_branch::OwnCommits, retract::Retracted};
use crate::{
    event::{Ending, Event, Failure, Reporter},
    forge::{Forge, PullRequest},
    git::CommitId,
    ops::{
        land::{Direction, Landed, Write, stopped},
        stop::{Stop, StopReason},
        writer::{NotLanded, Writer},
    },
};

/// A change on its way through a pull request.
pub(super) struct Case<'c, 'a> {
    pub(super) writer: &'c mut Writer<'a>,
    pub(super) write: &'c Write<'c>,
    pub(super) reporter: &'c mut dyn Reporter,
    pub(super) stop: Stop,
    pub(super) forge: Box<dyn Forge>,
    /// Our branch.
    pub(super) branch: String,
    pub(super) own: OwnCommits,
    pub(super) started: DateTime<Utc>,
    /// Until when it is waited.
    pub(super) until: DateTime<Utc>,
    /// Since when the pull request is at the commit that it is at.
    pub(super) since: DateTime<Utc>,
    /// The pull request, once it is known.
    pub(super) number: Option<u64>,
    /// Has it been said that nobody knows the checks?
    pub(super) complained: bool,
}

/// A pull request that is open, with our commit on its branch.
pub(super) struct Open {
    pub(super) pull_request: PullRequest,
    /// Our commit.
    pub(super) head: CommitId,
    /// What it was made on; none = not known.
    pub(super) made_on: Option<CommitId>,
    /// The branch's head when all this was read.
    pub(super) tip: CommitId,
}

/// What one try to bring everything into place came to.
pub(super) enum Settled {
    Landed(Landed),
    Open(Box<Open>),
    /// Somebody was faster: to be read again.
    Again,
}

/// What a wait came to.
pub(super) enum Waited {
    Landed(Landed),
    /// Something moved: to be brought into place again, on the newest commit where it no longer fits.
    Again {
        outdated: bool,
    },
}

/// Lands a change through a pull request.
///
/// # Errors
/// As [`Writer::land`]. What is not merged ends below 40, and whatever stays open is told in
/// [`super::Proposals::left_open`].
pub(in crate::ops) async fn land(
    writer: &mut Writer<'_>,
    write: &Write<'_>,
    stop: &Stop,
    reporter: &mut dyn Reporter,
) -> Result<Landed, NotLanded> {
    let Some(proposals) = &writer.proposals else {
        let text = "a pull request was asked for where none is configured";
        return Err(Failure::new(Ending::Internal, text).into());
    };
    let forge = proposals.forge()?;
    let own = OwnCommits::read(writer).await?;
    let branch = names::branch(&writer.identity, write.direction, &write.step);
    let started = writer.clock.now();
    let limit = TimeDelta::from_std(write.patience).unwrap_or(TimeDelta::MAX);
    let mut case = Case {
        write,
        reporter,
        stop: stop.clone(),
        forge,
        branch,
        own,
        started,
        until: started
            .checked_add_signed(limit)
            .unwrap_or(DateTime::<Utc>::MAX_UTC),
        since: started,
        number: None,
        complained: false,
        writer,
    };
    case.run().await
}

impl Case<'_, '_> {
    async fn run(&mut self) -> Result<Landed, NotLanded> {
        let mut outdated = false;
        loop {
            let ended = match self.bring_into_place(outdated).await {
                Ok(Settled::Landed(landed)) => return Ok(landed),
                Ok(Settled::Open(open)) => match self.wait(*open).await {
                    Ok(Waited::Landed(landed)) => return Ok(landed),
                    Ok(Waited::Again { outdated: again }) => {
                        outdated = again;
                        continue;
                    }
                    Err(reason) => reason,
                },
                Ok(Settled::Again) => continue,
                Err(reason) => reason,
            };
            return self.end(ended).await;
        }
    }

    /// Nothing may stay behind that somebody could merge without anybody watching: what is not left
    /// open on purpose is closed, and found merged if it was.
    async fn end(&mut self, ended: NotLanded) -> Result<Landed, NotLanded> {
        let left_on_purpose = self.has_left_open()
            || self.write.direction == Direction::Back
            || matches!(ended, NotLanded::Fenced(_))
            || self.stop.requested() == Some(StopReason::StarterGone);
        if left_on_purpose {
            return Err(ended);
        }
        let why = match &ended {
            NotLanded::Superseded(reason) | NotLanded::Fenced(reason) => reason.clone(),
            NotLanded::Failed(failure) => failure.to_string(),
        };
        let retracted = self
            .writer
            .retract_branch(&*self.forge, &self.branch, &self.own, &why, self.reporter)
            .await;
        match retracted {
            Ok(Retracted::Nothing | Retracted::Closed) => Err(ended),
            Ok(Retracted::Merged(commit)) => self.merged(&commit).await,
            Err(trouble) => {
                self.reporter.event(&Event::Warning(format!(
                    "`{}` may still be merged, it could not be closed: {}",
                    self.branch,
                    trouble.reason()
                )));
                self.leave_open(&format!("the branch `{}`", self.branch));
                Err(ended)
            }
        }
    }

    pub(super) fn stopped(&mut self, reason: StopReason) -> NotLanded {
        let stays_open = self
            .writer
            .proposals
            .as_ref()
            .is_some_and(|proposals| proposals.stays_open);
        if stays_open && self.number.is_some() {
            self.leave_open(&format!("the {} on `{}`", self.forge.noun(), self.branch));
        }
        stopped(reason, self.write).into()
    }

    pub(super) fn leave_open(&mut self, page: &str) {
        if let Some(proposals) = &mut self.writer.proposals {
            proposals.left_open = Some(page.to_owned());
        }
    }

    fn has_left_open(&self) -> bool {
        let proposals = self.writer.proposals.as_ref();
        proposals.is_some_and(|proposals| proposals.left_open.is_some())
    }

    pub(super) fn told<'t>(&'t self, page: &'t str) -> Told<'t> {
        Told {
            noun: self.forge.noun(),
            page,
            about: self.writer.target.about(),
            direction: self.write.direction,
        }
    }
}
