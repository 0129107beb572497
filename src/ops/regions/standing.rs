//! What the journals of the regions say of a version: where its bake time is not over, and where it
//! goes back because it failed in another region.

use crate::{
    ops::journal::{self, Record, State},
    units::Version,
};

/// The journal of one region.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The region's name.
    pub(super) region: String,
    /// Its records, newest first.
    pub(super) records: Vec<Record>,
}

impl Told {
    /// Returns how the last run ended that brought a version or took one back; none while one is not
    /// finished.
    pub(super) fn end(&self) -> Option<&Record> {
        if journal::unfinished(&self.records).is_some() {
            return None;
        }
        let mut ends = self.records.iter().filter(|record| record.is_end());
        ends.find(|record| record.state != State::Withdrawn)
    }

    /// Returns the run that brought a version or took one back last, finished or not.
    fn last(&self) -> Option<&Record> {
        journal::unfinished(&self.records).or_else(|| self.end())
    }

    /// Returns the version of the last run, whether it is there or was taken back.
    pub(super) fn last_version(&self) -> Option<&Version> {
        self.last()?.version.as_ref()
    }

    /// Is it the end of a version that goes to several regions?
    fn end_of(&self, version: &Version) -> Option<(&Record, &str)> {
        let end = self.end()?;
        let regions = end.regions.as_deref()?;
        (end.version.as_ref() == Some(version)).then_some((end, regions))
    }

    /// Was the version taken back here because it failed here?
    pub(super) fn has_failed(&self, version: &Version) -> bool {
        let end = self.end_of(version);
        end.is_some_and(|(end, _)| end.state == State::RolledBack)
    }
}

/// Returns the version that came to any of the regions last, or was taken back there last.
pub(super) fn last_brought(all: &[Told]) -> Option<&Version> {
    let last = all.iter().filter_map(Told::last);
    last.max_by_key(|record| record.at)?.version.as_ref()
}

/// Returns the record of the run whose bake time in a region is not over; none where nothing has to
/// be watched before the version goes to the `next` region: a person has accepted it, it did not come
/// by this, or it has gone to the next one before.
pub(super) fn owes_bake<'a>(told: &'a Told, next: &Told, version: &Version) -> Option<&'a Record> {
    let (end, _) = told.end_of(version)?;
    let has_gone_on = next
        .records
        .iter()
        .any(|record| record.version.as_ref() == Some(version) && record.at >= end.at);
    (end.state == State::Verified && !has_gone_on).then_some(end)
}

/// Returns the version that failed in a region and is still in another one that it went to before; and
/// those, the last one first. All that has gone to every region it was meant for is left alone.
pub(super) fn to_take_back(all: &[Told]) -> Option<(Version, Vec<&str>)> {
    all.iter().rev().find_map(|failed| {
        let version = failed.end()?.version.clone()?;
        if !failed.has_failed(&version) {
            return None;
        }
        let before = all.iter().take_while(|told| told.region != failed.region);
        let mut others: Vec<&str> = before
            .filter(|told| is_of_the_same(told, failed, &version, all))
            .map(|told| told.region.as_str())
            .collect();
        others.reverse();
        (!others.is_empty()).then_some((version, others))
    })
}

