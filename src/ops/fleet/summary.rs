//! How several services ended, as one end.

use super::{DEPENDENCY_FAILED, NOT_BEGUN, few, is_well};
use crate::event::{Ending, Failure, Outcome, ServiceEnd};

/// Most lines of advice.
const HINTS: usize = 6;

/// Makes the outcome of all: that of the worst, among equals of the first; what was done counts more
/// than what there was not to do.
pub(super) fn summary(ends: Vec<ServiceEnd>) -> Outcome {
    let rank = |one: &ServiceEnd, other: &ServiceEnd| {
        let (one, other) = (&one.outcome, &other.outcome);
        let is_same = one.ending.code() == other.ending.code();
        // What was left alone because of another one is never the cause.
        let is_cause = !is_left_alone(one) && is_left_alone(other);
        let is_done = one.ending != Ending::NoChange && other.ending == Ending::NoChange;
        one.ending.is_worse_than(other.ending) || is_same && (is_cause || is_done)
    };
    let mut worst: Option<&ServiceEnd> = None;
    for end in &ends {
        if worst.is_none_or(|worst| rank(end, worst)) {
            worst = Some(end);
        }
    }
    let Some(worst) = worst else {
        return Outcome::from(
            Failure::new(Ending::Usage, "no service is named")
                .hint("name them with --service a,b or --all"),
        );
    };
    let bad: Vec<&ServiceEnd> = ends.iter().filter(|it| !is_well(&it.outcome)).collect();
    let all = ends.len();
    let reason = if bad.is_empty() {
        let there = |end: &&ServiceEnd| end.outcome.ending == Ending::NoChange;
        match ends.iter().filter(there).count() {
            0 => format!("all {all} services ended well"),
            same => format!("all {all} services ended well, {same} of them had nothing to do"),
        }
    } else {
        let named: Vec<&str> = bad.iter().map(|it| it.service.as_str()).collect();
        format!(
            "{} of {all} services did not end well ({}); {}: {}",
            bad.len(),
            few(&named),
            worst.service,
            worst.outcome.reason
        )
    };
    let mut outcome = Outcome {
        reason_code: worst.outcome.reason_code.clone(),
        ..Outcome::new(worst.outcome.ending, reason)
    };
    outcome.verdict.clone_from(&worst.outcome.verdict);
    outcome.override_used = ends.iter().any(|end| end.outcome.override_used);
    let hints = bad.iter().flat_map(|end| {
        let hints = end.outcome.hints.iter();
        hints.map(|hint| format!("{}: {hint}", end.service))
    });
    outcome.hints = hints.take(HINTS).collect();
    outcome.services = ends.into_iter().flat_map(each_region).collect();
    outcome
}

/// Returns the ends in each of its regions of a service that went to several, else its own.
fn each_region(mut end: ServiceEnd) -> Vec<ServiceEnd> {
    let mut regions = std::mem::take(&mut end.outcome.services);
    if regions.is_empty() {
        return vec![end];
    }
    for region in &mut regions {
        region.version.clone_from(&end.version);
    }
    regions
}

fn is_left_alone(outcome: &Outcome) -> bool {
    [NOT_BEGUN, DEPENDENCY_FAILED].contains(&outcome.reason_code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(service: &str, ending: Ending) -> ServiceEnd {
        ServiceEnd {
            service: service.to_owned(),
            region: None,
            version: None,
            outcome: Box::new(Outcome::new(ending, format!("because of {service}"))),
        }
    }

    #[test]
    fn the_worst_end_is_the_end_of_all() {
        use Ending::{BlockedOther, Deployed, Held, NoChange, RolledBack};
        let rows: &[(&[Ending], &str)] = &[
            (&[Deployed, Deployed], "0 all 2 services ended well"),
            (
                &[NoChange, Deployed],
                "0 all 2 services ended well, 1 of them had nothing to do",
            ),
            (
                &[Deployed, RolledBack, Held],
                "42 2 of 3 services did not end well (b, c); c: because of c",
            ),
            (
                &[RolledBack, BlockedOther, BlockedOther, BlockedOther],
                "40 4 of 4 services did not end well (a, b, c and 1 more); a: because of a",
            ),
            (&[], "2 no service is named"),
        ];
        for (endings, wanted) in rows {
            let names = ["a", "b", "c", "d"];
            let ends = names.iter().zip(*endings);
            let outcome = summary(ends.map(|(name, it)| end(name, *it)).collect());
            let found = format!("{} {}", outcome.ending.code().number, outcome.reason);
            assert_eq!(found, *wanted);
        }
        for done in [Deployed, Ending::TakenBack] {
            let ends = vec![end("a", NoChange), end("b", done)];
            assert_eq!(summary(ends).ending, done);
        }
        // A signal says less than what was changed, and more than what was not begun.
        for (one, other) in [
            (Ending::Terminated, RolledBack),
            (NoChange, Ending::Terminated),
        ] {
            assert_eq!(summary(vec![end("a", one), end("b", other)]).ending, other);
        }
        let mut left = end("a", BlockedOther);
        NOT_BEGUN.clone_into(&mut left.outcome.reason_code);
        let cause = summary(vec![left, end("b", BlockedOther)]);
        assert!(
            cause.reason.ends_with("b: because of b"),
            "{}",
            cause.reason
        );
    }
}
