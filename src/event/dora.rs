//! The four figures of DORA (<https://dora.dev/guides/dora-metrics/>) from past deployments.
//!
//! A change is a deployment that was verified, or that was taken back because it failed. It failed
//! where its own verification took it back, or where a person took it back before another change came.
//! What was judged worse and left failed once somebody had to mend it, and not by the verdict: DORA
//! counts what "requires immediate intervention". Until it is accepted or mended it is no change yet.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Deployment;

/// The four figures over a range of time.
#[derive(Debug, Clone, PartialEq)]
pub struct DoraFigures {
    /// Start of the range, inclusive; none = there is nothing in it.
    pub from: Option<DateTime<Utc>>,
    /// End of the range, exclusive.
    pub until: DateTime<Utc>,
    /// Changes that were verified.
    pub deployments: usize,
    /// How many of them a week; none where the range is shorter than a day.
    pub deployments_per_week: Option<f64>,
    /// Time between two of them.
    pub between: Median,
    /// Time from the commit of a change, as its author dated it, to verified.
    pub lead_time: Median,
    /// Changes that failed.
    pub failures: usize,
    /// Changes that were verified or failed: what the rate is of.
    pub changes: usize,
    /// Time from the first commit of a change that failed to its end on the way back.
    pub time_to_restore: Median,
    /// Runs that say nothing about changes: cancelled, interrupted, superseded, not finished, left
    /// although they were judged worse and not decided yet.
    pub not_counted: usize,
    /// Rehearsals.
    pub drills: usize,
}

/// The median of what is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Median {
    /// The median; none = nothing is known.
    pub median: Option<TimeDelta>,
    /// Of how many it is.
    pub known: usize,
    /// How many there are, known or not.
    pub of: usize,
}

impl DoraFigures {
    /// Returns the share of changes that failed, 0.0 to 1.0; none without any change.
    pub fn change_failure_rate(&self) -> Option<f64> {
        // Nobody has made more than 2^32 deployments.
        let whole = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
        (self.changes > 0).then(|| whole(self.failures) / whole(self.changes))
    }
}

/// One change, as far as the figures ask.
#[derive(Debug)]
struct Change<'a> {
    run: &'a Deployment,
    verified: bool,
    failed: bool,
    /// Was it judged worse and left, and has nobody done anything about that yet?
    is_open: bool,
    /// Does it run until something takes its place?
    runs: bool,
    restored_at: Option<DateTime<Utc>>,
}

impl<'a> Change<'a> {
    /// One that runs, of which nothing is known yet.
    fn of(run: &'a Deployment) -> Self {
        Self {
            run,
            verified: false,
            failed: false,
            is_open: false,
            runs: true,
            restored_at: None,
        }
    }

    /// It failed, and what ended that is this run.
    fn fail(&mut self, remedy: &Deployment) {
        self.failed = true;
        self.is_open = false;
        self.runs = false;
        self.restored_at = remedy.finished_at;
    }
}

