//! The thresholds of one metric as they are written -> what a number is held against, and how often it
//! may be on the wrong side.

use super::{
    check::{Check, Common},
    metric::RawMetric,
};
use crate::{
    analysis::{Condition, Conditions, Limits, Range, Threshold},
    config::query::Template,
};

impl Check {
    /// Checks `threshold_range`, or the conditions.
    pub(super) fn threshold(&mut self, at: &str, raw: &RawMetric) -> Option<Threshold> {
        if let (Some(_), true) = (raw.threshold_range, raw.has_conditions()) {
            let message = "found conditions as well, expected one of them";
            self.problem(format!("{at}/threshold_range"), message);
            return None;
        }
        if let Some(range) = raw.threshold_range {
            let range = Range::new(range.min, range.max)
                .map_err(|error| self.problem(format!("{at}/threshold_range"), error.to_string()));
            return range.ok().map(Threshold::Range);
        }
        if !raw.has_conditions() {
            let message = "expected `threshold_range: {max: 0.5}`, or `success_condition: result < 0.5`, or `tolerated_factor: 1.2` to compare with stable";
            self.problem(at, message);
            return None;
        }
        let before = self.problems.len();
        let success = self.condition(at, "success_condition", raw.success_condition.as_deref());
        let failure = self.condition(at, "failure_condition", raw.failure_condition.as_deref());
        if let Some(success) = &success
            && !success.may_be(false)
        {
            let message = "holds for every number, so nothing would ever fail";
            self.problem(format!("{at}/success_condition"), message);
        }
        if let Some(success) = &success
            && !success.may_be(true)
        {
            let message = "holds for no number, so nothing would ever pass";
            self.problem(format!("{at}/success_condition"), message);
        }
        if let Some(failure) = &failure
            && !failure.may_be(true)
        {
            let message = "holds for no number, so nothing would ever fail by it";
            self.problem(format!("{at}/failure_condition"), message);
        }
        if self.problems.len() > before {
            return None;
        }
        Conditions::new(success, failure)
            .map(Box::new)
            .map(Threshold::Conditions)
    }

    fn condition(&mut self, at: &str, key: &str, text: Option<&str>) -> Option<Condition> {
        Condition::parse(text?)
            .map_err(|message| self.problem(format!("{at}/{key}"), message))
            .ok()
    }

    /// Checks `requests`, which goes with `min_requests`.
    pub(super) fn requests(&mut self, at: &str, raw: &RawMetric) -> Option<Template> {
        match (&raw.requests, raw.min_requests) {
            (None, None) => None,
            (Some(_), None) => {
                let message = "`min_requests` is missing: how many are enough?";
                self.problem(format!("{at}/requests"), message);
                None
            }
            (None, Some(_)) => {
                let message =
                    "`requests` is missing, the query for the number of requests behind `query`";
                self.problem(format!("{at}/min_requests"), message);
                None
            }
            (Some(text), Some(_)) => self.template(&format!("{at}/requests"), text),
        }
    }

    /// Returns the limits of a metric.
    pub(super) fn metric_limits(&mut self, at: &str, raw: &RawMetric, common: &Common) -> Limits {
        let limits = self.limits_of(
            at,
            raw.failure_limit,
            raw.consecutive_error_limit,
            raw.inconclusive_limit,
            raw.count.or(common.count),
        );
        let limits = self.in_a_row(
            at,
            limits,
            (raw.failure_limit, raw.consecutive_failure_limit),
            raw.count.or(common.count),
        );
        Limits {
            count: raw.count,
            ..limits
        }
    }

    /// Adds the limit of failures in a row; alone, it is the only one.
    pub(super) fn in_a_row(
        &mut self,
        at: &str,
        limits: Limits,
        (in_all, in_a_row): (Option<u32>, Option<u32>),
        count: Option<u32>,
    ) -> Limits {
        let Some(failures) = in_a_row else {
            return limits;
        };
        let pointer = format!("{at}/consecutive_failure_limit");
        if let Some(count) = count.filter(|count| failures >= *count) {
            let message = format!(
                "tolerates {failures} failures in a row where `count` makes {count} measurements, so it can never fail"
            );
            self.problem(pointer, message);
        } else if let Some(in_all) = in_all.filter(|in_all| failures >= *in_all) {
            let message = format!(
                "found {failures}, expected less than `failure_limit`, which is {in_all} and comes first"
            );
            self.problem(pointer, message);
        }
        Limits {
            failure_limit: in_all.unwrap_or(u32::MAX),
            consecutive_failure_limit: Some(failures),
            ..limits
        }
    }
}
