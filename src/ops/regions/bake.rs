//! The bake time of a region: what has gone to everyone there is watched for a while before the version
//! goes to the next one.

use crate::{
    config::OnFailure,
    event::{Ending, Event, Failure, Outcome, Reporter},
    ops::{
        deploy::{self, DeployRequest, Outside, Watched, Watching},
        gate::Question,
        journal::Record,
        load::{self, Target},
        programs,
        stop::Stop,
    },
    rollout::Arm,
    units::format_duration,
};

use super::{
    back::{self, Asked, Back},
    group::Group,
    standing::{Told, owes_bake},
};

/// The reason code of a region whose bake time has not shown whether the version is good.
const NOT_BAKED: &str = "bake-time";

/// How a bake time ended.
pub(super) enum Baked {
    /// The version may go on.
    Good,
    /// It may not; the region's end.
    Bad(Box<Outcome>),
}

/// Watches a region until its bake time is over, where that is not so already. A version that is bad
/// then is taken back there, unless the service says otherwise.
///
/// # Errors
/// The git server does not answer; the verification cannot be carried out at all.
pub(super) async fn bake(
    group: &Group,
    (region, next): (&str, &str),
    (request, asked): (&DeployRequest, &Asked),
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Result<Baked, Failure> {
    let length = group.regions.bake_time;
    if length.is_zero() {
        return Ok(Baked::Good);
    }
    let mut target = back::target(group, region, asked, outside).await?;
    let told = back::told(region, outside, &target).await?;
    let beyond = back::target(group, next, asked, outside).await?;
    let beyond = back::told(next, outside, &beyond).await?;
    let Some(record) = owes_bake(&told, &beyond, &request.version) else {
        return Ok(Baked::Good);
    };
    programs::allow(&Question::from(request), outside, &mut target).await?;
    let until = outside.clock.now() + length;
    reporter.event(&Event::Note(format!(
        "bake time of {region}: {} {} is watched for {} (until {}) before it goes to {next}",
        target.service.name,
        request.version,
        format_duration(length),
        until.format("%H:%M:%S UTC")
    )));
    let watched = watch(group, record, &told, &target, outside, stop, reporter).await?;
    let what = format!(
        "{} {} in {}",
        target.service.name, request.version, target.environment_name
    );
    // Whoever has brought another version meanwhile was watched as well.
    let is_still_there = back::told(region, outside, &target)
        .await?
        .end()
        .is_some_and(|end| end.id == record.id);
    if !is_still_there {
        let reason = format!("{what}: somebody else has begun a run there in its bake time");
        return Ok(bad(Outcome::new(Ending::Superseded, reason)));
    }
    let held = |reason: &str| {
        let text = format!(
            "{what} is live for everyone, and its bake time did not show that it is good: {reason}"
        );
        let mut outcome = Outcome::new(Ending::Held, text)
            .with_hint("to watch it once more and to go on: run the same deploy again")
            .with_hint("to go on all the same: name the regions behind it with --region")
            .with_hint(format!("to take it back: {}", target.command("rollback")));
        NOT_BAKED.clone_into(&mut outcome.reason_code);
        outcome
    };
    Ok(match watched {
        Watched::Good(detail) => {
            reporter.event(&Event::Note(format!("bake time of {region}: {detail}")));
            Baked::Good
        }
        Watched::Worse(reason) if target.service.on_failure != OnFailure::Rollback => {
            let word = target.service.on_failure.word();
            bad(held(&format!(
                "`on_failure: {word}` does not take it back: {reason}"
            )))
        }
        Watched::Worse(reason) | Watched::Unwanted(reason) => {
            let why = format!("in its bake time: {reason}");
            let back = Back {
                group,
                asked,
                outside,
                stop,
            };
            bad(back.take_back(&target, record, &why, reporter).await)
        }
        Watched::Undecided(reason) => bad(held(&reason)),
        Watched::Stopped(reason) => bad(Outcome::new(
            Ending::CancelledLeft,
            format!(
                "{} in the bake time of {region}; {what} is live and verified, and stays",
                reason.sentence()
            ),
        )
        .with_hint("to go on: run the same deploy again; it repeats the bake time")),
    })
}

fn bad(outcome: Outcome) -> Baked {
    Baked::Bad(Box::new(outcome))
}

async fn watch(
    group: &Group,
    record: &Record,
    told: &Told,
    target: &Target,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Result<Watched, Failure> {
    let manifests = load::manifests(outside.repository, &target.tip, target).await?;
    let (roles, _) = deploy::roles(target, &manifests)?;
    let own = told.records.iter().filter(|it| it.run == record.run);
    // What was measured before the run began is of the old version.
    let began = own.map(|it| it.at).min().unwrap_or(record.at);
    let version = record.version.as_ref().map_or("", |it| it.as_str());
    let watching = Watching {
        target,
        roles: &roles,
        verification: &target.service.verification,
        arm: Arm::Stable,
        version,
        previous: record.previous_version.as_deref().unwrap_or_default(),
        changed_at: began,
        began: None,
        promote_early: false,
        weight: None,
        duration: group.regions.bake_time,
        limit: group.regions.bake_time + target.service.on_unavailable_after,
    };
    let mut metrics = Vec::new();
    deploy::watch(&watching, outside, stop, reporter, &mut metrics).await
}
