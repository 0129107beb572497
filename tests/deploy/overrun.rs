//! It closes while a deployment is under way.

use shipgate::sim::Scenario;

use crate::{
    runs::Start,
    stage::{Stage, starts},
};

const POLICY: &str = "policies/production.yaml";

/// A world in which it closes at `until`, and this is wanted then. It is 10:00.
fn stage(scenario: Scenario, until: &str, overrun: &str) -> Stage {
    let stage = Stage::brief(scenario);
    let (old, new) = ("09:00-17:00\"\n", format!("09:00-{until}\"\n{overrun}\n"));
    stage.edit(POLICY, old, &new);
    stage
}

#[tokio::test]
async fn finish_goes_on_to_the_end() {
    for overrun in ["", "overrun: finish"] {
        let stage = stage(Scenario::Healthy, "10:05", overrun);
        stage.deploy("1.1").await.assert(0, overrun);
        stage.assert_deployed(overrun);
    }
}

#[tokio::test]
async fn finish_step_ends_its_step_and_is_held() {
    let stage = stage(Scenario::Healthy, "10:05", "overrun: finish_step");
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.story(&end), @r#"
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
    7/11 promote: Deployment/advertisements to 1.1: held (it closed at Tue 2026-03-10 10:05 UTC: the window Mon-Thu 09:00-10:05 UTC ends (`overrun: finish_step` of the policy); opens next Wed 2026-03-11 09:00 UTC)
    42 window-closed: advertisements 1.1 in production is held at weight 50%: it closed at Tue 2026-03-10 10:05 UTC: the window Mon-Thu 09:00-10:05 UTC ends (`overrun: finish_step` of the policy); opens next Wed 2026-03-11 09:00 UTC
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    log: advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production) | robin: something else
    journal: started advanced advanced held
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    advertisements-canary.yaml: nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests -> nginx.ingress.kubernetes.io/canary-weight: "50"   # percent of the requests
    live: stable 1.0, canary 1.1 with 50%
    "#);
    stage.deploy("1.1").await.assert(10, "it is closed");
    // Once it is open again the same deploy goes on.
    stage
        .clock
        .advance(std::time::Duration::from_secs(23 * 3600));
    stage.deploy("1.1").await.assert(0, "open again");
    stage.assert_deployed("open again");
}

#[tokio::test]
async fn abort_ends_the_watch_and_takes_back() {
    let stage = stage(Scenario::Healthy, "10:05", "overrun: abort");
    let begun = stage.clock_now();
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
    6/11 watch canary for 3m: failed (it closed at Tue 2026-03-10 10:05 UTC: the window Mon-Thu 09:00-10:05 UTC ends (`overrun: abort` of the policy); opens next Wed 2026-03-11 09:00 UTC)
    way back: it closed at Tue 2026-03-10 10:05 UTC: the window Mon-Thu 09:00-10:05 UTC ends (`overrun: abort` of the policy); opens next Wed 2026-03-11 09:00 UTC
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    40 window-closed: advertisements 1.1 in production was taken back, 1.0 is live again: it closed at Tue 2026-03-10 10:05 UTC: the window Mon-Thu 09:00-10:05 UTC ends (`overrun: abort` of the policy); opens next Wed 2026-03-11 09:00 UTC
      hint: nothing was found wrong with the version: run the same deploy again when it is open
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production) | robin: something else
    journal: started advanced advanced rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    let took = (stage.clock_now() - begun).num_seconds();
    assert!((300..400).contains(&took), "{took} s");
    stage.assert_restored("abort");
    // That it closed says nothing about the version.
    stage
        .clock
        .advance(std::time::Duration::from_secs(23 * 3600));
    stage.deploy("1.1").await.assert(0, "the next day");
}

#[tokio::test]
async fn whenever_it_closes_the_end_is_one_of_three() {
    // In the waits, at the writes, in every watch, and once there is only tidying up left.
    for minutes in 1..=11 {
        for (overrun, code) in [("finish_step", 42), ("abort", 40)] {
            let what = format!("{overrun} after {minutes} min");
            let until = format!("10:{minutes:02}");
            let stage = stage(Scenario::Healthy, &until, &format!("overrun: {overrun}"));
            let end = stage.deploy("1.1").await;
            match end.code {
                Some(0) => {
                    assert!(minutes >= 7, "{what}:\n{end}");
                    stage.assert_deployed(&what);
                }
                _ => {
                    end.assert(code, &what);
                    assert_eq!(end.outcome.reason_code, "window-closed", "{what}");
                }
            }
            // Taken back before the cluster had heard of it, it comes and goes once more.
            stage.clock.advance(std::time::Duration::from_secs(60));
            if end.code == Some(40) {
                stage.assert_restored(&what);
            }
            if end.code == Some(42) {
                assert_eq!(stage.journal().last().unwrap(), "held", "{what}");
                stage.rollback(None).await.assert(0, &what);
                stage.assert_restored(&what);
            }
        }
    }
}

#[tokio::test]
async fn a_bad_version_is_taken_back_whenever_it_closes() {
    for overrun in ["finish", "finish_step", "abort"] {
        let stage = stage(Scenario::Errors, "10:02", &format!("overrun: {overrun}"));
        stage.deploy("1.1").await.assert(40, overrun);
        stage.assert_restored(overrun);
    }
}

#[tokio::test]
async fn what_has_not_begun_when_it_closes_changes_nothing() {
    for overrun in ["finish_step", "abort"] {
        let stage = stage(Scenario::Healthy, "10:05", &format!("overrun: {overrun}"));
        let clock = std::sync::Arc::clone(&stage.clock);
        let start = Start::new().hook(move |event| {
            if starts(event, 1) {
                clock.advance(std::time::Duration::from_secs(600));
            }
        });
        let end = stage.deploy_with("1.1", start).await;
        end.assert(10, overrun);
        stage.assert_restored(overrun);
        assert!(stage.journal().is_empty());
    }
}

#[tokio::test]
async fn a_policy_that_only_warns_stops_nothing_half_way() {
    for tried in ["behavior: warn", "dry_run: true"] {
        let stage = stage(
            Scenario::Healthy,
            "10:05",
            &format!("overrun: abort\n{tried}"),
        );
        stage.deploy("1.1").await.assert(0, tried);
    }
}
