//! A first policy: office hours, and the holidays that the repository keeps.

use crate::policy::zone::Zone;

/// The federal holidays, as the repository keeps them.
const HOLIDAYS: &str = include_str!("../../../policies/holidays/us-federal.yaml");

/// What the zones of the United States begin with, or are.
const UNITED_STATES: [&str; 10] = [
    "US/",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Detroit",
    "America/Boise",
    "America/Anchorage",
    "Pacific/Honolulu",
];

/// Returns a policy for an environment: office hours on the clock of a zone, and holidays.
pub(super) fn policy(environment: &str, path: &str, zone: &Zone, is_production: bool) -> String {
    let zone = zone.name();
    let weekend =
        "\n  - {name: the week, days: [Mon, Tue, Wed, Thu, Fri], hours: \"08:00-18:00\"}\n";
    let windows = if is_production {
        "
  - {name: office hours, days: [Mon, Tue, Wed, Thu], hours: \"09:00-16:00\"}
  # Friday afternoon is closed: nobody wants to repair things on a Friday evening.
  - {name: Friday morning, days: [Fri], hours: \"09:00-12:00\"}\n"
    } else {
        weekend
    };
    let (_, holidays) = HOLIDAYS.split_once("blocked_dates:\n").unwrap_or_default();
    let is_there = UNITED_STATES.iter().any(|known| zone.starts_with(known));
    let dates = if is_there {
        format!(
            "\n# The federal holidays of the United States, on the days on which they are observed.\nblocked_dates:\n{holidays}"
        )
    } else {
        let lines = holidays.lines().map(|line| format!("#{line}\n"));
        format!(
            "\n# Days on which nothing is deployed: dates, rules, or an .ics file. As an example, the federal holidays of\n# the United States:\n# blocked_dates:\n{}",
            lines.collect::<String>()
        )
    };
    format!(
        "# When may {environment} be deployed to? Written by `shipgate init`: the hours and the time zone are guesses, make them
# yours. Outside of the windows nothing goes forward (exit code 10); going back is always allowed.
# Try it: shipgate check --policy {path} --at 2026-12-25T15:00:00Z
version: 1
timezone: {zone}

allowed_windows:{windows}{dates}"
    )
}
