//! A version that the branch has already: before a deployment says that nothing is left to do, what runs is
//! asked, and waited for where it is not that.

use super::{DeployRequest, Outside};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    manifest::ObjectRef,
    ops::{
        live::{self, Presence, Waited},
        load::Target,
        stop::Stop,
        stopped_before_change,
    },
    rollout::Arm,
};

/// A version that the branch has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlreadyThere {
    /// The workload that serves everyone.
    stable: ObjectRef,
    /// Says so.
    sentence: String,
}

impl AlreadyThere {
    /// Says of the version that is asked for that a workload has it on the branch.
    pub fn new(request: &DeployRequest, target: &Target, stable: ObjectRef) -> Self {
        let (service, environment) = target.place();
        let version = &request.version;
        Self {
            stable,
            sentence: format!("{service} {version} is in {environment} already; nothing to do"),
        }
    }

    /// Returns the end of a command that only looks at the branch.
    pub fn on_branch(self) -> Outcome {
        Outcome::new(Ending::NoChange, self.sentence)
    }

    /// Ends a deployment of it: one look where it runs. Where it does not, it is waited for as after a push.
    ///
    /// # Errors
    /// Asked to stop.
    pub async fn end(
        self,
        request: &DeployRequest,
        outside: &Outside<'_>,
        target: &Target,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Outcome, Failure> {
        let service = &target.service;
        let Some(live) = service.live(&self.stable) else {
            return Err(live::not_named(&self.stable));
        };
        let deadline = service.progress_deadline;
        let wanted = live::Wanted {
            target,
            live,
            arm: service.word(&self.stable).unwrap_or(Arm::Stable.word()),
            version: request.version.as_str(),
            commit: &target.tip,
            presence: Presence::Running,
            limit: request
                .limits
                .timeout
                .map_or(deadline, |it| it.min(deadline)),
            fails_fast: true,
        };
        let looked = stop.or(live::look_once(&wanted, outside)).await;
        let seen = match looked.map_err(stopped_before_change)? {
            Ok(()) => return Ok(self.on_branch()),
            Err(seen) => seen,
        };
        let (version, branch) = (&request.version, &target.branch);
        reporter.event(&Event::Note(format!(
            "branch `{branch}` has {version} already, and {} does not run it yet ({seen}); it is waited for",
            wanted.arm
        )));
        match live::wait(&wanted, outside, stop, reporter).await {
            Waited::Live => Ok(self.on_branch()),
            Waited::Stopped(reason) => Err(stopped_before_change(reason)),
            Waited::TimeUp(reason) | Waited::Failed(reason) => {
                Ok(Self::not_live(wanted.version, &reason, target))
            }
        }
    }

    /// It is on the branch and does not run: nothing was changed, and nothing is well.
    fn not_live(version: &str, reason: &str, target: &Target) -> Outcome {
        let (service, environment) = target.place();
        let text = format!(
            "branch `{}` has {version} of {service} in {environment} already, and it is not live: {reason}",
            target.branch
        );
        Outcome::new(Ending::Unhealthy, text)
            .with_hint(
                "look at what brings the branch to the cluster, and at the workload; nothing was changed",
            )
            .with_hint(format!(
                "to go back to the version before: {}",
                target.command("rollback")
            ))
    }
}
