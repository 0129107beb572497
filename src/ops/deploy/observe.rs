//! Looks at what runs: once before the first push, and all through every pause.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Outside;
use crate::{
    analysis::StandingVerdict,
    config::{Strategy, query::Variables},
    event::{Ending, Event, Failure, MetricRecord, Reporter},
    ops::{
        load::Target,
        stop::{Stop, StopReason},
        watch::{Endpoints, Watcher},
    },
    rollout::Arm,
    units::{Version, Weight, format_duration},
};

/// What is watched.
pub struct Watching<'a> {
    /// Service and environment.
    pub target: &'a Target,
    /// Which workload is judged.
    pub arm: Arm,
    /// Its version.
    pub version: &'a str,
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
    /// Neither: no answers, or none with a usable number.
    Undecided(String),
    /// Asked to stop.
    Stopped(StopReason),
}

impl Watching<'_> {
    fn watcher(&self, outside: &Outside<'_>) -> Result<Watcher, Failure> {
        let service = &self.target.service;
        let endpoints = Endpoints::new(&self.target.config.providers, outside.secrets)?;
        let variables = Variables {
            service: Some(service.name.clone()),
            environment: Some(self.target.environment_name.clone()),
            version: Some(self.version.to_owned()),
            arm: Some(self.arm.word().to_owned()),
            weight: Some(self.weight.unwrap_or(Weight::FULL)),
        };
        Watcher::new(
            &service.verification,
            &endpoints,
            &variables,
            outside.client.clone(),
            outside.clock.clone(),
        )
    }
}

/// Asks every provider once for both arms, so that a query that cannot be answered is found before
/// anything is changed.
///
/// # Errors
/// A provider does not answer. That it has no data for the canary is as it should be: there is none.
pub async fn preflight(
    target: &Target,
    version: &Version,
    previous: &str,
    outside: &Outside<'_>,
    reporter: &mut dyn Reporter,
) -> Result<(), Failure> {
    for arm in asked_before(target) {
        let version = match arm {
            Arm::Stable => previous,
            Arm::Canary => version.as_str(),
        };
        let watching = Watching {
            target,
            arm: *arm,
            version,
            weight: None,
            duration: Duration::ZERO,
            limit: Duration::ZERO,
        };
        let mut watcher = watching.watcher(outside)?;
        watcher.make_due(outside.clock.now());
        watcher.poll(&mut Silent).await;
        for standing in watcher.standings() {
            if standing.errors_in_a_row > 0 {
                return Err(Failure::new(
                    Ending::Unavailable,
                    format!(
                        "before anything was changed: {} ({})",
                        standing.sentence(),
                        arm.word()
                    ),
                )
                .hint("nothing was pushed; run the same command again when the provider answers"));
            }
            if *arm == Arm::Stable && standing.failed > 0 {
                reporter.event(&Event::Warning(format!(
                    "stable is not healthy before we start: {}",
                    standing.sentence()
                )));
            }
        }
    }
    Ok(())
}

/// Returns the arms about which every provider is asked before anything is changed.
pub fn asked_before(target: &Target) -> &'static [Arm] {
    match target.service.strategy {
        Strategy::Canary(_) => &[Arm::Stable, Arm::Canary],
        Strategy::Rolling(_) => &[Arm::Stable],
    }
}

/// The preflight tells its result in one line; its measurements are no part of the verdict.
struct Silent;

impl Reporter for Silent {
    fn event(&mut self, _event: &Event) {}
    fn finish(&mut self, _outcome: &crate::event::Outcome) {}
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
    let mut watcher = watching.watcher(outside)?;
    let started = clock.now();
    let end = started + TimeDelta::from_std(watching.duration).unwrap_or(TimeDelta::MAX);
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
        // The last poll is at the very end, so that nothing late is missed.
        if clock.now() >= end {
            watcher.make_due(clock.now());
        }
        let standing = match stop.or(watcher.poll(reporter)).await {
            Ok(standing) => standing,
            Err(reason) => return Ok(Watched::Stopped(reason)),
        };
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
            what: format!("{} to prove itself", watching.arm.word()),
            elapsed: (now - started).to_std().unwrap_or_default(),
            limit: Some(watching.duration),
        });
        if now >= end {
            return Ok(if standing.verdict == StandingVerdict::Pass {
                Watched::Good(format!("good after {}", format_duration(watching.duration)))
            } else {
                Watched::Undecided(standing.sentence())
            });
        }
    }
}
