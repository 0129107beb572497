//! Waits until a workload really runs a version.

mod before;
mod course;
mod look;
mod origin;
mod overrides;
mod revision;
mod source;
mod still;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    deploy::Outside,
    load::Target,
    preflight,
    stop::{Stop, StopReason},
};
use crate::{
    config::Live,
    event::{Ending, Event, Failure, Reporter},
    git::CommitId,
    manifest::ObjectRef,
    units::format_duration,
    yaml::value::escape,
};
use before::ask_once;
use look::{Look, look};

pub(super) use course::{Course, blind_to_steps, course};
pub(super) use revision::Revisions;
pub(super) use source::Source;
pub use still::{Asked, Still, still_runs};

/// Time between the first two questions to a workload. It doubles up to [`LONGEST_PAUSE`]: a quick
/// controller is seen at once, a slow one is not bothered.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest time between two questions to a workload.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pause between answers that must agree, and between the first looks for a version that is to be gone.
const AGREEING_PAUSE: Duration = Duration::from_secs(2);

/// How many looks in a row must miss a version before it counts as gone: one may be a hiccup.
const LOOKS_UNTIL_GONE: u32 = 2;

/// How long what we wrote must be said to fail, without a break, until that is believed: a controller
/// that has just begun often says so of what comes up a moment later.
pub(super) const FAILING_FOR: Duration = Duration::from_secs(30);

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waited {
    /// It is as wanted.
    Live,
    /// Waiting longer is of no use; says why.
    Failed(String),
    /// Time is up; says what was seen last.
    TimeUp(String),
    /// Asked to stop.
    Stopped(StopReason),
}

/// What is waited for.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Service and environment.
    pub target: &'a Target,
    /// Where it is seen what the workload runs.
    pub live: &'a Live,
    /// The workload's word: `stable`, `canary`.
    pub arm: &'a str,
    /// The version.
    pub version: &'a str,
    /// A commit of the branch that says so; a controller must have come this far.
    pub commit: &'a CommitId,
    /// Must the workload run it, or must it no longer?
    pub presence: Presence,
    /// How long at most.
    pub limit: Duration,
    /// May it end as soon as the cluster says that it fails? On a way back there is nothing better
    /// to do than to wait.
    pub fails_fast: bool,
}

/// What a version must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// What the workload answers with.
    Running,
    /// No longer what the workload answers with; that a service does not answer at all is as good.
    Gone,
}

