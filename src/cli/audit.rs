//! The audit file of a command that changes something: opened before anything else, and how the run
//! ended is its last line.

use std::path::PathBuf;

use clap::Args;

use super::{Session, pipeline, repository::RepositoryArguments};
use crate::{
    audit::{AuditFile, Record, Run},
    event::{Ending, Event, Failure, Outcome, Reporter},
};

/// Where overrides and outcomes are written down.
#[derive(Debug, Clone, Default, Args)]
pub struct AuditArguments {
    /// File to which a JSON line is appended for every override, before it is used, and for how the
    /// run ended [default: SHIPGATE_AUDIT_FILE, else none]
    #[arg(long, value_name = "FILE")]
    pub audit_file: Option<PathBuf>,
}

impl AuditArguments {
    /// Opens the file, if there is to be one. A dry run writes nothing.
    ///
    /// # Errors
    /// [`Ending::Usage`]: it cannot be appended to.
    pub fn open(&self, session: &Session, dry_run: bool) -> Result<Option<AuditFile>, Failure> {
        let context = &session.context;
        let named = || context.variable("SHIPGATE_AUDIT_FILE").map(PathBuf::from);
        match self.audit_file.clone().or_else(named) {
            Some(path) if !dry_run => AuditFile::open(context.folder.join(path))
                .map(Some)
                .map_err(|problem| {
                    Failure::new(Ending::Usage, format!("--audit-file: {problem}"))
                        .hint("name a file that this run may append to; nothing was changed")
                }),
            _ => Ok(None),
        }
    }
}

/// Writes down how a run ended. That it cannot be written is said and changes nothing any more: the
/// exit code tells what became of the branch.
///
/// # Errors
/// The run's own.
pub fn finish(
    ended: Result<Outcome, Failure>,
    audit: Option<&AuditFile>,
    run: Run,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let Some(audit) = audit else {
        return ended;
    };
    let outcome = match &ended {
        Ok(outcome) => outcome,
        Err(failure) => &failure.0,
    };
    let now = session.context.clock.now();
    let records = if outcome.services.is_empty() {
        vec![Record::of_outcome(&run, outcome, now)]
    } else {
        let each = outcome.services.iter().map(|end| {
            let run = Run {
                service: Some(end.service.clone()),
                ..run.clone()
            };
            Record::of_outcome(&run, &end.outcome, now)
        });
        each.collect()
    };
    if let Some(problem) = records.iter().find_map(|it| audit.append(it).err()) {
        session.event(&Event::Warning(format!(
            "how the run ended is not in the audit file: {problem}"
        )));
    }
    ended
}

/// Says what is run, by whom.
pub fn run(session: &Session, repository: &RepositoryArguments, version: Option<String>) -> Run {
    Run {
        command: session.command.to_owned(),
        actor: pipeline::actor(&session.context),
        pipeline: pipeline::run_url(&session.context),
        service: Some(repository.service.join(",")).filter(|names| !names.is_empty()),
        environment: repository.environment().ok().flatten(),
        version,
    }
}
