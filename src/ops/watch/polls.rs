//! What came of both versions, poll by poll, at instants that can be asked for again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;

use super::{
    arms::{Amount, Arms, Glance, Pair},
    history,
    source::{Instants, Probe, Source, Trouble},
};
use crate::analysis::counters::{Absent, Counted};

/// The instants of a comparison: a first one, and one every interval after it. Whoever comes later
/// asks for the same ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    first: DateTime<Utc>,
    interval: TimeDelta,
}

impl Grid {
    pub(super) fn new(first: DateTime<Utc>, interval: Duration) -> Self {
        let interval = TimeDelta::from_std(interval).unwrap_or(TimeDelta::MAX);
        Self {
            // The API of Prometheus knows no fractions of a millisecond.
            first: DateTime::from_timestamp_millis(first.timestamp_millis()).unwrap_or(first),
            interval: interval.max(TimeDelta::seconds(1)),
        }
    }

    /// Moves it on to an instant that the grids of other services share: a quarter of the interval
    /// at most, so that as many questions are asked together as four queries hold.
    fn in_step(&mut self) {
        let quarter = (self.interval.num_milliseconds() / 4).max(1000);
        let first = self.first.timestamp_millis();
        let late = (-first).rem_euclid(quarter);
        self.first = self
            .first
            .checked_add_signed(TimeDelta::milliseconds(late))
            .unwrap_or(self.first);
    }

    /// Returns the first instant.
    pub(super) fn first(&self) -> DateTime<Utc> {
        self.first
    }

    /// Returns the last instant that is not after `now`; none before the first one.
    pub(super) fn at_or_before(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let since = (now - self.first).num_milliseconds();
        let step = self.interval.num_milliseconds();
        (since >= 0).then(|| now - TimeDelta::milliseconds(since.rem_euclid(step)))
    }

    /// Returns the first instant that is after `now`.
    pub(super) fn after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.at_or_before(now).map_or(self.first, |at| {
            at.checked_add_signed(self.interval)
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        })
    }
}

/// What the numbers of the new version are paired with.
pub(super) enum Other {
    /// Nothing: it is held against a limit.
    Limit,
    /// The old version at the same instants.
    Beside,
    /// The old version before the change: the parts of that time, one for each poll.
    Before {
        /// As many steps as there will be polls.
        instants: Instants,
        parts: Option<Vec<Option<Amount>>>,
    },
}

/// Both versions, and where they stood last.
pub(super) struct Polls {
    judged: Source,
    /// The old version; where it is held against a limit, it tells only whether bad requests are
    /// counted at all.
    reference: Option<Source>,
    other: Other,
    grid: Grid,
    arms: Option<Arms>,
    /// What is known of the counter of bad requests.
    absent: Absent,
    asked_hour_before: bool,
    /// The last instant that was answered for, whatever the answer was.
    last_answered: Option<DateTime<Utc>>,
    taken: usize,
    /// Why an instant was the first one that made no poll.
    first_gap: Option<String>,
}

impl Polls {
    pub(super) fn new(
        judged: Source,
        reference: Option<Source>,
        other: Other,
        grid: Grid,
        is_zero: bool,
    ) -> Self {
        Self {
            judged,
            reference,
            other,
            grid,
            arms: None,
            absent: Absent {
                is_zero,
                was_there: false,
            },
            asked_hour_before: false,
            last_answered: None,
            taken: 0,
            first_gap: None,
        }
    }

    /// Says why an instant was the first one whose counts could not be used; none where all could be.
    pub(super) fn first_gap(&self) -> Option<&str> {
        self.first_gap.as_deref()
    }

    pub(super) fn other(&self) -> &Other {
        &self.other
    }

    /// Returns which requests are counted beside all of them, and what is known of their counter.
    pub(super) fn counted(&self) -> (Option<Counted>, Absent) {
        (self.judged.queries.counted(), self.absent)
    }

    pub(super) fn grid(&self) -> Grid {
        self.grid
    }

    /// Asks at instants that other services ask at, where it lasts long enough for a later beginning.
    pub(super) fn in_step(&mut self, length: Duration) {
        let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        if self.last_answered.is_none() && length / 4 >= self.grid.interval {
            self.grid.in_step();
        }
    }

