//! What one number is held against: a range, or conditions as Argo Rollouts has them.

use std::fmt;

use super::{Condition, Judgement, Range, range::significant};

/// What is wanted of one number.
#[derive(Debug, Clone, PartialEq)]
pub enum Threshold {
    /// It must be in a range.
    Range(Range),
    /// Conditions over it decide.
    Conditions(Box<Conditions>),
}

/// One condition or two, as Argo Rollouts reads them (argoproj/argo-rollouts,
/// utils/evaluate/evaluate.go): with one alone the opposite is the other answer; with both, a number
/// for which neither holds is inconclusive, and failure wins where both hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    success: Option<Condition>,
    failure: Option<Condition>,
}

impl Conditions {
    /// Takes one condition or both; nothing where there is none.
    pub fn new(success: Option<Condition>, failure: Option<Condition>) -> Option<Self> {
        (success.is_some() || failure.is_some()).then_some(Self { success, failure })
    }

    fn judge(&self, value: f64) -> Judgement {
        let holds = |condition: &Option<Condition>| match condition {
            Some(condition) => condition.holds(value).map(Some),
            None => Some(None),
        };
        match (holds(&self.success), holds(&self.failure)) {
            (_, Some(Some(true))) => Judgement::Fail,
            // What cannot be computed says nothing.
            (None, _) | (_, None) => Judgement::Inconclusive,
            (Some(Some(true)), _) => Judgement::Pass,
            (Some(Some(false)), Some(Some(false))) => Judgement::Inconclusive,
            (Some(Some(false)), Some(None)) => Judgement::Fail,
            (Some(None), Some(Some(false))) => Judgement::Pass,
            (Some(None), Some(None)) => Judgement::Inconclusive,
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.success, &self.failure) {
            (Some(success), None) => write!(formatter, "{success}"),
            (None, Some(failure)) => write!(formatter, "not ({failure})"),
            (Some(success), Some(failure)) => write!(formatter, "{success}, bad at {failure}"),
            (None, None) => formatter.write_str("nothing"),
        }
    }
}

impl Threshold {
    /// Judges a number; one that is not finite says nothing.
    pub fn judge(&self, value: f64) -> Judgement {
        match self {
            _ if !value.is_finite() => Judgement::Inconclusive,
            Self::Range(range) if range.contains(value) => Judgement::Pass,
            Self::Range(_) => Judgement::Fail,
            Self::Conditions(conditions) => conditions.judge(value),
        }
    }

    /// Prints a number with six significant digits, or with all of them where fewer would make it look
    /// like one that is judged otherwise.
    pub fn print(&self, value: f64) -> String {
        match self {
            Self::Range(range) => range.print(value),
            Self::Conditions(conditions) => {
                let short = significant(value);
                let same = |short: f64| conditions.judge(short) == conditions.judge(value);
                if short.parse().is_ok_and(same) {
                    short
                } else {
                    value.to_string()
                }
            }
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(formatter),
            Self::Conditions(conditions) => conditions.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(success: &str, failure: &str) -> Threshold {
        let parsed =
            |text: &str| (!text.is_empty()).then(|| Condition::parse(text).expect("a condition"));
        let conditions = Conditions::new(parsed(success), parsed(failure)).unwrap();
        Threshold::Conditions(Box::new(conditions))
    }

    #[test]
    fn one_condition_or_both_decide_as_in_argo() {
        use Judgement::{Fail, Inconclusive, Pass};
        let (low, high) = ("result < 0.05", "result > 0.1");
        let rows = [
            (low, "", 0.01, Pass),
            (low, "", 0.07, Fail),
            (low, "", f64::NAN, Inconclusive),
            ("", high, 0.07, Pass),
            ("", high, 0.2, Fail),
            ("", high, f64::INFINITY, Inconclusive),
            (low, high, 0.01, Pass),
            (low, high, 0.07, Inconclusive),
            (low, high, 0.2, Fail),
            // Both hold: failure wins.
            ("result > 0", high, 0.2, Fail),
            ("result > 0", high, -1.0, Inconclusive),
        ];
        for (success, failure, value, wanted) in rows {
            let threshold = conditions(success, failure);
            assert_eq!(threshold.judge(value), wanted, "{threshold} at {value}");
        }
        assert_eq!(Conditions::new(None, None), None);
    }

    #[test]
    fn conditions_read_as_what_is_wanted() {
        assert_eq!(
            [
                conditions("result < 0.05", "").to_string(),
                conditions("", "result > 0.1").to_string(),
                conditions("result < 0.05", "result > 0.1").to_string(),
                conditions("result < 0.05", "").print(0.049_999_999),
                conditions("result < 0.05", "").print(0.012_345_678),
            ],
            [
                "result < 0.05",
                "not (result > 0.1)",
                "result < 0.05, bad at result > 0.1",
                "0.049999999",
                "0.0123457",
            ]
        );
    }
}
