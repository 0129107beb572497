//! From the written `verification` section to the checked one.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::{
    Health, Measure, Metric, ProviderKind, RawHealth, RawVerification, Schedule, Verification,
    Wanted, judge::Defaults, offline,
};
use crate::{
    analysis::Limits,
    config::{
        Problem,
        provider::web_address,
        query::{Template, Variables},
    },
    units::parse_duration,
};

impl RawVerification {
    /// Checks the meaning. Pointers count from the `verification` value.
    ///
    /// # Errors
    /// Every problem there is: no criterion at all, a range without bounds, names used twice, times
    /// that are no times, unknown variables, addresses that are none, limits that can never be
    /// exceeded.
    pub fn validate(self) -> Result<Verification, Vec<Problem>> {
        let mut check = Check::default();
        if self.health.is_empty() && self.checks.is_empty() && self.metrics.is_empty() {
            check.problem(
                "",
                "none of `health`, `checks` and `metrics` has an entry, so nothing would be verified",
            );
        }
        let interval = check.interval("/interval", self.interval.as_deref(), DEFAULT_INTERVAL);
        let initial_delay = check.duration(
            "/initial_delay",
            self.initial_delay.as_deref(),
            Duration::ZERO,
        );
        let common = Common {
            interval,
            initial_delay,
            count: self.count,
            judge: check.defaults(self.judge),
        };
        let health: Vec<Health> = self
            .health
            .into_iter()
            .enumerate()
            .filter_map(|(index, raw)| check.health(index, raw, &common))
            .collect();
        let checks = self
            .checks
            .into_iter()
            .enumerate()
            .filter_map(|(index, raw)| check.check(index, raw, &common))
            .collect();
        let mut metrics: Vec<Metric> = Vec::new();
        for (index, raw) in self.metrics.into_iter().enumerate() {
            for raw in check.expanded(index, raw) {
                metrics.extend(check.metric(index, raw, &common));
            }
        }
        count_comparisons(&mut metrics);
        let verification = Verification {
            count: self.count.unwrap_or(Verification::DEFAULT_COUNT),
            health,
            checks,
            metrics,
            on_inconclusive: self.on_inconclusive.unwrap_or_default(),
        };
        if check.problems.is_empty() && !verification.decides() {
            check.problem(
                "",
                "every entry has `dry_run: true`, so nothing would decide",
            );
        }
        if check.problems.is_empty() {
            Ok(verification)
        } else {
            // Both metrics of a preset have what is written once.
            let mut told = BTreeSet::new();
            check
                .problems
                .retain(|problem| told.insert(problem.clone()));
            Err(check.problems)
        }
    }
}

const LEAST_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// Each of several comparisons may take a version back, so each must be surer. One that decides nothing
/// takes nothing back, and is as sure as if it were one more.
fn count_comparisons(metrics: &mut [Metric]) {
    let (shown, deciding): (Vec<&mut Metric>, Vec<&mut Metric>) =
        metrics.iter_mut().partition(|metric| metric.dry_run);
    let number = set_number(deciding, 0);
    set_number(shown, number);
}

/// Tells comparisons how many there are, with `others` that are not among them.
fn set_number(metrics: Vec<&mut Metric>, others: u32) -> u32 {
    let comparisons = metrics
        .into_iter()
        .filter_map(|metric| match &mut metric.measure {
            Measure::Comparison(comparison) => Some(&mut comparison.parameters.metrics),
            Measure::Threshold { .. } => None,
        });
    let found: Vec<&mut u32> = comparisons.collect();
    let number = u32::try_from(found.len())
        .unwrap_or(u32::MAX)
        .saturating_add(others);
    for metrics in found {
        *metrics = number;
    }
    number
}

/// What stands above the single entries.
pub(super) struct Common {
    pub(super) interval: Duration,
    pub(super) initial_delay: Duration,
    pub(super) count: Option<u32>,
    pub(super) judge: Defaults,
}

/// Collects problems while the raw parts become valid ones.
#[derive(Default)]
pub(super) struct Check {
    pub(super) problems: Vec<Problem>,
    names: BTreeSet<String>,
}

impl Check {
    pub(super) fn problem(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.push((pointer.into(), message.into()));
    }

