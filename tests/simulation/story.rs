//! A whole story from its seed to its end, and what is promised of it.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use shipgate::{
    event::Outcome,
    ops::{
        deploy::OnCancel,
        stop::{Stop, Stopper},
    },
};

use crate::{
    planted::Bug,
    random::Random,
    runs::{self, Order, Running},
    schedule::{Agenda, Verdict, Wake},
    script::{Death, Deed, Script},
    world::World,
};

/// How long a world may go on.
const LONGEST: TimeDelta = TimeDelta::days(2);
/// How often somebody tidies a service up before it counts as stuck.
const TIDIES: usize = 6;

/// How a world ended.
pub struct Told {
    /// How the runs ended; none = killed.
    pub codes: Vec<Option<u8>>,
    /// What is not as promised.
    pub broken: Vec<String>,
    /// Everything that happened.
    pub trail: String,
}

/// A run under way.
struct Actor {
    running: Running,
    stopper: Stopper,
}

/// Lives a world through.
pub async fn live(seed: u64, bug: Option<Bug>, over_git: bool) -> Told {
    fastrand::seed(seed);
    let script = Script::of(seed);
    let (world, server) = World::start(script, bug, over_git);
    let codes = Box::pin(happen(&world)).await;
    if world.state().broken.is_empty() {
        Box::pin(settle(&world)).await;
    }
    drop(server);
    let mut state = world.state();
    Told {
        codes,
        broken: std::mem::take(&mut state.broken),
        trail: format!(
            "seed {seed}: {:#?}\n{}",
            world.script,
            state.trail.join("\n")
        ),
    }
}

/// Lets everything of the script happen in the order that the seed makes of it.
async fn happen(world: &Arc<World>) -> Vec<Option<u8>> {
    let roles = world.script.roles.clone();
    let random = &mut Random::new(world.script.seed ^ 0xa9e0_da00);
    let mut agenda = Agenda::default();
    let begun = world.begun;
    for (run, role) in roles.iter().enumerate() {
        let at = begun + role.at;
        agenda.add(at, Wake::Begin(run), random);
        let later = [
            role.killed.map(|after| (after, Wake::Kill(run))),
            role.signal.map(|(after, _)| (after, Wake::Signal(run))),
            role.jump.map(|(after, _)| (after, Wake::Jump(run))),
        ];
        for (after, wake) in later.into_iter().flatten() {
            agenda.add(at + after, wake, random);
        }
    }
    for (rival, (after, _)) in world.script.rivals.iter().enumerate() {
        agenda.add(begun + *after, Wake::Rival(rival), random);
    }
    let mut actors: BTreeMap<usize, Actor> = BTreeMap::new();
    let mut codes = vec![None; roles.len()];
    while let Some((at, wake)) = agenda.next() {
        world.time.turn_to(at);
        if at > begun + LONGEST {
            world.broken("it does not come to an end".to_owned());
            break;
        }
        let run = match wake {
            Wake::Begin(run) => {
                let role = &roles[run];
                world.time.skew(run, role.skew);
                let service = world.script.services[role.service].name;
                world.tell(&format!("run {run}: {:?} of {service}", role.deed));
                let order = Order {
                    run,
                    deed: role.deed.clone(),
                    service,
                    on_cancel: role.on_cancel,
                };
                let (stopper, stop) = Stop::channel();
                let running = runs::start(world, order, stop);
                actors.insert(run, Actor { running, stopper });
                run
            }
            Wake::Rested(run) => run,
            Wake::Release(run) => {
                // It may have been woken by something else meanwhile.
                let is_it = world.time.parked(run) == Some((at, wake));
                if !is_it || !world.time.release(run, Verdict::Go) {
                    continue;
                }
                run
            }
            Wake::Signal(run) => {
                let Some(actor) = actors.get(&run) else {
                    continue;
                };
                if let Some((_, reason)) = roles[run].signal {
                    world.tell(&format!("run {run}: {reason:?}"));
                    actor.stopper.stop(reason);
                }
                run
            }
            Wake::Jump(run) => {
                if let Some((_, by)) = roles[run].jump {
                    world.time.skew(run, by);
                }
                continue;
            }
            Wake::Kill(run) => {
                if let Some(actor) = actors.remove(&run) {
                    world.tell(&format!("run {run}: is killed"));
                    let state = {
                        let mut state = world.state();
                        let state = state.runs.entry(run).or_default();
                        state.is_dead = true;
                        state.late.is_some()
                    };
                    world.time.release(run, Verdict::Hang);
                    drop(actor);
                    if state {
                        let later = 1 + i64::try_from(random.below(300)).unwrap();
                        agenda.add(at + TimeDelta::seconds(later), Wake::Late(run), random);
                    }
                }
                continue;
            }
            Wake::Late(run) => {
                let question = world.state().runs.entry(run).or_default().late.take();
                if let Some(question) = question {
                    world.tell(&format!("run {run}: the server comes to its last push"));
                    world.apply(&question, Some(run));
                }
                continue;
            }
            Wake::Rival(number) => {
                world.rival(number);
                continue;
            }
        };
        let Some(actor) = actors.get_mut(&run) else {
            continue;
        };
        fastrand::seed(random.next());
        match world.time.drive(run, &mut actor.running).await {
            Ok(outcome) => {
                actors.remove(&run);
                codes[run] = Some(ended(world, run, &outcome));
            }
            Err((until, parked)) => {
                let dying = world.state().runs.entry(run).or_default().dying.take();
                let parked = if dying.is_some() {
                    Wake::Kill(run)
                } else {
                    parked
                };
                agenda.add(until.max(at), parked, random);
                debug_assert!(dying != Some(Death::Late) || parked == Wake::Kill(run));
            }
        }
    }
    codes
}

