//! Files that another environment has too: what is deployed to one would be deployed to both.

use super::{failure, load::Target, manifests::glob_set};
use crate::{
    event::Failure,
    manifest::{Change, Refusal},
};

/// Refuses changes of files that belong to another environment of the same branch too, unless the service
/// allows it. A way back is never asked: whatever it changes was deployed.
///
/// # Errors
/// The first change of each such file.
pub fn check(target: &Target, changes: &[Change]) -> Result<(), Failure> {
    let Target {
        config,
        environment_name,
        branch,
        usual_branch,
        ..
    } = target;
    // The target's own is the one of its environment: `{root}` is no longer in it.
    let service = config.services.get(&target.service.name);
    let Some(service) = service.filter(|service| !service.shared) else {
        return Ok(());
    };
    let mut refusals: Vec<Refusal> = Vec::new();
    for (name, other) in &config.environments {
        let is_elsewhere = other.branch.as_ref().unwrap_or(usual_branch) != branch;
        if name == environment_name || is_elsewhere {
            continue;
        }
        let set = glob_set(&service.globs(other))?;
        for change in changes {
            let path = change.path.as_str();
            let is_known = refusals
                .iter()
                .any(|known| known.path.as_deref() == Some(path));
            if is_known || !set.is_match(path) {
                continue;
            }
            let reason = format!(
                "`manifests` of {} match this file in {name} too, so what is deployed to {environment_name} is deployed to both; expected a file of each environment",
                service.name
            );
            let hint = "give each environment a `root` of its own and write `{root}` into `manifests`, or, where one file is meant for both, `shared: true` into the service";
            refusals.push(Refusal::new(reason).at(path, change.line).hint(hint));
        }
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(failure::refusals(refusals))
    }
}
