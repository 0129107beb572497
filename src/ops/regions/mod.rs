//! A version that goes to the regions of an environment one after the other: each is a run of its own,
//! with a bake time behind it; one that fails stops the rest.

mod back;
mod bake;
pub mod group;
mod roll_back;
mod standing;
mod summary;

use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter, ServiceEnd},
    ops::{
        command::{About, Flags},
        deploy::{self, DeployRequest, Outside},
        fleet::{is_well, word},
        load::{ConfigSource, Target},
        stop::Stop,
    },
};

use back::Back;
use bake::Baked;

pub use back::Asked;
pub use group::Group;
pub use roll_back::roll_back;

/// Deploys to the regions that are meant, in their order. What a region has already is not done again;
/// its bake time is repeated where it was not over.
///
/// # Errors
/// A drill: that is for one region.
pub async fn deploy(
    group: &Group,
    request: &DeployRequest,
    outside: &Outside<'_>,
    mut stop: Stop,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let regions = &group.picked;
    if request.drill {
        let reason = "a drill is for one region at a time";
        return Err(Failure::new(Ending::Usage, reason).hint(format!(
            "name one with --region ({})",
            group.regions.names.join(", ")
        )));
    }
    let asked = Asked::from(request);
    let mut ends: Vec<Outcome> = Vec::with_capacity(regions.len());
    let mut failed: Option<(&str, String)> = None;
    for (index, region) in regions.iter().enumerate() {
        let own = DeployRequest {
            environment: Some(group.environment_of(region)),
            regions: Some(regions.join(" ")),
            ..request.clone()
        };
        let mut labelled = Labelled::new(region, &mut *reporter);
        let run = deploy::deploy(&own, outside, stop.clone(), &mut labelled);
        let mut end = Box::pin(run).await.unwrap_or_else(Outcome::from);
        if is_well(&end)
            && !request.dry_run
            && let Some(next) = regions.get(index + 1)
        {
            let baked = bake::bake(
                group,
                (region, next),
                (&own, &asked),
                outside,
                &mut stop,
                &mut labelled,
            );
            match Box::pin(baked).await {
                Ok(Baked::Good) => {}
                Ok(Baked::Bad(outcome)) => end = *outcome,
                Err(failure) => end = not_baked(region, failure),
            }
        }
        let ended = (!is_well(&end) && !request.dry_run).then(|| word(&end));
        ends.push(end);
        if let Some(ended) = ended {
            failed = Some((region.as_str(), ended));
            break;
        }
    }
    let back = match &failed {
        None => Ok(Vec::new()),
        Some(_) => {
            let back = Back {
                group,
                asked: &asked,
                outside,
                stop: &stop,
            };
            Box::pin(back.others(Some(&request.version), reporter)).await
        }
    };
    let unknown = match back {
        Ok(taken_back) => {
            for (region, end) in taken_back {
                let index = regions.iter().position(|it| *it == region);
                match index.and_then(|index| ends.get_mut(index)) {
                    Some(known) => *known = end,
                    // Not one of those that were named, and it had the version from an earlier try.
                    None => reporter.event(&Event::Note(format!("{region}: {}", end.reason))),
                }
            }
            None
        }
        Err(failure) => Some(failure),
    };
    let service = request.service.clone().or(group.only_service.clone());
    let service = service.unwrap_or_default();
    let left = regions.iter().skip(ends.len());
    let left: Vec<Outcome> = left
        .map(|region| summary::not_begun(region, failed.as_ref()))
        .collect();
    let ends = regions.iter().zip(ends.into_iter().chain(left));
    let ends: Vec<ServiceEnd> = ends
        .map(|(region, outcome)| ServiceEnd {
            service: service.clone(),
            region: Some(region.clone()),
            version: None,
            outcome: Box::new(outcome),
        })
        .collect();
    let mut outcome = match &failed {
        Some((region, _)) => summary::stopped(ends, region),
        None if request.dry_run => summary::planned(group, ends),
        None => summary::done(group, &request.version, ends),
    };
    if let Some(failure) = unknown {
        let source = ConfigSource {
            branch: request.branch.as_deref(),
            path: &request.config,
        };
        let service = request.service.as_ref().or(group.only_service.as_ref());
        let about = About {
            flags: &Flags::to(outside.repository, &source),
            service: service.map_or("NAME", String::as_str),
            environment: &group.environment,
        };
        summary::others_unknown(&mut outcome, &failure, about);
    }
    Ok(outcome)
}

