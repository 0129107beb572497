//! One metric held against its thresholds, measurement by measurement.

use super::{Judgement, Limits, Range, Reading, Standing, Tally};

/// What is wanted of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// Its name, unique among the criteria of a service.
    pub name: String,
    /// The values that are good.
    pub range: Range,
    /// How much is tolerated.
    pub limits: Limits,
}

/// One metric so far.
#[derive(Debug, Clone)]
pub struct Track {
    range: Range,
    tally: Tally,
}

impl Track {
    /// Starts with nothing measured.
    pub fn new(criterion: &Criterion) -> Self {
        let Criterion {
            name,
            range,
            limits,
        } = criterion;
        Self {
            range: *range,
            tally: Tally::new(name, range.to_string(), *limits),
        }
    }

    /// Judges one reading and counts it.
    pub fn observe(&mut self, reading: &Reading) -> Judgement {
        let (judgement, value, detail) = match reading {
            Reading::Value(sample) if !sample.value.is_finite() => {
                (Judgement::Inconclusive, None, "is not a number".to_owned())
            }
            Reading::Value(sample) => {
                let judgement = if self.range.contains(sample.value) {
                    Judgement::Pass
                } else {
                    Judgement::Fail
                };
                let detail = format!("is {}", self.range.print(sample.value));
                (judgement, Some(sample.value), detail)
            }
            Reading::NoData(reason) => (
                Judgement::Inconclusive,
                None,
                format!("has no usable number: {reason}"),
            ),
            Reading::Unavailable(reason) => (
                Judgement::Error,
                None,
                format!("could not be measured: {reason}"),
            ),
        };
        self.tally.record(judgement, value, detail);
        judgement
    }

    /// Returns how the metric stands.
    pub fn standing(&self) -> Standing {
        self.tally.standing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Sample, StandingVerdict, worst};
    use chrono::DateTime;

    fn value(value: f64) -> Reading {
        Reading::Value(Sample {
            value,
            at: DateTime::UNIX_EPOCH,
        })
    }

    fn track(failure_limit: u32) -> Track {
        Track::new(&Criterion {
            name: "error_ratio".to_owned(),
            range: Range::new(None, Some(0.02)).unwrap(),
            limits: Limits {
                failure_limit,
                ..Limits::default()
            },
        })
    }

    fn sentences(readings: &[Reading], failure_limit: u32) -> String {
        let mut track = track(failure_limit);
        let mut lines = vec![track.standing().sentence()];
        for reading in readings {
            let judgement = track.observe(reading);
            let standing = track.standing();
            lines.push(format!(
                "{judgement:?} -> {}: {}",
                standing.verdict.word(),
                standing.sentence()
            ));
        }
        lines.join("\n")
    }

    #[test]
    fn every_standing_reads_as_a_sentence() {
        let none = || Reading::NoData("no series".to_owned());
        let away = || Reading::Unavailable("status 503".to_owned());
        insta::assert_snapshot!(sentences(&[value(0.071), value(0.001), value(0.3)], 1), @r"
        error_ratio was not measured yet, wanted at most 0.02
        Fail -> not-yet: error_ratio is 0.071, wanted at most 0.02 (0 of 1 measurement passed, too little to decide)
        Pass -> pass: error_ratio is 0.001, wanted at most 0.02
        Fail -> fail: error_ratio is 0.3, wanted at most 0.02 (2 of 3 measurements)
        ");
        insta::assert_snapshot!(sentences(&[value(f64::NAN), none(), none(), none(), none()], 0), @r"
        error_ratio was not measured yet, wanted at most 0.02
        Inconclusive -> not-yet: error_ratio is not a number
        Inconclusive -> not-yet: error_ratio has no usable number: no series
        Inconclusive -> not-yet: error_ratio has no usable number: no series
        Inconclusive -> not-yet: error_ratio has no usable number: no series
        Inconclusive -> inconclusive: error_ratio has no usable number: no series (5 answers without a usable number)
        ");
        insta::assert_snapshot!(sentences(&[value(0.0), away(), away(), away(), away(), away()], 0), @r"
        error_ratio was not measured yet, wanted at most 0.02
        Pass -> pass: error_ratio is 0, wanted at most 0.02
        Error -> not-yet: error_ratio could not be measured: status 503
        Error -> not-yet: error_ratio could not be measured: status 503
        Error -> not-yet: error_ratio could not be measured: status 503
        Error -> not-yet: error_ratio could not be measured: status 503
        Error -> error: error_ratio could not be measured: status 503 (5 errors in a row)
        ");
    }

    #[test]
    fn the_worst_of_several_decides_and_none_is_no_pass() {
        assert_eq!(worst(&[]), None);
        let mut good = track(0);
        good.observe(&value(0.0));
        let untouched = track(0);
        let mut bad = track(0);
        bad.observe(&value(1.0));
        let rows = [
            (vec![good.standing()], StandingVerdict::Pass),
            (
                vec![good.standing(), untouched.standing()],
                StandingVerdict::NotYet,
            ),
            (
                vec![untouched.standing(), bad.standing(), good.standing()],
                StandingVerdict::Fail,
            ),
        ];
        for (standings, verdict) in rows {
            assert_eq!(worst(&standings).unwrap().verdict, verdict);
        }
    }
}
