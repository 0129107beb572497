//! Gets a change onto the branch: apply it to the newest commit, announce it, push it, and try again
//! when someone else was faster.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::{
    failure,
    journal::{RunIdentity, State, instant},
    load::{self, Target},
    stop::Stop,
};
use crate::{
    clock::Clock,
    event::{Ending, Event, Failure, Reporter},
    git::{self, CommitId, JournalOutcome, PushOutcome, Repository},
    manifest::{Change, RestoreProblem, reapply, restore},
    units::Weight,
};

/// How long a lost race is tried again.
const RACE_LIMIT: Duration = Duration::from_secs(120);
/// How long a writer holds the journal after its last sign of life, beyond the step's own length.
const JOURNAL_SLACK: Duration = Duration::from_secs(900);

/// Which way values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the old text to the new.
    Forward,
    /// From the new text back to the old.
    Back,
}

/// One commit to be.
#[derive(Debug)]
pub struct Write<'a> {
    /// The values.
    pub changes: &'a [Change],
    /// Which way they go.
    pub direction: Direction,
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

/// Why a change is not on the branch.
#[derive(Debug)]
pub enum NotLanded {
    /// Someone else changed the same value to a third one, or took the run over.
    Superseded(String),
    /// Anything else; the failure says with which exit code.
    Failed(Failure),
}

impl From<Failure> for NotLanded {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The writer of one run: holds the journal and knows its tip.
pub struct Writer<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// What is deployed where.
    pub target: &'a Target,
    /// What stays the same in all commits of the run.
    pub identity: RunIdentity,
    /// Where the time comes from.
    pub clock: &'a dyn Clock,
    /// The newest journal record that we know.
    pub journal_tip: Option<CommitId>,
    /// Has this writer written a record?
    pub announced: bool,
}

/// Asks for leave to push.
fn unless_stopped(stop: &Stop, write: &Write<'_>) -> Result<(), Failure> {
    match stop.requested() {
        None => Ok(()),
        Some(reason) => Err(Failure::new(
            Ending::CancelledLeft,
            format!(
                "{} before `{}` was pushed",
                reason.sentence(),
                write.subject
            ),
        )),
    }
}

