//! Gets a change onto the branch as a commit of its own, in one push with those of other services.

use std::time::Duration;

use super::{
    failure,
    group_push::{Apart, GroupPushes},
    land::{Landed, Sent, Try, Write, stopped, unanswered},
    shared_state::{GaveUp, Waiting},
    stop::Stop,
    writer::{NotLanded, Writer},
};
use crate::{event::Reporter, git::CommitId};

/// How long one waits for the commits and the records of the others; then it goes alone.
const LONGEST: Duration = Duration::from_secs(60);

impl Writer<'_> {
    /// Tries once, in one push with other services; none = it is to go alone.
    pub(super) async fn in_group(
        &mut self,
        pushes: &GroupPushes,
        (write, sent): (&Write<'_>, Option<&Sent>),
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Option<Try>, NotLanded> {
        let branch = &self.target.branch;
        let group = pushes.on(branch);
        let mut own = stop.clone();
        loop {
            let longest = write.patience.min(LONGEST);
            let waiting = &mut Waiting::within(longest, self.clock, &mut own);
            // Such a record moves the branch, and what of ours may be there is looked for first.
            let is_in_doubt = sent.is_some_and(|sent| !sent.was_overtaken);
            if is_in_doubt || self.records_on_branch().await? {
                return Ok(None);
            }
            // Who comes while they rest goes with them.
            let rest = group.rests_until().map(|until| until - self.clock.now());
            if let Some(rest) = rest.and_then(|rest| rest.to_std().ok())
                && let Err(reason) = waiting.stop.sleep(self.clock, rest).await
            {
                return alone(GaveUp::Stopped(reason), write, sent);
            }
            let mut place = match group.enter(waiting).await {
                Ok(Some(place)) => place,
                Ok(None) => return Ok(None),
                Err(end) => return alone(end, write, sent),
            };
            let turn = self.turn(write, sent, stop).await?;
            let made = match place.ends() {
                Err(_) => continue,
                Ok(None) => match self.make(write, sent, stop).await? {
                    Ok((tip, commit)) => Some((tip.clone(), tip, commit)),
                    Err(end) => return Ok(Some(end)),
                },
                Ok(Some(ends)) => match self.make_on(ends, write, sent).await? {
                    Ok(made) => made,
                    Err(landed) => return Ok(Some(Try::Landed(landed))),
                },
            };
            if let Some(reason) = stop.requested() {
                return Err(stopped(reason, write).into());
            }
            let Some((base, parent, commit)) = made else {
                drop(turn);
                // Another one brings the same values: once they are there it is seen.
                match place.stand_back(waiting).await {
                    Ok(()) => continue,
                    Err(end) => return alone(end, write, sent),
                }
            };
            let is_in = place.make(base, commit.clone());
            drop(turn);
            match is_in.and(place.all_made(waiting).await) {
                Ok(()) => {}
                Err(Apart::Spoiled) => continue,
                Err(Apart::GaveUp(end)) => return alone(end, write, sent),
            }
            self.announce(write, &commit, stop, reporter).await?;
            if self.records_on_branch().await? {
                group.part();
                continue;
            }
            // The announcement may have taken its time.
            if let Some(reason) = stop.requested() {
                return Err(stopped(reason, write).into());
            }
            let pushed = place.push(self.repository, branch, waiting).await;
            let outcome = match pushed {
                Ok(outcome) => outcome,
                Err(Apart::Spoiled) => continue,
                Err(Apart::GaveUp(end)) => return alone(end, write, sent),
            };
            let sent = Sent {
                commit,
                parent,
                was_overtaken: false,
            };
            return match unanswered(outcome)? {
                Ok(outcome) => self.settle(outcome, sent).map(Some),
                Err(failure) => Ok(Some(Try::Unanswered(failure))),
            };
        }
    }

    /// Makes the commit on the last one of a round: what the round builds on, the commit's parent and itself.
    /// None where it would change nothing; the other end where what was sent before is there.
    async fn make_on(
        &self,
        (base, head): (CommitId, CommitId),
        write: &Write<'_>,
        sent: Option<&Sent>,
    ) -> Result<Result<Option<(CommitId, CommitId, CommitId)>, Landed>, NotLanded> {
        if let Some(sent) = sent {
            let follows = self.repository.follows(&base, &sent.commit).await;
            if follows.map_err(failure::git)? {
                return Ok(Err(sent.clone().into()));
            }
        }
        let made = self.commit_on(&head, write).await?;
        Ok(Ok(made.map(|commit| (base, head, commit))))
    }
}

/// Says how one goes on that has given up waiting for the others.
fn alone(end: GaveUp, write: &Write<'_>, sent: Option<&Sent>) -> Result<Option<Try>, NotLanded> {
    match end {
        GaveUp::Stopped(reason) if sent.is_none() => Err(stopped(reason, write).into()),
        // Whether what was sent is there is still to be seen.
        GaveUp::Stopped(_) | GaveUp::TimeUp => Ok(None),
    }
}
