//! The steps that change nothing: waits until something is live, following a controller, watches.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Run, StepEnd};
use crate::{
    config::OnPause,
    ops::{
        deploy::{
            follow::{self, Followed, Following},
            observe::{self, Watched, Watching},
        },
        live::{self, Presence, Still, Waited},
    },
    rollout::{Action, Arm},
    units::format_duration,
};

impl Run<'_> {
    /// Waits until a workload runs the new version, or no longer does.
    pub(in crate::ops::deploy) async fn wait(&mut self, arm: Arm, presence: Presence) -> Waited {
        let version = self.writer.identity.version.to_string();
        let Some(workload) = self.plan.roles.workload(arm) else {
            return Waited::Live;
        };
        let Some(live) = self.target.service.live(workload).cloned() else {
            return Waited::Failed(live::not_named(workload).to_string());
        };
        let wanted = live::Wanted {
            target: self.target,
            live: &live,
            arm: self.target.service.word(workload).unwrap_or(arm.word()),
            version: &version,
            commit: &self.on_branch,
            presence,
            limit: self.target.service.progress_deadline.min(self.time_left()),
            fails_fast: presence == Presence::Running,
        };
        live::wait(&wanted, self.outside, &mut self.stop, &mut *self.reporter).await
    }

    /// After the last watch: does the workload that was waited for last still run the new version?
    async fn look_again(&mut self, index: usize, good: String) -> StepEnd {
        let version = self.writer.identity.version.to_string();
        let waits = self.plan.steps[..index].iter().rev();
        let waited_for = waits.filter_map(|step| match step.action {
            Action::WaitLive { arm } => Some(arm),
            _ => None,
        });
        let Some((word, live)) = waited_for.into_iter().next().and_then(|arm| {
            let workload = self.plan.roles.workload(arm)?;
            let word = self.target.service.word(workload).unwrap_or(arm.word());
            Some((word, self.target.service.live(workload)?.clone()))
        }) else {
            return StepEnd::Done(good);
        };
        let patience = self.target.service.on_unavailable_after;
        let asked = live::Asked {
            arm: word,
            live: &live,
            version: &version,
            limit: patience.min(self.time_left()),
        };
        match live::still_runs(&asked, self.outside, &mut self.stop, &mut *self.reporter).await {
            Still::Runs => StepEnd::Done(good),
            // Who has taken it back by hand says nothing about the version.
            Still::Other(reason) => match self.changed_on_branch().await {
                Some(changed) => StepEnd::Superseded(changed),
                None => StepEnd::Bad(reason),
            },
            Still::Unknown(reason) => StepEnd::Hold(reason),
            Still::Stopped(reason) => StepEnd::Stopped(reason),
        }
    }

    pub(super) async fn wait_live(&mut self, arm: Arm) -> StepEnd {
        let started = self.outside.clock.now();
        match self.wait(arm, Presence::Running).await {
            Waited::Live => {
                let took = (self.outside.clock.now() - started)
                    .to_std()
                    .unwrap_or_default();
                StepEnd::Done(format!("live after {}", format_duration(took)))
            }
            Waited::TimeUp(_) if self.time_left().is_zero() => self.time_is_up(),
            Waited::TimeUp(reason) | Waited::Failed(reason) => StepEnd::Bad(reason),
            Waited::Stopped(reason) => StepEnd::Stopped(reason),
        }
    }

    fn is_last_watch(&self, index: usize) -> bool {
        let later = self.plan.steps.iter().skip(index + 1);
        !later
            .into_iter()
            .any(|step| matches!(step.action, Action::Watch { .. }))
    }

    /// Follows the controller of a Rollout to the end of its steps.
    pub(super) async fn follow(
        &mut self,
        index: usize,
        limit: Duration,
        on_pause: OnPause,
    ) -> StepEnd {
        let workload = &self.plan.roles.stable;
        let Some(live) = self.target.service.live(workload) else {
            return StepEnd::Broken(live::not_named(workload));
        };
        let limit = limit.min(self.time_left());
        let version = self.writer.identity.version.to_string();
        let changed = self.change_before(index);
        let following = Following {
            wanted: live::Wanted {
                target: self.target,
                live,
                arm: Arm::Stable.word(),
                version: &version,
                commit: &self.on_branch,
                presence: Presence::Running,
                limit,
                fails_fast: true,
            },
            watching: Watching {
                target: self.target,
                roles: &self.plan.roles,
                verification: &self.target.service.verification,
                arm: Arm::Stable,
                version: &version,
                previous: self.writer.identity.previous_version.as_str(),
                changed_at: changed.map_or_else(|| self.outside.clock.now(), |(_, began)| began),
                began: None,
                promote_early: false,
                weight: None,
                duration: limit,
                limit,
            },
            on_pause,
            taken_up_within: self.target.service.progress_deadline.min(limit),
            is_watched_after: self.plan.steps[index..]
                .iter()
                .any(|step| matches!(step.action, Action::Watch { .. })),
        };
        let followed = follow::follow(
            &following,
            self.outside,
            &mut self.stop,
            &mut *self.reporter,
            &mut self.metrics,
        );
        match Box::pin(followed).await {
            Ok(Followed::Done(detail)) => StepEnd::Done(detail),
            Ok(Followed::TimeUp(_)) if self.time_left().is_zero() => self.time_is_up(),
            Ok(Followed::Bad(reason) | Followed::TimeUp(reason)) => StepEnd::Bad(reason),
            Ok(Followed::Held(reason)) => StepEnd::Hold(reason),
            Ok(Followed::Stopped(reason)) => StepEnd::Stopped(reason),
            Err(failure) => StepEnd::Broken(failure),
        }
    }

    /// Returns the step whose commit made what a step watches, and when that began.
    fn change_before(&self, index: usize) -> Option<(usize, DateTime<Utc>)> {
        let write = self.plan.steps[..index]
            .iter()
            .rposition(|step| matches!(step.action, Action::Write { .. }))?;
        let began = match self.earlier {
            Some((landed, began)) if landed == write => Some(began),
            _ => self.deployment.steps[write].started_at,
        };
        Some((write, began?))
    }

    pub(super) async fn watch(
        &mut self,
        index: usize,
        arm: Arm,
        duration: Duration,
        promote_early: bool,
    ) -> StepEnd {
        let limit = self.time_left();
        let now = self.outside.clock.now();
        let change = self.change_before(index);
        // What an earlier try has begun to watch goes on, unless that was over long ago.
        let end = |began: DateTime<Utc>| began + TimeDelta::from_std(duration).unwrap_or_default();
        let began = change
            .filter(|(write, _)| write + 1 == index)
            .filter(|(write, _)| self.earlier.is_some_and(|(landed, _)| landed == *write))
            .map(|(_, began)| began)
            .filter(|began| *began < now && now < end(*began))
            // Whoever goes on after it was held there wants it judged once more.
            .filter(|_| self.held.at != Some(index));
        let service = &self.target.service;
        let preview = service
            .strategy
            .blue_green()
            .and_then(|pair| pair.preview.as_ref())
            .filter(|_| matches!(self.plan.steps[index].action, Action::Preview { .. }));
        let watching = Watching {
            target: self.target,
            roles: &self.plan.roles,
            verification: preview.map_or(&service.verification, |preview| &preview.verification),
            arm,
            version: self.writer.identity.version.as_str(),
            previous: self.writer.identity.previous_version.as_str(),
            changed_at: change.map_or(now, |(_, began)| began),
            began,
            promote_early,
            weight: self.plan.steps[index].weight,
            duration: duration.min(limit),
            limit,
        };
        let watched = observe::watch(
            &watching,
            self.outside,
            &mut self.stop,
            &mut *self.reporter,
            &mut self.metrics,
        )
        .await;
        match watched {
            Ok(Watched::Good(_) | Watched::Undecided(_))
                if limit < duration && self.time_left().is_zero() =>
            {
                self.time_is_up()
            }
            Ok(Watched::Good(detail)) if self.is_last_watch(index) => {
                self.look_again(index, detail).await
            }
            Ok(Watched::Good(detail)) => StepEnd::Done(detail),
            // Nobody uses it yet, and whoever only wants to be told has not asked for users on it.
            Ok(Watched::Worse(reason)) if preview.is_some() => StepEnd::Bad(reason),
            Ok(Watched::Worse(reason)) => {
                self.judged_worse(reason, end(began.unwrap_or(now))).await
            }
            Ok(Watched::Unwanted(reason)) => StepEnd::Unwanted(reason),
            Ok(Watched::Undecided(reason)) => StepEnd::Hold(reason),
            Ok(Watched::Stopped(reason)) => StepEnd::Stopped(reason),
            Err(failure) => StepEnd::Broken(failure),
        }
    }
}
