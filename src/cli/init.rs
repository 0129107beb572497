//! `shipgate init`: a first configuration, policy and pipeline file for a repository that has none.

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use super::{Session, repository::name, session::OutputFormat};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    ops::init::{self, Pipeline, Wishes},
    policy::zone::Zone,
};

/// Flags of `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Name of the environment: of the only one, or which one of several is written [default: as its folder says, else
    /// production; all]
    #[arg(long, value_parser = name)]
    environment: Option<String>,
    /// Folder of the environment's manifests [default: found by what is in the repository]
    #[arg(long, value_name = "FOLDER", value_parser = folder)]
    root: Option<String>,
    /// Address that the services answer at, with {service} for the name [default: what Ingresses, routes
    /// and Services say]
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    address: Option<String>,
    /// Address of a Prometheus that has their metrics
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    prometheus: Option<String>,
    /// Time zone of the policy's hours, such as Europe/Berlin [default: TZ, else UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<Zone>,
    /// Write the file of this pipeline system, too
    #[arg(long, value_name = "SYSTEM", value_enum)]
    ci: Option<System>,
    /// Print what would be written, and write nothing
    #[arg(long, visible_alias = "stdout")]
    dry_run: bool,
}

/// Which pipeline file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum System {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Azure Pipelines.
    Azure,
    /// CircleCI.
    Circleci,
    /// Jenkins.
    Jenkins,
}

impl From<System> for Pipeline {
    fn from(system: System) -> Self {
        match system {
            System::Github => Self::Github,
            System::Gitlab => Self::Gitlab,
            System::Azure => Self::Azure,
            System::Circleci => Self::Circleci,
            System::Jenkins => Self::Jenkins,
        }
    }
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::find(text).ok_or_else(|| {
        "expected a time zone of the IANA database, such as Europe/Berlin or UTC".to_owned()
    })
}

fn folder(text: &str) -> Result<String, String> {
    let leads_out = text.starts_with('/') || text.split('/').any(|part| part == "..");
    if text.is_empty() || leads_out || text.contains(char::is_control) {
        return Err("expected a folder inside this one, such as clusters/prod".to_owned());
    }
    Ok(text.to_owned())
}

/// Runs `init`. Nothing is ever asked: what cannot be known is guessed, and marked so.
///
/// # Errors
/// Nothing in the folder is a service; one of the files is there already, or cannot be written.
pub async fn run(arguments: InitArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let of_machine = || session.context.variable("TZ").and_then(Zone::find);
    let wishes = Wishes {
        environment: arguments.environment,
        root: arguments.root,
        address: arguments.address,
        prometheus: arguments.prometheus,
        zone: arguments.timezone.or_else(of_machine),
        pipeline: arguments.ci.map(Pipeline::from),
    };
    let folder = session.context.folder.clone();
    let drafts = init::draft(&folder, &wishes, session.context.clock.now()).await?;
    let paths: Vec<String> = drafts.files.iter().map(|(path, _)| path.clone()).collect();
    for note in &drafts.notes {
        session.event(&Event::Note(note.clone()));
    }
    if arguments.dry_run && session.output == OutputFormat::Text {
        for (path, text) in &drafts.files {
            session.context.print(&format!("# --- {path}\n{text}"));
        }
        return Ok(Outcome::new(Ending::Shown, ""));
    }
    let services = match &drafts.services[..] {
        [one] => one.clone(),
        several => format!("{} services", several.len()),
    };
    let what = format!("{} for {services}", paths.join(", "));
    let mut outcome = if arguments.dry_run {
        let reason = format!("would write {what}; dry run: nothing was written");
        Outcome::new(Ending::Shown, reason)
    } else {
        init::write(&folder, &drafts)?;
        Outcome::new(Ending::Shown, format!("wrote {what}"))
    };
    if arguments.dry_run {
        outcome.diff = drafts.diff();
    }
    outcome.notes = drafts.notes;
    outcome.files_changed = paths;
    outcome.hints = drafts.next;
    Ok(outcome)
}
