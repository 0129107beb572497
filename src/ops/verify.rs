//! `verify`: polls until there is a verdict or the polls are used up; changes nothing.

use std::{future::Future, pin::pin, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::watch::Watcher;
use crate::{
    analysis::{Limits, Standing, StandingVerdict},
    event::{Ending, Event, Outcome, Reporter},
};

pub use super::watch::Extent;

/// Polls that follow the last one while an answer is missing that the limits still tolerate: the
/// limits decide sooner, unless a file sets them higher.
const MORE_POLLS: u32 = Limits::CONSECUTIVE_ERROR_LIMIT + 1;

/// Polls for each measurement that is wanted, where answers without a usable number come in between:
/// the limits decide sooner, unless a file sets them higher.
const POLLS_FOR_EACH: u32 = Limits::CONSECUTIVE_ERROR_LIMIT + 1;

/// Polls the watcher's criteria and judges. Ends at the first criterion that exceeds a limit.
///
/// `stop` ends the run with the ending it yields, such as [`Ending::Interrupted`].
///
/// The endings: [`Ending::Healthy`] when every criterion passes; [`Ending::Unhealthy`] when one has
/// failed more often than it may; [`Ending::Unavailable`] when there was no answer more often in a row
/// than tolerated, or none at the end; [`Ending::InsufficientData`] when a usable number was missing
/// more often than tolerated, or at the end, or there were fewer than are wanted.
pub async fn run(
    watcher: &mut Watcher,
    extent: Extent,
    stop: impl Future<Output = Ending>,
    reporter: &mut dyn Reporter,
) -> Outcome {
    let clock = watcher.clock().clone();
    let started = clock.now();
    let mut stop = pin!(stop);
    let mut more_polls = MORE_POLLS;
    announce(watcher, started, reporter);
    loop {
        let wait = watcher.due(clock.now());
        let poll = async {
            clock.sleep(wait).await;
            let asked = clock.now();
            (asked, watcher.poll(reporter).await)
        };
        let (asked, standing) = tokio::select! {
            biased;
            ending = &mut stop => return cancelled(ending, watcher),
            polled = poll => polled,
        };
        match standing.verdict {
            StandingVerdict::Fail | StandingVerdict::Error | StandingVerdict::Inconclusive => {
                return conclude(&standing, watcher);
            }
            StandingVerdict::Pass | StandingVerdict::NotYet => {}
        }
        // A slow answer is no reason to leave out what came while it was waited for.
        if !is_enough(watcher, extent, started, asked) {
            continue;
        }
        let unsettled = watcher.standings().iter().any(|one| one.unsettled);
        if !unsettled || more_polls == 0 {
            let worst = watcher.close();
            return match too_few(watcher, extent) {
                Some(reason) if worst.verdict == StandingVerdict::Pass => {
                    ended(Ending::InsufficientData, reason, watcher)
                }
                _ => conclude(&worst, watcher),
            };
        }
        more_polls -= 1;
    }
}

/// Says how long the first measurement is away, where it is.
fn announce(watcher: &Watcher, now: DateTime<Utc>, reporter: &mut dyn Reporter) {
    let wait = watcher.due(now);
    if !wait.is_zero() {
        reporter.event(&Event::Waiting {
            at: now,
            what: "the first measurement".to_owned(),
            elapsed: Duration::ZERO,
            limit: Some(wait),
        });
    }
}

/// Has every criterion been asked as often, or as long, as wanted?
fn is_enough(
    watcher: &Watcher,
    extent: Extent,
    started: DateTime<Utc>,
    now: DateTime<Utc>,
) -> bool {
    match extent {
        Extent::Polls(wanted) => {
            let wanted = wanted.max(1);
            let polls = watcher.polls();
            let is_measured = watcher
                .least_measured()
                .is_none_or(|one| one.measured >= wanted);
            polls >= wanted
                && watcher.counts_are_reached()
                && (is_measured || polls >= wanted.saturating_mul(POLLS_FOR_EACH))
        }
        Extent::For(length) => {
            let next = TimeDelta::from_std(watcher.due(now)).unwrap_or(TimeDelta::MAX);
            let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
            let elapsed = (now - started).checked_add(&next);
            watcher.polls() >= 1 && elapsed.is_none_or(|elapsed| elapsed > length)
        }
    }
}

/// Says which criterion has fewer usable measurements than are wanted, where one has.
fn too_few(watcher: &Watcher, extent: Extent) -> Option<String> {
    let Extent::Polls(wanted) = extent else {
        return None;
    };
    let least = watcher.least_measured()?;
    (least.measured < wanted).then(|| {
        format!(
            "{} had {} of {wanted} measurements that are wanted; the other answers had no usable number, or there was none",
            least.name, least.measured
        )
    })
}

fn conclude(worst: &Standing, watcher: &Watcher) -> Outcome {
    let standings = watcher.standings();
    let ending = match worst.verdict {
        StandingVerdict::Pass => Ending::Healthy,
        StandingVerdict::Fail => Ending::Unhealthy,
        StandingVerdict::Error => Ending::Unavailable,
        StandingVerdict::Inconclusive => Ending::InsufficientData,
        StandingVerdict::NotYet if worst.errors_in_a_row > 0 => Ending::Unavailable,
        StandingVerdict::NotYet => Ending::InsufficientData,
    };
    let reason = if ending == Ending::Healthy {
        all_of(&standings)
    } else {
        with_others(worst, &standings)
    };
    ended(ending, reason, watcher)
}

fn cancelled(ending: Ending, watcher: &Watcher) -> Outcome {
    let so_far = watcher.standing().sentence();
    let reason = format!("stopped before a verdict; so far {so_far}");
    ended(ending, reason, watcher)
}

fn ended(ending: Ending, reason: String, watcher: &Watcher) -> Outcome {
    let mut outcome = Outcome::new(ending, reason);
    outcome.metrics = watcher.records();
    outcome
}

/// Names up to three criteria that passed, and how many more there are.
fn all_of(standings: &[Standing]) -> String {
    const SHOWN: usize = 3;
    let mut parts: Vec<String> = standings
        .iter()
        .take(SHOWN)
        .map(Standing::sentence)
        .collect();
    if standings.len() > SHOWN {
        parts.push(format!("{} more passed", standings.len() - SHOWN));
    }
    parts.join("; ")
}

/// Names what decided, and the others that stand as badly.
fn with_others(worst: &Standing, standings: &[Standing]) -> String {
    let others: Vec<&str> = standings
        .iter()
        .filter(|other| other.verdict == worst.verdict && other.name != worst.name)
        .map(|other| other.name.as_str())
        .collect();
    if others.is_empty() {
        worst.sentence()
    } else {
        format!("{}; the same for {}", worst.sentence(), others.join(", "))
    }
}
