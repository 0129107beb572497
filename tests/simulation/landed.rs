//! What a reference took, and whether it is as promised at that very moment.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use git2::{Oid, Sort};
use shipgate::git::Trailers;

use crate::{
    shop::{self, INTERVAL, Service, values},
    world::World,
};

/// How long after a version got bad more of it may still come: the interval at which it is watched,
/// and how long a commit that was decided before may take until it is on the branch.
const REACTION: i64 = INTERVAL + 120 + 30;

/// The newest record of a journal.
#[derive(Debug, Clone)]
pub struct Newest {
    /// Which run of ours wrote it.
    pub by: usize,
    /// Id of the deployment.
    pub run: String,
    /// How that stands.
    pub state: String,
    /// Its version.
    pub version: String,
}

/// What is known of the journals.
#[derive(Default)]
pub struct Landed {
    /// By service.
    pub newest: BTreeMap<String, Newest>,
    /// When each deployment wrote its first record, and which commit it began at.
    begun: BTreeMap<String, (DateTime<Utc>, Option<Oid>)>,
    /// Who has written a journal and was followed by another one.
    fenced: BTreeSet<(String, usize)>,
    /// Who has written the records of each deployment.
    writers: BTreeMap<String, BTreeSet<usize>>,
    /// Who wrote a branch last, for each service.
    pub last: BTreeMap<String, usize>,
}

/// Looks at what a reference took from a run.
pub fn took(world: &World, run: usize, name: &str, old: Option<Oid>, new: Oid) {
    let commits = {
        let disk = world.disk.lock().unwrap();
        if let Some(old) = old.filter(|old| !disk.graph_descendant_of(new, *old).unwrap()) {
            drop(disk);
            world.broken(format!(
                "run {run} took commits away from {name}: {old} is not below {new}"
            ));
            return;
        }
        let mut walk = disk.revwalk().unwrap();
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).unwrap();
        walk.push(new).unwrap();
        if let Some(old) = old {
            walk.hide(old).unwrap();
        }
        walk.flatten().collect::<Vec<_>>()
    };
    for id in commits {
        let (message, parent) = {
            let disk = world.disk.lock().unwrap();
            let commit = disk.find_commit(id).unwrap();
            (
                commit.message().unwrap().to_owned(),
                commit.parent_id(0).ok(),
            )
        };
        let trailers = Trailers::parse(&message);
        let subject = message.lines().next().unwrap_or_default();
        if trailers.get("Writer").is_some() {
            world.state().runs.entry(run).or_default().records += 1;
            world.tell(&format!(
                "run {run}: record `{subject}`, step {}",
                trailers.get("Step").unwrap_or("?")
            ));
            record(world, run, &trailers);
        } else {
            world.state().runs.entry(run).or_default().commits += 1;
            world.tell(&format!("run {run}: commit `{subject}`"));
            commit(world, run, id, parent, &trailers);
        }
    }
    if name.starts_with("refs/heads/") {
        world.turned();
    }
}

fn owned(trailers: &Trailers, key: &str) -> String {
    trailers.get(key).unwrap_or_default().to_owned()
}

/// A record: nobody who was followed by another writer writes again, and an end is as it says.
fn record(world: &World, run: usize, trailers: &Trailers) {
    let service = owned(trailers, "Service");
    let newest = Newest {
        by: run,
        run: owned(trailers, "Run"),
        state: owned(trailers, "State"),
        version: owned(trailers, "Version"),
    };
    let now = world.time.now();
    let was_fenced = {
        let mut state = world.state();
        let landed = &mut state.landed;
        let base = trailers.get("Base").and_then(|text| text.parse().ok());
        landed
            .begun
            .entry(newest.run.clone())
            .or_insert((now, base));
        landed
            .writers
            .entry(newest.run.clone())
            .or_default()
            .insert(run);
        let before = landed.newest.insert(service.clone(), newest.clone());
        if let Some(before) = before.filter(|before| before.by != run) {
            landed.fenced.insert((service.clone(), before.by));
        }
        landed.fenced.contains(&(service.clone(), run))
    };
    if was_fenced && world.script.roles.get(run).is_some() {
        world.broken(format!("two writers on the journal of {service}: run {run} was followed by another one and writes again"));
    }
    let Some(index) = world
        .script
        .services
        .iter()
        .position(|it| it.name == service)
    else {
        return world.broken(format!("run {run} writes a journal of {service:?}"));
    };
    match newest.state.as_str() {
        "verified" => verified(world, index, &newest),
        "rolled-back" => rolled_back(world, index, &newest),
        _ => {}
    }
}

/// Has somebody else changed a value of a service since a deployment began?
fn is_touched(world: &World, service: usize, run: &str) -> bool {
    let state = world.state();
    let begun = state.landed.begun.get(run).map(|(at, _)| *at);
    let touched = state.touched.get(&service);
    // A run looks at the branch before it writes its first record.
    touched
        .is_some_and(|touched| begun.is_none_or(|begun| *touched + TimeDelta::minutes(30) >= begun))
}

