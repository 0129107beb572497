//! Others who write to the branch meanwhile: elsewhere, in the same file, and the very same value.

use std::{sync::Arc, time::Duration};

use shipgate::{event::Event, ops::stop::StopReason, sim::Scenario};

use crate::{
    endings::rolling_text,
    runs::Start,
    stage::{CANARY, STABLE, Stage, WRITES, all, edit, starts},
    wire::{Call, Fate, When},
};

/// Somebody commits to both files before every first try of a push.
fn busy(stage: &Stage) {
    let world = Arc::clone(&stage.world);
    let mut pushes = 0;
    stage.wire.rule(move |call, when| {
        if (call, when) == (Call::Branch, When::Before) {
            pushes += 1;
            if pushes % 2 == 1 {
                for path in [CANARY, STABLE] {
                    edit(
                        &world,
                        path,
                        "  namespace: shop\n",
                        &format!("  namespace: shop\n  # {pushes}\n"),
                    );
                }
            }
        }
        Fate::Pass
    });
}

/// Takes the lines away that `busy` has put in, and returns how many there were.
fn without_comments(stage: &Stage, path: &str) -> (String, usize) {
    let text = stage.text(path);
    let is_comment = |line: &&str| {
        let number = line.trim_start().strip_prefix("# ");
        number.is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    let count = text.lines().filter(is_comment).count();
    let kept = text.lines().filter(|line| !is_comment(line));
    (kept.map(|line| format!("{line}\n")).collect(), count)
}

#[tokio::test]
async fn a_run_lands_between_the_edits_of_others() {
    let stage = Stage::brief(Scenario::Healthy);
    busy(&stage);
    let end = stage.deploy("1.1").await;
    end.assert(0, "busy");
    assert_eq!(stage.commits(), WRITES.len());
    let others = stage.log().len() - stage.commits();
    assert_eq!(others, 2 * WRITES.len(), "{:?}", stage.log());
    let (canary, _) = without_comments(&stage, CANARY);
    assert!(canary.contains("advertisements:1.1") && canary.contains("replicas: 0"));
    assert!(
        stage
            .text(CANARY)
            .contains("# 11\n  # 9\n  # 7\n  # 5\n  # 3\n  # 1\n")
    );
}

#[tokio::test]
async fn a_way_back_lands_between_the_edits_of_others() {
    let stage = Stage::brief(Scenario::Errors);
    busy(&stage);
    stage.deploy("1.1").await.assert(40, "busy");
    for path in [CANARY, STABLE] {
        let (text, count) = without_comments(&stage, path);
        assert_eq!(text, stage.first[path]);
        assert!(count >= 4, "{count}");
    }
}

/// A value that the step is about to write, and what somebody else makes of it.
const THIRD_VALUES: [(usize, &str, &str, &str); 6] = [
    (1, CANARY, "replicas: 0", "replicas: 5"),
    (3, CANARY, "canary-weight: \"0\"", "canary-weight: \"7\""),
    (5, CANARY, "canary-weight: \"10\"", "canary-weight: \"20\""),
    (7, STABLE, "advertisements:1.0", "advertisements:1.0-hotfix"),
    (10, CANARY, "canary-weight: \"50\"", "canary-weight: \"30\""),
    (11, CANARY, "replicas: 1", "replicas: 4"),
];

#[tokio::test]
async fn the_same_value_of_somebody_else_stays() {
    let ends = all(THIRD_VALUES.map(async |(step, path, old, new)| {
        let what = format!("step {step}");
        let stage = Stage::brief(Scenario::Healthy);
        let world = Arc::clone(&stage.world);
        let start = Start::new().hook(move |event| {
            if starts(event, step) {
                edit(&world, path, old, new);
            }
        });
        let end = Box::pin(stage.deploy_with("1.1", start)).await;
        end.assert(43, &what);
        assert!(stage.text(path).contains(new), "{what}:\n{end}");
        let others = stage.log().len() - stage.commits();
        assert_eq!(others, 1, "{what}: {:?}", stage.log());
        // Nothing is half done that would stop the next one, or that `recover` would fight over; it says
        // where users are left on what nobody has judged.
        let before = stage.references();
        let is_left = matches!(step, 3 | 5);
        let code = if is_left { 14 } else { 0 };
        stage.recover().await.assert(code, &what);
        assert_eq!(stage.references(), before, "{what}");
        let journal = stage.journal();
        let told = format!("{what}: {}\n  {}", journal.join(" "), end.end());
        let next = Box::pin(stage.deploy("1.2")).await;
        next.assert(0, &what);
        told
    }))
    .await;
    insta::assert_snapshot!(ends.join("\n"), @r#"
    step 1: started withdrawn
      43 superseded: clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `5` now, not `0` or `1`; someone else changed it
    step 3: started superseded
      43 superseded: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `7` now, not `0` or `10`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 7%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what advertisements 1.1 in production had written is left as it is: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `7` now, not `0`, `10` or `50`; someone else changed it
    step 5: started advanced superseded
      43 superseded: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `20` now, and this run left `10`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 20%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what advertisements 1.1 in production had written is left as it is: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `20` now, not `0`, `10` or `50`; someone else changed it
    step 7: started advanced advanced rolling-back rolling-back superseded
      43 superseded: clusters/prod/advertisements.yaml:31: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements is `registry.example/shop/advertisements:1.0-hotfix` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it; no workload with pods or users has 1.1 on branch `main`
      hint: what advertisements 1.1 in production had written elsewhere was taken back; Deployment/advertisements has 1.0-hotfix on branch `main` and not 1.0: someone else changed it
    step 10: started advanced advanced promoted superseded
      43 superseded: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, and this run left `50`; someone else changed it
      hint: advertisements 1.1 in production is live and was judged good; what is not put away after it stays so: look at it
    step 11: started advanced advanced promoted promoted superseded
      43 superseded: clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `4` now, and this run left `1`; someone else changed it
      hint: advertisements 1.1 in production is live and was judged good; what is not put away after it stays so: look at it
    "#);
}

/// What the run has written by a step, and somebody takes away before it.
const TAKEN_AWAY: [(usize, &str, &str, &str); 5] = [
    (5, CANARY, "advertisements:1.1", "advertisements:1.0"),
    (5, CANARY, "advertisements:1.1", "advertisements:6.6"),
    (5, CANARY, "replicas: 1", "replicas: 0"),
    (7, CANARY, "replicas: 1", "replicas: 0"),
    (7, CANARY, "canary-weight: \"50\"", "canary-weight: \"0\""),
];

#[tokio::test]
async fn what_somebody_takes_back_meanwhile_is_not_gone_on_with() {
    let ends = all(TAKEN_AWAY.map(async |(step, path, old, new)| {
        let stage = Stage::brief(Scenario::Healthy);
        let world = Arc::clone(&stage.world);
        let start = Start::new().hook(move |event| {
            if starts(event, step) {
                edit(&world, path, old, new);
            }
        });
        let end = Box::pin(stage.deploy_with("1.1", start)).await;
        end.assert(43, new);
        assert!(!stage.text(STABLE).contains("1.1"), "{new}:\n{end}");
        let canary = stage.text(CANARY);
        let lines = canary.lines().filter(|line| {
            let parts = ["image: ", "replicas: ", "canary-weight: "];
            parts.iter().any(|part| line.contains(part))
        });
        let lines: Vec<&str> = lines.map(str::trim).collect();
        format!("step {step}, {new}: {}\n  {}", lines.join(", "), end.end())
    }))
    .await;
    insta::assert_snapshot!(ends.join("\n"), @r#"
    step 5, advertisements:1.0: replicas: 0   # kept at 0 between deployments, image: "registry.example/shop/advertisements:1.0", nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
      43 superseded: clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `registry.example/shop/advertisements:1.0` now, and this run left `registry.example/shop/advertisements:1.1`; someone else changed it
      hint: what advertisements 1.1 in production had written elsewhere was taken back
    step 5, advertisements:6.6: replicas: 1   # kept at 0 between deployments, image: "registry.example/shop/advertisements:6.6", nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
      43 superseded: clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `registry.example/shop/advertisements:6.6` now, and this run left `registry.example/shop/advertisements:1.1`; someone else changed it; no workload with pods or users has 1.1 on branch `main`
      hint: what advertisements 1.1 in production had written is left as it is: clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `registry.example/shop/advertisements:6.6` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it
    step 5, replicas: 0: replicas: 0   # kept at 0 between deployments, image: "registry.example/shop/advertisements:1.0", nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
      43 superseded: clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `0` now, and this run left `1`; someone else changed it
      hint: what advertisements 1.1 in production had written elsewhere was taken back
    step 7, replicas: 0: replicas: 0   # kept at 0 between deployments, image: "registry.example/shop/advertisements:1.0", nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
      43 superseded: clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `0` now, and this run left `1`; someone else changed it
      hint: what advertisements 1.1 in production had written elsewhere was taken back
    step 7, canary-weight: "0": replicas: 0   # kept at 0 between deployments, image: "registry.example/shop/advertisements:1.0", nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests
      43 superseded: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `0` now, and this run left `50`; someone else changed it
      hint: what advertisements 1.1 in production had written elsewhere was taken back
    "#);
}

#[tokio::test]
async fn who_takes_a_version_back_while_it_is_watched_does_not_call_it_bad() {
    let stage = Stage::edited(Scenario::Healthy, |text| {
        // Nothing but the live check notices it.
        let (head, rest) = text.split_once("      metrics:").unwrap();
        let tail = rest.rsplit_once("failure_limit: 1").unwrap().1;
        rolling_text(format!("{head}{tail}"))
    });
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| {
        if matches!(event, Event::StepStarted { name, .. } if name.starts_with("watch ")) {
            edit(&world, STABLE, "advertisements:1.1", "advertisements:1.0");
        }
    });
    let end = stage.deploy_with("1.1", start).await;
    let again = stage.foreseen("1.1").await;
    insta::assert_snapshot!(format!("{}\nagain: {}", stage.story(&end), again.end()), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 37s)
    3/3 watch stable for 3m: failed (clusters/prod/advertisements.yaml:31: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements is `registry.example/shop/advertisements:1.0` now, and this run left `registry.example/shop/advertisements:1.1`; someone else changed it)
    way back: clusters/prod/advertisements.yaml:31: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements is `registry.example/shop/advertisements:1.0` now, and this run left `registry.example/shop/advertisements:1.1`; someone else changed it
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    43 superseded: clusters/prod/advertisements.yaml:31: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements is `registry.example/shop/advertisements:1.0` now, and this run left `registry.example/shop/advertisements:1.1`; someone else changed it
      hint: what advertisements 1.1 in production had written elsewhere was taken back
    log: advertisements 1.1: values back to 1.0 (production) | robin: something else | advertisements 1.1: Deployment/advertisements to 1.1 (production)
    journal: started rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    again: 0 ok: free
    ");
}

#[tokio::test]
async fn a_way_back_leaves_the_same_value_of_somebody_else_alone() {
    let stage = Stage::brief(Scenario::Errors);
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| {
        if matches!(event, Event::WayBack { .. }) {
            edit(
                &world,
                CANARY,
                "canary-weight: \"10\"",
                "canary-weight: \"1\"",
            );
        }
    });
    let end = stage.deploy_with("1.1", start).await;
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
    1/4 back: canary weight to what it was: failed (clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `1` now, not `0`, `10` or `50`; someone else changed it)
    43 superseded: advertisements 1.1 in production could not be taken back (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse): clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `1` now, not `0`, `10` or `50`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 1%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    log: robin: something else | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced superseded
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    advertisements-canary.yaml: nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests -> nginx.ingress.kubernetes.io/canary-weight: "1"   # percent of the requests
    live: stable 1.0, canary 1.1 with 10%
    "#);
    let rollback = stage.rollback(None).await;
    insta::assert_snapshot!(rollback.end(), @r#"
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 1%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `1` now, not `0`, `10` or `50`; someone else changed it
    "#);
    stage.rollback(Some("1.2")).await.assert(0, "by name");
}

#[tokio::test]
async fn what_somebody_else_took_back_already_is_no_conflict() {
    let stage = Stage::brief(Scenario::Errors);
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| {
        if matches!(event, Event::WayBack { .. }) {
            edit(
                &world,
                CANARY,
                "canary-weight: \"10\"",
                "canary-weight: \"0\"",
            );
        }
    });
    stage.deploy_with("1.1", start).await.assert(40, "helped");
    stage.assert_restored("helped");
}

#[tokio::test]
async fn a_version_that_is_not_on_the_branch_any_more_is_not_waited_for() {
    let stage = Stage::edited(Scenario::Healthy, |text| {
        // A version is not compared with itself.
        let (head, rest) = text.split_once("        # Raw counters").unwrap();
        let (_, tail) = rest.split_once("nobody minds\n").unwrap();
        rolling_text(format!("{head}{tail}").replace("interval: 15s", "interval: 1m"))
    });
    // The image has it already, so it is no value of the run.
    stage.edit(STABLE, "shop/advertisements:1.0", "shop/advertisements:1.1");
    stage.clock.advance(Duration::from_secs(60));
    let world = Arc::clone(&stage.world);
    let start = Start::new();
    let stopper = start.stopper.clone();
    let start = start.hook(move |event| match event {
        Event::StepStarted { name, .. } if name.starts_with("watch ") => {
            stopper.stop(StopReason::Terminate);
        }
        Event::StepStarted { name, .. } if name.contains("version and replicas") => {
            let (old, new) = ("shop/advertisements:1.1", "shop/advertisements:9.1");
            edit(&world, STABLE, old, new);
        }
        _ => {}
    });
    let end = Box::pin(stage.deploy_with("1.1", start)).await;
    insta::assert_snapshot!(end.end(), @"43 superseded: advertisements 1.1 in production was taken back (terminated (SIGTERM)), but Deployment/advertisements has 9.1 on branch `main` and not 1.1: someone else changed it; no workload with pods or users has 1.1 on branch `main`");
    stage.recover().await.assert(0, "nothing is left");
    stage.deploy("1.3").await.assert(0, "nobody is stopped");
}