/// Has the version come to a region on its way to the one where it failed then, without having been good in
/// all of them since?
fn is_of_the_same(told: &Told, failed: &Told, version: &Version, all: &[Told]) -> bool {
    let Some((end, regions)) = told.end_of(version) else {
        return false;
    };
    let names = |region: &str| regions.split(' ').any(|name| name == region);
    let was_good = |other: &Told| {
        other.records.iter().any(|record| {
            record.state.is_deployed()
                && record.version.as_ref() == Some(version)
                && record.at >= end.at
        })
    };
    // What failed in an earlier try says nothing about this one.
    let has_failed_since = failed.end().is_some_and(|failure| failure.at >= end.at);
    end.state.is_deployed()
        && has_failed_since
        && names(&failed.region)
        && !all
            .iter()
            .filter(|other| names(&other.region))
            .all(was_good)
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone, Utc};

    use super::*;

    /// Reads `12 1.1 verified ab` (minute, version, state, regions), newest first.
    fn told(region: &str, lines: &[&str]) -> Told {
        let record = |line: &&str| {
            let words: Vec<&str> = line.split(' ').collect();
            let [minute, version, state, regions] = words[..] else {
                panic!("{line}");
            };
            let spaced: Vec<String> = regions.chars().map(String::from).collect();
            Record {
                run: format!("run-{line}"),
                state: state.parse().unwrap(),
                version: Some(version.parse().unwrap()),
                previous_version: None,
                strategy: "rolling".to_owned(),
                step: String::new(),
                base: None,
                weight: None,
                actor: None,
                pipeline: None,
                reason: None,
                unhealthy_before: Vec::new(),
                judged_worse: None,
                drill: false,
                regions: (regions != "-").then(|| spaced.join(" ")),
                intended: None,
                found_there: Vec::new(),
                expires_at: None,
                writer: None,
                at: Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap()
                    + TimeDelta::minutes(minute.parse().unwrap()),
                id: "0123456789012345678901234567890123456789".parse().unwrap(),
            }
        };
        Told {
            region: region.to_owned(),
            records: lines.iter().map(record).collect(),
        }
    }

    #[test]
    fn a_bake_time_is_over_once_the_version_has_gone_on() {
        let version: Version = "1.1".parse().unwrap();
        let rows: &[(&[&str], &[&str], bool)] = &[
            (&["5 1.1 verified abc"], &[], true),
            (&["5 1.1 verified abc"], &["1 1.0 verified abc"], true),
            (&["5 1.1 verified abc"], &["7 1.1 started abc"], false),
            (&["5 1.1 verified abc"], &["7 1.1 rolled-back abc"], false),
            // In an earlier life.
            (&["5 1.1 verified abc"], &["2 1.1 verified abc"], true),
            (&["5 1.1 verified -"], &[], false),
            (&["5 1.2 verified abc"], &[], false),
            (&["5 1.1 accepted abc"], &[], false),
            (&["6 1.1 started abc", "5 1.1 verified abc"], &[], false),
            (&[], &[], false),
        ];
        for (own, next, wanted) in rows {
            let found = owes_bake(&told("a", own), &told("b", next), &version).is_some();
            assert_eq!(found, *wanted, "{own:?} {next:?}");
        }
    }

    #[test]
    fn what_came_last_is_what_goes_back() {
        let rows: &[(&[&str], &[&str], Option<&str>)] = &[
            (&["5 1.1 verified ab"], &["7 1.1 verified ab"], Some("1.1")),
            (
                &["5 1.1 verified ab"],
                &["7 1.1 rolled-back ab"],
                Some("1.1"),
            ),
            // A fix that went to one of them alone.
            (&["5 1.1 verified ab"], &["9 1.2 verified -"], Some("1.2")),
            (
                &["9 1.2 started ab", "5 1.1 verified ab"],
                &["7 1.1 verified ab"],
                Some("1.2"),
            ),
            // One that was taken out of the plan before it began.
            (
                &["9 1.2 withdrawn ab", "5 1.1 verified ab"],
                &[],
                Some("1.1"),
            ),
            (&[], &[], None),
        ];
        for (a, b, wanted) in rows {
            let all = [told("a", a), told("b", b)];
            let found = last_brought(&all).map(Version::as_str);
            assert_eq!(found, *wanted, "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_failed_on_its_way_goes_back_where_it_was_before_and_what_is_done_stays() {
        type Row<'a> = (&'a [&'a str], &'a [&'a str], &'a [&'a str], &'a [&'a str]);
        let rows: &[Row<'_>] = &[
            (
                &["5 1.1 verified abc"],
                &["9 1.1 rolled-back abc"],
                &[],
                &["a"],
            ),
            (
                &["5 1.1 verified abc"],
                &["7 1.1 verified abc"],
                &["9 1.1 rolled-back abc"],
                &["b", "a"],
            ),
            // It failed in its bake time.
            (
                &["5 1.1 verified abc"],
                &["9 1.1 rolled-back abc", "7 1.1 verified abc"],
                &[],
                &["a"],
            ),
            // It failed in an earlier try.
            (
                &["12 1.1 verified abc"],
                &["9 1.1 rolled-back abc"],
                &[],
                &[],
            ),
            // A person took it back, or it closed.
            (&["5 1.1 verified abc"], &["9 1.1 rolled-back -"], &[], &[]),
            // Another one has come since.
            (
                &["8 1.2 verified abc", "5 1.1 verified abc"],
                &["9 1.1 rolled-back abc"],
                &[],
                &[],
            ),
            // It came by itself before.
            (&["5 1.1 verified -"], &["9 1.1 rolled-back bc"], &[], &[]),
            (&["5 1.1 verified a"], &["9 1.1 rolled-back bc"], &[], &[]),
            // It was good in all of them; this is another try in a region that had lost it.
            (
                &["5 1.1 verified abc"],
                &["19 1.1 rolled-back abc", "7 1.1 verified abc"],
                &["8 1.1 verified abc"],
                &[],
            ),
            // A region that is new: the older ones had it long before.
            (
                &["5 1.1 verified ab"],
                &["7 1.1 verified ab"],
                &["19 1.1 rolled-back abc"],
                &[],
            ),
            // Nothing is known while a run is not finished.
            (
                &["5 1.1 verified abc"],
                &["9 1.1 rolling-back abc"],
                &[],
                &[],
            ),
            (
                &["9 1.1 rolling-back abc", "5 1.1 verified abc"],
                &["8 1.1 rolled-back abc"],
                &[],
                &[],
            ),
        ];
        for (a, b, c, wanted) in rows {
            let all = [told("a", a), told("b", b), told("c", c)];
            let found = to_take_back(&all).map_or_else(Vec::new, |(_, others)| others);
            assert_eq!(found, *wanted, "{a:?} {b:?} {c:?}");
        }
    }
}
