//! Every story, and what is left on the branch and in the cluster.

use shipgate::sim::Scenario;

use crate::{
    runs::Start,
    stage::{CANARY, Stage},
};

/// The configuration of a world that has one workload.
const ROLLING: &[(&str, &str)] = &[
    (
        "      canary:\n        canary_replicas: 1\n        steps:\n          - set_weight: 10\n          - pause: {duration: 3m}   # watched all the while; worse ends it at once\n          - set_weight: 50\n          - pause: {duration: 3m}\n        bake_time: 2m               # the promoted version is watched too\n",
        "      rolling: {bake_time: 3m}\n",
    ),
    (", canary: Deployment/advertisements-canary", ""),
    (
        "    traffic: {ingress_nginx: Ingress/advertisements-canary}\n",
        "",
    ),
];

/// A world that has one workload.
pub fn rolling(scenario: Scenario) -> Stage {
    Stage::edited(scenario, rolling_text)
}

/// Makes the configuration of a world that has one workload.
pub fn rolling_text(text: String) -> String {
    let mut text = text;
    for (old, new) in ROLLING {
        assert!(text.contains(old), "{old:?} is not in {text}");
        text = text.replace(old, new);
    }
    let kept = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("canary: {http:"));
    kept.map(|line| format!("{line}\n")).collect()
}

async fn story(stage: Stage) -> String {
    let end = stage.deploy("1.1").await;
    stage.story(&end)
}

#[tokio::test]
async fn a_healthy_version_goes_live_step_by_step() {
    let stage = Stage::new(Scenario::Healthy);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: passed (good after 3m)
    5/11 canary weight 50%: passed (commit ID)
    6/11 watch canary for 3m: passed (good after 3m)
    7/11 promote: Deployment/advertisements to 1.1: passed (commit ID)
    8/11 wait until stable runs 1.1: passed (live after 27s)
    9/11 watch stable for 2m: passed (good after 2m)
    10/11 canary weight 0%: passed (commit ID)
    11/11 canary to 0 replicas: passed (commit ID)
    0 ok: advertisements 1.1 in production is live and verified
    log: advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1: canary weight 0% (production) | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced promoted promoted promoted verified
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    ");
    stage.assert_deployed("");
    assert_eq!(stage.world.lost_requests(), 0);
}

#[tokio::test]
async fn errors_take_a_version_back() {
    insta::assert_snapshot!(story(Stage::new(Scenario::Errors)).await, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: failed (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
}

#[tokio::test]
async fn slow_answers_take_a_version_back() {
    let stage = Stage::new(Scenario::Latency);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(end.end(), @"40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: latency_p95 is 1.38149, wanted at most 0.5 (2 of 2 measurements)");
    stage.assert_restored("");
}

#[tokio::test]
async fn metrics_that_are_out_before_the_start_change_nothing() {
    insta::assert_snapshot!(story(Stage::new(Scenario::OutageBefore)).await, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    20 unavailable: before anything was changed: shipgate.yaml:36:11: latency_p95 could not be measured: WORLD answered with status 503 (stable)
      hint: nothing was pushed; run the same command again when the provider answers
    log: 
    journal: 
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
}

#[tokio::test]
async fn metrics_that_go_out_hold_the_weight() {
    insta::assert_snapshot!(story(Stage::new(Scenario::Outage)).await, @r#"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: held (no answer for 2m: errors could not be measured: `bad` of canary: WORLD answered with status 503 (9 errors in a row))
    42 held: advertisements 1.1 in production is held at weight 10%: no answer for 2m: errors could not be measured: `bad` of canary: WORLD answered with status 503 (9 errors in a row)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    log: advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced held
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    advertisements-canary.yaml: nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests -> nginx.ingress.kubernetes.io/canary-weight: "10"   # percent of the requests
    live: stable 1.0, canary 1.1 with 10%
    "#);
}

#[tokio::test]
async fn a_blocked_day_changes_nothing() {
    insta::assert_snapshot!(story(Stage::new(Scenario::Blocked)).await, @r"
    deploy advertisements 1.1 to production
    gate: Blocked
    10 blocked-date: Tuesday 2026-03-10 10:00 UTC is on the blocked date 2026-03-10 UTC; opens Wed 2026-03-11 09:00 UTC (2026-03-11T09:00:00Z)
      hint: going back stays allowed: `shipgate rollback --service advertisements --environment production`
    log: 
    journal: 
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
}

#[tokio::test]
async fn a_rolling_deployment_has_one_commit() {
    insta::assert_snapshot!(story(rolling(Scenario::Healthy)).await, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 37s)
    3/3 watch stable for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified
    log: advertisements 1.1: Deployment/advertisements to 1.1 (production)
    journal: started verified
    tree: advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    ");
}

#[tokio::test]
async fn a_bad_rolling_deployment_is_taken_back() {
    insta::assert_snapshot!(story(rolling(Scenario::Errors)).await, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 37s)
    3/3 watch stable for 3m: failed (errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: Deployment/advertisements to 1.1 (production)
    journal: started rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
}

#[tokio::test]
async fn a_dry_run_shows_everything_and_pushes_nothing() {
    let stage = Stage::new(Scenario::Healthy);
    let before = stage.references();
    let start = Start {
        dry_run: true,
        ..Start::new()
    };
    let end = stage.deploy_with("1.1", start).await;
    assert_eq!(stage.references(), before);
    insta::assert_snapshot!(end, @"
    deploy advertisements 1.1 to production
    gate: Allowed
    0 ok: 11 steps are planned; dry run: nothing was pushed
    ");
    assert_eq!(end.outcome.changes.len(), 8);
    assert_eq!(end.outcome.plan.as_ref().unwrap().steps.len(), 11);
    assert!(
        end.outcome.diff.contains(&format!("+++ b/{CANARY}")),
        "{}",
        end.outcome.diff
    );
}
