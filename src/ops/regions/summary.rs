//! How a version fared in several regions, as one end.

use std::time::Duration;

use super::group::Group;
use crate::{
    event::{Ending, Failure, Outcome, ServiceEnd},
    ops::{
        command::About,
        fleet::{NOT_BEGUN, is_well},
    },
    units::{Version, format_duration},
};

/// Most lines of advice.
const HINTS: usize = 6;

/// Makes the end of a region that was left alone, because another one did not end well.
pub(super) fn not_begun(region: &str, failed: Option<&(&str, String)>) -> Outcome {
    let reason = failed.map_or_else(String::new, |(name, ended)| {
        format!(": {name} ended as {ended}")
    });
    let text = format!("{region} was not begun{reason}");
    let mut outcome = Outcome::new(Ending::BlockedOther, text);
    NOT_BEGUN.clone_into(&mut outcome.reason_code);
    outcome
}

/// Makes the end of a version that is everywhere.
pub(super) fn done(group: &Group, version: &Version, ends: Vec<ServiceEnd>) -> Outcome {
    let same = ends
        .iter()
        .filter(|end| end.outcome.ending == Ending::NoChange);
    let same = same.count();
    let mut reason = format!("{version} is in {}", group.said(ends.len()));
    if same == ends.len() {
        reason.push_str(" already; nothing to do");
    } else if same > 0 {
        reason.push_str(&format!(", {same} of them had it already"));
    }
    together(reason, ends, None)
}

/// Makes the end of what only shows what would be done.
pub(super) fn planned(group: &Group, ends: Vec<ServiceEnd>) -> Outcome {
    if let Some(bad) = ends.iter().find(|end| !is_well(&end.outcome)) {
        let region = bad.region.clone().unwrap_or_default();
        return stopped(ends, &region);
    }
    let bake_time = group.regions.bake_time;
    let mut parts = Vec::new();
    let mut all = Duration::ZERO;
    for (index, end) in ends.iter().enumerate() {
        if index > 0 && !bake_time.is_zero() {
            parts.push(format!("bake time {}", format_duration(bake_time)));
            all += bake_time;
        }
        let length = end.outcome.plan.as_ref().map(|plan| plan.shortest);
        all += length.unwrap_or_default();
        let shown = length.map_or_else(|| "nothing to do".to_owned(), format_duration);
        parts.push(format!("{} {shown}", end.region.as_deref().unwrap_or("?")));
    }
    let reason = format!(
        "{}, one after the other: {}; together at least {}; dry run: nothing was pushed",
        group.said(ends.len()),
        parts.join(", "),
        format_duration(all)
    );
    together(reason, ends, None)
}

