//! Counts the judgements of one criterion against its limits.

use super::{Limits, Standing, StandingVerdict};

/// What one measurement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// As wanted.
    Pass,
    /// Not as wanted.
    Fail,
    /// Answered, but without a usable number.
    Inconclusive,
    /// Not answered.
    Error,
}

/// The judgements of one criterion so far.
#[derive(Debug, Clone)]
pub struct Tally {
    name: String,
    wanted: String,
    limits: Limits,
    passed: u32,
    failed: u32,
    inconclusive: u32,
    failures_in_a_row: u32,
    /// Were there ever more failures in a row than tolerated? What comes after does not undo it.
    failed_in_a_row: bool,
    errors_in_a_row: u32,
    last: Option<Judgement>,
    last_has_value: bool,
    value: Option<f64>,
    detail: String,
}

impl Tally {
    /// Starts with nothing measured. `wanted` is a phrase such as `at most 0.02`.
    pub fn new(name: impl Into<String>, wanted: impl Into<String>, limits: Limits) -> Self {
        Self {
            name: name.into(),
            wanted: wanted.into(),
            limits,
            passed: 0,
            failed: 0,
            inconclusive: 0,
            failures_in_a_row: 0,
            failed_in_a_row: false,
            errors_in_a_row: 0,
            last: None,
            last_has_value: false,
            value: None,
            detail: String::new(),
        }
    }

    /// Counts one judgement. `detail` is a clause that goes on from the name: `is 0.071`.
    pub fn record(&mut self, judgement: Judgement, value: Option<f64>, detail: impl Into<String>) {
        match judgement {
            Judgement::Pass => self.passed = self.passed.saturating_add(1),
            Judgement::Fail => self.failed = self.failed.saturating_add(1),
            Judgement::Inconclusive => self.inconclusive = self.inconclusive.saturating_add(1),
            Judgement::Error => {}
        }
        self.failures_in_a_row = match judgement {
            Judgement::Pass => 0,
            Judgement::Fail => self.failures_in_a_row.saturating_add(1),
            Judgement::Inconclusive | Judgement::Error => self.failures_in_a_row,
        };
        self.failed_in_a_row |= self
            .limits
            .consecutive_failure_limit
            .is_some_and(|limit| self.failures_in_a_row > limit);
        self.errors_in_a_row = match judgement {
            Judgement::Error => self.errors_in_a_row.saturating_add(1),
            _ => 0,
        };
        self.last_has_value = value.is_some();
        self.value = value.or(self.value);
        self.last = Some(judgement);
        self.detail = detail.into();
    }

    /// Returns how the criterion stands.
    ///
    /// It passes only when something good was measured, as often as `count` wants, no limit is
    /// exceeded, and the last answer was usable: an outage never makes anything pass. Tolerated
    /// failures alone never pass either, nor does a row of failures that has not ended.
    pub fn standing(&self) -> Standing {
        let measured = self.passed.saturating_add(self.failed);
        let unsettled = matches!(
            self.last,
            Some(Judgement::Inconclusive | Judgement::Error) | None
        );
        let in_a_row =
            self.limits.consecutive_failure_limit.is_some() && self.failures_in_a_row > 0;
        let verdict = if self.failed > self.limits.failure_limit || self.failed_in_a_row {
            StandingVerdict::Fail
        } else if self.errors_in_a_row > self.limits.consecutive_error_limit {
            StandingVerdict::Error
        } else if self.inconclusive > self.limits.inconclusive_limit {
            StandingVerdict::Inconclusive
        } else if unsettled
            || in_a_row
            || self.passed == 0
            || measured < self.limits.count.unwrap_or(1)
        {
            StandingVerdict::NotYet
        } else {
            StandingVerdict::Pass
        };
        Standing {
            name: self.name.clone(),
            verdict,
            measured,
            failed: self.failed,
            inconclusive: self.inconclusive,
            errors_in_a_row: self.errors_in_a_row,
            value: self.value,
            wanted: self.wanted.clone(),
            detail: self.detail.clone(),
            unsettled,
            own_words: self.own_words(verdict),
        }
    }

