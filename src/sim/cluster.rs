//! A stand-in cluster: polls the branch as a GitOps controller does and starts pods as Kubernetes
//! does. Its state is worked out from the pushes when somebody looks.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    manifests::{Desired, WantedWorkload},
    remote::ObjectId,
};
use crate::units::Weight;

/// The two halves of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// What customers see.
    Stable,
    /// What is tried on some of them.
    Canary,
}

impl Arm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Stable, Self::Canary];

    /// Returns the name used in labels and addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
        }
    }
}

/// What runs of one Deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// The version that answers; none when there are no endpoints.
    pub version: Option<String>,
    /// Pods that answer.
    pub replicas: u32,
}

/// What runs in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterState {
    /// The commit that was applied last, as a full id.
    pub commit: String,
    /// The stable half.
    pub stable: Workload,
    /// The canary half.
    pub canary: Workload,
    /// Share of the requests that the canary gets.
    pub weight: Weight,
    /// Why the newest commit could not be applied, if it could not; what ran before still runs.
    pub sync_error: Option<String>,
}

impl ClusterState {
    /// Returns what runs of one half.
    pub fn workload(&self, arm: Arm) -> &Workload {
        match arm {
            Arm::Stable => &self.stable,
            Arm::Canary => &self.canary,
        }
    }

    /// Returns the share of the requests that one half gets, 0.0 to 1.0.
    pub fn share(&self, arm: Arm) -> f64 {
        match arm {
            Arm::Stable => 1.0 - self.weight.ratio(),
            Arm::Canary => self.weight.ratio(),
        }
    }

    /// A Service sends each pod as many requests as any other.
    fn weight_by_pods(&self) -> Weight {
        let canary = u64::from(self.canary.replicas);
        let all = canary + u64::from(self.stable.replicas);
        let percent = (canary * 200 + all).checked_div(2 * all).unwrap_or(0);
        Weight::new(percent).unwrap_or(Weight::FULL)
    }

    fn workload_mut(&mut self, arm: Arm) -> &mut Workload {
        match arm {
            Arm::Stable => &mut self.stable,
            Arm::Canary => &mut self.canary,
        }
    }
}

/// A state and the instant since which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Since when.
    pub at: DateTime<Utc>,
    /// What runs.
    pub state: ClusterState,
}

/// Pods that are starting.
struct Rollout {
    ready_at: DateTime<Utc>,
    target: Workload,
}

/// The cluster as far as it has been worked out.
pub(super) struct Cluster {
    sync_delay: TimeDelta,
    start_delay: TimeDelta,
    /// Every tip the branch has had, with the instant at which it became the tip.
    tips: Vec<(DateTime<Utc>, ObjectId)>,
    /// How many of the tips the controller has looked at or passed over.
    seen: usize,
    applied: Desired,
    starting: [Option<Rollout>; 2],
    moments: Vec<Moment>,
}

