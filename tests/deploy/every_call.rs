//! Death and failure at every single call to the outside: each request to the git server and to the
//! probes, before and after it was answered, and each pause. The calls are counted in a clean run.
//!
//! A sample of them is tried; with `SHIPGATE_PROVE=1` all of them are.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use shipgate::{
    clock::{Clock, ManualClock, Sleep},
    sim::{Faults, Scenario},
};
use tokio::sync::Notify;

use crate::{
    is_proof,
    runs::Start,
    stage::{Stage, all},
    trail::End,
    wire::{Call, Fate, When, Wire},
};

/// How many calls of each case are tried where not all are.
const SAMPLE: usize = 4;
/// How many worlds there are at a time.
const AT_A_TIME: usize = 12;

/// What happens at the call that is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// The run dies as by SIGKILL.
    Kill,
    /// The call fails; the run goes on as it can.
    Fail,
}

/// What is done while the calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// A version that is good is deployed.
    Deploy,
    /// A version that is bad is deployed, and goes back.
    WayBack,
    /// A deployment that died is recovered.
    Recover,
}

/// Counts calls to the outside and does harm at one of them.
#[derive(Clone, Default)]
struct Meter(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_on: bool,
    seen: usize,
    harm: Option<(usize, Harm)>,
    kill: Arc<Notify>,
}

impl Meter {
    /// Counts a call; returns the harm that is to be done at it.
    fn tick(&self) -> Option<Harm> {
        let mut state = self.0.lock().unwrap();
        if !state.is_on {
            return None;
        }
        state.seen += 1;
        let (number, harm) = state.harm?;
        if number != state.seen {
            return None;
        }
        if harm == Harm::Kill {
            state.kill.notify_one();
        }
        Some(harm)
    }

    fn begin(&self, kill: Arc<Notify>, harm: Option<(usize, Harm)>) {
        *self.0.lock().unwrap() = State {
            is_on: true,
            seen: 0,
            harm,
            kill,
        };
    }

    /// Stops counting and returns how many calls there were.
    fn end(&self) -> usize {
        let mut state = self.0.lock().unwrap();
        state.is_on = false;
        state.seen
    }

    fn watch(&self, wire: &Wire) {
        let meter = self.clone();
        wire.rule(move |_, when| match (meter.tick(), when) {
            (None, _) => Fate::Pass,
            (Some(Harm::Fail), When::Before) => Fate::Unavailable,
            (Some(_), _) => Fate::Drop,
        });
    }
}

/// The world's clock, on which every pause is counted.
struct Metered {
    clock: Arc<ManualClock>,
    meter: Meter,
}

impl Clock for Metered {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        match self.meter.tick() {
            Some(Harm::Kill) => Box::pin(std::future::pending()),
            // A pause cannot fail.
            Some(Harm::Fail) | None => self.clock.sleep(duration),
        }
    }
}

/// A world whose calls are counted.
struct Metering {
    stage: Stage,
    meter: Meter,
    _probes: Wire,
}

impl Metering {
    /// A world with a short plan, before the act.
    async fn new(act: Act, on_branch: bool) -> Self {
        let scenario = if act == Act::WayBack {
            Scenario::Errors
        } else {
            Scenario::Healthy
        };
        let mut stage = Stage::edited(scenario, |text| {
            let text = text.replace("      interval: 15s", "      interval: 1m");
            let (head, rest) = text.split_once("        steps:\n").unwrap();
            let (_, tail) = rest.split_once("        bake_time:").unwrap();
            let steps = "          - set_weight: 10\n          - pause: {duration: 3m}\n";
            format!("{head}        steps:\n{steps}        bake_time:{tail}")
        });
        let probes = stage.with_probes_on_a_wire();
        stage.world.set_faults(Faults {
            refuse_journal: on_branch,
            ..Faults::default()
        });
        if act == Act::Recover {
            let start = Start::new();
            let kill = start.kill.clone();
            stage.wire.at(Call::Branch, When::After, 2, move || {
                kill.notify_one();
                Fate::Drop
            });
            assert_eq!(stage.deploy_with("1.1", start).await.code, None);
        }
        let meter = Meter::default();
        meter.watch(&stage.wire);
        meter.watch(&probes);
        stage.time = Arc::new(Metered {
            clock: Arc::clone(&stage.clock),
            meter: meter.clone(),
        });
        Self {
            stage,
            meter,
            _probes: probes,
        }
    }

    /// Does the act, with harm at one call, and returns how it ended and how many calls it made.
    async fn act(&self, act: Act, harm: Option<(usize, Harm)>) -> (End, usize) {
        let start = match act {
            Act::Deploy | Act::WayBack => Start::new(),
            Act::Recover => Start::by("alex"),
        };
        self.meter.begin(start.kill.clone(), harm);
        let end = match act {
            Act::Deploy | Act::WayBack => self.stage.deploy_with("1.1", start).await,
            Act::Recover => self.stage.recover_with(start).await,
        };
        (end, self.meter.end())
    }
}

