//! Recurrence rules: an oracle's table, a predicate that counts days, and every refusal as a row.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use proptest::prelude::*;
use shipgate::policy::{Action, Facts, Policy, Request, evaluate};

/// What python-dateutil 2.9.0 says; starts.py beside it wrote it.
const STARTS: &str = include_str!("../../fixtures/recurrence/starts.csv");

fn read(rules: &str) -> Result<Policy, String> {
    let text = format!("version: 1\ntimezone: UTC\n{rules}\n");
    Policy::parse(&text, "p.yaml").map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n  => ")
    })
}

fn policy(rules: &str) -> Policy {
    read(rules).unwrap()
}

fn wall(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn is_open(policy: &Policy, at: DateTime<Utc>) -> bool {
    policy.timetable(&Request::new(Action::Deploy)).is_open(at)
}

/// The first starts of windows of a minute from an instant on.
fn starts(policy: &Policy, from: NaiveDateTime, count: usize) -> Vec<NaiveDateTime> {
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    let end = NaiveDate::from_ymd_opt(2195, 1, 1).unwrap().into();
    let mut length = TimeDelta::days(40);
    loop {
        let until = (from + length).min(end);
        let open = timetable.open(from.and_utc(), until.and_utc());
        let mut starts: Vec<NaiveDateTime> =
            open.iter().map(|open| open.start.naive_utc()).collect();
        if starts.len() >= count || until == end {
            starts.truncate(count);
            return starts;
        }
        length = length * 4;
    }
}

#[test]
fn rules_start_when_dateutil_says() {
    let mut rows = 0;
    for row in STARTS.lines().skip(1) {
        let [start, rule, from, expected] = row.split(';').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let rule = rule.replace(' ', ";");
        let policy = policy(&format!(
            "allowed_windows: [{{rrule: '{rule}', dtstart: {start}, duration: 1m}}]"
        ));
        let expected: Vec<NaiveDateTime> = expected.split_whitespace().map(wall).collect();
        assert_eq!(
            starts(&policy, wall(from), 6),
            expected,
            "{start} {rule} {from}"
        );
        for start in expected {
            assert!(is_open(&policy, start.and_utc()), "{start} {rule}");
            assert!(!is_open(&policy, (start - TimeDelta::seconds(1)).and_utc()));
        }
        rows += 1;
    }
    assert!(rows >= 400, "{rows}");
}

/// A rule of which a person can say for each day whether it is on it.
#[derive(Debug, Clone)]
struct Plain {
    frequency: &'static str,
    interval: i64,
    start: NaiveDate,
    monday_based: Vec<u32>,
    month_days: Vec<u32>,
    months: Vec<u32>,
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

impl Plain {
    fn text(&self) -> String {
        let list = |numbers: &[u32]| {
            numbers
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let mut text = format!("FREQ={};INTERVAL={}", self.frequency, self.interval);
        if !self.monday_based.is_empty() {
            let days = self.monday_based.iter().map(|day| DAYS[*day as usize]);
            text.push_str(&format!(";BYDAY={}", days.collect::<Vec<_>>().join(",")));
        }
        if !self.month_days.is_empty() {
            text.push_str(&format!(";BYMONTHDAY={}", list(&self.month_days)));
        }
        if !self.months.is_empty() {
            text.push_str(&format!(";BYMONTH={}", list(&self.months)));
        }
        text
    }

    fn is_on(&self, day: NaiveDate) -> bool {
        let monday =
            |day: NaiveDate| day - Days::new(u64::from(day.weekday().num_days_from_monday()));
        let months = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
        let periods = match self.frequency {
            "DAILY" => (day - self.start).num_days(),
            "WEEKLY" => (monday(day) - monday(self.start)).num_days() / 7,
            "MONTHLY" => months(day) - months(self.start),
            _ => i64::from(day.year() - self.start.year()),
        };
        let weekday = day.weekday().num_days_from_monday();
        let listed = !self.monday_based.is_empty() || !self.month_days.is_empty();
        let own_day = match self.frequency {
            _ if listed => true,
            "DAILY" => true,
            "WEEKLY" => day.weekday() == self.start.weekday(),
            "MONTHLY" => day.day() == self.start.day(),
            _ => {
                day.day() == self.start.day()
                    && (!self.months.is_empty() || day.month() == self.start.month())
            }
        };
        let among = |list: &[u32], value| list.is_empty() || list.contains(&value);
        day >= self.start
            && periods % self.interval == 0
            && own_day
            && among(&self.monday_based, weekday)
            && among(&self.month_days, day.day())
            && among(&self.months, day.month())
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let some = |range: std::ops::Range<u32>, most| {
        prop_oneof![Just(Vec::new()), prop::collection::vec(range, 1..most)]
    };
    (
        prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        1_i64..9,
        0_u64..20_000,
        some(0..7, 4),
        some(1..29, 4),
        some(1..13, 5),
    )
        .prop_map(
            |(frequency, interval, day, weekdays, month_days, months)| Plain {
                frequency,
                interval,
                start: NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + Days::new(day),
                monday_based: weekdays,
                month_days: if frequency == "WEEKLY" {
                    Vec::new()
                } else {
                    month_days
                },
                months,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_rule_is_on_the_days_that_counting_finds(rule in plain(), later in 0_u64..40_000) {
        let text = format!(
            "blocked_windows: [{{rrule: '{}', dtstart: {}}}]", rule.text(), rule.start
        );
        // Some never happen, such as every 13th Monday of a month that has none.
        let Ok(policy) = read(&text) else { return Ok(()); };
        let first = rule.start - Days::new(3) + Days::new(later);
        let timetable = policy.timetable(&Request::new(Action::Deploy));
        let from = first.and_time(NaiveTime::MIN).and_utc();
        let free = timetable.open(from, from + TimeDelta::days(400));
        for day in first.iter_days().take(400) {
            let noon = day.and_hms_opt(12, 0, 0).unwrap().and_utc();
            let open = free.iter().any(|free| free.start <= noon && noon < free.end);
            prop_assert_eq!(open, !rule.is_on(day), "{} {}", rule.text(), day);
            if day.day() == 1 {
                prop_assert_eq!(is_open(&policy, noon), open, "{} {}", rule.text(), day);
            }
        }
    }
}

#[test]
fn what_a_window_and_a_date_can_say() {
    let rows = [
        (
            "allowed_windows: [{rrule: 'FREQ=WEEKLY;BYDAY=SA', hours: '22:00-04:00'}]",
            "2026-01-01",
        ),
        (
            "allowed_windows: [{rrule: 'FREQ=MONTHLY;BYDAY=-1FR', dtstart: 20260101T090000, dtend: 20260101T170000}]",
            "2026-01-01",
        ),
        (
            "allowed_windows: [{rrule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO', dtstart: 'TZID=America/New_York:20260101T090000', dtend: 'TZID=America/New_York:20260101T170000'}]",
            "2026-03-01",
        ),
        (
            "allowed_windows: [{rrule: 'RRULE:FREQ=DAILY;COUNT=2', dtstart: 20260105T140000Z, duration: 1h30m}]",
            "2026-01-01",
        ),
        (
            "allowed_windows: [{rrule: 'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH'}]",
            "2026-01-01",
        ),
        (
            "allowed_windows: [{rrule: 'FREQ=WEEKLY', dtstart: '2026-01-07', dtend: '2026-01-10', timezone: Asia/Tokyo}]",
            "2026-01-01",
        ),
        (
            "allowed_windows: [{rrule: 'FREQ=DAILY;UNTIL=20260103', dtstart: '2026-01-01T23:30', duration: 2h}]",
            "2026-01-01",
        ),
        (
            "allowed_windows: [{rrule: 'FREQ=DAILY;BYHOUR=9,15', dtstart: '2026-01-01T09:00', duration: 1h}]",
            "2026-02-01",
        ),
    ];
    let mut shown = Vec::new();
    for (rules, from) in rows {
        let policy = policy(rules);
        let request = Request::new(Action::Deploy);
        let from = instant(&format!("{from}T00:00:00Z"));
        let open = policy
            .timetable(&request)
            .open(from, from + TimeDelta::days(400));
        shown.push(rules.to_owned());
        let verdict = evaluate(
            &policy,
            &request,
            &Facts::default(),
            from - TimeDelta::days(9),
        );
        shown.push(format!("  {}", verdict.reasons[0].message));
        for open in open.iter().take(3) {
            shown.push(format!(
                "  {} to {}",
                open.start.format("%a %F %R"),
                open.end.format("%a %F %R")
            ));
        }
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    allowed_windows: [{rrule: 'FREQ=WEEKLY;BYDAY=SA', hours: '22:00-04:00'}]
      Tuesday 2025-12-23 00:00 UTC is outside the allowed windows (FREQ=WEEKLY;BYDAY=SA at 22:00 for 6h UTC)
      Sat 2026-01-03 22:00 to Sun 2026-01-04 04:00
      Sat 2026-01-10 22:00 to Sun 2026-01-11 04:00
      Sat 2026-01-17 22:00 to Sun 2026-01-18 04:00
    allowed_windows: [{rrule: 'FREQ=MONTHLY;BYDAY=-1FR', dtstart: 20260101T090000, dtend: 20260101T170000}]
      Tuesday 2025-12-23 00:00 UTC is outside the allowed windows (FREQ=MONTHLY;BYDAY=-1FR at 09:00 for 8h UTC)
      Fri 2026-01-30 09:00 to Fri 2026-01-30 17:00
      Fri 2026-02-27 09:00 to Fri 2026-02-27 17:00
      Fri 2026-03-27 09:00 to Fri 2026-03-27 17:00
    allowed_windows: [{rrule: 'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO', dtstart: 'TZID=America/New_York:20260101T090000', dtend: 'TZID=America/New_York:20260101T170000'}]
      Thursday 2026-02-19 19:00 EST is outside the allowed windows (FREQ=WEEKLY;INTERVAL=2;BYDAY=MO at 09:00 for 8h America/New_York)
      Mon 2026-03-09 13:00 to Mon 2026-03-09 21:00
      Mon 2026-03-23 13:00 to Mon 2026-03-23 21:00
      Mon 2026-04-06 13:00 to Mon 2026-04-06 21:00
    allowed_windows: [{rrule: 'RRULE:FREQ=DAILY;COUNT=2', dtstart: 20260105T140000Z, duration: 1h30m}]
      Tuesday 2025-12-23 00:00 UTC is outside the allowed windows (FREQ=DAILY;COUNT=2 at 14:00 for 1h30m UTC)
      Mon 2026-01-05 14:00 to Mon 2026-01-05 15:30
      Tue 2026-01-06 14:00 to Tue 2026-01-06 15:30
    allowed_windows: [{rrule: 'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH'}]
      Tuesday 2025-12-23 00:00 UTC is outside the allowed windows (FREQ=YEARLY;BYMONTH=11;BYDAY=4TH UTC)
      Thu 2026-11-26 00:00 to Fri 2026-11-27 00:00
    allowed_windows: [{rrule: 'FREQ=WEEKLY', dtstart: '2026-01-07', dtend: '2026-01-10', timezone: Asia/Tokyo}]
      Tuesday 2025-12-23 09:00 JST is outside the allowed windows (FREQ=WEEKLY for 3 days Asia/Tokyo)
      Tue 2026-01-06 15:00 to Fri 2026-01-09 15:00
      Tue 2026-01-13 15:00 to Fri 2026-01-16 15:00
      Tue 2026-01-20 15:00 to Fri 2026-01-23 15:00
    allowed_windows: [{rrule: 'FREQ=DAILY;UNTIL=20260103', dtstart: '2026-01-01T23:30', duration: 2h}]
      Tuesday 2025-12-23 00:00 UTC is outside the allowed windows (FREQ=DAILY;UNTIL=20260103 at 23:30 for 2h UTC)
      Thu 2026-01-01 23:30 to Fri 2026-01-02 01:30
      Fri 2026-01-02 23:30 to Sat 2026-01-03 01:30
      Sat 2026-01-03 23:30 to Sun 2026-01-04 01:30
    allowed_windows: [{rrule: 'FREQ=DAILY;BYHOUR=9,15', dtstart: '2026-01-01T09:00', duration: 1h}]
      Friday 2026-01-23 00:00 UTC is outside the allowed windows (FREQ=DAILY;BYHOUR=9,15 for 1h UTC)
      Sun 2026-02-01 09:00 to Sun 2026-02-01 10:00
      Sun 2026-02-01 15:00 to Sun 2026-02-01 16:00
      Mon 2026-02-02 09:00 to Mon 2026-02-02 10:00
    ");
}

#[test]
fn a_rule_without_an_end_never_stops() {
    let rules = [
        "blocked_windows: [{rrule: FREQ=DAILY, dtstart: 2000-01-01}]",
        "blocked_windows: [{rrule: FREQ=DAILY}]",
        "blocked_dates: [{rrule: FREQ=DAILY}]",
        "blocked_dates: [{rrule: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU', hours: '00:00-24:00'}]",
        "blocked_dates: [{rrule: 'FREQ=YEARLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31'}]",
    ];
    for rules in rules {
        let policy = policy(rules);
        for at in [
            "2026-06-01T12:00:00Z",
            "2090-02-28T23:59:59Z",
            "9990-12-31T00:00:00Z",
        ] {
            let verdict = evaluate(
                &policy,
                &Request::new(Action::Deploy),
                &Facts::default(),
                instant(at),
            );
            assert!(!verdict.lets_through(), "{rules} {at}");
            assert_eq!(verdict.opens_at, None, "{rules} {at}");
        }
    }
}

#[test]
fn everything_else_is_refused() {
    let rules = [
        "WEEKLY",
        "",
        "FREQ=WEEKLY;;",
        "BYDAY=MO",
        "FREQ=HOURLY",
        "FREQ=MINUTELY;INTERVAL=5",
        "FREQ=SECONDLY",
        "FREQ=FORTNIGHTLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=70000",
        "FREQ=DAILY;INTERVAL=2.5",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=99999",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101",
        "FREQ=DAILY;FREQ=WEEKLY",
        "FREQ=DAILY;BYEASTER=1",
        "FREQ=DAILY;X-PART=1",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;UNTIL=20250101",
        "FREQ=DAILY;UNTIL=20270101T120000Z",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=Monday",
        "FREQ=WEEKLY;BYDAY=",
        "FREQ=WEEKLY;BYDAY=€",
        "FREQ=WEEKLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=MO,2TU",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYYEARDAY=1",
        "FREQ=MONTHLY;BYHOUR=9;BYMONTHDAY=1",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTH=11;BYDAY=20MO",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO",
        "FREQ=YEARLY;BYWEEKNO=54;BYDAY=MO",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYSETPOS=400;BYDAY=MO",
        "FREQ=DAILY;WKST=XX",
    ];
    let mut shown = Vec::new();
    for rule in rules {
        let found = read(&format!(
            "blocked_dates: [{{rrule: '{rule}', dtstart: 2026-01-01}}]"
        ));
        shown.push(format!("{rule}\n  => {}", found.unwrap_err()));
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    WEEKLY
      => 3:25: `WEEKLY` is no part of a rule; expected KEY=VALUE, such as FREQ=WEEKLY

      => 3:25: `` is no part of a rule; expected KEY=VALUE, such as FREQ=WEEKLY
    FREQ=WEEKLY;;
      => 3:25: `` is no part of a rule; expected KEY=VALUE, such as FREQ=WEEKLY
    BYDAY=MO
      => 3:25: the rule has no FREQ; expected one such as FREQ=WEEKLY
    FREQ=HOURLY
      => 3:25: FREQ=HOURLY is not supported: across daylight saving it means different things to different programs; write FREQ=DAILY with BYHOUR
    FREQ=MINUTELY;INTERVAL=5
      => 3:25: FREQ=MINUTELY is not supported: across daylight saving it means different things to different programs; write FREQ=DAILY with BYHOUR
    FREQ=SECONDLY
      => 3:25: FREQ=SECONDLY is not supported: across daylight saving it means different things to different programs; write FREQ=DAILY with BYHOUR
    FREQ=FORTNIGHTLY
      => 3:25: unknown FREQ `FORTNIGHTLY`; known: DAILY, WEEKLY, MONTHLY, YEARLY
    FREQ=DAILY;INTERVAL=0
      => 3:25: INTERVAL: `0` is no number from 1 to 1000
    FREQ=DAILY;INTERVAL=-1
      => 3:25: INTERVAL: `-1` is no number from 1 to 1000
    FREQ=DAILY;INTERVAL=70000
      => 3:25: INTERVAL: `70000` is no number from 1 to 1000
    FREQ=DAILY;INTERVAL=2.5
      => 3:25: INTERVAL: `2.5` is no number from 1 to 1000
    FREQ=DAILY;COUNT=0
      => 3:25: COUNT: `0` is no number from 1 to 3660
    FREQ=DAILY;COUNT=99999
      => 3:25: COUNT: `99999` is no number from 1 to 3660
    FREQ=DAILY;COUNT=2;UNTIL=20270101
      => 3:25: COUNT and UNTIL do not go together; keep one
    FREQ=DAILY;FREQ=WEEKLY
      => 3:25: `FREQ` is there twice
    FREQ=DAILY;BYEASTER=1
      => 3:25: unknown part `BYEASTER`; known: FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYSETPOS, BYHOUR, BYMINUTE, BYSECOND
    FREQ=DAILY;X-PART=1
      => 3:25: unknown part `X-PART`; known: FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYSETPOS, BYHOUR, BYMINUTE, BYSECOND
    FREQ=DAILY;UNTIL=tomorrow
      => 3:25: UNTIL: `tomorrow` is no date or time; expected one such as 20260101T090000, 20260101T140000Z or 20260101
    FREQ=DAILY;UNTIL=20250101
      => 3:25: UNTIL is before the first occurrence on 2026-01-01
    FREQ=DAILY;UNTIL=20270101T120000Z
      => 3:25: UNTIL is a time, and the rule is for days; write a date
    FREQ=WEEKLY;BYDAY=1MO
      => 3:25: BYDAY: `1MO` counts days of a month or year, and FREQ=WEEKLY has none
    FREQ=WEEKLY;BYDAY=Monday
      => 3:25: BYDAY: `Monday` is no day such as MO, 2TU or -1FR
    FREQ=WEEKLY;BYDAY=
      => 3:25: BYDAY: `` is no day such as MO, 2TU or -1FR
    FREQ=WEEKLY;BYDAY=€
      => 3:25: BYDAY: `€` is no day such as MO, 2TU or -1FR
    FREQ=WEEKLY;BYMONTHDAY=-1
      => 3:25: BYMONTHDAY does not go with FREQ=WEEKLY
    FREQ=MONTHLY;BYDAY=6MO
      => 3:25: BYDAY: `6MO` is no day such as MO, 2TU or -1FR
    FREQ=MONTHLY;BYDAY=MO,2TU
      => 3:25: BYDAY: days with and without a number do not go together; write two rules
    FREQ=MONTHLY;BYDAY=0MO
      => 3:25: BYDAY: `0MO` is no day such as MO, 2TU or -1FR
    FREQ=MONTHLY;BYMONTHDAY=32
      => 3:25: BYMONTHDAY: `32` is no number from 1 to 31, or that many from the end
    FREQ=MONTHLY;BYMONTHDAY=0
      => 3:25: BYMONTHDAY: `0` is no number from 1 to 31, or that many from the end
    FREQ=MONTHLY;BYSETPOS=1
      => 3:25: BYSETPOS picks from another part such as BYDAY, and there is none
    FREQ=MONTHLY;BYYEARDAY=1
      => 3:25: BYYEARDAY does not go with FREQ=MONTHLY
    FREQ=MONTHLY;BYHOUR=9;BYMONTHDAY=1
      => 3:25: BYHOUR, BYMINUTE and BYSECOND do not go with whole days; name a time of day in the start
    FREQ=YEARLY;BYMONTH=13
      => 3:25: BYMONTH: `13` is no number from 1 to 12
    FREQ=YEARLY;BYMONTH=11;BYDAY=20MO
      => 3:25: BYDAY: `20MO` is no day such as MO, 2TU or -1FR
    FREQ=YEARLY;BYWEEKNO=20
      => 3:25: BYWEEKNO needs BYDAY: programs do not agree which days of the week are meant
    FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO
      => 3:25: BYDAY: days with a number do not go with BYWEEKNO
    FREQ=YEARLY;BYWEEKNO=54;BYDAY=MO
      => 3:25: BYWEEKNO: `54` is no number from 1 to 53, or that many from the end
    FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30
      => 3:25: the rule FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30 never happens after its start
    FREQ=DAILY;BYSETPOS=400;BYDAY=MO
      => 3:25: BYSETPOS: `400` is no number from 1 to 366, or that many from the end
    FREQ=DAILY;WKST=XX
      => 3:25: WKST: `XX` is no weekday such as MO
    ");
}

#[test]
fn starts_and_ends_are_refused_with_what_was_expected() {
    let rows = [
        "rrule: FREQ=DAILY, days: [Mon]",
        "rrule: FREQ=DAILY, schedule: '0 0 * * *'",
        "rrule: FREQ=WEEKLY",
        "rrule: FREQ=MONTHLY",
        "rrule: FREQ=YEARLY",
        "rrule: 'FREQ=DAILY;INTERVAL=2'",
        "rrule: 'FREQ=DAILY;COUNT=2'",
        "rrule: FREQ=DAILY, duration: 2h",
        "rrule: FREQ=DAILY, dtend: 20260101T100000",
        "dtstart: 20260101T100000",
        "dtend: 20260101T100000",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, hours: '01:00-02:00'",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20260101T100000",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20260101T090000",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20260102",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 'TZID=Asia/Tokyo:20260101T110000'",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, duration: 2h, dtend: 20260101T110000",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, duration: 0s",
        "rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20280101T100000",
        "rrule: FREQ=DAILY, dtstart: 'TZID=\"Asia/Tokyo\":20260101T100000', duration: 2h",
        "rrule: FREQ=DAILY, dtstart: 'TZID=Asia/Tokio:20260101T100000', duration: 2h",
        "rrule: FREQ=DAILY, dtstart: 'TZID=Asia/Tokyo:20260101T100000', timezone: UTC, duration: 2h",
        "rrule: FREQ=DAILY, dtstart: 'TZID=Asia/Tokyo:20260101', duration: 2h",
        "rrule: FREQ=DAILY, dtstart: 20260230T100000, duration: 2h",
        "rrule: FREQ=DAILY, dtstart: 20260201T250000, duration: 2h",
        "rrule: FREQ=DAILY, dtstart: soon, duration: 2h",
        "rrule: FREQ=DAILY, dtstart: 00010101T000000, duration: 2h",
    ];
    let mut shown = Vec::new();
    for row in rows {
        let found = read(&format!("allowed_windows: [{{{row}}}]"));
        shown.push(format!(
            "{row}\n  => {}",
            found.map(|_| "fine").unwrap_err()
        ));
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    rrule: FREQ=DAILY, days: [Mon]
      => 3:27: `rrule` and `days` both say when; keep one of them
    rrule: FREQ=DAILY, schedule: '0 0 * * *'
      => 3:27: `rrule` and `schedule` both say when; keep one of them
    rrule: FREQ=WEEKLY
      => 3:27: FREQ=WEEKLY without BYDAY repeats the weekday of its start; add `dtstart`, such as `dtstart: 2026-01-01`
    rrule: FREQ=MONTHLY
      => 3:27: FREQ=MONTHLY without a day repeats the day of its start; add `dtstart`, such as `dtstart: 2026-01-01`
    rrule: FREQ=YEARLY
      => 3:27: FREQ=YEARLY without a day repeats its start; add `dtstart`, such as `dtstart: 2026-01-01`
    rrule: 'FREQ=DAILY;INTERVAL=2'
      => 3:27: INTERVAL counts from a start; add `dtstart`, such as `dtstart: 2026-01-01`
    rrule: 'FREQ=DAILY;COUNT=2'
      => 3:27: COUNT counts from a start; add `dtstart`, such as `dtstart: 2026-01-01`
    rrule: FREQ=DAILY, duration: 2h
      => 3:49: `duration` needs `dtstart`; or write `hours` instead
    rrule: FREQ=DAILY, dtend: 20260101T100000
      => 3:46: `dtend` needs `dtstart`; or write `hours` instead
    dtstart: 20260101T100000
      => 3:29: `dtstart` goes with `rrule`, and there is none
    dtend: 20260101T100000
      => 3:27: `dtend` goes with `rrule`, and there is none
    rrule: FREQ=DAILY, dtstart: 20260101T100000
      => 3:48: `dtstart` says when it starts; add when it ends, as `dtend` or such as `duration: 4h`
    rrule: FREQ=DAILY, dtstart: 20260101T100000, hours: '01:00-02:00'
      => 3:72: `hours` goes with a `dtstart` that is a date, and with no other end
    rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20260101T100000
      => 3:72: `dtend` is not after `dtstart`
    rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20260101T090000
      => 3:72: `dtend` is not after `dtstart`
    rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20260102
      => 3:72: `allowed_windows.0.dtend`: 20260102 is not of type "string"
    rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 'TZID=Asia/Tokyo:20260101T110000'
      => 3:72: `TZID=Asia/Tokyo:20260101T110000` is not on the same clock as `dtstart`
    rrule: FREQ=DAILY, dtstart: 20260101T100000, duration: 2h, dtend: 20260101T110000
      => 3:75: `duration` and `dtend` both say when it ends; keep one of them
    rrule: FREQ=DAILY, dtstart: 20260101T100000, duration: 0s
      => 3:75: `0s` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    rrule: FREQ=DAILY, dtstart: 20260101T100000, dtend: 20280101T100000
      => 3:27: each occurrence is longer than the limit of 366 days
    rrule: FREQ=DAILY, dtstart: 'TZID="Asia/Tokyo":20260101T100000', duration: 2h
      => 3:48: `TZID=\"Asia/Tokyo\":20260101T100000`: the zone is in quotes; write TZID=America/New_York:20260101T090000
    rrule: FREQ=DAILY, dtstart: 'TZID=Asia/Tokio:20260101T100000', duration: 2h
      => 3:48: unknown time zone `Asia/Tokio`; did you mean `Asia/Tokyo`?
    rrule: FREQ=DAILY, dtstart: 'TZID=Asia/Tokyo:20260101T100000', timezone: UTC, duration: 2h
      => 3:48: `dtstart` is in Asia/Tokyo and `timezone` is another; keep one of them
    rrule: FREQ=DAILY, dtstart: 'TZID=Asia/Tokyo:20260101', duration: 2h
      => 3:48: a date has no time zone, and `Asia/Tokyo` is named
    rrule: FREQ=DAILY, dtstart: 20260230T100000, duration: 2h
      => 3:48: `20260230` does not exist
    rrule: FREQ=DAILY, dtstart: 20260201T250000, duration: 2h
      => 3:48: `250000` is no time of day
    rrule: FREQ=DAILY, dtstart: soon, duration: 2h
      => 3:48: `soon` is no date or time; expected one such as 20260101T090000, 20260101T140000Z or 20260101
    rrule: FREQ=DAILY, dtstart: 00010101T000000, duration: 2h
      => 3:48: `00010101T000000` is not in the years 1900 to 9999
    "#);
}

#[test]
fn daylight_saving_bends_a_rule_as_it_bends_the_clock() {
    let text = "version: 1\ntimezone: America/New_York\nallowed_windows:\n  - {rrule: FREQ=DAILY, dtstart: 20260101T013000, duration: 2h}\n";
    let policy = Policy::parse(text, "p.yaml").unwrap();
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    let mut shown = Vec::new();
    for day in ["2026-03-08", "2026-11-01"] {
        let from = instant(&format!("{day}T04:00:00Z"));
        for open in timetable.open(from, from + TimeDelta::days(1)) {
            let local = |at| policy.zone().at(at).to_rfc3339();
            shown.push(format!("{} to {}", local(open.start), local(open.end)));
        }
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    2026-03-08T01:30:00-05:00 to 2026-03-08T03:30:00-04:00
    2026-11-01T01:30:00-04:00 to 2026-11-01T01:00:00-05:00
    2026-11-01T01:30:00-05:00 to 2026-11-01T03:30:00-05:00
    ");
}
