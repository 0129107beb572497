//! When it opens and closes next: looks only at the instants where something can change.

use chrono::{DateTime, TimeDelta, Utc};

use super::rules::{Policy, TimeRule};

/// How far ahead to look.
const HORIZON: TimeDelta = TimeDelta::days(731);
/// How much of it at once: most openings are within days, and the rest need not be worked out.
const STRETCH: TimeDelta = TimeDelta::days(16);

impl Policy {
    /// Returns the next instant after `after` at which it is open by the clock (see
    /// [`Policy::is_open`]); none within two years.
    pub fn next_open(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next(after, true)
    }

    /// Returns the next instant after `after` at which it is closed by the clock; none within two
    /// years.
    pub fn next_closed(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next(after, false)
    }

    // Between two neighbouring edges nothing changes, so the first edge that is in the wanted
    // state is where that state begins.
    fn next(&self, after: DateTime<Utc>, wanted: bool) -> Option<DateTime<Utc>> {
        let horizon = after.checked_add_signed(HORIZON)?;
        let mut from = after;
        let mut edges = Vec::new();
        while from < horizon {
            let until = (from + STRETCH).min(horizon);
            let blocking: Vec<&TimeRule> = self
                .blocking_times()
                .filter(|rule| rule.times.touches(from, until))
                .collect();
            edges.clear();
            for rule in self.allowed.iter().chain(blocking.iter().copied()) {
                rule.times.edges(from, until, &mut edges);
            }
            edges.sort_unstable();
            edges.dedup();
            let found = edges.iter().find(|edge| {
                let inside = |rule: &TimeRule| rule.times.contains(**edge);
                let blocked = blocking.iter().any(|rule| inside(rule));
                let open = !blocked && self.is_allowed(**edge);
                open == wanted
            });
            if found.is_some() {
                return found.copied();
            }
            from = until;
        }
        None
    }
}
