//! A git server that does not answer, answers that get lost, and limits of time.

use std::{sync::Arc, time::Duration};

use shipgate::{
    event::Event,
    ops::stop::StopReason,
    sim::{Faults, Scenario},
};

use crate::{
    runs::Start,
    stage::{STABLE, Stage, WRITES, all, edit, starts},
    wire::{Call, Fate, When},
};

#[tokio::test]
async fn a_push_whose_answer_is_lost_has_landed() {
    all(WRITES.map(async |step| {
        let what = format!("step {step}");
        let stage = Stage::brief(Scenario::Healthy);
        let world = Arc::clone(&stage.world);
        let start = Start::new().hook(move |event| {
            if starts(event, step) {
                world.set_faults(Faults {
                    lost_answers: 1,
                    ..Faults::default()
                });
            }
        });
        stage.deploy_with("1.1", start).await.assert(0, &what);
        assert_eq!(stage.world.faults().lost_answers, 0, "{what}");
        assert_eq!(stage.commits(), WRITES.len(), "{what}");
        stage.assert_deployed(&what);
    }))
    .await;
}

#[tokio::test]
async fn a_push_whose_answers_are_all_lost_is_read_back_until_it_is_known() {
    let stage = Stage::brief(Scenario::Healthy);
    // After the first push even reading back fails for a while.
    let mut silent = 0;
    stage.wire.rule(move |call, when| match (call, when) {
        (Call::Branch, When::After) if silent == 0 => {
            silent = 12;
            Fate::Drop
        }
        (_, When::Before) if silent > 1 => {
            silent -= 1;
            Fate::Unavailable
        }
        _ => Fate::Pass,
    });
    stage.deploy("1.1").await.assert(0, "read back");
    assert_eq!(stage.commits(), WRITES.len());
}

#[tokio::test]
async fn a_push_that_cannot_be_read_back_is_not_known() {
    let stage = Stage::brief(Scenario::Healthy);
    let mut cut = false;
    stage.wire.rule(move |call, when| {
        cut |= (call, when) == (Call::Branch, When::After);
        if cut { Fate::Unavailable } else { Fate::Pass }
    });
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: failed (whether commit ID is on `main` could not be read back: git server GIT answers HTTP 503; then the ref can not be read back: git server GIT answers HTTP 503)
    44 push-unknown: whether commit ID is on `main` could not be read back: git server GIT answers HTTP 503; then the ref can not be read back: git server GIT answers HTTP 503
      hint: run `shipgate recover --service advertisements --environment production` when the git server answers
    ");
    stage.wire.rule(|_, _| Fate::Pass);
    stage.recover().await.assert(0, "recovered");
    stage.assert_restored("recovered");
}

#[tokio::test]
async fn a_record_whose_answer_is_lost_is_still_ours() {
    let last = WRITES.len() + 1;
    let cases = (1..=last).flat_map(|nth| [(nth, When::After), (nth, When::Before)]);
    all(cases.map(async |(nth, when)| {
        let what = format!("record {nth} {when:?}");
        let stage = Stage::brief(Scenario::Healthy);
        stage.wire.at(Call::Journal, when, nth, || Fate::Drop);
        stage.deploy("1.1").await.assert(0, &what);
        assert_eq!(stage.commits(), WRITES.len(), "{what}");
        assert_eq!(stage.journal().last().unwrap(), "verified", "{what}");
    }))
    .await;
}

/// A git server that answers 503 to the next calls, however many.
fn unavailable_for(stage: &Stage, calls: usize) {
    let mut left = calls;
    stage.wire.rule(move |_, when| {
        if when == When::Before && left > 0 {
            left -= 1;
            return Fate::Unavailable;
        }
        Fate::Pass
    });
}

#[tokio::test]
async fn a_short_outage_of_git_is_waited_for() {
    all(WRITES.map(async |step| {
        let what = format!("step {step}");
        let stage = Arc::new(Stage::brief(Scenario::Healthy));
        let there = Arc::clone(&stage);
        let start = Start::new().hook(move |event| {
            if starts(event, step) {
                unavailable_for(&there, 10);
            }
        });
        stage.deploy_with("1.1", start).await.assert(0, &what);
        assert_eq!(stage.commits(), WRITES.len(), "{what}");
    }))
    .await;
}