/// Makes the end of a version that did not end well in a region, so that it did not go on.
pub(super) fn stopped(ends: Vec<ServiceEnd>, failed: &str) -> Outcome {
    let names = |wanted: &dyn Fn(&Outcome) -> bool| {
        let found = ends
            .iter()
            .filter(|end| end.region.as_deref() != Some(failed) && wanted(&end.outcome));
        let names: Vec<&str> = found.filter_map(|end| end.region.as_deref()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let cause = ends
        .iter()
        .find(|end| end.region.as_deref() == Some(failed));
    let mut reason = match cause {
        Some(end) => format!("{failed}: {}", end.outcome.reason),
        None => String::new(),
    };
    let taken_back = names(&|end| end.ending == Ending::RolledBack);
    let is_left = |end: &Outcome| end.reason_code == NOT_BEGUN;
    let bad = names(&|end| !is_well(end) && !is_left(end) && end.ending != Ending::RolledBack);
    for (named, said) in [
        (taken_back, "taken back, too"),
        (bad, "did not end well either"),
        (names(&is_well), "as they ended, and stay"),
        (names(&is_left), "not begun"),
    ] {
        if let Some(named) = named {
            reason.push_str(&format!("; {said}: {named}"));
        }
    }
    together(reason, ends, Some(failed))
}

/// Makes the end of `check`: that of the region that allows the least.
pub(super) fn checked(group: &Group, ends: Vec<ServiceEnd>) -> Outcome {
    let bad = ends.iter().filter(|end| !is_well(&end.outcome));
    let bad: Vec<&str> = bad.filter_map(|end| end.region.as_deref()).collect();
    let number = ends.len();
    let said = match bad.len() {
        0 => format!("it may go to {}", group.said(number)),
        refused => format!(
            "it may not go to {refused} of {number} regions of {} ({})",
            group.environment,
            bad.join(", ")
        ),
    };
    let mut outcome = together(String::new(), ends, None);
    let worst = outcome.services.iter().find(|end| {
        let end = &end.outcome;
        end.ending == outcome.ending && end.reason_code == outcome.reason_code
    });
    let reason = match worst {
        Some(end) => {
            let region = end.region.as_deref().unwrap_or("?");
            format!("{said}; {region}: {}", end.outcome.reason)
        }
        None => said,
    };
    outcome.reason = reason;
    outcome
}

/// Makes the end of `recover` and of `rollback`.
pub(super) fn carried_out(group: &Group, ends: Vec<ServiceEnd>) -> Outcome {
    let nothing = ends
        .iter()
        .all(|end| end.outcome.ending == Ending::NoChange);
    let where_ = group.said(ends.len());
    let reason = if nothing {
        format!("nothing was to be done in {where_}")
    } else {
        let done = ends
            .iter()
            .filter(|end| end.outcome.ending != Ending::NoChange);
        let done: Vec<String> = done
            .map(|end| {
                let region = end.region.as_deref().unwrap_or("?");
                format!("{region}: {}", end.outcome.reason)
            })
            .collect();
        done.join("; ")
    };
    together(reason, ends, None)
}

/// Notes that nobody knows whether other regions have to go back.
pub(super) fn others_unknown(outcome: &mut Outcome, failure: &Failure, about: About<'_>) {
    outcome.reason.push_str(&format!(
        "; whether it has to go back in the regions before is not known: {failure}"
    ));
    if Ending::RollbackFailed.is_worse_than(outcome.ending) {
        outcome.end_as(Ending::RollbackFailed);
    }
    let next = format!(
        "run `{}` once the git server answers: it takes back what has to go",
        about.command("recover")
    );
    outcome.hints.insert(0, next);
}

/// Puts the ends together: the worst is the end of all; among equals that of `failed`, then what was
/// done before what there was not to do.
fn together(reason: String, ends: Vec<ServiceEnd>, failed: Option<&str>) -> Outcome {
    let is_failed = |end: &ServiceEnd| failed.is_some() && end.region.as_deref() == failed;
    let mut worst: Option<&ServiceEnd> = None;
    for end in &ends {
        let is_worse = worst.is_none_or(|worst| {
            let (one, other) = (end.outcome.ending, worst.outcome.ending);
            let is_same = one.code() == other.code();
            let is_done = one != Ending::NoChange && other == Ending::NoChange;
            one.is_worse_than(other) || is_same && (is_failed(end) || is_done)
        });
        if is_worse {
            worst = Some(end);
        }
    }
    let mut outcome = match worst {
        None => Outcome::new(Ending::NoChange, reason),
        Some(worst) => Outcome {
            reason_code: worst.outcome.reason_code.clone(),
            verdict: worst.outcome.verdict.clone(),
            ..Outcome::new(worst.outcome.ending, reason)
        },
    };
    outcome.override_used = ends.iter().any(|end| end.outcome.override_used);
    let hints = ends.iter().flat_map(|end| {
        let region = end.region.as_deref().unwrap_or("?");
        let hints = end.outcome.hints.iter();
        hints.map(move |hint| format!("{region}: {hint}"))
    });
    outcome.hints = hints.take(HINTS).collect();
    outcome.services = ends;
    outcome
}
