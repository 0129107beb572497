//! Watches what runs, all through every pause.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Outside;
use crate::{
    analysis::StandingVerdict,
    config::{
        query::Variables,
        verification::{Measure, OnInconclusive, Verification},
    },
    event::{Event, Failure, MetricRecord, Reporter},
    ops::{
        load::Target,
        programs,
        stop::{Stop, StopReason},
        watch::{Endpoints, Extent, Reference, Subject, Undecided, Watcher},
    },
    rollout::{Arm, Roles},
    units::{Weight, format_duration},
};

/// What is watched.
pub struct Watching<'a> {
    /// Service and environment.
    pub target: &'a Target,
    /// Which workload plays which part.
    pub roles: &'a Roles,
    /// What is measured.
    pub verification: &'a Verification,
    /// Which workload is judged.
    pub arm: Arm,
    /// Its version.
    pub version: &'a str,
    /// The version that it is held against.
    pub previous: &'a str,
    /// When the change that is watched began: what was measured before it is of the old version.
    pub changed_at: DateTime<Utc>,
    /// When an earlier try of the run began to watch, where this one goes on with that.
    pub began: Option<DateTime<Utc>>,
    /// May it end as soon as everything is good?
    pub promote_early: bool,
    /// The canary's weight.
    pub weight: Option<Weight>,
    /// How long.
    pub duration: Duration,
    /// How long at most, with every wait for a provider that does not answer.
    pub limit: Duration,
}

/// How a watch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// Good all the while; says how.
    Good(String),
    /// Worse than wanted; says what.
    Worse(String),
    /// Undecided, which the configuration wants taken back; says what.
    Unwanted(String),
    /// Neither: no answers, or none with a usable number.
    Undecided(String),
    /// Asked to stop.
    Stopped(StopReason),
}

impl Watching<'_> {
    /// Returns the word that the configuration names the workload of a part by.
    pub(super) fn word(&self, arm: Arm) -> &'static str {
        let workload = self.roles.workload(arm);
        let word = workload.and_then(|workload| self.target.service.word(workload));
        word.unwrap_or(arm.word())
    }

    pub(super) fn variables(&self, arm: Arm, version: &str) -> Variables {
        Variables {
            service: Some(self.target.service.name.clone()),
            version: Some(version.to_owned()),
            arm: Some(self.word(arm).to_owned()),
            workload: self.roles.workload(arm).map(|object| object.name.clone()),
            weight: Some(self.weight.unwrap_or(Weight::FULL)),
            ..self.target.variables()
        }
    }

    /// The canary is held against stable as long as stable has traffic; whatever has taken the place
    /// of the old version is held against what was measured before.
    fn reference(&self) -> Reference {
        let variables = self.variables(Arm::Stable, self.previous);
        if self.arm == Arm::Canary && self.weight != Some(Weight::FULL) {
            Reference::Beside(variables)
        } else {
            Reference::Before {
                variables,
                until: self.changed_at,
            }
        }
    }

    pub(super) fn watcher(
        &self,
        verification: &Verification,
        reference: Reference,
        outside: &Outside<'_>,
    ) -> Result<Watcher, Failure> {
        let mut endpoints = Endpoints::new(&self.target.config.providers, outside.secrets)?;
        let allowed = &self.target.programs;
        endpoints.programs = programs::find(verification, allowed, outside.secrets)?;
        let subject = Subject {
            judged: self.variables(self.arm, self.version),
            reference,
            extent: Extent::For(self.duration),
            began: self.began,
            weight: self.weight.filter(|_| self.arm == Arm::Canary),
        };
        let watcher = Watcher::new(
            verification,
            &endpoints,
            &subject,
            outside.client.clone(),
            outside.clock.clone(),
        )?;
        Ok(match outside.batch {
            Some(batch) => watcher.in_step_with(batch.clone(), self.duration),
            None => watcher,
        })
    }
}

