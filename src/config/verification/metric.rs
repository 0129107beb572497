//! One entry of `verification.metrics`: a number held against a threshold, or counts of two versions
//! compared.

mod reading;
mod written;

use std::time::Duration;

use super::{ProviderKind, Schedule, preset::Preset};
use crate::{
    analysis::{
        Limits, Threshold,
        counters::Counted,
        judge::{Against, Parameters},
    },
    config::query::Template,
};

pub use written::{RawMetric, RawRange};

/// One metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Name, unique within the service.
    pub name: String,
    /// Who is asked.
    pub provider: ProviderKind,
    /// What is asked, and what is wanted of it.
    pub measure: Measure,
    /// How much is tolerated.
    pub limits: Limits,
    /// When it is measured.
    pub schedule: Schedule,
    /// Is it judged and shown, and decides nothing?
    pub dry_run: bool,
    /// Requests below which a number is no value, or a comparison cannot be good; none = any number.
    pub min_requests: Option<f64>,
    /// Position of its entry in the file, counted from 0; a preset makes several metrics of one.
    pub entry: usize,
    /// The preset that it was made of.
    pub preset: Option<Preset>,
}

/// What is asked, and what is wanted of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// One number that is held against a range or conditions.
    Threshold {
        /// The query.
        query: Template,
        /// The numbers that are good.
        threshold: Threshold,
        /// Query for the requests that the number is made of, where there must be enough.
        requests: Option<Template>,
    },
    /// The new version against the old one, or against a limit.
    Comparison(Box<Comparison>),
}

/// The new version against the old one, or against a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub compared: Compared,
    /// What is tolerated, and how sure it must be. `metrics` is the number of the service's
    /// comparisons; `max_polls` is for whoever knows how long it is watched.
    pub parameters: Parameters,
    /// Length of the history that stands for the old version where that no longer runs; none = by
    /// the length of the watch.
    pub before: Option<Duration>,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Compared {
    /// The share of bad requests, from raw counters.
    Requests {
        /// Which of the requests are counted.
        counted: Counted,
        /// Selector of their counter.
        query: Template,
        /// Selector of the counter of all requests.
        total: Template,
        /// May a counter of theirs that was never there stand for zero?
        absent_is_zero: bool,
    },
    /// The share of requests that are slower than a boundary of a histogram.
    SlowShare {
        /// Selector of the buckets.
        histogram: Template,
        /// What is slow.
        above: SlowAbove,
    },
    /// A percentile, from the buckets of a histogram.
    Quantile {
        /// Selector of the buckets.
        histogram: Template,
        /// The share of requests that do not exceed it, such as 0.99.
        quantile: f64,
    },
    /// A finished number, one for each version at the same instant.
    Gauge {
        /// The query.
        query: Template,
    },
}

/// From which time on a request is slow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SlowAbove {
    /// The bucket boundary at or above the old version's 95th percentile of the hour before.
    Auto,
    /// A time in the histogram's unit, above 0.
    Limit(f64),
}

impl Metric {
    /// Returns the queries with the keys that they are written under.
    pub fn queries(&self) -> Vec<(&'static str, &Template)> {
        match &self.measure {
            Measure::Threshold {
                query, requests, ..
            } => {
                let requests = requests.as_ref().map(|requests| ("requests", requests));
                [("query", query)].into_iter().chain(requests).collect()
            }
            Measure::Comparison(comparison) => comparison.queries(),
        }
    }

    /// Says what it is made of, where a preset made it: `errors by preset istio: bad …, total …`.
    pub fn expansion(&self) -> Option<String> {
        let preset = self.preset?;
        let Measure::Comparison(comparison) = &self.measure else {
            return None;
        };
        let queries = comparison.queries().into_iter();
        let queries: Vec<String> = queries
            .map(|(key, query)| format!("{key} {query}"))
            .collect();
        Some(format!(
            "`{}` by preset {}: {}",
            self.name,
            preset.word(),
            queries.join(", ")
        ))
    }
}

impl Comparison {
    /// Returns the queries with the keys that they are written under.
    pub fn queries(&self) -> Vec<(&'static str, &Template)> {
        match &self.compared {
            Compared::Requests {
                counted,
                query,
                total,
                ..
            } => vec![(counted.key(), query), ("total", total)],
            Compared::SlowShare { histogram, .. } | Compared::Quantile { histogram, .. } => {
                vec![("histogram", histogram)]
            }
            Compared::Gauge { query } => vec![("query", query)],
        }
    }

    /// Is the new version held against the old one, and not against a limit?
    pub fn needs_stable(&self) -> bool {
        self.parameters.against == Against::Stable
    }

    /// Is a share of requests compared, whose size can be planned for?
    pub fn is_of_shares(&self) -> bool {
        match self.compared {
            Compared::Requests { .. } | Compared::SlowShare { .. } => true,
            Compared::Quantile { .. } | Compared::Gauge { .. } => false,
        }
    }
}
