//! What `plan` would refuse of a drafted configuration: the same is asked of the same files.

use std::{collections::BTreeSet, sync::Arc};

use super::place::Place;
use crate::{
    config::{Config, Environment, Service},
    event::Failure,
    git::CommitId,
    manifest::{Change, LookedAt, Manifests, SourceFile, may_select_pods},
    ops::{arms, command::Flags, deploy, failure, load::Target, manifests::glob_set, shared},
    rollout,
    units::Version,
};

/// The version that is tried. It differs from every one that runs.
const VERSION: &str = "0.0.0-shipgate-init";
/// What stands for the commit, which is never looked for: the id of git's empty tree, which no commit has.
const NO_COMMIT: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// The files that are there.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    pub manifests: &'a Manifests,
    pub unreadable: &'a BTreeSet<String>,
}

/// Says why a service of a drafted configuration could not be deployed to an environment.
pub(super) fn refusal(
    files: Files<'_>,
    config: &Arc<Config>,
    service: &str,
    place: &Place,
) -> Option<String> {
    let environment = config.environments.get(&place.name);
    let (Some(environment), Some(service)) = (environment, config.services.get(service)) else {
        return Some("it is not in the configuration".to_owned());
    };
    let (Ok(version), Ok(tip)) = (VERSION.parse(), NO_COMMIT.parse()) else {
        return Some("no version can be tried".to_owned());
    };
    let target = target(config, service, (&place.name, environment), tip);
    match changes(files, &target, &version) {
        Err(why) => Some(why),
        Ok(changes) => shared_file(&target, &changes, place),
    }
}

fn target(
    config: &Arc<Config>,
    service: &Service,
    (name, environment): (&str, &Environment),
    tip: CommitId,
) -> Target {
    Target {
        config: Arc::clone(config),
        service: service.in_environment(environment),
        environment: environment.clone(),
        environment_name: name.to_owned(),
        branch: String::new(),
        usual_branch: String::new(),
        tip,
        config_path: super::CONFIG.to_owned(),
        flags: Flags::default(),
        programs: Vec::new(),
    }
}

/// Returns what a deployment of the version would change in all.
fn changes(files: Files<'_>, target: &Target, version: &Version) -> Result<Vec<Change>, String> {
    let told = |failure: Failure| failure.to_string();
    let refused = |refusals| failure::refusals(refusals).to_string();
    let manifests = manifests(files, target)?;
    manifests.check_readable().map_err(refused)?;
    deploy::previous_version(target, &manifests).map_err(told)?;
    let facts = deploy::facts(target, &manifests).map_err(told)?;
    let plan = rollout::plan(&target.service, version, &facts);
    let replay = rollout::replay(&plan, &manifests).map_err(refused)?;
    let arms = arms::look(&target.service, &manifests);
    let arms = arms.map_err(|refusal| refused(vec![refusal]))?;
    if let Some(refusal) = arms.refusal {
        return Err(refused(vec![refusal]));
    }
    deploy::serves_with_pods(target, &manifests).map_err(told)?;
    Ok(replay.result(usize::MAX))
}

/// The files of the service, with those of the environment beside them as a deployment has them.
fn manifests(files: Files<'_>, target: &Target) -> Result<Manifests, String> {
    let globs = target.service.globs(&target.environment);
    let set = glob_set(&globs).map_err(|failure| failure.to_string())?;
    if let Some(path) = files.unreadable.iter().find(|path| set.is_match(path)) {
        return Err(format!("{path}: cannot be read"));
    }
    let source = |path: &str| SourceFile {
        path: path.to_owned(),
        bytes: files.manifests.text(path).unwrap_or_default().into(),
    };
    let root = Place::new(String::new(), target.environment.root.trim_matches('.'));
    let (own, others): (Vec<&str>, Vec<&str>) =
        files.manifests.paths().partition(|path| set.is_match(path));
    if own.is_empty() {
        return Err("none of its files is there".to_owned());
    }
    let own = own.into_iter().map(source).collect();
    let own = Manifests::parse(own).map_err(|all| failure::refusals(all).to_string())?;
    let beside = others
        .into_iter()
        .filter(|path| root.is_own(path))
        .map(source);
    let beside = beside.filter(|file| may_select_pods(&file.bytes));
    Ok(own.beside(beside.filter_map(LookedAt::new)))
}

/// Says that a version would get into other environments, too.
fn shared_file(target: &Target, changes: &[Change], place: &Place) -> Option<String> {
    let elsewhere = shared::check(target, changes).err()?;
    let outside = changes.iter().find(|change| !place.is_own(&change.path));
    let kustomized = outside.filter(|_| !place.built.is_empty());
    Some(match kustomized {
        Some(change) => format!(
            "{}:{} would bring its version to every environment at once; give each kustomization an entry in `images`",
            change.path, change.line
        ),
        None => elsewhere.to_string(),
    })
}
