//! One criterion and its time: when it is measured next, how often it was, and what that decides.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Endpoints, Subject, check::CheckWatch, comparison::ComparisonWatch, health::HealthWatch, later,
    source::Probe, threshold::ThresholdWatch,
};
use crate::{
    analysis::{Standing, StandingVerdict},
    config::verification::{Measure, Metric, Schedule},
    event::{Failure, MetricRecord},
};

/// One criterion and its time.
pub(super) struct Watched {
    pub(super) criterion: Criterion,
    pub(super) interval: Duration,
    pub(super) next: DateTime<Utc>,
    pub(super) polls: u32,
    /// Is it judged and shown, and decides nothing?
    pub(super) dry_run: bool,
    /// Usable measurements after which it is done, where it has a number of its own.
    pub(super) count: Option<u32>,
}

/// What is asked, and how it stands.
pub(super) enum Criterion {
    Threshold(Box<ThresholdWatch>),
    Comparison(Box<ComparisonWatch>),
    Health(Box<HealthWatch>),
    Check(Box<CheckWatch>),
}

impl Watched {
    /// Starts with nothing measured.
    pub(super) fn new(criterion: Criterion, schedule: Schedule, start: DateTime<Utc>) -> Self {
        Self {
            criterion,
            interval: schedule.interval,
            next: later(start, schedule.initial_delay),
            polls: 0,
            dry_run: false,
            count: None,
        }
    }

    /// Makes the watch of a metric.
    ///
    /// # Errors
    /// A provider that is not configured, a variable without a value here, nobody to compare with.
    pub(super) fn of_metric(
        metric: &Metric,
        endpoints: &Endpoints,
        subject: &Subject,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let criterion = match &metric.measure {
            Measure::Threshold {
                query,
                threshold,
                requests,
            } => {
                let requests = requests.as_ref().zip(metric.min_requests);
                let asked = (query, threshold);
                let watch =
                    ThresholdWatch::new(metric, asked, requests, endpoints, &subject.judged)?;
                Criterion::Threshold(Box::new(watch))
            }
            Measure::Comparison(comparison) => {
                let watch = ComparisonWatch::new(metric, comparison, endpoints, subject, now)?;
                let next = watch.first(now);
                let criterion = Criterion::Comparison(Box::new(watch));
                return Ok(Self {
                    next,
                    dry_run: metric.dry_run,
                    ..Self::new(criterion, metric.schedule, now)
                });
            }
        };
        Ok(Self {
            dry_run: metric.dry_run,
            count: metric.limits.count,
            ..Self::new(criterion, metric.schedule, now)
        })
    }

    /// Was it measured as often as it wants? Answers without a usable number do not count.
    pub(super) fn is_done(&self) -> bool {
        self.count.is_some_and(|count| {
            let standing = self.criterion.standing();
            standing.measured >= count && !standing.unsettled
        })
    }

    /// Does measuring it take a program's time?
    pub(super) fn runs_a_program(&self) -> bool {
        matches!(&self.criterion, Criterion::Check(check) if check.runs_a_program())
    }

    /// Is it worse than wanted, and does that decide?
    pub(super) fn has_failed(&self) -> bool {
        !self.dry_run && self.criterion.standing().verdict == StandingVerdict::Fail
    }

    /// Returns how it stands in the form of machine output.
    pub(super) fn record(&self) -> MetricRecord {
        MetricRecord {
            dry_run: self.dry_run,
            ..self.criterion.record()
        }
    }

    /// Measures once, and says how it stands then.
    pub(super) async fn measure(&mut self, probe: Probe<'_>, now: DateTime<Utc>) -> MetricRecord {
        let Probe { client, clock, .. } = probe;
        self.next = match &mut self.criterion {
            Criterion::Threshold(watch) => {
                watch.measure(client, clock).await;
                later(now, self.interval)
            }
            Criterion::Health(watch) => {
                watch.measure(client, clock).await;
                later(now, self.interval)
            }
            Criterion::Check(watch) => {
                watch.measure(client, clock).await;
                later(now, self.interval)
            }
            Criterion::Comparison(watch) => {
                watch.measure(probe, now).await;
                watch.next(now)
            }
        };
        self.polls = self.polls.saturating_add(1);
        if self.is_done() {
            self.next = DateTime::<Utc>::MAX_UTC;
        }
        self.record()
    }

    /// Returns how often it was asked, but for what counts nothing.
    pub(super) fn counted_polls(&self) -> u32 {
        match &self.criterion {
            _ if self.count.is_some() && self.polls > 0 => u32::MAX,
            Criterion::Comparison(watch) => self.polls.saturating_sub(watch.uncounted()),
            Criterion::Threshold(_) | Criterion::Health(_) | Criterion::Check(_) => self.polls,
        }
    }
}

impl Criterion {
    pub(super) fn standing(&self) -> Standing {
        match self {
            Self::Threshold(watch) => watch.standing(),
            Self::Comparison(watch) => watch.standing(),
            Self::Health(watch) => watch.standing(),
            Self::Check(watch) => watch.standing(),
        }
    }

    pub(super) fn record(&self) -> MetricRecord {
        match self {
            Self::Threshold(watch) => record(watch.standing()),
            Self::Comparison(watch) => watch.record(),
            Self::Health(watch) => record(watch.standing()),
            Self::Check(watch) => record(watch.standing()),
        }
    }
}

/// Puts a standing into the form of machine output.
pub(super) fn record(standing: Standing) -> MetricRecord {
    MetricRecord {
        name: standing.name,
        verdict: standing.verdict.word(),
        value: standing.value,
        wanted: standing.wanted,
        detail: standing.detail,
        measured: standing.measured,
        failed: standing.failed,
        errors_in_a_row: standing.errors_in_a_row,
        dry_run: false,
        comparison: None,
    }
}
