//! Waits until a workload really runs a version.

use std::time::Duration;

use super::stop::{Stop, StopReason};
use crate::{
    clock::Clock,
    config::Live,
    event::{Event, Reporter},
    probe,
    units::format_duration,
};

/// Time between the first two questions to a workload. It doubles up to [`LONGEST_PAUSE`]: a quick
/// controller is seen at once, a slow one is not bothered.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest time between two questions to a workload.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Pause between the first looks for a version that is to be gone.
const GONE_PAUSE: Duration = Duration::from_secs(2);

/// How many looks in a row must miss a version before it counts as gone: one may be a hiccup.
const LOOKS_UNTIL_GONE: u32 = 2;

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// It is as wanted.
    Live,
    /// Time is up; says what was seen last.
    TimeUp(String),
    /// Asked to stop.
    Stopped(StopReason),
}

/// What is waited for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Where the workload says its version.
    pub live: &'a Live,
    /// The workload's word: `stable`, `canary`.
    pub arm: &'a str,
    /// The version.
    pub version: &'a str,
    /// Must the workload run it, or must it no longer?
    pub presence: Presence,
    /// How long at most.
    pub limit: Duration,
}

/// What a version must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// What the workload answers with.
    Running,
    /// No longer what the workload answers with; that it does not answer at all is as good.
    Gone,
}

/// Waits until a workload answers with a version, or no longer does.
pub async fn wait(
    wanted: &Wanted<'_>,
    client: &probe::Client,
    clock: &dyn Clock,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Waited {
    let Wanted {
        live,
        arm,
        version,
        presence,
        limit,
    } = *wanted;
    let (aim, not_yet, looks, mut pause) = match presence {
        Presence::Running => ("run", "does not run", 1, FIRST_PAUSE),
        Presence::Gone => ("leave", "still runs", LOOKS_UNTIL_GONE, GONE_PAUSE),
    };
    let started = clock.now();
    let mut good_looks = 0;
    loop {
        let asked = stop
            .or(probe::http::version(
                client,
                clock,
                &live.http,
                live.pointer.as_deref(),
                ANSWER_LIMIT,
            ))
            .await;
        let (found, seen) = match asked {
            Err(reason) => return Waited::Stopped(reason),
            Ok(Ok(found)) => (found == version, format!("runs {found}")),
            Ok(Err(trouble)) => (false, trouble),
        };
        good_looks = if found == (presence == Presence::Running) {
            good_looks + 1
        } else {
            0
        };
        if good_looks >= looks {
            return Waited::Live;
        }
        let elapsed = (clock.now() - started).to_std().unwrap_or_default();
        if elapsed >= limit {
            return Waited::TimeUp(format!(
                "{arm} {not_yet} {version} after {} ({seen})",
                format_duration(limit)
            ));
        }
        reporter.event(&Event::Waiting {
            at: clock.now(),
            what: format!("{arm} to {aim} {version} ({seen})"),
            elapsed,
            limit: Some(limit),
        });
        if let Err(reason) = stop.sleep(clock, pause).await {
            return Waited::Stopped(reason);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
