//! The policy as it is meant: valid rules with their zones resolved, each knowing where it is written.

use std::time::Duration;

use chrono::TimeDelta;
use globset::GlobMatcher;

use super::{
    PolicySource,
    alerts::AlertRule,
    approval::{ApprovalRules, OverrideRules},
    document::{
        Aggregate, Behavior, KnownBad, OnUnavailable, Overrun, RequiredOnFailure, TrafficAction,
    },
    people::People,
    request::Action,
    scope::Scope,
    times::Times,
    wording::shown,
    zone::Zone,
};
use crate::{
    units::{ProgramName, RequestsPerSecond, Weight},
    yaml::{Finding, Position},
};

/// A valid policy. [`Policy::parse`] is the only way to get one.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) source: PolicySource,
    pub(super) environments: Option<Written<Vec<String>>>,
    pub(super) allowed: Vec<TimeRule>,
    pub(super) blocked: Vec<TimeRule>,
    pub(super) blocked_dates: Vec<TimeRule>,
    pub(super) traffic: Option<Written<TrafficThreshold>>,
    pub(super) alerts: Option<Written<AlertRule>>,
    pub(super) programs: Vec<ProgramName>,
    pub(super) actions: Vec<Action>,
    pub(super) versions: VersionRules,
    pub(super) people: People,
    pub(super) approvals: ApprovalRules,
    pub(super) overriding: Option<OverrideRules>,
    pub(super) approval_when: Vec<ChangeRule>,
    pub(super) require: Option<Require>,
    pub(super) runway: Option<Written<Runway>>,
    pub(super) overrun: Overrun,
    pub(super) behavior: Behavior,
    pub(super) dry_run: bool,
    /// The zone that instants are shown in.
    pub(super) zone: Zone,
}

/// Something with the place it is written at.
#[derive(Debug, Clone)]
pub(super) struct Written<T> {
    pub(super) value: T,
    pub(super) position: Position,
}

/// One window or blocked date.
#[derive(Debug, Clone)]
pub(super) struct TimeRule {
    /// Path in the policy: `allowed_windows[0]`.
    pub(super) rule: String,
    pub(super) line: usize,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) times: Times,
    pub(super) scope: Scope,
    /// Must a person approve what is done in it? Only in allowed windows.
    pub(super) approval_required: bool,
    /// Argo CD's `manualSync`: persons need not keep to this window; see [`Policy::timetable`].
    pub(super) manual_sync: bool,
}

/// The most traffic under which deploying is allowed.
#[derive(Debug, Clone)]
pub(super) struct TrafficThreshold {
    pub(super) maximum: RequestsPerSecond,
    pub(super) action: TrafficAction,
    pub(super) query: Option<String>,
    pub(super) on_unavailable: OnUnavailable,
    pub(super) aggregate: Option<Aggregate>,
    pub(super) max_age: Option<Duration>,
}

/// What a version's own past means.
#[derive(Debug, Clone, Default)]
pub(super) struct VersionRules {
    pub(super) known_bad: KnownBad,
    /// How long a failure counts; none = until the version is verified.
    pub(super) counted: Option<TimeDelta>,
    /// 1-based line, where the policy says anything about it.
    pub(super) line: Option<usize>,
}

/// Changed files that ask for an approval.
#[derive(Debug, Clone)]
pub(super) struct ChangeRule {
    /// Path in the policy: `approval_when[0]`.
    pub(super) rule: String,
    pub(super) line: usize,
    /// Each glob as it is written, and what matches it.
    pub(super) paths: Vec<(String, GlobMatcher)>,
    pub(super) reason: Option<String>,
}

/// What a service's own configuration must at least do; each part knows where it is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Require {
    pub(super) line: usize,
    pub(super) strategies: Option<Written<Vec<String>>>,
    pub(super) metrics: Option<Written<Vec<String>>>,
    pub(super) least_hold: Option<Written<TimeDelta>>,
    pub(super) largest_first_weight: Option<Written<Weight>>,
    pub(super) on_failure: Option<Written<RequiredOnFailure>>,
}

