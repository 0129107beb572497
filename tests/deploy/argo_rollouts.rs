//! Deployments by a Rollout, whose controller does the steps: every way in which it can end.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shipgate::{event::Event, sim::Scenario};

use crate::{
    endings::rolling_text,
    live::with_live,
    runs::Start,
    stage::STABLE,
    stand_in::{Facts, StandIn},
    trail::End,
};

const IN_CLUSTER: &str = "{kubernetes: {namespace: shop}}";
const BY_ARGO_CD: &str = "{argocd: {application: 'shop-{{environment}}'}}";
const USUAL: &str = "{follow_for: 20m, bake_time: 2m}";

/// What the controller of 1.1 says, seconds after it was told of it.
type Script = fn(i64, &mut Value) -> u16;

/// What it says once it is told of 1.0 again.
type Afterwards = fn(&mut Value);

/// A world whose stable workload is a Rollout.
fn world(scenario: Scenario, settings: &str, live: &str, script: Script) -> StandIn {
    ending(scenario, settings, live, script, |_| {})
}

fn ending(
    scenario: Scenario,
    settings: &str,
    live: &str,
    script: Script,
    afterwards: Afterwards,
) -> StandIn {
    configured(scenario, settings, live, |text| text, (script, afterwards))
}

/// A world whose stable workload is a Rollout with a good new version, as the configuration that a
/// test makes of it has it.
pub fn good_rollout(more: impl FnOnce(String) -> String) -> StandIn {
    let scripts: (Script, Afterwards) = (good, |_| {});
    configured(Scenario::Healthy, USUAL, IN_CLUSTER, more, scripts)
}

fn configured(
    scenario: Scenario,
    settings: &str,
    live: &str,
    more: impl FnOnce(String) -> String,
    (script, afterwards): (Script, Afterwards),
) -> StandIn {
    let configure = |text: String, url: &str| {
        let text = rolling_text(more(text))
            .replace(
                "rolling: {bake_time: 3m}",
                &format!("argo_rollouts: {settings}"),
            )
            .replace("stable: Deployment/", "stable: Rollout/");
        let argocd = format!("  argocd: {{url: '{url}', token_env: ARGOCD_TOKEN}}\n");
        with_live(&text, live, "", &argocd)
    };
    let told_at: Mutex<Option<DateTime<Utc>>> = Mutex::default();
    let change = move |facts: &Facts, body: &mut Value| {
        let mut told_at = told_at.lock().unwrap();
        if facts.wanted == "1.0" {
            if told_at.is_some() {
                afterwards(body);
            }
            return 200;
        }
        let since = facts.now - *told_at.get_or_insert(facts.now);
        script(since.num_seconds(), body)
    };
    let mut stand_in = StandIn::telling(scenario, configure, change);
    stand_in.stage.begin_with(STABLE, |text| {
        text.replacen(
            "apps/v1\nkind: Deployment",
            "argoproj.io/v1alpha1\nkind: Rollout",
            1,
        )
    });
    stand_in
}

fn usual(script: Script) -> StandIn {
    world(Scenario::Healthy, USUAL, IN_CLUSTER, script)
}

async fn deploy(stand_in: &StandIn) -> End {
    Box::pin(stand_in.stage.deploy_with("1.1", stand_in.start())).await
}

/// Sets the status as the controller writes it at a step.
fn at(body: &mut Value, step: u64, weight: u64, phase: &str, message: &str) {
    let status = &mut body["status"];
    status["phase"] = json!(phase);
    status["message"] = json!(message);
    status["currentStepIndex"] = json!(step);
    status["stableRS"] = json!("before");
    status["canary"] = json!({"weights": {"canary": {"podTemplateHash": "1", "serviceName": "c", "weight": weight}}});
}

fn paused(body: &mut Value, step: u64, weight: u64, reason: &str) {
    at(body, step, weight, "Paused", reason);
    body["status"]["controllerPause"] = json!(true);
    body["status"]["pauseConditions"] =
        json!([{"reason": reason, "startTime": "2026-03-10T10:00:00Z"}]);
}

/// The controller has not come to look at what it was told.
fn stale(body: &mut Value, generation: u64) -> u16 {
    body["metadata"]["generation"] = json!(generation);
    200
}

