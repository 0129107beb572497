//! Polls of a time that is over: what a watch would have counted then, asked for all at once.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    Endpoints,
    arms::Pair,
    counting::Counting,
    polls::{Grid, Other},
    questions::source,
    source::{Instants, Probe, Trouble},
};
use crate::{
    analysis::judge::Poll,
    clock::Clock,
    config::{
        query::Variables,
        verification::{Compared, Comparison, Metric},
    },
    event::{Ending, Failure},
    probe::{Client, prometheus::Batch},
    units::format_duration,
};

/// The shortest time between two instants, in milliseconds.
const SHORTEST_STEP: i64 = 1_000;

/// A range of instants: the first, and one every step after it up to the last. It has at least one
/// whole step, of at least a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRange {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: Duration,
}

impl PastRange {
    /// Makes a range of whole steps inside what was asked for: instants are multiples of the step, so
    /// that no server moves them, and nothing of the time outside gets in. Where the time is too short
    /// for that they are counted from its beginning.
    ///
    /// # Errors
    /// [`Ending::Usage`]: a step of less than a second; a range that ends before it begins or in the
    /// future, or has no whole step.
    pub fn new(
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        step: Duration,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let refuse = |reason: String| Err(Failure::new(Ending::Usage, reason));
        let asked = format!("the time from {} to {}", shown(from), shown(to));
        let length = milliseconds(step);
        if length < SHORTEST_STEP {
            return refuse(format!(
                "a step of {} is too short, expected at least 1s",
                format_duration(step)
            ));
        }
        if from >= to {
            return refuse(format!("{asked} ends before it begins"));
        }
        if to > now {
            return refuse(format!("{asked} is not over, it is {} now", shown(now)));
        }
        let mut first = next_multiple(from.timestamp_millis(), length);
        let mut last = to.timestamp_millis().div_euclid(length) * length;
        if last <= first {
            first = from.timestamp_millis();
            last = first + (to.timestamp_millis() - first).div_euclid(length) * length;
        }
        if last <= first {
            return refuse(format!(
                "{asked} has no whole step of {}",
                format_duration(step)
            ));
        }
        Ok(Self {
            from: instant(first).unwrap_or(from),
            to: instant(last).unwrap_or(to),
            step,
        })
    }

    /// Returns how long a poll of it is.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// Returns how many polls it has: one less than instants, at least 1.
    pub fn polls(&self) -> u32 {
        let length = (self.to - self.from).num_milliseconds();
        u32::try_from(length / milliseconds(self.step)).unwrap_or(u32::MAX)
    }

    fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Returns as many parts of equal length as there are polls to be held against it, whatever that
    /// makes of the step.
    fn in_parts(self, polls: u32) -> Result<Instants, Failure> {
        let (from, polls) = (self.from.timestamp_millis(), i64::from(polls.max(1)));
        let length = (self.to - self.from).num_milliseconds();
        let mut part = length / polls;
        if part > 0 && from.rem_euclid(part) != 0 {
            // Room to begin at a multiple of the step.
            part = length / (polls + 1);
        }
        if part < SHORTEST_STEP {
            let reason = format!("{self} is too short to be cut into {polls} parts of at least 1s");
            return Err(Failure::new(Ending::Usage, reason)
                .hint("give stable a longer time, or a longer --step"));
        }
        let first = next_multiple(from, part);
        Ok(Instants {
            from: instant(first).unwrap_or(self.from),
            to: instant(first + part * polls).unwrap_or(self.to),
            step: Duration::from_millis(part.unsigned_abs()),
        })
    }
}

impl fmt::Display for PastRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} to {}", shown(self.from), shown(self.to))
    }
}

/// Who is judged over which time, and against whom.
#[derive(Debug, Clone)]
pub struct Past {
    /// What the variables stand for in questions about what is judged.
    pub judged: Variables,
    /// The time that is judged.
    pub range: PastRange,
    /// What the variables stand for in questions about what it is held against.
    pub reference: Variables,
    /// The time that it is held against, where that is another one.
    pub reference_range: Option<PastRange>,
}

/// The polls of a range, as far as there is data.
#[derive(Debug, Clone, PartialEq)]
pub struct PastPolls {
    /// In order.
    pub polls: Vec<Poll>,
    /// How many there would be.
    pub wanted: u32,
    /// Why the first of those that are missing is.
    pub first_gap: Option<String>,
    /// What they rest on, where that is no more than the configuration's word.
    pub doubt: Option<&'static str>,
}

/// Why there are no polls.
#[derive(Debug)]
pub enum PastTrouble {
    /// It cannot be asked at all.
    Refused(Failure),
    /// An answer that cannot be used, or that matches nothing.
    NoData(String),
    /// No answer.
    Unavailable(String),
}

