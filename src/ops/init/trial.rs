//! What `plan` would refuse of a drafted configuration: the same is asked of the same files.

use std::{collections::BTreeSet, sync::Arc};

use super::{inside, place::Place};
use crate::{
    config::Config,
    event::Failure,
    manifest::{Change, LookedAt, Manifests, SourceFile, ValuesIn, may_select_pods},
    ops::{self, arms, deploy, failure, load::Target, manifests::glob_set, shared},
};

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
    let tried = ops::trial::target(config, service, (&place.name, environment));
    let tried = tried.map_err(|failure| failure.to_string());
    let tried = tried.and_then(|target| Ok((changes(files, &target)?, target)));
    match tried {
        Err(why) => Some(why),
        Ok((changes, target)) => shared_file(&target, &changes, place),
    }
}

/// Returns what a deployment would change in all.
fn changes(files: Files<'_>, target: &Target) -> Result<Vec<Change>, String> {
    let told = |failure: Failure| failure.to_string();
    let manifests = manifests(files, target)?;
    let replay = ops::trial::replay(target, &manifests).map_err(told)?;
    let refused = |refusal| failure::refusals(vec![refusal]).to_string();
    let arms = arms::look(&target.service, &manifests).map_err(refused)?;
    if let Some(refusal) = arms.refusal {
        return Err(refused(refusal));
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
            "{}:{} would bring its version to every environment at once; {}",
            change.path,
            change.line,
            for_each(target)
        ),
        None => elsewhere.to_string(),
    })
}

/// Says how a kustomization has a version of its own.
fn for_each(target: &Target) -> String {
    let helm = target.service.helm.as_ref();
    let tag = match helm.map(|helm| &helm.values) {
        Some(ValuesIn::Object(object)) => inside::patched_tag(&object.kind),
        _ => None,
    };
    match tag {
        Some(tag) => format!(
            "give each kustomization a patch with `{tag}`, in a file of its own that is called the same everywhere, and run this again"
        ),
        None => "give each kustomization an entry in `images`".to_owned(),
    }
}