/// A run has ended: what does its code promise?
fn ended(world: &World, run: usize, outcome: &Outcome) -> u8 {
    let code = outcome.ending.code().number;
    world.tell(&format!("run {run}: ends with {code}: {}", outcome.reason));
    let Some(role) = world.script.roles.get(run) else {
        return code;
    };
    let service = &world.script.services[role.service];
    let (commits, newest, last, is_touched) = {
        let state = world.state();
        let newest = state.landed.newest.get(service.name).cloned();
        (
            state.runs.get(&run).map_or(0, |run| run.commits),
            newest,
            state.landed.last.get(service.name).copied(),
            state.touched.contains_key(&role.service),
        )
    };
    // Whoever came later has changed what this one left.
    let is_newest = newest.as_ref().is_none_or(|newest| newest.by == run)
        && last.is_none_or(|last| last == run);
    let told = || {
        format!(
            "run {run} ({:?}) ends with {code} ({})",
            role.deed, outcome.reason
        )
    };
    let state = newest
        .as_ref()
        .map_or("nothing", |newest| newest.state.as_str());
    // It took an interrupted run back first, and nothing of its own has landed.
    let is_of_another = state == "withdrawn" && outcome.reason.contains("; after that: ");
    match code {
        0 => {
            if let (Deed::Deploy(version), true, false) = (&role.deed, is_newest, is_touched) {
                let (wanted, live) = (world.wanted(service), world.live(role.service));
                if wanted.stable != version.as_str()
                    || wanted.weight != 0
                    || live.stable != version.as_str()
                {
                    world.broken(format!("{}, and there is {wanted:?}, {live:?}", told()));
                }
            }
        }
        40 | 51 if is_newest && !is_touched && state != "rolled-back" && !is_of_another => {
            world.broken(format!("{}, and the journal says {state}", told()));
        }
        40 | 41 | 42 | 43 | 44 | 51 | 52 => {}
        10..40 | 130 | 143 => {
            if commits > 0 {
                world.broken(format!(
                    "{}, and {commits} of its commits are on the branch",
                    told()
                ));
            }
        }
        _ => world.broken(told()),
    }
    code
}

