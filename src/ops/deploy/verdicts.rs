//! What a run does with a bad verdict: the three stages of trust, and the turn of a drill.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    forward,
    held::take_it_back,
    run::{Run, StepEnd},
};
use crate::{
    config::OnFailure,
    event::{Ending, Event, Outcome},
    ops::{
        cause::Cause,
        land::{FORWARD_PATIENCE, JOURNAL_SLACK},
        load::Target,
        writer::{Entry, NotLanded},
    },
};

/// The reason code of what was judged worse and is left all the same.
const JUDGED_WORSE: &str = "judged-worse";

/// What a person does who lets such a version stay.
pub const KEEP_IT: &str = "to keep it";

impl Run<'_> {
    /// What the service wants done with a version that was judged worse. A drill shows the way back,
    /// so it goes back.
    fn on_failure(&self) -> OnFailure {
        if self.writer.identity.drill {
            OnFailure::Rollback
        } else {
            self.writer.target.service.on_failure
        }
    }

    /// Ends a watch that said worse. Where that is only to be told, the step takes its time until
    /// `ends` all the same: a bad verdict makes nothing faster.
    pub(super) async fn judged_worse(&mut self, reason: String, ends: DateTime<Utc>) -> StepEnd {
        if self.on_failure() != OnFailure::Alert {
            return StepEnd::Bad(reason);
        }
        self.reporter.event(&Event::Warning(format!(
            "judged worse, and `on_failure: alert` only tells it: {reason}"
        )));
        let told = self
            .writer
            .identity
            .judged_worse
            .get_or_insert_with(|| reason.clone());
        let told = told.clone();
        let landed = self.landed.unwrap_or_default();
        let step = forward::number(&self.plan, landed);
        let entry = Entry {
            weight: self.deployment.weight,
            reason: Some(&told),
            hold: Some(self.rest_of_step(landed) + JOURNAL_SLACK),
            ..Entry::new(forward::state(&self.plan, landed), &step, FORWARD_PATIENCE)
        };
        match self.writer.record(&entry, &self.stop).await {
            Ok(()) => {}
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                return StepEnd::Fenced(reason);
            }
            Err(NotLanded::Failed(failure)) => self.reporter.event(&Event::Warning(format!(
                "the journal does not say yet that it was judged worse: {failure}"
            ))),
        }
        let rest = (ends - self.outside.clock.now())
            .to_std()
            .unwrap_or_default();
        let rest = rest.min(self.time_left());
        if let Err(reason) = self.stop.sleep(&*self.outside.clock, rest).await {
            return StepEnd::Stopped(reason);
        }
        if self.outside.clock.now() < ends && self.time_left().is_zero() {
            return self.time_is_up();
        }
        StepEnd::Told(reason)
    }

    /// Ends a run whose version is bad, or does not come up in time.
    pub(super) async fn failed(&mut self, what: &str, reason: &str) -> Outcome {
        if self.on_failure() == OnFailure::Rollback {
            return self.back(what, reason, Cause::Verification).await;
        }
        let word = self.on_failure().word();
        let why = format!("`on_failure: {word}` does not take it back: {reason}");
        let mut outcome = self.hold(what, &why).await;
        if outcome.ending == Ending::Held {
            JUDGED_WORSE.clone_into(&mut outcome.reason_code);
            if let Some(first) = outcome.hints.first_mut() {
                "to have this step judged once more, and to go on where it is good: run the same deploy again"
                    .clone_into(first);
            }
        }
        outcome
    }

    /// Ends a drill: goes back as if the version had been judged worse, and says how long that took.
    pub(super) async fn drilled(&mut self, what: &str) -> Outcome {
        let why = "a drill: taken back as if it had been judged worse";
        let mut outcome = self.back(what, why, Cause::Drill).await;
        if outcome.ending != Ending::TakenBack {
            return outcome;
        }
        let times = self.deployment.way_back.unwrap_or_default();
        let live = seconds(times.live.unwrap_or_default());
        let pushed = match (times.traffic, times.pushed) {
            (_, None) => "nothing had to be pushed".to_owned(),
            (None, Some(pushed)) => {
                format!("{} from the verdict to the pushed commit", seconds(pushed))
            }
            (Some(traffic), Some(pushed)) => format!(
                "{} from the verdict to the pushed commit that takes the traffic back, {} to the one with the rest",
                seconds(traffic),
                seconds(pushed)
            ),
        };
        let previous = &self.writer.identity.previous_version;
        outcome.reason = format!(
            "{what}: the drill was taken back as it should be: {pushed}, {live} until {previous} was live again"
        );
        outcome
    }
}

/// Makes the outcome of a version that everyone has and that was judged worse; `keep` says how it may
/// stay.
pub fn live_and_worse(what: &str, target: &Target, why: &str, keep: Vec<String>) -> Outcome {
    let text = format!(
        "{what} is live for everyone and was judged worse, which `on_failure: alert` only tells: {why}"
    );
    let mut outcome = Outcome::new(Ending::Held, text).with_hint(take_it_back(target));
    outcome.hints.extend(keep);
    JUDGED_WORSE.clone_into(&mut outcome.reason_code);
    outcome
}

fn seconds(length: Duration) -> String {
    format!("{:.1} s", length.as_secs_f64())
}