#[tokio::test]
async fn a_long_outage_of_git_ends_within_its_limits() {
    let rows = [(1, 20), (3, 41), (7, 41), (10, 42)];
    all(rows.map(async |(step, code)| {
        let what = format!("step {step}");
        let stage = Arc::new(Stage::brief(Scenario::Healthy));
        let there = Arc::clone(&stage);
        let start = Start::new().hook(move |event| {
            if starts(event, step) {
                unavailable_for(&there, usize::MAX);
            }
        });
        let begun = stage.clock_now();
        let end = Box::pin(stage.deploy_with("1.1", start)).await;
        end.assert(code, &what);
        let took = (stage.clock_now() - begun).to_std().unwrap();
        assert!(took < Duration::from_secs(30 * 60), "{what}: {took:?}");
        stage.wire.rule(|_, _| Fate::Pass);
        stage.recover().await.assert(0, &what);
        stage.assert_restored(&what);
    }))
    .await;
}

#[tokio::test]
async fn a_stop_during_an_outage_of_git_is_heard() {
    let stage = Arc::new(Stage::brief(Scenario::Healthy));
    let there = Arc::clone(&stage);
    let start = Start::new();
    let stopper = start.stopper.clone();
    let start = start.hook(move |event| {
        if starts(event, 1) {
            let stopper = stopper.clone();
            let mut calls = 0;
            there.wire.rule(move |_, _| {
                calls += 1;
                if calls == 5 {
                    stopper.stop(StopReason::Terminate);
                }
                Fate::Unavailable
            });
        }
    });
    stage.deploy_with("1.1", start).await.assert(143, "heard");
}

#[tokio::test]
async fn the_limit_of_the_whole_run_ends_it_by_the_way_back() {
    // In the wait for the canary, in its watches, and in the watch of the promoted version.
    all([20, 60, 300, 520].map(async |seconds| {
        let what = format!("{seconds} s");
        let stage = Stage::brief(Scenario::Healthy);
        let start = Start {
            timeout: Some(Duration::from_secs(seconds)),
            ..Start::new()
        };
        let begun = stage.clock_now();
        let end = stage.deploy_with("1.1", start).await;
        end.assert(40, &what);
        assert!(end.end().contains("whole run may take were over"), "{end}");
        let took = (stage.clock_now() - begun).num_seconds();
        assert!(
            (seconds as i64..seconds as i64 + 60).contains(&took),
            "{what}: took {took} s"
        );
        stage.assert_restored(&what);
    }))
    .await;
}

#[tokio::test]
async fn the_limit_counts_while_metrics_are_out() {
    let stage = Stage::brief(Scenario::Outage);
    let start = Start {
        timeout: Some(Duration::from_secs(90)),
        ..Start::new()
    };
    let begun = stage.clock_now();
    stage.deploy_with("1.1", start).await.assert(40, "limit");
    let took = (stage.clock_now() - begun).num_seconds();
    assert!((90..150).contains(&took), "took {took} s");
    stage.assert_restored("limit");
}

#[tokio::test]
async fn a_version_that_never_comes_up_is_taken_back() {
    for (step, workload) in [(2, "canary"), (8, "stable")] {
        let stage = Stage::brief(Scenario::Healthy);
        let world = Arc::clone(&stage.world);
        // The cluster refuses the manifests from here on, until the way back begins.
        let start = Start::new().hook(move |event| {
            if starts(event, step) {
                edit(&world, STABLE, "replicas: 3", "replicas: many");
            }
            if matches!(event, Event::WayBack { .. }) {
                edit(&world, STABLE, "replicas: many", "replicas: 3");
            }
        });
        let end = stage.deploy_with("1.1", start).await;
        end.assert(40, workload);
        let sentence = format!("{workload} does not run 1.1 after 10m");
        assert!(end.end().contains(&sentence), "{end}");
        stage.assert_restored(workload);
    }
}

#[tokio::test]
async fn a_way_back_that_does_not_go_live_is_no_way_back() {
    for (scenario, sentence) in [
        (Scenario::Errors, "canary still runs 1.1 after 10m"),
        (Scenario::Latency, "canary still runs 1.1 after 10m"),
    ] {
        let stage = Stage::brief(scenario);
        let world = Arc::clone(&stage.world);
        let start = Start::new().hook(move |event| {
            if matches!(event, Event::WayBack { .. }) {
                edit(&world, STABLE, "replicas: 3", "replicas: many");
            }
        });
        let end = stage.deploy_with("1.1", start).await;
        end.assert(41, sentence);
        assert!(end.end().contains(sentence), "{end}");
        stage.edit(STABLE, "replicas: many", "replicas: 3");
        stage.recover().await.assert(0, "mended");
        stage.assert_restored("mended");
    }
}