    /// Returns the polls that are new at `now`: none at the first look, one at each that follows, and
    /// several where instants were passed over. An instant without an answer, or whose answer nobody
    /// waited for, is asked for again with the next one; what was answered without data is part of
    /// the next poll. None at all where it is too soon for another one.
    pub(super) async fn ask(
        &mut self,
        probe: Probe<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<Pair>>, Trouble> {
        const TOO_SOON: TimeDelta = TimeDelta::seconds(1);
        let now = DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now);
        let on_grid = self.grid.at_or_before(now);
        let at = match (on_grid, self.last_answered) {
            (Some(at), None) => at,
            (Some(at), Some(last)) if at > last => at,
            (_, Some(last)) if now - last < TOO_SOON => return Ok(None),
            _ => now,
        };
        // Whoever slept too long, had no answer, or was not there yet, has the instants in between told.
        let from = match self.last_answered {
            Some(last) if self.arms.is_some() => self.grid.after(last),
            _ => self.grid.first,
        };
        let looks = match self.looks_from(probe, from, at).await {
            // Merged into one poll, many instants would count for no more than one of them.
            Err(Trouble::Unavailable(reason)) => return Err(Trouble::Unavailable(reason)),
            answered => {
                self.last_answered = Some(at);
                answered?
            }
        };
        let mut polls = Vec::new();
        let mut last = Ok(());
        for (judged, reference) in looks {
            last = match self.take(judged, reference) {
                Ok(poll) => {
                    polls.extend(poll);
                    Ok(())
                }
                Err(reason) => {
                    self.first_gap.get_or_insert_with(|| reason.clone());
                    Err(Trouble::NoData(reason))
                }
            };
        }
        match last {
            // What came before an instant without data is kept.
            Err(trouble) if polls.is_empty() => Err(trouble),
            _ => Ok(Some(polls)),
        }
    }

