//! What one entry of `verification.metrics` means, and which problems it has.

use std::time::Duration;

use serde_json::Value;

use super::{Compared, Comparison, Measure, Metric, RawMetric, SlowAbove};
use crate::{
    analysis::{
        counters::Counted,
        judge::{Against, Parameters},
    },
    config::verification::{
        ProviderKind, Schedule,
        check::{Check, Common},
        form::Form,
        judge::RawJudge,
    },
};

const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Whoever tolerates more has no limit.
const MOST_FACTOR: f64 = 100.0;
/// How far above a tolerated factor the unacceptable one is at least, where none is given.
const LEAST_ROOM: f64 = 1.25;

impl Check {
    pub(in crate::config::verification) fn metric(
        &mut self,
        index: usize,
        raw: RawMetric,
        common: &Common,
    ) -> Option<Metric> {
        let at = format!("/metrics/{index}");
        let name = match raw.name.clone() {
            Some(name) => self.name(&at, name),
            None => {
                self.problem(at.clone(), "expected `name`, by which it is told of");
                String::new()
            }
        };
        if raw.provider.is_none() {
            self.problem(at.clone(), "expected `provider`: nobody is asked");
        }
        let measure = match raw.form() {
            Ok(form) => self.measure(&at, &raw, form, common),
            Err(message) => {
                self.problem(at.clone(), message);
                None
            }
        };
        let schedule = Schedule {
            initial_delay: self.duration(
                &format!("{at}/initial_delay"),
                raw.initial_delay.as_deref(),
                common.initial_delay,
            ),
            interval: self.interval(
                &format!("{at}/interval"),
                raw.interval.as_deref(),
                common.interval,
            ),
            timeout: self.timeout(&at, raw.timeout.as_deref(), QUERY_TIMEOUT),
        };
        let limits = self.metric_limits(&at, &raw, common);
        Some(Metric {
            name,
            provider: raw.provider?,
            measure: measure?,
            limits,
            schedule,
            dry_run: raw.dry_run.unwrap_or(false),
            min_requests: raw.min_requests.map(f64::from),
            entry: index,
            preset: raw.applied,
        })
    }

