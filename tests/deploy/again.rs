//! The same deployment again, another one after it, and approvals in between.

use shipgate::{event::Event, ops::stop::StopReason, sim::Scenario};

use crate::{
    runs::Start,
    stage::{CONFIG, STABLE, Stage, starts},
};

#[tokio::test]
async fn the_same_deployment_twice_makes_one_set_of_commits() {
    let stage = Stage::new(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "first");
    let before = stage.references();
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(end, @"
    deploy advertisements 1.1 to production
    gate: Allowed
    0 ok: advertisements 1.1 is in production already; nothing to do
    ");
    assert_eq!(stage.references(), before);
}

#[tokio::test]
async fn back_and_forth_are_runs_of_their_own() {
    let stage = Stage::new(Scenario::Healthy);
    for version in ["1.1", "1.0", "1.1"] {
        stage.deploy(version).await.assert(0, version);
    }
    stage.assert_deployed("");
    insta::assert_snapshot!(stage.history().await.join("\n"), @"
    canary verified (1.0 -> 1.1, by robot)
    canary verified (1.1 -> 1.0, by robot)
    canary verified (1.0 -> 1.1, by robot)
    ");
    let runs = stage.run_ids();
    assert_eq!(runs.len(), 3, "{runs:?}");
}

#[tokio::test]
async fn a_version_that_failed_is_not_tried_again() {
    let stage = Stage::new(Scenario::Errors);
    stage.deploy("1.1").await.assert(40, "first");
    let before = stage.references();
    let second = stage.deploy("1.1").await;
    insta::assert_snapshot!(second, @r"
    deploy advertisements 1.1 to production
    gate: Blocked
    14 known-bad: 1.1 failed here before: run `ID` took it back Tuesday 2026-03-10 10:01 UTC (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)
      hint: to bring it all the same, somebody else signs `shipgate approve --service advertisements --environment production --version 1.1` now, then --force-version
    ");
    assert_eq!(stage.references(), before);
    stage.deploy("1.2").await.assert(0, "a better one");
    insta::assert_snapshot!(stage.history().await.join("\n"), @r"
    canary verified (1.0 -> 1.2, by robot)
    canary rolled-back (1.0 -> 1.1, by robot)
    ");
    // Nothing stops a way back, but whoever names the version is told.
    let back = stage.rollback(Some("1.1")).await;
    insta::assert_snapshot!(back.trail[2], @"warning: 1.1 failed here before: run ID took it back at 2026-03-10T10:01:40Z (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)");
}

#[tokio::test]
async fn a_version_that_a_person_cancelled_can_be_tried_again() {
    let stage = Stage::new(Scenario::Healthy);
    let start = Start::new();
    let stopper = start.stopper.clone();
    let start = start.hook(move |event| {
        if starts(event, 4) {
            stopper.stop(StopReason::Interrupt);
        }
    });
    stage
        .deploy_with("1.1", start)
        .await
        .assert(51, "cancelled");
    stage.deploy("1.1").await.assert(0, "again");
}

#[tokio::test]
async fn a_policy_may_only_warn_of_a_version_that_failed() {
    let stage = Stage::new(Scenario::Errors);
    stage.deploy("1.1").await.assert(40, "bad");
    stage.warn_of_known_bad();
    let warned = stage.deploy("1.1").await;
    warned.assert(40, "bad again, and let through");
    assert_eq!(warned.trail[1], "gate: Warned");
}

#[tokio::test]
async fn each_pause_without_an_end_waits_for_an_approval_of_its_own() {
    let stage = Stage::with_steps(
        Scenario::Healthy,
        "set_weight: 10\npause: {}\npause: {duration: 3m}\npause: {}\nset_weight: 50",
    );
    let first = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.story(&first), @r#"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 12 steps, 5 back
    changes: 8
    1/12 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/12 wait until canary runs 1.1: passed (live after 37s)
    3/12 canary weight 10%: passed (commit ID)
    4/12 hold for an approval: held (waits for an approval)
    42 held: advertisements 1.1 in production is held at weight 10%: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --accept
      hint: to take it back: shipgate rollback --service advertisements --environment production
    log: advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced held
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    advertisements-canary.yaml: nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests -> nginx.ingress.kubernetes.io/canary-weight: "10"   # percent of the requests
    live: stable 1.0, canary 1.1 with 0%
    "#);
    // Held on purpose is left as it is, by everyone.
    let before = stage.references();
    let recovered = stage.recover().await;
    insta::assert_snapshot!(recovered, @r"
    recover advertisements in production
    0 ok: run ID of advertisements in production is held on purpose (waits for an approval); left as it is
      hint: to go on: somebody else approves it (`shipgate approve --service advertisements --environment production --version 1.1 --push`; where the policy names nobody who may, --accept says so instead), then run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
    assert_eq!(stage.references(), before);
    let other = stage.deploy("1.2").await;
    insta::assert_snapshot!(other.end(), @r"
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, held) is not finished
      hint: it is held on purpose: deploy 1.1 again to go on, or take it back with `shipgate rollback --service advertisements --environment production`
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:00:37Z (waits for an approval)
    ");
    assert_eq!(stage.references(), before);
    // The same again is no approval, and writes nothing.
    let again = stage.deploy("1.1").await;
    insta::assert_snapshot!(again.end(), @r"
    42 held: advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --accept
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
    assert_eq!(stage.references(), before);
    stage.accept("1.1").await.assert(42, "the second pause");
    let after = stage.references();
    stage.deploy("1.1").await.assert(42, "the second pause");
    assert_eq!(stage.references(), after);
    let last = stage.accept("1.1").await;
    insta::assert_snapshot!(last, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 12 steps, 5 back
    changes: 8
    note: an earlier try of this run got to step 3 of 12; going on from there
    3/12 canary weight 10%: skipped (the branch has these values already)
    4/12 hold for an approval: passed (approved before)
    5/12 watch canary for 3m: passed (good after 3m)
    6/12 hold for an approval: passed (accepted by alex with --accept)
    7/12 canary weight 50%: passed (commit ID)
    8/12 promote: Deployment/advertisements to 1.1: passed (commit ID)
    9/12 wait until stable runs 1.1: passed (live after 27s)
    10/12 watch stable for 2m: passed (good after 2m)
    11/12 canary weight 0%: passed (commit ID)
    12/12 canary to 0 replicas: passed (commit ID)
    0 ok: advertisements 1.1 in production is live and verified
    ");
    stage.assert_deployed("");
}

#[tokio::test]
async fn what_was_approved_is_not_asked_for_again_by_whoever_goes_on_after_a_death() {
    // Right behind the pause, after the watch behind it, and after the first push behind it.
    let after_weight = "set_weight: 10\npause: {}\npause: {duration: 3m}\nset_weight: 50";
    for (step, steps) in [
        (4, after_weight),
        (5, after_weight),
        (6, after_weight),
        (3, "pause: {}\nset_weight: 10\npause: {duration: 3m}"),
    ] {
        let what = format!("{step} of {steps}");
        let stage = Stage::with_steps(Scenario::Healthy, steps);
        stage.deploy("1.1").await.assert(42, &what);
        let start = Start {
            accept: true,
            ..Start::new()
        };
        let kill = start.kill.clone();
        let start = start.hook(move |event| {
            if matches!(event, Event::StepFinished { index, .. } if *index == step) {
                kill.notify_one();
            }
        });
        assert_eq!(stage.deploy_with("1.1", start).await.code, None, "{what}");
        stage.deploy("1.1").await.assert(0, &what);
        stage.assert_deployed(&what);
    }
}

#[tokio::test]
async fn a_plan_and_a_dry_run_say_that_it_waits() {
    let stage = Stage::with_steps(
        Scenario::Healthy,
        "set_weight: 10\npause: {}\npause: {duration: 3m}",
    );
    stage.deploy("1.1").await.assert(42, "held");
    let before = stage.references();
    for (accept, code) in [(false, 42), (true, 0)] {
        let start = Start {
            accept,
            dry_run: true,
            ..Start::new()
        };
        let end = stage.deploy_with("1.1", start).await;
        end.assert(code, "dry run");
        let plan = end.outcome.plan.as_ref().unwrap();
        let done = plan.steps.iter().filter(|step| step.is_done).count();
        assert_eq!(done, if accept { 4 } else { 3 }, "{}", plan.end.sentence);
        assert_eq!(stage.references(), before);
    }
}

#[tokio::test]
async fn an_outage_is_no_approval() {
    let stage = Stage::with_steps(
        Scenario::Outage,
        "set_weight: 10\npause: {duration: 3m}\npause: {}",
    );
    stage.deploy("1.1").await.assert(42, "the metrics are out");
    // The team asks a provider that answers.
    let text = stage.text(CONFIG);
    let (head, _) = text.split_once("      metrics:").unwrap();
    stage
        .world
        .write(CONFIG, head.as_bytes(), "config: no metrics")
        .unwrap();
    let end = stage.deploy("1.1").await;
    end.assert(42, "the approval is still to come");
    assert!(end.end().contains("waits for an approval"), "{end}");
    stage.deploy("1.1").await.assert(42, "still to come");
    stage.accept("1.1").await.assert(0, "approved");
    stage.assert_deployed("");
}

#[tokio::test]
async fn a_rollback_takes_a_held_run_back() {
    let stage = Stage::with_steps(
        Scenario::Healthy,
        "set_weight: 10\npause: {}\npause: {duration: 3m}",
    );
    stage.deploy("1.1").await.assert(42, "held");
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (a test)
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced held rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    stage.assert_restored("");
    stage
        .deploy("1.2")
        .await
        .assert(42, "the next one is free to start");
}

#[tokio::test]
async fn an_unfinished_run_stops_other_versions() {
    let stage = Stage::new(Scenario::Healthy);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if starts(event, 4) {
            kill.notify_one();
        }
    });
    let killed = stage.deploy_with("1.1", start).await;
    assert_eq!(killed.code, None);
    let before = stage.references();
    let end = stage.deploy("1.2").await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.2 to production
    gate: Allowed
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, advanced) is not finished
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:00:37Z; it may still be under way until 2026-03-10T10:20:37Z
      hint: wait for its end: --wait-for-run 30m
      hint: only if it is known to be dead: `shipgate recover --service advertisements --environment production` takes it back at once
    ");
    let end = stage.rollback(Some("1.2")).await;
    insta::assert_snapshot!(end, @r"
    gate: Allowed
    roll back advertisements in production to 1.2
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, advanced) is not finished
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:00:37Z; it may still be under way until 2026-03-10T10:20:37Z
      hint: wait for its end: --wait-for-run 30m
      hint: only if it is known to be dead: `shipgate recover --service advertisements --environment production` takes it back at once
      hint: or take that run back first: shipgate rollback --service advertisements --environment production
    ");
    assert_eq!(stage.references(), before);
    stage.rollback(None).await.assert(0, "taken back");
    stage.assert_restored("");
    assert!(stage.text(STABLE).contains(":1.0"));
}

/// Writes 1.1 into the stable workload, as somebody would by hand.
fn by_hand(stage: &Stage) {
    let text = stage.text(STABLE).replace("1.0", "1.1");
    let written = stage.world.write(STABLE, text.as_bytes(), "robin: 1.1");
    written.unwrap();
}

#[tokio::test]
async fn what_the_branch_has_already_is_waited_for_where_it_does_not_run_yet() {
    let stage = Stage::brief(Scenario::Healthy);
    by_hand(&stage);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    note: branch `main` has 1.1 already, and stable does not run it yet (runs 1.0); it is waited for
    0 ok: advertisements 1.1 is in production already; nothing to do
    ");
    assert!(stage.live().starts_with("stable 1.1"), "{}", stage.live());
}

#[tokio::test]
async fn what_the_branch_has_already_and_never_runs_is_no_success() {
    let stage = Stage::brief(Scenario::Healthy);
    stage.world.set_controller_dead(true);
    by_hand(&stage);
    let before = stage.references();
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    note: branch `main` has 1.1 already, and stable does not run it yet (runs 1.0); it is waited for
    22 unhealthy: branch `main` has 1.1 of advertisements in production already, and it is not live: stable does not run 1.1 after 10m (runs 1.0)
      hint: look at what brings the branch to the cluster, and at the workload; nothing was changed
      hint: to go back to the version before: shipgate rollback --service advertisements --environment production
    ");
    assert_eq!(stage.references(), before);
}
