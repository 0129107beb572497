//! Brings everything into place that a merge needs: the commit, our branch, the pull request.

use std::time::Duration;

use chrono::TimeDelta;

use super::{
    body, ends,
    land::{Case, Open, Settled},
    own_branch::{Head, OwnCommits},
    retract::Retracted,
};
use crate::{
    event::{Ending, Event, Failure},
    forge::{Opened, Proposal, PullRequest, State, Trouble},
    git::CommitId,
    manifest::{reapply, restore},
    ops::{
        failure,
        land::{Direction, FORWARD_PATIENCE, Landed, Write},
        patience::{Exhausted, Patience},
        writer::NotLanded,
    },
};

/// Time between two tries of a forge that does not answer: it is asked to do something, so not often.
const FORGE_PAUSE: Duration = Duration::from_secs(5);

/// How long a forge is left alone that did not answer.
struct Pause {
    length: Duration,
    /// It asked for that, and gets it as long as we would wait for it at all.
    is_asked_for: bool,
}

/// Why it does not go on.
enum Hindrance {
    NotLanded(NotLanded),
    Trouble(Trouble),
}

impl From<NotLanded> for Hindrance {
    fn from(reason: NotLanded) -> Self {
        Self::NotLanded(reason)
    }
}

impl From<Failure> for Hindrance {
    fn from(failure: Failure) -> Self {
        Self::NotLanded(failure.into())
    }
}

impl From<Trouble> for Hindrance {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Case<'_, '_> {
    /// Tries until everything is in place or nothing more is worth a try.
    pub(super) async fn bring_into_place(&mut self, outdated: bool) -> Result<Settled, NotLanded> {
        let limit = FORWARD_PATIENCE.min(self.write.patience);
        let mut patience = Patience::new(self.writer.clock, limit);
        let longest = TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX);
        let last = self.writer.clock.now() + longest;
        loop {
            let (failure, pause) = match self.settle(outdated).await {
                Ok(Settled::Again) => {
                    let text = format!("`{}` moved again and again", self.branch);
                    (Failure::new(Ending::PushConflict, text), None)
                }
                Ok(settled) => return Ok(settled),
                Err(Hindrance::NotLanded(NotLanded::Failed(failure)))
                    if failure.0.ending == Ending::Unavailable =>
                {
                    (failure, None)
                }
                Err(Hindrance::NotLanded(reason)) => return Err(reason),
                Err(Hindrance::Trouble(trouble)) => match trouble {
                    Trouble::Unavailable { wait, .. } => {
                        let pause = Pause {
                            length: wait.unwrap_or(FORGE_PAUSE),
                            is_asked_for: wait.is_some(),
                        };
                        (ends::failure(trouble), Some(pause))
                    }
                    trouble => return Err(ends::failure(trouble).into()),
                },
            };
            if let Some(pause) = pause {
                let now = self.writer.clock.now();
                let step = TimeDelta::from_std(pause.length).unwrap_or(TimeDelta::MAX);
                let last = if pause.is_asked_for { self.until } else { last };
                if now.checked_add_signed(step).is_none_or(|then| then >= last) {
                    return Err(failure.into());
                }
                let slept = self.stop.sleep(self.writer.clock, pause.length).await;
                slept.map_err(|reason| self.stopped(reason))?;
                continue;
            }
            if let Err(end) = patience.pause(self.writer.clock, &mut self.stop).await {
                return Err(match end {
                    Exhausted::TimeUp => failure.into(),
                    Exhausted::Stopped(reason) => self.stopped(reason),
                });
            }
        }
    }

