//! Finds what a flag names in the configuration; what is not there is refused with what is.

use std::collections::BTreeMap;

use crate::{
    config::{Config, Environment},
    event::{Ending, Failure, UNKNOWN_NAME},
    ops::regions::group,
};

/// The reason code of an environment with regions, where one of them has to be named.
pub const HAS_REGIONS: &str = "has-regions";

/// Finds an environment. One with regions is none: each of its regions is.
pub(super) fn pick_environment<'a>(
    wanted: Option<&str>,
    config: &'a Config,
    path: &str,
) -> Result<(String, &'a Environment), Failure> {
    if let Some((name, regions)) = group::regions_of(wanted, config) {
        let reason = format!(
            "{path}: `{name}` has regions: name one with --region ({})",
            regions.names.join(", ")
        );
        let mut failure = Failure::new(Ending::Usage, reason);
        HAS_REGIONS.clone_into(&mut failure.0.reason_code);
        return Err(failure);
    }
    // A region that is not known is part of the name of an environment that is not known.
    let region = config.regions.iter().find_map(|(name, regions)| {
        let region = wanted?.strip_prefix(name.as_str())?.strip_prefix('-')?;
        let is_known = config.environments.contains_key(wanted?);
        (!is_known).then_some((region, &regions.names))
    });
    match region {
        Some((region, known)) => Err(unknown("region", region, known, path)),
        None => pick("environment", wanted, &config.environments, path),
    }
}

/// Finds those that are named, in that order; all of them where none is.
///
/// # Errors
/// [`Ending::ConfigInvalid`]: the configuration does not know one.
pub fn picked<'a, T>(
    what: &str,
    wanted: &[String],
    known: &'a BTreeMap<String, T>,
    path: &str,
) -> Result<Vec<(&'a str, &'a T)>, Failure> {
    if wanted.is_empty() {
        return Ok(known
            .iter()
            .map(|(name, found)| (name.as_str(), found))
            .collect());
    }
    let mut found = Vec::with_capacity(wanted.len());
    for name in wanted {
        let one = known
            .get_key_value(name)
            .ok_or_else(|| unknown(what, name, &names(known), path))?;
        found.push((one.0.as_str(), one.1));
    }
    Ok(found)
}

pub(in crate::ops) fn pick<'a, T>(
    what: &str,
    wanted: Option<&str>,
    known: &'a BTreeMap<String, T>,
    path: &str,
) -> Result<(String, &'a T), Failure> {
    match wanted {
        Some(name) => known
            .get(name)
            .map(|found| (name.to_owned(), found))
            .ok_or_else(|| unknown(what, name, &names(known), path)),
        None => match known.iter().next() {
            Some((name, found)) if known.len() == 1 => Ok((name.clone(), found)),
            _ => Err(Failure::new(
                Ending::Usage,
                format!(
                    "{path} has several: name one with --{what} ({})",
                    known.keys().cloned().collect::<Vec<_>>().join(", ")
                ),
            )),
        },
    }
}

/// A flag names what the configuration at `path` does not have. Exit code 3 stands for it, and there is
/// nothing to mend in the file: what may be given instead is the next step.
pub(in crate::ops) fn unknown(what: &str, name: &str, known: &[String], path: &str) -> Failure {
    let message = crate::yaml::typed::unknown(what, name, known);
    let mut failure = Failure::new(Ending::ConfigInvalid, format!("{path}: {message}"));
    UNKNOWN_NAME.clone_into(&mut failure.0.reason_code);
    if known.is_empty() {
        return failure.hint(format!("{path} has none; look at --config and --branch"));
    }
    failure.hint(format!("--{what} takes one of: {}", listed(known)))
}

pub(super) fn names<T>(known: &BTreeMap<String, T>) -> Vec<String> {
    known.keys().cloned().collect()
}

/// More names than this are counted, not listed.
const LISTED_NAMES: usize = 20;

pub(super) fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED_NAMES).cloned();
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