/// Makes a watch without an end of its own of everything that says by itself whether it is good. What
/// compares is left out: while somebody else moves the traffic nobody knows which share was whose.
///
/// # Errors
/// It cannot be carried out at all.
pub fn all_the_while(
    watching: &Watching<'_>,
    outside: &Outside<'_>,
) -> Result<Option<Watcher>, Failure> {
    let single = part(&watching.target.service.verification, false);
    single
        .map(|single| watching.watcher(&single, Reference::Nobody, outside))
        .transpose()
}

/// Returns the part of a verification that compares, or the part that does not; none where nothing of
/// it decides.
pub(super) fn part(verification: &Verification, compares: bool) -> Option<Verification> {
    let mut part = verification.clone();
    part.metrics
        .retain(|metric| matches!(metric.measure, Measure::Comparison(_)) == compares);
    if compares {
        part.health.clear();
        part.checks.clear();
    }
    part.decides().then_some(part)
}

/// Returns the part of a verification that asks about one workload alone; none where nothing of it
/// decides.
pub fn single(verification: &Verification) -> Option<Verification> {
    part(verification, false)
}

/// Watches for the whole duration; worse ends it at once.
///
/// An outage never counts as good: the weight stays where it is, and when the providers have not
/// answered for `on_unavailable_after` the watch ends undecided.
///
/// # Errors
/// The verification cannot be carried out at all.
pub async fn watch(
    watching: &Watching<'_>,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
    metrics: &mut Vec<MetricRecord>,
) -> Result<Watched, Failure> {
    let clock = &outside.clock;
    let verification = watching.verification;
    // Without traffic there is nothing to compare.
    let single = (watching.weight == Some(Weight::ZERO) && watching.arm == Arm::Canary)
        .then(|| part(verification, false))
        .flatten();
    let verification = single.as_ref().unwrap_or(verification);
    let mut watcher = watching.watcher(verification, watching.reference(), outside)?;
    let started = clock.now();
    let began = watching.began.unwrap_or(started);
    if watching.began.is_some() {
        reporter.event(&Event::Note(format!(
            "an earlier try began to watch at {}; what was measured since then counts",
            began.format("%H:%M:%S UTC")
        )));
    }
    let end = began + TimeDelta::from_std(watching.duration).unwrap_or(TimeDelta::MAX);
    let patience =
        TimeDelta::from_std(watching.target.service.on_unavailable_after).unwrap_or(TimeDelta::MAX);
    let limit = TimeDelta::from_std(watching.limit).unwrap_or(TimeDelta::MAX);
    let mut silent_since: Option<DateTime<Utc>> = None;
    loop {
        let now = clock.now();
        let left = (end - now).to_std().unwrap_or_default();
        let pause = if silent_since.is_some() {
            let rest = (started + limit - now).to_std().unwrap_or_default();
            watcher.due(now).min(rest)
        } else {
            watcher.due(now).min(left)
        };
        if let Err(reason) = stop.sleep(&**clock, pause).await {
            return Ok(Watched::Stopped(reason));
        }
        // The last poll begins at the very end, so that nothing late is missed, however slow the
        // answers to the one before were.
        let asked = clock.now();
        let is_last = asked >= end;
        if is_last {
            watcher.make_due(asked);
        }
        let mut standing = match stop.or(watcher.poll(reporter)).await {
            Ok(standing) => standing,
            Err(reason) => return Ok(Watched::Stopped(reason)),
        };
        if is_last {
            standing = watcher.close();
        }
        *metrics = watcher.records();
        match standing.verdict {
            StandingVerdict::Fail => return Ok(Watched::Worse(standing.sentence())),
            StandingVerdict::Inconclusive => return Ok(Watched::Undecided(standing.sentence())),
            StandingVerdict::Error | StandingVerdict::NotYet | StandingVerdict::Pass => {}
        }
        let now = clock.now();
        let silent = watcher
            .standings()
            .into_iter()
            .find(|standing| standing.errors_in_a_row > 0);
        silent_since = match (&silent, silent_since) {
            (None, _) => None,
            (Some(_), None) => Some(now),
            (Some(_), Some(since)) => Some(since),
        };
        if let (Some(standing), Some(since)) = (silent, silent_since) {
            if now - since >= patience || now - started >= limit {
                return Ok(Watched::Undecided(format!(
                    "no answer for {}: {}",
                    format_duration((now - since).to_std().unwrap_or_default()),
                    standing.sentence()
                )));
            }
            reporter.event(&Event::Waiting {
                at: now,
                what: format!("an answer ({})", standing.sentence()),
                elapsed: (now - since).to_std().unwrap_or_default(),
                limit: patience.to_std().ok(),
            });
            continue;
        }
        reporter.event(&Event::Waiting {
            at: now,
            what: format!("{} to prove itself", watching.word(watching.arm)),
            elapsed: (now - began).to_std().unwrap_or_default(),
            limit: Some(watching.duration),
        });
        let passes = standing.verdict == StandingVerdict::Pass;
        if is_last {
            let length = format_duration(watching.duration);
            if passes {
                warn_of_doubts(&watcher, reporter);
                return Ok(Watched::Good(format!("good after {length}")));
            }
            return Ok(match watcher.undecided() {
                Some(undecided) => {
                    undecided_after(&length, &undecided, verification.on_inconclusive, reporter)
                }
                None => Watched::Undecided(standing.sentence()),
            });
        }
        if watching.promote_early && passes && watcher.all_comparisons_are_good() {
            let took = (now - began).to_std().unwrap_or_default();
            let took = Duration::from_secs(took.as_secs());
            warn_of_doubts(&watcher, reporter);
            let detail = format!("good early, after {}", format_duration(took));
            return Ok(Watched::Good(detail));
        }
    }
}

