//! What a deployment would refuse of a configuration, told by the manifests alone: nobody is asked, nothing is read
//! of a branch.

use std::sync::Arc;

use super::{command::Flags, deploy, failure, load::Target};
use crate::{
    config::{Config, Environment, Service},
    event::{Ending, Failure},
    git::CommitId,
    manifest::Manifests,
    rollout::{self, Replay},
    units::Version,
};

/// The version that is tried. It differs from every one that runs.
const VERSION: &str = "0.0.0-shipgate-init";
/// What stands for the commit, which is never looked for: the id of git's empty tree, which no commit has.
const NO_COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Makes a target of a service in an environment, on no branch.
///
/// # Errors
/// [`Ending::Internal`]: what stands for a commit is none.
pub(super) fn target(
    config: &Arc<Config>,
    service: &Service,
    (name, environment): (&str, &Environment),
) -> Result<Target, Failure> {
    let no_commit: Result<CommitId, _> = NO_COMMIT.parse();
    let Ok(tip) = no_commit else {
        return Err(Failure::new(Ending::Internal, "no commit can be stood for"));
    };
    Ok(Target {
        config: Arc::clone(config),
        service: service.in_environment(environment),
        environment: environment.clone(),
        environment_name: name.to_owned(),
        branch: String::new(),
        usual_branch: String::new(),
        tip,
        config_path: super::command::USUAL_CONFIG.to_owned(),
        flags: Flags::default(),
        programs: Vec::new(),
    })
}

/// Tries a version no service has: everything that a deployment would write, in memory.
///
/// # Errors
/// What a deployment would refuse.
pub(super) fn replay(target: &Target, manifests: &Manifests) -> Result<Replay, Failure> {
    let Ok(version) = VERSION.parse::<Version>() else {
        return Err(Failure::new(Ending::Internal, "no version can be tried"));
    };
    manifests.check_readable().map_err(failure::refusals)?;
    deploy::previous_version(target, manifests)?;
    let facts = deploy::facts(target, manifests)?;
    let plan = rollout::plan(&target.service, &version, &facts);
    rollout::replay(&plan, manifests).map_err(failure::refusals)
}
