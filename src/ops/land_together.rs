//! Gets a change onto the branch in one commit with those of other services.

use super::{
    convoy::{Convoy, NotTogether},
    failure,
    land::{Landed, Sent, Try, Write, stopped},
    shared_state::Waiting,
    stop::Stop,
    writer::{NotLanded, Writer},
};
use crate::{
    event::{Ending, Failure, Reporter},
    git::CommitId,
    units::format_duration,
};

impl Writer<'_> {
    /// Is its next commit one that other services share?
    pub(super) fn is_with_others(&self) -> bool {
        let service = &self.identity.service;
        self.convoy.is_some_and(|(convoy, _)| convoy.takes(service))
    }

    /// Tries once, in one commit with the other services of a convoy.
    pub(super) async fn together(
        &mut self,
        convoy: &Convoy,
        (write, sent): (&Write<'_>, Option<&Sent>),
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Try, NotLanded> {
        let branch = &self.target.branch;
        let service = self.identity.service.clone();
        let turn = self.turn(write, sent, stop).await?;
        let seat = match convoy.last().map_err(|end| apart(end, write)) {
            Err(end) => return end,
            Ok(Some(last)) if sent.is_none() => {
                let made = self.part_on(&last, write).await?;
                made.map(|(commit, part)| convoy.board(&service, last, commit, part))
            }
            Ok(_) => match self.make(write, sent, stop).await? {
                Err(Try::Landed(landed)) => {
                    convoy.leave(&service);
                    return Ok(Try::Landed(landed));
                }
                Err(end) => return Ok(end),
                Ok((tip, _)) => {
                    let last = convoy.last().map_err(|end| apart(end, write));
                    let on = match last {
                        Err(end) => return end,
                        Ok(last) => last.unwrap_or_else(|| tip.clone()),
                    };
                    let made = self.part_on(&on, write).await?;
                    made.map(|(commit, part)| convoy.board(&service, tip, commit, part))
                }
            },
        };
        drop(turn);
        let Some(seat) = seat else {
            convoy.leave(&service);
            let tip = self.repository.branch_for_push(branch).await;
            let tip = tip.map_err(failure::git)?;
            return Ok(Try::Landed(Landed::AlreadyThere { tip }));
        };
        let mut own = stop.clone();
        let mut waiting = Waiting::within(write.patience, self.clock, &mut own);
        let joint = convoy.joint(&seat, self.repository, &mut waiting).await;
        let joint = match joint {
            Ok(joint) => joint,
            Err(end) => return apart(end, write),
        };
        if let Err(end) = self.announce_together(&joint, write, stop, reporter).await {
            convoy.spoil(&seat);
            return Err(end);
        }
        let pushed = convoy
            .push(&seat, &joint, self.repository, branch, &mut waiting)
            .await;
        match pushed {
            Ok(outcome) => self.settle(
                outcome,
                Sent {
                    commit: joint,
                    parent: seat.base,
                    was_overtaken: false,
                },
            ),
            Err(end) => apart(end, write),
        }
    }

    async fn announce_together(
        &mut self,
        joint: &CommitId,
        write: &Write<'_>,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<(), NotLanded> {
        if self.records_on_branch().await? {
            let text = "the journal is on the branch, because the git server takes no references under refs/shipgate/; each record moves the branch, so there is no one commit for all";
            return Err(Failure::new(Ending::PushDenied, text)
                .hint("run it without --one-commit, or allow the token to push references under refs/shipgate/")
                .into());
        }
        self.announce(write, joint, stop, reporter).await
    }
}

/// Says what it means for a try that there is no common commit.
fn apart(end: NotTogether, write: &Write<'_>) -> Result<Try, NotLanded> {
    match end {
        NotTogether::Spoiled => Ok(Try::Lost),
        NotTogether::Stopped(reason) => Err(stopped(reason, write).into()),
        NotTogether::TimeUp => {
            let length = format_duration(write.patience);
            let text =
                format!("the services that go in the same commit were not ready within {length}");
            Err(Failure::new(Ending::PushConflict, text)
                .hint("run the same command again, without those that take so long, or without --one-commit")
                .into())
        }
        NotTogether::Failed(failure) if failure.0.ending == Ending::Unavailable => {
            Ok(Try::Unanswered(failure))
        }
        NotTogether::Failed(failure) => Err(failure.into()),
    }
}
