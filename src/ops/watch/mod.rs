//! Measures what a service's `verification` section names, poll by poll, and keeps the standings.
//!
//! A [`Watcher`] has the criteria, each `watched` at its own interval, and measures in `rounds` what is
//! due. In reading order: `health` and `threshold` ask one question of what is judged; `comparison`
//! holds it against the old version by one of the `judges`, and asks `questions`. What came of both, poll by poll, `counting`
//! has of `polls`, made in `arms` of what a `source` answers at instants, or of `windows` of the `sums`
//! of a provider that keeps no raw counters. `past` has the polls of a time that is over. `check` asks
//! what is answered with yes or no, a `gate` among it.

mod arms;
mod check;
mod comparison;
mod counting;
mod endpoints;
mod gate;
mod health;
mod history;
mod judges;
mod past;
mod polls;
mod questions;
mod rounds;
mod source;
mod sums;
mod threshold;
mod watched;
mod windows;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    analysis::{Standing, StandingVerdict, worst},
    clock::Clock,
    config::{
        query::{Template, Variables},
        verification::Verification,
    },
    event::{Ending, Failure, MetricRecord, Reporter},
    probe::{Client, prometheus::Batch},
    units::Weight,
};

use check::CheckWatch;
use health::HealthWatch;
use source::Probe;
use watched::{Criterion, Watched};

pub use comparison::Undecided;
pub use endpoints::Endpoints;
pub use past::{Past, PastPolls, PastRange, PastTrouble, past_counts, past_polls};

/// How much is measured before the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every criterion this often; a comparison once more, because its first look counts nothing.
    Polls(u32),
    /// For this long, every criterion at least once.
    For(Duration),
}

impl Extent {
    /// Returns how long it takes at this interval.
    fn length(self, delay: Duration, interval: Duration) -> Duration {
        match self {
            Self::Polls(polls) => interval.saturating_mul(polls).saturating_add(delay),
            Self::For(length) => length,
        }
    }
}

/// Who is judged, against whom, and for how long.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What the variables stand for in questions about what is judged.
    pub judged: Variables,
    /// What comparisons hold it against.
    pub reference: Reference,
    /// How long it is watched.
    pub extent: Extent,
    /// When the watch began, where that was before now: comparisons count from then on.
    pub began: Option<DateTime<Utc>>,
    /// The share of the requests that should go to what is judged, where that matters.
    pub weight: Option<Weight>,
}

/// What comparisons hold the new version against.
#[derive(Debug, Clone)]
pub enum Reference {
    /// Nobody is known; only limits can be judged.
    Nobody,
    /// The old version, which runs beside it.
    Beside(Variables),
    /// The old version, which ran before it.
    Before {
        /// What the variables stood for then.
        variables: Variables,
        /// When the change began.
        until: DateTime<Utc>,
    },
}

/// Polls the criteria of one service, each at its own interval.
///
/// The caller sleeps for [`Watcher::due`] and calls [`Watcher::poll`]; dropping a poll half-way loses
/// only the answers that had not come.
pub struct Watcher {
    watched: Vec<Watched>,
    client: Client,
    clock: Arc<dyn Clock>,
    batch: Batch,
}

impl Watcher {
    /// Fills the variables in and starts the clock of the initial delays. Asks nothing yet.
    ///
    /// # Errors
    /// Nothing to watch, a provider that is not configured, a variable without a value here, an
    /// address that is none once filled in, nobody to compare with ([`Ending::ConfigInvalid`]).
    pub fn new(
        verification: &Verification,
        endpoints: &Endpoints,
        subject: &Subject,
        client: Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let start = clock.now();
        let health = verification.health.iter().map(|health| {
            let watch = HealthWatch::new(health, &subject.judged)?;
            Ok(Watched {
                dry_run: health.dry_run,
                ..Watched::new(Criterion::Health(Box::new(watch)), health.schedule, start)
            })
        });
        let checks = verification.checks.iter().map(|check| {
            let watch = CheckWatch::new(check, endpoints, &subject.judged)?;
            Ok(Watched {
                dry_run: check.dry_run,
                ..Watched::new(Criterion::Check(Box::new(watch)), check.schedule, start)
            })
        });
        let metrics = verification
            .metrics
            .iter()
            .map(|metric| Watched::of_metric(metric, endpoints, subject, start));
        let watched = health
            .chain(checks)
            .chain(metrics)
            .collect::<Result<Vec<_>, _>>()?;
        if watched.is_empty() {
            return Err(Failure::new(
                Ending::ConfigInvalid,
                "`verification` has no health checks, no other checks and no metrics, so nothing would be verified",
            ));
        }
        if watched.iter().all(|watched| watched.dry_run) {
            return Err(Failure::new(
                Ending::ConfigInvalid,
                "all that is verified here has `dry_run: true`, so nothing would decide",
            ));
        }
        Ok(Self {
            watched,
            client,
            clock,
            batch: Batch::default(),
        })
    }

    /// Asks together with all others that ask through this batch at the same instants, of other
    /// services too: fewer queries, the same answers.
    pub fn asking_through(self, batch: Batch) -> Self {
        Self { batch, ..self }
    }

    /// As [`Self::asking_through`], and lets comparisons begin a little later, so that they ask at the
    /// same instants as those of the other services. `length` is how long it is watched.
    pub fn in_step_with(self, batch: Batch, length: Duration) -> Self {
        let now = self.clock.now();
        let mut watcher = self.asking_through(batch);
        for watched in &mut watcher.watched {
            if let Criterion::Comparison(comparison) = &mut watched.criterion {
                comparison.in_step(length);
                watched.next = comparison.first(now);
            }
        }
        watcher
    }