    fn health(&mut self, index: usize, raw: RawHealth, common: &Common) -> Option<Health> {
        let at = format!("/health/{index}");
        let name = raw.name.unwrap_or_else(|| match index {
            0 => "health".to_owned(),
            _ => format!("health-{}", index + 1),
        });
        let name = self.name(&at, name);
        let http = self.template(&format!("{at}/http"), &raw.http);
        if let Some(http) = &http
            && let Ok(address) = http.render(&Variables::examples())
            && let Err(message) = web_address(&address)
        {
            self.problem(format!("{at}/http"), message);
        }
        if let Some(pointer) = &raw.pointer {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                let message = format!("found {pointer:?}, expected a JSON pointer such as /status");
                self.problem(format!("{at}/pointer"), message);
            }
            if raw.equals.is_none() {
                self.problem(
                    format!("{at}/pointer"),
                    "`equals` is missing: a value that is held against nothing decides nothing",
                );
            }
        }
        let equals = raw
            .equals
            .and_then(|value| self.wanted(&format!("{at}/equals"), value));
        let schedule = Schedule {
            initial_delay: common.initial_delay,
            interval: common.interval,
            timeout: self.timeout(&at, raw.timeout.as_deref(), HEALTH_TIMEOUT),
        };
        let max_latency = raw.max_latency.map(|text| {
            let pointer = format!("{at}/max_latency");
            let longest = self.duration(&pointer, Some(&text), HEALTH_TIMEOUT);
            if longest.is_zero() || longest > schedule.timeout {
                self.problem(pointer, "expected more than 0s and at most `timeout`");
            }
            longest
        });
        let limits = self.limits(
            &at,
            raw.failure_limit,
            raw.consecutive_error_limit,
            None,
            common,
        );
        let limits = self.in_a_row(
            &at,
            limits,
            (raw.failure_limit, raw.consecutive_failure_limit),
            common.count,
        );
        Some(Health {
            name,
            http: http?,
            status: raw.status,
            pointer: raw.pointer,
            equals,
            max_latency,
            limits,
            schedule,
            dry_run: raw.dry_run.unwrap_or(false),
        })
    }

    pub(super) fn name(&mut self, at: &str, name: String) -> String {
        let pointer = format!("{at}/name");
        let legal = (1..=63).contains(&name.chars().count())
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || " ._-/%".contains(character));
        if !legal {
            self.problem(
                pointer,
                format!("found {name:?}, expected 1 to 63 letters, digits, spaces or . _ - / %"),
            );
        } else if !self.names.insert(name.clone()) {
            self.problem(pointer, format!("the name `{name}` is used twice"));
        }
        name
    }

    pub(super) fn template(&mut self, pointer: &str, text: &str) -> Option<Template> {
        Template::parse(text)
            .map_err(|message| self.problem(pointer, message))
            .ok()
    }

    /// Reads a query, and looks at it as far as that is possible without asking.
    pub(super) fn query(
        &mut self,
        pointer: &str,
        text: &str,
        provider: ProviderKind,
    ) -> Option<Template> {
        let template = self.template(pointer, text)?;
        let example = template.render(&Variables::examples()).ok()?;
        match offline::check(provider, &example) {
            Ok(()) => Some(template),
            Err(message) => {
                self.problem(pointer, message);
                None
            }
        }
    }

    pub(super) fn wanted(&mut self, pointer: &str, value: Value) -> Option<Wanted> {
        match value {
            Value::String(text) => self.template(pointer, &text).map(Wanted::Text),
            Value::Bool(_) | Value::Number(_) => Some(Wanted::Scalar(value)),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.problem(pointer, "expected a text, a number, true or false");
                None
            }
        }
    }

    pub(super) fn limits(
        &mut self,
        at: &str,
        failure: Option<u32>,
        error: Option<u32>,
        inconclusive: Option<u32>,
        common: &Common,
    ) -> Limits {
        self.limits_of(at, failure, error, inconclusive, common.count)
    }

    pub(super) fn limits_of(
        &mut self,
        at: &str,
        failure: Option<u32>,
        error: Option<u32>,
        inconclusive: Option<u32>,
        count: Option<u32>,
    ) -> Limits {
        if let (Some(failures), Some(count)) = (failure, count)
            && failures >= count
        {
            self.problem(
                format!("{at}/failure_limit"),
                format!(
                    "tolerates {failures} failures where `count` makes {count} measurements, so it can never fail"
                ),
            );
        }
        Limits {
            failure_limit: failure.unwrap_or(0),
            consecutive_failure_limit: None,
            consecutive_error_limit: error.unwrap_or(Limits::CONSECUTIVE_ERROR_LIMIT),
            inconclusive_limit: inconclusive.unwrap_or(Limits::INCONCLUSIVE_LIMIT),
            count: None,
        }
    }

    pub(super) fn timeout(&mut self, at: &str, text: Option<&str>, default: Duration) -> Duration {
        let pointer = format!("{at}/timeout");
        let timeout = self.duration(&pointer, text, default);
        if timeout.is_zero() {
            self.problem(
                pointer,
                "found 0s, expected some time to answer, such as 5s",
            );
        }
        timeout
    }

    pub(super) fn interval(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        default: Duration,
    ) -> Duration {
        let interval = self.duration(pointer, text, default);
        if text.is_some() && interval < LEAST_INTERVAL {
            self.problem(pointer, "expected at least 1s");
        }
        interval
    }

    pub(super) fn duration(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        default: Duration,
    ) -> Duration {
        let Some(text) = text else { return default };
        parse_duration(text).unwrap_or_else(|nonsense| {
            self.problem(pointer, nonsense.to_string());
            default
        })
    }
}

#[cfg(test)]
mod tests;