impl From<Failure> for PastTrouble {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// Rebuilds the polls of one comparison, by the same counting as a watch of that time. Where the other
/// version is of another time, that time is cut into as many parts as there are polls, and poll and
/// part are paired in order.
///
/// # Errors
/// A provider that is not configured, a variable without a value, the same question for both, a time
/// that is too short; no answer, or none that can be used.
pub async fn past_polls(
    (metric, comparison): (&Metric, &Comparison),
    past: &Past,
    endpoints: &Endpoints,
    client: &Client,
    clock: &dyn Clock,
) -> Result<PastPolls, PastTrouble> {
    let range = past.range;
    let judged = source(metric, comparison, endpoints, &past.judged)?;
    let reference = source(metric, comparison, endpoints, &past.reference);
    let (reference, other) = if comparison.needs_stable() {
        let reference = reference?;
        let earlier = past.reference_range;
        if reference.asks_the_same(&judged) && earlier.is_none_or(|it| it.overlaps(range)) {
            return Err(same_question(&metric.name, earlier).into());
        }
        let other = match earlier {
            None => Other::Beside,
            Some(earlier) => Other::Before {
                instants: earlier.in_parts(range.polls())?,
                parts: None,
            },
        };
        (Some(reference), other)
    } else {
        // A limit needs nobody to be held against, and so no name of an old version.
        (reference.ok(), Other::Limit)
    };
    let absent_is_zero = absent_is_zero(comparison)?;
    let grid = Grid::new(range.from, range.step);
    let polls = Counting::new(judged, reference, other, grid, absent_is_zero, true);
    asked(polls, range, client, clock).await
}

/// Counts one version's requests over a time that is over, poll by poll, as those of a canary; nobody
/// is held against it.
///
/// # Errors
/// As [`past_polls`].
pub async fn past_counts(
    (metric, comparison): (&Metric, &Comparison),
    version: &Variables,
    range: PastRange,
    endpoints: &Endpoints,
    client: &Client,
    clock: &dyn Clock,
) -> Result<PastPolls, PastTrouble> {
    let counted = source(metric, comparison, endpoints, version)?;
    let absent_is_zero = absent_is_zero(comparison)?;
    let grid = Grid::new(range.from, range.step);
    // What is slow is learnt of whom a canary would be held against.
    let reference = Some(counted.clone());
    let polls = Counting::new(counted, reference, Other::Limit, grid, absent_is_zero, true);
    asked(polls, range, client, clock).await
}

/// Asks for all polls of a range at once.
async fn asked(
    mut polls: Counting,
    range: PastRange,
    client: &Client,
    clock: &dyn Clock,
) -> Result<PastPolls, PastTrouble> {
    let probe = Probe {
        client,
        clock,
        batch: &Batch::default(),
    };
    let found = polls.ask(probe, range.to).await;
    let found = found.map_err(|trouble| match trouble {
        Trouble::NoData(reason) => PastTrouble::NoData(reason),
        Trouble::Unavailable(reason) => PastTrouble::Unavailable(reason),
    })?;
    Ok(PastPolls {
        polls: found.iter().flatten().filter_map(Pair::counts).collect(),
        wanted: range.polls(),
        first_gap: polls.first_gap().map(str::to_owned),
        doubt: polls.doubt(),
    })
}

/// Returns whether bad requests that were never seen are none.
fn absent_is_zero(comparison: &Comparison) -> Result<bool, PastTrouble> {
    match comparison.compared {
        Compared::Requests { absent_is_zero, .. } => Ok(absent_is_zero),
        Compared::SlowShare { .. } => Ok(false),
        Compared::Quantile { .. } | Compared::Gauge { .. } => {
            let reason = "percentiles and finished numbers are compared while `verify` or `deploy` watch them, not afterwards";
            Err(PastTrouble::NoData(reason.to_owned()))
        }
    }
}

fn same_question(metric: &str, earlier: Option<PastRange>) -> Failure {
    let when = match earlier {
        None => "the same time",
        Some(_) => "times that overlap",
    };
    Failure::new(
        Ending::Usage,
        format!("`{metric}` asks the same of both versions at {when}"),
    )
    .hint("name two with --version and --stable-version, or another time with --stable-from and --stable-to")
}

fn milliseconds(step: Duration) -> i64 {
    i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1)
}

fn next_multiple(at: i64, step: i64) -> i64 {
    at.saturating_add(step - 1)
        .div_euclid(step)
        .saturating_mul(step)
}

fn instant(at: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(at)
}

fn shown(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: i64, to: i64, step: u64) -> Result<PastRange, Failure> {
        let at = |second| instant(1_000 * second).unwrap();
        PastRange::new(at(from), at(to), Duration::from_secs(step), at(1_000_000))
    }

    #[test]
    fn a_range_and_its_parts_are_whole_steps_inside_what_was_asked_for() {
        for (from, to, step) in [
            (600, 1_800, 30),
            (607, 1_799, 30),
            (601, 1_000, 1),
            (59, 601, 7),
        ] {
            let found = range(from, to, step).unwrap();
            let step = milliseconds(found.step);
            assert!(found.from.timestamp() >= from && found.to.timestamp() <= to);
            assert_eq!(found.from.timestamp_millis() % step, 0);
            let end = found.from.timestamp_millis() + i64::from(found.polls()) * step;
            assert_eq!(found.to.timestamp_millis(), end);
            for polls in 1..300 {
                let Ok(parts) = found.in_parts(polls) else {
                    let too_many = (to - from) / i64::from(polls + 1) <= 1 + 2 * step / 1_000;
                    assert!(too_many, "{polls} parts of {found}");
                    continue;
                };
                let part = milliseconds(parts.step);
                assert!(part >= SHORTEST_STEP);
                assert!(parts.from >= found.from && parts.to <= found.to);
                assert_eq!(parts.from.timestamp_millis() % part, 0);
                let length = (parts.to - parts.from).num_milliseconds();
                assert_eq!(length, i64::from(polls) * part);
            }
        }
    }
}
