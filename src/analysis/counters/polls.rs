//! Both counters of both arms at one instant after the other -> the polls that a judge takes.
//!
//! Two things look alike in counters: a pod that is new, whose requests count from 0, and a pod that
//! was away from the scrapes, whose old requests must not count again. In this order:
//!
//! - A series that was seen before goes on from its last value, however long it was away; one that
//!   was last seen before the first look goes on from where it comes back.
//! - A series never seen counts from 0 as long as that is plausible: with those that were set back,
//!   such series of an arm hold at most ten times the requests that the busiest time so far would have
//!   brought, and 100.
//! - A series that fell was set back and counts from 0, unless it fell to more than a quarter of what
//!   it was (and above 100), or fell in `bad` while none in `total` began anew: then it is a sum of
//!   which a pod went away.
//! - What is not plausible counts for nothing, in neither arm; the next poll is compared with it.
//! - An arm of which nothing is left at an instant was not scraped: nothing is counted in either
//!   arm, and what came meanwhile is part of the next poll, of both arms alike.
//! - More bad (or good) requests than requests are taken as all of them where one scrape between the
//!   two counters explains it; more of them step after step are no numbers.
//!
//! So a gap may cost a poll. It never adds one that did not happen.

use std::time::Duration;

use super::{Absent, Counted, Counter, Growth, Snapshot};
use crate::analysis::judge::{Counts, Poll};

/// How many times the requests of the busiest time so far new series may hold.
const PLAUSIBLE_FACTOR: f64 = 10.0;
/// How many requests new series may hold where there was no traffic so far.
const PLAUSIBLE_AT_LEAST: f64 = 100.0;
/// How many more bad requests than requests there may be: two counters are not scraped together.
const MISMATCH_FACTOR: f64 = 2.0;

/// Both counters of one arm at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The bad (or good) requests.
    pub counted: Snapshot,
    /// All requests.
    pub total: Snapshot,
}

/// The counters of one arm.
#[derive(Debug, Clone)]
struct ArmCounters {
    name: &'static str,
    counted: Counter,
    total: Counter,
    /// How far the bad (or good) requests are ahead of all requests, by what was counted so far.
    ahead: f64,
    /// The most requests of one step so far.
    largest: f64,
}

impl ArmCounters {
    fn new(name: &'static str, first: Look) -> Self {
        Self {
            name,
            counted: Counter::new(first.counted),
            total: Counter::new(first.total),
            ahead: 0.0,
            largest: 0.0,
        }
    }

    /// Says that the bad (or good) requests run away from all requests. A scrape that one counter
    /// has had and the other has not puts it ahead by what a scrape brings, once; step after step it
    /// is no skew.
    fn check_ahead(&mut self, step: Step, counted: Counted) -> Result<(), String> {
        let (total, counted_ones) = (step.total.all(), step.counted.all());
        self.largest = self.largest.max(total);
        let most = self.largest + PLAUSIBLE_AT_LEAST;
        let ahead = (self.ahead + counted_ones - total).max(0.0);
        self.ahead = ahead.min(most);
        if ahead <= most {
            return Ok(());
        }
        Err(format!(
            "{counted_ones:.0} {} requests of {total:.0} for {}, and more than all before: do both queries count the same requests?",
            counted.key(),
            self.name
        ))
    }

    /// Says why nothing can be counted at all, before anything is.
    fn check(&self, next: &Look, counted: Counted, absent: Absent) -> Result<(), String> {
        let name = self.name;
        if self.total.is_gone_in(&next.total) {
            return Err(format!(
                "`total` matches nothing for {name} any more: are its pods scraped?"
            ));
        }
        if counted == Counted::Bad && absent.is_zero {
            return Ok(());
        }
        if self.counted.is_gone_in(&next.counted) && self.lived_on(next) {
            return Err(format!(
                "`{}` matches nothing for {name} any more, but `total` does: are its pods scraped?",
                counted.key()
            ));
        }
        Ok(())
    }

