//! What a query must be like whose answer is added up, by the provider that is asked.

use super::{Measure, ProviderKind, Verification};
use crate::{
    analysis::counters::check_selector,
    config::{Problem, provider::Providers},
    units::format_duration,
};

/// Clauses of NRQL that say which time is looked at, or that make several numbers of one.
const CLAUSES: [&str; 7] = [
    "SINCE",
    "UNTIL",
    "TIMESERIES",
    "FACET",
    "COMPARE",
    "SLIDE",
    "LIMIT",
];
/// Aggregators of NRQL whose results may be added up.
const ADDED_UP: [&str; 3] = ["count", "sum", "filter"];

impl ProviderKind {
    /// Does it keep sums by time, and no raw counters?
    pub fn keeps_sums(self) -> bool {
        match self {
            Self::Prometheus | Self::Web => false,
            Self::Cloudwatch | Self::Datadog | Self::NewRelic => true,
        }
    }

    /// Checks a query for `bad`, `good` or `total`, its variables filled in or not.
    ///
    /// # Errors
    /// What was found, and what to write instead, as a clause.
    pub(super) fn check_counter(self, query: &str) -> Result<(), String> {
        match self {
            Self::Prometheus => check_selector(query),
            Self::Web => Err(
                "versions are compared by requests over time, and `web` has one number only; ask prometheus, or give it a `threshold_range`"
                    .to_owned(),
            ),
            Self::Cloudwatch => check_cloudwatch(query),
            Self::Datadog => check_datadog(query),
            Self::NewRelic => check_nrql(query),
        }
    }
}

impl Verification {
    /// Finds comparisons that are asked for more often than their provider finishes a bucket.
    /// Pointers count from the `verification` value.
    pub(in crate::config) fn asked_too_often(&self, providers: &Providers) -> Vec<Problem> {
        let sums = |provider: ProviderKind| match provider {
            ProviderKind::Prometheus | ProviderKind::Web => None,
            ProviderKind::Cloudwatch => providers.cloudwatch.as_ref().map(|it| it.sums),
            ProviderKind::Datadog => providers.datadog.as_ref().map(|it| it.sums),
            ProviderKind::NewRelic => providers.newrelic.as_ref().map(|it| it.sums),
        };
        let compared = self.metrics.iter().enumerate();
        compared
            .filter(|(_, metric)| matches!(metric.measure, Measure::Comparison(_)))
            .filter_map(|(index, metric)| {
                let bucket = sums(metric.provider)?.bucket;
                let interval = metric.schedule.interval;
                (interval < bucket).then(|| {
                    let message = format!(
                        "is asked every {}, expected an `interval` of at least {}, the `bucket` of its provider",
                        format_duration(interval),
                        format_duration(bucket)
                    );
                    (format!("/metrics/{index}"), message)
                })
            })
            .collect()
    }
}

fn check_datadog(query: &str) -> Result<(), String> {
    for (found, instead) in [
        (
            ".as_rate()",
            "expected `.as_count()`: requests are counted here",
        ),
        (
            ".rollup(",
            "which is added here; `bucket` of `providers.datadog` is its width",
        ),
        (
            "default_zero(",
            "which makes a zero of what nobody knows; `absent_bad_is_zero: true` says that there may be none",
        ),
        (
            ".fill(",
            "which makes numbers of what nobody knows; expected the counts as they are",
        ),
        (" by {", "which makes several series where one is wanted"),
    ] {
        if query.contains(found) {
            return Err(format!("found `{}`, {instead}", found.trim()));
        }
    }
    let sums = words(query)
        .into_iter()
        .filter(|(word, after)| *word == "sum" && *after == Some(':'));
    match (sums.count(), query.matches(".as_count()").count()) {
        (sums, counts) if sums == counts && sums > 0 => Ok(()),
        _ => Err(
            "expected counts, such as `sum:trace.http.request.hits{service:{{service}}}.as_count()`"
                .to_owned(),
        ),
    }
}

/// Only the statistics Sum and SampleCount, and the sums of Metrics Insights, may be added up.
fn check_cloudwatch(query: &str) -> Result<(), String> {
    let words = words_everywhere(query);
    let has = |wanted: &str| words.iter().any(|word| word.eq_ignore_ascii_case(wanted));
    let other = ["Average", "Minimum", "Maximum", "AVG", "MIN", "MAX", "RATE"];
    if let Some(found) = other.into_iter().find(|word| has(word)) {
        return Err(format!(
            "found `{found}`, expected the statistic `Sum` or `SampleCount`: only those can be added up"
        ));
    }
    if has("FILL") {
        return Err(
            "found `FILL`, which makes numbers of what nobody knows; expected the sums as they are"
                .to_owned(),
        );
    }
    if has("Sum") || has("SampleCount") || has("COUNT") {
        return Ok(());
    }
    Err(
        "expected a list of `MetricDataQueries` with `\"Stat\": \"Sum\"`, or `SELECT SUM(…)`"
            .to_owned(),
    )
}

