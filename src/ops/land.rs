//! Gets a change onto the branch: apply it to the newest commit, announce it, push it, and try again
//! when someone else was faster or the git server does not answer.

use std::{collections::BTreeSet, time::Duration};

use super::{
    convoy::Part,
    failure,
    journal::{RunIdentity, State},
    load::{self, Target},
    patience::{Exhausted, Patience},
    pull_request, standing,
    stop::{Stop, StopReason},
    writer::{Entry, NotLanded, Writer},
};
use crate::{
    event::{Ending, Event, Failure, Reporter},
    git::{self, CommitId, PushOutcome, Repository, Turn},
    manifest::{Change, Manifests, ObjectRef, RestoreProblem, reapply, restore},
    units::{Weight, format_duration},
};

/// How long a lost race, or a git server that does not answer, is tried again on the way forward.
pub const FORWARD_PATIENCE: Duration = Duration::from_secs(120);
/// The same on the way back, where giving up leaves a bad version with its users.
pub const BACK_PATIENCE: Duration = Duration::from_secs(600);
/// How long a writer holds the journal after its last sign of life, beyond the step's own length.
pub const JOURNAL_SLACK: Duration = Duration::from_secs(900);

/// Which way values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the old text to the new.
    Forward,
    /// From the new text back to the old.
    Back,
}

/// One commit to be.
#[derive(Debug, Clone)]
pub struct Write<'a> {
    /// The values.
    pub changes: &'a [Change],
    /// Which way they go.
    pub direction: Direction,
    /// On the way forward, what the run has written before: where somebody else has changed that, it goes
    /// no further.
    pub stands: &'a [Change],
    /// The workload that has users once this is pushed, which it must not have without pods.
    pub serves: Option<&'a ObjectRef>,
    /// How the run stands once it is pushed.
    pub state: State,
    /// `2/9`, or `back 1/2`.
    pub step: String,
    /// First line of the commit message.
    pub subject: String,
    /// The canary's weight afterwards.
    pub weight: Option<Weight>,
    /// Why, for the way back.
    pub reason: Option<&'a str>,
    /// How long the step that follows takes, so that the journal is not held too short.
    pub hold: Duration,
    /// How long it is tried.
    pub patience: Duration,
}

impl Write<'_> {
    /// Reads what it is made on; none where its files are not there any more.
    ///
    /// # Errors
    /// As [`load::manifests_if_any`]; on a way back as [`load::way_back_if_any`].
    pub(super) async fn manifests(
        &self,
        repository: &Repository,
        tip: &CommitId,
        target: &Target,
    ) -> Result<Option<Manifests>, Failure> {
        if self.state != State::RollingBack {
            return load::manifests_if_any(repository, tip, target).await;
        }
        let read = load::way_back_if_any(repository, tip, target, self.changes).await?;
        Ok(read.map(|read| read.manifests))
    }

    /// Returns the whole commit message; `changes` are the values with their places on the commit
    /// that it builds on.
    pub(super) fn message(&self, identity: &RunIdentity, changes: &[Change]) -> String {
        let part = self.part(identity, changes);
        git::message(&self.subject, &part.body, &part.trailers)
    }

    /// Returns what the message is made of, for a commit that is shared with other runs.
    fn part(&self, identity: &RunIdentity, changes: &[Change]) -> Part {
        let mut trailers = identity.trailers(self.state, &self.step, self.weight);
        if let Some(reason) = self.reason {
            trailers.push("Reason", reason);
        }
        let body = changes
            .iter()
            .map(|change| {
                format!(
                    "{}:{}: {} {} -> {}",
                    change.path,
                    change.line,
                    change.target(),
                    change.before(),
                    change.after()
                )
            })
            .collect::<Vec<_>>()
            .join("\n");
        let RunIdentity {
            service,
            version,
            previous_version,
            ..
        } = identity;
        Part {
            what: match self.direction {
                Direction::Forward => format!("{service} {version}"),
                Direction::Back => format!("{service} back to {previous_version}"),
            },
            body,
            trailers,
        }
    }
}

/// A commit that is on the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// By us.
    Pushed {
        /// Its id.
        commit: CommitId,
        /// Its parent.
        parent: CommitId,
    },
    /// The values were right already; nothing was pushed.
    AlreadyThere {
        /// The branch's head.
        tip: CommitId,
    },
}

