//! Runs the way back: traffic first, then the other values, then wait until the old version is live
//! and healthy.

use chrono::{DateTime, Utc};

use super::{
    Outside,
    healthy::{self, Health},
    look_round::{Around, another_on_branch},
};
use crate::{
    event::{CommitRecord, Ending, Event, Failure, Reporter, StepState},
    git::CommitId,
    ops::{
        journal::{BACK, State},
        land::{BACK_PATIENCE, Direction, FORWARD_PATIENCE, Landed, Write},
        live::{self, Presence, Waited},
        nudge,
        stop::{Stop, StopReason},
        writer::{Entry, NotLanded, Writer},
    },
    rollout::{Arm, BackPart, BackStep, BackWrite, taken_back},
    units::Weight,
};

/// How a way back ended.
#[derive(Debug)]
pub enum BackEnd {
    /// The old values are on the branch and the old version is live. Says what is to be known besides:
    /// what is wrong with it still where that was so before the run began, what else had to be done.
    Restored(Vec<String>),
    /// The old values are on the branch and the old version is live, but it is not healthy. Nothing
    /// is left to take back. Says what is wrong.
    Unhealthy(String),
    /// Someone else's values are on the branch; left alone. Says which.
    Superseded(String),
    /// Every value is back, but someone else has put another version where the old one was. Says which.
    Another(String),
    /// Someone else runs this now, or has ended it; left to them. Says who.
    Fenced(String),
    /// A second wish to stop came; the journal says how to go on.
    Left(StopReason),
    /// It did not work. Says why.
    Failed(Failure),
}

/// One commit of a way back, or of a run that is finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackCommit {
    /// Its id.
    pub commit: CommitId,
    /// First line of its message.
    pub subject: String,
    /// When it was on the branch.
    pub at: DateTime<Utc>,
    /// Does it send users elsewhere, and change nothing besides?
    pub is_traffic: bool,
}

/// How far a way back has come, whatever its end is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// What was pushed, oldest first.
    pub commits: Vec<BackCommit>,
    /// The canary's weight that the branch has by now; none = as it was found.
    pub weight: Option<Weight>,
    /// Are users off the new version, as far as the branch says who gets it?
    pub is_traffic_back: bool,
    /// Is every value on the branch what it was?
    pub is_all_back: bool,
    /// The last commit that it wrote, or found with the values that it wanted.
    pub on_branch: Option<CommitId>,
}

impl Track {
    /// Says what is back already where the way back did not come to its end; `previous` is the version that
    /// ran before.
    pub fn standing(&self, previous: &str) -> Option<String> {
        if self.is_all_back {
            Some(format!(
                "every value is back on the branch, {previous} was not seen live and well yet"
            ))
        } else if self.is_traffic_back {
            Some("the traffic is back on the branch, version and replicas are not".to_owned())
        } else {
            None
        }
    }

    /// As [`Self::standing`], of a way back that was broken off between its commits.
    pub fn standing_at_stop(&self, previous: &str) -> String {
        let standing = self.standing(previous);
        standing.unwrap_or_else(|| "nothing is back yet".to_owned())
    }
}

