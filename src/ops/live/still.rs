//! One more look when all is over: does an address still answer with our version, and no other?

use std::time::Duration;

use super::{AGREEING_PAUSE, look};
use crate::{
    config::Live,
    event::{Event, Reporter},
    ops::{
        deploy::Outside,
        stop::{Stop, StopReason},
    },
    units::format_duration,
};

/// What is asked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The workload's word: `stable`, `canary`.
    pub arm: &'a str,
    /// Where it is seen what it runs.
    pub live: &'a Live,
    /// Our version.
    pub version: &'a str,
    /// How long no answer is waited for.
    pub limit: Duration,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Still {
    /// As many answers in a row as are wanted have our version, or it is not an address that is asked.
    Runs,
    /// One answer has another version; says which.
    Other(String),
    /// There were no answers; says why.
    Unknown(String),
    /// Asked to stop.
    Stopped(StopReason),
}

/// Looks again whether a workload runs our version, where an address says so: an old pod that stayed
/// behind a load balancer may have been quiet while it was waited for. Controllers knew that they were
/// done, and what became of the workload since is in the metrics.
pub async fn still_runs(
    asked: &Asked<'_>,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Still {
    let Live::Http {
        url,
        pointer,
        answers,
    } = asked.live
    else {
        return Still::Runs;
    };
    let Asked {
        arm,
        version,
        limit,
        ..
    } = *asked;
    let clock = &*outside.clock;
    let started = clock.now();
    let mut agreed = 0;
    loop {
        let question = look::version(url, pointer.as_deref(), outside);
        let answer = match stop.or(Box::pin(question)).await {
            Ok(answer) => answer,
            Err(reason) => return Still::Stopped(reason),
        };
        let elapsed = (clock.now() - started).to_std().unwrap_or_default();
        let seen = match answer {
            Ok(found) if found == version => {
                agreed += 1;
                if agreed >= *answers {
                    return Still::Runs;
                }
                format!("as wanted {agreed} of {answers} times")
            }
            Ok(other) => {
                return Still::Other(format!(
                    "{arm} was to run {version} and answered with {other} at the end of the watch"
                ));
            }
            Err(trouble) => {
                agreed = 0;
                if elapsed >= limit {
                    return Still::Unknown(format!(
                        "whether {arm} still runs {version} is not known after {} ({trouble})",
                        format_duration(limit)
                    ));
                }
                trouble
            }
        };
        reporter.event(&Event::Waiting {
            at: clock.now(),
            what: format!("{arm} to say that it still runs {version} ({seen})"),
            elapsed,
            limit: Some(limit),
        });
        if let Err(reason) = stop.sleep(clock, AGREEING_PAUSE).await {
            return Still::Stopped(reason);
        }
    }
}