/// Two minutes of steps, and then done.
fn good(seconds: i64, body: &mut Value) -> u16 {
    match seconds {
        ..30 => at(
            body,
            0,
            0,
            "Progressing",
            "more replicas need to be updated",
        ),
        30..90 => paused(body, 1, 20, "CanaryPauseStep"),
        90..120 => at(
            body,
            2,
            50,
            "Progressing",
            "waiting for all steps to complete",
        ),
        _ => {}
    }
    200
}

/// At the pause that a person ends, forever.
fn waits(seconds: i64, body: &mut Value) -> u16 {
    match seconds {
        ..90 => good(seconds, body),
        _ => {
            paused(body, 3, 50, "CanaryPauseStep");
            200
        }
    }
}

fn aborted(seconds: i64, body: &mut Value) -> u16 {
    if seconds < 60 {
        return good(seconds, body);
    }
    let why = "RolloutAborted: Rollout aborted update to revision 2: Metric \"errors\" assessed Failed due to failed (3) > failureLimit (2)";
    at(body, 0, 0, "Degraded", why);
    body["status"]["abort"] = json!(true);
    body["status"]["abortedAt"] = json!("2026-03-10T10:01:00Z");
    200
}

/// What was said about it, and the end.
fn told(stand_in: &StandIn, end: &End) -> String {
    let lines = end.trail.iter().skip_while(|line| !line.starts_with("1/"));
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    let text = format!("{}\n{}", lines.join("\n"), end.end());
    let left = format!(
        "{}\nbranch: {}",
        stand_in.stage.live(),
        stand_in.stage.changes()
    );
    format!("{text}\nnow: {left}").replace(&stand_in.server.url, "URL")
}

/// Whoever applies the manifests has died, so the Rollout is never told.
fn never_synced() -> (&'static str, StandIn) {
    let stand_in = usual(good);
    stand_in.stage.world.set_controller_dead(true);
    ("never synced", stand_in)
}

#[tokio::test]
async fn a_good_version_is_followed_to_the_end_of_the_steps() {
    let stand_in = usual(good);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut start = stand_in.start();
    let waits = Arc::clone(&seen);
    start.hook = Some(Box::new(move |event| {
        if let Event::Waiting {
            what,
            limit: Some(_),
            ..
        } = event
        {
            let mut waits = waits.lock().unwrap();
            if waits.last() != Some(what) {
                waits.push(what.clone());
            }
        }
    }));
    let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
    let waits = seen.lock().unwrap().join("\n");
    insta::assert_snapshot!(format!("{waits}\n{}\n{}", told(&stand_in, &end), stand_in.stage.journal().join(" ")), @r"
    Argo Rollouts to bring 1.1 to everyone (is told to run 1.0)
    Argo Rollouts to bring 1.1 to everyone (step 1 of 4, weight 0%; Progressing: more replicas need to be updated)
    Argo Rollouts to bring 1.1 to everyone (step 2 of 4, weight 20%; Paused: CanaryPauseStep)
    Argo Rollouts to bring 1.1 to everyone (step 3 of 4, weight 50%; Progressing: waiting for all steps to complete)
    stable to prove itself
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 2m17s)
    3/3 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.1 in production is live and verified
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    started verified
    ");
}