/// Runs the way back, and writes the last record of the run when it is done.
pub async fn go_back(
    writer: &mut Writer<'_>,
    steps: &[BackStep],
    why: &str,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
    track: &mut Track,
) -> BackEnd {
    reporter.event(&Event::WayBack {
        at: writer.clock.now(),
        reason: why.to_owned(),
    });
    let total = steps.len();
    let mut on_branch = writer.target.tip.clone();
    let mut health = Health::Well;
    let mut remarks = Vec::new();
    let mut around = Around::default();
    let written = |step: &BackStep| matches!(step, BackStep::Write(_));
    let first_look = steps.iter().position(|step| !written(step));
    for (index, step) in steps.iter().enumerate() {
        if first_look == Some(index) {
            around = Around::look(writer, steps, &on_branch, outside, reporter).await;
        }
        reporter.event(&Event::StepStarted {
            at: writer.clock.now(),
            index: index + 1,
            total,
            name: step.name(),
            weight: None,
        });
        if let (Some((convoy, _)), false) = (writer.convoy, matches!(step, BackStep::Write(_))) {
            // The others need not wait for what this one waits for.
            convoy.leave(&writer.identity.service);
        }
        let ended = match step {
            BackStep::Write(BackWrite { part, weight, .. }) => {
                let changes = &taken_back(&steps[..=index]);
                let what = match part {
                    BackPart::Weight | BackPart::Empty | BackPart::Switch => "traffic back",
                    BackPart::Values => "values back",
                    BackPart::Share => "share of the canary back",
                    BackPart::Revive(_) => "pods for the way back",
                };
                let write = Write {
                    stands: &[],
                    serves: None,
                    changes,
                    direction: Direction::Back,
                    state: State::RollingBack,
                    step: format!("back {}/{total}", index + 1),
                    subject: format!(
                        "{} {}: {what} to {} ({})",
                        writer.identity.service,
                        writer.identity.version,
                        writer.identity.previous_version,
                        writer.identity.environment
                    ),
                    weight: None,
                    reason: Some(why),
                    hold: writer.target.service.way_back_deadline(),
                    patience: BACK_PATIENCE,
                };
                let pushed = track.commits.len();
                let written = write_back(writer, &write, outside, stop, reporter, track).await;
                let pushed = track.commits.get_mut(pushed);
                match (part, pushed) {
                    (part, Some(commit)) if part.takes_users_off() => commit.is_traffic = true,
                    (BackPart::Revive(workload), Some(_)) => remarks.push(format!(
                        "{workload} had no pods in git by then and got them back before anyone was sent there"
                    )),
                    _ => {}
                }
                written.map(|(detail, commit)| {
                    track.on_branch = Some(commit.clone());
                    on_branch = commit;
                    track.weight = weight.or(track.weight);
                    track.is_traffic_back |= part.takes_users_off() || weight.is_some();
                    let rest = &steps[index + 1..];
                    track.is_all_back = !rest.iter().any(|step| matches!(step, BackStep::Write(_)));
                    detail
                })
            }
            BackStep::WaitLive(_)
            | BackStep::WaitGone(_)
            | BackStep::WaitBefore(..)
            | BackStep::WaitServing(_)
            | BackStep::WaitIdle(_) => {
                let waited = wait(writer, step, &on_branch, outside, stop, reporter).await;
                waited.map_err(|end| around.tell(end))
            }
            BackStep::KeepOff(weight, known_bad) => {
                let why = match known_bad {
                    None => format!("they were of {} already", writer.identity.version),
                    Some(version) => format!("{version} failed here before"),
                };
                remarks.push(format!(
                    "the canary stays without the {weight} that it had before: {why}"
                ));
                Ok(String::new())
            }
            BackStep::Healthy(roles) => {
                health = healthy::wait(writer, roles, outside, stop, reporter).await;
                match &health {
                    Health::Stopped(reason) => Err(BackEnd::Left(*reason)),
                    Health::Ill(what) => Err(BackEnd::Unhealthy(what.clone())),
                    Health::Well => Ok(String::new()),
                    Health::AsBefore(what) => Ok(what.clone()),
                }
            }
        };
        let (state, detail) = match &ended {
            Ok(detail) => (StepState::Passed, detail.clone()),
            Err(end) => (StepState::Failed, end.sentence()),
        };
        reporter.event(&Event::StepFinished {
            at: writer.clock.now(),
            index: index + 1,
            state,
            detail,
        });
        match ended {
            Ok(_) => {}
            // It is the last step, and all values are back: whoever comes next must not be stopped.
            Err(BackEnd::Unhealthy(_)) => break,
            Err(end) => {
                if let BackEnd::Left(reason @ (StopReason::Interrupt | StopReason::Terminate)) = end
                {
                    let step = format!("back {}/{total}", index + 1);
                    writer.let_go(&step, reason.sentence(), stop).await;
                }
                return end;
            }
        }
    }
    if let Some(reason) = around.another {
        close_superseded(writer, &reason, stop, reporter).await;
        return BackEnd::Another(reason);
    }
    let (reason, end) = match health {
        Health::Ill(what) => {
            remarks.insert(0, what);
            let what = remarks.join("; ");
            (format!("{why}; {what}"), BackEnd::Unhealthy(what))
        }
        Health::AsBefore(what) => {
            remarks.insert(0, what);
            (why.to_owned(), BackEnd::Restored(remarks))
        }
        Health::Well | Health::Stopped(_) => (why.to_owned(), BackEnd::Restored(remarks)),
    };
    let entry = Entry {
        reason: Some(&reason),
        ..Entry::new(State::RolledBack, BACK, FORWARD_PATIENCE)
    };
    match writer.record(&entry, stop).await {
        Ok(()) => end,
        Err(NotLanded::Superseded(reason)) => BackEnd::Superseded(reason),
        Err(NotLanded::Fenced(reason)) => BackEnd::Fenced(reason),
        // The branch is restored and the old version is live; only the journal does not say so.
        Err(NotLanded::Failed(failure)) => {
            reporter.event(&Event::Warning(format!(
                "the way back is done, but its record is not: {failure}"
            )));
            end
        }
    }
}

impl BackEnd {
    /// Tells a wish to stop from what did not work.
    pub fn of(failure: Failure, stop: &Stop) -> Self {
        match (failure.0.ending, stop.requested()) {
            (Ending::CancelledLeft, Some(reason)) => Self::Left(reason),
            _ => Self::Failed(failure),
        }
    }

