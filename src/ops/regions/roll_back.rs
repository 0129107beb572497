//! `rollback` of an environment with regions: what came last goes back wherever it is, the last region
//! first.

use super::{Asked, Group, Labelled, back, standing, summary};
use crate::{
    event::{Ending, Failure, Outcome, Reporter, ServiceEnd},
    ops::deploy::Outside,
    units::Version,
};

/// Goes back in every region that is meant, the last one first. A region that does not end well does not
/// keep the others. `to` is the version that was named; where none is, a region goes back whose last
/// version is the one that came last to any of all regions, and the others stay: what they would lose is
/// not what anybody asks about. `one` goes back in one region, which as an environment has this name.
///
/// # Errors
/// The git server does not answer: what the journals say is not known.
pub async fn roll_back(
    group: &Group,
    asked: &Asked,
    to: Option<&Version>,
    outside: &Outside<'_>,
    reporter: &mut dyn Reporter,
    one: impl AsyncFn(&str, &Outside<'_>, &mut dyn Reporter) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    let mut all = Vec::new();
    if to.is_none() {
        for region in &group.regions.names {
            let target = back::target(group, region, asked, outside).await?;
            all.push(back::told(region, outside, &target).await?);
        }
    }
    let bad = standing::last_brought(&all);
    let service = asked.service.clone().or(group.only_service.clone());
    let service = service.unwrap_or_default();
    let mut ends = Vec::with_capacity(group.picked.len());
    for region in group.picked.iter().rev() {
        let told = all.iter().find(|told| told.region == *region);
        let own = told.and_then(standing::Told::last_version);
        let outcome = match bad {
            Some(bad) if own != Some(bad) => stays(bad, own),
            _ => {
                let mut labelled = Labelled::new(region, &mut *reporter);
                let environment = group.environment_of(region);
                let went = one(&environment, outside, &mut labelled);
                Box::pin(went).await.unwrap_or_else(Outcome::from)
            }
        };
        ends.push(ServiceEnd {
            service: service.clone(),
            region: Some(region.clone()),
            version: None,
            outcome: Box::new(outcome),
        });
    }
    ends.reverse();
    Ok(summary::carried_out(group, ends))
}

/// The end of a region that the version did not come to last.
fn stays(bad: &Version, own: Option<&Version>) -> Outcome {
    let reason = match own {
        Some(own) => format!("it stays: its last deployment is {own}, not {bad}"),
        None => format!("it stays: no deployment is known there, and {bad} is what goes back"),
    };
    Outcome::new(Ending::NoChange, reason)
}