impl Cluster {
    /// Starts with everything that `desired` asks for running.
    pub(super) fn new(
        now: DateTime<Utc>,
        tip: ObjectId,
        desired: Desired,
        sync_delay: Duration,
        start_delay: Duration,
    ) -> Self {
        let running = |wanted: &WantedWorkload| target(wanted).unwrap_or_default();
        let mut state = ClusterState {
            commit: tip.to_string(),
            stable: running(desired.workload(Arm::Stable)),
            canary: running(desired.workload(Arm::Canary)),
            weight: Weight::ZERO,
            sync_error: None,
        };
        state.weight = desired.weight.unwrap_or_else(|| state.weight_by_pods());
        let delta = |delay: Duration| TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX);
        Self {
            sync_delay: delta(sync_delay).max(TimeDelta::milliseconds(1)),
            start_delay: delta(start_delay),
            tips: vec![(now, tip)],
            seen: 1,
            applied: desired,
            starting: [None, None],
            moments: vec![Moment { at: now, state }],
        }
    }

    /// Notes what the tip of the branch is at `now`.
    pub(super) fn observe(&mut self, now: DateTime<Utc>, tip: ObjectId) {
        if self.tips.last().is_none_or(|(_, known)| *known != tip) {
            self.tips.push((now, tip));
        }
    }

    /// Works out everything that has happened up to and including `now`. `read` reads what a
    /// commit asks for.
    pub(super) fn advance(
        &mut self,
        now: DateTime<Utc>,
        read: impl Fn(ObjectId) -> Result<Desired, String>,
    ) {
        loop {
            let poll = self.next_poll();
            let ready = self.next_ready();
            // Of two things at the same instant the pods come first.
            let poll_is_next = match (&poll, &ready) {
                (Some((poll_at, _)), Some((ready_at, _))) => poll_at < ready_at,
                (poll, _) => poll.is_some(),
            };
            match (poll, ready) {
                (Some((at, tip)), _) if poll_is_next && at <= now => {
                    self.seen = tip + 1;
                    let commit = self.tips[tip].1;
                    let desired = read(commit);
                    self.apply(at, commit, desired);
                }
                (_, Some((at, arm))) if !poll_is_next && at <= now => self.finish(at, arm),
                _ => return,
            }
        }
    }

    /// Returns the states so far, oldest first; the last one holds now.
    pub(super) fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// Returns what runs now.
    pub(super) fn state(&self) -> &ClusterState {
        &self.moments[self.moments.len() - 1].state
    }

    /// Returns the next poll that finds a new tip, and which tip it finds. A tip is found by the
    /// first poll after it, unless a newer one is there by then.
    fn next_poll(&self) -> Option<(DateTime<Utc>, usize)> {
        let (pushed_at, _) = self.tips.get(self.seen)?;
        let started = self.tips[0].0;
        let delay = self.sync_delay.num_milliseconds();
        let polls = (*pushed_at - started).num_milliseconds() / delay + 1;
        let since_start = TimeDelta::try_milliseconds(delay.checked_mul(polls)?)?;
        let at = started.checked_add_signed(since_start)?;
        let newest = self.tips.iter().rposition(|(pushed, _)| *pushed <= at)?;
        Some((at, newest))
    }

    fn next_ready(&self) -> Option<(DateTime<Utc>, Arm)> {
        Arm::ALL
            .into_iter()
            .filter_map(|arm| Some((self.starting[arm as usize].as_ref()?.ready_at, arm)))
            .min_by_key(|(at, _)| *at)
    }

    fn apply(&mut self, at: DateTime<Utc>, commit: ObjectId, desired: Result<Desired, String>) {
        let mut state = self.state().clone();
        let applicable = desired.and_then(|desired| self.same_selectors(desired));
        match applicable {
            Err(reason) => state.sync_error = Some(reason),
            Ok(desired) => {
                state.sync_error = None;
                state.commit = commit.to_string();
                for arm in Arm::ALL {
                    let wanted = desired.workload(arm);
                    self.start(at, arm, wanted, state.workload_mut(arm));
                }
                state.weight = desired.weight.unwrap_or_else(|| state.weight_by_pods());
                self.applied = desired;
            }
        }
        self.moments.push(Moment { at, state });
    }

    /// Kubernetes refuses a change of a Deployment's selector.
    fn same_selectors(&self, desired: Desired) -> Result<Desired, String> {
        for arm in Arm::ALL {
            if desired.workload(arm).selector != self.applied.workload(arm).selector {
                return Err(format!(
                    "the selector of the {} Deployment is immutable",
                    arm.name()
                ));
            }
        }
        Ok(desired)
    }

    fn start(
        &mut self,
        at: DateTime<Utc>,
        arm: Arm,
        wanted: &WantedWorkload,
        running: &mut Workload,
    ) {
        let starting = &mut self.starting[arm as usize];
        let Some(target) = target(wanted) else {
            *running = Workload::default();
            *starting = None;
            return;
        };
        if running.version == target.version {
            *running = target;
            *starting = None;
            return;
        }
        let under_way = starting
            .as_ref()
            .filter(|rollout| rollout.target.version == target.version)
            .map(|rollout| rollout.ready_at);
        let ready_at = under_way.unwrap_or_else(|| {
            at.checked_add_signed(self.start_delay)
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        });
        *starting = Some(Rollout { ready_at, target });
    }

    fn finish(&mut self, at: DateTime<Utc>, arm: Arm) {
        if let Some(rollout) = self.starting[arm as usize].take() {
            let mut state = self.state().clone();
            *state.workload_mut(arm) = rollout.target;
            let weight = self.applied.weight;
            state.weight = weight.unwrap_or_else(|| state.weight_by_pods());
            self.moments.push(Moment { at, state });
        }
    }
}

/// Returns what should run; none when that is no pod at all.
fn target(wanted: &WantedWorkload) -> Option<Workload> {
    (wanted.replicas > 0).then(|| Workload {
        version: Some(wanted.version.clone()),
        replicas: wanted.replicas,
    })
}