/// Does something where nothing goes wrong any more, and nobody else does anything.
async fn alone(world: &Arc<World>, run: usize, mut running: Running) -> Outcome {
    loop {
        match world.time.drive(run, &mut running).await {
            Ok(outcome) => return outcome,
            Err((until, Wake::Release(_))) => {
                world.time.turn_to(until);
                world.time.release(run, Verdict::Go);
            }
            Err((until, _)) => world.time.turn_to(until),
        }
    }
}

/// Everything is well again: whatever is unfinished comes to an end, and the end is as promised.
async fn settle(world: &Arc<World>) {
    world.tell("everything is well again");
    let now = world.time.now();
    for cluster in &mut world.state().clusters {
        cluster.healed = Some(now);
    }
    world.time.turn_to(now + TimeDelta::hours(2));
    let mut next = world.script.roles.len() + 100;
    for service in &world.script.services {
        let mut is_done = false;
        for _ in 0..TIDIES {
            let newest = world.state().landed.newest.get(service.name).cloned();
            let is_held = newest.is_some_and(|newest| newest.state == "held");
            let deed = if is_held {
                Deed::Rollback
            } else {
                Deed::Recover
            };
            let before = world.origin.references().unwrap();
            next += 1;
            let order = Order {
                run: next,
                deed,
                service: service.name,
                on_cancel: OnCancel::Rollback,
            };
            world.tell(&format!("run {next}: {:?} of {}", order.deed, service.name));
            let (_stopper, stop) = Stop::channel();
            let outcome = alone(world, next, runs::start(world, order, stop)).await;
            let code = ended(world, next, &outcome);
            // Which value is right, ours or somebody else's, a person decides.
            let is_given_up = outcome.reason_code == "not-taken-back";
            let is_tidy = (code == 0 && !is_held) || is_given_up;
            if is_tidy && before == world.origin.references().unwrap() {
                is_done = true;
                break;
            }
        }
        if !is_done {
            world.broken(format!("{} can not be tidied up", service.name));
        }
    }
    end(world, next + 1).await;
}

async fn end(world: &Arc<World>, run: usize) {
    let now = world.time.now();
    world.time.turn_to(now + TimeDelta::hours(1));
    let files = world.files(world.tip());
    let (marks, touched, newest) = {
        let state = world.state();
        (
            state.marks.clone(),
            state.touched.clone(),
            state.landed.newest.clone(),
        )
    };
    for (path, mark) in marks {
        if !files.get(&path).is_some_and(|text| text.contains(&mark)) {
            world.broken(format!("somebody else's `{mark}` in {path} is gone"));
        }
    }
    for (index, service) in world.script.services.iter().enumerate() {
        let state = newest
            .get(service.name)
            .map_or("withdrawn", |newest| newest.state.as_str());
        if !["withdrawn", "verified", "rolled-back", "superseded"].contains(&state) {
            world.broken(format!("the journal of {} ends with {state}", service.name));
        }
        let (wanted, live) = (world.wanted(service), world.live(index));
        if touched.contains_key(&index) {
            continue;
        }
        if wanted.weight != 0 || wanted.replicas != 0 || live.stable != wanted.stable {
            world.broken(format!(
                "{} is left with {wanted:?}, {live:?}",
                service.name
            ));
        }
    }
    let outcome = alone(world, run, runs::audit(world, run)).await;
    let others = world.state().others.clone();
    match outcome.audit {
        None => world.broken(format!("the history can not be judged: {}", outcome.reason)),
        Some(audit) => {
            for gap in audit.gaps {
                if !gap
                    .commit
                    .as_ref()
                    .is_some_and(|commit| others.contains(commit))
                {
                    world.broken(format!("nobody explains: {}", gap.message));
                }
            }
        }
    }
}
