//! A run that does one thing and asks nobody about a way back: `rollback --to` and `cleanup`. It begins on
//! the newest commit, or goes on where an earlier try of it got to.

use super::{
    asker::Asker,
    deploy::{self, Continued, Held, Outside, Ready, Remade},
    journal::RunIdentity,
    load::Target,
};
use crate::{event::Failure, git::CommitId, units::Version};

/// Where a run begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    /// The commit that its plan is made of.
    pub(super) base: &'a CommitId,
    /// The last step that an earlier try has on the branch, from 0, and the branch's head then.
    pub(super) landed: Option<(usize, &'a CommitId)>,
}

impl<'a> Start<'a> {
    /// A try of which nothing landed begins again on what is there now.
    pub(super) fn of(continued: Option<&'a Continued>, target: &'a Target) -> Self {
        match continued {
            Some(Continued {
                base,
                landed: Some(landed),
                tip,
                ..
            }) => Self {
                base,
                landed: Some((*landed, tip)),
            },
            _ => Self {
                base: &target.tip,
                landed: None,
            },
        }
    }

    /// Makes the plan, and sees that what an earlier try has written is still there.
    ///
    /// # Errors
    /// As [`deploy::remake`] and [`deploy::in_place`].
    pub(super) async fn prepare(
        self,
        outside: &Outside<'_>,
        target: &Target,
        version: &Version,
        strategy: &str,
    ) -> Result<Remade, Failure> {
        let remade = deploy::remake(outside, target, self.base, version, strategy).await?;
        if let Some((landed, tip)) = self.landed {
            deploy::in_place(outside, target, &remade.replay, landed, tip).await?;
        }
        Ok(remade)
    }

    /// Makes the run itself. `run` is its id.
    pub(super) fn ready(
        self,
        remade: Remade,
        target: &Target,
        (version, run): (&Version, String),
        asker: &Asker,
        journal_tip: Option<CommitId>,
    ) -> Ready {
        let Remade {
            plan,
            replay,
            previous,
            ..
        } = remade;
        Ready {
            identity: RunIdentity {
                run,
                service: target.service.name.clone(),
                environment: target.environment_name.clone(),
                version: version.clone(),
                previous_version: previous,
                strategy: plan.strategy.to_owned(),
                base: self.base.clone(),
                source: None,
                actor: asker.actor.clone(),
                pipeline: asker.pipeline.clone(),
                policy: None,
                approvals: Vec::new(),
                overridden: None,
                reason: None,
                cause: None,
                drill: false,
                regions: None,
                unhealthy_before: Vec::new(),
                judged_worse: None,
            },
            plan,
            replay,
            journal_tip,
            landed: self.landed.map(|(landed, _)| landed),
            on_branch: self.landed.map_or(&target.tip, |(_, tip)| tip).clone(),
            landed_at: None,
            held: Held::default(),
            image: None,
        }
    }
}
