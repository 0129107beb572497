//! Past deployments of a service, from its journal.

use super::{
    deploy::{Outside, read_journal},
    journal::Record,
    load::Target,
};
use crate::event::{Deployment, Ending, Failure, Outcome};

/// Lists the runs of one service in one environment, newest first, `limit` at most.
///
/// # Errors
/// The git server does not answer or refuses.
pub async fn history(
    outside: &Outside<'_>,
    target: &Target,
    limit: usize,
) -> Result<Outcome, Failure> {
    let (_, records) = read_journal(outside.repository, target).await?;
    let mut deployments: Vec<Deployment> = Vec::new();
    // Newest first: the first record of a run says how it ended, the last one how it began.
    for record in &records {
        match deployments.iter_mut().find(|known| known.run == record.run) {
            Some(known) => known.started_at = Some(record.at),
            None => deployments.push(ended(record, target)),
        }
    }
    deployments.truncate(limit);
    let count = deployments.len();
    let mut outcome = Outcome::new(
        Ending::Shown,
        format!(
            "{count} {} of {} in {}",
            if count == 1 {
                "deployment"
            } else {
                "deployments"
            },
            target.service.name,
            target.environment_name
        ),
    );
    outcome.history = deployments;
    Ok(outcome)
}

fn ended(record: &Record, target: &Target) -> Deployment {
    Deployment {
        run: record.run.clone(),
        service: target.service.name.clone(),
        environment: target.environment_name.clone(),
        version: record.version.clone(),
        previous_version: record.previous_version.clone(),
        strategy: record.strategy.clone(),
        state: record.state.word().to_owned(),
        weight: record.weight,
        started_at: Some(record.at),
        finished_at: record.state.is_final().then_some(record.at),
        actor: record.actor.clone(),
        ..Deployment::default()
    }
}
