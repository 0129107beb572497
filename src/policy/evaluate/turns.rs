//! When it opens or closes next, and which rule makes it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::policy::{Timetable, rules::TimeRule, wording};

/// A change between open and closed.
pub(super) struct Turn {
    pub(super) at: DateTime<Utc>,
    pub(super) because: Option<String>,
}

/// The first instant after `now` from which on it is open for `length` and no freeze is left.
pub(super) fn opening(
    timetable: &Timetable<'_>,
    frozen_until: DateTime<Utc>,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> Option<Turn> {
    let from = frozen_until.max(now);
    let long_enough = || {
        let closes = timetable.next_closed(from);
        length.is_zero() || closes.is_none_or(|closes| closes - from >= length)
    };
    if from > now && timetable.is_open(from) && long_enough() {
        return Some(Turn {
            at: from,
            because: Some("the freeze ends".to_owned()),
        });
    }
    let at = timetable.next_open_for(from, length)?;
    let because = timetable
        .blocking()
        .find(|rule| turns(rule, at) == Some(false))
        .map(|rule| format!("{} ends", blocking(timetable, rule)))
        .or_else(|| {
            let mut allowed = timetable.allowed.iter();
            let rule = allowed.find(|rule| turns(rule, at) == Some(true))?;
            Some(format!("the window {} begins", wording::rule(rule)))
        });
    Some(Turn { at, because })
}

/// The first instant after `now`, at which it is open, at which it closes.
pub(super) fn closing(timetable: &Timetable<'_>, now: DateTime<Utc>) -> Option<Turn> {
    let at = timetable.next_closed(now)?;
    let because = timetable
        .blocking()
        .find(|rule| turns(rule, at) == Some(true))
        .map(|rule| format!("{} begins", blocking(timetable, rule)))
        .or_else(|| {
            let mut allowed = timetable.allowed.iter();
            let rule = allowed.find(|rule| turns(rule, at) == Some(false))?;
            Some(format!("the window {} ends", wording::rule(rule)))
        });
    Some(Turn { at, because })
}

/// Does the rule begin (true) or end (false) at this instant?
fn turns(rule: &TimeRule, at: DateTime<Utc>) -> Option<bool> {
    let before = rule.times.contains(at - TimeDelta::milliseconds(1));
    let after = rule.times.contains(at);
    (before != after).then_some(after)
}

fn blocking(timetable: &Timetable<'_>, rule: &TimeRule) -> String {
    let dates = &timetable.blocked_dates;
    let kind = if dates.iter().any(|date| std::ptr::eq(*date, rule)) {
        "the blocked date"
    } else {
        "the blocked window"
    };
    format!("{kind} {}", wording::rule(rule))
}
