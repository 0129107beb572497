//! The parameters of a question to the metrics API, as Prometheus reads them.

use chrono::{DateTime, TimeDelta, Utc};
use url::form_urlencoded;

use super::{
    metrics::{BadQuery, Range},
    server::Question,
};

/// The parameters of a request, from its body and its address.
pub(super) struct Form<'a> {
    body: &'a [u8],
    query: &'a [u8],
}

impl<'a> Form<'a> {
    /// Reads them.
    pub(super) fn of(question: &'a Question) -> Self {
        Self {
            body: if question.is_post {
                &question.body
            } else {
                &[]
            },
            query: question.query.as_bytes(),
        }
    }

    /// Returns the first value of a name.
    pub(super) fn value(&self, wanted: &str) -> Option<String> {
        form_urlencoded::parse(self.body)
            .chain(form_urlencoded::parse(self.query))
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns the instant of a name; `default` where it is not given.
    pub(super) fn instant(
        &self,
        name: &str,
        default: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, BadQuery> {
        let Some(text) = self.value(name) else {
            return Ok(default);
        };
        instant(&text).ok_or_else(|| {
            BadQuery(format!(
                "invalid parameter \"{name}\": cannot parse {text:?} to a valid timestamp"
            ))
        })
    }

    /// Returns the range that is asked for, up to now.
    pub(super) fn range(&self, now: DateTime<Utc>) -> Result<Range, BadQuery> {
        let text = self.value("step").unwrap_or_default();
        let step = match text.strip_suffix("ms") {
            Some(number) => number.parse().ok(),
            None => text.parse().ok().map(|seconds: f64| seconds * 1_000.0),
        };
        let step = step
            .filter(|step: &f64| (1.0..1e12).contains(step))
            .ok_or_else(|| {
                BadQuery(format!(
                    "invalid parameter \"step\": cannot parse {text:?} to a valid duration"
                ))
            })?;
        Ok(Range {
            start: self.instant("start", now)?,
            end: self.instant("end", now)?.min(now),
            step: TimeDelta::milliseconds(step.round() as i64),
        })
    }
}

/// Reads seconds since 1970, with or without a fraction, or RFC 3339.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(seconds) = text.parse::<f64>() {
        let milliseconds = (seconds * 1_000.0).round();
        return milliseconds
            .is_finite()
            .then(|| DateTime::from_timestamp_millis(milliseconds as i64))?;
    }
    let parsed = DateTime::parse_from_rfc3339(text).ok()?;
    Some(parsed.with_timezone(&Utc))
}
