//! The polls of both versions from sums by window: each request in one window, each window in one poll.
//!
//! A provider that keeps sums has them in buckets, of which the newest ones still grow. So the window
//! of a poll ends `settle` before the poll, at the end of a bucket, and begins where the one before it
//! ended. The first one begins with the comparison and not before it: what came earlier is of another
//! time. What nobody answered is asked for again, window by window; a window in which an arm had
//! nothing is part of the next one, of both arms alike.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;

use super::{
    arms::{Amount, Pair},
    polls::{Grid, Other},
    source::{Instants, Probe, Trouble},
    sums::{Sums, Window},
};
use crate::analysis::{
    counters::{Absent, Counted},
    judge::Counts,
};

/// How often a shorter time is asked for, where the old version is younger than the time before.
const ROUNDS: usize = 3;
/// How long ago the last question is at least.
const TOO_SOON: TimeDelta = TimeDelta::seconds(1);

/// Both versions, and how far they were counted.
pub(super) struct WindowPolls {
    judged: Sums,
    /// The old version; where it is held against a limit, it tells only whether bad requests are
    /// counted at all.
    reference: Option<Sums>,
    other: Other,
    grid: Grid,
    /// How long before a poll its window ends; none for a time that is over.
    lag: TimeDelta,
    absent: Absent,
    asked_hour_before: bool,
    last_asked: Option<DateTime<Utc>>,
    /// Until when everything is counted.
    covered: DateTime<Utc>,
    /// What was counted since the last poll, of what is judged and of the old version.
    open: (Window, Window),
    /// The parts of the time before.
    parts: Option<Vec<Window>>,
    taken: usize,
    first_gap: Option<String>,
}

impl WindowPolls {
    /// Begins without anything counted. `is_over` says that it is about a time of the past, whose
    /// windows need not end before its instants.
    pub(super) fn new(
        judged: Sums,
        reference: Option<Sums>,
        other: Other,
        grid: Grid,
        is_zero: bool,
        is_over: bool,
    ) -> Self {
        Self {
            covered: judged.ceiling(grid.first()),
            lag: if is_over {
                TimeDelta::zero()
            } else {
                judged.settle()
            },
            judged,
            reference,
            other,
            grid,
            absent: Absent {
                is_zero,
                was_there: false,
            },
            asked_hour_before: false,
            last_asked: None,
            open: (Window::default(), Window::default()),
            parts: None,
            taken: 0,
            first_gap: None,
        }
    }

    /// Says why a window was the first one that made no poll; none where all did.
    pub(super) fn first_gap(&self) -> Option<&str> {
        self.first_gap.as_deref()
    }

    pub(super) fn other(&self) -> &Other {
        &self.other
    }

    /// Returns which requests are counted beside all of them, and what is known of their sum.
    pub(super) fn counted(&self) -> (Option<Counted>, Absent) {
        (Some(self.judged.counted), self.absent)
    }

    pub(super) fn grid(&self) -> Grid {
        self.grid
    }

    /// Returns how long after its end a window may still grow.
    pub(super) fn settle(&self) -> Duration {
        self.judged.source.settle()
    }

