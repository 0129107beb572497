//! `GET /api/v1/query`: series of points, each the start of a bucket and its number.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Endpoint, Useless,
    request::{self, odd, without_complaint},
    several,
};
use crate::{clock::Clock, probe::Client};

/// Start of a bucket in milliseconds, and its number.
pub(super) type Point = (i64, Option<f64>);

/// One series.
#[derive(Debug)]
pub(super) struct Series {
    /// Width of a bucket in milliseconds, at least 1.
    pub(super) width: i64,
    /// In order.
    pub(super) points: Vec<Point>,
}

/// The shape of the answer, as the models of Datadog's own client have it
/// (<https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points>).
#[derive(Deserialize)]
struct Answer {
    status: String,
    series: Vec<RawSeries>,
}

#[derive(Deserialize)]
struct RawSeries {
    interval: Option<u32>,
    pointlist: Vec<(f64, Option<f64>)>,
}

/// Asks for the points from one second until another one.
///
/// # Errors
/// No answer, a refusal, no series, several series, a series that is none.
pub(super) async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    (from, to): (i64, i64),
    timeout: Duration,
) -> Result<Series, Useless> {
    let form = [
        ("from", from.to_string()),
        ("to", to.to_string()),
        ("query", query.to_owned()),
    ];
    let asked = request::get(client, clock, endpoint, "/api/v1/query", &form, timeout);
    let answer = asked.await.map_err(Useless::Unavailable)?;
    let answer = without_complaint(endpoint, answer)?;
    let mut series = read(answer).ok_or_else(|| odd(endpoint, "series of points"))?;
    match (series.pop(), series.len()) {
        (Some(one), 0) => Ok(one),
        (Some(_), more) => Err(several(more + 1)),
        (None, _) => Err(Useless::Nothing(
            "no series: the query matches nothing".to_owned(),
        )),
    }
}

fn read(answer: Value) -> Option<Vec<Series>> {
    let answer: Answer = serde_json::from_value(answer).ok()?;
    if answer.status != "ok" {
        return None;
    }
    answer
        .series
        .into_iter()
        .map(|series| {
            // Answers say it in seconds, whatever the model's description does: 20 points from minute to
            // minute have `interval` 60. Were it milliseconds, no bucket would be over.
            let interval = i64::from(series.interval.filter(|interval| *interval > 0)?);
            let width = interval.saturating_mul(1_000);
            let point = |(at, number): (f64, Option<f64>)| {
                // Saturates outside of the range of i64, and such a time is in no window.
                let at = at.is_finite().then(|| at.round() as i64)?;
                Some((at, number))
            };
            let mut points = series
                .pointlist
                .into_iter()
                .map(point)
                .collect::<Option<Vec<_>>>()?;
            points.sort_by_key(|(at, _)| *at);
            Some(Series { width, points })
        })
        .collect()
}
