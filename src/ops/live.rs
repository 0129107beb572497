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

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// The version runs.
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
    /// How long at most.
    pub limit: Duration,
}

/// Waits until a workload answers with a version.
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
        limit,
    } = *wanted;
    let started = clock.now();
    let mut pause = FIRST_PAUSE;
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
        let seen = match asked {
            Err(reason) => return Waited::Stopped(reason),
            Ok(Ok(found)) if found == version => return Waited::Live,
            Ok(Ok(found)) => format!("runs {found}"),
            Ok(Err(trouble)) => trouble,
        };
        let elapsed = (clock.now() - started).to_std().unwrap_or_default();
        if elapsed >= limit {
            return Waited::TimeUp(format!(
                "{arm} does not run {version} after {} ({seen})",
                format_duration(limit)
            ));
        }
        reporter.event(&Event::Waiting {
            at: clock.now(),
            what: format!("{arm} to run {version} ({seen})"),
            elapsed,
            limit: Some(limit),
        });
        if let Err(reason) = stop.sleep(clock, pause).await {
            return Waited::Stopped(reason);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