/// Returns the words of a text, in quotes or not.
fn words_everywhere(text: &str) -> Vec<&str> {
    let is_gap = |character: char| !character.is_alphanumeric() && character != '_';
    text.split(is_gap).filter(|word| !word.is_empty()).collect()
}

fn check_nrql(query: &str) -> Result<(), String> {
    let words = words(query);
    let clause = |word: &&str| CLAUSES.iter().find(|it| it.eq_ignore_ascii_case(word));
    if let Some(found) = words.iter().find_map(|(word, _)| clause(word)) {
        return Err(format!(
            "found `{found}`, expected a query without it: the time is set here, and one number is wanted"
        ));
    }
    let is = |name: &'static str| move |(word, _): &(&str, _)| word.eq_ignore_ascii_case(name);
    let selected = words.iter().position(is("select"));
    let next = selected.and_then(|at| words.get(at + 1));
    if !words.iter().any(is("from")) {
        return Err("expected NRQL, such as `SELECT count(*) FROM Transaction WHERE …`".to_owned());
    }
    match next {
        Some((word, Some('('))) if ADDED_UP.iter().any(|it| it.eq_ignore_ascii_case(word)) => {
            Ok(())
        }
        Some((word, _)) => Err(format!(
            "found `SELECT {word}`, expected `SELECT count(*)` or `SELECT sum(…)`: only those can be added up"
        )),
        None => Err("expected NRQL, such as `SELECT count(*) FROM Transaction WHERE …`".to_owned()),
    }
}

