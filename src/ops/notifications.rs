//! Tells those whom the configuration names what happens to a run, side by side with it. It never
//! decides: what fails is shown. (What has to be told before a push is `announce`'s.)

use std::time::Duration;

use super::{asker::Asker, deploy::Outside, load::Target, stop::Stop};
use crate::{
    config::Config,
    event::{Event, Failure, Outcome, Reporter},
    notify::{About, Channel, Notifier},
    policy::{Lint, Severity},
};

/// How long the end of a run may wait until it is told.
const AFTER_A_RUN: Duration = Duration::from_secs(10);
/// The same for a run that was asked to stop: whoever asked does not wait for long.
const AFTER_A_STOP: Duration = Duration::from_secs(2);

/// Stands in front of a reporter and tells nobody yet.
pub fn listen<'a>(outside: &Outside<'_>, reporter: &'a mut dyn Reporter) -> Notifier<'a> {
    Notifier::new(reporter, outside.client.clone(), outside.clock.clone())
}

/// Tells from now on what happens to a service, where the configuration says so.
pub fn begin(
    notifier: &mut Notifier<'_>,
    outside: &Outside<'_>,
    target: &Target,
    version: Option<&str>,
    asker: (Option<&str>, Option<&str>),
) {
    let (service, environment) = target.place();
    let mut channels = Vec::new();
    for (name, notification) in &target.config.notifications {
        let whole = target.environment.whole(environment);
        if !notification.covers(service, environment, whole) {
            continue;
        }
        match Channel::open(name, notification, outside.secrets) {
            Ok(channel) => channels.push(channel),
            Err(reason) => notifier.event(&Event::Warning(format!(
                "`{name}` ({}) is told of nothing: {reason}",
                notification.taker.name()
            ))),
        }
    }
    let (actor, pipeline) = asker;
    let about = About {
        service: service.to_owned(),
        environment: environment.to_owned(),
        version: version.map(str::to_owned),
        actor: actor.map(str::to_owned),
        pipeline: pipeline.map(str::to_owned),
    };
    notifier.tell(about, channels);
}

/// Tells how a run has ended, and waits for that within bounds that nobody minds.
pub async fn end(mut notifier: Notifier<'_>, ended: &Result<Outcome, Failure>, mut stop: Stop) {
    if !notifier.is_heard() {
        return;
    }
    notifier.end(match ended {
        Ok(outcome) => outcome,
        Err(failure) => &failure.0,
    });
    if stop.requested().is_some() {
        notifier.wait(AFTER_A_STOP).await;
        return notifier.close(AFTER_A_STOP);
    }
    // A wish to stop now is one to wait no longer.
    let _ = stop.or(notifier.wait(AFTER_A_RUN)).await;
    notifier.close(AFTER_A_RUN);
}

/// Returns who asks, and from which pipeline.
pub fn who(asker: &Asker) -> (Option<&str>, Option<&str>) {
    (asker.actor.as_deref(), asker.pipeline.as_deref())
}

/// Finds the variables that nobody has set here. Where deployments run they may be, so this is odd at
/// most.
pub fn lints(config: &Config, is_set: &dyn Fn(&str) -> bool) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (name, notification) in &config.notifications {
        for (key, variable) in notification.taker.variables() {
            if is_set(variable) {
                continue;
            }
            let pointer = format!("/notifications/{name}/{key}");
            let taker = notification.taker.name();
            lints.push(Lint {
                position: config.position(&pointer),
                severity: Severity::Warning,
                code: "variable-not-set",
                message: format!(
                    "the variable {variable} is not set here; without it `{name}` ({taker}) is told of nothing"
                ),
            });
        }
    }
    lints
}
