//! Single polls that alone would be worse, where all together are not: bursts.

use super::{ComparisonVerdict, Dispersion, Judge, Parameters, Poll, figures};

/// The dispersion that a single poll is looked at with: the judge's own guess before it has measured.
const USUAL: f64 = 1.5;
/// More of them are no bursts any more.
const BURSTS: usize = 2;

/// Says that single polls alone would be worse, where all together are not: a burst. `polls` are those
/// that the answer is made of, in order.
pub fn burst(
    parameters: &Parameters,
    polls: &[Poll],
    verdict: ComparisonVerdict,
) -> Option<String> {
    let alone = Parameters {
        dispersion: Dispersion::Fixed(USUAL),
        ..*parameters
    };
    let is_bad = |poll: &Poll| {
        Judge::new(alone.one_look()).is_ok_and(|mut judge| {
            judge.push(*poll);
            judge.evaluate().verdict == ComparisonVerdict::Worse
        })
    };
    if verdict == ComparisonVerdict::Worse || polls.len() < 2 {
        return None;
    }
    let bad: Vec<(usize, &Poll)> = polls
        .iter()
        .enumerate()
        .filter(|(_, it)| is_bad(it))
        .collect();
    let (first, poll) = bad.first()?;
    let times = bad.len();
    if times > BURSTS {
        return None;
    }
    let errors = figures::count(poll.canary.bad());
    let which = if times > 1 { "first " } else { "" };
    Some(format!(
        "bad burst in {times} of {} polls ({which}{errors} bad in poll {}); one poll cannot decide",
        polls.len(),
        first + 1
    ))
}
