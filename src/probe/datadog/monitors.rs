//! Are monitors OK? Alert, Warn and No Data are not, and neither is a monitor that nobody finds.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Deserialize;

use super::{
    Endpoint, Useless,
    request::{self, odd, without_complaint},
};
use crate::{
    clock::Clock,
    probe::{CheckReading, Client, text::excerpt},
};

/// How many monitors are named.
const NAMED: usize = 3;

/// Which monitors are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Monitors {
    /// These.
    Ids(Vec<u64>),
    /// Those with all of these tags.
    Tags(Vec<String>),
}

#[derive(Deserialize)]
struct Monitor {
    name: String,
    overall_state: String,
    /// When it was deleted; its last state stays.
    deleted: Option<serde_json::Value>,
    tags: Option<Vec<String>>,
}

impl Monitor {
    /// Has it a tag that was asked for, as far as it tells? Those that were made in Datadog's own pages are asked
    /// for without the `service:` before them.
    fn has(&self, tag: &str) -> bool {
        let is_it = |one: &String| one == tag || one.strip_prefix("service:") == Some(tag);
        let tags = self.tags.as_ref();
        tags.is_none_or(|tags| tags.iter().any(is_it))
    }
}

/// Asks for the states of monitors
/// (<https://docs.datadoghq.com/api/latest/monitors/#get-all-monitors>).
///
/// Fails where one alerts, or warns and that is not allowed (the second of the pair). A monitor without data, in a state that
/// is none of these, or without a state says nothing; so does a search that finds no monitor. A muted
/// monitor counts as any other: muting keeps people from being woken, it mends nothing.
pub async fn monitors(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    (wanted, allow_warn): (&Monitors, bool),
    timeout: Duration,
) -> CheckReading {
    match ask(client, clock, endpoint, wanted, timeout).await {
        Ok(monitors) => match other(&monitors, wanted) {
            Some(other) => CheckReading::Unanswered(format!(
                "{} has not the tags that were asked for",
                excerpt(&other.name)
            )),
            None => judged(&monitors, allow_warn),
        },
        Err(Useless::Nothing(reason) | Useless::NoData(reason) | Useless::Unavailable(reason)) => {
            CheckReading::Unanswered(reason)
        }
    }
}

async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    wanted: &Monitors,
    timeout: Duration,
) -> Result<Vec<Monitor>, Useless> {
    let answers = match wanted {
        Monitors::Tags(tags) => {
            let query = [("monitor_tags", tags.join(","))];
            let asked = request::get(client, clock, endpoint, "/api/v1/monitor", &query, timeout);
            let answer = asked.await.map_err(Useless::Unavailable)?;
            match without_complaint(endpoint, answer)? {
                serde_json::Value::Array(found) => found,
                _ => return Err(odd(endpoint, "list of monitors")),
            }
        }
        Monitors::Ids(ids) => {
            let asked = ids.iter().map(|id| async move {
                let path = format!("/api/v1/monitor/{id}");
                let asked = request::get(client, clock, endpoint, &path, &[], timeout);
                let answer = asked
                    .await
                    .map_err(|reason| Useless::Unavailable(format!("monitor {id}: {reason}")))?;
                let answer = without_complaint(endpoint, answer)?;
                match answer.get("id").map(serde_json::Value::as_u64) {
                    Some(Some(found)) if found != *id => Err(Useless::Unavailable(format!(
                        "monitor {id}: the answer is about monitor {found}"
                    ))),
                    _ => Ok(answer),
                }
            });
            let answers = join_all(asked).await.into_iter();
            answers.collect::<Result<Vec<_>, _>>()?
        }
    };
    answers
        .into_iter()
        .map(|answer| serde_json::from_value(answer).map_err(|_| odd(endpoint, "monitor")))
        .collect()
}

/// Returns a monitor that was not asked for.
fn other<'m>(monitors: &'m [Monitor], wanted: &Monitors) -> Option<&'m Monitor> {
    let Monitors::Tags(tags) = wanted else {
        return None;
    };
    let mut monitors = monitors.iter();
    monitors.find(|monitor| !tags.iter().all(|tag| monitor.has(tag)))
}

fn judged(monitors: &[Monitor], allow_warn: bool) -> CheckReading {
    if monitors.is_empty() {
        return CheckReading::Unanswered("no monitor has these tags".to_owned());
    }
    let in_states = |wanted: &dyn Fn(&str) -> bool| -> Vec<&Monitor> {
        let found = monitors.iter();
        found.filter(|one| wanted(&one.overall_state)).collect()
    };
    let bad = in_states(&|state| state == "Alert" || (state == "Warn" && !allow_warn));
    if !bad.is_empty() {
        return CheckReading::Failed(listed(&bad));
    }
    let deleted = monitors.iter().find(|one| one.deleted.is_some());
    if let Some(deleted) = deleted {
        let name = excerpt(&deleted.name);
        return CheckReading::Unanswered(format!("{name} was deleted"));
    }
    let unknown = in_states(&|state| !matches!(state, "OK" | "Warn"));
    if !unknown.is_empty() {
        return CheckReading::Unanswered(listed(&unknown));
    }
    CheckReading::Passed(match monitors.len() {
        1 => "1 monitor is OK".to_owned(),
        count => format!("{count} monitors are OK"),
    })
}

/// Names monitors with their states: `Checkout errors: Alert, Checkout latency: Warn`.
fn listed(monitors: &[&Monitor]) -> String {
    let named = monitors.iter().take(NAMED).map(|monitor| {
        let Monitor {
            name,
            overall_state,
            ..
        } = monitor;
        format!("{}: {}", excerpt(name), excerpt(overall_state))
    });
    let named: Vec<String> = named.collect();
    let more = monitors.len().saturating_sub(NAMED);
    match more {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}