    /// Asks for all that is to be known first, then for both versions from one instant to another.
    async fn looks_from(
        &mut self,
        probe: Probe<'_>,
        from: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<Vec<(Glance, Option<Glance>)>, Trouble> {
        self.settle_boundary(probe).await?;
        self.ask_history(probe).await?;
        let looks = self.looks(probe, from, at).await?;
        self.look_for_bad_ones(probe, &looks).await?;
        Ok(looks)
    }

    /// Asks for both versions at one instant, or at all instants since another one.
    async fn looks(
        &self,
        probe: Probe<'_>,
        from: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<Vec<(Glance, Option<Glance>)>, Trouble> {
        let beside = match self.other {
            Other::Beside => self.reference.as_ref(),
            Other::Limit | Other::Before { .. } => None,
        };
        if at > from {
            let step = self.grid.interval.to_std().unwrap_or_default();
            let instants = Instants { from, to: at, step };
            let reference = async {
                match beside {
                    Some(source) => source.looks(probe, instants).await.map(Some),
                    None => Ok(None),
                }
            };
            let (judged, reference) = join(self.judged.looks(probe, instants), reference).await;
            let judged = judged?.into_iter();
            return Ok(match reference? {
                None => judged.map(|look| (look, None)).collect(),
                Some(reference) => judged.zip(reference.into_iter().map(Some)).collect(),
            });
        }
        let reference = async {
            match beside {
                Some(source) => source.look(probe, at).await.map(Some),
                None => Ok(None),
            }
        };
        let (judged, reference) = join(self.judged.look(probe, at), reference).await;
        Ok(vec![(judged?, reference?)])
    }

    /// A query with a slip matches nothing, and so does one for bad requests that never were. Only
    /// that it once matched something tells the two apart.
    async fn look_for_bad_ones(
        &mut self,
        probe: Probe<'_>,
        looks: &[(Glance, Option<Glance>)],
    ) -> Result<(), Trouble> {
        let Some(counted) = self.judged.queries.counted() else {
            return Ok(());
        };
        self.absent.was_there |= looks.iter().any(|(judged, reference)| {
            judged.has_counted() || reference.as_ref().is_some_and(Glance::has_counted)
        });
        if self.absent.was_there || self.asked_hour_before {
            return Ok(());
        }
        let until = self.grid.first.min(probe.clock.now());
        let mut were_there = false;
        for source in std::iter::once(&self.judged).chain(&self.reference) {
            match source.was_counted(probe, until).await {
                Ok(found) => were_there |= found,
                // What is said to be zero counts as zero; for a doubt no poll is lost.
                Err(_) if self.absent.check(counted, true).is_ok() => {}
                Err(trouble) => return Err(trouble),
            }
        }
        self.asked_hour_before = true;
        self.absent.was_there = were_there;
        Ok(())
    }

    /// Takes both versions at one instant; the first look that has all it needs yields no poll.
    fn take(&mut self, judged: Glance, reference: Option<Glance>) -> Result<Option<Pair>, String> {
        let Some(arms) = &mut self.arms else {
            if let Some(counted) = self.judged.queries.counted() {
                let mut looks = std::iter::once(&judged).chain(&reference);
                let total_is_there = looks.any(|look| look.nothing("").is_none());
                let checked = self.absent.check(counted, total_is_there);
                checked.map_err(|reason| self.judged.queries.in_words(reason))?;
            }
            // A new version may have no counters before its first request, the old one has.
            if let Some(reason) = reference.as_ref().and_then(|it| it.nothing("stable")) {
                return Err(format!("{reason}: is the query right?"));
            }
            self.arms = Some(self.begin(judged, reference)?);
            return Ok(None);
        };
        let pair = arms.take(judged, reference);
        let mut pair = pair.map_err(|reason| self.judged.queries.in_words(reason))?;
        if let Other::Before { parts, .. } = &self.other {
            let part = parts.as_ref().and_then(|parts| parts.get(self.taken));
            pair.stable = part.cloned().flatten();
        }
        self.taken += 1;
        Ok(Some(pair))
    }

    fn begin(&self, judged: Glance, reference: Option<Glance>) -> Result<Arms, String> {
        let counted = self.judged.queries.counted().unwrap_or(Counted::Good);
        Arms::new(counted, self.absent, judged, reference)
    }

    /// Finds out what is slow, once, before anything is counted.
    async fn settle_boundary(&mut self, probe: Probe<'_>) -> Result<(), Trouble> {
        // The hour before the change, where that is what the new version is held against.
        let until = match &self.other {
            Other::Before { instants, .. } => instants.to,
            Other::Limit | Other::Beside => self.grid.first,
        };
        let until = until.min(probe.clock.now());
        let Some(source) = &mut self.reference else {
            return Ok(());
        };
        if let Some(boundary) = source.slow_boundary(probe, until).await? {
            source.slow_above(boundary);
            self.judged.slow_above(boundary);
        }
        Ok(())
    }

    /// Counts the time before the change, part by part, once.
    async fn ask_history(&mut self, probe: Probe<'_>) -> Result<(), Trouble> {
        let (Other::Before { instants, parts }, Some(source)) = (&mut self.other, &self.reference)
        else {
            return Ok(());
        };
        if parts.is_some() {
            return Ok(());
        }
        let looks = history::looks(source, probe, *instants).await?;
        self.absent.was_there |= looks.iter().any(Glance::has_counted);
        let counted = source.queries.counted().unwrap_or(Counted::Good);
        let mut looks = history::boundaries(looks, instants.steps()).into_iter();
        let mut amounts = Vec::new();
        if let Some(first) = looks.next() {
            let began = Arms::new(counted, self.absent, first, None);
            let mut arms = began.map_err(Trouble::NoData)?;
            // What cannot be counted is no part of the history; the poll beside it says nothing.
            amounts.extend(looks.map(|look| arms.take(look, None).ok().map(|pair| pair.canary)));
        }
        *parts = Some(amounts);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_that_begin_at_any_moment_share_a_few_phases() {
        let interval = Duration::from_secs(30);
        let mut phases = std::collections::BTreeSet::new();
        for moment in (0..60_000).step_by(137) {
            let began = DateTime::from_timestamp_millis(1_700_000_000_000 + moment).unwrap();
            let mut grid = Grid::new(began, interval);
            grid.in_step();
            let late = grid.first() - began;
            assert!(
                late >= TimeDelta::zero() && late < TimeDelta::milliseconds(7500),
                "{late}"
            );
            phases.insert(grid.first().timestamp_millis().rem_euclid(30_000));
        }
        assert_eq!(
            phases.into_iter().collect::<Vec<_>>(),
            [0, 7500, 15_000, 22_500]
        );
    }
}
