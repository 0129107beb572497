//! SIGKILL at any moment: what is left is found, taken back or finished, and blocks nobody.

use std::{
    process::Command,
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    LIMIT,
    cluster::Random,
    is_proof,
    process::Running,
    side_by_side,
    stage::{Pace, Stage},
    until,
};

const SERVICE: &str = "advertisements";

/// When a run is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its start.
    After(Duration),
    /// As soon as the git server has seen so many more requests, and then so much later.
    Request(usize, Duration),
}

impl Moment {
    /// Chooses one for a run that takes `longest` and makes up to `requests` requests.
    fn choose(random: &mut Random, longest: u64, requests: u64) -> Self {
        if random.below(3) == 0 {
            Self::After(Duration::from_millis(random.below(longest)))
        } else {
            Self::Request(
                usize::try_from(random.below(requests)).unwrap(),
                Duration::from_millis(random.below(40)),
            )
        }
    }

    /// Waits for it, or for the end of the run.
    fn wait(self, stage: &Stage, seen: usize, run: &mut Running) {
        let rest = match self {
            Self::After(duration) => duration,
            Self::Request(number, rest) => {
                soon(LIMIT, || {
                    stage.server().log().len() - seen >= number || run.has_ended()
                });
                rest
            }
        };
        // The only thing here that is a length of time and not an event: the moment itself.
        soon(rest, || run.has_ended());
    }
}

/// Asks every millisecond until it is so or the time is up.
fn soon(at_most: Duration, mut is_so: impl FnMut() -> bool) {
    let (_keep, never) = mpsc::channel::<()>();
    let started = Instant::now();
    while started.elapsed() < at_most && !is_so() {
        let _ = never.recv_timeout(Duration::from_millis(1));
    }
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It had ended before its moment came.
    Ended,
    /// Killed, and nothing of it was there.
    Nothing,
    /// Killed and taken back.
    TakenBack,
    /// Killed after its version was judged good, and finished.
    Finished,
}

#[test]
fn a_killed_run_is_recovered_and_blocks_nobody() {
    let (stages, kills) = if is_proof() { (4, 10) } else { (3, 2) };
    let jobs: Vec<u64> = (0..stages).collect();
    let left = side_by_side(jobs, |seed| {
        let stage = Stage::start(100 + seed, &[], Pace::QUICK)?;
        let mut random = Random(seed);
        let mut before = "1.0".to_owned();
        let mut left = Vec::new();
        for number in 0..kills {
            let version = format!("1.{}", number + 1);
            let what = kill(&stage, &mut random, &before, &version);
            if matches!(what, Left::Ended | Left::Finished) {
                before = version;
            }
            left.push(what);
        }
        let last = stage.run(stage.deploy(SERVICE, "2.0")).expect(0);
        assert!(last.stdout.starts_with("DEPLOYED"), "{}", last.stdout);
        assert_finished(&stage, "2.0");
        Some(left)
    });
    report(&left.into_iter().flatten().flatten().collect::<Vec<_>>());
}

fn kill(stage: &Stage, random: &mut Random, before: &str, version: &str) -> Left {
    let tree = stage.tree("main");
    // A whole run takes 9 s and 31 requests.
    let moment = Moment::choose(random, 9_000, 31);
    let told = format!("{version} killed at {moment:?}");
    let was_killed = kill_at(stage, moment, stage.deploy(SERVICE, version));
    if random.below(2) == 0 {
        let moment = Moment::choose(random, 1_500, 16);
        kill_at(stage, moment, stage.recover(SERVICE));
    }
    let recovered = stage.run(stage.recover(SERVICE)).expect(0);
    let again = stage.run(stage.recover(SERVICE)).expect(0);
    assert!(
        again.said().contains("nothing is unfinished"),
        "{told}: {}",
        again.stdout
    );
    stage.assert_sound();
    if stage.tree("main") == tree {
        assert_eq!(
            stage.cluster.runs("advertisements").as_deref(),
            Some(before),
            "{told}"
        );
        return if recovered.said().contains("nothing is unfinished") {
            Left::Nothing
        } else {
            Left::TakenBack
        };
    }
    assert_finished(stage, version);
    if was_killed {
        Left::Finished
    } else {
        Left::Ended
    }
}

/// Runs a command and kills it at its moment; false = it had ended by itself.
fn kill_at(stage: &Stage, moment: Moment, command: Command) -> bool {
    let seen = stage.server().log().len();
    let mut run = Running::start(command);
    moment.wait(stage, seen, &mut run);
    run.signal(Signal::SIGKILL);
    let ran = run.wait();
    assert!(ran.code == -9 || ran.code == 0, "{ran:?}");
    stage.sweep();
    // What the server had in hand when its client went away.
    until("the server to rest", || {
        stage.server().is_idle().then_some(())
    });
    ran.code == -9
}

/// The version is everywhere, and the canary is put away.
fn assert_finished(stage: &Stage, version: &str) {
    let difference = stage.git(&["diff", &stage.first, "main"]);
    assert_eq!(
        stage.text("clusters/prod/advertisements-ingress.yaml"),
        stage.git(&[
            "show",
            &format!("{}:clusters/prod/advertisements-ingress.yaml", stage.first)
        ]) + "\n",
        "{difference}"
    );
    let image = format!("registry.example/shop/advertisements:{version}");
    let canary = stage.text("clusters/prod/advertisements-canary.yaml");
    assert!(canary.contains("  replicas: 0   # raised"), "{difference}");
    assert!(canary.contains(&image), "{difference}");
    let stable = stage.text("clusters/prod/advertisements.yaml");
    assert!(stable.contains(&image), "{difference}");
    assert_eq!(
        stage.cluster.runs("advertisements").as_deref(),
        Some(version)
    );
}

#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn report(left: &[Left]) {
    let count = |what| left.iter().filter(|it| **it == what).count();
    eprintln!(
        "{} runs: {} ended before their kill, {} left nothing, {} were taken back, {} were finished",
        left.len(),
        count(Left::Ended),
        count(Left::Nothing),
        count(Left::TakenBack),
        count(Left::Finished)
    );
}
