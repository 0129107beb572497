//! The weights of backends that share requests: relative to each other as they are read, and adding up
//! to 100 as they are written.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment,
    backend::{Backend, Rule, listed},
    canary_backend::{self, Canary},
    cursor::Cursor,
    findings::Findings,
    object::View,
    second_backend::{self, Field, Second},
    target::check_written_out,
    weight::LargestShare,
};
use crate::units::Weight;

/// What the weights of a rule add up to once they are written.
const WHOLE: u32 = 100;

/// How a kind of object splits traffic.
pub(in crate::manifest) struct Splitter {
    /// Reads its rules that have backends.
    pub rules: for<'a> fn(View<'a>) -> Result<Vec<Rule<'a>>, Refusal>,
    /// The weight of a backend without one, in a rule that has several.
    pub missing: u32,
    /// Makes a second backend of this name for a rule that has one.
    pub second: fn(&Manifests, &Rule<'_>, &str) -> Result<Second, Refusal>,
}

/// Finds the weights that give the canary its share.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    traffic: &ObjectRef,
    splitter: &Splitter,
    (weight, named): (Weight, Option<&str>),
    findings: &mut Findings,
) {
    let Some(view) = findings.take(manifests.one(traffic)) else {
        return;
    };
    let Some(rules) = findings.take((splitter.rules)(view)) else {
        return;
    };
    let share = u32::from(weight.percent());
    match findings.take(canary_backend::find(view, &rules, named)) {
        Some(Canary::Shares(shares)) => {
            for (rule, canary) in &shares {
                let weights = weights(splitter, rule, *canary, share);
                for (backend, weight) in findings.take(weights).unwrap_or_default() {
                    set(backend, weight, findings);
                }
            }
            note_rules_without(&rules, &shares, findings);
        }
        Some(Canary::Missing(missing)) => {
            let name = named.unwrap_or_default();
            for rule in missing {
                if let Some(second) = findings.take((splitter.second)(manifests, rule, name)) {
                    let host = second.host.as_deref();
                    let note = host.map_or(Ok(None), |host| {
                        second_backend::note_no_service(manifests, rule, host)
                    });
                    let Some(note) = findings.take(note) else {
                        continue;
                    };
                    findings.notes.extend(note);
                    add(rule, second, share, findings);
                }
            }
        }
        None => {}
    }
}

/// Returns the share of the canary, in percent.
///
/// # Errors
/// The object is not there exactly once, its canary is not clear, its weights cannot be read or make
/// no whole percent, or its rules differ.
pub(in crate::manifest) fn current(
    manifests: &Manifests,
    traffic: &ObjectRef,
    splitter: &Splitter,
    named: Option<&str>,
) -> Result<Weight, Refusal> {
    let view = manifests.one(traffic)?;
    let rules = (splitter.rules)(view)?;
    let shares = match canary_backend::find(view, &rules, named)? {
        Canary::Shares(shares) => shares,
        Canary::Missing(_) => return Ok(Weight::ZERO),
    };
    let mut found: Option<(Weight, &Rule<'_>)> = None;
    for (rule, canary) in shares {
        let weight = percent(splitter, rule, canary)?;
        match found {
            Some((first, place)) if first != weight => {
                return Err(rule
                    .list
                    .refusal(format!(
                        "the canary of {traffic} has {weight} here and {first} on line {}, expected \
                         the same in every rule",
                        place.list.line()
                    ))
                    .hint("set the weight once, then all rules agree"));
            }
            Some(_) => {}
            None => found = Some((weight, rule)),
        }
    }
    Ok(found.map_or(Weight::ZERO, |(weight, _)| weight))
}

/// Returns the largest share that a rule gives the canary.
///
/// # Errors
/// As [`current`], but for weights that make no whole percent or differ.
pub(in crate::manifest) fn largest(
    manifests: &Manifests,
    traffic: &ObjectRef,
    splitter: &Splitter,
    named: Option<&str>,
) -> Result<LargestShare, Refusal> {
    let view = manifests.one(traffic)?;
    let rules = (splitter.rules)(view)?;
    let none = LargestShare::of(0, WHOLE, &Cursor::new(view));
    let shares = match canary_backend::find(view, &rules, named)? {
        Canary::Shares(shares) => shares,
        Canary::Missing(_) => return Ok(none),
    };
    let mut largest = none;
    for (rule, canary) in shares {
        let (own, sum) = weight_of(splitter, rule, canary)?;
        let share = LargestShare::of(own, sum, &rule.list);
        if share.weight > largest.weight {
            largest = share;
        }
    }
    Ok(largest)
}

fn set(backend: &Backend<'_>, weight: u32, findings: &mut Findings) {
    findings.put(
        &backend.item,
        &Segment::keys(&["weight"]),
        &weight.to_string(),
        ScalarType::Integer,
    );
}

fn add(rule: &Rule<'_>, second: Second, share: u32, findings: &mut Findings) {
    for backend in &rule.backends {
        set(backend, WHOLE - share, findings);
    }
    let weight = Field {
        path: Segment::keys(&["weight"]),
        value: share.to_string(),
        scalar_type: ScalarType::Integer,
    };
    for field in second.fields.into_iter().chain([weight]) {
        let mut path = vec![second.item.clone()];
        path.extend(field.path);
        findings.put(&rule.list, &path, &field.value, field.scalar_type);
    }
}

/// Says which rules a backend that shares its requests elsewhere has for itself.
fn note_rules_without(rules: &[Rule<'_>], shares: &[(&Rule<'_>, usize)], findings: &mut Findings) {
    for rule in rules {
        let [alone] = rule.backends.as_slice() else {
            continue;
        };
        let is_stable = |(rule, canary): &(&Rule<'_>, usize)| {
            let mut backends = (0..).zip(&rule.backends);
            backends.any(|(index, backend)| index != *canary && backend.name == alone.name)
        };
        if shares.iter().any(is_stable) {
            findings.notes.push(format!(
                "{}:{}: {} goes to `{}` alone; left as it is",
                rule.list.view.path(),
                rule.list.line(),
                rule.list.target(),
                alone.name
            ));
        }
    }
}

