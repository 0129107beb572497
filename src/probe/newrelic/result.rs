//! The one number in what an NRQL query answered.

use serde_json::Value;

use super::Useless;

/// Reads an answer's `results`: one row with one number, which may stand below the name of its
/// function (`{"percentile.duration": {"95": 0.3}}`). None is `null`, which is what functions of
/// nothing answer.
///
/// # Errors
/// No row, several rows or values, a facet, a time series, a text, NaN.
pub(super) fn number(answer: &Value) -> Result<Option<f64>, Useless> {
    let no_data = |reason: String| Err(Useless::NoData(reason));
    let Some(rows) = answer.get("results").and_then(Value::as_array) else {
        return no_data("no results".to_owned());
    };
    let has = |key: &str| rows.iter().any(|row| row.get(key).is_some());
    if has("facet") {
        return no_data(format!(
            "{} facets where one number was wanted; leave `FACET` out",
            rows.len()
        ));
    }
    if has("beginTimeSeconds") {
        return no_data(
            "a time series where one number was wanted; leave `TIMESERIES` out".to_owned(),
        );
    }
    let row = match rows.as_slice() {
        [] => return no_data("no results: the query matches nothing".to_owned()),
        [row] => row,
        rows => return no_data(format!("{} rows where one number was wanted", rows.len())),
    };
    if row.get("timestamp").is_some() {
        return no_data(
            "an event where one number was wanted; ask for a function, such as `count(*)`"
                .to_owned(),
        );
    }
    let mut value = row;
    // A row holds a function, and a percentile is one below it.
    for _ in 0..2 {
        let Value::Object(fields) = value else { break };
        let mut values = fields.values();
        value = match (values.next(), values.count()) {
            (Some(value), 0) => value,
            (Some(_), more) => {
                return no_data(format!("{} values where one number was wanted", more + 1));
            }
            (None, _) => return no_data("a row without a value".to_owned()),
        };
    }
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => match number.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => no_data("more than a number can hold".to_owned()),
        },
        Value::String(text) if text.eq_ignore_ascii_case("nan") => {
            no_data("NaN: nothing divided by nothing, often no traffic".to_owned())
        }
        Value::String(text) if text.to_ascii_lowercase().contains("infinity") => {
            no_data("infinite: something divided by nothing".to_owned())
        }
        _ => no_data("something else than a number".to_owned()),
    }
}
