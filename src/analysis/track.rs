//! One metric held against its thresholds, measurement by measurement.

use super::{Judgement, Limits, Reading, Standing, Tally, Threshold};

/// What is wanted of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// Its name, unique among the criteria of a service.
    pub name: String,
    /// The values that are good.
    pub threshold: Threshold,
    /// How much is tolerated.
    pub limits: Limits,
}

/// One metric so far.
#[derive(Debug, Clone)]
pub struct Track {
    threshold: Threshold,
    tally: Tally,
}

impl Track {
    /// Starts with nothing measured.
    pub fn new(criterion: &Criterion) -> Self {
        let Criterion {
            name,
            threshold,
            limits,
        } = criterion;
        Self {
            threshold: threshold.clone(),
            tally: Tally::new(name, threshold.to_string(), *limits),
        }
    }

    /// Judges one reading and counts it.
    pub fn observe(&mut self, reading: &Reading) -> Judgement {
        let (judgement, value, detail) = match reading {
            Reading::Value(sample) if !sample.value.is_finite() => {
                (Judgement::Inconclusive, None, "is not a number".to_owned())
            }
            Reading::Value(sample) => {
                let judgement = self.threshold.judge(sample.value);
                let mut detail = format!("is {}", self.threshold.print(sample.value));
                if judgement == Judgement::Inconclusive {
                    detail.push_str(", neither good nor bad");
                }
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
    use crate::analysis::{Condition, Conditions, Range, Sample, StandingVerdict, worst};
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
            threshold: Threshold::Range(Range::new(None, Some(0.02)).unwrap()),
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
        Pass -> pass: error_ratio is 0.001, wanted at most 0.02 (1 of 2 measurements failed, which its limit tolerates)
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
    fn a_number_between_two_conditions_is_inconclusive() {
        let parsed = |text| Some(Condition::parse(text).unwrap());
        let conditions = Conditions::new(parsed("result < 0.02"), parsed("result > 0.1")).unwrap();
        let mut track = Track::new(&Criterion {
            name: "error_ratio".to_owned(),
            threshold: Threshold::Conditions(Box::new(conditions)),
            limits: Limits {
                inconclusive_limit: 1,
                ..Limits::default()
            },
        });
        let mut lines = Vec::new();
        for number in [0.01, 0.05, 0.06] {
            track.observe(&value(number));
            lines.push(track.standing().sentence());
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        error_ratio is 0.01, wanted result < 0.02, bad at result > 0.1
        error_ratio is 0.05, neither good nor bad
        error_ratio is 0.06, neither good nor bad, wanted result < 0.02, bad at result > 0.1 (2 inconclusive answers)
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
