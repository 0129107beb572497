//! What comes before the first push of a run that an override let through: it is written down and
//! announced, or nothing is pushed. (Who else is told of it, side by side, is `notifications`'.)

use super::{
    asker::Asker, deploy::Outside, gate::Permit, load::Target, stop::Stop, stopped_before_change,
};
use crate::{
    audit::Record,
    event::{Ending, Event, Failure, OverrideUse, Reporter},
    notify::slack,
    policy::{Action, Overridden},
};

/// What is about to be pushed.
pub struct Push<'a> {
    /// What is done.
    pub action: Action,
    /// Which service where.
    pub target: &'a Target,
    /// The version, or a word for it where it has not one name.
    pub version: &'a str,
    /// Who asked, and where it is written down.
    pub asker: &'a Asker,
}

/// Writes down and announces the override that the permit rests on, if it rests on one.
///
/// # Errors
/// [`Ending::OverrideRefused`]: the audit file cannot be written, or the policy wants it announced
/// and it cannot be. Somebody asked to stop meanwhile.
pub async fn before_push(
    push: &Push<'_>,
    permit: &Permit,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Result<(), Failure> {
    match stop.or(announce(push, permit, outside, reporter)).await {
        Ok(announced) => announced,
        Err(reason) => Err(stopped_before_change(reason)),
    }
}

async fn announce(
    push: &Push<'_>,
    permit: &Permit,
    outside: &Outside<'_>,
    reporter: &mut dyn Reporter,
) -> Result<(), Failure> {
    let Some(overridden) = &permit.verdict().overridden else {
        return Ok(());
    };
    let used = override_use(push, permit, overridden, outside);
    let refused = |why: String| {
        let mut failure = Failure::new(
            Ending::OverrideRefused,
            format!(
                "the override for {} {why}; nothing was pushed",
                overridden.ticket
            ),
        );
        failure.0.verdict = Some(permit.verdict().clone());
        failure
    };
    if let Some(audit) = &push.asker.audit {
        audit
            .append(&Record::of_override(&used))
            .map_err(|problem| refused(format!("was not written down: {problem}")))?;
    }
    let used = Box::new(used);
    let Some(variable) = permit.announced_at() else {
        reporter.event(&Event::OverrideUsed(used));
        return Ok(());
    };
    let webhook = (outside.secrets)(variable).ok_or_else(|| {
        refused(format!(
            "was not announced: the policy wants it in Slack, and {variable} is not set"
        ))
        .hint(format!(
            "set {variable} to the address of the Slack webhook"
        ))
    })?;
    let message = slack::override_message(&used);
    slack::send(outside.client, &*outside.clock, &webhook, &message)
        .await
        .map_err(|problem| {
            refused(format!("was not announced in Slack: {problem}"))
                .hint("run the same command again when Slack takes messages")
        })?;
    reporter.event(&Event::Note(format!(
        "the override for {} was announced in Slack",
        overridden.ticket
    )));
    reporter.event(&Event::OverrideUsed(used));
    Ok(())
}

/// Says in a dry run what would come before the first push.
pub fn foretell(permit: &Permit, outside: &Outside<'_>, reporter: &mut dyn Reporter) {
    if permit.verdict().overridden.is_none() {
        return;
    }
    let Some(variable) = permit.announced_at() else {
        return;
    };
    if (outside.secrets)(variable).is_some() {
        reporter.event(&Event::Note(
            "the override would be announced in Slack before anything is pushed".to_owned(),
        ));
    } else {
        reporter.event(&Event::Warning(format!(
            "the override would have to be announced in Slack before anything is pushed, and \
             {variable} is not set here"
        )));
    }
}

fn override_use(
    push: &Push<'_>,
    permit: &Permit,
    overridden: &Overridden,
    outside: &Outside<'_>,
) -> OverrideUse {
    let Overridden {
        ids,
        ticket,
        approvers,
        reason,
        rules,
        expires,
    } = overridden.clone();
    let Asker {
        actor, pipeline, ..
    } = push.asker;
    OverrideUse {
        at: outside.clock.now(),
        action: push.action.word().to_owned(),
        service: push.target.service.name.clone(),
        version: push.version.to_owned(),
        environment: push.target.environment_name.clone(),
        ids,
        rules,
        ticket,
        reason,
        approvers: approvers.iter().map(ToString::to_string).collect(),
        until: expires,
        actor: actor.clone(),
        pipeline: pipeline.clone(),
        policy: permit.policy(),
    }
}
