//! Signals and the death of the starter, before and during every step.

use shipgate::{
    event::Event,
    ops::{deploy::OnCancel, stop::StopReason},
    sim::Scenario,
};

use crate::{
    runs::Start,
    stage::{STEPS, Stage, WRITES, all, starts},
    trail::End,
    wire::{Call, Fate, When},
};

/// When a wish to stop comes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    /// Before the step does anything.
    Before(usize),
    /// While it waits, or between its record and its push.
    During(usize),
}

async fn stopped(stage: &Stage, moment: Moment, reason: StopReason, on_cancel: OnCancel) -> End {
    let start = Start {
        on_cancel,
        ..Start::new()
    };
    let stopper = start.stopper.clone();
    let start = match moment {
        Moment::Before(step) => start.hook(move |event| {
            if starts(event, step) {
                stopper.stop(reason);
            }
        }),
        Moment::During(step) => {
            if let Some(write) = WRITES.iter().position(|write| *write == step) {
                let stopper = stopper.clone();
                stage
                    .wire
                    .at(Call::Journal, When::After, write + 1, move || {
                        stopper.stop(reason);
                        Fate::Pass
                    });
            }
            let mut inside = false;
            let mut asked = false;
            start.hook(move |event| {
                inside |= starts(event, step);
                if inside && !asked && matches!(event, Event::Waiting { .. }) {
                    asked = true;
                    stopper.stop(reason);
                }
                inside &= !matches!(event, Event::StepFinished { .. });
            })
        }
    };
    let end = stage.deploy_with("1.1", start).await;
    stage.wire.rule(|_, _| Fate::Pass);
    end
}

fn moments() -> impl Iterator<Item = Moment> {
    (1..=STEPS).flat_map(|step| [Moment::Before(step), Moment::During(step)])
}

/// Is anything on the branch by then?
fn changed(moment: Moment) -> bool {
    match moment {
        Moment::Before(step) | Moment::During(step) => step > 1,
    }
}

/// Is the version judged in full by then, and only the canary to be put away?
fn tidies(moment: Moment) -> bool {
    matches!(moment, Moment::Before(10 | 11) | Moment::During(10 | 11))
}

