//! A version that runs although it was judged worse, which was only to be told: it is told again until
//! somebody accepts that.

use super::{
    DeployRequest, Outside,
    verdicts::{KEEP_IT, live_and_worse},
};
use crate::{
    event::{Ending, Failure, Outcome, Reporter},
    git::CommitId,
    ops::{
        acceptance::{self, Awaiting},
        gate::Permit,
        journal::{Record, RunIdentity, State},
        land::FORWARD_PATIENCE,
        load::Target,
        stop::Stop,
        writer::{Entry, NotLanded, Writer},
    },
    policy::Awaited,
    rollout::CLEANUP,
    units::Version,
};

/// What the journal tells of the run that brought such a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    record: Record,
    journal_tip: Option<CommitId>,
}

impl Kept {
    /// Finds it among the records of a journal, newest first, for a version that runs now; none where
    /// the last run that brought it was judged good, or where somebody has accepted it.
    pub fn find(
        records: &[Record],
        version: &Version,
        journal_tip: Option<CommitId>,
    ) -> Option<Self> {
        let brought_it = |record: &&Record| {
            record.state.is_deployed()
                && record.strategy != CLEANUP
                && !record.drill
                && record.version.as_ref() == Some(version)
        };
        let record = records.iter().find(brought_it)?;
        (record.state == State::Alerted).then(|| Self {
            record: record.clone(),
            journal_tip,
        })
    }

    /// Ends a deployment of it: told again, or written down as accepted where somebody has done that
    /// since it was judged.
    ///
    /// # Errors
    /// As [`acceptance::ask`]; the record of it cannot be written.
    pub async fn end(
        self,
        mut permit: Permit,
        request: &DeployRequest,
        outside: &Outside<'_>,
        target: &Target,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Outcome, Failure> {
        let (service, environment) = target.place();
        let what = format!("{service} {} in {environment}", request.version);
        let why = self.record.judged_worse.clone();
        let why = why
            .or_else(|| self.record.reason.clone())
            .unwrap_or_default();
        let awaited = Awaited {
            since: self.record.at,
            takes_signature: true,
        };
        let approvers = permit.approvers().clone();
        let asked = acceptance::ask(awaited, &approvers, request, outside, target, reporter);
        let asked = match Box::pin(stop.or(asked)).await {
            Ok(asked) => asked?,
            Err(reason) => return Err(crate::ops::stopped_before_change(reason)),
        };
        let mut outcome = match asked {
            Ok(accepted) => {
                let sentence = accepted.sentence.clone();
                permit.accept(accepted);
                let mut text =
                    format!("{what} stays although it was judged worse: {sentence} ({why})");
                if request.dry_run {
                    text.push_str("; dry run: nothing was written");
                } else {
                    self.write(&permit, &sentence, request, outside, target, stop)
                        .await?;
                }
                Outcome::new(Ending::NoChange, text)
            }
            Err(shortfall) => {
                let awaiting = Awaiting {
                    about: target.about(),
                    version: &request.version,
                    drill: false,
                };
                let keep = awaiting.next_steps(KEEP_IT, &approvers, true);
                live_and_worse(&what, target, &format!("{why}{shortfall}"), keep)
            }
        };
        outcome.verdict = Some(permit.into_verdict());
        Ok(outcome)
    }

    async fn write(
        &self,
        permit: &Permit,
        sentence: &str,
        request: &DeployRequest,
        outside: &Outside<'_>,
        target: &Target,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let record = self.record.clone();
        let mut writer = Writer {
            repository: outside.repository,
            convoy: None,
            pushes: None,
            target,
            identity: RunIdentity {
                run: record.run,
                service: target.service.name.clone(),
                environment: target.environment_name.clone(),
                version: request.version.clone(),
                previous_version: record.previous_version.unwrap_or_default(),
                strategy: record.strategy,
                base: record.base.unwrap_or_else(|| target.tip.clone()),
                source: None,
                actor: request.asker.actor.clone(),
                pipeline: request.asker.pipeline.clone(),
                policy: None,
                approvals: Vec::new(),
                overridden: None,
                reason: None,
                cause: None,
                unhealthy_before: record.unhealthy_before,
                judged_worse: record.judged_worse,
                drill: false,
                regions: record.regions,
            },
            clock: &*outside.clock,
            journal_tip: self.journal_tip.clone(),
            announced: false,
            found_there: Vec::new(),
            proposals: None,
        };
        writer.under(permit);
        let entry = Entry {
            reason: Some(sentence),
            ..Entry::new(State::Accepted, "done", FORWARD_PATIENCE)
        };
        match writer.record(&entry, stop).await {
            Ok(()) => Ok(()),
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                Err(Failure::new(Ending::Superseded, reason))
            }
            Err(NotLanded::Failed(failure)) => Err(failure),
        }
    }
}
