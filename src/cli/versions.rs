//! Sees that a version that queries ask for was named by its flag.

use crate::{
    config::{
        query::{Template, Variables},
        verification::Metric,
    },
    event::{Ending, Failure},
};

/// Sees that `queries` of `metric` can do without the version where `variables` know none.
///
/// # Errors
/// [`Ending::Usage`]: one of them asks for `{{version}}`; `flag` is to be given.
pub(super) fn is_named<'a>(
    metric: &Metric,
    queries: impl IntoIterator<Item = (&'a str, &'a Template)>,
    variables: &Variables,
    flag: &str,
) -> Result<(), Failure> {
    if variables.version.is_some() {
        return Ok(());
    }
    let with_any = Variables {
        version: Some("1".to_owned()),
        ..variables.clone()
    };
    let unnamed = queries.into_iter().find_map(|(key, query)| {
        let reason = query.render(variables).err()?;
        query.render(&with_any).ok().map(|_| (key, reason))
    });
    match unnamed {
        None => Ok(()),
        Some((key, reason)) => {
            let reason = format!("`{key}` of `{}` {reason}", metric.name);
            Err(Failure::new(Ending::Usage, reason).hint(format!("give {flag} VERSION")))
        }
    }
}
