//! Windows that begin or end where a clock is put forward or back: what happens then, said before it
//! happens.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::{Linter, Severity};
use crate::policy::{
    rules::TimeRule,
    times::Times,
    timetable::HORIZON,
    zone::{Stretch, Zone},
};

/// An edge of a span of the clock on the wall.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

impl Linter<'_> {
    /// Notes the next gap and the next repeated hour that an edge of a rule falls in.
    pub(super) fn clock_changes(&mut self) {
        let policy = self.policy;
        let Some(until) = self.now.checked_add_signed(HORIZON) else {
            return;
        };
        let windows = policy.allowed.iter().chain(&policy.blocked);
        for rule in windows.chain(&policy.blocked_dates) {
            let stretches = rule.times.zone.stretches(self.now, until);
            let changes = || stretches.iter().zip(stretches.iter().skip(1));
            let gap = changes().find_map(|(before, after)| skipped(rule, before, after));
            let fold = changes().find_map(|(before, after)| repeated(rule, before, after));
            for (code, message) in [("clock-forward", gap), ("clock-back", fold)] {
                if let Some(message) = message {
                    self.odd_rule(Severity::Info, code, rule, message);
                }
            }
        }
    }
}

/// An edge that no clock shows, since it is put forward over it.
fn skipped(rule: &TimeRule, before: &Stretch, after: &Stretch) -> Option<String> {
    let at = after.start;
    let (from, to) = (wall(at, before), wall(at, after));
    let inside = |edge: Edge, wall: NaiveDateTime| match edge {
        Edge::Start => from <= wall && wall < to,
        Edge::End => from < wall && wall < to,
    };
    let (edge, time, other) = edge_inside(&rule.times, from, to, inside)?;
    let does = match edge {
        Edge::Start if other <= to => "does not open".to_owned(),
        Edge::Start => format!("opens at {}", clock(to)),
        Edge::End => format!("closes at {}", clock(to)),
    };
    Some(format!(
        "{} does not exist on {} in {}; {} {does} that day",
        clock(time),
        time.date(),
        rule.times.zone,
        this(rule),
    ))
}

/// An edge that a clock shows twice, since it is put back over it.
fn repeated(rule: &TimeRule, before: &Stretch, after: &Stretch) -> Option<String> {
    let at = after.start;
    let (from, to) = (wall(at, after), wall(at, before));
    let inside = |_: Edge, wall: NaiveDateTime| from < wall && wall < to;
    let (edge, time, _) = edge_inside(&rule.times, from, to, inside)?;
    let does = match edge {
        Edge::Start => "opens",
        Edge::End => "closes",
    };
    Some(format!(
        "{} comes twice on {} in {}; {} {does} both times",
        clock(time),
        time.date(),
        rule.times.zone,
        this(rule)
    ))
}

/// Finds a span of the pattern that has an edge in a part of the clock: the edge, and the other one
/// of the same span. On the clock of UTC the spans
/// of a pattern are what is written.
fn edge_inside(
    times: &Times,
    from: NaiveDateTime,
    to: NaiveDateTime,
    inside: impl Fn(Edge, NaiveDateTime) -> bool,
) -> Option<(Edge, NaiveDateTime, NaiveDateTime)> {
    let written = Times {
        pattern: times.pattern.clone(),
        zone: Zone::utc(),
    };
    let margin = TimeDelta::days(1);
    let mut spans = Vec::new();
    let (first, last) = (
        from.checked_sub_signed(margin)?,
        to.checked_add_signed(margin)?,
    );
    written.intervals(first.and_utc(), last.and_utc(), &mut spans);
    spans.into_iter().find_map(|span| {
        let (start, end) = (span.start.naive_utc(), span.end.naive_utc());
        let edges = [(Edge::Start, start, end), (Edge::End, end, start)];
        edges
            .into_iter()
            .find(|(edge, time, _)| inside(*edge, *time))
    })
}

fn wall(instant: DateTime<Utc>, stretch: &Stretch) -> NaiveDateTime {
    let naive = instant.naive_utc();
    naive.checked_add_signed(stretch.offset).unwrap_or(naive)
}

fn clock(time: NaiveDateTime) -> impl std::fmt::Display {
    time.format("%H:%M")
}

fn this(rule: &TimeRule) -> &'static str {
    if rule.rule.starts_with("blocked_dates") {
        "the blocked time"
    } else {
        "the window"
    }
}
