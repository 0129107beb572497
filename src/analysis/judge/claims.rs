//! The judgement in words, for every kind of comparison: what is claimed, how sure it is, what lacks.

use super::{ComparisonVerdict, Evaluation, Parameters, figures};

/// What a comparison claims of the canary, after "it is": `worse than the tolerated 1.25×`.
pub(in crate::analysis) struct Claims<'a> {
    pub(in crate::analysis) parameters: &'a Parameters,
    pub(in crate::analysis) evaluation: &'a Evaluation,
    pub(in crate::analysis) worse: String,
    pub(in crate::analysis) good: String,
    /// What there is too little of to say worse: `the canary has 2 bad only (3 needed)`.
    pub(in crate::analysis) too_little_for_worse: String,
    /// What there is too little of to say good.
    pub(in crate::analysis) too_little_for_good: String,
}

impl Claims<'_> {
    /// Says the answer; none where there is none yet.
    pub(in crate::analysis) fn decided(&self) -> Option<String> {
        match self.evaluation.verdict {
            ComparisonVerdict::Worse => Some(format!("{} — worse", self.sure_it_is_worse())),
            ComparisonVerdict::Good => {
                let sure = self.evaluation.sure_good_percent();
                let sure = figures::sure(sure, self.needed_for_good());
                Some(format!("{sure} sure it is {} — good enough", self.good))
            }
            ComparisonVerdict::Hold => Some(format!(
                "undecided at the deadline and leaning towards worse: {} — a person should look",
                self.sure_it_is_worse()
            )),
            ComparisonVerdict::NotYet => None,
        }
    }

    /// What the evidence says so far, and what else is missing where it would suffice.
    pub(in crate::analysis) fn lean(&self) -> String {
        let Evaluation {
            ln_e_worse,
            ln_e_good,
            polls,
            ..
        } = *self.evaluation;
        let Parameters { soak_polls, .. } = *self.parameters;
        let worse = ln_e_worse / self.parameters.worse_from();
        let good = ln_e_good / self.parameters.good_from();
        if worse <= 0.0 && good <= 0.0 {
            return "nothing speaks for worse or for good yet".to_owned();
        }
        if worse >= good {
            let sure = self.sure_it_is_worse();
            if worse < 1.0 {
                return sure;
            }
            return format!("{sure}, but {}", self.too_little_for_worse);
        }
        let needed = self.needed_for_good();
        let sure = figures::sure(self.evaluation.sure_good_percent(), needed);
        let needed = figures::needed(needed);
        let sure = format!("{sure} sure it is {} ({needed} needed)", self.good);
        if good < 1.0 {
            sure
        } else if polls < soak_polls {
            format!("{sure}, but good is said from poll {soak_polls} on (this is {polls})")
        } else {
            format!("{sure}, but {}", self.too_little_for_good)
        }
    }

    fn sure_it_is_worse(&self) -> String {
        let needed = percent_of(self.parameters.worse_from());
        let sure = figures::sure(self.evaluation.sure_worse_percent(), needed);
        let needed = figures::needed(needed);
        format!("{sure} sure it is {} ({needed} needed)", self.worse)
    }

    fn needed_for_good(&self) -> f64 {
        percent_of(self.parameters.good_from())
    }
}

/// How sure evidence makes, in percent: `100 (1 − 1/E)`.
fn percent_of(ln_e: f64) -> f64 {
    -100.0 * (-ln_e).exp_m1()
}
