//! A run that died long ago, and one that is waited for.

use std::{sync::Arc, time::Duration};

use shipgate::{
    event::Event,
    ops::{case::Circumstances, stop::StopReason},
    sim::Scenario,
};
use tokio::sync::Notify;

use crate::{
    runs::Start,
    stage::{CANARY, CONFIG, STEPS, Stage, WRITES, all, starts},
    wire::{Call, Fate, Gate, When},
};

/// A world in which a deployment of 1.1 died at a step.
async fn died(scenario: Scenario, step: usize) -> Stage {
    let stage = Stage::brief(scenario);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if starts(event, step) {
            kill.notify_one();
        }
    });
    assert_eq!(stage.deploy_with("1.1", start).await.code, None);
    stage
}

fn waiting(length: u64) -> Start {
    Start {
        circumstances: Circumstances {
            wait_for_run: Some(Duration::from_secs(length)),
            ..Circumstances::default()
        },
        ..Start::by("alex")
    }
}

#[tokio::test]
async fn it_is_recovered_before_another_version_is_deployed() {
    let stage = died(Scenario::Healthy, 4).await;
    stage.clock.advance(Duration::from_secs(3600));
    let before = stage.references();
    let start = Start {
        dry_run: true,
        ..Start::new()
    };
    let shown = stage.deploy_with("1.2", start).await;
    insta::assert_snapshot!(shown.end(), @r"
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, advanced) is not finished
      hint: run `shipgate recover --service advertisements --environment production`: it finishes or takes back what that run left
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:00:37Z
      hint: a deployment that is no dry run recovers it first
    ");
    assert_eq!(stage.references(), before);
    let end = stage.deploy("1.2").await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.2 to production
    gate: Allowed
    note: its writer is silent, so it is recovered first: advertisements 1.1 in production (run ID, started by robot, https://ci.example/robot): advanced at step 3/11, since 2026-03-10T10:00:00Z, expires 2026-03-10T10:20:37Z
    way back: run ID was interrupted (advanced)
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.2 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.2: passed (live after 27s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: passed (good after 3m)
    5/11 canary weight 50%: passed (commit ID)
    6/11 watch canary for 3m: passed (good after 3m)
    7/11 promote: Deployment/advertisements to 1.2: passed (commit ID)
    8/11 wait until stable runs 1.2: passed (live after 27s)
    9/11 watch stable for 2m: passed (good after 2m)
    10/11 canary weight 0%: passed (commit ID)
    11/11 canary to 0 replicas: passed (commit ID)
    0 ok: advertisements 1.2 in production is live and verified
    ");
    insta::assert_snapshot!(stage.history().await.join("\n"), @"
    canary verified (1.0 -> 1.2, by robot)
    canary rolled-back (1.0 -> 1.1, by robot)
    ");
}

#[tokio::test]
async fn wherever_it_died_the_next_version_gets_through() {
    all((2..=STEPS).map(async |step| {
        let what = format!("died at step {step}");
        let stage = died(Scenario::Healthy, step).await;
        stage.clock.advance(Duration::from_secs(24 * 3600));
        stage.deploy("1.2").await.assert(0, &what);
        let runs: Vec<String> = stage.history().await;
        let first = if WRITES[4] < step {
            "verified"
        } else {
            "rolled-back"
        };
        assert!(
            runs[0].contains("-> 1.2") && runs[0].contains("verified"),
            "{what}: {runs:?}"
        );
        assert!(
            runs[1].contains("-> 1.1") && runs[1].contains(first),
            "{what}: {runs:?}"
        );
        assert_eq!(stage.live(), "stable 1.2, canary nothing with 0%", "{what}");
    }))
    .await;
}

#[tokio::test]
async fn what_somebody_else_wrote_meanwhile_stops_the_next_version() {
    let stage = died(Scenario::Healthy, 4).await;
    stage.edit(CANARY, "canary-weight: \"10\"", "canary-weight: \"25\"");
    stage.clock.advance(Duration::from_secs(3600));
    let end = stage.deploy("1.2").await;
    insta::assert_snapshot!(end.end(), @r#"
    43 superseded: a run that had expired is in the way, and recovering it ended so: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `25` now, not `0`, `10` or `50`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 25%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: look at what is on the branch now, then run the same deployment again
    "#);
    assert!(stage.text(CANARY).contains("canary-weight: \"25\""));
}

#[tokio::test]
async fn a_run_of_a_service_with_another_name_by_now_is_told_of() {
    let stage = died(Scenario::Healthy, 4).await;
    let named = stage.unnamed().await;
    stage.edit(CONFIG, "  advertisements:\n", "  ads:\n");
    let renamed = stage.unnamed().await;
    insta::assert_snapshot!(format!("{named}\n\n{renamed}"), @r"
    0 ok: shown

    warning: run ID of advertisements 1.1 in production is not finished (advanced, its writer holds the journal until 2026-03-10T10:20:37Z), and shipgate.yaml does not name that: if it was renamed, give it its old name until `recover` has taken the run back
    0 ok: shown
    ");
}

#[tokio::test]
async fn a_gate_that_shuts_after_the_recovery_is_no_untouched_branch() {
    let stage = died(Scenario::Healthy, 4).await;
    stage.clock.advance(Duration::from_secs(3600));
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| {
        if matches!(event, Event::WayBack { .. }) {
            let world = &world;
            world
                .write("policies/FREEZE", b"checkout is down\n", "freeze")
                .unwrap();
        }
    });
    let end = stage.deploy_with("1.2", start).await;
    insta::assert_snapshot!(end.end(), @r"
    40 freeze: advertisements 1.1 in production is taken back; 1.0 is live (run ID was interrupted (advanced)); after that: frozen by policies/FREEZE: checkout is down
      hint: to go on, take the file FREEZE away on the policy's branch
      hint: going back stays allowed: `shipgate rollback --service advertisements --environment production`
    ");
    stage.assert_restored("");
}

#[tokio::test]
async fn a_writer_that_was_only_slow_is_fenced_out() {
    let stage = Stage::brief(Scenario::Healthy);
    let (begun, gone_on) = (Arc::new(Notify::new()), Gate::default());
    let (told, closed) = (Arc::clone(&begun), gone_on.clone());
    // It stops for an hour right before its second push.
    stage.wire.at(Call::Branch, When::Before, 2, move || {
        told.notify_one();
        Fate::Wait(closed.clone())
    });
    let (slow, next) = tokio::join!(stage.deploy("1.1"), async {
        begun.notified().await;
        stage.clock.advance(Duration::from_secs(3600));
        let next = stage.deploy("1.2").await;
        gone_on.open();
        next
    });
    next.assert(0, "the next one");
    slow.assert(43, "the slow one");
    assert_eq!(stage.live(), "stable 1.2, canary nothing with 0%");
}

#[tokio::test]
async fn whom_it_waits_for_is_said_once_and_on_change() {
    let stage = Stage::crowded(Scenario::Healthy);
    let (begun, gone_on) = (Arc::new(Notify::new()), Gate::default());
    let (told, closed) = (Arc::clone(&begun), gone_on.clone());
    // The first one stands still before its third record until the second one waits.
    stage.wire.at(Call::Journal, When::Before, 3, move || {
        told.notify_one();
        Fate::Wait(closed.clone())
    });
    let (first, second) = tokio::join!(stage.deploy("1.1"), async {
        begun.notified().await;
        let second = waiting(7200).hook(move |event| {
            if matches!(event, Event::Note(text) if text.contains("waiting for")) {
                gone_on.open();
            }
        });
        stage.deploy_with("1.2", second).await
    });
    first.assert(0, "the first");
    second.assert(0, "the second");
    let mut said: Vec<&String> = second
        .trail
        .iter()
        .filter(|line| line.contains("waiting for"))
        .collect();
    let all = said.len();
    said.dedup();
    assert_eq!(said.len(), all, "{second}");
    insta::assert_snapshot!(said[0], @"note: waiting for advertisements 1.1 in production (run ID, started by robot, https://ci.example/robot): advanced at step 3/11, since 2026-03-10T10:00:00Z, expires 2026-03-10T10:20:37Z");
    assert_eq!(stage.live(), "stable 1.2, canary nothing with 0%");
}

#[tokio::test]
async fn a_wait_has_an_end() {
    // Nobody is there any more, but the record holds for a quarter of an hour and more.
    let stage = died(Scenario::Healthy, 4).await;
    let from = stage.clock_now();
    let end = stage.deploy_with("1.2", waiting(120)).await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.2 to production
    gate: Allowed
    note: waiting for advertisements 1.1 in production (run ID, started by robot, https://ci.example/robot): advanced at step 3/11, since 2026-03-10T10:00:00Z, expires 2026-03-10T10:20:37Z
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, advanced) is not finished
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:00:37Z; it may still be under way until 2026-03-10T10:20:37Z
      hint: wait for its end: --wait-for-run 30m
      hint: only if it is known to be dead: `shipgate recover --service advertisements --environment production` takes it back at once
    ");
    assert_eq!(stage.clock_now() - from, chrono::TimeDelta::seconds(120));
    let start = waiting(120);
    let stopper = start.stopper.clone();
    let start = start.hook(move |event| {
        if matches!(event, Event::Note(text) if text.contains("waiting for")) {
            stopper.stop(StopReason::Terminate);
        }
    });
    stage
        .deploy_with("1.2", start)
        .await
        .assert(143, "stopped while it waited");
    // With more patience the run expires, and is recovered.
    stage
        .deploy_with("1.2", waiting(7200))
        .await
        .assert(0, "in the end");
}

#[tokio::test]
async fn a_run_that_is_held_is_not_waited_for() {
    let stage = Stage::with_steps(
        Scenario::Healthy,
        "set_weight: 10\npause: {}\npause: {duration: 1m}",
    );
    stage.deploy("1.1").await.assert(42, "held");
    let from = stage.clock_now();
    stage
        .deploy_with("1.2", waiting(7200))
        .await
        .assert(14, "left on purpose");
    stage.clock.advance(Duration::from_secs(30 * 24 * 3600));
    stage.deploy("1.2").await.assert(14, "a month later");
    assert!(stage.clock_now() - from < chrono::TimeDelta::days(31));
}

#[tokio::test]
async fn of_many_that_wait_one_after_the_other_gets_through() {
    let stage = Stage::crowded(Scenario::Healthy);
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let first = Start::new().hook(move |event| {
        if starts(event, 2) {
            told.notify_waiters();
        }
    });
    let later = ["1.2", "1.3", "1.4"].map(async |version| {
        begun.notified().await;
        stage.deploy_with(version, waiting(12 * 3600)).await
    });
    let (first, others) = tokio::join!(stage.deploy_with("1.1", first), all(later));
    first.assert(0, "the first");
    for end in &others {
        end.assert(0, "another");
    }
    let runs = stage.history().await;
    assert_eq!(runs.len(), 4, "{runs:?}");
    assert!(runs.iter().all(|run| run.contains("verified")), "{runs:?}");
}

#[tokio::test]
async fn a_recovery_that_dies_is_recovered() {
    let points = (1..=3).flat_map(|nth| [(Call::Journal, nth), (Call::Branch, nth.min(2))]);
    all(points.map(async |(call, nth)| {
        let what = format!("{call:?} {nth}");
        let stage = died(Scenario::Healthy, 6).await;
        let start = Start::by("alex");
        let kill = start.kill.clone();
        stage.wire.at(call, When::After, nth, move || {
            kill.notify_one();
            Fate::Drop
        });
        assert_eq!(stage.recover_with(start).await.code, None, "{what}");
        stage.wire.rule(|_, _| Fate::Pass);
        let end = stage.recover().await;
        end.assert(0, &what);
        stage.assert_restored(&what);
        let backs = stage
            .log()
            .iter()
            .filter(|line| line.contains("back to"))
            .count();
        assert_eq!(backs, 2, "{what}: {:?}", stage.log());
    }))
    .await;
}
