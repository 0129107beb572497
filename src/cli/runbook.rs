//! `shipgate runbook`: the way back of every service on paper, for when nothing else works.

use std::path::PathBuf;

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{Session, repository::name};
use crate::{
    event::{Ending, Failure, Outcome},
    ops::{
        load,
        runbook::{self, Chapters},
    },
    report::Place,
};

/// Flags of `runbook`.
#[derive(Debug, Args)]
pub struct RunbookArguments {
    /// The configuration, from here; the runbook names it so as well
    #[arg(long, value_name = "PATH", default_value = "shipgate.yaml", value_parser = NonEmptyStringValueParser::new())]
    pub config: String,
    /// Services, `a,b` or the flag again [default: all]
    #[arg(long, value_delimiter = ',', value_parser = name)]
    pub service: Vec<String>,
    /// Environment [default: all]
    #[arg(long, value_parser = name)]
    pub environment: Option<String>,
    /// Address of the GitOps repository, for the commands to copy
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub repository: Option<String>,
    /// File to write, such as ROLLBACK.md [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs `runbook`.
///
/// # Errors
/// The configuration cannot be read, or does not know a service or the environment; the file cannot be
/// written.
pub fn run(arguments: &RunbookArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let path = &arguments.config;
    let config = load::config_on_disk(path.as_ref(), path)?;
    let environments = load::picked(
        "environment",
        arguments.environment.as_slice(),
        &config.environments,
        path,
    )?;
    let services = load::picked("service", &arguments.service, &config.services, path)?;
    let text = runbook::markdown(
        &config,
        &Chapters {
            environments,
            services: services.into_iter().map(|(_, service)| service).collect(),
            repository: arguments.repository.as_deref(),
            config_path: path,
        },
    );
    let Some(file) = &arguments.out else {
        session.context.print(&text);
        return Ok(Outcome::new(Ending::Shown, ""));
    };
    let written = Place::new("--out", session.context.folder.join(file)).replace(text.as_bytes());
    written.map_err(|error| {
        let reason = format!("the runbook cannot be written: {error}");
        Failure::new(Ending::Usage, reason).hint("name a file that you may write")
    })?;
    Ok(Outcome::new(
        Ending::Shown,
        format!("the runbook is in {}", file.display()),
    ))
}
