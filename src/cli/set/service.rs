//! A service of the configuration: its manifests, and where its values usually are.

use std::path::Path;

use clap::Args;

use super::{
    Wish,
    values::{ObjectArguments, Usual, ValueArguments},
};
use crate::{
    cli::{deploy::version, verify::ArmChoice},
    config::Traffic,
    event::{Ending, Failure},
    ops::load,
    rollout,
    units::Version,
};

/// Which service of a configuration.
#[derive(Debug, Args)]
#[command(next_help_heading = "A service of shipgate.yaml")]
pub struct ServiceArguments {
    /// A service of the configuration: its manifests, image, workloads and traffic object
    #[arg(long, value_name = "NAME", conflicts_with = "image")]
    service: Option<String>,
    /// Version for the service
    #[arg(long, value_parser = version, requires = "service", allow_hyphen_values = true)]
    version: Option<Version>,
    /// Workload of the service that the values are for [default: stable; a colour has to be named]
    #[arg(long, value_enum, requires = "service")]
    arm: Option<ArmChoice>,
    /// Environment of the configuration [default: the only one]
    #[arg(long, value_name = "NAME", requires = "service")]
    environment: Option<String>,
    /// Path of the configuration, counted from --root
    #[arg(
        long,
        value_name = "PATH",
        default_value = "shipgate.yaml",
        requires = "service"
    )]
    config: String,
}

impl ServiceArguments {
    /// Returns what is wanted of a service; none where no service is named.
    ///
    /// # Errors
    /// The configuration cannot be read, has no such service, or the service no canary.
    pub(super) fn wish(
        &self,
        values: &ValueArguments,
        objects: &ObjectArguments,
        root: &Path,
    ) -> Result<Option<Wish>, Failure> {
        let Some(name) = &self.service else {
            return Ok(None);
        };
        let subject = load::subject_on_disk(
            &root.join(&self.config),
            &self.config,
            Some(name),
            self.environment.as_deref(),
        )?;
        let service = &subject.service;
        let canary = service.strategy.canary();
        let name = &service.name;
        if canary.is_none() && values.has_weight() {
            let strategy = service.strategy.name();
            let reason = format!(
                "--weight: the service `{name}` has no canary; its strategy is `{strategy}`"
            );
            return Err(Failure::new(Ending::Usage, reason));
        }
        let traffic = canary.map(|canary| &canary.traffic);
        if traffic == Some(&Traffic::Replicas) && values.has_weight() {
            let reason =
                format!("--weight: the numbers of pods split the traffic of the service `{name}`");
            return Err(Failure::new(Ending::Usage, reason)
                .hint("set the number of the canary's pods: --arm canary --replicas 1"));
        }
        // Which colour serves is no reason to change it, nor is which one does not.
        if self.arm.is_none() && service.strategy.blue_green().is_some() {
            let reason = format!(
                "the service `{name}` has two colours: name one with --arm blue or --arm green"
            );
            return Err(Failure::new(Ending::Usage, reason));
        }
        let arm = self.arm.unwrap_or(ArmChoice::Stable);
        let workload = arm.workload(service)?;
        let mut edits = Vec::new();
        if let Some(version) = &self.version {
            edits.extend(rollout::version_edits(service, workload, version));
        }
        let usual = Usual {
            workload: Some(workload.clone()),
            traffic: traffic.and_then(|traffic| traffic.object().cloned()),
            canary: match traffic {
                Some(Traffic::Object { canary, .. }) => canary.clone(),
                Some(Traffic::Replicas) | None => None,
            },
        };
        edits.extend(values.edits(objects, &usual)?);
        Ok(Some(Wish {
            globs: service.globs(&subject.environment),
            edits,
        }))
    }
}