    /// Returns what happened, for people; empty when all is well.
    pub fn sentence(&self) -> String {
        match self {
            Self::Restored(_) => String::new(),
            Self::Superseded(reason)
            | Self::Another(reason)
            | Self::Fenced(reason)
            | Self::Unhealthy(reason) => reason.clone(),
            Self::Left(reason) => reason.sentence().to_owned(),
            Self::Failed(failure) => failure.to_string(),
        }
    }
}

/// Adds to a sentence what is to be known besides.
pub fn with_remarks(sentence: String, remarks: Vec<String>) -> String {
    let mut all = vec![sentence];
    all.extend(remarks);
    all.join("; ")
}

impl From<&BackCommit> for CommitRecord {
    fn from(commit: &BackCommit) -> Self {
        Self {
            sha: commit.commit.to_string(),
            subject: commit.subject.clone(),
        }
    }
}

async fn write_back(
    writer: &mut Writer<'_>,
    write: &Write<'_>,
    outside: &Outside<'_>,
    stop: &Stop,
    reporter: &mut dyn Reporter,
    track: &mut Track,
) -> Result<(String, CommitId), BackEnd> {
    match writer.land(write, stop, reporter).await {
        Ok(Landed::Pushed { commit, .. }) => {
            let detail = format!("commit {}", commit.short());
            track.commits.push(BackCommit {
                commit: commit.clone(),
                subject: write.subject.clone(),
                at: outside.clock.now(),
                is_traffic: false,
            });
            nudge::after_push(writer.target, outside, stop, reporter).await;
            Ok((detail, commit))
        }
        Ok(Landed::AlreadyThere { tip }) => Ok(("already so".to_owned(), tip)),
        Err(NotLanded::Superseded(reason)) => {
            close_superseded(writer, &reason, stop, reporter).await;
            Err(BackEnd::Superseded(reason))
        }
        Err(NotLanded::Fenced(reason)) => Err(BackEnd::Fenced(reason)),
        Err(NotLanded::Failed(failure)) => Err(BackEnd::of(failure, stop)),
    }
}

/// What someone else has set stays, today and tomorrow: the run is over, so that it stops nobody.
async fn close_superseded(
    writer: &mut Writer<'_>,
    reason: &str,
    stop: &Stop,
    reporter: &mut dyn Reporter,
) {
    let entry = Entry {
        reason: Some(reason),
        ..Entry::new(State::Superseded, BACK, FORWARD_PATIENCE)
    };
    if let Err(NotLanded::Failed(failure)) = writer.record(&entry, stop).await {
        reporter.event(&Event::Warning(format!(
            "the journal could not be closed: {failure}"
        )));
    }
}

async fn wait(
    writer: &mut Writer<'_>,
    step: &BackStep,
    commit: &CommitId,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Result<String, BackEnd> {
    let (workload, arm, version, presence) = match step {
        BackStep::WaitLive(workload) | BackStep::WaitServing(workload) => {
            let previous = writer.identity.previous_version.as_str();
            (workload, Arm::Stable, previous, Presence::Running)
        }
        BackStep::WaitGone(workload) | BackStep::WaitIdle(workload) => {
            let version = writer.identity.version.as_str();
            (workload, Arm::Canary, version, Presence::Gone)
        }
        BackStep::WaitBefore(workload, version) => {
            (workload, Arm::Canary, version.as_str(), Presence::Running)
        }
        BackStep::Write(_) | BackStep::KeepOff(..) | BackStep::Healthy(_) => {
            return Ok(String::new());
        }
    };
    if presence == Presence::Running
        && let Some(reason) = another_on_branch(writer, workload, version, commit, outside).await
    {
        close_superseded(writer, &reason, stop, reporter).await;
        return Err(BackEnd::Another(reason));
    }
    let service = &writer.target.service;
    let live = match (service.live(workload), presence) {
        (Some(live), _) => live,
        // The configuration has no canary any more that could be asked.
        (None, Presence::Gone) => return Ok(String::new()),
        (None, Presence::Running) => {
            let failure = live::not_named(workload);
            return Err(BackEnd::Failed(failure));
        }
    };
    let wanted = live::Wanted {
        target: writer.target,
        live,
        arm: service.word(workload).unwrap_or(arm.word()),
        version,
        commit,
        presence,
        limit: service.way_back_deadline(),
        fails_fast: false,
    };
    match live::wait(&wanted, outside, stop, reporter).await {
        Waited::Live => Ok(String::new()),
        Waited::TimeUp(reason) | Waited::Failed(reason) => Err(BackEnd::Failed(Failure::new(
            Ending::RollbackFailed,
            reason,
        ))),
        Waited::Stopped(reason) => Err(BackEnd::Left(reason)),
    }
}