    /// Reads everything, and does what is missing: the commit, the branch, the pull request.
    async fn settle(&mut self, outdated: bool) -> Result<Settled, Hindrance> {
        if let Some(reason) = self.stop.requested() {
            return Err(self.stopped(reason).into());
        }
        let target = self.writer.target.branch.clone();
        let repository = self.writer.repository;
        let tip = repository.fetch(&target).await.map_err(failure::git)?;
        let found = match self.number {
            Some(number) => Some(self.forge.look(number).await?),
            None => self.forge.find(&self.branch, &target).await?,
        };
        if let Some(found) = &found {
            self.number = Some(found.number);
            match &found.state {
                State::Merged { commit } => {
                    return Ok(Settled::Landed(self.merged(commit).await?));
                }
                State::Closed => return Err(self.told(&found.page).closed().into()),
                State::Open(_) => {}
            }
        }
        let Some(wanted) = self.writer.commit_on(&tip, self.write).await? else {
            return Ok(Settled::Landed(self.not_needed(tip).await?));
        };
        let page = found.as_ref().map(|found| found.page.clone());
        let mut head = self.writer.own_head(&self.branch, &self.own).await?;
        if matches!(head, Head::Foreign(_)) {
            // Somebody else may go on with this very run by now.
            self.own.extend(OwnCommits::read(self.writer).await?);
            head = self.writer.own_head(&self.branch, &self.own).await?;
        }
        let (head, made_on) = match head {
            Head::Foreign(commit) => {
                let failure = self
                    .told(page.as_deref().unwrap_or_default())
                    .changed(&self.branch, commit.short());
                let place = page.unwrap_or_else(|| format!("the branch `{}`", self.branch));
                self.leave_open(&place);
                return Err(failure.into());
            }
            Head::Ours(commit) if !outdated && self.holds(&commit).await => {
                if !self.writer.announced {
                    self.announce(&commit).await?;
                }
                let parent = self.parent_of(&commit).await;
                (commit, parent)
            }
            Head::Ours(commit) => {
                if !self.put(Some(&commit), &wanted).await? {
                    return Ok(Settled::Again);
                }
                (wanted, Some(tip.clone()))
            }
            Head::None => {
                if !self.put(None, &wanted).await? {
                    return Ok(Settled::Again);
                }
                (wanted, Some(tip.clone()))
            }
        };
        let pull_request = match found {
            Some(found) => found,
            None => match self.open(&tip, &target).await? {
                Some(opened) => opened,
                None => return Ok(Settled::Again),
            },
        };
        Ok(Settled::Open(Box::new(Open {
            pull_request,
            head,
            made_on,
            tip,
        })))
    }

    /// Puts a commit onto our branch: announced first, so that whoever goes on knows it as ours.
    async fn put(
        &mut self,
        expected: Option<&CommitId>,
        commit: &CommitId,
    ) -> Result<bool, Hindrance> {
        self.announce(commit).await?;
        if let Some(reason) = self.stop.requested() {
            return Err(self.stopped(reason).into());
        }
        self.own.push(commit.clone());
        self.since = self.writer.clock.now();
        Ok(self.writer.move_own(&self.branch, expected, commit).await?)
    }

    async fn announce(&mut self, commit: &CommitId) -> Result<(), NotLanded> {
        let announced = Write {
            stands: &[],
            serves: None,
            hold: self.write.hold + self.write.patience,
            ..self.write.clone()
        };
        self.writer
            .announce(&announced, commit, &self.stop, self.reporter)
            .await
    }

    /// Does a commit of ours have all the values? The configuration may have changed since.
    async fn holds(&self, commit: &CommitId) -> bool {
        matches!(self.writer.commit_on(commit, self.write).await, Ok(None))
    }

    async fn parent_of(&self, commit: &CommitId) -> Option<CommitId> {
        let log = self.writer.repository.log(commit, 1).await.ok()?;
        log.first()?.parents.first().cloned()
    }

    async fn open(
        &mut self,
        tip: &CommitId,
        target: &str,
    ) -> Result<Option<PullRequest>, Hindrance> {
        let Some(proposals) = &self.writer.proposals else {
            return Ok(None);
        };
        let writer = &*self.writer;
        let manifests = self
            .write
            .manifests(writer.repository, tip, writer.target)
            .await?;
        let diff = manifests.and_then(|manifests| {
            let set = match self.write.direction {
                Direction::Forward => reapply(&manifests, self.write.changes),
                Direction::Back => restore(&manifests, self.write.changes),
            };
            set.ok().map(|set| set.diff(&manifests))
        });
        let diff = diff.unwrap_or_default();
        let body = body::body(&self.writer.identity, self.write, proposals, &diff);
        let proposal = Proposal {
            branch: &self.branch,
            target,
            title: &body::title(self.write),
            body: &body,
            labels: &proposals.settings.labels,
            reviewers: &proposals.settings.reviewers,
        };
        let Opened::Done {
            pull_request,
            complaints,
        } = self.forge.open(proposal).await?
        else {
            return Ok(None);
        };
        self.number = Some(pull_request.number);
        let (noun, page) = (self.forge.noun(), &pull_request.page);
        self.reporter.event(&match self.write.direction {
            Direction::Forward => Event::Note(format!("opened the {noun} {page}")),
            Direction::Back => Event::Warning(format!(
                "the way back waits for somebody to merge the {noun} {page}"
            )),
        });
        for complaint in complaints {
            self.reporter
                .event(&Event::Warning(format!("{page}: {complaint}")));
        }
        Ok(Some(pull_request))
    }

    /// The branch has the values already; whatever would bring them is not needed any more.
    async fn not_needed(&mut self, tip: CommitId) -> Result<Landed, Hindrance> {
        let why = "the branch has these values already";
        let retracted = self
            .writer
            .retract_branch(&*self.forge, &self.branch, &self.own, why, self.reporter)
            .await?;
        if let Retracted::Merged(commit) = retracted {
            return Ok(self.merged(&commit).await?);
        }
        self.tidy_up().await;
        Ok(Landed::AlreadyThere { tip })
    }
}
