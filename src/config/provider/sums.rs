//! When the sums of a provider are finished: the width of its buckets, and how late they settle.

use std::time::Duration;

use super::Problem;
use crate::units::parse_duration;

/// Nobody waits longer for a bucket.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What is to be known of a provider that keeps sums by time and no raw counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Width of the buckets, whole seconds from 1 s to 1 h. Windows begin and end at its multiples.
    pub bucket: Duration,
    /// How long after its end a bucket may still grow, at most 1 h.
    pub settle: Duration,
}

impl Sums {
    /// Reads `bucket` and `settle`, which stand in the value at the JSON pointer `at`; what is not
    /// given is as in `self`.
    pub(super) fn read(
        self,
        bucket: Option<&str>,
        settle: Option<&str>,
        at: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let bucket = duration(bucket, self.bucket, &format!("{at}/bucket"), problems);
        let settle = duration(settle, self.settle, &format!("{at}/settle"), problems);
        if bucket.as_secs() == 0 || bucket.subsec_nanos() != 0 || bucket > LONGEST {
            problems.push((
                format!("{at}/bucket"),
                "expected whole seconds, from 1s to 1h".to_owned(),
            ));
        }
        if settle > LONGEST {
            problems.push((format!("{at}/settle"), "expected at most 1h".to_owned()));
        }
        Self { bucket, settle }
    }
}

/// Reads a duration; what is not given is `default`.
pub(super) fn duration(
    text: Option<&str>,
    default: Duration,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> Duration {
    let Some(text) = text else { return default };
    parse_duration(text).unwrap_or_else(|nonsense| {
        problems.push((pointer.to_owned(), nonsense.to_string()));
        default
    })
}
