//! One number from whichever of the three query APIs is asked.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Api, Endpoint, Useless, columns,
    formula::taken_apart,
    points::{self, Series},
    request::{self, odd, without_complaint},
};
use crate::{
    analysis::{Reading, Sample},
    clock::Clock,
    probe::Client,
    units::format_duration,
};

/// Asks a query for one number.
///
/// Of points, the newest one counts whose bucket ended at least `settle` ago: the bucket that is not
/// over holds a part of what it will, and one that has just ended may still grow. A `null` is a
/// missing point, not a zero. Several series are no data, never silently the first.
pub async fn number(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    timeout: Duration,
) -> Reading {
    let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let to = clock.now().timestamp_millis() - milliseconds(endpoint.settle);
    // The API of v1 knows whole seconds only.
    let to = to.div_euclid(1_000) * 1_000;
    let time = (to - milliseconds(endpoint.window), to);
    let asked = match endpoint.api {
        Api::V1 => of_points(client, clock, endpoint, query, time, timeout).await,
        Api::Timeseries => {
            let interval = milliseconds(endpoint.bucket);
            let points = of_v2(
                client,
                clock,
                endpoint,
                query,
                (time, Some(interval)),
                timeout,
            );
            points.await
        }
        Api::Scalar => of_v2(client, clock, endpoint, query, (time, None), timeout).await,
    };
    match asked {
        Ok((value, at)) if value.is_finite() => match DateTime::<Utc>::from_timestamp_millis(at) {
            Some(at) => Reading::Value(Sample { value, at }),
            None => Reading::NoData("a point of no time".to_owned()),
        },
        Ok(_) => Reading::NoData("not finite: something divided by nothing".to_owned()),
        Err(useless) => useless.into(),
    }
}

async fn of_points(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    (from, to): (i64, i64),
    timeout: Duration,
) -> Result<(f64, i64), Useless> {
    let seconds = (from.div_euclid(1_000), to.div_euclid(1_000));
    let series = points::ask(client, clock, endpoint, query, seconds, timeout).await?;
    newest(&series, (from, to), endpoint.window)
}

async fn of_v2(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    (time, interval): ((i64, i64), Option<i64>),
    timeout: Duration,
) -> Result<(f64, i64), Useless> {
    let formula = taken_apart(query).ok_or_else(|| {
        Useless::Unavailable(
            "the query has no part such as `avg:metric{tag:value}`; `api: v1` takes it as it is"
                .to_owned(),
        )
    })?;
    let path = match interval {
        Some(_) => "/api/v2/query/timeseries",
        None => "/api/v2/query/scalar",
    };
    let body = formula.body(time, interval);
    let asked = request::post(client, clock, endpoint, path, &body, timeout);
    let answer = asked.await.map_err(Useless::Unavailable)?;
    let answer = without_complaint(endpoint, answer)?;
    let Some(width) = interval else {
        let number =
            columns::number(&answer).ok_or_else(|| odd(endpoint, "column of numbers"))??;
        return Ok((number, time.1));
    };
    let points = columns::points(&answer).ok_or_else(|| odd(endpoint, "series of points"))??;
    // Datadog may make the buckets wider than asked for; how wide they are, only their times say.
    let gaps = points.windows(2).filter_map(|pair| match pair {
        [(first, _), (second, _)] => Some(second - first),
        _ => None,
    });
    let width = gaps.min().map_or(width, |gap| gap.max(width));
    newest(&Series { width, points }, time, endpoint.window)
}

/// Returns the number of the newest bucket that was over, with its end.
fn newest(
    series: &Series,
    (from, to): (i64, i64),
    window: Duration,
) -> Result<(f64, i64), Useless> {
    let ends = series.points.iter().rev().filter_map(|(start, number)| {
        let end = start.saturating_add(series.width);
        (end > from && end <= to).then_some((number, end))
    });
    let mut seen = false;
    for (number, end) in ends {
        if let Some(number) = number {
            return Ok((*number, end));
        }
        seen = true;
    }
    let window = format_duration(window);
    Err(Useless::NoData(if seen {
        format!("null: no point of the last {window} has a number")
    } else {
        format!("no finished point in the last {window}")
    }))
}
