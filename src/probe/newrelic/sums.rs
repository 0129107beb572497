//! Sums by window, each by a query of its own for exactly that window.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Endpoint, nerdgraph, result};
use crate::{
    clock::Clock,
    probe::{Client, WindowReading},
};

/// Windows of one question. NerdGraph answers 25 at once for each user.
const MOST_WINDOWS: usize = 10;

/// Asks for the sums between each bound and the next one; bounds are in order.
///
/// New Relic moves the beginning and the end of some queries (those of `Metric`) to what it has added
/// up already. It says so, and a window that it moved is no data: it would count requests twice, or
/// not at all. A count of nothing is 0 at New Relic, whether or not there is such a thing: here it is
/// [`WindowReading::Nothing`].
pub async fn sums(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    bounds: &[DateTime<Utc>],
    timeout: Duration,
) -> Vec<WindowReading> {
    let windows: Vec<(i64, i64)> = bounds
        .windows(2)
        .filter_map(|pair| match pair {
            [from, to] => Some((from.timestamp_millis(), to.timestamp_millis())),
            _ => None,
        })
        .collect();
    let mut found = Vec::with_capacity(windows.len());
    for some in windows.chunks(MOST_WINDOWS) {
        let asked = some
            .iter()
            .map(|(from, to)| format!("{query} SINCE {from} UNTIL {to}"));
        let queries: Vec<String> = asked.collect();
        match nerdgraph::ask(client, clock, endpoint, &queries, timeout).await {
            Ok(answers) => {
                let answered = some.iter().zip(&answers);
                found.extend(answered.map(|(window, answer)| reading(*window, answer)));
            }
            Err(useless) => {
                // Nobody waits for the time-outs of all that follow.
                found.resize(windows.len(), useless.into());
                break;
            }
        }
    }
    found
}

fn reading((from, to): (i64, i64), answer: &Value) -> WindowReading {
    let bound = |name: &str| {
        let window = answer.get("metadata")?.get("timeWindow")?;
        window.get(name)?.as_i64()
    };
    match (bound("begin"), bound("end")) {
        (Some(begin), Some(end)) if (begin, end) == (from, to) => {}
        (Some(_), Some(_)) => {
            return WindowReading::NoData(
                "New Relic moved the window; `bucket` of `providers.newrelic` may be what it adds up by"
                    .to_owned(),
            );
        }
        _ => return WindowReading::NoData("an answer that does not say of which time".to_owned()),
    }
    match result::number(answer) {
        Ok(Some(number)) if number > 0.0 => WindowReading::Sum(number),
        Ok(Some(number)) if number < 0.0 => {
            WindowReading::NoData(format!("{number} where a count was wanted"))
        }
        Ok(_) => WindowReading::Nothing("the query counts nothing".to_owned()),
        Err(useless) => useless.into(),
    }
}