/// Returns the words outside of quotes, each with the character after it.
fn words(query: &str) -> Vec<(&str, Option<char>)> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let after_first = rest.get(first.len_utf8()..).unwrap_or_default();
        if matches!(first, '\'' | '"' | '`') {
            rest = after_first.split_once(first).map_or("", |(_, after)| after);
        } else if first.is_alphanumeric() || first == '_' {
            let is_over = |character: char| !character.is_alphanumeric() && character != '_';
            let (word, after) = rest.split_at(rest.find(is_over).unwrap_or(rest.len()));
            found.push((word, after.chars().next()));
            rest = after;
        } else {
            rest = after_first;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_added_up_is_counted() {
        use ProviderKind::{Cloudwatch, Datadog, NewRelic, Web};
        let rows = [
            (
                Datadog,
                "sum:trace.http.request.hits{service:{{service}},version:{{version}}}.as_count()",
            ),
            (
                Datadog,
                "sum:a{x:1}.as_count() + sum:b{checksum:1}.as_count()",
            ),
            (Datadog, "avg:a{*}"),
            (Datadog, "sum:a{*}"),
            (Datadog, "sum:a{*}.as_count() + sum:b{*}"),
            (Datadog, "sum:a{*}.as_rate()"),
            (Datadog, "sum:a{*}.as_count().rollup(sum, 60)"),
            (Datadog, "default_zero(sum:a{*}.as_count())"),
            (Datadog, "sum:a{*} by {version}.as_count()"),
            (
                NewRelic,
                "SELECT count(*) FROM Transaction WHERE appName = '{{service}} since 2020'",
            ),
            (
                NewRelic,
                "FROM Transaction SELECT sum(errors) WHERE version = '{{version}}'",
            ),
            (
                NewRelic,
                "select filter(count(*), WHERE error IS true) from Transaction",
            ),
            (
                NewRelic,
                "SELECT count(*) FROM Transaction SINCE 5 minutes ago",
            ),
            (NewRelic, "SELECT count(*) FROM Transaction facet host"),
            (
                NewRelic,
                "SELECT percentage(count(*), WHERE error) FROM Transaction",
            ),
            (NewRelic, "SELECT uniqueCount(host) FROM Transaction"),
            (NewRelic, "count(*)"),
            (NewRelic, "FROM Transaction SELECT"),
            (Cloudwatch, "SELECT SUM(Requests) FROM shop"),
            (
                Cloudwatch,
                r#"[{"Id": "q", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}}]"#,
            ),
            (
                Cloudwatch,
                r#"[{"Id": "q", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Average"}}]"#,
            ),
            (Cloudwatch, "FILL(SEARCH('x', 'Sum', 60), 0)"),
            (Cloudwatch, "METRICS()"),
            (Web, "/requests#/count"),
        ];
        let line = |(provider, query): (ProviderKind, &str)| match provider.check_counter(query) {
            Ok(()) => format!("{query}: counts"),
            Err(reason) => format!("{query}: {reason}"),
        };
        let lines: Vec<String> = rows.into_iter().map(line).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        sum:trace.http.request.hits{service:{{service}},version:{{version}}}.as_count(): counts
        sum:a{x:1}.as_count() + sum:b{checksum:1}.as_count(): counts
        avg:a{*}: expected counts, such as `sum:trace.http.request.hits{service:{{service}}}.as_count()`
        sum:a{*}: expected counts, such as `sum:trace.http.request.hits{service:{{service}}}.as_count()`
        sum:a{*}.as_count() + sum:b{*}: expected counts, such as `sum:trace.http.request.hits{service:{{service}}}.as_count()`
        sum:a{*}.as_rate(): found `.as_rate()`, expected `.as_count()`: requests are counted here
        sum:a{*}.as_count().rollup(sum, 60): found `.rollup(`, which is added here; `bucket` of `providers.datadog` is its width
        default_zero(sum:a{*}.as_count()): found `default_zero(`, which makes a zero of what nobody knows; `absent_bad_is_zero: true` says that there may be none
        sum:a{*} by {version}.as_count(): found `by {`, which makes several series where one is wanted
        SELECT count(*) FROM Transaction WHERE appName = '{{service}} since 2020': counts
        FROM Transaction SELECT sum(errors) WHERE version = '{{version}}': counts
        select filter(count(*), WHERE error IS true) from Transaction: counts
        SELECT count(*) FROM Transaction SINCE 5 minutes ago: found `SINCE`, expected a query without it: the time is set here, and one number is wanted
        SELECT count(*) FROM Transaction facet host: found `FACET`, expected a query without it: the time is set here, and one number is wanted
        SELECT percentage(count(*), WHERE error) FROM Transaction: found `SELECT percentage`, expected `SELECT count(*)` or `SELECT sum(…)`: only those can be added up
        SELECT uniqueCount(host) FROM Transaction: found `SELECT uniqueCount`, expected `SELECT count(*)` or `SELECT sum(…)`: only those can be added up
        count(*): expected NRQL, such as `SELECT count(*) FROM Transaction WHERE …`
        FROM Transaction SELECT: expected NRQL, such as `SELECT count(*) FROM Transaction WHERE …`
        SELECT SUM(Requests) FROM shop: counts
        [{"Id": "q", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Sum"}}]: counts
        [{"Id": "q", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Average"}}]: found `Average`, expected the statistic `Sum` or `SampleCount`: only those can be added up
        FILL(SEARCH('x', 'Sum', 60), 0): found `FILL`, which makes numbers of what nobody knows; expected the sums as they are
        METRICS(): expected a list of `MetricDataQueries` with `"Stat": "Sum"`, or `SELECT SUM(…)`
        /requests#/count: versions are compared by requests over time, and `web` has one number only; ask prometheus, or give it a `threshold_range`
        "#);
    }

    #[test]
    fn what_a_vendor_cannot_be_asked_is_refused() {
        let text = "
metrics:
  - {name: a, provider: datadog, histogram: h, slow_above: auto}
  - {name: b, provider: newrelic, query: q, tolerated_factor: 1.2}
  - {name: c, provider: datadog, bad: 'sum:a{*}', total: 'sum:b{*}.as_count()'}
checks:
  - {name: d}
  - {name: e, monitors: {ids: [1], tags: ['a:b']}}
  - {name: f, monitors: {tags: ['a:b,c:d']}}
  - {name: g, deployment_gate: {}, monitors: {ids: [1]}}
  - {name: h, deployment_gate: {version: '{{verson}}'}}
  - {name: i, deployment_gate: {}}
";
        let limits = &crate::yaml::Limits::SETTINGS;
        let (raw, _) = crate::yaml::read::<super::super::RawVerification>(text, limits).unwrap();
        let problems = raw.validate().unwrap_err();
        let line = |(pointer, message): &Problem| format!("{pointer}: {message}");
        let lines: Vec<String> = problems.iter().map(line).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        /checks/0: expected one of `alerts`, `web`, `monitors`, `deployment_gate` and `job`
        /checks/1/monitors: expected either `ids: [12345]` or `tags: ["service:{{service}}"]`
        /checks/2/monitors/tags/0: found `,`, expected one tag
        /checks/3: expected one of `alerts`, `web`, `monitors`, `deployment_gate` and `job`
        /checks/4/deployment_gate/version: unknown variable `verson`; did you mean `version`?
        /metrics/0/provider: `slow_above` is asked of `prometheus` only; others compare `bad` with `total`
        /metrics/1/provider: `tolerated_factor` is asked of `prometheus` only; others compare `bad` with `total`
        /metrics/2/bad: expected counts, such as `sum:trace.http.request.hits{service:{{service}}}.as_count()`
        "#);
    }
}