fn verified(world: &World, index: usize, newest: &Newest) {
    let service = &world.script.services[index];
    if is_touched(world, index, &newest.run) {
        return;
    }
    let (wanted, live) = (world.wanted(service), world.live(index));
    let version = &newest.version;
    if wanted.stable != *version || wanted.weight != 0 || wanted.replicas != 0 {
        world.broken(format!(
            "{} {version} is verified, and the branch has {wanted:?}",
            service.name
        ));
    }
    if live.stable != *version {
        world.broken(format!(
            "{} {version} is verified, and what runs is {live:?}",
            service.name
        ));
    }
    // Whoever finishes what another one has judged good only puts the canary away.
    let is_alone = world
        .state()
        .landed
        .writers
        .get(&newest.run)
        .is_some_and(|all| all.len() == 1);
    if is_alone && is_bad_for_long(world, index, newest) {
        world.broken(format!(
            "{} {version} is verified, and it has been bad for long",
            service.name
        ));
    }
}

fn rolled_back(world: &World, index: usize, newest: &Newest) {
    let service = &world.script.services[index];
    let base = world
        .state()
        .landed
        .begun
        .get(&newest.run)
        .and_then(|(_, base)| *base);
    let Some(base) = base.filter(|_| !is_touched(world, index, &newest.run)) else {
        return;
    };
    let (old, new) = (world.files(base), world.files(world.tip()));
    for path in service.paths() {
        let (before, after) = (values(&old[&path]).0, values(&new[&path]).0);
        if before != after {
            world.broken(format!(
                "{} is rolled back, and {path} has {after:?} instead of {before:?}",
                service.name
            ));
        }
    }
    let (wanted, live) = (shop::wanted(service, &old), world.live(index));
    if live.stable != wanted.stable || live.weight != wanted.weight {
        world.broken(format!(
            "{} is rolled back to {wanted:?}, and what runs is {live:?}",
            service.name
        ));
    }
}

/// Is a bad version with its users for longer than it may take to be seen? What was bad before it
/// came says nothing about it.
fn is_bad_for_long(world: &World, service: usize, newest: &Newest) -> bool {
    world.look_at(service);
    let base = world
        .state()
        .landed
        .begun
        .get(&newest.run)
        .and_then(|(_, base)| *base);
    let Some(base) = base else {
        return false;
    };
    let before = shop::wanted(&world.script.services[service], &world.files(base)).stable;
    if world.onset(service, &before).is_some() {
        return false;
    }
    let state = world.state();
    let held = state.runs.values().map(|run| run.held).sum::<TimeDelta>();
    let longest = TimeDelta::seconds(REACTION) + held;
    let since = state.sick.get(&(service, newest.version.clone()));
    since.is_some_and(|since| *since + longest < world.time.now())
}

/// A commit: only values of one service differ, and no more requests go to what is bad or not there.
fn commit(world: &World, run: usize, id: Oid, parent: Option<Oid>, trailers: &Trailers) {
    let name = owned(trailers, "Service");
    let services = &world.script.services;
    let Some(index) = services.iter().position(|service| service.name == name) else {
        return world.broken(format!("run {run} commits for {name:?}"));
    };
    let service = &services[index];
    let planted = world
        .bug
        .filter(|_| trailers.get("State") == Some("rolling-back"));
    let base = trailers.get("Base").and_then(|text| text.parse().ok());
    let paths: BTreeSet<String> = service.paths().into_iter().collect();
    let made = planted
        .zip(base)
        .and_then(|(bug, base)| bug.after_way_back(world, base, &paths));
    let (before, after) = (
        world.files(parent.unwrap()),
        world.files(made.unwrap_or(id)),
    );
    if before.keys().ne(after.keys()) {
        world.broken(format!("run {run} adds or removes files"));
    }
    for (path, old) in before
        .iter()
        .filter(|(path, old)| after.get(*path) != Some(*old))
    {
        let new = after.get(path).map_or("", String::as_str);
        if !paths.contains(path) || values(old).1 != values(new).1 {
            world.broken(format!("run {run} changes more than its values in {path}"));
        }
    }
    world.state().landed.last.insert(name, run);
    let (old, new) = (
        shop::wanted(service, &before),
        shop::wanted(service, &after),
    );
    more_of_it(world, run, index, service, (&old, &new));
}

fn more_of_it(
    world: &World,
    run: usize,
    index: usize,
    service: &Service,
    (old, new): (&shop::Wanted, &shop::Wanted),
) {
    if new.weight <= old.weight {
        return;
    }
    if ![10, 50].contains(&new.weight) {
        world.broken(format!(
            "run {run}: {} gets a weight that nobody planned: {}",
            service.name, new.weight
        ));
    }
    let live = world.live(index);
    let is_touched = world.state().touched.contains_key(&index);
    if !is_touched && live.canary.as_ref() != Some(&new.canary) {
        world.broken(format!(
            "run {run}: {} gets weight {}, and its canary is {:?}",
            service.name, new.weight, live.canary
        ));
    }
    let newest = world.state().landed.newest.get(service.name).cloned();
    if newest.is_some_and(|newest| is_bad_for_long(world, index, &newest)) {
        world.broken(format!(
            "run {run}: {} gets weight {}, and it has been bad for long",
            service.name, new.weight
        ));
    }
}
