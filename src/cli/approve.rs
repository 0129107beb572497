//! `shipgate approve`: signs an approval or an override with an SSH key.

use std::{path::PathBuf, time::Duration};

use chrono::{TimeDelta, Timelike};
use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    Session,
    deploy::version,
    repository::{Opened, RepositoryArguments},
    session::OutputFormat,
    signals, signing_key,
};
use crate::{
    event::{Ending, Failure, Outcome},
    ops::{
        approve::{self, Destination},
        signer::Signer,
        stopped_before_change,
    },
    policy::{Statement, StatementKind},
    units::{Version, parse_duration},
};

/// Flags of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArguments {
    /// Service that is approved
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    service: String,
    /// Environment that it is approved for
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    environment: String,
    /// Version that is approved, and no other
    #[arg(long, value_parser = version, allow_hyphen_values = true)]
    version: Version,
    /// How long it is good, from now on; a policy says how long at most (unless it does, 24h for
    /// an approval and 4h for an override)
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = parse_duration)]
    expires: Duration,
    /// An emergency override: lift rules that block
    #[arg(long = "override", requires_all = ["ticket", "reason", "rules"])]
    overriding: bool,
    /// Incident or change that the override is for
    #[arg(long, requires = "overriding")]
    ticket: Option<String>,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// Reason codes of the rules to lift, such as blocked-date
    #[arg(
        long,
        value_name = "CODE",
        value_delimiter = ',',
        requires = "overriding"
    )]
    rules: Vec<String>,
    /// Private key, or the public half of one that the SSH agent has [default: the agent's only
    /// key]. A passphrase is taken from SHIPGATE_KEY_PASSPHRASE or asked for
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Write it to a new file [default: standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "push")]
    out: Option<PathBuf>,
    /// Store it as a ref of the GitOps repository, where `deploy` finds it
    #[arg(long)]
    push: bool,
    /// Address of the GitOps repository, for --push; a token is taken from SHIPGATE_TOKEN
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    repository: Option<String>,
    /// Branch with the configuration, for --push [default: the repository's default branch]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    branch: Option<String>,
    /// Path of the configuration in the repository, for --push
    #[arg(long, value_name = "PATH", default_value = "shipgate.yaml", value_parser = NonEmptyStringValueParser::new())]
    config: String,
    /// PEM file with further certificate authorities
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Show what would be signed; sign and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `approve`.
///
/// # Errors
/// As [`approve::approve`]; a key that cannot be read; no key and no agent.
pub async fn run(arguments: ApproveArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let statement = statement(&arguments, session)?;
    if arguments.dry_run {
        return approve::show(&statement);
    }
    // What is wrong with the statement is said before anybody is asked for a passphrase.
    approve::statement(&statement)?;
    // Signals are listened to from here on only: who is asked for a passphrase must be able to
    // leave with Ctrl-C.
    let signer = signer(&arguments, session)?;
    let mut stop = signals::listen(&session.context);
    let approved = approve(&arguments, &statement, &signer, session);
    match stop.or(approved).await {
        Ok(outcome) => outcome,
        Err(reason) => Err(stopped_before_change(reason)),
    }
}

async fn approve(
    arguments: &ApproveArguments,
    statement: &Statement,
    signer: &Signer,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let opened = if arguments.push {
        Some(repository(arguments).open(session)?)
    } else {
        None
    };
    if let Some(opened) = &opened {
        known(arguments, opened).await?;
    }
    let destination = match (&opened, &arguments.out) {
        (Some(opened), _) => Destination::Reference(opened.repository()),
        (None, Some(path)) => Destination::File {
            path: session.context.folder.join(path),
            shown: path.display().to_string(),
        },
        (None, None) => Destination::Text,
    };
    let is_text = matches!(destination, Destination::Text);
    let now = session.context.clock.now();
    let mut outcome = approve::approve(statement, signer, destination, now).await?;
    if let Some(record) = outcome.approval.as_ref().filter(|_| is_text)
        && session.output == OutputFormat::Text
    {
        // The text alone goes to standard output, so that it can be piped into a file.
        session.context.print(&record.text);
        let explained = [&outcome.reason].into_iter().chain(&outcome.hints);
        for line in explained.cloned().collect::<Vec<_>>() {
            session.context.error_line(&line);
        }
        outcome.reason.clear();
        outcome.hints.clear();
    }
    Ok(outcome)
}

/// Sees that there is what is approved: under another name nobody would ever find the approval.
///
/// # Errors
/// The configuration knows no such service or environment, or cannot be read.
async fn known(arguments: &ApproveArguments, opened: &Opened) -> Result<(), Failure> {
    let found = repository(arguments).target(opened).await;
    found.map(drop).map_err(|failure| {
        failure.hint("nothing was stored; hand it over as a file instead: --out FILE")
    })
}

fn statement(arguments: &ApproveArguments, session: &Session) -> Result<Statement, Failure> {
    let now = session.context.clock.now();
    let not_before = now.with_nanosecond(0).unwrap_or(now);
    let length = TimeDelta::from_std(arguments.expires).unwrap_or_default();
    let expires = not_before.checked_add_signed(length);
    let expires =
        expires.filter(|expires| expires.with_nanosecond(0).is_some_and(|it| it > not_before));
    let expires = expires
        .and_then(|expires| expires.with_nanosecond(0))
        .ok_or_else(|| {
            Failure::new(
                Ending::Usage,
                "--expires: expected at least one second, such as 2h",
            )
        })?;
    Ok(Statement {
        kind: if arguments.overriding {
            StatementKind::Override
        } else {
            StatementKind::Approval
        },
        service: arguments.service.clone(),
        version: arguments.version.to_string(),
        environment: arguments.environment.clone(),
        not_before,
        expires,
        rules: arguments.rules.clone(),
        ticket: arguments.ticket.clone(),
        reason: arguments.reason.clone(),
    })
}

fn repository(arguments: &ApproveArguments) -> RepositoryArguments {
    RepositoryArguments {
        repository: arguments.repository.clone(),
        branch: arguments.branch.clone(),
        config: arguments.config.clone(),
        service: vec![arguments.service.clone()],
        environment: Some(arguments.environment.clone()),
        region: Vec::new(),
        ca_file: arguments.ca_file.clone(),
        ssh_key: None,
        known_hosts: None,
    }
}

fn signer(arguments: &ApproveArguments, session: &Session) -> Result<Signer, Failure> {
    let context = &session.context;
    match &arguments.key {
        Some(path) => signing_key::signer(context, "--key", path),
        None => Ok(Signer::Agent {
            socket: signing_key::agent(context, "--key")?,
            key: None,
        }),
    }
}