    fn measure(
        &mut self,
        at: &str,
        raw: &RawMetric,
        form: Form,
        common: &Common,
    ) -> Option<Measure> {
        let problems = self.problems.len();
        let allowed = form.keys();
        for key in Form::all_keys() {
            if raw.has(key) && !allowed.contains(&key) {
                let message = format!("`{key}` does not go with `{}`", form.name());
                self.problem(format!("{at}/{key}"), message);
            }
        }
        for (key, wanted) in form.needs() {
            if !raw.has(key) {
                self.problem(at, format!("expected {wanted}"));
            }
        }
        if raw.bad.is_some() && raw.good.is_some() {
            self.problem(
                format!("{at}/good"),
                "found `bad` as well, expected one of them",
            );
        }
        let provider = raw.provider.unwrap_or(ProviderKind::Prometheus);
        if provider.keeps_sums() && matches!(form, Form::SlowShare | Form::Quantile | Form::Gauge) {
            let message = format!(
                "`{}` is asked of `prometheus` only; others compare `bad` with `total`",
                form.name()
            );
            self.problem(format!("{at}/provider"), message);
            return None;
        }
        let query = raw
            .query
            .as_deref()
            .and_then(|text| self.query(&format!("{at}/query"), text, provider));
        let mut counter = |key: &str, text: &Option<String>| {
            let pointer = format!("{at}/{key}");
            let text = text.as_deref()?;
            if let Err(reason) = provider.check_counter(text) {
                self.problem(pointer.as_str(), reason);
                return self.template(&pointer, text);
            }
            self.query(&pointer, text, provider)
        };
        let bad = counter("bad", &raw.bad);
        let good = counter("good", &raw.good);
        let total = counter("total", &raw.total);
        let histogram = counter("histogram", &raw.histogram);
        if total.is_some() && (total == bad || total == good) {
            let reason = "is the query of `total` too: every request would be one of these, in both versions";
            let key = if bad.is_some() { "bad" } else { "good" };
            self.problem(format!("{at}/{key}"), reason);
        }
        if form == Form::Threshold {
            let requests = self.requests(at, raw);
            let threshold = self.threshold(at, raw);
            return Some(Measure::Threshold {
                query: query?,
                threshold: threshold?,
                requests,
            });
        }
        let usual = Parameters::default().unacceptable_ratio;
        let base = Parameters {
            against: raw.max_rate.map_or(Against::Stable, Against::Rate),
            negligible_rate: match form {
                Form::Requests | Form::Limit => Parameters::default().negligible_rate,
                Form::Threshold | Form::SlowShare | Form::Quantile | Form::Gauge => 0.0,
            },
            unacceptable_ratio: raw
                .tolerated_factor
                .map_or(usual, |factor| usual.max(LEAST_ROOM * factor)),
            ..Parameters::default()
        };
        let own = match form {
            Form::Quantile | Form::Gauge => self.of_factor(at, raw, form)?,
            Form::Threshold | Form::Requests | Form::Limit | Form::SlowShare => raw.judge(),
        };
        let (parameters, before) = self.settle(at, own, &common.judge, base);
        let compared = match form {
            Form::Requests | Form::Limit => Compared::Requests {
                counted: if good.is_some() {
                    Counted::Good
                } else {
                    Counted::Bad
                },
                query: good.or(bad)?,
                total: total?,
                absent_is_zero: raw.absent_bad_is_zero.unwrap_or(false),
            },
            Form::SlowShare => Compared::SlowShare {
                histogram: histogram?,
                above: self.slow_above(at, raw.slow_above.as_ref()?)?,
            },
            Form::Quantile => Compared::Quantile {
                histogram: histogram?,
                quantile: raw.quantile?,
            },
            Form::Gauge => Compared::Gauge { query: query? },
            Form::Threshold => return None,
        };
        let comparison = Comparison {
            compared,
            parameters,
            before,
        };
        (self.problems.len() == problems).then(|| Measure::Comparison(Box::new(comparison)))
    }

    /// Returns what a comparison by a factor tolerates, as the judge's own keys say it.
    fn of_factor(&mut self, at: &str, raw: &RawMetric, form: Form) -> Option<RawJudge> {
        let factor = raw.tolerated_factor?;
        let mut fine = true;
        if !(1.0..=MOST_FACTOR).contains(&factor) {
            fine = false;
            self.problem(
                format!("{at}/tolerated_factor"),
                format!("found {factor}, expected a number from 1 to {MOST_FACTOR}"),
            );
        }
        if let Some(quantile) = raw.quantile
            && !(quantile > 0.0 && quantile < 1.0)
        {
            fine = false;
            self.problem(
                format!("{at}/quantile"),
                format!("found {quantile}, expected a share above 0 and below 1, such as 0.99"),
            );
        }
        let mut own = RawJudge {
            tolerated_ratio: Some(factor),
            // The limits of shares of requests say nothing of times.
            negligible_rate: Some(0.0),
            tolerated_margin: Some(0.0),
            ..raw.judge()
        };
        if form == Form::Gauge {
            // Only the side of the factor counts; this one is never asked for.
            own.unacceptable_ratio = Some(2.0 * factor);
        } else if let Some(unacceptable) = raw.unacceptable_ratio
            && unacceptable <= factor
        {
            fine = false;
            self.problem(
                format!("{at}/unacceptable_ratio"),
                format!("found {unacceptable}, expected a number above `tolerated_factor`"),
            );
        }
        fine.then_some(own)
    }

    fn slow_above(&mut self, at: &str, written: &Value) -> Option<SlowAbove> {
        match (written.as_str(), written.as_f64()) {
            (Some("auto"), _) => Some(SlowAbove::Auto),
            (_, Some(limit)) if limit > 0.0 && limit.is_finite() => Some(SlowAbove::Limit(limit)),
            _ => {
                let message = format!("found {written}, expected `auto` or a number above 0");
                self.problem(format!("{at}/slow_above"), message);
                None
            }
        }
    }
}