    /// Returns the polls that are new at `now`: one for each instant of the grid whose window is
    /// finished, as many as there are where some were passed over. None at all where no window is.
    pub(super) async fn ask(
        &mut self,
        probe: Probe<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<Pair>>, Trouble> {
        let at = match (self.grid.at_or_before(now), self.last_asked) {
            (Some(at), None) => at,
            (Some(at), Some(last)) if at > last => at,
            (_, Some(last)) if now - last < TOO_SOON => return Ok(None),
            _ => now,
        };
        self.last_asked = Some(at);
        let bounds = self.bounds(at, probe.clock.now());
        if bounds.len() < 2 {
            return Ok(None);
        }
        self.ask_history(probe).await?;
        let beside = match self.other {
            Other::Beside => self.reference.as_ref(),
            Other::Limit | Other::Before { .. } => None,
        };
        let reference = async {
            match beside {
                Some(sums) => sums.windows(probe, &bounds).await,
                None => bounds
                    .iter()
                    .skip(1)
                    .map(|_| Ok(Window::default()))
                    .collect(),
            }
        };
        let (judged, reference) = join(self.judged.windows(probe, &bounds), reference).await;
        let windows: Vec<Result<(Window, Window), Trouble>> = judged
            .into_iter()
            .zip(reference)
            .map(|(judged, reference)| Ok((judged?, reference?)))
            .collect();
        self.look_for_bad_ones(probe, &windows).await?;
        let mut polls = Vec::new();
        let mut last = Ok(());
        for (end, window) in bounds.into_iter().skip(1).zip(windows) {
            last = match window {
                Ok(window) => {
                    self.covered = end;
                    self.open = (self.open.0.and(window.0), self.open.1.and(window.1));
                    self.poll()
                        .map(|pair| polls.push(pair))
                        .map_err(Trouble::NoData)
                }
                Err(trouble) => Err(trouble),
            };
            if let Err(Trouble::NoData(reason) | Trouble::Unavailable(reason)) = &last {
                self.first_gap.get_or_insert_with(|| reason.clone());
            }
            if self.covered < end {
                // What follows would be counted without it.
                break;
            }
        }
        match last {
            // What came before a window without data is kept.
            Err(trouble) if polls.is_empty() => Err(trouble),
            _ => Ok(Some(polls)),
        }
    }

    /// Returns until when everything is counted, then the end of each window that follows.
    fn bounds(&mut self, at: DateTime<Utc>, clock: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let settled = clock - self.judged.settle();
        let mut bounds = vec![self.covered];
        let mut newest = self.covered;
        let near = self.grid.at_or_before(self.covered + self.lag);
        let mut instant = near.unwrap_or(self.grid.first());
        while instant <= at {
            let end = self.judged.floor((instant - self.lag).min(settled));
            if end > newest {
                bounds.push(end);
                newest = end;
            } else if instant > self.covered + self.lag && self.lag.is_zero() {
                self.first_gap.get_or_insert_with(|| {
                    "what was counted last is not finished, or a step is shorter than a bucket"
                        .to_owned()
                });
            }
            if instant == at {
                break;
            }
            instant = self.grid.after(instant).min(at);
        }
        bounds
    }

    /// Makes a poll of what was counted since the last one.
    fn poll(&mut self) -> Result<Pair, String> {
        let (judged, reference) = self.open;
        let canary = self.counts("canary", judged)?;
        let stable = match &self.other {
            Other::Limit => None,
            Other::Beside => Some(self.counts("stable", reference)?),
            Other::Before { .. } => {
                let part = self.parts.as_ref().and_then(|parts| parts.get(self.taken));
                match part {
                    Some(part) if part.total.is_some() => Some(self.counts("stable", *part)?),
                    _ => None,
                }
            }
        };
        self.open = (Window::default(), Window::default());
        self.taken += 1;
        Ok(Pair {
            canary: Amount::Counts(canary),
            stable: stable.map(Amount::Counts),
        })
    }

    fn counts(&self, name: &str, window: Window) -> Result<Counts, String> {
        let key = self.judged.counted.key();
        let total = window
            .total
            .ok_or_else(|| format!("`total` counts nothing for {name}: has it had a request?"))?;
        let bad = match (self.judged.counted, window.counted) {
            (_, Some(counted)) if counted > total => {
                return Err(format!(
                    "{counted:.0} {key} requests of {total:.0} for {name}: do both queries count the same requests?"
                ));
            }
            (Counted::Bad, Some(bad)) => bad,
            (Counted::Good, Some(good)) => total - good,
            (counted @ Counted::Bad, None) => {
                self.absent.check(counted, true)?;
                0.0
            }
            (Counted::Good, None) => {
                return Err(format!(
                    "`{key}` counts nothing for {name}, but `total` does: is the query right?"
                ));
            }
        };
        Counts::measured(total, bad).map_err(|error| format!("{error}, for {name}"))
    }

    /// A query with a slip counts nothing, and so does one for bad requests that never were. Only
    /// that it once counted something tells the two apart.
    async fn look_for_bad_ones(
        &mut self,
        probe: Probe<'_>,
        windows: &[Result<(Window, Window), Trouble>],
    ) -> Result<(), Trouble> {
        let has_counted = |window: &Window| window.counted.is_some();
        let found = windows.iter().flatten();
        self.absent.was_there |= found
            .into_iter()
            .any(|(judged, reference)| has_counted(judged) || has_counted(reference));
        let is_known = self.absent.check(self.judged.counted, true).is_ok();
        if is_known || self.asked_hour_before {
            return Ok(());
        }
        let until = self.grid.first().min(probe.clock.now());
        for sums in std::iter::once(&self.judged).chain(&self.reference) {
            self.absent.was_there |= sums.was_counted(probe, until).await?;
        }
        self.asked_hour_before = true;
        Ok(())
    }

    /// Counts the time before the change, part by part, once.
    async fn ask_history(&mut self, probe: Probe<'_>) -> Result<(), Trouble> {
        let (Other::Before { instants, .. }, Some(sums)) = (&self.other, &self.reference) else {
            return Ok(());
        };
        if self.parts.is_some() {
            return Ok(());
        }
        let parts = history(sums, probe, *instants).await?;
        self.absent.was_there |= parts.iter().any(|part| part.counted.is_some());
        self.parts = Some(parts);
        Ok(())
    }
}

/// Counts the parts of the time before the change. An old version that was counted for a part of it
/// only has that part cut into as many parts, as far as there are buckets.
///
/// # Errors
/// [`Trouble::NoData`] where nothing was counted before the change; no answer.
async fn history(
    sums: &Sums,
    probe: Probe<'_>,
    instants: Instants,
) -> Result<Vec<Window>, Trouble> {
    let parts = i64::try_from(instants.steps()).unwrap_or(i64::MAX).max(1);
    let to = sums.floor(instants.to).timestamp_millis();
    let mut from = sums.ceiling(instants.from).timestamp_millis();
    let mut round = 0;
    loop {
        let bounds = cut((from, to), parts, sums.bucket());
        let found = sums.windows(probe, &bounds).await;
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        let Some(first) = found.iter().position(|part| part.total.is_some()) else {
            return Err(Trouble::NoData(format!(
                "`total` counts nothing for {} before the change, so there is nothing to compare with",
                sums.arm
            )));
        };
        round += 1;
        match bounds.get(first) {
            Some(begin) if first > 0 && round < ROUNDS => from = begin.timestamp_millis(),
            _ => return Ok(found.into_iter().skip(first).collect()),
        }
    }
}

/// Cuts a time at whole buckets into parts of about the same length, as many as there can be.
fn cut((from, to): (i64, i64), parts: i64, bucket: i64) -> Vec<DateTime<Utc>> {
    let buckets = ((to - from) / bucket).max(0);
    let parts = parts.min(buckets);
    let bound = |part: i64| {
        let at = from + part * buckets / parts.max(1) * bucket;
        DateTime::from_timestamp_millis(at)
    };
    (0..=parts).filter_map(bound).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_of_a_time_are_whole_buckets_that_follow_each_other(
            from in 0_i64..1_000, buckets in 0_i64..500, parts in 1_i64..60, bucket in 1_i64..90,
        ) {
            let (from, bucket) = (from * bucket * 1_000, bucket * 1_000);
            let to = from + buckets * bucket;
            let bounds = cut((from, to), parts, bucket);
            let bounds: Vec<i64> = bounds.iter().map(DateTime::timestamp_millis).collect();
            prop_assert_eq!(bounds.len() as i64, parts.min(buckets) + 1);
            prop_assert_eq!(bounds.first(), Some(&from));
            prop_assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(bounds.iter().all(|bound| bound % bucket == 0));
            prop_assert!(buckets == 0 || bounds.last() == Some(&to));
        }
    }
}
