//! Numbers and instants -> places in a drawing, and round figures to mark an axis with.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::phrases;

/// Lengths between two marks of a time axis, in seconds.
const PACES: [i64; 20] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800,
];
/// Most marks of a time axis.
const TIMES: i64 = 6;
/// About as many marks has an axis of numbers.
const NUMBERS: f64 = 4.0;

/// A span of time along an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeScale {
    from: DateTime<Utc>,
    milliseconds: f64,
    left: f64,
    width: f64,
}

impl TimeScale {
    /// Lays a span of time over `width` units from `left` on. A span without a length gets a second.
    pub(super) fn new([from, until]: [DateTime<Utc>; 2], left: f64, width: f64) -> Self {
        let milliseconds = (until - from).num_milliseconds().max(1_000);
        Self {
            from,
            milliseconds: milliseconds as f64,
            left,
            width,
        }
    }

    /// Returns where an instant is, inside of the axis.
    pub(super) fn place(&self, at: DateTime<Utc>) -> f64 {
        let part = (at - self.from).num_milliseconds() as f64 / self.milliseconds;
        self.left + self.width * part.clamp(0.0, 1.0)
    }

    /// Returns the marks: where, and what is written there.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        let seconds = (self.milliseconds / 1_000.0) as i64;
        let pace = PACES.into_iter().find(|pace| seconds / pace < TIMES);
        let pace = pace.unwrap_or(seconds / TIMES + 1);
        let form = match pace {
            ..60 => "%H:%M:%S",
            60..86_400 => "%H:%M",
            _ => "%m-%d",
        };
        let first = (self.from.timestamp() + pace - 1).div_euclid(pace) * pace;
        let last = self.from + TimeDelta::milliseconds(self.milliseconds as i64);
        (0..=TIMES)
            .filter_map(|index| DateTime::from_timestamp(first + index * pace, 0))
            .filter(|at| (self.from..=last).contains(at))
            .map(|at| (self.place(at), at.format(form).to_string()))
            .collect()
    }
}

/// Numbers from 0 on up an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberScale {
    most: f64,
    pace: f64,
    bottom: f64,
    height: f64,
}

impl NumberScale {
    /// Lays the numbers from 0 to at least `most` over `height` units up from `bottom`.
    pub(super) fn new(most: f64, bottom: f64, height: f64) -> Self {
        let most = if most.is_finite() && most > 1e-300 {
            most.min(1e300)
        } else {
            1.0
        };
        let rough = most / NUMBERS;
        let power = 10f64.powf(rough.log10().floor());
        let paces = [1.0, 2.0, 2.5, 5.0, 10.0].map(|it| it * power);
        let pace = paces.into_iter().find(|pace| *pace >= rough * 0.999);
        let pace = pace.unwrap_or(rough);
        Self {
            most: pace * (most / pace - 1e-9).ceil().max(1.0),
            pace,
            bottom,
            height,
        }
    }

    /// Returns where a number is, inside of the axis.
    pub(super) fn place(&self, number: f64) -> f64 {
        self.bottom - self.height * (number / self.most).clamp(0.0, 1.0)
    }

    /// Returns the marks: where, and what is written there; shares in percent.
    pub(super) fn marks(&self, are_shares: bool) -> Vec<(f64, String)> {
        let count = (self.most / self.pace).round() as usize;
        (0..=count)
            .map(|index| {
                let number = index as f64 * self.pace;
                (self.place(number), phrases::measured(number, are_shares))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_cover_the_numbers() {
        let marks = |most: f64, are_shares| {
            let scale = NumberScale::new(most, 100.0, 100.0);
            let marks = scale.marks(are_shares).into_iter();
            let texts: Vec<String> = marks.map(|(at, text)| format!("{text}@{at:.0}")).collect();
            texts.join("  ")
        };
        let rows = [
            marks(1.0, true),
            marks(0.085, true),
            marks(0.31, false),
            marks(0.0, false),
            marks(f64::NAN, false),
            marks(3_700.0, false),
        ];
        insta::assert_snapshot!(rows.join("\n"), @r"
        0 %@100  25 %@75  50 %@50  75 %@25  100 %@0
        0 %@100  2.5 %@75  5 %@50  7.5 %@25  10 %@0
        0@100  0.1@75  0.2@50  0.3@25  0.4@0
        0@100  0.25@75  0.5@50  0.75@25  1@0
        0@100  0.25@75  0.5@50  0.75@25  1@0
        0@100  1000@75  2000@50  3000@25  4000@0
        ");
    }

    #[test]
    fn times_are_marked_at_most_seven_times_and_never_outside() {
        let from: DateTime<Utc> = "2026-03-10T10:00:09Z".parse().unwrap();
        let rows = [0, 45, 142, 1_500, 21_600, 400_000, 40_000_000].map(|seconds| {
            let range = [from, from + TimeDelta::seconds(seconds)];
            let marks = TimeScale::new(range, 0.0, 600.0).marks();
            assert!(marks.len() <= 7, "{marks:?}");
            let texts: Vec<String> = marks
                .into_iter()
                .map(|(at, text)| format!("{text}@{at:.0}"))
                .collect();
            texts.join("  ")
        });
        insta::assert_snapshot!(rows.join("\n"), @r"
        10:00:09@0  10:00:10@600
        10:00:10@13  10:00:20@147  10:00:30@280  10:00:40@413  10:00:50@547
        10:00:30@89  10:01:00@215  10:01:30@342  10:02:00@469  10:02:30@596
        10:05@116  10:10@236  10:15@356  10:20@476  10:25@596
        12:00@200  14:00@400  16:00@600
        03-11@76  03-12@205  03-13@335  03-14@464  03-15@594
        03-12@3  05-28@103  08-14@203  10-30@303  01-15@403  04-02@503
        ");
    }
}