/// Says of what is let through what that rests on.
fn warn_of_doubts(watcher: &Watcher, reporter: &mut dyn Reporter) {
    for doubt in watcher.doubts() {
        reporter.event(&Event::Warning(doubt));
    }
}

/// Says what could not have been seen; none where one of them had too little to judge at all.
fn unseen(undecided: &[Undecided]) -> Option<String> {
    let one = |one: &Undecided| {
        let unseen = one.unseen.as_deref()?;
        Some(match undecided {
            [_] => unseen.to_owned(),
            _ => format!("{}: {unseen}", one.name),
        })
    };
    let all: Option<Vec<String>> = undecided.iter().map(one).collect();
    Some(all?.join("; "))
}

/// Does what the configuration says about comparisons that are undecided when time is up.
fn undecided_after(
    length: &str,
    undecided: &[Undecided],
    wish: OnInconclusive,
    reporter: &mut dyn Reporter,
) -> Watched {
    let sentences: Vec<&str> = undecided.iter().map(|one| one.sentence.as_str()).collect();
    let sentences = sentences.join("; ");
    let unseen = unseen(undecided);
    let leans_worse = undecided.iter().any(|one| one.leans_worse);
    match (wish, unseen) {
        (OnInconclusive::Promote, Some(unseen)) if !leans_worse => {
            let blind = format!(
                "undecided after {length} and let through by `on_inconclusive: promote`: {unseen}"
            );
            reporter.event(&Event::Warning(format!("{blind} ({sentences})")));
            Watched::Good(blind)
        }
        (OnInconclusive::Promote, _) if leans_worse => Watched::Undecided(format!(
            "undecided after {length}, and not let through because the numbers lean towards worse: {sentences}"
        )),
        (OnInconclusive::Promote, _) => Watched::Undecided(format!(
            "undecided after {length}, and not let through because there is too little to judge at all: {sentences}"
        )),
        (OnInconclusive::Rollback, _) => Watched::Unwanted(format!(
            "undecided after {length}, which `on_inconclusive: rollback` takes back: {sentences}"
        )),
        (OnInconclusive::Hold, _) => {
            Watched::Undecided(format!("undecided after {length}: {sentences}"))
        }
    }
}