/// How long it must stay open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runway {
    /// As long as the plan takes at the least.
    Plan,
    /// This long.
    Length(TimeDelta),
}

impl Policy {
    /// Returns a policy without any rule, to put rules into.
    pub(super) fn without_rules(path: &str, zone: Zone) -> Self {
        Self {
            source: PolicySource {
                path: path.to_owned(),
                ..PolicySource::default()
            },
            environments: None,
            allowed: Vec::new(),
            blocked: Vec::new(),
            blocked_dates: Vec::new(),
            traffic: None,
            alerts: None,
            programs: Vec::new(),
            actions: Action::GOING_FORWARD.to_vec(),
            versions: VersionRules::default(),
            people: People::default(),
            approvals: ApprovalRules::default(),
            overriding: None,
            approval_when: Vec::new(),
            require: None,
            runway: None,
            overrun: Overrun::Finish,
            behavior: Behavior::Block,
            dry_run: false,
            zone,
        }
    }

    /// Returns the programs that checks may run.
    pub fn programs(&self) -> &[ProgramName] {
        &self.programs
    }

    /// Says where the policy was read; verdicts carry it.
    #[must_use]
    pub fn with_source(mut self, source: PolicySource) -> Self {
        self.source = source;
        self
    }

    /// Returns where the policy was read.
    pub fn source(&self) -> &PolicySource {
        &self.source
    }

    /// Does the policy have something to say about this action? A freeze does not stop a rollback
    /// unless the policy lists it.
    pub fn applies_to(&self, action: Action) -> bool {
        let rules = [&self.allowed, &self.blocked, &self.blocked_dates];
        let lists = |rule: &TimeRule| {
            let actions = rule.scope.actions.as_ref();
            actions.is_some_and(|actions| actions.contains(&action))
        };
        self.actions.contains(&action) || rules.into_iter().flatten().any(lists)
    }

    /// Does the policy ask how much traffic there is before this action?
    pub fn asks_traffic(&self, action: Action) -> bool {
        self.traffic.is_some() && self.actions.contains(&action)
    }

    /// Does the policy ask how much traffic there is, or whether alerts are firing?
    pub fn asks_providers(&self) -> bool {
        self.traffic.is_some() || self.alerts.is_some()
    }

    /// Returns the policy's own Prometheus query for the traffic.
    pub fn traffic_query(&self) -> Option<&str> {
        self.traffic.as_ref()?.value.query.as_deref()
    }

    /// Returns what several series of the answer about traffic mean; none = they are an error.
    pub fn traffic_aggregate(&self) -> Option<Aggregate> {
        self.traffic.as_ref()?.value.aggregate
    }

    /// Returns how old the answer about traffic may be, where the policy says.
    pub fn traffic_max_age(&self) -> Option<Duration> {
        self.traffic.as_ref()?.value.max_age
    }

    /// Does it matter for this action whether the version failed before? It never stops a way back.
    pub fn asks_of_past(&self, action: Action) -> bool {
        self.asks_of_plans(action)
    }

    /// Is this one of the policy's own actions, and one that goes forward? What a plan must be like
    /// and which changes need a person is never asked on the way back.
    pub(super) fn asks_of_plans(&self, action: Action) -> bool {
        self.actions.contains(&action) && Action::GOING_FORWARD.contains(&action)
    }

    /// Returns where the traffic threshold is written.
    pub fn traffic_position(&self) -> Option<Position> {
        self.traffic.as_ref().map(|traffic| traffic.position)
    }

    /// Returns the zone that instants are shown in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Is this policy for that environment, or for the whole one that it is a region of? A policy that
    /// names none is for any.
    ///
    /// # Errors
    /// It is not; the message names the known ones.
    pub fn check_environment(&self, environment: &str, whole: Option<&str>) -> Result<(), Finding> {
        let is_meant = |name: &String| name == environment || Some(name.as_str()) == whole;
        match &self.environments {
            Some(known) if !known.value.iter().any(is_meant) => Err(Finding::new(
                known.position,
                format!(
                    "this policy is not for the environment {}; known: {}",
                    shown(environment),
                    known.value.join(", ")
                ),
            )),
            _ => Ok(()),
        }
    }
}
