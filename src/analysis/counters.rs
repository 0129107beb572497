//! Raw counters, series by series -> how many there were since the last look.
//!
//! Differences are taken here and not by the provider: Prometheus' `increase()` cannot see the first
//! event of a new series, and a canary's errors are the first events of new series.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// All series that one query of counters matched at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The instant asked for.
    pub at: DateTime<Utc>,
    /// The counters, by their labels in one text; each finite and at least 0. May be empty: then the
    /// query matched nothing, which is not the same as nothing having happened.
    pub series: BTreeMap<String, f64>,
}

/// What a provider answered to a query of counters.
#[derive(Debug, Clone, PartialEq)]
pub enum CounterReading {
    /// An answer, possibly without any series.
    Snapshot(Snapshot),
    /// An answer that cannot be used: NaN, negative, a histogram, a warning that it is incomplete.
    NoData(String),
    /// No answer.
    Unavailable(String),
}

/// One counter query between two instants: adds up what every series has grown by.
#[derive(Debug, Clone)]
pub struct Counter {
    last: Snapshot,
}

impl Counter {
    /// Begins at a first look, which counts for nothing itself.
    pub fn new(first: Snapshot) -> Self {
        Self { last: first }
    }

    /// Returns what came since the last look, at least 0.
    ///
    /// A counter that fell was set back, so all of it is new. A series that was not there counts from
    /// 0: it is that of a new pod, or of a first error. One that is gone counts for nothing, and goes
    /// on from where it was should it come back.
    pub fn advance(&mut self, next: &Snapshot) -> f64 {
        let mut grown = 0.0;
        for (labels, value) in &next.series {
            let before = self.last.series.get(labels).copied().unwrap_or(0.0);
            grown += if *value >= before {
                value - before
            } else {
                *value
            };
            self.last.series.insert(labels.clone(), *value);
        }
        self.last.at = next.at;
        grown
    }
}

/// Writes labels as the name of their series: `le="0.5",pod="web-1"`. A value may hold anything, so
/// quotes, backslashes and line breaks are written with a backslash, as in PromQL.
pub fn series_name<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut name = String::new();
    for (label, value) in labels {
        if !name.is_empty() {
            name.push(',');
        }
        name.push_str(label);
        name.push_str("=\"");
        for character in value.chars() {
            match character {
                '"' | '\\' => name.extend(['\\', character]),
                '\n' => name.push_str("\\n"),
                _ => name.push(character),
            }
        }
        name.push('"');
    }
    name
}
