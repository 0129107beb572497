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
    event::Failure,
    ops::{
        asker::Asker,
        case::Circumstances,
        gate::{Question, TrafficQuestion},
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

/// Everything that such a command works with, before the gate is asked.
pub(super) struct Gated<'a> {
    asked: Asked<'a>,
    pub(super) opened: Opened,
    pub(super) asker: Asker,
    pub(super) stop: Stop,
    traffic: TrafficQuestion,
    circumstances: Circumstances,
}

/// Opens the repository and reads what it says of the service; none of it changes anything.
///
/// # Errors
/// The repository or the configuration cannot be read.
pub(super) async fn open<'a>(
    asked: Asked<'a>,
    audit: Option<AuditFile>,
    session: &Session,
) -> Result<(Gated<'a>, Target), Failure> {
    let gated = prepare(asked, audit, session).await?;
    let target = gated.asked.repository.target(&gated.opened).await?;
    Ok((gated, target))
}

/// As [`open`], without looking for the service.
///
/// # Errors
/// The repository cannot be opened; a flag that makes no sense.
pub(super) async fn prepare<'a>(
    asked: Asked<'a>,
    audit: Option<AuditFile>,
    session: &Session,
) -> Result<Gated<'a>, Failure> {
    // Who is asked for a passphrase must be able to leave with Ctrl-C.
    let opened = asked.repository.open_as(session, asked.authorship).await?;
    let stop = signals::listen(&session.context);
    Ok(Gated {
        asker: people::asker(&session.context, &asked.gate.approvals, audit)?,
        circumstances: CircumstanceArguments::default().known(&session.context)?,
        traffic: asked.gate.traffic.question(),
        asked,
        opened,
        stop,
    })
}

impl Gated<'_> {
    /// Returns what is asked of the gate.
    pub(super) fn question(&self) -> Question<'_> {
        self.question_of(self.asked.version)
    }

    /// Returns what is asked of the gate for one of several services, which has a version of its own.
    pub(super) fn question_of<'a>(&'a self, version: Option<&'a Version>) -> Question<'a> {
        Question {
            action: self.asked.action,
            version,
            policy: self.asked.gate.policy.as_deref(),
            policy_ref: self.asked.gate.policy_ref.as_deref(),
            traffic: &self.traffic,
            asker: &self.asker,
            circumstances: &self.circumstances,
        }
    }
}
