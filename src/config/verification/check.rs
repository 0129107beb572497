//! From the written `verification` section to the checked one.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::{
    Health, Metric, RawHealth, RawMetric, RawVerification, Schedule, Verification, Wanted,
};
use crate::{
    analysis::{Criterion, Limits, Range},
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
        if self.health.is_empty() && self.metrics.is_empty() {
            check.problem(
                "",
                "neither `health` nor `metrics` has an entry, so nothing would be verified",
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
        };
        let health: Vec<Health> = self
            .health
            .into_iter()
            .enumerate()
            .filter_map(|(index, raw)| check.health(index, raw, &common))
            .collect();
        let metrics: Vec<Metric> = self
            .metrics
            .into_iter()
            .enumerate()
            .filter_map(|(index, raw)| check.metric(index, raw, &common))
            .collect();
        if check.problems.is_empty() {
            Ok(Verification {
                count: self.count.unwrap_or(Verification::DEFAULT_COUNT),
                health,
                metrics,
            })
        } else {
            Err(check.problems)
        }
    }
}

const LEAST_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

struct Common {
    interval: Duration,
    initial_delay: Duration,
    count: Option<u32>,
}

/// Collects problems while the raw parts become valid ones.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
    names: BTreeSet<String>,
}

impl Check {
    fn problem(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
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
        Some(Health {
            name,
            http: http?,
            status: raw.status,
            pointer: raw.pointer,
            equals,
            max_latency,
            limits,
            schedule,
        })
    }

    fn metric(&mut self, index: usize, raw: RawMetric, common: &Common) -> Option<Metric> {
        let at = format!("/metrics/{index}");
        let name = self.name(&at, raw.name);
        let query = self.template(&format!("{at}/query"), &raw.query);
        let range = Range::new(raw.threshold_range.min, raw.threshold_range.max);
        if let Err(error) = &range {
            self.problem(format!("{at}/threshold_range"), error.to_string());
        }
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
        let limits = self.limits(
            &at,
            raw.failure_limit,
            raw.consecutive_error_limit,
            raw.inconclusive_limit,
            common,
        );
        Some(Metric {
            provider: raw.provider,
            query: query?,
            criterion: Criterion {
                name,
                range: range.ok()?,
                limits,
            },
            schedule,
        })
    }

    fn name(&mut self, at: &str, name: String) -> String {
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

    fn template(&mut self, pointer: &str, text: &str) -> Option<Template> {
        Template::parse(text)
            .map_err(|message| self.problem(pointer, message))
            .ok()
    }

    fn wanted(&mut self, pointer: &str, value: Value) -> Option<Wanted> {
        match value {
            Value::String(text) => self.template(pointer, &text).map(Wanted::Text),
            Value::Bool(_) | Value::Number(_) => Some(Wanted::Scalar(value)),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.problem(pointer, "expected a text, a number, true or false");
                None
            }
        }
    }

