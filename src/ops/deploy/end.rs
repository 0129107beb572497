//! The end of a deployment: every way in which its steps can end becomes a state that the exit code
//! names.

use super::{
    OnCancel,
    back::{BackEnd, Track},
    forward,
    held::{place, take_it_back},
    read_journal,
    run::{Run, StepEnd},
    verdicts::{KEEP_IT, live_and_worse},
};
use crate::{
    event::{Ending, Event, Failure, Outcome},
    ops::{
        acceptance::Awaiting,
        cause::Cause,
        journal::State,
        land::FORWARD_PATIENCE,
        live::{Presence, Waited},
        load, standing,
        stop::StopReason,
        stopped_before_change,
        writer::{Entry, FAREWELL, NotLanded},
    },
    rollout::{Action, Arm, CLEANUP, takes_pods_away},
};

impl Run<'_> {
    pub(super) async fn end(&mut self, end: StepEnd) -> Outcome {
        let identity = self.writer.identity.clone();
        let what = format!(
            "{} {} in {}",
            identity.service, identity.version, identity.environment
        );
        match end {
            StepEnd::Done(_) | StepEnd::Skipped(_) | StepEnd::Told(_) => self.verified(&what).await,
            StepEnd::Superseded(reason) => self.superseded(&what, &reason).await,
            StepEnd::Fenced(reason) => self.fenced(reason).await,
            StepEnd::Hold(reason) if self.landed.is_some() || self.waits_for_approval() => {
                self.hold(&what, &reason).await
            }
            StepEnd::Hold(reason) => self.untouched(Ending::InsufficientData, reason).await,
            StepEnd::Bad(reason) | StepEnd::Unwanted(reason) if self.landed.is_none() => {
                self.untouched(Ending::Unhealthy, reason).await
            }
            StepEnd::Bad(reason) => self.failed(&what, &reason).await,
            StepEnd::Unwanted(reason) => self.back(&what, &reason, Cause::Verification).await,
            StepEnd::Closed(reason) if self.landed.is_none() => {
                self.untouched(Ending::BlockedWindow, reason).await
            }
            StepEnd::Closed(reason) => self.closed(&what, &reason).await,
            StepEnd::Drilled => self.drilled(&what).await,
            StepEnd::Stopped(reason) => self.stopped(&what, reason).await,
            StepEnd::Broken(failure) => self.broken(&what, failure).await,
        }
    }

    /// An approval is remembered by the record of the hold, whether anything was to be written before
    /// it or not.
    fn waits_for_approval(&self) -> bool {
        let step = self.plan.steps.get(self.at);
        step.is_some_and(|step| matches!(step.action, Action::Approval))
    }

    /// The deployment is done once its record says so: without it the next deployment would be
    /// stopped, and whoever recovers would take a good version back.
    async fn verified(&mut self, what: &str) -> Outcome {
        if let Some(reason) = self.changed_meanwhile().await {
            return self.superseded(what, &reason).await;
        }
        let worse = self.writer.identity.judged_worse.clone();
        let state = match worse {
            None => State::Verified,
            Some(_) => State::Alerted,
        };
        let entry = Entry {
            weight: self.deployment.weight,
            reason: worse.as_deref(),
            ..Entry::new(state, "done", FORWARD_PATIENCE)
        };
        match self.writer.record(&entry, &self.stop).await {
            Ok(()) => {
                state.word().clone_into(&mut self.deployment.state);
                self.settle().await;
                if let Some(why) = worse {
                    let identity = &self.writer.identity;
                    let keep = Awaiting::of(identity, self.target);
                    let keep = keep.next_steps(KEEP_IT, &self.approvers, true);
                    return live_and_worse(what, self.target, &why, keep);
                }
                Outcome::new(Ending::Deployed, format!("{what} is live and verified"))
            }
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                self.fenced(reason).await
            }
            Err(NotLanded::Failed(failure)) => {
                let mut outcome = Outcome::new(
                    Ending::Held,
                    format!("{what} is live and verified, but its record is missing: {failure}"),
                );
                outcome
                    .hints
                    .push("run the same deploy again: it writes the record".to_owned());
                outcome.hints.extend(failure.0.hints);
                outcome
            }
        }
    }

    /// Says which of the run's values somebody else has changed while it was watched last: what was judged
    /// good is then not what is there. Where a write came last, that has looked. A branch that cannot be read
    /// keeps nobody: its record will find out whether the server answers.
    async fn changed_meanwhile(&self) -> Option<String> {
        let was_watched = match self.plan.steps.last()?.action {
            Action::Watch { duration, .. } | Action::Preview { duration } => !duration.is_zero(),
            Action::Follow { .. } => true,
            Action::Write { .. } | Action::WaitLive { .. } | Action::Approval => false,
        };
        if !was_watched {
            return None;
        }
        self.changed_on_branch().await
    }

    /// Says which of the values that are on the branch by this run somebody else has changed since.
    pub(super) async fn changed_on_branch(&self) -> Option<String> {
        let landed = self.landed?;
        let tip = self.outside.repository.fetch(&self.target.branch).await;
        let manifests = load::manifests(self.outside.repository, &tip.ok()?, self.target).await;
        let written = self.replay.until(landed);
        standing::changed(&manifests.ok()?, &written, &[]).ok()?
    }

    /// Waits until the controller has put the canary away as well. The version is judged and its
    /// record written by now, so that it takes long is worth a warning and no other ending.
    async fn settle(&mut self) {
        let put_away = self.plan.steps.iter().any(|step| match &step.action {
            Action::Write { edits, .. } => edits.iter().any(takes_pods_away),
            Action::WaitLive { .. }
            | Action::Preview { .. }
            | Action::Follow { .. }
            | Action::Watch { .. }
            | Action::Approval => false,
        });
        if !put_away || self.plan.strategy == CLEANUP {
            return;
        }
        match self.wait(Arm::Canary, Presence::Gone).await {
            Waited::Live | Waited::Stopped(_) => {}
            Waited::TimeUp(reason) | Waited::Failed(reason) => self.reporter.event(
                &Event::Warning(format!("the canary is not put away yet: {reason}")),
            ),
        }
    }

    /// It closed for what is under way: held where it is, or taken back, as the policy says.
    async fn closed(&mut self, what: &str, reason: &str) -> Outcome {
        let aborts = self.closing.as_ref().is_some_and(|closing| closing.aborts);
        let (mut outcome, expected) = if aborts {
            let mut outcome = self.back(what, reason, Cause::Closed).await;
            if outcome.ending == Ending::RolledBack {
                outcome.hints.push(
                    "nothing was found wrong with the version: run the same deploy again when it is open"
                        .to_owned(),
                );
            }
            (outcome, Ending::RolledBack)
        } else {
            (self.hold(what, reason).await, Ending::Held)
        };
        if outcome.ending == expected {
            "window-closed".clone_into(&mut outcome.reason_code);
        }
        outcome
    }

    pub(super) async fn hold(&mut self, what: &str, reason: &str) -> Outcome {
        State::Held.word().clone_into(&mut self.deployment.state);
        let weight = self.deployment.weight;
        let step = forward::number(&self.plan, self.at);
        let entry = Entry {
            weight,
            reason: Some(reason),
            ..Entry::new(State::Held, &step, FORWARD_PATIENCE)
        };
        match self.writer.record(&entry, &self.stop).await {
            Ok(()) => {}
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                return self.fenced(reason).await;
            }
            Err(NotLanded::Failed(failure)) => {
                self.reporter.event(&Event::Warning(format!(
                    "the journal does not say that the run is held, so `shipgate recover` would take it back: {failure}"
                )));
            }
        }
        let at = place(&self.plan, self.at, weight);
        let mut outcome = Outcome::new(Ending::Held, format!("{what} is held{at}: {reason}"));
        let identity = &self.writer.identity;
        outcome.hints = if self.waits_for_approval() {
            Awaiting::of(identity, self.target).next_steps("to go on", &self.approvers, false)
        } else if identity.drill {
            vec![format!(
                "to go on: {}",
                Awaiting::of(identity, self.target).command()
            )]
        } else {
            vec!["to go on: run the same deploy again".to_owned()]
        };
        outcome.hints.push(take_it_back(self.target));
        outcome
    }

    /// What is on the branch is someone else's, the weight above all.
    pub(super) fn left_alone(&mut self, reason: String) -> Outcome {
        self.deployment.weight = None;
        State::Superseded
            .word()
            .clone_into(&mut self.deployment.state);
        Outcome::new(Ending::Superseded, reason)
    }

    /// Someone else runs this now; nothing more is written, not even into the journal.
    pub(super) fn taken_over(&mut self, reason: String) -> Outcome {
        let mut outcome = self.left_alone(reason);
        if self.landed.is_some() {
            outcome.hints.push(format!(
                "whoever took over goes on with what is on the branch; when in doubt run `{}`",
                self.target.command("recover")
            ));
        }
        outcome
    }

    /// The journal is not as this run left it. Where it is gone altogether nobody goes on with the run, so what
    /// is left of it is told with the command that takes it away.
    pub(super) async fn fenced(&mut self, reason: String) -> Outcome {
        let read = read_journal(self.outside.repository, self.target).await;
        let is_gone = matches!(read, Ok((None, _)));
        if self.landed.is_none() || !is_gone {
            return self.taken_over(reason);
        }
        let mut outcome = self.left_alone(reason);
        self.tell_remains(&mut outcome, &Track::default()).await;
        outcome
    }

    /// Someone else's value is where ours should go. Theirs stays; ours would stay unwatched, so
    /// what can be taken back is.
    async fn superseded(&mut self, what: &str, reason: &str) -> Outcome {
        if self.landed.is_none() {
            self.withdraw(reason).await;
            return self.left_alone(reason.to_owned());
        }
        if self.tidies() {
            self.close(State::Superseded, reason).await;
            let mut outcome = self.left_alone(reason.to_owned());
            outcome.hints.push(format!(
                "{what} is live and was judged good; what is not put away after it stays so: look at it"
            ));
            return outcome;
        }
        let (end, track) = self.go_back(self.landed, reason, Cause::Superseded).await;
        let mut outcome = self.left_alone(reason.to_owned());
        if matches!(end, BackEnd::Restored(_) | BackEnd::Another(_)) {
            self.deployment.weight = track.weight;
        }
        let is_left = matches!(end, BackEnd::Superseded(_) | BackEnd::Another(_));
        outcome.hints.push(match end {
            BackEnd::Restored(_) => format!("what {what} had written elsewhere was taken back"),
            BackEnd::Unhealthy(also) | BackEnd::Another(also) => {
                format!("what {what} had written elsewhere was taken back; {also}")
            }
            end => format!(
                "what {what} had written is left as it is: {}",
                end.sentence()
            ),
        });
        if is_left {
            self.tell_remains(&mut outcome, &track).await;
        }
        outcome
    }

    async fn stopped(&mut self, what: &str, reason: StopReason) -> Outcome {
        if self.landed.is_none() {
            let mut outcome = Outcome::from(stopped_before_change(reason));
            if reason != StopReason::StarterGone {
                self.withdraw(reason.sentence()).await;
                outcome.hints.extend(self.left_open().map(|page| {
                    format!("{page} stays open: once it is merged, run the same deploy again")
                }));
            } else if self.writer.announced {
                // Nothing is written any more, not even that.
                outcome.hints.push(format!(
                    "the journal says that this run began: run `{}`, or the same deploy again",
                    self.target.command("recover")
                ));
            }
            return outcome;
        }
        self.stop.answer();
        match (reason, self.on_cancel) {
            _ if self.tidies() => self.left_untidy(what, reason).await,
            (StopReason::StarterGone | StopReason::TakenOver, _) | (_, OnCancel::Hold) => {
                if reason != StopReason::StarterGone
                    && let Err(taken_over) = self.leave(reason.sentence()).await
                {
                    return taken_over;
                }
                let mut outcome = Outcome::new(
                    Ending::CancelledLeft,
                    format!("{what}: {}; left as it is", reason.sentence()),
                );
                outcome.hints.push(format!(
                    "run `{}`: it takes back what is half done",
                    self.target.command("recover")
                ));
                outcome
            }
            (StopReason::Interrupt | StopReason::Terminate, OnCancel::Rollback) => {
                self.back(what, reason.sentence(), Cause::Cancelled).await
            }
        }
    }

    /// Everyone has the new version by then, and it was judged in full: whoever stops the run does not
    /// take that back, and nothing more is pushed either.
    async fn left_untidy(&mut self, what: &str, reason: StopReason) -> Outcome {
        if reason != StopReason::StarterGone
            && let Err(taken_over) = self.leave(reason.sentence()).await
        {
            return taken_over;
        }
        Outcome::new(
            Ending::CancelledLeft,
            format!(
                "{what} is live for everyone, but is not tidied up: {}",
                reason.sentence()
            ),
        )
        .with_hint(format!(
            "run the same deploy again, or `{}`: it does what is left",
            self.target.command("recover")
        ))
    }

    /// Says in the journal that nobody is at it any more: without a time until which it is held
    /// nobody waits for that, and nobody but a person takes it back.
    async fn leave(&mut self, reason: &str) -> Result<(), Outcome> {
        // That it has come to tidying up tells whoever recovers that it is good.
        let at = if self.tidies() {
            self.at
        } else {
            self.landed.unwrap_or_default()
        };
        let step = forward::number(&self.plan, at);
        let entry = Entry {
            weight: self.deployment.weight,
            reason: Some(reason),
            ..Entry::new(forward::state(&self.plan, at), &step, FAREWELL)
        };
        match self.writer.record(&entry, &self.stop).await {
            Ok(()) => {}
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                return Err(self.taken_over(reason));
            }
            Err(NotLanded::Failed(failure)) => self.reporter.event(&Event::Warning(format!(
                "the journal does not say that this run has ended, so others take it for under way: {failure}"
            ))),
        }
        Ok(())
    }

    async fn broken(&mut self, what: &str, failure: Failure) -> Outcome {
        if failure.0.ending == Ending::PushUnknown {
            return failure.into();
        }
        if self.landed.is_none() {
            self.withdraw(&failure.to_string()).await;
            return failure.into();
        }
        if self.tidies() {
            if let Err(taken_over) = self.leave(&failure.to_string()).await {
                return taken_over;
            }
            let text =
                format!("{what} is live and was judged good, but is not tidied up: {failure}");
            let mut outcome = Outcome::new(Ending::Held, text);
            outcome
                .hints
                .push("run the same deploy again: it does what is left".to_owned());
            outcome.hints.extend(failure.0.hints);
            return outcome;
        }
        let reason = failure.to_string();
        let mut outcome = self.back(what, &reason, Cause::Trouble).await;
        if outcome.ending == Ending::RolledBack {
            outcome.hints.push(
                "nothing was found wrong with the version: once what broke is mended, run the same deploy again"
                    .to_owned(),
            );
        }
        for hint in failure.0.hints {
            if !outcome.hints.contains(&hint) {
                outcome.hints.push(hint);
            }
        }
        outcome
    }

    async fn untouched(&mut self, ending: Ending, reason: String) -> Outcome {
        self.withdraw(&reason).await;
        Outcome::new(ending, reason)
    }

    /// Nothing of this run is on the branch: say so in the journal, so that it stops nobody.
    async fn withdraw(&mut self, reason: &str) {
        let left_open = self.left_open().is_some();
        if left_open {
            State::Held.word().clone_into(&mut self.deployment.state);
        }
        match (self.writer.announced, left_open) {
            (false, _) => {}
            (true, true) => self.close(State::Held, reason).await,
            (true, false) => self.close(State::Withdrawn, reason).await,
        }
    }

    /// Returns the page of a pull request that waits to be merged still.
    fn left_open(&self) -> Option<&str> {
        self.writer.proposals.as_ref()?.left_open.as_deref()
    }

    async fn close(&mut self, state: State, reason: &str) {
        let entry = Entry {
            reason: Some(reason),
            ..Entry::new(state, "none", FORWARD_PATIENCE)
        };
        if let Err(NotLanded::Failed(failure)) = self.writer.record(&entry, &self.stop).await {
            self.reporter.event(&Event::Warning(format!(
                "the journal could not be closed: {failure}"
            )));
        }
    }
}