/// Computes the figures from all deployments there are, of any services, in any order. `from`
/// limits what is counted; what came before it still tells what was restored. None = from the first
/// deployment on.
pub fn figures(
    deployments: &[Deployment],
    from: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
) -> DoraFigures {
    let first = deployments.iter().filter_map(|run| run.started_at).min();
    let from = from.or(first);
    let inside = |run: &Deployment| {
        let at = run.finished_at.or(run.started_at);
        at.is_some_and(|at| from.is_none_or(|from| from <= at) && at < until)
    };
    let mut services: BTreeMap<(&str, &str), Vec<&Deployment>> = BTreeMap::new();
    for run in deployments {
        let place = (run.environment.as_str(), run.service.as_str());
        services.entry(place).or_default().push(run);
    }
    let (mut changes, mut not_counted, mut drills) = (Vec::new(), 0, 0);
    for runs in services.values_mut() {
        runs.sort_by_key(|run| (run.started_at, run.finished_at));
        let mut of_service: Vec<Change<'_>> = Vec::new();
        for run in runs.iter() {
            match Kind::of(run) {
                Kind::Drill => drills += usize::from(inside(run)),
                Kind::Nothing => not_counted += usize::from(inside(run)),
                Kind::Good => {
                    // What was left although it was judged worse is mended by what came after it.
                    for change in of_service.iter_mut().filter(|it| it.is_open) {
                        change.fail(run);
                    }
                    of_service.push(Change {
                        verified: true,
                        ..Change::of(run)
                    });
                }
                Kind::Left => of_service.push(Change {
                    is_open: true,
                    ..Change::of(run)
                }),
                Kind::Bad => {
                    let mut change = Change::of(run);
                    change.fail(run);
                    of_service.push(change);
                }
                Kind::Remedy => {
                    // What runs is the last change that came to its end and was not taken back.
                    let live = of_service.iter_mut().rev().find(|change| change.runs);
                    if let Some(change) = live {
                        change.fail(run);
                    }
                }
            }
        }
        let of_range = of_service.into_iter().filter(|change| inside(change.run));
        let (open, told): (Vec<_>, Vec<_>) = of_range.partition(|change| change.is_open);
        not_counted += open.len();
        changes.extend(told);
    }
    let mut verified: Vec<&Change<'_>> = changes.iter().filter(|it| it.verified).collect();
    verified.sort_by_key(|change| change.run.finished_at);
    let ends: Vec<_> = verified
        .iter()
        .filter_map(|it| it.run.finished_at)
        .collect();
    let between = ends.iter().zip(ends.iter().skip(1));
    let failed = || changes.iter().filter(|change| change.failed);
    DoraFigures {
        from,
        until,
        deployments: verified.len(),
        deployments_per_week: from.and_then(|from| per_week(verified.len(), until - from)),
        between: median(between.map(|(one, next)| Some(*next - *one))),
        lead_time: median(
            verified
                .iter()
                .map(|it| time(it.run.source_at, it.run.finished_at)),
        ),
        failures: failed().count(),
        changes: changes.len(),
        time_to_restore: median(failed().map(|it| time(it.run.started_at, it.restored_at))),
        not_counted,
        drills,
    }
}

/// What a run says about changes.
enum Kind {
    /// A rehearsal.
    Drill,
    /// A change that was verified.
    Good,
    /// A change that failed, and was taken back by its own run.
    Bad,
    /// A change that was judged worse and runs all the same, because that was only to be told.
    Left,
    /// The change that ran until then was taken back.
    Remedy,
    /// Nothing.
    Nothing,
}

impl Kind {
    fn of(run: &Deployment) -> Self {
        match run.state.as_str() {
            _ if run.drill => Self::Drill,
            "verified" if run.strategy == "cleanup" => Self::Nothing,
            "verified" if run.strategy == "direct" => Self::Remedy,
            "verified" => Self::Good,
            // Nobody had to mend what somebody accepted.
            "accepted" => Self::Good,
            "alerted" => Self::Left,
            "rolled-back" if run.takes_back => Self::Remedy,
            "rolled-back" => match run.cause.as_deref() {
                Some("verification" | "asked") => Self::Bad,
                _ => Self::Nothing,
            },
            _ => Self::Nothing,
        }
    }
}

