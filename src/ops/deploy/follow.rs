//! Follows the controller of a Rollout through its steps, and watches what runs all the while.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Outside,
    observe::{self, Watching},
};
use crate::{
    analysis::StandingVerdict,
    config::OnPause,
    event::{Event, Failure, MetricRecord, Reporter},
    ops::{
        live::{self, Course, FAILING_FOR, FIRST_PAUSE, LONGEST_PAUSE, Revisions, Wanted},
        stop::{Stop, StopReason},
        watch::Watcher,
    },
    units::format_duration,
};

/// What is followed.
pub struct Following<'a> {
    /// The Rollout, and what it must come to.
    pub wanted: Wanted<'a>,
    /// What is watched all the while.
    pub watching: Watching<'a>,
    /// What happens at a pause that only a person ends.
    pub on_pause: OnPause,
    /// How long the controller may take to take up what was written.
    pub taken_up_within: Duration,
    /// Is it watched after the last step as well?
    pub is_watched_after: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Everyone gets the version; says how.
    Done(String),
    /// It does not get there, or what runs is worse than wanted; says why.
    Bad(String),
    /// It waits for a person, or nobody knows whether it is good; says why.
    Held(String),
    /// Time is up; says what was seen last.
    TimeUp(String),
    /// Asked to stop.
    Stopped(StopReason),
}

/// Follows it to its end.
///
/// Neither an outage of the providers nor a number that cannot be used ends it: the controller goes
/// on whether anybody looks or not. What comes after the last step decides then.
///
/// # Errors
/// The verification cannot be carried out at all.
pub async fn follow(
    following: &Following<'_>,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
    metrics: &mut Vec<MetricRecord>,
) -> Result<Followed, Failure> {
    let Following {
        wanted, watching, ..
    } = following;
    let version = wanted.version;
    let clock = &*outside.clock;
    let started = clock.now();
    let mut revisions = Revisions::default();
    let mut watch: Option<Watcher> = None;
    let mut is_taken_up = false;
    let mut failing_since: Option<DateTime<Utc>> = None;
    let mut pause = FIRST_PAUSE;
    if let Some(blind) = live::blind_to_steps(wanted.live) {
        reporter.event(&Event::Note(blind.to_owned()));
    }
    loop {
        let looked = Box::pin(live::course(wanted, outside, &mut revisions));
        let course = match stop.or(looked).await {
            Err(reason) => return Ok(Followed::Stopped(reason)),
            Ok(course) => course,
        };
        let now = clock.now();
        let elapsed = (now - started).to_std().unwrap_or_default();
        failing_since = match course {
            Course::Failing(_) => failing_since.or(Some(now)),
            _ => None,
        };
        let seen = match course {
            Course::Done => {
                let doubt = last_look(&mut watch, now, stop, reporter, metrics).await;
                return Ok(match doubt {
                    Some(end @ (Followed::Bad(_) | Followed::Stopped(_))) => end,
                    Some(doubt) if !following.is_watched_after => doubt,
                    _ => Followed::Done(format!("done after {}", format_duration(elapsed))),
                });
            }
            Course::Aborted(reason) => {
                return Ok(Followed::Bad(format!(
                    "Argo Rollouts aborted {version}: {reason}"
                )));
            }
            Course::Unusable(unusable) => {
                return Ok(Followed::Bad(format!(
                    "how far {version} is cannot be asked: {} ({})",
                    unusable.reason, unusable.hint
                )));
            }
            Course::Paused(seen) => {
                is_taken_up = true;
                if following.on_pause == OnPause::Hold {
                    return Ok(Followed::Held(seen));
                }
                seen
            }
            Course::Failing(seen) => {
                is_taken_up = true;
                let failing = failing_since.map_or(Duration::ZERO, |since| {
                    (now - since).to_std().unwrap_or_default()
                });
                if failing >= FAILING_FOR {
                    return Ok(Followed::Bad(format!(
                        "Argo Rollouts fails to bring {version}, and has for {} ({seen})",
                        format_duration(failing)
                    )));
                }
                seen
            }
            Course::Moving {
                is_taken_up: now_taken_up,
                seen,
            } => {
                is_taken_up |= now_taken_up;
                seen
            }
        };
        if !is_taken_up && elapsed >= following.taken_up_within {
            return Ok(Followed::TimeUp(format!(
                "the Rollout has not taken up {version} after {} ({seen})",
                format_duration(following.taken_up_within)
            )));
        }
        if elapsed >= wanted.limit {
            return Ok(Followed::TimeUp(format!(
                "the Rollout has not brought {version} to everyone after {} ({seen})",
                format_duration(wanted.limit)
            )));
        }
        reporter.event(&Event::Waiting {
            at: now,
            what: format!("Argo Rollouts to bring {version} to everyone ({seen})"),
            elapsed,
            limit: Some(wanted.limit),
        });
        // What was measured before is of the old version.
        if is_taken_up && watch.is_none() {
            watch = observe::all_the_while(watching, outside)?;
        }
        let until_due = match &mut watch {
            None => pause,
            Some(watch) => {
                if watch.due(now).is_zero()
                    && let Some(end) = measure(watch, stop, reporter, metrics).await
                {
                    return Ok(end);
                }
                watch.due(clock.now())
            }
        };
        let left = wanted.limit.saturating_sub(elapsed);
        if let Err(reason) = stop.sleep(clock, pause.min(until_due).min(left)).await {
            return Ok(Followed::Stopped(reason));
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Measures what is due; returns an end only where there is one.
async fn measure(
    watch: &mut Watcher,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
    metrics: &mut Vec<MetricRecord>,
) -> Option<Followed> {
    let standing = match stop.or(watch.poll(reporter)).await {
        Ok(standing) => standing,
        Err(reason) => return Some(Followed::Stopped(reason)),
    };
    *metrics = watch.records();
    (standing.verdict == StandingVerdict::Fail).then(|| Followed::Bad(standing.sentence()))
}

/// Measures once more at the end; returns what speaks against it.
async fn last_look(
    watch: &mut Option<Watcher>,
    now: DateTime<Utc>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
    metrics: &mut Vec<MetricRecord>,
) -> Option<Followed> {
    let watch = watch.as_mut()?;
    watch.make_due(now);
    if let Some(end) = measure(watch, stop, reporter, metrics).await {
        return Some(end);
    }
    let standing = watch.standing();
    let doubts = matches!(
        standing.verdict,
        StandingVerdict::Error | StandingVerdict::Inconclusive
    );
    let silent = watch
        .standings()
        .into_iter()
        .find(|standing| standing.errors_in_a_row > 0);
    silent.or(doubts.then_some(standing)).map(|standing| {
        Followed::Held(format!(
            "nobody knows whether it is good: {}",
            standing.sentence()
        ))
    })
}
