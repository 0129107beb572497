//! What earlier tries of a run have left for a person, and whether one has decided since.

use chrono::{DateTime, Utc};

use super::{DeployRequest, Outside, describe, forward, prepare::Ready};
use crate::{
    event::{Deployment, Ending, Event, Failure, Outcome, Reporter},
    ops::{
        acceptance::{self, Awaiting},
        gate::Permit,
        journal::{self, Record, RunIdentity, State},
        load::Target,
    },
    policy::Awaited,
    rollout::{Action, Plan},
    units::Weight,
};

/// Why a run is held that has come to a pause without an end.
pub const WAITS_FOR_APPROVAL: &str = "waits for an approval";

/// Where earlier tries of a run were held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Step at which it is held now, from 0.
    pub at: Option<usize>,
    /// The last step before which every hold for an approval is over.
    let_past: Option<usize>,
    /// The hold for an approval at which it stands, and since when.
    awaits: Option<(usize, DateTime<Utc>)>,
}

impl Held {
    /// Reads it from the records of a run that is not finished, newest first. What has gone on after a
    /// hold for an approval was approved, and whoever goes on after a death need not be again.
    pub fn of(records: &[Record], run: &str, plan: &Plan) -> Self {
        let waits = |index: &usize| {
            let step = plan.steps.get(*index);
            step.is_some_and(|step| matches!(step.action, Action::Approval))
        };
        let own = records.iter().filter(|record| record.run == run);
        let held = |record: &Record| {
            let index = journal::step_index(&record.step);
            index.filter(|_| record.state == State::Held)
        };
        let mut own = own.map(|record| (held(record), record.at));
        let newest = own.next();
        let at = newest.and_then(|(index, _)| index);
        let awaits = newest.and_then(|(index, since)| Some((index.filter(waits)?, since)));
        let before = own.filter_map(|(index, _)| index.filter(waits)).max();
        // Whoever came to a later step has passed those before it.
        let let_past = before.max(at.filter(|_| awaits.is_none()));
        Self {
            at,
            let_past,
            awaits,
        }
    }

    /// Is the hold for an approval at this step over?
    pub fn is_let_past(&self, index: usize) -> bool {
        self.let_past.is_some_and(|last| index <= last)
    }

    /// Is it the hold at which the run stood when it was gone on with?
    pub fn stood_at(&self, index: usize) -> bool {
        self.awaits.is_some_and(|(at, _)| at == index)
    }
}

/// Lets a run past the hold for an approval at which it stands, where somebody has accepted that since.
/// Returns the end where nobody has: the run stays as it is, and nothing is written.
///
/// # Errors
/// As [`acceptance::ask`].
pub async fn let_past(
    ready: &mut Ready,
    permit: &mut Permit,
    request: &DeployRequest,
    outside: &Outside<'_>,
    target: &Target,
    reporter: &mut dyn Reporter,
) -> Result<Option<Outcome>, Failure> {
    let Some((index, since)) = ready.held.awaits else {
        if request.accept {
            let note = "--accept: nothing waits for a person, so there is nothing to accept yet";
            reporter.event(&Event::Note(note.to_owned()));
        }
        return Ok(None);
    };
    let awaited = Awaited {
        since,
        takes_signature: false,
    };
    let approvers = permit.approvers().clone();
    let asked = acceptance::ask(awaited, &approvers, request, outside, target, reporter);
    let shortfall = match asked.await? {
        Ok(accepted) => {
            ready.held.let_past = Some(index);
            permit.accept(accepted);
            return Ok(None);
        }
        Err(shortfall) => shortfall,
    };
    let Ready { identity, plan, .. } = &*ready;
    let weight = ready
        .landed
        .and_then(|landed| plan.steps.get(landed)?.weight);
    let what = format!(
        "{} {} in {}",
        identity.service, identity.version, identity.environment
    );
    let at = place(plan, index, weight);
    let since = journal::instant(since);
    let reason = format!("{what} is held{at} since {since}: {WAITS_FOR_APPROVAL}{shortfall}");
    let mut outcome = Outcome::new(Ending::Held, reason);
    outcome.hints = Awaiting::of(identity, target).next_steps("to go on", &approvers, false);
    outcome.hints.push(take_it_back(target));
    outcome.deployment = Some(Deployment {
        state: State::Held.word().to_owned(),
        weight,
        ..describe(identity, target, outside.clock.now())
    });
    Ok(Some(outcome))
}

impl<'a> Awaiting<'a> {
    /// The deployment of a run.
    pub fn of(identity: &'a RunIdentity, target: &'a Target) -> Self {
        Self {
            about: target.about(),
            version: &identity.version,
            drill: identity.drill,
        }
    }
}

/// Says how a held run is taken back.
pub fn take_it_back(target: &Target) -> String {
    format!("to take it back: {}", target.command("rollback"))
}

/// Says where a run is held, to follow `is held`: ` at weight 10%`.
pub fn place(plan: &Plan, at: usize, weight: Option<Weight>) -> String {
    let is_promoted = forward::is_promoted(plan, at);
    match weight {
        Some(_) if is_promoted && plan.switches() => " after the switch".to_owned(),
        Some(_) if plan.switches() => " before the switch".to_owned(),
        // The weight is the canary's, and stable runs the new version as well.
        Some(_) if is_promoted => " after the promotion".to_owned(),
        Some(weight) => format!(" at weight {weight}"),
        None => String::new(),
    }
}
