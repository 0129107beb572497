//! Tells the controller of a push, so that it need not find it by itself. It never decides: what
//! fails is shown, and the wait goes on as it would without.

use std::time::Duration;

use futures_util::future::{join, join_all};

use super::{
    deploy::Outside,
    live::{Source, arms},
    load::Target,
    stop::Stop,
};
use crate::{
    config::Live,
    event::{Event, Reporter},
    probe::{live::argocd, webhook},
    secret::Secret,
};

/// How long telling may take. Argo CD answers once it has compared.
const LIMIT: Duration = Duration::from_secs(10);

/// Tells everyone that the configuration names, side by side, each once.
pub async fn after_push(
    target: &Target,
    outside: &Outside<'_>,
    stop: &Stop,
    reporter: &mut dyn Reporter,
) {
    let mut applications = Vec::new();
    let mut troubles = Vec::new();
    for (arm, live) in arms(target) {
        let Live::ArgoCd(live) = live else { continue };
        let source = Source {
            target,
            outside,
            arm,
        };
        match source.argocd(live) {
            Ok(found) if live.refresh && !applications.contains(&found) => applications.push(found),
            Ok(_) => {}
            Err(unusable) => troubles.push(("Argo CD", unusable.reason)),
        }
    }
    let (client, clock) = (outside.client, &*outside.clock);
    let refreshes = join_all(
        applications
            .iter()
            .map(|(endpoint, name)| argocd::refresh(client, clock, endpoint, name, LIMIT)),
    );
    let told = Box::pin(join(refreshes, receiver(target, outside)));
    // A wish to stop is heard by whoever waits next.
    if let Ok((refreshed, received)) = stop.clone().or(told).await {
        let refreshed = refreshed.into_iter().filter_map(Result::err);
        troubles.extend(refreshed.map(|reason| ("Argo CD", reason)));
        troubles.extend(received.err().map(|reason| ("Flux", reason)));
    }
    for (who, reason) in troubles {
        reporter.event(&Event::Warning(format!(
            "{who} was not told of the push and finds it by itself: {reason}"
        )));
    }
}

/// Posts to Flux's webhook receiver, if there is one
/// (<https://github.com/fluxcd/notification-controller/blob/main/docs/spec/v1/receivers.md>).
async fn receiver(target: &Target, outside: &Outside<'_>) -> Result<(), String> {
    let Some(flux) = &target.config.providers.flux else {
        return Ok(());
    };
    let Some(variable) = &flux.receiver_env else {
        return Ok(());
    };
    let find = |variable: &String| -> Result<Secret, String> {
        let found = (outside.secrets)(variable).filter(|secret| !secret.is_empty());
        found.ok_or_else(|| format!("the variable {variable} is not set"))
    };
    let address = find(variable)?;
    let key = flux.receiver_token_env.as_ref().map(find).transpose()?;
    let answer = webhook::post_signed(
        outside.client,
        &*outside.clock,
        &address,
        "{}".to_owned(),
        key.as_ref(),
        LIMIT,
    )
    .await?;
    if (200..300).contains(&answer.status) {
        Ok(())
    } else {
        Err(format!(
            "{} answered with status {}",
            answer.origin, answer.status
        ))
    }
}
