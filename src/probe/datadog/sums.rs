//! Sums by window, added up from buckets of a known width.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Endpoint, Useless,
    points::{self, Series},
};
use crate::{
    clock::Clock,
    probe::{Client, WindowReading},
    units::format_duration,
};

/// Buckets of one question: with more of them, Datadog makes them wider.
const MOST_BUCKETS: i64 = 300;

/// Asks for the sums between each bound and the next one; bounds are in order and multiples of the
/// bucket's width.
///
/// Each bucket belongs to the window that it begins in, so that windows that follow each other count
/// each request once. A bucket without a number adds nothing; a window without any is
/// [`WindowReading::Nothing`].
pub async fn sums(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    bounds: &[DateTime<Utc>],
    timeout: Duration,
) -> Vec<WindowReading> {
    let windows = bounds.len().saturating_sub(1);
    let bounds: Vec<i64> = bounds.iter().map(DateTime::timestamp_millis).collect();
    let mut found: Vec<Option<f64>> = vec![None; windows];
    let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else {
        return Vec::new();
    };
    let width = i64::try_from(endpoint.bucket.as_millis()).unwrap_or(i64::MAX);
    let query = in_buckets(query, endpoint.bucket);
    let mut from = *first;
    let mut nothing = "no bucket has a number".to_owned();
    while from < *last {
        let to = from
            .saturating_add(width.saturating_mul(MOST_BUCKETS))
            .min(*last);
        let seconds = (from.div_euclid(1_000), to.div_euclid(1_000));
        match points::ask(client, clock, endpoint, &query, seconds, timeout).await {
            Ok(series) => {
                if let Err(useless) = add(&series, width, (from, to), &bounds, &mut found) {
                    return vec![useless.into(); windows];
                }
            }
            Err(Useless::Nothing(reason)) => nothing = reason,
            Err(useless) => return vec![useless.into(); windows],
        }
        from = to;
    }
    let reading = |sum: Option<f64>| match sum {
        Some(sum) if sum.is_finite() => WindowReading::Sum(sum),
        Some(_) => WindowReading::NoData("more than a number can hold".to_owned()),
        None => WindowReading::Nothing(nothing.clone()),
    };
    found.into_iter().map(reading).collect()
}

/// Fixes the width of the buckets, which Datadog chooses by the time that is asked for otherwise.
fn in_buckets(query: &str, bucket: Duration) -> String {
    let rolled = format!(".as_count().rollup(sum, {})", bucket.as_secs());
    query.replace(".as_count()", &rolled)
}

fn add(
    series: &Series,
    width: i64,
    (from, to): (i64, i64),
    bounds: &[i64],
    found: &mut [Option<f64>],
) -> Result<(), Useless> {
    let refuse = |reason: String| Err(Useless::NoData(reason));
    if series.width != width {
        let shown = |width: i64| format_duration(Duration::from_millis(width.unsigned_abs()));
        return refuse(format!(
            "buckets of {} where {} was asked for; `bucket` of `providers.datadog` may be that",
            shown(series.width),
            shown(width)
        ));
    }
    for (at, number) in &series.points {
        // A bucket may be named that begins before or after what was asked for: it is not whole.
        if *at < from || *at >= to {
            continue;
        }
        let Some(number) = number else { continue };
        if at.rem_euclid(width) != 0 {
            return refuse("a bucket that begins between two of them".to_owned());
        }
        if !number.is_finite() || *number < 0.0 {
            return refuse(format!("{number} in a bucket where a count was wanted"));
        }
        let window = bounds.partition_point(|bound| bound <= at).checked_sub(1);
        if let Some(sum) = window.and_then(|window| found.get_mut(window)) {
            *sum = Some(sum.unwrap_or(0.0) + number);
        }
    }
    Ok(())
}
