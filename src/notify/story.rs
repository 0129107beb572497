//! Makes notices of what a run reports: each at its moment, and every begun run has an end.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::notice::{About, Notice, Step, short};
use crate::{
    config::notification::NotificationEvent,
    event::{Ending, Event, Outcome, StepState},
    units::format_duration,
};

/// What is known of a run so far.
#[derive(Debug)]
pub(super) struct Story {
    about: About,
    title: String,
    plan: Option<(usize, Duration)>,
    step: Option<Step>,
    has_started: bool,
}

impl Story {
    /// Begins with nothing told.
    pub(super) fn new(about: About) -> Self {
        Self {
            about,
            title: String::new(),
            plan: None,
            step: None,
            has_started: false,
        }
    }

    /// Takes an event and returns what is to be told of it.
    pub(super) fn event(&mut self, event: &Event) -> Vec<Notice> {
        match event {
            Event::Started { title, .. } => {
                self.title = short(title);
                Vec::new()
            }
            Event::Plan { steps, length, .. } => {
                self.plan = Some((steps.len(), *length));
                Vec::new()
            }
            Event::OverrideUsed(used) => vec![Notice::of_override(used)],
            Event::StepStarted {
                at,
                index,
                total,
                name,
                weight,
            } => {
                self.step = Some(Step {
                    index: *index,
                    total: *total,
                    name: short(name),
                    weight: weight.map(|weight| weight.to_string()),
                    state: StepState::Running,
                });
                self.start(*at)
            }
            Event::StepFinished {
                at,
                index,
                state,
                detail,
            } => self.step_finished(*at, *index, *state, detail),
            Event::Pushed { at, .. } => self.start(*at),
            Event::WayBack { at, reason } => {
                let back = Notice {
                    reason: short(reason),
                    step: self.step.clone(),
                    ..Notice::new(NotificationEvent::Step, *at, &self.about, "Taking it back")
                };
                let mut notices = self.start(*at);
                notices.push(back);
                notices
            }
            // Each of several services has a story of its own.
            Event::Of { .. }
            | Event::Gate(_)
            | Event::Changes { .. }
            | Event::Waiting { .. }
            | Event::Measured { .. }
            | Event::Warning(_)
            | Event::Note(_) => Vec::new(),
        }
    }

    /// Takes the end and returns what is to be told of it. Of a run that has not begun to change
    /// anything only a refusal is told: nobody waits for the end of a look.
    pub(super) fn end(&self, outcome: &Outcome, now: DateTime<Utc>) -> Option<Notice> {
        let event = event_of(outcome.ending);
        let is_told = match event {
            NotificationEvent::Failed => {
                let is_cancelled =
                    matches!(outcome.ending, Ending::Interrupted | Ending::Terminated);
                self.has_started || !is_cancelled
            }
            NotificationEvent::Done => {
                let has_done = matches!(outcome.ending, Ending::Deployed | Ending::TakenBack);
                self.has_started || has_done
            }
            _ => true,
        };
        is_told.then(|| {
            let deployed = outcome.deployment.as_ref();
            let version = deployed.and_then(|run| Some(run.version.as_ref()?.to_string()));
            let about = About {
                version: self.about.version.clone().or(version),
                ..self.about.clone()
            };
            Notice::of_end(event, now, &about, outcome)
        })
    }

    /// Tells once that something is being changed from now on. What the gate has only looked at is
    /// none of it.
    fn start(&mut self, at: DateTime<Utc>) -> Vec<Notice> {
        if std::mem::replace(&mut self.has_started, true) {
            return Vec::new();
        }
        let plan = self.plan.map(|(steps, length)| {
            let length = format_duration(length);
            format!("; {steps} steps, about {length}")
        });
        vec![Notice {
            reason: format!("{}{}", self.title, plan.unwrap_or_default()),
            ..Notice::new(NotificationEvent::Started, at, &self.about, "Started")
        }]
    }

    fn step_finished(
        &mut self,
        at: DateTime<Utc>,
        index: usize,
        state: StepState,
        detail: &str,
    ) -> Vec<Notice> {
        let Some(step) = self.step.as_mut().filter(|step| step.index == index) else {
            return Vec::new();
        };
        step.state = state;
        let of = match step.total {
            0 => String::new(),
            total => format!(" of {total}"),
        };
        let headline = format!("Step {index}{of} {}", state.word());
        vec![Notice {
            reason: match detail {
                "" => step.name.clone(),
                detail => short(&format!("{}: {detail}", step.name)),
            },
            step: Some(step.clone()),
            ..Notice::new(NotificationEvent::Step, at, &self.about, headline)
        }]
    }
}

/// Returns what an ending is told as. From 40 on a person has to know what became of the branch.
fn event_of(ending: Ending) -> NotificationEvent {
    match ending {
        Ending::Shown
        | Ending::Allowed
        | Ending::Warned
        | Ending::Deployed
        | Ending::TakenBack
        | Ending::NoChange
        | Ending::Healthy => NotificationEvent::Done,
        Ending::BlockedWindow
        | Ending::ApprovalRequired
        | Ending::BlockedTraffic
        | Ending::OverrideRefused
        | Ending::BlockedOther => NotificationEvent::Blocked,
        Ending::RolledBack | Ending::CancelledRolledBack => NotificationEvent::RolledBack,
        Ending::RollbackFailed => NotificationEvent::RollbackFailed,
        Ending::Held | Ending::Superseded | Ending::PushUnknown | Ending::CancelledLeft => {
            NotificationEvent::Held
        }
        Ending::Internal
        | Ending::Usage
        | Ending::ConfigInvalid
        | Ending::Findings
        | Ending::Unavailable
        | Ending::InsufficientData
        | Ending::Unhealthy
        | Ending::EditRefused
        | Ending::PushConflict
        | Ending::PushDenied
        | Ending::Interrupted
        | Ending::Terminated => NotificationEvent::Failed,
    }
}
