//! One number from Prometheus, or from anything that speaks its query API.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Endpoint, envelope,
    request::{self, Useless, When},
};
use crate::{
    analysis::{Reading, Sample},
    clock::Clock,
    probe::{Client, text::origin},
    units::format_duration,
};

/// Asks an instant query for one number, at `at` or now.
///
/// One series, or a scalar, is a value. Anything else that was answered is no data: no series,
/// several series (never silently the first), NaN, infinity, a text, a range, an answer that
/// Prometheus itself calls incomplete, a sample that is not of the time asked for. Everything that
/// is no answer is unavailable.
///
/// A query that uses `rate()` over a scrape target that died answers with the old rate until its
/// window has passed, under a fresh time stamp. Nothing in the answer shows that. A query that
/// decides whether traffic is low must look at the target as well: `sum(rate(x[5m])) and on()
/// (min(up{job="x"}) == 1)` has no series, and so no data, when a target is down.
pub async fn instant(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    at: Option<DateTime<Utc>>,
    timeout: Duration,
) -> Reading {
    asked(client, clock, endpoint, query, at, timeout, None).await
}

/// Asks as [`instant`], and makes one number of the numbers of several series. One of them that is
/// no data makes all of it no data.
pub async fn combined(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    combine: Combine,
    timeout: Duration,
) -> Reading {
    asked(client, clock, endpoint, query, None, timeout, Some(combine)).await
}

/// Makes one number of several; never of none.
pub type Combine = fn(&[f64]) -> f64;

async fn asked(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    at: Option<DateTime<Utc>>,
    timeout: Duration,
    combine: Option<Combine>,
) -> Reading {
    let when = at.map_or(When::Now, When::At);
    let data: Data = match request::ask(client, clock, endpoint, query, when, timeout).await {
        Ok(data) => data,
        Err(useless) => return nothing(endpoint, useless),
    };
    let wanted = Wanted {
        at: at.unwrap_or_else(|| clock.now()),
        max_age: endpoint.max_age,
        combine,
    };
    one_number(&data, &wanted)
        .unwrap_or_else(|| nothing(endpoint, envelope::no_result(&endpoint.url)))
}

fn nothing(endpoint: &Endpoint, useless: Useless) -> Reading {
    match useless {
        Useless::NoData(reason) => Reading::NoData(reason),
        Useless::Unavailable(reason) => Reading::Unavailable(reason),
        Useless::TooLarge => Reading::Unavailable(format!(
            "{} answered with more than 8 MiB",
            origin(&endpoint.url)
        )),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

/// What the one number must be like.
struct Wanted {
    at: DateTime<Utc>,
    max_age: Duration,
    combine: Option<Combine>,
}

/// Returns nothing where the shape is not that of a query result.
fn one_number(data: &Data, wanted: &Wanted) -> Option<Reading> {
    let no_data = |reason: &str| Some(Reading::NoData(reason.to_owned()));
    let series = match data.result_type.as_str() {
        "scalar" => return number(&data.result, wanted),
        "vector" => data.result.as_array()?,
        "matrix" => return no_data("a range of samples where one number was wanted"),
        "string" => return no_data("a text where a number was wanted"),
        _ => return None,
    };
    match (series.as_slice(), wanted.combine) {
        ([], _) => no_data("no series: the query matches nothing"),
        ([one], _) => number_of(one, wanted),
        (several, None) => no_data(&format!(
            "{} series where one was wanted; aggregate them, for example with sum()",
            several.len()
        )),
        (several, Some(combine)) => {
            let mut values = Vec::with_capacity(several.len());
            let mut oldest = DateTime::<Utc>::MAX_UTC;
            for series in several {
                match number_of(series, wanted)? {
                    Reading::Value(Sample { value, at }) => {
                        values.push(value);
                        oldest = oldest.min(at);
                    }
                    nothing => return Some(nothing),
                }
            }
            let value = combine(&values);
            if !value.is_finite() {
                return no_data("infinite: the series together are more than a number can hold");
            }
            Some(Reading::Value(Sample { value, at: oldest }))
        }
    }
}

fn number_of(series: &Value, wanted: &Wanted) -> Option<Reading> {
    if series.get("histogram").is_some() {
        let reason = "a histogram where one number was wanted";
        return Some(Reading::NoData(reason.to_owned()));
    }
    number(series.get("value")?, wanted)
}

fn number(pair: &Value, wanted: &Wanted) -> Option<Reading> {
    let no_data = |reason: &str| Some(Reading::NoData(reason.to_owned()));
    let [at, number] = pair.as_array()?.as_slice() else {
        return None;
    };
    let at = instant_of(at.as_f64()?)?;
    let value: f64 = number.as_str()?.parse().ok()?;
    if value.is_nan() {
        return no_data("NaN: nothing divided by nothing, often no traffic");
    }
    if value.is_infinite() {
        return no_data("infinite: something divided by nothing");
    }
    let off = (at - wanted.at).abs();
    if off > TimeDelta::from_std(wanted.max_age).unwrap_or(TimeDelta::MAX) {
        return no_data(&format!(
            "stale: the sample is of {}, {} from the time asked for",
            at.to_rfc3339(),
            format_duration(off.to_std().unwrap_or_default())
        ));
    }
    Some(Reading::Value(Sample { value, at }))
}

/// Reads a time as the API writes it: seconds with at most three decimals.
pub(super) fn instant_of(seconds: f64) -> Option<DateTime<Utc>> {
    // Saturates outside of the range of i64, which is outside of the range of dates.
    DateTime::from_timestamp_millis((seconds * 1_000.0).round() as i64)
}
