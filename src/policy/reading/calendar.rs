//! iCalendar files in a policy: named in `blocked_dates`, or the policy itself.

use super::{Files, Reader, too_often, too_often_message};
use crate::{
    policy::{
        Policy,
        calendar::{self, Entry, Problem},
        document::BlockedDateFields,
        rules::TimeRule,
        scope::Scope,
        wording::shown,
        zone::Zone,
    },
    yaml::{Finding, Position},
};

/// Largest calendar, in bytes.
const LARGEST: usize = 2 * 1024 * 1024;

/// Is this the path of an iCalendar file beside the policy?
///
/// # Errors
/// It leads elsewhere or ends otherwise.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let part_is_good = |part: &str| !matches!(part, "" | "." | "..");
    let odd = |character: char| character == '\\' || character == ':' || character.is_control();
    let stays = path.split('/').all(part_is_good) && !path.contains(odd);
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    if stays && ending == Some("ics") {
        return Ok(());
    }
    Err(format!(
        "{} is no path of a calendar beside the policy; expected one such as `holidays.ics` or \
         `calendars/holidays.ics`",
        shown(path)
    ))
}

impl Reader<'_> {
    /// Makes rules of the events of a file that the policy names.
    pub(super) fn calendar(
        &mut self,
        path: &str,
        fields: &BlockedDateFields,
        pointer: &str,
        zone: Option<&Zone>,
        files: &Files,
    ) -> Vec<TimeRule> {
        let place = format!("{pointer}/ics");
        let calendar = [("ics", true)];
        let other = [
            ("date", fields.date.is_some()),
            ("from", fields.from.is_some()),
            ("to", fields.to.is_some()),
            ("rule", fields.rule.is_some()),
            ("rrule", fields.rrule.is_some()),
            ("dtstart", fields.dtstart.is_some()),
            ("hours", fields.hours.is_some()),
        ];
        let name = self.label(
            fields.name.as_ref(),
            &format!("{pointer}/name"),
            super::LONGEST_NAME,
        );
        if !self.one_way([&calendar, &other], pointer) {
            return Vec::new();
        }
        if self.take(check_path(path), &place).is_none() {
            return Vec::new();
        }
        if fields.timezone.is_some() && zone.is_none() {
            return Vec::new();
        }
        let Some(bytes) = files.get(path) else {
            let message = format!("there is no file {} beside the policy", shown(path));
            self.wrong(&place, &message);
            return Vec::new();
        };
        let entries = match entries(bytes, zone) {
            Ok((entries, _)) => entries,
            Err(problems) => {
                for Problem { line, message } in problems {
                    self.wrong(&place, &format!("{path}:{line}: {message}"));
                }
                return Vec::new();
            }
        };
        let line = self.written((), pointer).position.line;
        let of = name.map(|name| format!("{name}, ")).unwrap_or_default();
        let rule = |entry: Entry| TimeRule {
            line,
            description: Some(format!("{of}{path} line {}", entry.line)),
            ..rule(super::in_words(pointer), entry)
        };
        entries.into_iter().map(rule).collect()
    }
}

/// Makes a policy of an iCalendar file: each event blocks, and there is nothing else in it.
pub(super) fn policy(text: &str, path: &str) -> Result<Policy, Vec<Finding>> {
    let finding =
        |Problem { line, message }: Problem| Finding::new(Position { line, column: 1 }, message);
    let read = entries(text.as_bytes(), None);
    let read = read.map_err(|problems| problems.into_iter().map(finding).collect::<Vec<_>>());
    let (entries, zone) = read?;
    let numbered = entries.into_iter().enumerate();
    let rules: Vec<TimeRule> = numbered
        .map(|(index, entry)| rule(format!("events[{index}]"), entry))
        .collect();
    if let Some(rule) = too_often(rules.iter()) {
        let position = Position {
            line: rule.line,
            column: 1,
        };
        return Err(vec![Finding::new(position, too_often_message())]);
    }
    let zone = zone.or_else(|| rules.first().map(|rule| rule.times.zone.clone()));
    Ok(Policy {
        blocked_dates: rules,
        ..Policy::without_rules(path, zone.unwrap_or_else(Zone::utc))
    })
}

fn entries(bytes: &[u8], zone: Option<&Zone>) -> Result<(Vec<Entry>, Option<Zone>), Vec<Problem>> {
    if bytes.len() > LARGEST {
        let message = format!("the file is larger than the limit of {LARGEST} bytes");
        return Err(vec![Problem { line: 1, message }]);
    }
    let calendar = calendar::read(bytes, zone)?;
    Ok((calendar.entries, calendar.zone))
}

fn rule(rule: String, entry: Entry) -> TimeRule {
    TimeRule {
        rule,
        line: entry.line,
        name: entry.name,
        description: None,
        times: entry.times,
        scope: Scope::default(),
        approval_required: false,
        manual_sync: false,
    }
}
