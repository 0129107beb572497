//! The course of a run over time, gathered from its events: what charts are drawn from.

use chrono::{DateTime, Utc};

use super::phrases;
use crate::{
    event::{ComparedFigures, Event, MetricRecord, StepState},
    units::Weight,
};

/// Most points of one metric. Above it every other one is forgotten, so that a long run is drawn
/// more coarsely and never takes more memory.
const POINTS: usize = 2_000;
/// Most warnings that are kept.
const WARNINGS: usize = 50;

/// What happened when.
#[derive(Debug, Default)]
pub struct Timeline {
    /// The first and the last event that has a time.
    pub(super) range: Option<[DateTime<Utc>; 2]>,
    /// The steps, also those of the way back, as they began.
    pub(super) spans: Vec<Span>,
    /// The weights as they were asked for.
    pub(super) weights: Vec<(DateTime<Utc>, Weight)>,
    /// The metrics, as they were first measured.
    pub(super) series: Vec<Series>,
    /// When the way back began.
    pub(super) way_back: Option<DateTime<Utc>>,
    /// When the first commit of the way back was on the branch.
    pub(super) taken_back: Option<DateTime<Utc>>,
    /// What a person should know, each once.
    pub(super) warnings: Vec<String>,
    /// The same of each service, where several were run, as they began.
    pub(super) services: Vec<(String, Self)>,
}

/// One step over time.
#[derive(Debug)]
pub(super) struct Span {
    /// `3`, or `back 1`.
    pub(super) label: String,
    pub(super) name: String,
    pub(super) state: StepState,
    pub(super) from: DateTime<Utc>,
    pub(super) until: Option<DateTime<Utc>>,
}

/// One metric over time.
#[derive(Debug)]
pub(super) struct Series {
    /// Its name, and that it decides nothing where it does not.
    pub(super) name: String,
    pub(super) wanted: String,
    /// What its figures are, where it compares.
    pub(super) figures: Option<ComparedFigures>,
    pub(super) points: Vec<Point>,
    /// One measurement in so many is kept.
    stride: usize,
    measured: usize,
}

/// One measurement.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) at: DateTime<Utc>,
    /// How many steps had begun: figures of a comparison begin again with each.
    pub(super) step: usize,
    pub(super) verdict: &'static str,
    pub(super) value: Option<f64>,
    pub(super) canary: Option<Share>,
    pub(super) stable: Option<Share>,
    /// How sure worse and good are, in percent.
    pub(super) sure: Option<[f64; 2]>,
}

/// The share of bad requests since the step began, from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) rate: f64,
    /// The range that holds the true one, where it is known.
    pub(super) range: Option<[f64; 2]>,
}

impl Timeline {
    /// Takes one event.
    pub fn event(&mut self, event: &Event) {
        if let Event::Of { service, event } = event {
            return self.of(service).event(event);
        }
        if let Some(at) = event.at() {
            self.see(at);
        }
        match event {
            Event::Warning(text) => {
                if self.warnings.len() < WARNINGS && !self.warnings.contains(text) {
                    self.warnings.push(text.clone());
                }
            }
            Event::StepStarted {
                at,
                index,
                name,
                weight,
                ..
            } => {
                let back = if self.way_back.is_some() { "back " } else { "" };
                self.spans.push(Span {
                    label: format!("{back}{index}"),
                    name: name.clone(),
                    state: StepState::Running,
                    from: *at,
                    until: None,
                });
                self.weights.extend(weight.map(|weight| (*at, weight)));
            }
            Event::StepFinished { at, state, .. } => {
                if let Some(span) = self.spans.last_mut() {
                    span.state = *state;
                    span.until = Some(*at);
                }
            }
            Event::Measured { at, metric } => self.measured(*at, metric),
            Event::WayBack { at, .. } => {
                self.way_back.get_or_insert(*at);
            }
            Event::Pushed { at, .. } if self.way_back.is_some() => {
                self.taken_back.get_or_insert(*at);
            }
            _ => {}
        }
    }

    /// Returns the course of one service among several.
    pub(super) fn service(&self, service: &str) -> Option<&Self> {
        let mut services = self.services.iter();
        services.find(|(name, _)| name == service).map(|(_, it)| it)
    }

    /// Returns the weights over time, from 0 to 1; `last` is the one that a way back has left.
    pub(super) fn weights_as_shares(&self, last: Option<Weight>) -> Vec<(DateTime<Utc>, f64)> {
        let share = |weight: Weight| f64::from(weight.percent()) / 100.0;
        let asked = self.weights.iter();
        let mut weights: Vec<(DateTime<Utc>, f64)> =
            asked.map(|(at, weight)| (*at, share(*weight))).collect();
        if let (Some(at), Some(last)) = (self.taken_back, last)
            && !weights.is_empty()
        {
            weights.retain(|(before, _)| *before <= at);
            weights.push((at, share(last)));
        }
        weights
    }

    fn of(&mut self, service: &str) -> &mut Self {
        let known = self.services.iter().position(|(name, _)| name == service);
        let at = known.unwrap_or(self.services.len());
        if known.is_none() {
            self.services.push((service.to_owned(), Self::default()));
        }
        &mut self.services[at].1
    }

    fn see(&mut self, at: DateTime<Utc>) {
        let [first, last] = self.range.get_or_insert([at, at]);
        *first = at.min(*first);
        *last = at.max(*last);
    }

    fn measured(&mut self, at: DateTime<Utc>, metric: &MetricRecord) {
        let name = phrases::name(metric);
        let step = self.spans.len();
        let known = self.series.iter().position(|series| series.name == name);
        let index = known.unwrap_or(self.series.len());
        if known.is_none() {
            self.series.push(Series {
                name,
                wanted: String::new(),
                figures: None,
                points: Vec::new(),
                stride: 1,
                measured: 0,
            });
        }
        self.series[index].add(Point::of(at, step, metric), metric);
    }
}

impl Series {
    fn add(&mut self, point: Point, metric: &MetricRecord) {
        self.wanted.clone_from(&metric.wanted);
        if let Some(comparison) = &metric.comparison {
            self.figures = Some(comparison.figures);
        }
        let changes = self.points.last().map(|last| last.verdict) != Some(point.verdict);
        if changes || self.measured.is_multiple_of(self.stride) {
            self.points.push(point);
        }
        self.measured += 1;
        if self.points.len() > POINTS {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
        }
    }
}

impl Point {
    fn of(at: DateTime<Utc>, step: usize, metric: &MetricRecord) -> Self {
        let comparison = metric.comparison.as_deref();
        let shares = comparison.filter(|it| it.figures == ComparedFigures::Shares);
        let share = |arm: usize| {
            let record = shares?;
            let counts = [record.sum.canary, record.sum.stable][arm];
            let range = record.rates.map(|rates| rates[arm]);
            Some(Share {
                rate: counts.rate()?,
                range: range.map(|range| [range.low, range.high]),
            })
        };
        Self {
            at,
            step,
            verdict: metric.verdict,
            value: metric.value.filter(|value| value.is_finite()),
            canary: share(0),
            // Held against a limit there is no other arm.
            stable: share(1).filter(|_| shares.is_some_and(|it| it.ratio_interval.is_some())),
            sure: comparison.map(|it| {
                [
                    it.evaluation.sure_worse_percent(),
                    it.evaluation.sure_good_percent(),
                ]
            }),
        }
    }
}
