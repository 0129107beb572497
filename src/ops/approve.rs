//! `approve`: says what is approved, signs it, and hands it over as text, file or ref.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{failure, signer::Signer};
use crate::{
    event::{ApprovalRecord, Ending, Failure, Outcome},
    git::{JournalOutcome, Repository},
    policy::{ReasonCode, Statement, StatementKind},
    sign::{self, OneText},
    yaml::typed,
};

/// Where the signed text goes.
pub enum Destination<'a> {
    /// To whoever called.
    Text,
    /// Into a file that must not be there yet.
    File {
        /// Where it is.
        path: PathBuf,
        /// The same, as the user wrote it.
        shown: String,
    },
    /// Into the GitOps repository, as a ref that `deploy` finds.
    Reference(&'a Repository),
}

/// Writes the statement that is to be signed.
///
/// # Errors
/// [`Ending::Usage`]: a text in it that is empty, too long or of more than one line; a rule that is
/// no reason code which can be overridden.
pub fn statement(statement: &Statement) -> Result<String, Failure> {
    let refuse = |problem: String| Failure::new(Ending::Usage, problem);
    let known = ReasonCode::OVERRIDABLE.map(|code| code.word().to_owned());
    for rule in &statement.rules {
        if !known.contains(rule) {
            return Err(refuse(format!(
                "--rules: {}",
                typed::unknown("reason code", rule, &known)
            )));
        }
    }
    let text = OneText {
        statement: sign::write(statement),
        signature: String::new(),
    };
    match text.read() {
        Ok(read) if read == *statement => Ok(text.statement),
        Ok(_) => Err(refuse(
            "the statement does not read as it was meant".to_owned(),
        )),
        Err(problem) => Err(refuse(problem)),
    }
}

/// Says what would be signed; asks nobody and writes nothing.
///
/// # Errors
/// As [`statement`].
pub fn show(wanted: &Statement) -> Result<Outcome, Failure> {
    let text = statement(wanted)?;
    let mut outcome = Outcome::new(Ending::Shown, format!("would sign {}", bounds(wanted)));
    outcome
        .hints
        .push(format!("the statement is {}", text.trim_end()));
    outcome.approval = Some(record(&text, String::new()));
    Ok(outcome)
}

/// Signs a statement and hands it over. The outcome's record holds the signed text.
///
/// # Errors
/// As [`statement`]; the key or the agent does not sign; the file is there already or cannot be
/// written; the server refuses the ref.
pub async fn approve(
    wanted: &Statement,
    signer: &Signer,
    destination: Destination<'_>,
    now: DateTime<Utc>,
) -> Result<Outcome, Failure> {
    let text = statement(wanted)?;
    let signature = signer.sign(sign::NAMESPACE, text.as_bytes()).await;
    let signature = signature.map_err(|problem| Failure::new(Ending::Usage, problem))?;
    let one_text = format!("{text}{}", signature.armour());
    let mut record = record(&text, one_text.clone());
    let mut outcome = Outcome::new(Ending::Shown, format!("signed {}", bounds(wanted)));
    match destination {
        Destination::Text => {
            outcome.hints.push(
                "save it in a file for `--approval FILE`, or put it into SHIPGATE_APPROVAL, where \
                 the deployment runs"
                    .to_owned(),
            );
        }
        Destination::File { path, shown } => {
            write_new(&path, &shown, &one_text)?;
            outcome.reason.push_str(&format!("; written to {shown}"));
            outcome.hints.push(format!(
                "hand the file to whoever deploys: `shipgate deploy … --approval {shown}`"
            ));
            record.path = Some(shown);
        }
        Destination::Reference(repository) => {
            let reference = store(repository, wanted, &one_text, now).await?;
            outcome.reason.push_str(&format!(
                "; stored as {reference} in {}",
                repository.display()
            ));
            outcome
                .hints
                .push("`shipgate deploy` finds it by itself".to_owned());
            record.reference = Some(reference);
        }
    }
    outcome.approval = Some(record);
    Ok(outcome)
}

/// What a statement is good for: `an approval of shop 1.1 in production until …`.
fn bounds(statement: &Statement) -> String {
    let Statement {
        service,
        version,
        environment,
        expires,
        ..
    } = statement;
    let until = expires.format("%Y-%m-%dT%H:%M:%SZ");
    let (what, rules) = match statement.kind {
        StatementKind::Approval => ("an approval", String::new()),
        StatementKind::Override => (
            "an override",
            format!(", which lifts {}", statement.rules.join(", ")),
        ),
    };
    format!("{what} of {service} {version} in {environment} until {until}{rules}")
}

fn record(statement: &str, text: String) -> ApprovalRecord {
    ApprovalRecord {
        id: sign::id(statement),
        statement: statement.trim_end().to_owned(),
        text,
        path: None,
        reference: None,
    }
}

fn write_new(path: &Path, shown: &str, text: &str) -> Result<(), Failure> {
    let refuse = |problem: String| Failure::new(Ending::Usage, format!("--out {shown}: {problem}"));
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            refuse("is there already; nothing is ever overwritten".to_owned())
        }
        _ => refuse(format!("cannot be written: {error}")),
    })?;
    file.write_all(text.as_bytes())
        .map_err(|error| refuse(format!("cannot be written: {error}")))
}

async fn store(
    repository: &Repository,
    statement: &Statement,
    text: &str,
    now: DateTime<Utc>,
) -> Result<String, Failure> {
    let Statement {
        environment,
        service,
        ..
    } = statement;
    let stored = repository.store_approval(environment, service, text, now);
    let (reference, outcome) = stored.await.map_err(failure::git)?;
    match outcome {
        // The name of the ref is made of the text: what is there is the same.
        JournalOutcome::Appended(_) | JournalOutcome::Lost { tip: Some(_) } => Ok(reference),
        JournalOutcome::NotTaken { reason } => Err(Failure::new(
            Ending::Unavailable,
            format!("{reference} was not stored: {reason}"),
        )
        .hint("run the same command again")),
        JournalOutcome::Lost { tip: None } | JournalOutcome::Behind | JournalOutcome::Hidden => {
            let text = format!("{reference} was not stored, or is not shown");
            Err(Failure::new(Ending::Unavailable, text)
                .hint("run the same command again, or hand it over as a file: --out FILE"))
        }
        JournalOutcome::Locked { reason } => Err(Failure::new(
            Ending::Unavailable,
            format!("{reference} was not stored, somebody is just writing it: {reason}"),
        )
        .hint("run the same command again")),
        JournalOutcome::Refused { reason } => Err(Failure::new(
            Ending::PushDenied,
            format!("the server refuses {reference}: {reason}"),
        )
        .hint("hand it over as a file instead: --out FILE")),
        JournalOutcome::Unknown { reason } => Err(Failure::new(
            Ending::PushUnknown,
            format!("nobody can say whether {reference} was stored: {reason}"),
        )
        .hint("run the same command again; an approval more does no harm")),
    }
}
