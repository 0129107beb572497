//! One number by NRQL.

use std::time::Duration;

use serde_json::Value;

use super::{Endpoint, nerdgraph, result};
use crate::{
    analysis::{Reading, Sample},
    clock::Clock,
    probe::Client,
};

/// Asks a query for one number. One that names no time looks at the `window` that ended `settle` ago.
///
/// One row with one finite number is a value. No row, `null` (the average of nothing), NaN, a facet,
/// several rows or values are no data; `errors` in an answer with status 200 is no answer.
///
/// `SELECT count(*)` of something that does not exist answers 0, and New Relic says nothing of it: a
/// limit on a count says only what it counts.
pub async fn number(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    timeout: Duration,
) -> Reading {
    let now = clock.now();
    let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let until = now.timestamp_millis() - milliseconds(endpoint.settle);
    let since = until - milliseconds(endpoint.window);
    let (query, window) = if names_a_time(query) {
        (query.to_owned(), None)
    } else {
        let query = format!("{query} SINCE {since} UNTIL {until}");
        (query, Some((since, until)))
    };
    let asked = nerdgraph::ask(client, clock, endpoint, &[query], timeout).await;
    let answer = match asked.map(|mut answers| answers.pop()) {
        Ok(Some(answer)) => answer,
        Ok(None) => return Reading::NoData("no results".to_owned()),
        Err(useless) => return useless.into(),
    };
    if window.is_some_and(|window| is_elsewhere(&answer, window)) {
        return Reading::NoData(
            "New Relic answered about another time than was asked for".to_owned(),
        );
    }
    match result::number(&answer) {
        Ok(Some(value)) => Reading::Value(Sample { value, at: now }),
        Ok(None) => Reading::NoData("null: nothing was measured".to_owned()),
        Err(useless) => useless.into(),
    }
}

/// Does an answer say that it is about another time? New Relic moves a window to whole minutes where it
/// has added up by the minute.
fn is_elsewhere(answer: &Value, (since, until): (i64, i64)) -> bool {
    const MOVED: u64 = 60_000;
    let is_far = |key: &str, wanted: i64| {
        let found = answer.pointer(&format!("/metadata/timeWindow/{key}"));
        let found = found.and_then(Value::as_i64);
        found.is_some_and(|found| found.abs_diff(wanted) > MOVED)
    };
    is_far("begin", since) || is_far("end", until)
}

/// Does a query say by itself which time it looks at?
fn names_a_time(query: &str) -> bool {
    let mut quote = None;
    let outside: String = query
        .chars()
        .map(|character| match (quote, character) {
            (None, '\'' | '"' | '`') => {
                quote = Some(character);
                ' '
            }
            (Some(open), _) if open == character => {
                quote = None;
                ' '
            }
            (None, _) => character,
            (Some(_), _) => ' ',
        })
        .collect();
    outside
        .split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(|word| word.eq_ignore_ascii_case("since") || word.eq_ignore_ascii_case("until"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_a_text_is_no_time() {
        let rows = [
            ("SELECT count(*) FROM Transaction", false),
            ("SELECT count(*) FROM Transaction since 5 minutes ago", true),
            ("SELECT count(*) FROM Transaction UNTIL 5 minutes ago", true),
            ("SELECT count(*) FROM T WHERE a = 'since 1999'", false),
            ("SELECT count(*) FROM T WHERE since_when = 1", false),
            (
                "SELECT count(*) FROM T WHERE a = \"it's\" SINCE 1 hour ago",
                true,
            ),
        ];
        for (query, named) in rows {
            assert_eq!(names_a_time(query), named, "{query}");
        }
    }
}
