//! Windows and blocked dates: which of them an instant is in.

use chrono::{DateTime, Utc};

use crate::policy::{Effect, Reason, ReasonCode, Timetable, rules::TimeRule, wording, zone::Zone};

/// One reason for each blocked window and date that the instant is in.
pub(super) fn blocked(
    timetable: &Timetable<'_>,
    now: DateTime<Utc>,
) -> impl Iterator<Item = Reason> {
    let windows = timetable.blocked.iter().map(|rule| (*rule, false));
    let dates = timetable.blocked_dates.iter().map(|rule| (*rule, true));
    windows
        .chain(dates)
        .filter(move |(rule, _)| rule.times.contains(now))
        .map(move |(rule, is_date)| blocked_time(rule, is_date, now))
}

fn blocked_time(rule: &TimeRule, is_date: bool, now: DateTime<Utc>) -> Reason {
    let moment = wording::moment(now, &rule.times.zone);
    let place = if is_date {
        "on the blocked date"
    } else {
        "in the blocked window"
    };
    let why = rule
        .description
        .as_ref()
        .map(|description| format!(": {description}"));
    Reason {
        rule: rule.rule.clone(),
        code: if is_date {
            ReasonCode::BlockedDate
        } else {
            ReasonCode::BlockedWindow
        },
        effect: Effect::Blocks,
        message: format!(
            "{moment} is {place} {}{}",
            wording::rule(rule),
            why.unwrap_or_default()
        ),
        line: Some(rule.line),
    }
}

/// What the allowed windows say.
pub(super) fn allowed(timetable: &Timetable<'_>, now: DateTime<Utc>) -> Reason {
    let matching: Vec<&TimeRule> = timetable
        .allowed
        .iter()
        .copied()
        .filter(|rule| rule.times.contains(now))
        .collect();
    let free = matching.iter().find(|rule| !rule.approval_required);
    let Some(rule) = free.or(matching.first()) else {
        return no_window(timetable, now);
    };
    let moment = wording::moment(now, &rule.times.zone);
    let window = wording::rule(rule);
    let (code, effect, message) = if rule.approval_required {
        (
            ReasonCode::ApprovalRequired,
            Effect::AsksApproval,
            format!("{moment} needs an approval ({window})"),
        )
    } else {
        (
            ReasonCode::Allowed,
            Effect::Allows,
            if rule.manual_sync {
                format!(
                    "{moment} is in the window {window}, which persons need not keep to (manualSync)"
                )
            } else {
                format!("{moment} is in the allowed window {window}")
            },
        )
    };
    Reason {
        rule: rule.rule.clone(),
        code,
        effect,
        message,
        line: Some(rule.line),
    }
}

fn no_window(timetable: &Timetable<'_>, now: DateTime<Utc>) -> Reason {
    let Some(first) = timetable.allowed.first() else {
        return Reason {
            rule: "allowed_windows".to_owned(),
            code: ReasonCode::Allowed,
            effect: Effect::Allows,
            message: if timetable.policy.allowed.is_empty() {
                "there are no allowed windows, so any time that is not blocked is open"
            } else {
                "no allowed window is for this request, so any time that is not blocked is open"
            }
            .to_owned(),
            line: None,
        };
    };
    let all = &timetable.allowed;
    let shared = all.iter().all(|rule| rule.times.zone == first.times.zone);
    let zone: &Zone = if shared {
        &first.times.zone
    } else {
        timetable.policy.zone()
    };
    Reason {
        rule: "allowed_windows".to_owned(),
        code: ReasonCode::BlockedWindow,
        effect: Effect::Blocks,
        message: format!(
            "{} is outside the allowed windows ({})",
            wording::moment(now, zone),
            wording::rules(all)
        ),
        line: Some(first.line),
    }
}
