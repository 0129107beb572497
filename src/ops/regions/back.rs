//! The way back of a region, and of those before it where the policy says so.

use std::collections::BTreeMap;

use super::{
    Labelled,
    group::Group,
    standing::{Told, to_take_back},
};
use crate::{
    config::regions::OnRegionFailure,
    event::{Ending, Failure, Outcome, Reporter},
    ops::{
        deploy::{DeployRequest, Outside, read_journal},
        journal::Record,
        load::{self, ConfigSource, Target},
        notifications, rollback,
        stop::Stop,
        takeback::Takeback,
    },
    units::Version,
};

/// What is taken back, for whom, and where it is read.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Service; none = the only one.
    pub service: Option<String>,
    /// Path of the configuration in the repository.
    pub config: String,
    /// Branch to read it from; none = the repository's default branch.
    pub branch: Option<String>,
    /// Who asks.
    pub actor: Option<String>,
    /// From which pipeline.
    pub pipeline: Option<String>,
}

impl From<&DeployRequest> for Asked {
    fn from(request: &DeployRequest) -> Self {
        Self {
            service: request.service.clone(),
            config: request.config.clone(),
            branch: request.branch.clone(),
            actor: request.asker.actor.clone(),
            pipeline: request.asker.pipeline.clone(),
        }
    }
}

/// Reads a region as an environment of its own.
pub(super) async fn target(
    group: &Group,
    region: &str,
    asked: &Asked,
    outside: &Outside<'_>,
) -> Result<Target, Failure> {
    let source = ConfigSource {
        branch: asked.branch.as_deref(),
        path: &asked.config,
    };
    let environment = group.environment_of(region);
    let service = asked.service.as_deref();
    load::target(outside.repository, &source, service, Some(&environment)).await
}

/// Reads the journal of a region.
pub(super) async fn told(
    region: &str,
    outside: &Outside<'_>,
    target: &Target,
) -> Result<Told, Failure> {
    let (_, records) = read_journal(outside.repository, target).await?;
    Ok(Told {
        region: region.to_owned(),
        records,
    })
}

/// Takes regions back.
pub(super) struct Back<'a> {
    pub(super) group: &'a Group,
    pub(super) asked: &'a Asked,
    pub(super) outside: &'a Outside<'a>,
    pub(super) stop: &'a Stop,
}

impl Back<'_> {
    /// Takes back what a finished run has brought to a region.
    pub(super) async fn take_back(
        &self,
        target: &Target,
        record: &Record,
        why: &str,
        reporter: &mut dyn Reporter,
    ) -> Outcome {
        let mut notifier = notifications::listen(self.outside, reporter);
        let version = record.version.as_ref().map(|it| it.as_str());
        let who = (self.asked.actor.as_deref(), self.asked.pipeline.as_deref());
        notifications::begin(&mut notifier, self.outside, target, version, who);
        let mut stop = self.stop.clone();
        // A signal now asks for what is being done already; only a second one breaks it off.
        stop.answer_first();
        let taken = async {
            let (tip, records) = read_journal(self.outside.repository, target).await?;
            let run = rollback::new_run(self.outside, target, record, &records);
            let actor = self.asked.actor.clone();
            let mut takeback =
                Takeback::read(self.outside, target, record, run, tip, actor).await?;
            takeback.judged_worse();
            Ok(takeback.back(why, stop, &mut notifier).await)
        };
        let ended: Result<Outcome, Failure> = Box::pin(taken).await;
        notifications::end(notifier, &ended, self.stop.clone()).await;
        let mut outcome = ended.unwrap_or_else(Outcome::from);
        match outcome.ending {
            Ending::TakenBack => {
                outcome.end_as(Ending::RolledBack);
            }
            // Whatever stopped it: a bad version is still there.
            ending if ending.code().number == 0 => {}
            Ending::RollbackFailed | Ending::Superseded | Ending::CancelledLeft => {}
            _ => {
                outcome.ending = Ending::RollbackFailed;
                outcome.hints.push(format!(
                    "`{}` tries the way back again",
                    target.command("recover")
                ));
            }
        }
        outcome
    }

    /// Takes back the regions that a version went to before it failed in another one, the last one
    /// first, where the policy says so. `only`: of this version and no other. Tells how each ended.
    ///
    /// # Errors
    /// The git server does not answer: what the journals say is not known.
    pub(super) async fn others(
        &self,
        only: Option<&Version>,
        reporter: &mut dyn Reporter,
    ) -> Result<Vec<(String, Outcome)>, Failure> {
        let mut ends = Vec::new();
        if self.group.regions.on_failure != OnRegionFailure::All {
            return Ok(ends);
        }
        let mut targets = BTreeMap::new();
        let mut all = Vec::new();
        for region in &self.group.regions.names {
            let target = target(self.group, region, self.asked, self.outside).await?;
            all.push(told(region, self.outside, &target).await?);
            targets.insert(region.as_str(), target);
        }
        let Some((version, others)) = to_take_back(&all) else {
            return Ok(ends);
        };
        if only.is_some_and(|only| *only != version) {
            return Ok(ends);
        }
        let failed = all.iter().rfind(|it| it.has_failed(&version));
        let failed = failed.map_or("another region", |it| it.region.as_str());
        let why = format!("{version} failed in {failed}, and `on_region_failure` is `all`");
        for region in others {
            let told = all.iter().find(|it| it.region == region);
            let Some((record, target)) = told.and_then(Told::end).zip(targets.get(region)) else {
                continue;
            };
            let mut labelled = Labelled::new(region, &mut *reporter);
            let end = self.take_back(target, record, &why, &mut labelled).await;
            ends.push((region.to_owned(), end));
        }
        Ok(ends)
    }
}