    /// Are there still pods whose bad (or good) requests were counted before? Where both queries
    /// select from one metric, the series themselves tell; else one pod that is still there is enough.
    fn lived_on(&self, next: &Look) -> bool {
        let is_there = |name: &String| next.total.series.contains_key(name);
        let mut same = self
            .counted
            .names()
            .filter(|name| self.total.knows(name))
            .peekable();
        if same.peek().is_some() {
            return same.any(is_there);
        }
        self.total.names().any(is_there)
    }

    fn is_unseen(&self, next: &Look) -> bool {
        next.total.series.is_empty() && !self.total.has_series()
    }

    fn advance(&mut self, next: &Look) -> Step {
        Step {
            over: self.total.since_last(&next.total),
            total: self.total.grow(&next.total),
            counted: self.counted.grow(&next.counted),
        }
    }
}

/// What one arm's counters grew by in one step.
#[derive(Debug, Clone, Copy)]
struct Step {
    over: Duration,
    total: Growth,
    counted: Growth,
}

impl Step {
    /// Requests a second.
    fn pace(self, requests: f64) -> f64 {
        let seconds = self.over.as_secs_f64();
        if seconds > 0.0 {
            requests / seconds
        } else {
            0.0
        }
    }

    fn counts(self, counted: Counted, name: &str) -> Result<Counts, String> {
        let (total, counted_ones) = (self.total.all(), self.counted.all());
        let most = MISMATCH_FACTOR * total + PLAUSIBLE_AT_LEAST;
        if counted_ones > most {
            return Err(format!(
                "{:.0} {} requests of {total:.0} for {name}: do both queries count the same requests?",
                counted_ones,
                counted.key()
            ));
        }
        let bad = match counted {
            Counted::Bad => counted_ones,
            Counted::Good => (total - counted_ones).max(0.0),
        };
        Counts::measured(total, bad).map_err(|error| format!("{error}, for {name}"))
    }
}

/// The counters of both arms since a first look, and what they make of each further one.
///
/// Whoever gives it the same looks in the same order gets the same polls: a watch that begins anew
/// asks for the looks of the past and goes on where the first one was.
#[derive(Debug, Clone)]
pub struct PollCounters {
    counted: Counted,
    absent: Absent,
    canary: ArmCounters,
    stable: Option<ArmCounters>,
    /// Requests a second of both arms in the busiest poll so far.
    busiest: f64,
}

impl PollCounters {
    /// Begins at a first look, which counts for nothing itself. Without a stable arm its counts are
    /// none.
    pub fn new(counted: Counted, absent: Absent, canary: Look, stable: Option<Look>) -> Self {
        let mut counters = Self {
            counted,
            absent,
            canary: ArmCounters::new("canary", canary.clone()),
            stable: stable
                .clone()
                .map(|first| ArmCounters::new("stable", first)),
            busiest: 0.0,
        };
        counters.note(&canary, stable.as_ref());
        counters
    }

    /// Takes looks from before the first one: what was seen there is nothing new when it comes back.
    pub fn remember(&mut self, canary: &Look, stable: Option<&Look>) {
        self.canary.counted.remember(&canary.counted);
        self.canary.total.remember(&canary.total);
        if let (Some(arm), Some(look)) = (&mut self.stable, stable) {
            arm.counted.remember(&look.counted);
            arm.total.remember(&look.total);
        }
        self.note(canary, stable);
    }

    /// Takes how many requests a second are usual, from 0, as the history of the service says: the
    /// measure of what is plausible before this watch has one of its own.
    pub fn expect_pace(&mut self, requests_per_second: f64) {
        self.busiest = self.busiest.max(requests_per_second);
    }

