//! A classic histogram of one arm over one poll: how many requests took at most so long.

use std::fmt;

use crate::analysis::judge::Counts;

/// Requests by how long they took, cumulative as Prometheus' `le` buckets are: each counts all
/// that took at most its boundary. What came in one poll, not the raw counters.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Rising, each with the requests up to it.
    finite: Vec<(f64, f64)>,
    total: f64,
}

/// Why numbers are no histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BucketsError {
    /// A boundary that is NaN or below zero, or a count that is none.
    NotANumber,
    /// Two counts for the same boundary.
    Twice(f64),
    /// No `+Inf` bucket, so nobody knows how many requests there were.
    NoTotal,
    /// Nothing but the `+Inf` bucket.
    NoBoundary,
}

impl fmt::Display for BucketsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber => formatter.write_str("a bucket's `le` or count is not a number"),
            Self::Twice(boundary) => write!(formatter, "two buckets end at {boundary}"),
            Self::NoTotal => formatter.write_str("the bucket `le=\"+Inf\"` is missing"),
            Self::NoBoundary => formatter.write_str("`le=\"+Inf\"` is the only bucket"),
        }
    }
}

impl std::error::Error for BucketsError {}

impl Buckets {
    /// Takes the boundaries with their cumulative counts, in any order; infinity is the last one.
    ///
    /// Counts that fall from one bucket to the next are lifted: increments of buckets are read and
    /// extrapolated one by one, and the differences that this makes are not requests.
    ///
    /// # Errors
    /// Numbers that are none, a boundary below zero, a boundary twice, no `+Inf`, nothing but `+Inf`.
    pub fn new(counts: impl IntoIterator<Item = (f64, f64)>) -> Result<Self, BucketsError> {
        let mut rows: Vec<(f64, f64)> = counts.into_iter().collect();
        let is_count = |count: f64| (0.0..=Counts::MOST).contains(&count);
        if rows
            .iter()
            .any(|(boundary, count)| !(*boundary >= 0.0 && is_count(*count)))
        {
            return Err(BucketsError::NotANumber);
        }
        rows.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let twice = rows.windows(2).find_map(|pair| match pair {
            [(one, _), (other, _)] if one >= other => Some(*other),
            _ => None,
        });
        if let Some(boundary) = twice {
            return Err(BucketsError::Twice(boundary));
        }
        let mut most = 0.0_f64;
        for (_, count) in &mut rows {
            most = most.max(*count);
            *count = most;
        }
        match rows.pop() {
            Some((boundary, _)) if boundary.is_finite() => Err(BucketsError::NoTotal),
            None => Err(BucketsError::NoTotal),
            Some(_) if rows.is_empty() => Err(BucketsError::NoBoundary),
            Some((_, total)) => Ok(Self {
                finite: rows,
                total,
            }),
        }
    }

    /// Returns how many requests there were.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Returns the finite boundaries, rising.
    pub fn boundaries(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.finite.iter().map(|(boundary, _)| *boundary)
    }

    /// Returns the requests that took longer than each boundary, in the order of the boundaries.
    pub fn slower(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.finite.iter().map(|(_, count)| self.total - count)
    }

    /// Returns the lowest boundary that at least this share of the requests did not exceed; none
    /// where that is the `+Inf` bucket's, or where there were no requests.
    pub fn boundary_of(&self, share: f64) -> Option<f64> {
        if self.total <= 0.0 {
            return None;
        }
        self.finite
            .iter()
            .find(|(_, count)| *count >= share * self.total)
            .map(|(boundary, _)| *boundary)
    }
}
