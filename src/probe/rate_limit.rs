//! How long a server asks to be left alone: `Retry-After`, or when its limit of requests is renewed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

/// A number of seconds up to this is a length, a larger one an instant in seconds since 1970.
const LONGEST_SECONDS: u64 = 366 * 86_400;

/// Reads how long to wait; none where the server does not say.
pub(super) fn wait(
    status: StatusCode,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Option<Duration> {
    retry_after(headers, now).or_else(|| until_reset(status, headers, now))
}

/// Reads `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.to_utc() - now).to_std().unwrap_or_default())
}

/// Reads when the limit is renewed, once none is left or the status says so: `x-ratelimit-…` of GitHub
/// (seconds since 1970) and Datadog (seconds from now), `ratelimit-…` of GitLab (since 1970).
fn until_reset(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let number = |name: String| -> Option<u64> { text(headers, &name)?.parse().ok() };
    ["x-ratelimit", "ratelimit"].into_iter().find_map(|prefix| {
        let is_used_up = status == StatusCode::TOO_MANY_REQUESTS
            || number(format!("{prefix}-remaining")) == Some(0);
        let seconds = number(format!("{prefix}-reset")).filter(|_| is_used_up)?;
        if seconds <= LONGEST_SECONDS {
            return Some(Duration::from_secs(seconds));
        }
        let now = u64::try_from(now.timestamp()).ok()?;
        Some(Duration::from_secs(seconds.saturating_sub(now)))
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-01-05T12:00:00Z")
            .unwrap()
            .to_utc();
        let rows = [
            ("3", Some(3)),
            (" 120 ", Some(120)),
            ("Mon, 05 Jan 2026 12:00:30 GMT", Some(30)),
            ("Mon, 05 Jan 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ];
        for (text, seconds) in rows {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                wait(StatusCode::SERVICE_UNAVAILABLE, &headers, now),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
    }

    #[test]
    fn a_limit_is_reset_in_seconds_or_at_an_instant() {
        let now = DateTime::from_timestamp(1_767_614_400, 0).unwrap();
        let rows = [
            (429, "x-ratelimit-reset 7", Some(7)),
            (429, "x-ratelimit-reset 1767614430", Some(30)),
            (429, "x-ratelimit-reset 1767610000", Some(0)),
            (429, "ratelimit-reset 1767614430", Some(30)),
            (429, "x-ratelimit-reset soon", None),
            (429, "retry-after 3 x-ratelimit-reset 7", Some(3)),
            (200, "x-ratelimit-reset 7", None),
            (503, "x-ratelimit-reset 7", None),
            // Used up, whatever the status is.
            (
                403,
                "x-ratelimit-remaining 0 x-ratelimit-reset 1767614460",
                Some(60),
            ),
            (
                403,
                "ratelimit-remaining 0 ratelimit-reset 1767614300",
                Some(0),
            ),
            (
                200,
                "x-ratelimit-remaining 7 x-ratelimit-reset 1767614460",
                None,
            ),
            (200, "x-ratelimit-remaining 0", None),
            (200, "x-ratelimit-remaining 0 x-ratelimit-reset soon", None),
        ];
        for (status, headers, seconds) in rows {
            let mut map = HeaderMap::new();
            let mut words = headers.split(' ');
            while let (Some(name), Some(value)) = (words.next(), words.next()) {
                map.insert(HeaderName::from_static(name), value.parse().unwrap());
            }
            let status = StatusCode::from_u16(status).unwrap();
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(wait(status, &map, now), expected, "{status} {headers}");
        }
    }
}
