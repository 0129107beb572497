//! Sorted spans of instants, and what is in one set of them and not in another.

use chrono::{DateTime, Utc};

/// From when to when; the end is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// First instant inside.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
}

/// Sorts intervals and puts together those that overlap or touch. Empty ones go.
pub(super) fn union(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.retain(|interval| interval.start < interval.end);
    intervals.sort_unstable();
    let mut merged: Vec<Interval> = Vec::new();
    for interval in intervals {
        match merged.last_mut() {
            Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
            _ => merged.push(interval),
        }
    }
    merged
}

/// Returns what is in `from` and not in `taken`; both as [`union`] leaves them.
pub(super) fn difference(from: &[Interval], taken: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::new();
    let mut first = 0;
    for interval in from {
        let mut start = interval.start;
        first += taken[first..].partition_point(|taken| taken.end <= interval.start);
        for taken in taken[first..]
            .iter()
            .take_while(|taken| taken.start < interval.end)
        {
            if start < taken.start {
                left.push(Interval {
                    start,
                    end: taken.start,
                });
            }
            start = taken.end;
        }
        if start < interval.end {
            left.push(Interval {
                start,
                end: interval.end,
            });
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    type Ends<'a> = &'a [(i64, i64)];

    fn intervals(ends: Ends<'_>) -> Vec<Interval> {
        let one = |(start, end): &(i64, i64)| Interval {
            start: at(*start),
            end: at(*end),
        };
        ends.iter().map(one).collect()
    }

    #[test]
    fn union_and_difference_agree_with_counting_seconds() {
        let cases: [(Ends<'_>, Ends<'_>); 7] = [
            (&[], &[(0, 5)]),
            (&[(0, 9)], &[]),
            (&[(0, 9)], &[(0, 9)]),
            (&[(0, 9), (3, 12), (12, 14)], &[(2, 3), (5, 6), (13, 20)]),
            (&[(0, 4), (6, 9)], &[(3, 7)]),
            (&[(5, 5), (7, 6), (1, 2)], &[(0, 1), (2, 3)]),
            (&[(0, 3), (4, 6), (8, 20)], &[(1, 9), (10, 11), (11, 12)]),
        ];
        let has = |intervals: &[Interval], second| {
            let inside = |one: &Interval| one.start <= at(second) && at(second) < one.end;
            intervals.iter().any(inside)
        };
        for (from, taken) in cases {
            let (from, taken) = (union(intervals(from)), union(intervals(taken)));
            let left = difference(&from, &taken);
            assert_eq!(union(left.clone()), left, "sorted, apart, not empty");
            for second in -1..25 {
                let expected = has(&from, second) && !has(&taken, second);
                assert_eq!(has(&left, second), expected, "{from:?} {taken:?} {second}");
            }
        }
    }
}
