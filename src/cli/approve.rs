//! `shipgate approve`: signs an approval or an override with an SSH key.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{TimeDelta, Timelike};
use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    Session, deploy::version, repository::RepositoryArguments, session::OutputFormat, signals,
};
use crate::{
    event::{Ending, Failure, Outcome},
    ops::{
        approve::{self, Destination, Signer},
        stopped_before_change,
    },
    policy::{Statement, StatementKind},
    secret::Secret,
    sign::{PrivateKey, PublicKey},
    units::{Version, parse_duration},
};

/// A key file is a few thousand bytes.
const LONGEST_KEY: u64 = 64 << 10;
/// Where the passphrase of a key file is, for programs.
const PASSPHRASE: &str = "SHIPGATE_KEY_PASSPHRASE";

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
        branch: None,
        config: String::new(),
        service: vec![arguments.service.clone()],
        environment: Some(arguments.environment.clone()),
        ca_file: arguments.ca_file.clone(),
    }
}

fn signer(arguments: &ApproveArguments, session: &Session) -> Result<Signer, Failure> {
    let context = &session.context;
    let socket = context.variable("SSH_AUTH_SOCK").map(PathBuf::from);
    let no_agent = || {
        Failure::new(
            Ending::Usage,
            "there is no SSH agent to sign with (SSH_AUTH_SOCK)",
        )
        .hint("give a private key file with --key FILE, or start an agent and `ssh-add` the key")
    };
    let Some(path) = &arguments.key else {
        let socket = socket.ok_or_else(no_agent)?;
        return Ok(Signer::Agent { socket, key: None });
    };
    let shown = path.display().to_string();
    let refuse = |problem: String| Failure::new(Ending::Usage, format!("--key {shown}: {problem}"));
    let text = read_key(&context.folder.join(path)).map_err(refuse)?;
    if let Ok(public) = PublicKey::parse(text.expose()) {
        let socket = socket.ok_or_else(no_agent)?;
        let key = Some(public);
        return Ok(Signer::Agent { socket, key });
    }
    let mut key = PrivateKey::parse(text.expose()).map_err(refuse)?;
    if key.is_encrypted() {
        let passphrase = passphrase(session, &shown)?;
        key = key.decrypt(&passphrase).map_err(refuse)?;
    }
    Ok(Signer::Key(Box::new(key)))
}

fn read_key(path: &Path) -> Result<Secret, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let mut text = String::new();
    File::open(path)
        .map_err(cannot)?
        .take(LONGEST_KEY)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    Ok(Secret::new(text))
}

fn passphrase(session: &Session, key: &str) -> Result<Secret, Failure> {
    let context = &session.context;
    if let Some(passphrase) = context.secret(PASSPHRASE) {
        return Ok(passphrase);
    }
    let missing = |problem: String| {
        Failure::new(Ending::Usage, problem).hint(format!(
            "set {PASSPHRASE}, or `ssh-add` the key and give its public half with --key"
        ))
    };
    if !context.stderr_is_terminal || context.in_pipeline() {
        return Err(missing(format!("--key {key}: needs a passphrase")));
    }
    let prompt = format!("passphrase of {key}: ");
    let asked = rpassword::prompt_password(prompt);
    asked
        .map(Secret::new)
        .map_err(|error| missing(format!("--key {key}: needs a passphrase: {error}")))
}