/// Asks about each region that is meant, and makes one verdict of the answers. `one` asks about one of
/// them, which as an environment has this name.
pub async fn check(
    group: &Group,
    service: &str,
    mut one: impl AsyncFnMut(&str) -> Result<Outcome, Failure>,
) -> Outcome {
    let mut ends = Vec::with_capacity(group.picked.len());
    for region in &group.picked {
        let end = one(region).await;
        ends.push(ServiceEnd {
            service: service.to_owned(),
            region: Some(region.clone()),
            version: None,
            outcome: Box::new(end.unwrap_or_else(Outcome::from)),
        });
    }
    summary::checked(group, ends)
}

/// Whether `recover` takes a version back in the regions before the one where it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Wherever the journals say that it has to go.
    All,
    /// Only where this recovery itself has taken something back.
    OfWhatIsTakenBack,
    /// Nowhere: nothing is changed.
    Nothing,
}

/// Recovers in every region, the last one first, and takes back in the others what failed in one of
/// them where the policy says so. `one` recovers one region.
///
/// # Errors
/// The git server does not answer.
pub async fn recover(
    group: &Group,
    asked: &Asked,
    others: Others,
    outside: &Outside<'_>,
    stop: Stop,
    reporter: &mut dyn Reporter,
    one: impl AsyncFn(&Target, &Outside<'_>, &mut dyn Reporter) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    let mut ends: Vec<(String, Outcome)> = Vec::new();
    let service = asked.service.clone().or(group.only_service.clone());
    let service = service.unwrap_or_default();
    for region in group.picked.iter().rev() {
        let mut labelled = Labelled::new(region, &mut *reporter);
        let end = match back::target(group, region, asked, outside).await {
            Ok(target) => Box::pin(one(&target, outside, &mut labelled)).await,
            Err(failure) => Err(failure),
        };
        ends.push((region.clone(), end.unwrap_or_else(Outcome::from)));
    }
    let has_taken_back = ends.iter().any(|(_, end)| end.ending == Ending::TakenBack);
    if others == Others::All || others == Others::OfWhatIsTakenBack && has_taken_back {
        let back = Back {
            group,
            asked,
            outside,
            stop: &stop,
        };
        for (region, mut end) in Box::pin(back.others(None, reporter)).await? {
            // It was asked for, so that it is done is no failure.
            if end.ending == Ending::RolledBack {
                end.end_as(Ending::TakenBack);
            }
            match ends.iter_mut().find(|(name, _)| *name == region) {
                Some((_, known)) => *known = end,
                None => ends.push((region, end)),
            }
        }
    }
    ends.reverse();
    let ends = ends.into_iter().map(|(region, outcome)| ServiceEnd {
        service: service.clone(),
        region: Some(region),
        version: None,
        outcome: Box::new(outcome),
    });
    Ok(summary::carried_out(group, ends.collect()))
}

/// What one of several regions tells.
struct Labelled<'a> {
    region: String,
    reporter: &'a mut dyn Reporter,
}

impl<'a> Labelled<'a> {
    fn new(region: &str, reporter: &'a mut dyn Reporter) -> Self {
        Self {
            region: region.to_owned(),
            reporter,
        }
    }
}

impl Reporter for Labelled<'_> {
    fn event(&mut self, event: &Event) {
        self.reporter.event(&Event::Of {
            service: self.region.clone(),
            event: Box::new(event.clone()),
        });
    }

    /// One region's end is not the end of all.
    fn finish(&mut self, _outcome: &Outcome) {}
}

/// The version is good there as far as it was watched; whether it may go on is not known.
fn not_baked(region: &str, failure: Failure) -> Outcome {
    let mut outcome = Outcome::from(failure);
    outcome.reason = format!(
        "the bake time of {region} could not be carried out: {}",
        outcome.reason
    );
    outcome
        .hints
        .push("to watch it once more and to go on: run the same deploy again".to_owned());
    outcome
}
