//! A metric that carries the version as a label: which versions have a series now?

use std::{collections::BTreeSet, time::Duration};

use super::Trouble;
use crate::{
    analysis::counters::{CounterReading, label_of},
    clock::Clock,
    probe::{
        Client,
        json_api::without,
        prometheus::{self, Endpoint},
        text::excerpt,
    },
    secret::Secret,
};

/// Asks for the versions of all series above 0; none at all where the query matches nothing, or only
/// series at 0.
///
/// # Errors
/// No answer, or none that can be used; a series without the label.
pub async fn versions(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    (query, label): (&str, &str),
    timeout: Duration,
) -> Result<BTreeSet<String>, Trouble> {
    let reading = prometheus::counters(client, clock, endpoint, query, None, timeout).await;
    let snapshot = match reading {
        CounterReading::Snapshot(snapshot) => snapshot,
        CounterReading::NoData(reason) | CounterReading::Unavailable(reason) => {
            return Err(Trouble::Unanswered(reason));
        }
    };
    let secrets = endpoint.auth.secrets();
    let secrets: Vec<&Secret> = secrets.iter().collect();
    let present = snapshot.series.iter().filter(|(_, value)| **value > 0.0);
    present
        .map(|(name, _)| {
            let version = label_of(name, label).filter(|version| !version.is_empty());
            version
                .map(|version| excerpt(&without(version.to_owned(), &secrets)))
                .ok_or_else(|| {
                    Trouble::Unanswered(format!(
                        "`query` found a series without the label `{label}`"
                    ))
                })
        })
        .collect()
}