    /// Takes the next look at both arms and returns what came since the last one that counted. Both
    /// looks must be of times that follow the ones before.
    ///
    /// # Errors
    /// The reason why there is no poll: nothing is known of `bad`; an arm has no series; new series
    /// hold more than can have come since; a series fell as only a sum does; the two queries do not
    /// fit together.
    pub fn take(&mut self, canary: &Look, stable: Option<&Look>) -> Result<Poll, String> {
        self.note(canary, stable);
        let mut looks = std::iter::once(canary).chain(stable);
        let total_is_there = looks.any(|look| !look.total.series.is_empty());
        self.absent.check(self.counted, total_is_there)?;
        let arms = [
            Some((&mut self.canary, canary)),
            self.stable.as_mut().zip(stable),
        ];
        let mut arms: Vec<(&mut ArmCounters, &Look)> = arms.into_iter().flatten().collect();
        for (arm, look) in &arms {
            arm.check(look, self.counted, self.absent)?;
        }
        // Before its first request an arm may have no counters. What the other one does meanwhile is
        // compared with nothing.
        let unseen = arms.iter().find(|(arm, look)| arm.is_unseen(look));
        let unseen = unseen.map(|(arm, _)| arm.name);
        if let Some(name) = unseen {
            for (arm, look) in arms.iter_mut().filter(|(arm, look)| !arm.is_unseen(look)) {
                arm.advance(look);
            }
            return Err(format!(
                "`total` matches nothing for {name}: has it had a request?"
            ));
        }
        let steps: Vec<(&str, Step)> = arms
            .iter_mut()
            .map(|(arm, look)| (arm.name, arm.advance(look)))
            .collect();
        let known: f64 = steps
            .iter()
            .map(|(_, step)| step.pace(step.total.known))
            .sum();
        self.busiest = self.busiest.max(known);
        let mut counts = Vec::with_capacity(2);
        for ((arm, _), (name, step)) in arms.iter_mut().zip(&steps) {
            check_plausible(name, self.counted, *step, self.busiest)?;
            counts.push(step.counts(self.counted, name)?);
            arm.check_ahead(*step, self.counted)?;
        }
        let all: f64 = steps
            .iter()
            .map(|(_, step)| step.pace(step.total.all()))
            .sum();
        self.busiest = self.busiest.max(all);
        let mut counts = counts.into_iter();
        Ok(Poll {
            canary: counts.next().unwrap_or(Counts::NONE),
            stable: counts.next().unwrap_or(Counts::NONE),
        })
    }

    /// Takes looks one after the other, as [`PollCounters::take`] does: one outcome for each. For a
    /// range of the past.
    pub fn take_all<'a>(
        &mut self,
        looks: impl IntoIterator<Item = (&'a Look, Option<&'a Look>)>,
    ) -> Vec<Result<Poll, String>> {
        looks
            .into_iter()
            .map(|(canary, stable)| self.take(canary, stable))
            .collect()
    }

    fn note(&mut self, canary: &Look, stable: Option<&Look>) {
        let is_there = |look: &Look| !look.counted.series.is_empty();
        self.absent.was_there |= is_there(canary) || stable.is_some_and(is_there);
    }
}

/// Says why what counts from 0 cannot all have come since the last look.
fn check_plausible(name: &str, counted: Counted, step: Step, busiest: f64) -> Result<(), String> {
    let Step { total, .. } = step;
    if total.doubtful > 0.0 {
        return Err(format!(
            "a series of `total` fell to {:.0} for {name}, which is too much for a restart: is it a sum over pods?",
            total.doubtful
        ));
    }
    if step.counted.after_reset > 0.0 && total.new + total.after_reset <= 0.0 {
        return Err(format!(
            "a series of `{}` fell for {name}, and none of `total`: is it a sum over pods?",
            counted.key()
        ));
    }
    // Of a series that fell it is known that it began anew; where there is no measure yet, that will do.
    let found = if busiest > 0.0 {
        total.new + total.after_reset
    } else {
        total.new
    };
    let most = PLAUSIBLE_FACTOR * busiest * step.over.as_secs_f64() + PLAUSIBLE_AT_LEAST;
    if found <= most {
        return Ok(());
    }
    Err(format!(
        "new series of `total` hold {found:.0} requests for {name}, where at most {most:.0} can have come: was a pod not scraped?"
    ))
}