/// What one try came to.
pub(super) enum Try {
    Landed(Landed),
    /// What it was made for is no more; nothing was sent.
    Lost,
    /// Someone else was faster, as far as the branch's tip tells.
    Overtaken(Sent),
    /// The git server did not answer, or not just now; nothing was pushed.
    Unanswered(Failure),
    /// The git server did not answer after it was sent this.
    InDoubt(Sent, Failure),
}

/// A commit that was sent, and its parent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) commit: CommitId,
    pub(super) parent: CommitId,
    /// Was the branch seen without it at its tip, and nothing says that the server took it? Then it is
    /// there only if something on the way sent it twice, or the server came to it late.
    pub(super) was_overtaken: bool,
}

impl From<Sent> for Landed {
    fn from(Sent { commit, parent, .. }: Sent) -> Self {
        Self::Pushed { commit, parent }
    }
}

impl Writer<'_> {
    /// Gets a change onto the branch.
    ///
    /// `stop` is looked at before each push; once a push has begun its outcome is always read.
    ///
    /// # Errors
    /// See [`NotLanded`]. [`Ending::CancelledLeft`] when asked to stop before anything was pushed;
    /// [`Ending::PushUnknown`] when it is not known whether the commit is on the branch.
    pub async fn land(
        &mut self,
        write: &Write<'_>,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Landed, NotLanded> {
        let before = self.journal_tip.clone();
        let landed = if self.proposes(write.direction) {
            Box::pin(pull_request::land(self, write, stop, reporter)).await?
        } else {
            self.push_until_landed(write, stop, reporter).await?
        };
        // Much of a way back is there already, and nobody has announced it.
        let is_announced = write.direction == Direction::Forward || self.journal_tip != before;
        if is_announced && matches!(landed, Landed::AlreadyThere { .. }) {
            self.found_there.push(write.step.clone());
        }
        Ok(landed)
    }

    async fn push_until_landed(
        &mut self,
        write: &Write<'_>,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Landed, NotLanded> {
        let mut stop = stop.clone();
        let mut patience = Patience::new(self.clock, write.patience);
        let mut retries = 0;
        let mut in_doubt: Option<(Sent, Failure)> = None;
        loop {
            let sent = in_doubt.as_ref().map(|(sent, _)| sent);
            let tried = self.attempt(write, sent, &mut stop, reporter).await;
            let tried = match (tried, &in_doubt) {
                // Whatever keeps us from looking now, credentials that have ended above all: what was
                // sent may be on the branch, and that is what has to be told.
                (Err(NotLanded::Failed(end)), Some((sent, failure))) if !sent.was_overtaken => {
                    let hint = format!("whether it is there cannot be seen any more: {end}");
                    return Err(failure.clone().hint(hint).into());
                }
                (tried, _) => tried?,
            };
            let trouble = match tried {
                Try::Landed(landed) => {
                    self.tell(&landed, write, retries, reporter);
                    return Ok(landed);
                }
                // The branch was read and has moved on without the commit that was in doubt.
                Try::Lost => {
                    in_doubt = None;
                    retries += 1;
                    self.conflict(retries, write)
                }
                Try::Overtaken(sent) => {
                    retries += 1;
                    let failure = self.conflict(retries, write);
                    in_doubt = Some((sent, failure.clone()));
                    failure
                }
                Try::Unanswered(failure) => failure,
                Try::InDoubt(sent, failure) => {
                    in_doubt = Some((sent, failure.clone()));
                    failure
                }
            };
            let others = self
                .pushes
                .filter(|_| write.direction == Direction::Forward);
            let others = others.and_then(|pushes| pushes.on(&self.target.branch).rests_until());
            let end = match patience.pause_with(others, self.clock, &mut stop).await {
                Ok(()) => continue,
                Err(end) => end,
            };
            if let Some((sent, _)) = in_doubt.take_if(|(sent, _)| sent.was_overtaken)
                && self.is_there_all_the_same(&sent).await
            {
                let landed = sent.into();
                self.tell(&landed, write, retries, reporter);
                return Ok(landed);
            }
            return Err(match (in_doubt, end) {
                (Some((_, failure)), _) => failure,
                (None, Exhausted::TimeUp) => trouble,
                (None, Exhausted::Stopped(reason)) => stopped(reason, write),
            }
            .into());
        }
    }

    fn tell(&self, landed: &Landed, write: &Write<'_>, retries: u32, reporter: &mut dyn Reporter) {
        if let Landed::Pushed { commit, .. } = landed {
            reporter.event(&Event::Pushed {
                at: self.clock.now(),
                commit: commit.to_string(),
                subject: write.subject.clone(),
                branch: self.target.branch.clone(),
                retries,
            });
        }
    }

    /// Looks whether a commit is on the branch that was overtaken.
    async fn is_there_all_the_same(&self, sent: &Sent) -> bool {
        let Ok(tip) = self.repository.fetch(&self.target.branch).await else {
            return false;
        };
        let follows = self.repository.follows(&tip, &sent.commit).await;
        follows.unwrap_or(false)
    }

    /// Makes the commit on the newest one of the branch; or says what this try came to already.
    /// `sent` is what may be on the branch.
    pub(super) async fn make(
        &self,
        write: &Write<'_>,
        sent: Option<&Sent>,
        stop: &mut Stop,
    ) -> Result<Result<(CommitId, CommitId), Try>, NotLanded> {
        let branch = &self.target.branch;
        // Whoever has just asked for leave to push saw the branch by that. Where there is nothing to
        // push nothing would compare, so then the branch is looked at again.
        if sent.is_none() && !self.announced {
            let seen = stop.or(self.repository.branch_for_push(branch)).await;
            let seen = seen.map_err(|reason| stopped(reason, write))?;
            let tip = match unanswered(seen.map_err(failure::git))? {
                Ok(tip) => tip,
                Err(failure) => return Ok(Err(Try::Unanswered(failure))),
            };
            if let Some(commit) = self.commit_on(&tip, write).await? {
                return Ok(Ok((tip, commit)));
            }
        }
        let fetched = match stop.or(self.repository.fetch(branch)).await {
            Ok(fetched) => fetched.map_err(failure::git),
            // Only a push has an outcome that must be read.
            Err(_) if sent.is_some() => self.repository.fetch(branch).await.map_err(failure::git),
            Err(reason) => return Err(stopped(reason, write).into()),
        };
        let tip = match unanswered(fetched)? {
            Ok(tip) => tip,
            Err(failure) => return Ok(Err(Try::Unanswered(failure))),
        };
        if let Some(sent) = sent {
            let contains = if sent.was_overtaken {
                self.repository.follows(&tip, &sent.commit).await
            } else {
                self.repository.contains(&tip, &sent.commit).await
            };
            match unanswered(contains.map_err(failure::git))? {
                Ok(true) => return Ok(Err(Try::Landed(sent.clone().into()))),
                Ok(false) => {}
                Err(failure) => return Ok(Err(Try::Unanswered(failure))),
            }
        }
        Ok(match self.commit_on(&tip, write).await? {
            Some(commit) => Ok((tip, commit)),
            None => Err(Try::Landed(Landed::AlreadyThere { tip })),
        })
    }

    /// Tries once. `sent` is what may be on the branch already.
    async fn attempt(
        &mut self,
        write: &Write<'_>,
        sent: Option<&Sent>,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Try, NotLanded> {
        if let Some((convoy, direction)) = self.convoy
            && write.direction == direction
            && self.is_with_others()
        {
            let pushed = self.together(convoy, (write, sent), stop, reporter);
            return Box::pin(pushed).await;
        }
        if let Some(pushes) = self.pushes
            && write.direction == Direction::Forward
        {
            let pushed = self.in_group(pushes, (write, sent), stop, reporter);
            if let Some(tried) = Box::pin(pushed).await? {
                return Ok(tried);
            }
        }
        let turn = self.turn(write, sent, stop).await?;
        let (tip, commit) = match self.make(write, sent, stop).await? {
            Ok(made) => made,
            Err(end) => return Ok(end),
        };
        if let Some(reason) = stop.requested() {
            return Err(stopped(reason, write).into());
        }
        self.announce(write, &commit, stop, reporter).await?;
        let (tip, commit) = match self.after_announcing(tip, commit, write, reporter).await? {
            Ok(Some(made)) => made,
            Ok(None) => return Ok(Try::Lost),
            Err(failure) => return Ok(Try::Unanswered(failure)),
        };
        // The announcement may have taken its time.
        if let Some(reason) = stop.requested() {
            return Err(stopped(reason, write).into());
        }
        let branch = &self.target.branch;
        let outcome = self.repository.push_for_retry(branch, &tip, &commit).await;
        drop(turn);
        let sent = Sent {
            commit,
            parent: tip,
            was_overtaken: false,
        };
        match unanswered(outcome.map_err(failure::git))? {
            Ok(outcome) => self.settle(outcome, sent),
            Err(failure) => Ok(Try::Unanswered(failure)),
        }
    }

    /// Waits until nobody else of this process is about to push.
    pub(super) async fn turn(
        &self,
        write: &Write<'_>,
        sent: Option<&Sent>,
        stop: &mut Stop,
    ) -> Result<Turn, NotLanded> {
        match stop.or(self.repository.turn()).await {
            Ok(turn) => Ok(turn),
            Err(reason) if sent.is_none() => Err(stopped(reason, write).into()),
            // Whether it is on the branch is to be found out, whoever waits.
            Err(_) => Ok(self.repository.turn().await),
        }
    }

    /// Says what a push came to.
    pub(super) fn settle(&self, outcome: PushOutcome, sent: Sent) -> Result<Try, NotLanded> {
        let branch = &self.target.branch;
        match outcome {
            PushOutcome::Pushed => Ok(Try::Landed(sent.into())),
            // Nobody was faster: the server has not taken it.
            PushOutcome::NotTaken { reason } => {
                let text = format!(
                    "the git server did not take the push to `{branch}`, which is as it was: {reason}"
                );
                Ok(Try::Unanswered(Failure::new(Ending::Unavailable, text).hint(
                    "look at the git server and what is in front of it (limits of size and rate), then run the same command again",
                )))
            }
            PushOutcome::Lost { .. } => Ok(Try::Lost),
            PushOutcome::Overtaken { .. } => Ok(Try::Overtaken(Sent {
                was_overtaken: true,
                ..sent
            })),
            PushOutcome::Locked { reason } => {
                let text = format!("the git server cannot write branch `{branch}`: {reason}");
                let failure = Failure::new(Ending::PushConflict, text).hint(
                    "somebody else is just writing it, or a crashed git left its lock on the server: look there if it stays",
                );
                Ok(Try::Unanswered(failure))
            }
            PushOutcome::Denied { reason } => Err(Failure::new(
                Ending::PushDenied,
                format!("the git server refused the push to `{branch}`: {reason}"),
            )
            .hint("check the token's rights and the protection of the branch")
            .into()),
            PushOutcome::Unknown { reason } => {
                let text = format!(
                    "whether commit {} is on `{branch}` could not be read back: {reason}",
                    sent.commit.short()
                );
                let failure = Failure::new(Ending::PushUnknown, text).hint(format!(
                    "run `{}` when the git server answers",
                    self.target.command("recover")
                ));
                Ok(Try::InDoubt(sent, failure))
            }
        }
    }

    fn conflict(&self, retries: u32, write: &Write<'_>) -> Failure {
        let races = if retries == 1 { "race" } else { "races" };
        Failure::new(
            Ending::PushConflict,
            format!(
                "other writers won {retries} {races} for branch `{}` in {}",
                self.target.branch,
                format_duration(write.patience)
            ),
        )
    }

    /// Makes the commit on top of `tip`; none when every value is right already.
    pub(super) async fn commit_on(
        &self,
        tip: &CommitId,
        write: &Write<'_>,
    ) -> Result<Option<CommitId>, NotLanded> {
        let made = self.part_on(tip, write).await?;
        Ok(made.map(|(commit, _)| commit))
    }

    /// As [`Self::commit_on`], with what it adds to a commit that is shared with other runs.
    pub(super) async fn part_on(
        &self,
        tip: &CommitId,
        write: &Write<'_>,
    ) -> Result<Option<(CommitId, Part)>, NotLanded> {
        let found = write.manifests(self.repository, tip, self.target).await?;
        let Some(manifests) = found else {
            // The run has read them, so somebody has moved or deleted them since.
            let files: BTreeSet<&str> = write.changes.iter().map(|it| it.path.as_str()).collect();
            let files: Vec<&str> = files.into_iter().collect();
            return Err(NotLanded::Superseded(format!(
                "{}: moved or deleted by someone else, {}",
                files.join(", "),
                load::none_matches(self.target, tip)
            )));
        };
        standing::check(&manifests, write)?;
        let set = match write.direction {
            Direction::Forward => reapply(&manifests, write.changes),
            Direction::Back => restore(&manifests, write.changes),
        };
        let set = set.map_err(|problem| match problem {
            RestoreProblem::Superseded {
                change,
                found,
                line,
            } => {
                let place = line.map_or_else(
                    || change.path.clone(),
                    |line| format!("{}:{line}", change.path),
                );
                NotLanded::Superseded(format!(
                    "{place}: {} of {} is {} now, not {}; someone else changed it",
                    change.target(),
                    change.object,
                    found.map_or_else(|| "gone".to_owned(), |value| format!("`{value}`")),
                    ours(write.changes, &change),
                ))
            }
            RestoreProblem::Refused(refusals) => NotLanded::Failed(failure::refusals(refusals)),
        })?;
        if set.is_empty() {
            return Ok(None);
        }
        let applied = set
            .apply(&manifests)
            .map_err(|refusal| NotLanded::Failed(failure::refusals(vec![refusal])))?;
        let written = (write, &set.changes[..]);
        standing::check_result(self.target, &manifests, written, &applied.files)?;
        let message = write.message(&self.identity, &set.changes);
        let commit = self
            .repository
            .commit(tip, applied.files, &message, self.clock.now())
            .await
            .map_err(failure::git)?;
        Ok(Some((commit, write.part(&self.identity, &set.changes))))
    }

    /// Says in the journal what is about to be pushed, for each try: whoever reads the journal later
    /// tells by it our commits from forged ones. A way back goes on without the journal when that
    /// cannot be written: that nobody else may write meanwhile is worth less than users who are off a
    /// bad version, and values of others are left alone either way.
    pub(super) async fn announce(
        &mut self,
        write: &Write<'_>,
        intended: &CommitId,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<(), NotLanded> {
        let entry = Entry {
            weight: write.weight,
            reason: write.reason,
            intended: Some(intended),
            hold: Some(write.hold + JOURNAL_SLACK),
            ..Entry::new(
                write.state,
                &write.step,
                FORWARD_PATIENCE.min(write.patience),
            )
        };
        match (self.record(&entry, stop).await, write.direction) {
            (Err(NotLanded::Failed(failure)), Direction::Back) => {
                reporter.event(&Event::Warning(format!(
                    "the way back goes on without its record: {failure}"
                )));
                Ok(())
            }
            (recorded, _) => recorded,
        }
    }
}

impl Writer<'_> {
    /// A journal on the branch has just moved the branch: the commit is made again on top of its
    /// record. None where nothing is left to change there or somebody has taken over, both of which
    /// the next try finds out.
    async fn after_announcing(
        &self,
        tip: CommitId,
        commit: CommitId,
        write: &Write<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<Result<Option<(CommitId, CommitId)>, Failure>, NotLanded> {
        if !self.records_on_branch().await? {
            return Ok(Ok(Some((tip, commit))));
        }
        let RunIdentity {
            environment,
            service,
            ..
        } = &self.identity;
        let warning = self.repository.journal_warning(environment, service).await;
        if let Some(warning) = warning.map_err(failure::git)? {
            reporter.event(&Event::Warning(warning));
        }
        let fetched = self.repository.fetch(&self.target.branch).await;
        let tip = match unanswered(fetched.map_err(failure::git))? {
            Ok(tip) => tip,
            Err(failure) => return Ok(Err(failure)),
        };
        // Asked after the fetch: whoever has taken over since our record is then seen.
        let journal = self.repository.journal(environment, service).await;
        match unanswered(journal.map_err(failure::git))? {
            Ok(journal) if journal.tip == self.journal_tip => {}
            Ok(_) => return Ok(Ok(None)),
            Err(failure) => return Ok(Err(failure)),
        }
        let made = self.commit_on(&tip, write).await?;
        Ok(Ok(made.map(|commit| (tip, commit))))
    }
}

impl Writer<'_> {
    /// Are the run's records commits on the branch?
    pub(super) async fn records_on_branch(&self) -> Result<bool, Failure> {
        let RunIdentity {
            environment,
            service,
            ..
        } = &self.identity;
        let on_branch = self.repository.journal_is_on_branch(environment, service);
        on_branch.await.map_err(failure::git)
    }
}

/// Names every text that a value has before, during and after a run: `0`, `10` or `50`.
fn ours(changes: &[Change], place: &Change) -> String {
    let mut texts: Vec<String> = Vec::new();
    for change in changes.iter().filter(|change| change.same_place(place)) {
        for text in [change.before(), change.after()] {
            let text = format!("`{text}`");
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    match texts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "a text of ours".to_owned(),
    }
}

/// Sets a git server that does not answer apart from everything that is worth no other try.
pub(super) fn unanswered<T>(result: Result<T, Failure>) -> Result<Result<T, Failure>, Failure> {
    match result {
        Err(failure) if failure.0.ending == Ending::Unavailable => Ok(Err(failure)),
        Err(failure) => Err(failure),
        Ok(done) => Ok(Ok(done)),
    }
}

/// Asked to stop before anything of a change was on the branch.
pub(super) fn stopped(reason: StopReason, write: &Write<'_>) -> Failure {
    Failure::new(
        Ending::CancelledLeft,
        format!(
            "{} before `{}` was pushed",
            reason.sentence(),
            write.subject
        ),
    )
}