    /// Returns the clock that the polls follow.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns how long it is from `now` until something is to be measured; zero when it is time.
    pub fn due(&self, now: DateTime<Utc>) -> Duration {
        self.watched
            .iter()
            .map(|watched| (watched.next - now).to_std().unwrap_or_default())
            .min()
            .unwrap_or_default()
    }

    /// Measures everything that is due, side by side, reports each, and returns the worst standing
    /// of all criteria that decide.
    ///
    /// While a program runs, everything else goes on to be measured at its own interval; once that says
    /// that something is worse than wanted, nobody waits for the program any more, and it is ended.
    pub async fn poll(&mut self, reporter: &mut dyn Reporter) -> Standing {
        let probe = Probe {
            client: &self.client,
            clock: self.clock.as_ref(),
            batch: &self.batch,
        };
        rounds::measure(&mut self.watched, probe, reporter).await;
        self.standing()
    }

    /// Makes every criterion due at `now`, whatever its interval and initial delay say: for a look
    /// before anything is changed, and for the last one. Not what was measured as often as it wants.
    pub fn make_due(&mut self, now: DateTime<Utc>) {
        for watched in &mut self.watched {
            if !watched.is_done() {
                watched.next = watched.next.min(now);
            }
        }
    }

    /// Says that time is up: comparisons are decided by the polls that there are. Returns the worst
    /// standing of all criteria that decide.
    pub fn close(&mut self) -> Standing {
        for watched in &mut self.watched {
            if let Criterion::Comparison(comparison) = &mut watched.criterion {
                comparison.close();
            }
        }
        self.standing()
    }

    /// Returns the worst standing of all criteria that decide.
    pub fn standing(&self) -> Standing {
        worst(&self.standings())
            .cloned()
            .expect("`new` refuses a watcher without criteria that decide")
    }

    /// Returns the standings of all criteria that decide, health checks first, then other checks, in the
    /// order of the file.
    pub fn standings(&self) -> Vec<Standing> {
        self.deciding()
            .map(|watched| watched.criterion.standing())
            .collect()
    }

    fn deciding(&self) -> impl Iterator<Item = &Watched> {
        self.watched.iter().filter(|watched| !watched.dry_run)
    }

    /// Returns the standings of all criteria in the form of machine output, also of those that decide
    /// nothing.
    pub fn records(&self) -> Vec<MetricRecord> {
        self.watched.iter().map(Watched::record).collect()
    }

    /// Returns how often the deciding criterion that was asked least was asked; the first look of a
    /// comparison is none. One with a number of its own counts as soon as it was asked.
    pub fn polls(&self) -> u32 {
        self.deciding()
            .map(Watched::counted_polls)
            .min()
            .unwrap_or(0)
    }

    /// Returns how the deciding criterion stands that has the fewest usable measurements, of those that
    /// have any: without one nothing passes anyway. Not comparisons, whose evidence is their own, and not
    /// those with a number of their own.
    pub fn least_measured(&self) -> Option<Standing> {
        self.deciding()
            .filter(|watched| watched.count.is_none())
            .filter(|watched| !matches!(watched.criterion, Criterion::Comparison(_)))
            .map(|watched| watched.criterion.standing())
            .filter(|standing| standing.measured > 0)
            .min_by_key(|standing| standing.measured)
    }

    /// Was every deciding criterion that wants a number of measurements of its own measured as often?
    pub fn counts_are_reached(&self) -> bool {
        self.deciding()
            .all(|watched| watched.count.is_none() || watched.is_done())
    }

    /// Are there comparisons, and do all of them say good?
    pub fn all_comparisons_are_good(&self) -> bool {
        let mut found = self
            .deciding()
            .filter(|watched| matches!(watched.criterion, Criterion::Comparison(_)))
            .peekable();
        found.peek().is_some()
            && found.all(|watched| watched.criterion.standing().verdict == StandingVerdict::Pass)
    }

    /// Returns what good answers rest on where that is no more than the configuration's word, or
    /// nothing, each with its criterion.
    pub fn doubts(&self) -> Vec<String> {
        let doubt = |watched: &Watched| {
            let doubt = match &watched.criterion {
                Criterion::Comparison(comparison) => comparison.doubt(),
                Criterion::Check(check) => check.doubt(),
                Criterion::Threshold(_) | Criterion::Health(_) => None,
            };
            doubt.map(|doubt| format!("{}: {doubt}", watched.criterion.standing().name))
        };
        self.watched.iter().filter_map(doubt).collect()
    }

    /// Returns the comparisons that are undecided, where they are all that keeps this from passing;
    /// none where something else does, or where a comparison has no usable answer.
    pub fn undecided(&self) -> Option<Vec<Undecided>> {
        let open = self.deciding().map(|watched| &watched.criterion);
        open.filter(|criterion| criterion.standing().verdict != StandingVerdict::Pass)
            .map(|criterion| match criterion {
                Criterion::Comparison(comparison) => comparison.undecided(),
                Criterion::Threshold(_) | Criterion::Health(_) | Criterion::Check(_) => None,
            })
            .collect()
    }
}

/// Fills the variables of a query in.
fn filled(
    query: &Template,
    key: &str,
    metric: &str,
    variables: &Variables,
) -> Result<String, Failure> {
    query.render(variables).map_err(|reason| {
        let reason = if key == "query" {
            format!("the query of `{metric}` {reason}")
        } else {
            format!("`{key}` of `{metric}` {reason}")
        };
        Failure::new(Ending::ConfigInvalid, reason)
    })
}

fn later(instant: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| instant.checked_add_signed(by))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