    /// A number that is neither good nor bad is usable, and yet decides nothing; a row of failures that
    /// goes on may still end.
    fn own_words(&self, verdict: StandingVerdict) -> Option<String> {
        let (is_undecided, found) = match (verdict, self.last) {
            (StandingVerdict::Inconclusive, Some(Judgement::Inconclusive)) => (
                self.last_has_value,
                format!("{} inconclusive answers", self.inconclusive),
            ),
            (StandingVerdict::NotYet, Some(Judgement::Fail)) => {
                let limit = self.limits.consecutive_failure_limit;
                let found = self.failures_in_a_row;
                let limit_of = limit.unwrap_or_default();
                (
                    limit.is_some(),
                    format!("{found} failed in a row, at most {limit_of} tolerated"),
                )
            }
            _ => return None,
        };
        is_undecided.then(|| {
            format!(
                "{} {}, wanted {} ({found})",
                self.name, self.detail, self.wanted
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(failure: u32, error: u32, inconclusive: u32) -> Limits {
        Limits {
            failure_limit: failure,
            consecutive_failure_limit: None,
            consecutive_error_limit: error,
            inconclusive_limit: inconclusive,
            count: None,
        }
    }

    fn judgement(letter: char) -> Judgement {
        match letter {
            'p' => Judgement::Pass,
            'f' => Judgement::Fail,
            'i' => Judgement::Inconclusive,
            _ => Judgement::Error,
        }
    }

    fn after(letters: &str, limits: Limits) -> Standing {
        let mut tally = Tally::new("errors", "at most 0.02", limits);
        for letter in letters.chars() {
            tally.record(judgement(letter), None, "is so");
        }
        tally.standing()
    }

    #[test]
    fn limits_mean_more_than_this_many() {
        use StandingVerdict::{Error, Fail, Inconclusive, NotYet, Pass};
        let rows = [
            // Nothing measured, or nothing usable, is never a pass.
            ("", limits(0, 4, 4), NotYet),
            ("e", limits(0, 4, 4), NotYet),
            ("i", limits(0, 4, 4), NotYet),
            ("p", limits(0, 4, 4), Pass),
            // failure_limit: 3 tolerates three failures and fails at the fourth, in a row or not.
            ("f", limits(0, 4, 4), Fail),
            ("pfff", limits(3, 4, 4), Pass),
            ("pffff", limits(3, 4, 4), Fail),
            ("fpfpfpfp", limits(3, 4, 4), Fail),
            ("ffff", limits(3, 4, 4), Fail),
            ("fff", limits(3, 4, 4), NotYet),
            // Errors count in a row.
            ("eeee", limits(0, 4, 4), NotYet),
            ("eeeee", limits(0, 4, 4), Error),
            ("eeeepeeee", limits(0, 4, 4), NotYet),
            ("eeeepeeeep", limits(0, 4, 4), Pass),
            ("eeeeieeee", limits(0, 4, 4), NotYet),
            ("eeeeep", limits(0, 4, 4), Pass),
            ("pe", limits(0, 0, 4), Error),
            // Inconclusive answers count in all.
            ("pipipipip", limits(0, 4, 4), Pass),
            ("pipipipipi", limits(0, 4, 4), Inconclusive),
            ("pi", limits(0, 4, 0), Inconclusive),
            // An outage after good measurements does not pass.
            ("ppppe", limits(0, 4, 4), NotYet),
            ("ppppi", limits(0, 4, 4), NotYet),
            // The worst wins.
            ("fiiiiieeeee", limits(0, 4, 4), Fail),
            ("iiiiieeeee", limits(0, 4, 4), Error),
        ];
        for (letters, limits, verdict) in rows {
            assert_eq!(
                after(letters, limits).verdict,
                verdict,
                "{letters:?} {limits:?}"
            );
        }
    }

    #[test]
    fn failures_in_a_row_count_until_something_good() {
        use StandingVerdict::{Fail, NotYet, Pass};
        let two = Limits {
            failure_limit: u32::MAX,
            consecutive_failure_limit: Some(2),
            ..Limits::default()
        };
        let both = Limits {
            failure_limit: 3,
            ..two
        };
        let rows = [
            ("p", two, Pass),
            ("ffp", two, Pass),
            ("ffpffpffp", two, Pass),
            ("fff", two, Fail),
            // An outage in between is nothing good.
            ("pffef", two, Fail),
            ("pffif", two, Fail),
            // It was so bad once: that it recovered does not undo it.
            ("fffppp", two, Fail),
            // Nobody knows yet how the row ends.
            ("pff", two, NotYet),
            ("ffpffp", both, Fail),
            ("ffpfp", both, Pass),
        ];
        for (letters, limits, verdict) in rows {
            assert_eq!(after(letters, limits).verdict, verdict, "{letters}");
        }
    }

    #[test]
    fn count_wants_usable_measurements() {
        let three = Limits {
            count: Some(3),
            ..Limits::default()
        };
        assert_eq!(after("pp", three).verdict, StandingVerdict::NotYet);
        assert_eq!(after("peep", three).verdict, StandingVerdict::NotYet);
        assert_eq!(after("peepp", three).verdict, StandingVerdict::Pass);
    }

    proptest! {
        #[test]
        fn without_a_passing_measurement_nothing_passes(
            letters in "[fie]{0,40}", failure in 0u32..50, error in 0u32..50, inconclusive in 0u32..50,
        ) {
            let standing = after(&letters, limits(failure, error, inconclusive));
            prop_assert_ne!(standing.verdict, StandingVerdict::Pass);
        }

        #[test]
        fn a_failure_more_than_tolerated_is_final(letters in "[pfie]{0,40}", failure in 0u32..5) {
            let failures = letters.chars().filter(|letter| *letter == 'f').count();
            let verdict = after(&letters, limits(failure, 4, 4)).verdict;
            prop_assert_eq!(verdict == StandingVerdict::Fail, failures > failure as usize);
        }

        #[test]
        fn what_passes_ended_with_a_usable_answer(letters in "[pfie]{1,40}") {
            let standing = after(&letters, limits(40, 40, 40));
            if standing.verdict == StandingVerdict::Pass {
                prop_assert!(letters.ends_with(['p', 'f']));
            }
        }
    }
}
