//! What every command has in common that asks the gate before it changes what runs: open, read, ask.

use super::{
    Session,
    authorship::AuthorshipArguments,
    circumstances::CircumstanceArguments,
    deploy::GateArguments,
    people,
    repository::{Opened, RepositoryArguments},
    signals,
};
use crate::{
    audit::AuditFile,
    event::{Failure, Outcome},
    ops::{
        asker::Asker,
        gate::{self, Answer, Permit, Question},
        load::Target,
        stop::Stop,
    },
    policy::Action,
    units::Version,
};

/// What is asked of the gate, and as whom.
pub(super) struct Asked<'a> {
    pub(super) repository: &'a RepositoryArguments,
    pub(super) authorship: &'a AuthorshipArguments,
    pub(super) gate: &'a GateArguments,
    pub(super) action: Action,
    pub(super) version: Option<&'a Version>,
}

/// The gate's leave, with all that the command works with.
pub(super) struct Leave {
    pub(super) opened: Opened,
    pub(super) target: Target,
    pub(super) asker: Asker,
    pub(super) permit: Box<Permit>,
    pub(super) stop: Stop,
}

/// Opens the repository and asks the gate; none of it changes anything. The gate's no is an outcome.
///
/// # Errors
/// The repository, the configuration or the policy cannot be read; a provider does not answer.
pub(super) async fn ask(
    asked: Asked<'_>,
    audit: Option<AuditFile>,
    session: &mut Session,
) -> Result<Result<Leave, Outcome>, Failure> {
    let Asked {
        repository,
        authorship,
        gate,
        action,
        version,
    } = asked;
    // Who is asked for a passphrase must be able to leave with Ctrl-C.
    let opened = repository.open_as(session, authorship).await?;
    let stop = signals::listen(&session.context);
    let target = repository.target(&opened).await?;
    let asker = people::asker(&session.context, &gate.approvals, audit)?;
    let circumstances = CircumstanceArguments::default().known(&session.context)?;
    let question = Question {
        action,
        version,
        policy: gate.policy.as_deref(),
        policy_ref: gate.policy_ref.as_deref(),
        traffic: &gate.traffic.question(),
        asker: &asker,
        circumstances: &circumstances,
    };
    let permit = match gate::ask(&question, &opened.outside(), &target, session).await? {
        Answer::Permit(permit) => permit,
        Answer::No(outcome) => return Ok(Err(*outcome)),
    };
    Ok(Ok(Leave {
        opened,
        target,
        asker,
        permit,
        stop,
    }))
}
