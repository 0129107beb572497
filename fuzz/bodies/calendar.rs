//! Any bytes as an iCalendar file: as the policy itself, and named by a policy.

use shipgate::policy::{Files, Policy};

use super::{cost, findings, policy::judged};

/// A policy that blocks whenever the calendar beside it has an event.
const NAMES: &str =
    "version: 1\ntimezone: America/New_York\nblocked_dates: [{ics: calendar.ics}]\n";

/// Reads bytes as a calendar in both ways, and judges with each that is understood.
pub fn run(bytes: &[u8]) {
    let files = Files::from([("calendar.ics".to_owned(), bytes.to_vec())]);
    match cost::bounded(|| Policy::parse_with(NAMES, "policies/production.yaml", &files)) {
        Ok(policy) => judged(&policy, bytes),
        Err(refused) => findings::good(NAMES, &refused),
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match cost::bounded(|| Policy::parse(text, "policies/freeze.ics")) {
        Ok(policy) => judged(&policy, bytes),
        Err(refused) => findings::good(text, &refused),
    }
}
