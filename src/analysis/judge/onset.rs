//! When most of the evidence began, where that is later than the first poll: a fault that came late.

use super::{
    Against, Counts, Evaluation, Parameters, Poll,
    accumulated::{Beginnings, Grid, Terms},
    figures,
    log_sum::ln_sum,
    sentence::Stable,
};

/// The evidence that is worth a word: 3 to 1.
const WORTH_SAYING: f64 = 3.0;
/// The part of all evidence that makes one beginning the reason for it.
const MOST: f64 = 0.5;

/// Says from which poll on most of the evidence for worse is, and what was counted since then, where
/// that is a later one than the first: the figures of all polls together then look better than what
/// was found. `polls` are those that the answer is made of, in order.
pub fn onset(
    parameters: &Parameters,
    stable_ran: Stable,
    polls: &[Poll],
    evaluation: &Evaluation,
) -> Option<String> {
    if evaluation.ln_e_worse < WORTH_SAYING.ln() {
        return None;
    }
    let first = strongest(parameters, polls, evaluation)?;
    let since = polls.get(first..)?.iter().copied();
    let Poll { canary, stable } = since.fold(Poll::default(), Poll::plus);
    let arm = |counts: Counts| {
        let rate = counts.rate().map(|rate| figures::rate(rate, &[]));
        let (bad, total) = (figures::count(counts.bad()), figures::count(counts.total()));
        format!("{} ({bad} of {total})", rate.unwrap_or_default())
    };
    let (new, old) = stable_ran.arms();
    let stable = match parameters.against {
        Against::Stable => format!(", {old} {}", arm(stable)),
        Against::Rate(_) => String::new(),
    };
    Some(format!(
        "most of the evidence is of poll {} and later: {new} {}{stable} since then",
        first + 1,
        arm(canary)
    ))
}

/// Returns the poll at which the beginning lies that most of the evidence is of, where that is not the
/// first one.
fn strongest(parameters: &Parameters, polls: &[Poll], evaluation: &Evaluation) -> Option<usize> {
    let beginnings = Beginnings::new(parameters);
    let grid = Grid::new(parameters);
    let cap = parameters.cap();
    let (mut ratio, mut rate) = ([0.0; 7], [0.0; 7]);
    let mut best: Option<(usize, f64)> = None;
    // From the end on, so that the evidence since each beginning is one sum.
    for (number, poll) in polls.iter().enumerate().rev() {
        let Terms {
            ratio: of_ratio,
            rate: of_rate,
            ..
        } = grid.terms(parameters, *poll);
        for (sums, terms) in [(&mut ratio, of_ratio), (&mut rate, of_rate)] {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += (term / evaluation.phi).min(cap);
            }
        }
        let Some(weight) = beginnings.weight_of(number) else {
            continue;
        };
        let average = |sums: [f64; 7]| ln_sum(sums) - 7.0_f64.ln() + weight.ln();
        let found = match parameters.against {
            Against::Rate(_) => average(rate),
            Against::Stable if parameters.negligible_rate > 0.0 => {
                average(ratio).min(average(rate))
            }
            Against::Stable => average(ratio),
        };
        if best.is_none_or(|(_, most)| found > most) {
            best = Some((number, found));
        }
    }
    let (number, found) = best?;
    (number > 0 && found > evaluation.ln_e_worse + MOST.ln()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::judge::Judge;

    fn said(rows: &[(usize, f64)], parameters: Parameters) -> Option<String> {
        let mut judge = Judge::new(parameters).unwrap();
        let mut polls = Vec::new();
        for (times, bad) in rows {
            for _ in 0..*times {
                polls.push(Poll {
                    canary: Counts::new(300.0, *bad).unwrap(),
                    stable: Counts::new(2_700.0, 27.0).unwrap(),
                });
            }
        }
        for poll in &polls {
            judge.push(*poll);
        }
        onset(&parameters, Stable::Beside, &polls, &judge.evaluate())
    }

    #[test]
    fn a_fault_that_came_late_is_told_by_when_it_came() {
        let usual = Parameters::default();
        let one = Parameters {
            restart_polls: 0,
            ..usual
        };
        let limit = Parameters {
            against: Against::Rate(0.015),
            ..usual
        };
        let rows = [
            said(&[(20, 3.0), (4, 15.0)], usual),
            said(&[(24, 3.0), (4, 15.0)], limit),
            // From the first poll on; too little of it; with one beginning.
            said(&[(4, 15.0)], usual),
            said(&[(24, 3.0)], usual),
            said(&[(20, 3.0), (4, 15.0)], one),
            said(&[], usual),
        ];
        insta::assert_snapshot!(format!("{rows:#?}"), @r#"
        [
            Some(
                "most of the evidence is of poll 21 and later: canary 5.00 % (60 of 1,200), stable 1.00 % (108 of 10,800) since then",
            ),
            Some(
                "most of the evidence is of poll 21 and later: canary 3.00 % (72 of 2,400) since then",
            ),
            None,
            None,
            None,
            None,
        ]
        "#);
    }
}
