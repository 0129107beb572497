//! A service of the configuration: its manifests, and where its values usually are.

use std::path::Path;

use clap::Args;

use super::{
    Wish,
    values::{ObjectArguments, Usual, ValueArguments},
};
use crate::{
    cli::{deploy::version, verify::ArmChoice},
    event::{Ending, Failure},
    ops::load,
    rollout::{self, Roles},
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
    /// Workload of the service that the values are for
    #[arg(long, value_enum, default_value_t = ArmChoice::Stable, requires = "service")]
    arm: ArmChoice,
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
        let no_canary = |flag: &str| {
            let name = &service.name;
            let strategy = service.strategy.name();
            let reason =
                format!("{flag}: the service `{name}` has no canary; its strategy is `{strategy}`");
            Failure::new(Ending::Usage, reason)
        };
        if canary.is_none() && values.has_weight() {
            return Err(no_canary("--weight"));
        }
        let roles = Roles::of(&service.strategy);
        let workload = match (self.arm, canary) {
            (ArmChoice::Stable, _) => &roles.stable,
            (ArmChoice::Canary, Some(canary)) => &canary.canary.object,
            (ArmChoice::Canary, None) => return Err(no_canary("--arm canary")),
        };
        let mut edits = Vec::new();
        if let Some(version) = &self.version {
            edits.extend(rollout::version_edits(service, workload, version));
        }
        let usual = Usual {
            workload: Some(workload.clone()),
            traffic: canary.map(|canary| canary.traffic.object.clone()),
        };
        edits.extend(values.edits(objects, &usual)?);
        Ok(Some(Wish {
            globs: service.globs(&subject.environment),
            edits,
        }))
    }
}