/// Waits until a workload runs a version, or no longer does.
pub async fn wait(
    wanted: &Wanted<'_>,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Waited {
    let Wanted {
        arm,
        version,
        presence,
        limit,
        ..
    } = *wanted;
    // Controllers know when they are done; an address is answered by whichever pod it is.
    let agreeing = match wanted.live {
        Live::Http { answers, .. } => *answers,
        _ => 1,
    };
    let (aim, not_yet, looks, mut pause) = match presence {
        Presence::Running => ("run", "does not run", agreeing, FIRST_PAUSE),
        Presence::Gone => {
            let looks = agreeing.max(LOOKS_UNTIL_GONE);
            ("leave", "still runs", looks, AGREEING_PAUSE)
        }
    };
    let clock = &*outside.clock;
    let started = clock.now();
    let mut revisions = Revisions::default();
    let mut good_looks = 0;
    let mut failing_since: Option<DateTime<Utc>> = None;
    loop {
        let looked = match stop
            .or(Box::pin(look(wanted, outside, &mut revisions)))
            .await
        {
            Err(reason) => return Waited::Stopped(reason),
            Ok(looked) => looked,
        };
        let now = clock.now();
        let elapsed = (now - started).to_std().unwrap_or_default();
        failing_since = match looked {
            Look::Failing(_) => failing_since.or(Some(now)),
            _ => None,
        };
        let seen = match looked {
            Look::AsWanted => {
                good_looks += 1;
                if good_looks >= looks {
                    return Waited::Live;
                }
                format!("as wanted {good_looks} of {looks} times")
            }
            Look::Unusable(unusable) => {
                let reason = format!("whether {arm} runs {version} cannot be asked");
                return Waited::Failed(format!(
                    "{reason}: {} ({})",
                    unusable.reason, unusable.hint
                ));
            }
            Look::NotYet(seen) => {
                good_looks = 0;
                seen
            }
            Look::Failing(seen) => {
                good_looks = 0;
                let since = failing_since.unwrap_or(now);
                let failing = (now - since).to_std().unwrap_or_default();
                if wanted.fails_fast && failing >= FAILING_FOR {
                    return Waited::Failed(format!(
                        "{arm} fails to run {version}, and has for {} ({seen})",
                        format_duration(failing)
                    ));
                }
                seen
            }
        };
        // What has come up at the last moment is looked at to its end.
        if elapsed >= limit && good_looks == 0 {
            return Waited::TimeUp(format!(
                "{arm} {not_yet} {version} after {} ({seen})",
                format_duration(limit)
            ));
        }
        reporter.event(&Event::Waiting {
            at: now,
            what: format!("{arm} to {aim} {version} ({seen})"),
            elapsed,
            limit: Some(limit),
        });
        let rest = match presence {
            Presence::Running if good_looks > 0 => AGREEING_PAUSE,
            Presence::Running | Presence::Gone => pause,
        };
        if let Err(reason) = stop.sleep(clock, rest).await {
            return Waited::Stopped(reason);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Looks once whether a workload is as wanted; if it is not, says what was seen.
///
/// # Errors
/// It is not, or nobody knows.
pub async fn look_once(wanted: &Wanted<'_>, outside: &Outside<'_>) -> Result<(), String> {
    match Box::pin(look(wanted, outside, &mut Revisions::default())).await {
        Look::AsWanted => Ok(()),
        Look::NotYet(seen) | Look::Failing(seen) => Err(seen),
        Look::Unusable(unusable) => Err(unusable.reason),
    }
}

/// Returns where it is seen what each workload of a service runs, with the word that the
/// configuration names it by.
pub(super) fn arms(target: &Target) -> Vec<(&'static str, &Live)> {
    let workloads = target.service.strategy.workloads().into_iter();
    workloads
        .map(|(word, workload)| (word, &workload.live))
        .collect()
}

/// Says that the configuration does not tell any more where it is seen what a workload runs.
pub(super) fn not_named(workload: &ObjectRef) -> Failure {
    let reason = format!("the configuration names no `live` for {workload} any more");
    Failure::new(Ending::ConfigInvalid, reason)
        .hint("name the workload in `workloads` and `live` as it was when the run began")
}

/// Asks once for every arm, so that what cannot be asked is found before anything is changed. A
/// service's own address is left out: a canary without pods does not answer.
///
/// # Errors
/// [`Ending::Usage`] where credentials are missing or of no use, [`Ending::Unavailable`] where there
/// is no answer, or none that could ever say what is waited for.
pub async fn preflight(target: &Target, outside: &Outside<'_>) -> Result<(), Failure> {
    for (arm, live) in arms(target) {
        let source = Source {
            target,
            outside,
            arm,
        };
        let asked = Box::pin(ask_once(live, source)).await.map_err(|unusable| {
            let reason = format!("`live` of {arm}: {}", unusable.reason);
            Failure::new(Ending::Usage, reason).hint(unusable.hint)
        })?;
        asked.map_err(|reason| {
            let reason =
                format!("before anything was changed: what {arm} runs is not known: {reason}");
            let service = escape(&target.service.name);
            let pointer = format!("/services/{service}/live/{arm}");
            let at = preflight::place(target, &pointer);
            let hint = preflight::next_step(&reason, &at, "what is asked there");
            Failure::new(Ending::Unavailable, reason).hint(hint)
        })?;
    }
    Ok(())
}