impl Writer<'_> {
    /// Gets a change onto the branch.
    ///
    /// `stop` is looked at before each push; once a push has begun its outcome is always read.
    ///
    /// # Errors
    /// See [`NotLanded`].
    pub async fn land(
        &mut self,
        write: &Write<'_>,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Landed, NotLanded> {
        let deadline = self.clock.now() + RACE_LIMIT;
        let mut pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(20))
            .with_max_delay(Duration::from_secs(1))
            .without_max_times()
            .build();
        let mut retries = 0;
        loop {
            let branch = &self.target.branch;
            let tip = self.repository.fetch(branch).await.map_err(failure::git)?;
            let Some(commit) = self.commit_on(&tip, write).await? else {
                return Ok(Landed::AlreadyThere { tip });
            };
            unless_stopped(stop, write)?;
            self.announce(write, Some(&commit)).await?;
            // The announcement took a while.
            unless_stopped(stop, write)?;
            let outcome = self
                .repository
                .push(branch, &tip, &commit)
                .await
                .map_err(failure::git)?;
            match outcome {
                PushOutcome::Pushed => {
                    reporter.event(&Event::Pushed {
                        at: self.clock.now(),
                        commit: commit.to_string(),
                        subject: write.subject.clone(),
                        branch: branch.clone(),
                        retries,
                    });
                    return Ok(Landed::Pushed {
                        commit,
                        parent: tip,
                    });
                }
                PushOutcome::Lost { .. } if self.clock.now() < deadline => {
                    retries += 1;
                    let pause = pauses.next().unwrap_or(Duration::from_secs(1));
                    self.clock.sleep(pause).await;
                }
                PushOutcome::Lost { .. } => {
                    return Err(Failure::new(
                        Ending::PushConflict,
                        format!(
                            "other writers won {retries} races for branch `{branch}` in {}",
                            crate::units::format_duration(RACE_LIMIT)
                        ),
                    )
                    .into());
                }
                PushOutcome::Denied { reason } => {
                    return Err(Failure::new(
                        Ending::PushDenied,
                        format!("the git server refused the push to `{branch}`: {reason}"),
                    )
                    .hint("check the token's rights and the protection of the branch")
                    .into());
                }
                PushOutcome::Unknown { reason } => {
                    return Err(Failure::new(
                        Ending::PushUnknown,
                        format!(
                            "whether commit {} is on `{branch}` could not be read back: {reason}",
                            commit.short()
                        ),
                    )
                    .hint("run `shipgate recover` when the git server answers")
                    .into());
                }
            }
        }
    }

    /// Makes the commit on top of `tip`; none when every value is right already.
    async fn commit_on(
        &self,
        tip: &CommitId,
        write: &Write<'_>,
    ) -> Result<Option<CommitId>, NotLanded> {
        let manifests = load::manifests(self.repository, tip, self.target).await?;
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
                    "{place}: {} of {} is {} now, expected `{}` or `{}`; someone else changed it",
                    change.target(),
                    change.object,
                    found.map_or_else(|| "gone".to_owned(), |value| format!("`{value}`")),
                    change.old,
                    change.new,
                ))
            }
            RestoreProblem::Refused(refusals) => NotLanded::Failed(failure::refusals(refusals)),
        })?;
        if set.is_empty() {
            return Ok(None);
        }
        let files = set
            .apply(&manifests)
            .map_err(|refusal| NotLanded::Failed(failure::refusals(vec![refusal])))?;
        let mut trailers = self
            .identity
            .trailers(write.state, &write.step, write.weight);
        if let Some(reason) = write.reason {
            trailers.push("Reason", reason);
        }
        let body = set
            .changes
            .iter()
            .map(|change| {
                format!(
                    "{}:{}: {} {} -> {}",
                    change.path,
                    change.line,
                    change.target(),
                    change.old,
                    change.new
                )
            })
            .collect::<Vec<_>>()
            .join("\n");
        let message = git::message(&write.subject, &body, &trailers);
        let commit = self
            .repository
            .commit(tip, files, &message, self.clock.now())
            .await
            .map_err(failure::git)?;
        Ok(Some(commit))
    }

    async fn announce(
        &mut self,
        write: &Write<'_>,
        intended: Option<&CommitId>,
    ) -> Result<(), NotLanded> {
        let hold = write.hold + JOURNAL_SLACK;
        self.record(
            write.state,
            &write.step,
            write.weight,
            write.reason,
            intended,
            Some(hold),
        )
        .await
    }

    /// Writes a record into the journal, by compare-and-set.
    ///
    /// # Errors
    /// Someone else wrote a record meanwhile: this run is fenced out.
    pub async fn record(
        &mut self,
        state: State,
        step: &str,
        weight: Option<Weight>,
        reason: Option<&str>,
        intended: Option<&CommitId>,
        hold: Option<Duration>,
    ) -> Result<(), NotLanded> {
        let mut trailers = self.identity.trailers(state, step, weight);
        if let Some(intended) = intended {
            trailers.push("Intended", intended.as_str());
        }
        if let Some(hold) = hold {
            trailers.push("Expires", instant(self.clock.now() + hold));
        }
        if let Some(reason) = reason {
            trailers.push("Reason", reason);
        }
        let RunIdentity {
            service,
            environment,
            version,
            ..
        } = &self.identity;
        let subject = format!("{service} {version} in {environment}: {}", state.word());
        let message = git::message(&subject, "", &trailers);
        let outcome = self
            .repository
            .append_journal(
                environment,
                service,
                self.journal_tip.as_ref(),
                &message,
                self.clock.now(),
            )
            .await
            .map_err(failure::git)?;
        match outcome {
            JournalOutcome::Appended(id) => {
                self.journal_tip = Some(id);
                self.announced = true;
                Ok(())
            }
            JournalOutcome::Lost { .. } => Err(NotLanded::Superseded(format!(
                "another run of {service} in {environment} took over the journal"
            ))),
            JournalOutcome::Refused { reason } => Err(Failure::new(
                Ending::PushDenied,
                format!("the git server refused the journal `refs/shipgate/{environment}/{service}`: {reason}"),
            )
            .hint("allow the token to push references under refs/shipgate/")
            .into()),
            JournalOutcome::Unknown { reason } => Err(Failure::new(
                Ending::Unavailable,
                format!("the journal could not be written: {reason}"),
            )
            .into()),
        }
    }
}
