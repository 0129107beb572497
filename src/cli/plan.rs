//! `shipgate plan`: what `deploy` would do, and nothing of it done.

use std::time::Duration;

use clap::Args;

use super::{
    Session,
    audit::AuditArguments,
    authorship::AuthorshipArguments,
    circumstances::CircumstanceArguments,
    deploy::{self, CancelChoice, DeployArguments, GateArguments, duration, version},
    plan_files::PlanFileArguments,
    plan_traffic::TrafficPlanArguments,
    repository::RepositoryArguments,
    services::{PaceArguments, ServicesArguments},
    source::SourceArguments,
};
use crate::{
    event::{Failure, Outcome},
    units::Version,
};

/// Flags of `plan`: those of `deploy` that say what is deployed, and none that say what to wait for.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    repository: RepositoryArguments,
    /// Of which services.
    #[command(flatten)]
    services: ServicesArguments,
    /// As whom it would commit.
    #[command(flatten)]
    authorship: AuthorshipArguments,
    /// Version to plan for: an image tag that is a Kubernetes label value too
    #[arg(long, value_parser = version, allow_hyphen_values = true, required_unless_present_any = ["traffic_plan", "service", "service_list"])]
    version: Option<Version>,
    /// Where the gate looks and asks.
    #[command(flatten)]
    gate: GateArguments,
    /// What policies may ask besides.
    #[command(flatten)]
    circumstances: CircumstanceArguments,
    /// Limit of the whole run, such as 50m [default: the plan's own length with its waits, plus 10 %]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// What the version was built from.
    #[command(flatten)]
    source: SourceArguments,
    /// A rehearsal: what `deploy --drill` would do
    #[arg(long)]
    drill: bool,
    /// Ask nobody but the git server: no registry, no cluster, no metrics, no health check
    #[arg(long)]
    offline: bool,
    /// What the steps can see.
    #[command(flatten)]
    traffic: TrafficPlanArguments,
}

/// Runs `plan`.
///
/// # Errors
/// Configuration, refused edits, a provider or git server that does not answer: whatever would end
/// `deploy` before its first push; a traffic plan without traffic.
pub async fn run(arguments: PlanArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let traffic = &arguments.traffic;
    if traffic.traffic_plan {
        let plan = traffic.run(&arguments.repository, &arguments.gate, session);
        return Box::pin(plan).await;
    }
    let deploy = DeployArguments {
        repository: arguments.repository,
        authorship: arguments.authorship,
        services: arguments.services,
        plans: PlanFileArguments::default(),
        version: arguments.version,
        pace: PaceArguments::all(),
        gate: arguments.gate,
        circumstances: arguments.circumstances,
        wait_for_window: None,
        wait_for_run: None,
        dry_run: true,
        on_cancel: CancelChoice::Rollback,
        timeout: arguments.timeout,
        source: arguments.source,
        drill: arguments.drill,
        offline: arguments.offline,
        accept: false,
        audit: AuditArguments::default(),
    };
    let mut outcome = Box::pin(deploy::deploy(deploy, Vec::new(), None, session)).await?;
    arguments.traffic.add_to(&mut outcome, session)?;
    Ok(outcome)
}
