//! What the two query APIs of v2 answer: points of series in rows, or columns of finished numbers.

use serde::Deserialize;
use serde_json::Value;

use super::{Useless, points::Point, several};

#[derive(Deserialize)]
struct Timeseries {
    times: Vec<i64>,
    values: Vec<Vec<Option<f64>>>,
    series: Vec<Value>,
}

#[derive(Deserialize)]
struct Scalar {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    #[serde(rename = "type")]
    kind: String,
    values: Vec<Value>,
}

/// Returns the points of the one series in order; none where the shape is another one.
pub(super) fn points(answer: &Value) -> Option<Result<Vec<Point>, Useless>> {
    let Timeseries {
        times,
        values,
        series,
    } = attributes(answer)?;
    if series.len() != values.len() || values.iter().any(|row| row.len() != times.len()) {
        return None;
    }
    Some(match values.as_slice() {
        [] => Err(nothing()),
        [row] => {
            let mut points: Vec<_> = times.into_iter().zip(row.iter().copied()).collect();
            points.sort_by_key(|(at, _)| *at);
            Ok(points)
        }
        more => Err(several(more.len())),
    })
}

/// Returns the one number; none where the shape is another one.
pub(super) fn number(answer: &Value) -> Option<Result<f64, Useless>> {
    let Scalar { columns } = attributes(answer)?;
    let mut numbers = columns.iter().filter(|column| column.kind == "number");
    let column = match (numbers.next(), numbers.count()) {
        (Some(column), 0) => column,
        (Some(_), more) => return Some(Err(several(more + 1))),
        (None, _) => return Some(Err(nothing())),
    };
    Some(match column.values.as_slice() {
        [] => Err(nothing()),
        [Value::Null] => Err(Useless::NoData(
            "null: nothing was measured, or nothing divided by nothing".to_owned(),
        )),
        [one] => return one.as_f64().map(Ok),
        more => Err(several(more.len())),
    })
}

fn attributes<D: serde::de::DeserializeOwned>(answer: &Value) -> Option<D> {
    let attributes = answer.get("data")?.get("attributes")?.clone();
    serde_json::from_value(attributes).ok()
}

fn nothing() -> Useless {
    Useless::Nothing("no series: the query matches nothing".to_owned())
}