#[tokio::test]
async fn every_way_it_can_end_leaves_git_and_cluster_at_one() {
    let rows: Vec<(&str, StandIn)> = vec![
        ("aborted", usual(aborted)),
        ("a pause for a person", usual(waits)),
        (
            "an analysis without a result",
            usual(|seconds, body| {
                if seconds < 60 {
                    return good(seconds, body);
                }
                paused(body, 2, 50, "InconclusiveAnalysisRun");
                200
            }),
        ),
        (
            "paused by hand",
            usual(|_, body| {
                at(body, 0, 0, "Paused", "manually paused");
                body["spec"]["paused"] = json!(true);
                200
            }),
        ),
        (
            "nobody ends the pause",
            world(
                Scenario::Healthy,
                "{follow_for: 5m, on_pause: wait}",
                IN_CLUSTER,
                waits,
            ),
        ),
        (
            "somebody ends the pause",
            world(
                Scenario::Healthy,
                "{follow_for: 20m, on_pause: wait}",
                IN_CLUSTER,
                |seconds, body| {
                    if seconds < 300 {
                        waits(seconds, body)
                    } else {
                        200
                    }
                },
            ),
        ),
        never_synced(),
        (
            "the controller died before",
            ending(
                Scenario::Healthy,
                "{follow_for: 5m}",
                IN_CLUSTER,
                |_, body| stale(body, 2),
                |body| {
                    stale(body, 3);
                },
            ),
        ),
        (
            "the controller died on the way",
            ending(
                Scenario::Healthy,
                "{follow_for: 5m}",
                IN_CLUSTER,
                |seconds, body| good(seconds.min(100), body),
                |body| {
                    stale(body, 2);
                },
            ),
        ),
        (
            "the way back waits for a person as well",
            ending(
                Scenario::Healthy,
                "{follow_for: 5m}",
                IN_CLUSTER,
                aborted,
                |body| {
                    paused(body, 3, 50, "CanaryPauseStep");
                },
            ),
        ),
        (
            "degraded",
            usual(|seconds, body| {
                if seconds < 30 {
                    return good(seconds, body);
                }
                at(
                    body,
                    0,
                    0,
                    "Degraded",
                    "ProgressDeadlineExceeded: ReplicaSet \"shop-1\" has timed out progressing.",
                );
                200
            }),
        ),
        (
            "degraded for a moment",
            usual(|seconds, body| {
                if !(30..50).contains(&seconds) {
                    return good(seconds, body);
                }
                at(body, 0, 0, "Degraded", "ProgressDeadlineExceeded");
                200
            }),
        ),
        (
            "the cluster does not answer",
            world(
                Scenario::Healthy,
                "{follow_for: 5m}",
                IN_CLUSTER,
                |seconds, body| {
                    if seconds < 60 {
                        good(seconds, body)
                    } else {
                        503
                    }
                },
            ),
        ),
        (
            "slow answers on the way",
            world(Scenario::Latency, USUAL, IN_CLUSTER, good),
        ),
        (
            "errors, compared afterwards",
            world(Scenario::Errors, USUAL, IN_CLUSTER, good),
        ),
        (
            "metrics that go away, and a watch afterwards",
            world(Scenario::Outage, USUAL, IN_CLUSTER, good),
        ),
        (
            "metrics that go away, and no watch afterwards",
            world(Scenario::Outage, "{bake_time: 0s}", IN_CLUSTER, good),
        ),
    ];
    let mut all = Vec::new();
    for (name, stand_in) in rows {
        let end = deploy(&stand_in).await;
        all.push(format!("== {name}\n{}", told(&stand_in, &end)));
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    == aborted
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2))
    way back: Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == a pause for a person
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: held (step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on)
    42 held: advertisements 1.1 in production is held: step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    == an analysis without a result
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: held (step 3 of 4, weight 50%; it waits for a person (InconclusiveAnalysisRun): `kubectl argo rollouts promote advertisements -n shop` lets it go on)
    42 held: advertisements 1.1 in production is held: step 3 of 4, weight 50%; it waits for a person (InconclusiveAnalysisRun): `kubectl argo rollouts promote advertisements -n shop` lets it go on
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    == paused by hand
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: held (step 1 of 4, weight 0%; it waits for a person (it is paused by `spec.paused`): `kubectl argo rollouts promote advertisements -n shop` lets it go on)
    42 held: advertisements 1.1 in production is held: step 1 of 4, weight 0%; it waits for a person (it is paused by `spec.paused`): `kubectl argo rollouts promote advertisements -n shop` lets it go on
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    now: stable 1.0, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    == nobody ends the pause
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (the Rollout has not brought 1.1 to everyone after 5m (step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on))
    way back: the Rollout has not brought 1.1 to everyone after 5m (step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: the Rollout has not brought 1.1 to everyone after 5m (step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == somebody ends the pause
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 5m17s)
    3/3 watch stable for 5m: passed (good after 5m)
    0 ok: advertisements 1.1 in production is live and verified
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    == never synced
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (the Rollout has not taken up 1.1 after 2m (is told to run 1.0))
    way back: the Rollout has not taken up 1.1 after 2m (is told to run 1.0)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: the Rollout has not taken up 1.1 after 2m (is told to run 1.0)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == the controller died before
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (the Rollout has not taken up 1.1 after 2m (its controller has seen generation 1, not 2))
    way back: the Rollout has not taken up 1.1 after 2m (its controller has seen generation 1, not 2)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: failed (stable does not run 1.0 after 5m (its controller has seen generation 1, not 3))
    41 rollback-failed: advertisements 1.1 in production could not go on (the Rollout has not taken up 1.1 after 2m (its controller has seen generation 1, not 2)) and not be taken back: stable does not run 1.0 after 5m (its controller has seen generation 1, not 3); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == the controller died on the way
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (the Rollout has not brought 1.1 to everyone after 5m (step 3 of 4, weight 50%; Progressing: waiting for all steps to complete))
    way back: the Rollout has not brought 1.1 to everyone after 5m (step 3 of 4, weight 50%; Progressing: waiting for all steps to complete)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: failed (stable does not run 1.0 after 5m (its controller has seen generation 1, not 2))
    41 rollback-failed: advertisements 1.1 in production could not go on (the Rollout has not brought 1.1 to everyone after 5m (step 3 of 4, weight 50%; Progressing: waiting for all steps to complete)) and not be taken back: stable does not run 1.0 after 5m (its controller has seen generation 1, not 2); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == the way back waits for a person as well
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2))
    way back: Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: failed (stable does not run 1.0 after 5m (step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on))
    41 rollback-failed: advertisements 1.1 in production could not go on (Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2)) and not be taken back: stable does not run 1.0 after 5m (step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == degraded
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (Argo Rollouts fails to bring 1.1, and has for 30s (Degraded: ProgressDeadlineExceeded: ReplicaSet "shop-1" has timed out progressing.))
    way back: Argo Rollouts fails to bring 1.1, and has for 30s (Degraded: ProgressDeadlineExceeded: ReplicaSet "shop-1" has timed out progressing.)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: Argo Rollouts fails to bring 1.1, and has for 30s (Degraded: ProgressDeadlineExceeded: ReplicaSet "shop-1" has timed out progressing.)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == degraded for a moment
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 2m17s)
    3/3 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.1 in production is live and verified
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    == the cluster does not answer
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (the Rollout has not brought 1.1 to everyone after 5m (URL answered with status 503))
    way back: the Rollout has not brought 1.1 to everyone after 5m (URL answered with status 503)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: the Rollout has not brought 1.1 to everyone after 5m (URL answered with status 503)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == slow answers on the way
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: failed (latency_p95 is 1.39737, wanted at most 0.5 (2 of 2 measurements))
    way back: latency_p95 is 1.39737, wanted at most 0.5 (2 of 2 measurements)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: latency_p95 is 1.39737, wanted at most 0.5 (2 of 2 measurements)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == errors, compared afterwards
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 2m17s)
    3/3 watch stable for 2m: failed (errors: now 8.38 % (495 of 5,906), before 0.20 % (61 of 29,992), ratio 41× (95 % range 26–70×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: now 8.38 % (495 of 5,906), before 0.20 % (61 of 29,992), ratio 41× (95 % range 26–70×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 8.38 % (495 of 5,906), before 0.20 % (61 of 29,992), ratio 41× (95 % range 26–70×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == metrics that go away, and a watch afterwards
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 2m17s)
    3/3 watch stable for 2m: held (no answer for 2m: errors could not be measured: `bad` of stable: WORLD answered with status 503 (9 errors in a row))
    42 held: advertisements 1.1 in production is held: no answer for 2m: errors could not be measured: `bad` of stable: WORLD answered with status 503 (9 errors in a row)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    == metrics that go away, and no watch afterwards
    1/2 Rollout/advertisements to 1.1: passed (commit ID)
    2/2 follow Argo Rollouts until all runs 1.1: held (nobody knows whether it is good: latency_p95 could not be measured: WORLD answered with status 503 (7 errors in a row))
    42 held: advertisements 1.1 in production is held: nobody knows whether it is good: latency_p95 could not be measured: WORLD answered with status 503 (7 errors in a row)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    "#);
}

/// The promises of a pause: nothing is lost, and whatever the person decides is what happens.
#[tokio::test]
async fn the_same_deployment_goes_on_after_a_pause() {
    let mut all = Vec::new();
    let rows: [(&str, Script); 3] = [
        ("promoted", |seconds, body| {
            if seconds < 150 {
                waits(seconds, body)
            } else {
                200
            }
        }),
        ("aborted", |seconds, body| {
            if seconds < 150 {
                waits(seconds, body)
            } else {
                aborted(seconds, body)
            }
        }),
        ("still there", waits),
    ];
    for (name, script) in rows {
        let stand_in = usual(script);
        deploy(&stand_in).await.assert(42, name);
        stand_in
            .stage
            .clock
            .advance(std::time::Duration::from_secs(300));
        let end = deploy(&stand_in).await;
        all.push(format!("== {name}\n{}", told(&stand_in, &end)));
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    == promoted
    1/3 Rollout/advertisements to 1.1: skipped (the branch has these values already)
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 0s)
    3/3 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.1 in production is live and verified
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    == aborted
    1/3 Rollout/advertisements to 1.1: skipped (the branch has these values already)
    2/3 follow Argo Rollouts until all runs 1.1: failed (Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2))
    way back: Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: Argo Rollouts aborted 1.1: RolloutAborted: Rollout aborted update to revision 2: Metric "errors" assessed Failed due to failed (3) > failureLimit (2)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    == still there
    1/3 Rollout/advertisements to 1.1: skipped (the branch has these values already)
    2/3 follow Argo Rollouts until all runs 1.1: held (step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on)
    42 held: advertisements 1.1 in production is held: step 4 of 4, weight 50%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote advertisements -n shop` lets it go on
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    "#);
}

#[tokio::test]
async fn argo_cd_tells_that_it_is_done_and_not_where_it_is() {
    let stand_in = world(Scenario::Healthy, USUAL, BY_ARGO_CD, |seconds, body| {
        if seconds < 200 {
            body["status"]["health"] = json!({"status": "Suspended", "message": "CanaryPauseStep"});
        }
        200
    });
    let end = deploy(&stand_in).await;
    insta::assert_snapshot!(told(&stand_in, &end), @r"
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    note: Argo CD tells whether the Rollout is healthy, and not at which step it is or that it waits for a person; `live: {stable: {kubernetes: {}}}` does
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 3m35s)
    3/3 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.1 in production is live and verified
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    ");
    let stand_in = world(Scenario::Healthy, USUAL, BY_ARGO_CD, |_, body| {
        body["status"]["health"] =
            json!({"status": "Degraded", "message": "RolloutAborted: metric failed"});
        200
    });
    let end = deploy(&stand_in).await;
    insta::assert_snapshot!(told(&stand_in, &end), @r"
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    note: Argo CD tells whether the Rollout is healthy, and not at which step it is or that it waits for a person; `live: {stable: {kubernetes: {}}}` does
    2/3 follow Argo Rollouts until all runs 1.1: failed (Argo Rollouts fails to bring 1.1, and has for 30s (Application shop-production: it is Degraded: RolloutAborted: metric failed))
    way back: Argo Rollouts fails to bring 1.1, and has for 30s (Application shop-production: it is Degraded: RolloutAborted: metric failed)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: Argo Rollouts fails to bring 1.1, and has for 30s (Application shop-production: it is Degraded: RolloutAborted: metric failed)
    now: stable 1.0, canary nothing with 0%
    branch: as at first
    ");
}

#[tokio::test]
async fn a_signal_and_a_death_while_it_is_followed_leave_nothing_behind() {
    let stand_in = usual(waits);
    let mut start = stand_in.start();
    let stopper = start.stopper.clone();
    start.hook = Some(Box::new(move |event| {
        if matches!(event, Event::Waiting { what, .. } if what.contains("weight 20%")) {
            stopper.stop(shipgate::ops::stop::StopReason::Interrupt);
        }
    }));
    let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
    end.assert(51, "a signal");
    stand_in.stage.assert_restored("a signal");

    let stand_in = usual(waits);
    let mut start = stand_in.start();
    let kill = Arc::clone(&start.kill);
    start.hook = Some(Box::new(move |event| {
        if matches!(event, Event::Waiting { what, .. } if what.contains("weight 20%")) {
            kill.notify_one();
        }
    }));
    let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
    assert_eq!(end.code, None, "{end}");
    let recovered = stand_in.stage.recover_with(Start {
        actor: "alex",
        ..stand_in.start()
    });
    Box::pin(recovered).await.assert(0, "recovered");
    stand_in.stage.assert_restored("a death");
}

/// The controller takes every version through its steps, one that is known to be good as well.
#[tokio::test]
async fn a_version_that_is_named_is_followed_as_well() {
    let stand_in = usual(good);
    let end = Box::pin(stand_in.stage.rollback_with(Some("1.1"), stand_in.start())).await;
    insta::assert_snapshot!(told(&stand_in, &end), @r"
    1/3 Rollout/advertisements to 1.1: passed (commit ID)
    2/3 follow Argo Rollouts until all runs 1.1: passed (done after 2m17s)
    3/3 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.1 in production is live and verified
    now: stable 1.1, canary nothing with 0%
    branch: advertisements.yaml: 1.0 -> 1.1 in 4 places
    ");
}