/// Is everything on the branch and in the cluster as it was at first, or as it is to be at last?
fn place(stage: &Stage) -> &'static str {
    stage.clock.advance(Duration::from_secs(60));
    match (stage.tree().as_str(), stage.live().as_str()) {
        ("as at first", "stable 1.0, canary nothing with 0%") => "old",
        (_, "stable 1.1, canary nothing with 0%") => {
            stage.assert_deployed("at the end");
            "new"
        }
        _ => "between",
    }
}

/// One call, one harm: what is left is named by the contract, and leads to an end.
async fn harmed(act: Act, on_branch: bool, number: usize, harm: Harm, again: bool) -> Option<u8> {
    let metering = Metering::new(act, on_branch).await;
    let (end, calls) = metering.act(act, Some((number, harm))).await;
    let stage = &metering.stage;
    let what = format!(
        "{act:?} on_branch={on_branch} {harm:?} at call {number}:\n{end}\n{:?}",
        stage.journal()
    );
    assert!(calls >= number, "the call was not reached: {what}");
    match (end.code, place(stage)) {
        (None, _) => assert_eq!(harm, Harm::Kill, "{what}"),
        // A recovery that could not begin leaves what it found.
        (Some(20), "between") if act == Act::Recover => {}
        (Some(0), place) if act == Act::Deploy => assert_eq!(place, "new", "{what}"),
        (Some(0), place) => assert_eq!(place, "old", "{what}"),
        (Some(20..40), place) => assert_eq!(place, "old", "{what}"),
        (Some(40), place) => assert_eq!(place, "old", "{what}"),
        (Some(42), _) => assert_eq!(act, Act::Deploy, "{what}"),
        (Some(_), _) => panic!("{what}"),
    }
    let mut last = if again && act != Act::Recover {
        stage.deploy("1.1").await
    } else {
        stage.recover().await
    };
    if matches!(last.code, Some(14)) {
        last = stage.recover().await;
    }
    let what = format!("{what}\nthen {last}\n{:?}", stage.journal());
    assert!(matches!(last.code, Some(0 | 40)), "{what}");
    let journal = stage.journal();
    let newest = journal.last().map_or("nothing", String::as_str);
    match (place(stage), newest) {
        ("old", "nothing" | "rolled-back" | "withdrawn") => {}
        ("new", "verified") => assert_ne!(act, Act::WayBack, "{what}"),
        (place, newest) => panic!("{place} with {newest}: {what}"),
    }
    let before = stage.references();
    let idle = stage.recover().await;
    idle.assert(0, &what);
    assert!(
        idle.end().contains("nothing is unfinished"),
        "{what}\n{idle}"
    );
    assert_eq!(stage.references(), before, "{what}");
    end.code
}

/// Tries a case at all its calls, or at a sample of them that differs from case to case.
async fn case(act: Act, on_branch: bool) {
    let clean = Metering::new(act, on_branch).await;
    let (end, calls) = clean.act(act, None).await;
    let wanted = if act == Act::WayBack { 40 } else { 0 };
    end.assert(wanted, "without harm");
    let is_proof = is_proof();
    let seed = [act == Act::WayBack, act == Act::Recover, on_branch];
    let seed = seed.iter().fold(1, |sum, bit| sum * 2 + usize::from(*bit));
    let numbers: BTreeSet<usize> = if is_proof {
        (1..=calls).collect()
    } else {
        let chosen = (0..SAMPLE).map(|one| (one * calls / SAMPLE + seed) % calls + 1);
        chosen.chain([1, calls]).collect()
    };
    let harms = [
        (Harm::Kill, false),
        (Harm::Fail, true),
        (Harm::Kill, true),
        (Harm::Fail, false),
    ];
    let every: Vec<_> = numbers
        .iter()
        .enumerate()
        .flat_map(|(position, number)| {
            // A sample takes them in turn.
            let some = if is_proof {
                &harms[..]
            } else {
                std::slice::from_ref(&harms[position % harms.len()])
            };
            some.iter()
                .map(move |(harm, again)| (*number, *harm, *again))
        })
        .collect();
    for some in every.chunks(AT_A_TIME) {
        all(some
            .iter()
            .map(|(number, harm, again)| harmed(act, on_branch, *number, *harm, *again)))
        .await;
    }
    report(act, on_branch, calls, every.len());
}

#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn report(act: Act, on_branch: bool, calls: usize, tried: usize) {
    let place = if on_branch { "branch" } else { "reference" };
    eprintln!("{act:?}, journal on a {place}: {calls} calls, {tried} harms tried");
}

#[tokio::test]
async fn a_first_run() {
    case(Act::Deploy, false).await;
}

#[tokio::test]
async fn a_way_back() {
    case(Act::WayBack, false).await;
}

#[tokio::test]
async fn a_recovery() {
    case(Act::Recover, false).await;
}

#[tokio::test]
async fn a_first_run_with_its_journal_on_the_branch() {
    case(Act::Deploy, true).await;
}

#[tokio::test]
async fn a_way_back_with_its_journal_on_the_branch() {
    case(Act::WayBack, true).await;
}

#[tokio::test]
async fn a_recovery_with_its_journal_on_the_branch() {
    case(Act::Recover, true).await;
}