/// Nothing that lies before its beginning is a length: the clocks of two machines differ.
fn time(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Option<TimeDelta> {
    let length = to? - from?;
    (length >= TimeDelta::zero()).then_some(length)
}

fn per_week(count: usize, range: TimeDelta) -> Option<f64> {
    let week = TimeDelta::weeks(1).num_seconds();
    let (count, range, week) = (
        u32::try_from(count).ok()?,
        u32::try_from(range.num_seconds()).ok()?,
        u32::try_from(week).ok()?,
    );
    let enough = i64::from(range) >= TimeDelta::days(1).num_seconds();
    enough.then(|| f64::from(count) * f64::from(week) / f64::from(range))
}

fn median(lengths: impl Iterator<Item = Option<TimeDelta>>) -> Median {
    let all: Vec<Option<TimeDelta>> = lengths.collect();
    let mut known: Vec<TimeDelta> = all.iter().copied().flatten().collect();
    known.sort();
    let half = known.len() / 2;
    let upper = known.get(half).copied();
    let lower = half
        .checked_sub(1)
        .and_then(|below| known.get(below).copied());
    let median = match (lower, upper) {
        (Some(lower), Some(upper)) if known.len().is_multiple_of(2) => {
            Some(lower + (upper - lower) / 2)
        }
        _ => upper,
    };
    Median {
        median,
        known: known.len(),
        of: all.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hour state [cause] [flags]`: a run that began at that hour and took one.
    fn run(text: &str) -> Deployment {
        let mut words = text.split(' ');
        let hour: i64 = words.next().unwrap().parse().unwrap();
        let at = |hour| DateTime::from_timestamp(hour * 3600, 0);
        let mut run = Deployment {
            state: words.next().unwrap().to_owned(),
            strategy: "canary".to_owned(),
            started_at: at(hour),
            finished_at: at(hour + 1),
            ..Deployment::default()
        };
        for word in words {
            match word {
                "drill" => run.drill = true,
                "back" => run.takes_back = true,
                "direct" => run.strategy = "direct".to_owned(),
                "open" => run.finished_at = None,
                "other" => run.service = "other".to_owned(),
                cause => match cause.strip_prefix("written-") {
                    Some(hour) => run.source_at = at(hour.parse().unwrap()),
                    None => run.cause = Some(cause.to_owned()),
                },
            }
        }
        run
    }

    fn told(from: Option<i64>, until: i64, runs: &[&str]) -> String {
        let runs: Vec<Deployment> = runs.iter().map(|text| run(text)).collect();
        let at = |hour: i64| DateTime::from_timestamp(hour * 3600, 0);
        let found = figures(&runs, from.and_then(at), at(until).unwrap());
        let hours = |median: Median| {
            let value = median.median.map(|it| it.num_minutes() as f64 / 60.0);
            let value = value.map_or("?".to_owned(), |hours| format!("{hours}h"));
            format!("{value} of {}/{}", median.known, median.of)
        };
        format!(
            "{} deployed, {:.1} a week, between {}; lead {}; failed {}/{}; restored {}; {} not counted, {} drills",
            found.deployments,
            found.deployments_per_week.unwrap_or(-1.0),
            hours(found.between),
            hours(found.lead_time),
            found.failures,
            found.changes,
            hours(found.time_to_restore),
            found.not_counted,
            found.drills
        )
    }

    #[test]
    fn figures_of_small_pasts() {
        let rows: &[(&str, &[&str])] = &[
            ("nothing", &[]),
            ("one", &["0 verified"]),
            (
                "three",
                &[
                    "0 verified written--4",
                    "10 verified",
                    "40 verified written-39",
                ],
            ),
            (
                "taken back by itself",
                &["0 verified", "10 rolled-back verification"],
            ),
            (
                "left, and taken back by a person",
                &["0 verified", "10 alerted", "20 rolled-back asked back"],
            ),
            (
                "left, and mended by the next",
                &[
                    "0 verified",
                    "10 alerted",
                    "20 verified",
                    "30 rolled-back asked back",
                ],
            ),
            ("left, and accepted", &["0 verified", "10 accepted"]),
            (
                "left, accepted, and replaced by the next",
                &["0 verified", "10 accepted", "20 verified"],
            ),
            (
                "left, accepted, and taken back after all",
                &["0 verified", "10 accepted", "20 rolled-back asked back"],
            ),
            (
                "left, and nobody has decided",
                &["0 verified", "10 alerted"],
            ),
            (
                "taken back by a person",
                &["0 verified", "10 verified", "20 rolled-back asked back"],
            ),
            (
                "taken back twice",
                &[
                    "0 verified",
                    "10 verified",
                    "20 rolled-back asked back",
                    "30 rolled-back asked back",
                ],
            ),
            (
                "gone back to a named version",
                &["0 verified", "10 verified direct"],
            ),
            (
                "cancelled, interrupted, and the like",
                &[
                    "0 rolled-back cancelled",
                    "2 rolled-back interrupted",
                    "4 rolled-back superseded",
                    "6 rolled-back trouble",
                    "8 withdrawn",
                    "10 superseded",
                    "12 held open",
                    "14 started open",
                ],
            ),
            (
                "rehearsals",
                &[
                    "0 verified",
                    "2 rolled-back verification drill",
                    "4 rolled-back asked back drill",
                    "6 verified drill",
                ],
            ),
            (
                "another service's way back",
                &[
                    "0 verified",
                    "4 verified other",
                    "6 rolled-back asked back other",
                ],
            ),
            ("a change from the future", &["0 verified written-50"]),
        ];
        let lines: Vec<String> = rows
            .iter()
            .map(|(what, runs)| format!("{what}: {}", told(Some(-100), 68, runs)))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        nothing: 0 deployed, 0.0 a week, between ? of 0/0; lead ? of 0/0; failed 0/0; restored ? of 0/0; 0 not counted, 0 drills
        one: 1 deployed, 1.0 a week, between ? of 0/0; lead ? of 0/1; failed 0/1; restored ? of 0/0; 0 not counted, 0 drills
        three: 3 deployed, 3.0 a week, between 20h of 2/2; lead 3.5h of 2/3; failed 0/3; restored ? of 0/0; 0 not counted, 0 drills
        taken back by itself: 1 deployed, 1.0 a week, between ? of 0/0; lead ? of 0/1; failed 1/2; restored 1h of 1/1; 0 not counted, 0 drills
        left, and taken back by a person: 1 deployed, 1.0 a week, between ? of 0/0; lead ? of 0/1; failed 1/2; restored 11h of 1/1; 0 not counted, 0 drills
        left, and mended by the next: 2 deployed, 2.0 a week, between 20h of 1/1; lead ? of 0/2; failed 2/3; restored 11h of 2/2; 0 not counted, 0 drills
        left, and accepted: 2 deployed, 2.0 a week, between 10h of 1/1; lead ? of 0/2; failed 0/2; restored ? of 0/0; 0 not counted, 0 drills
        left, accepted, and replaced by the next: 3 deployed, 3.0 a week, between 10h of 2/2; lead ? of 0/3; failed 0/3; restored ? of 0/0; 0 not counted, 0 drills
        left, accepted, and taken back after all: 2 deployed, 2.0 a week, between 10h of 1/1; lead ? of 0/2; failed 1/2; restored 11h of 1/1; 0 not counted, 0 drills
        left, and nobody has decided: 1 deployed, 1.0 a week, between ? of 0/0; lead ? of 0/1; failed 0/1; restored ? of 0/0; 1 not counted, 0 drills
        taken back by a person: 2 deployed, 2.0 a week, between 10h of 1/1; lead ? of 0/2; failed 1/2; restored 11h of 1/1; 0 not counted, 0 drills
        taken back twice: 2 deployed, 2.0 a week, between 10h of 1/1; lead ? of 0/2; failed 2/2; restored 21h of 2/2; 0 not counted, 0 drills
        gone back to a named version: 1 deployed, 1.0 a week, between ? of 0/0; lead ? of 0/1; failed 1/1; restored 11h of 1/1; 0 not counted, 0 drills
        cancelled, interrupted, and the like: 0 deployed, 0.0 a week, between ? of 0/0; lead ? of 0/0; failed 0/0; restored ? of 0/0; 8 not counted, 0 drills
        rehearsals: 1 deployed, 1.0 a week, between ? of 0/0; lead ? of 0/1; failed 0/1; restored ? of 0/0; 0 not counted, 3 drills
        another service's way back: 2 deployed, 2.0 a week, between 4h of 1/1; lead ? of 0/2; failed 1/2; restored 3h of 1/1; 0 not counted, 0 drills
        a change from the future: 1 deployed, 1.0 a week, between ? of 0/0; lead ? of 0/1; failed 0/1; restored ? of 0/0; 0 not counted, 0 drills
        ");
    }

    #[test]
    fn what_is_outside_of_the_range_is_not_counted() {
        let runs = ["0 verified", "10 verified", "20 rolled-back asked back"];
        let lines = [
            told(None, 100, &runs),
            told(Some(5), 100, &runs),
            told(Some(15), 100, &runs),
            told(None, 9, &runs),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        2 deployed, 3.4 a week, between 10h of 1/1; lead ? of 0/2; failed 1/2; restored 11h of 1/1; 0 not counted, 0 drills
        1 deployed, 1.8 a week, between ? of 0/0; lead ? of 0/1; failed 1/1; restored 11h of 1/1; 0 not counted, 0 drills
        0 deployed, 0.0 a week, between ? of 0/0; lead ? of 0/0; failed 0/0; restored ? of 0/0; 0 not counted, 0 drills
        1 deployed, -1.0 a week, between ? of 0/0; lead ? of 0/1; failed 0/1; restored ? of 0/0; 0 not counted, 0 drills
        ");
    }
}