/// Returns the new weight of every backend of a rule: the canary's share, and of the rest each of the
/// others the part that it had of it.
fn weights<'r, 'a>(
    splitter: &Splitter,
    rule: &'r Rule<'a>,
    canary: usize,
    share: u32,
) -> Result<Vec<(&'r Backend<'a>, u32)>, Refusal> {
    // A backend that only rendering shows would have a weight too.
    let target = format!("{} of {}", rule.list.target(), rule.list.view.reference());
    check_written_out(&rule.list, &target)?;
    let rest = WHOLE.saturating_sub(share);
    let others = || {
        (0..)
            .zip(&rule.backends)
            .filter(|(index, _)| *index != canary)
    };
    let only_one = others().count() == 1;
    let mut sum = 0_u32;
    if !only_one {
        for (_, backend) in others() {
            sum = sum.saturating_add(backend.weight_or(splitter.missing)?);
        }
    }
    let mut weights = Vec::new();
    for (index, backend) in (0..).zip(&rule.backends) {
        let weight = if index == canary {
            share
        } else if only_one {
            rest
        } else {
            let old = backend.weight_or(splitter.missing)?;
            part(rest, old, sum).ok_or_else(|| uneven(rule, rest))?
        };
        weights.push((backend, weight));
    }
    Ok(weights)
}

/// Returns the whole number that is `of_sum` parts in `sum` of `whole`; none where there is none.
pub(in crate::manifest) fn part(whole: u32, of_sum: u32, sum: u32) -> Option<u32> {
    let product = u64::from(whole) * u64::from(of_sum);
    if product == 0 && (whole == 0 || sum > 0) {
        return Some(0);
    }
    let sum = u64::from(sum);
    if sum == 0 || product % sum != 0 {
        return None;
    }
    u32::try_from(product / sum).ok()
}

fn uneven(rule: &Rule<'_>, rest: u32) -> Refusal {
    rule.list
        .refusal(format!(
            "the other {} backends of `{}` in {} cannot share {rest} as they did before in whole \
             numbers; found {}",
            rule.backends.len().saturating_sub(1),
            rule.list.target(),
            rule.list.view.reference(),
            listed(std::slice::from_ref(rule))
        ))
        .hint("set the weight of each by its path, so that they add up to 100")
}

/// Returns the weight of the canary, and the sum of all.
fn weight_of(splitter: &Splitter, rule: &Rule<'_>, canary: usize) -> Result<(u32, u32), Refusal> {
    let mut sum = 0_u32;
    let mut own = 0;
    for (index, backend) in (0..).zip(&rule.backends) {
        let weight = backend.weight_or(splitter.missing)?;
        sum = sum.saturating_add(weight);
        if index == canary {
            own = weight;
        }
    }
    Ok((own, sum))
}

fn percent(splitter: &Splitter, rule: &Rule<'_>, canary: usize) -> Result<Weight, Refusal> {
    let (own, sum) = weight_of(splitter, rule, canary)?;
    let found = || listed(std::slice::from_ref(rule));
    let refuse = |reason: String| {
        rule.list
            .refusal(reason)
            .hint("set the weight once, then they add up to 100")
    };
    let list = format!(
        "the weights of `{}` in {}",
        rule.list.target(),
        rule.list.view.reference()
    );
    let weight = part(WHOLE, own, sum).filter(|_| sum > 0);
    weight
        .and_then(|weight| Weight::new(u64::from(weight)).ok())
        .ok_or_else(|| {
            refuse(format!(
                "{list} give the canary no whole percent; found {}",
                found()
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_are_whole_numbers_or_none() {
        let rows = [
            (75, 60, 90, Some(50)),
            (75, 30, 90, Some(25)),
            (75, 1, 2, None),
            (100, 1, 3, None),
            (0, 50, 90, Some(0)),
            (0, 0, 0, Some(0)),
            (50, 0, 10, Some(0)),
            (50, 0, 0, None),
            (100, 25, 100, Some(25)),
            (u32::MAX, u32::MAX, 1, None),
        ];
        for (whole, of_sum, sum, expected) in rows {
            assert_eq!(part(whole, of_sum, sum), expected, "{whole} {of_sum} {sum}");
        }
    }
}