    fn limits(
        &mut self,
        at: &str,
        failure: Option<u32>,
        error: Option<u32>,
        inconclusive: Option<u32>,
        common: &Common,
    ) -> Limits {
        if let (Some(failures), Some(count)) = (failure, common.count)
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
            consecutive_error_limit: error.unwrap_or(Limits::CONSECUTIVE_ERROR_LIMIT),
            inconclusive_limit: inconclusive.unwrap_or(Limits::INCONCLUSIVE_LIMIT),
            count: None,
        }
    }

    fn timeout(&mut self, at: &str, text: Option<&str>, default: Duration) -> Duration {
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

    fn interval(&mut self, pointer: &str, text: Option<&str>, default: Duration) -> Duration {
        let interval = self.duration(pointer, text, default);
        if text.is_some() && interval < LEAST_INTERVAL {
            self.problem(pointer, "expected at least 1s");
        }
        interval
    }

    fn duration(&mut self, pointer: &str, text: Option<&str>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        parse_duration(text).unwrap_or_else(|nonsense| {
            self.problem(pointer, nonsense.to_string());
            default
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::verification::ProviderKind;
    use crate::yaml::{Limits as TextLimits, read};

    fn validated(text: &str) -> Result<Verification, String> {
        let (raw, _) = read::<RawVerification>(text, &TextLimits::SETTINGS).unwrap();
        raw.validate().map_err(|problems| {
            problems
                .iter()
                .map(|(pointer, message)| format!("{pointer}: {message}"))
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    #[test]
    fn what_is_not_given_has_the_documented_value() {
        let text = "
health: [{http: 'https://ads.example/{{version}}/health'}]
metrics:
  - {name: p95, provider: prometheus, query: 'x{v=\"{{version}}\"}', threshold_range: {max: 0.5}}
  - {name: ok, provider: prometheus, query: y, threshold_range: {min: 1}, failure_limit: 3, interval: 1m, initial_delay: 5m, inconclusive_limit: 0}
";
        let verification = validated(text).unwrap();
        assert_eq!(verification.count, 5);
        assert!(verification.asks(ProviderKind::Prometheus));
        let health = &verification.health[0];
        assert_eq!((health.name.as_str(), health.status), ("health", None));
        assert_eq!(health.limits, Limits::default());
        assert_eq!(
            health.schedule,
            Schedule {
                initial_delay: Duration::ZERO,
                interval: Duration::from_secs(30),
                timeout: Duration::from_secs(5),
            }
        );
        let [p95, ok] = verification.metrics.as_slice() else {
            panic!("two metrics were given");
        };
        assert_eq!(p95.criterion.limits, Limits::default());
        assert_eq!(p95.schedule.timeout, Duration::from_secs(10));
        assert_eq!(ok.schedule.interval, Duration::from_secs(60));
        assert_eq!(ok.schedule.initial_delay, Duration::from_secs(300));
        assert_eq!(ok.criterion.limits.failure_limit, 3);
        assert_eq!(ok.criterion.limits.inconclusive_limit, 0);
    }

    #[test]
    fn what_could_never_fail_is_refused() {
        let nothing = validated("interval: 30s").unwrap_err();
        assert_eq!(
            nothing,
            ": neither `health` nor `metrics` has an entry, so nothing would be verified"
        );
        let text = "
interval: 500ms
count: 3
initial_delay: soon
health:
  - {http: 'ftp://x.example'}
  - {http: 'https://u:hunter2@x.example', timeout: 0s}
  - {http: 'https://x.example', pointer: status}
  - {http: 'https://x.example', pointer: /status, equals: ok, max_latency: 9s, name: health}
metrics:
  - {name: a, provider: prometheus, query: x, threshold_range: {}}
  - {name: a, provider: prometheus, query: 'x{{verson}}', threshold_range: {min: 2, max: 1}}
  - {name: \"b\\u0007\", provider: prometheus, query: x, threshold_range: {max: 1}, failure_limit: 3}
";
        insta::assert_snapshot!(validated(text).unwrap_err(), @r#"
        /interval: expected at least 1s
        /initial_delay: found "soon", expected a duration with a unit, such as 30s, 10m or 1h30m
        /health/0/http: found the scheme `ftp`; expected an http or https address, such as https://host.example/path
        /health/1/http: found credentials in the address; name the variables that hold them in `username_env` and `password_env`
        /health/1/timeout: found 0s, expected some time to answer, such as 5s
        /health/2/pointer: found "status", expected a JSON pointer such as /status
        /health/2/pointer: `equals` is missing: a value that is held against nothing decides nothing
        /health/3/name: the name `health` is used twice
        /health/3/max_latency: expected more than 0s and at most `timeout`
        /metrics/0/threshold_range: neither `min` nor `max` is given, expected at least one of them
        /metrics/1/name: the name `a` is used twice
        /metrics/1/query: unknown variable `verson`; did you mean `version`?
        /metrics/1/threshold_range: `min` is above `max`, so no number would be inside
        /metrics/2/name: found "b\u{7}", expected 1 to 63 letters, digits, spaces or . _ - / %
        /metrics/2/failure_limit: tolerates 3 failures where `count` makes 3 measurements, so it can never fail
        "#);
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_found_by_the_schema() {
        let text = "
metric: []
count: 0
health: [{http: x, statsu: 200, failure_limit: -1}]
metrics: [{name: a, provider: datadgo, query: x, threshold_range: {maximum: 1}}]
";
        let findings = read::<RawVerification>(text, &TextLimits::SETTINGS).unwrap_err();
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        2:1: unknown key `metric`; did you mean `metrics`?
        3:8: `count`: 0 is less than the minimum of 1
        4:20: unknown key `statsu`; did you mean `status`?
        4:48: `health.0.failure_limit`: -1 is less than the minimum of 0
        5:31: unknown value `datadgo`; known: prometheus
        5:68: unknown key `maximum`; did you mean `max`?
        "#);
    }

    #[test]
    fn a_key_without_a_value_is_no_key_that_is_not_given() {
        let text = "
interval:
health: [{http: 'https://x.example', equals: , max_latency: , failure_limit: null}]
metrics: [{name: a, provider: prometheus, query: x, threshold_range: {max: 1, min: }}]
";
        let findings = read::<RawVerification>(text, &TextLimits::SETTINGS).unwrap_err();
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"), @r#"
        2:9: `interval`: null is not of type "string"
        3:44: `health.0.equals`: null is not of types "boolean", "number", "string"
        3:59: `health.0.max_latency`: null is not of type "string"
        3:78: `health.0.failure_limit`: null is not of type "integer"
        4:82: `metrics.0.threshold_range.min`: null is not of type "number"
        "#);
    }
}