#[tokio::test]
async fn a_good_version_is_not_taken_back_by_a_signal() {
    let stage = Stage::brief(Scenario::Healthy);
    let signal = (StopReason::Terminate, OnCancel::Rollback);
    let end = stopped(&stage, Moment::Before(10), signal.0, signal.1).await;
    insta::assert_snapshot!(end.end(), @r"
    52 cancelled-left: advertisements 1.1 in production is live for everyone, but is not tidied up: terminated (SIGTERM)
      hint: run the same deploy again, or `shipgate recover --service advertisements --environment production`: it does what is left
    ");
    assert_eq!(stage.live(), "stable 1.1, canary 1.1 with 50%");
    // Nobody else waits for it, and whoever comes finishes it: the same deploy, too.
    let commits = stage.commits();
    stage.deploy("1.2").await.assert(14, "another one");
    assert_eq!(stage.commits(), commits);
    stage.deploy("1.1").await.assert(0, "the same again");
    stage.assert_deployed("the same again");
}

#[tokio::test]
async fn a_signal_ends_a_run_with_nothing_changed_or_everything_back_unless_it_is_good() {
    for (reason, untouched) in [(StopReason::Interrupt, 130), (StopReason::Terminate, 143)] {
        // Which of the two it is matters only until something was changed.
        let some = moments()
            .filter(|moment| reason == StopReason::Interrupt || !changed(*moment))
            .collect::<Vec<_>>();
        all(some.into_iter().map(async |moment| {
            let what = format!("{reason:?} {moment:?}");
            let stage = Stage::brief(Scenario::Healthy);
            let end = stopped(&stage, moment, reason, OnCancel::Rollback).await;
            if tidies(moment) {
                end.assert(52, &what);
                stage.recover().await.assert(0, &what);
                stage.assert_deployed(&what);
            } else {
                let code = if changed(moment) { 51 } else { untouched };
                end.assert(code, &what);
                stage.assert_restored(&what);
            }
            if !changed(moment) {
                assert_eq!(stage.commits(), 0, "{what}");
            }
            // Nothing is left that would stop the next one.
            let before = stage.references();
            stage.recover().await.assert(0, &what);
            assert_eq!(stage.references(), before, "{what}");
        }))
        .await;
    }
}

#[tokio::test]
async fn a_run_that_is_left_is_finished_by_recover() {
    let rows = [
        (StopReason::StarterGone, OnCancel::Rollback),
        (StopReason::Interrupt, OnCancel::Hold),
    ];
    for (row, (reason, on_cancel)) in rows.into_iter().enumerate() {
        let some = moments().filter(|moment| match moment {
            Moment::Before(step) | Moment::During(step) => step % 2 == row % 2,
        });
        all(some.map(async |moment| {
            let what = format!("{reason:?} {moment:?}");
            let stage = Stage::brief(Scenario::Healthy);
            let end = stopped(&stage, moment, reason, on_cancel).await;
            let landed = WRITES
                .iter()
                .filter(|write| match moment {
                    Moment::Before(step) | Moment::During(step) => **write < step,
                })
                .count();
            assert_eq!(stage.commits(), landed, "{what}:\n{end}");
            let code = match (changed(moment), reason) {
                (true, _) => 52,
                (false, StopReason::Interrupt) => 130,
                (false, _) => 143,
            };
            end.assert(code, &what);
            stage.recover().await.assert(0, &what);
            // Whoever is gone has not said that it had come to tidying up.
            let is_known = moment != Moment::Before(10) || reason != StopReason::StarterGone;
            if tidies(moment) && is_known {
                stage.assert_deployed(&what);
            } else {
                stage.assert_restored(&what);
            }
            let before = stage.references();
            stage.recover().await.assert(0, &what);
            assert_eq!(stage.references(), before, "{what}");
        }))
        .await;
    }
}

#[tokio::test]
async fn the_record_after_exit_52_stops_others_until_a_person_comes() {
    let stage = Stage::brief(Scenario::Healthy);
    let end = stopped(
        &stage,
        Moment::During(4),
        StopReason::Terminate,
        OnCancel::Hold,
    )
    .await;
    insta::assert_snapshot!(end.end(), @r"
    52 cancelled-left: advertisements 1.1 in production: terminated (SIGTERM); left as it is
      hint: run `shipgate recover --service advertisements --environment production`: it takes back what is half done
    ");
    assert_eq!(stage.journal(), ["started", "advanced", "advanced"]);
    let record = stage.remote();
    let record = record
        .find_reference("refs/shipgate/production/advertisements")
        .unwrap()
        .peel_to_commit()
        .unwrap();
    let lines = record.message().unwrap().lines();
    let told: Vec<&str> = lines
        .filter(|line| {
            ["State", "Step", "Weight", "Reason", "Expires", "Intended"]
                .iter()
                .any(|key| line.starts_with(&format!("Shipgate-{key}: ")))
        })
        .collect();
    // It holds the journal until no time, so nobody waits for it.
    insta::assert_snapshot!(told.join("\n"), @r"
    Shipgate-Step: 3/11
    Shipgate-Weight: 10
    Shipgate-State: advanced
    Shipgate-Reason: terminated (SIGTERM)
    ");
    let other = stage.deploy("1.2").await;
    insta::assert_snapshot!(other.end(), @r"
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, advanced) is not finished
      hint: run `shipgate recover --service advertisements --environment production`: it finishes or takes back what that run left
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:00:37Z (terminated (SIGTERM))
    ");
    stage.deploy("1.1").await.assert(0, "the same again");
    stage.assert_deployed("the same again");
}

#[tokio::test]
async fn nothing_is_written_once_the_starter_is_gone() {
    let stage = Stage::brief(Scenario::Healthy);
    let moment = Moment::During(1);
    let end = stopped(&stage, moment, StopReason::StarterGone, OnCancel::Rollback).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: failed (the process that started this run is gone)
    143 terminated: the process that started this run is gone; nothing was changed
      hint: the journal says that this run began: run `shipgate recover --service advertisements --environment production`, or the same deploy again
    log: 
    journal: started
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    // The record stays, and the same pipeline goes on from it.
    stage.deploy("1.1").await.assert(0, "again");
}

/// Asks to stop so many times during the way back of a bad version.
async fn stopped_on_the_way_back(stage: &Stage, times: usize) -> End {
    let start = Start::new();
    let stopper = start.stopper.clone();
    let start = start.hook(move |event| {
        if matches!(event, Event::WayBack { .. }) {
            for _ in 0..times {
                stopper.stop(StopReason::Interrupt);
            }
        }
    });
    stage.deploy_with("1.1", start).await
}

#[tokio::test]
async fn one_signal_does_not_leave_a_bad_version_with_its_users() {
    let stage = Stage::brief(Scenario::Errors);
    stopped_on_the_way_back(&stage, 1).await.assert(40, "one");
    stage.assert_restored("one");
    let stage = Stage::brief(Scenario::Errors);
    let end = stopped_on_the_way_back(&stage, 2).await;
    insta::assert_snapshot!(stage.story(&end), @r#"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: failed (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/4 back: canary weight to what it was: failed (interrupted (SIGINT))
    52 cancelled-left: advertisements 1.1 in production: interrupted (SIGINT) while it was taken back (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); nothing is back yet
      hint: run `shipgate recover --service advertisements --environment production`: it finishes the way back
    log: advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced rolling-back
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    advertisements-canary.yaml: nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests -> nginx.ingress.kubernetes.io/canary-weight: "10"   # percent of the requests
    live: stable 1.0, canary 1.1 with 10%
    "#);
    stage.recover().await.assert(0, "recovered");
    stage.assert_restored("recovered");
    // Nobody has to wait for it: its last record says that nobody is at it.
    let stage = Stage::brief(Scenario::Errors);
    stopped_on_the_way_back(&stage, 2).await.assert(52, "again");
    let end = stage.deploy("1.2").await;
    end.assert(0, "another version");
    let is_recovery = |line: &&String| line.contains("recovered first");
    assert_eq!(end.trail.iter().filter(is_recovery).count(), 1, "{end}");
}
