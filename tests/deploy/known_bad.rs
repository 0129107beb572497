//! A version that failed here and could not be taken back gets no users from a way back of what came after it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use shipgate::{event::Event, ops::stop::StopReason, sim::Scenario};

use crate::{
    healthy::Clinic,
    left_behind::weighed_meanwhile,
    runs::Start,
    stage::{Stage, all},
    trail::End,
};

/// A world in which 1.1 is known to be bad and has 30 % of the users, as somebody else wants.
async fn bad_with_users(failures: u32) -> Clinic {
    let clinic = Clinic::failing_after(failures, Scenario::Errors, false);
    let end = weighed_meanwhile(&clinic.stage).await;
    end.assert(43, "the bad one");
    clinic.stage.clock.advance(Duration::from_secs(60));
    assert_eq!(clinic.stage.live(), "stable 1.0, canary 1.1 with 30%");
    clinic
}

/// What is told of a run, and what both ways back say after it.
async fn afterwards(stage: &Stage, end: &End) -> String {
    let recovered = stage.recover().await.end();
    let rolled_back = stage.rollback(None).await.end();
    stage.clock.advance(Duration::from_secs(120));
    let live = stage.live();
    format!("{end}\nrecover: {recovered}\nrollback: {rolled_back}\nlive: {live}")
}

#[tokio::test]
async fn a_way_to_a_named_version_that_fails_does_not_bring_it_back() {
    let told = all([false, true].map(|gets_well| {
        Box::pin(async move {
            let clinic = bad_with_users(2).await;
            let ill = Arc::clone(&clinic.ill);
            let start = Start::new().hook(move |event| match event {
                Event::StepStarted { name, .. } if name.starts_with("watch ") => {
                    ill.store(true, Ordering::SeqCst);
                }
                Event::WayBack { .. } if gets_well => ill.store(false, Ordering::SeqCst),
                _ => {}
            });
            let end = Box::pin(clinic.stage.rollback_with(Some("1.0"), start)).await;
            afterwards(&clinic.stage, &end).await
        })
    }))
    .await;
    insta::assert_snapshot!(told.join("\n\n"), @r"
    gate: Allowed
    roll back advertisements in production to 1.0
    1/5 canary weight 0%: passed (commit ID)
    2/5 Deployment/advertisements to 1.0: skipped (already so)
    3/5 wait until stable runs 1.0: passed (live after 0s)
    4/5 canary to 0 replicas: passed (commit ID)
    5/5 watch stable for 2m: failed (health answered with status 500, wanted status 200 to 299 (3 of 3 measurements))
    way back: health answered with status 500, wanted status 200 to 299 (3 of 3 measurements)
    1/2 back: the canary stays without the 30% that it had before, because 1.1 failed here before: passed
    2/2 back: wait until the previous version is healthy: failed (1.0 is not healthy after 10m (health answered with status 500, wanted status 200 to 299))
    41 rollback-failed: advertisements 1.0 in production was taken back (health answered with status 500, wanted status 200 to 299 (3 of 3 measurements)), and 1.0 is not healthy after 10m (health answered with status 500, wanted status 200 to 299); the canary stays without the 30% that it had before: 1.1 failed here before
      hint: page someone now: 1.0 is live, and something else is wrong
      hint: nothing is left to take back, and the next deploy is free to go
    recover: 0 ok: nothing is unfinished: advertisements in production
    rollback: 0 ok: advertisements in production was taken back already: 1.0 was rolled back at 2026-03-10T10:15:37Z
    live: stable 1.0, canary nothing with 0%

    gate: Allowed
    roll back advertisements in production to 1.0
    1/5 canary weight 0%: passed (commit ID)
    2/5 Deployment/advertisements to 1.0: skipped (already so)
    3/5 wait until stable runs 1.0: passed (live after 0s)
    4/5 canary to 0 replicas: passed (commit ID)
    5/5 watch stable for 2m: failed (health answered with status 500, wanted status 200 to 299 (3 of 3 measurements))
    way back: health answered with status 500, wanted status 200 to 299 (3 of 3 measurements)
    1/2 back: the canary stays without the 30% that it had before, because 1.1 failed here before: passed
    2/2 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.0 in production was taken back, 1.0 is live again: health answered with status 500, wanted status 200 to 299 (3 of 3 measurements); the canary stays without the 30% that it had before: 1.1 failed here before
    recover: 0 ok: nothing is unfinished: advertisements in production
    rollback: 0 ok: advertisements in production was taken back already: 1.0 was rolled back at 2026-03-10T10:05:39Z
    live: stable 1.0, canary nothing with 0%
    ");
}

/// What is told of taking back something that went well after it.
async fn taken_back(clinic: &Clinic, done: End) -> String {
    done.assert(0, "what came after it");
    let back = Box::pin(clinic.stage.rollback(None)).await;
    clinic.stage.clock.advance(Duration::from_secs(120));
    clinic.stage.story(&back)
}

#[tokio::test]
async fn taking_back_a_way_to_a_named_version_does_not_bring_it_back() {
    let clinic = bad_with_users(100_000).await;
    let end = Box::pin(clinic.stage.rollback(Some("0.9"))).await;
    insta::assert_snapshot!(taken_back(&clinic, end).await, @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/4 back: version and replicas to what they were: passed (commit ID)
    2/4 back: wait until stable runs the previous version: passed
    3/4 back: the canary stays without the 30% that it had before, because 1.1 failed here before: passed
    4/4 back: wait until the previous version is healthy: passed
    0 ok: advertisements 0.9 in production is taken back; 1.0 is live (a test); the canary stays without the 30% that it had before: 1.1 failed here before
    log: advertisements 0.9: values back to 1.0 (production) | advertisements 0.9: canary to 0 replicas (production) | advertisements 0.9: Deployment/advertisements to 0.9 (production) | advertisements 0.9: canary weight 0% (production) | robin: something else | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced superseded started started started verified rolling-back rolled-back
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.0, canary nothing with 0%
    ");
}

#[tokio::test]
async fn taking_back_the_next_deployment_does_not_bring_it_back() {
    let clinic = bad_with_users(100_000).await;
    let end = Box::pin(clinic.stage.deploy("1.2")).await;
    insta::assert_snapshot!(taken_back(&clinic, end).await, @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/6 back: canary weight 0%: passed (already so)
    2/6 back: version and replicas to what they were: passed (commit ID)
    3/6 back: wait until stable runs the previous version: passed
    4/6 back: wait until the canary no longer runs the new version: passed
    5/6 back: the canary stays without the 30% that it had before, because 1.1 failed here before: passed
    6/6 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.2 in production is taken back; 1.0 is live (a test); the canary stays without the 30% that it had before: 1.1 failed here before
    log: advertisements 1.2: values back to 1.0 (production) | advertisements 1.2: canary to 0 replicas (production) | advertisements 1.2: canary weight 0% (production) | advertisements 1.2: promote: Deployment/advertisements to 1.2 (production) | advertisements 1.2: canary weight 50% (production) | advertisements 1.2: canary weight 10% (production) | advertisements 1.2: Deployment/advertisements-canary to 1.2 with 1 replica (production) | advertisements 1.2: canary weight 0% (production) | robin: something else | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced superseded started started advanced advanced promoted promoted promoted verified rolling-back rolled-back
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    live: stable 1.0, canary 1.1 with 0%
    ");
}

#[tokio::test]
async fn who_stops_the_way_to_a_named_version_still_hears_of_it() {
    let told = all(["canary weight", "canary to 0 replicas"].map(|step| {
        Box::pin(async move {
            let clinic = bad_with_users(100_000).await;
            let start = Start::new();
            let stopper = start.stopper.clone();
            let start = start.hook(move |event| {
                if let Event::StepStarted { name, .. } = event
                    && name.starts_with(step)
                {
                    stopper.stop(StopReason::Terminate);
                }
            });
            let end = Box::pin(clinic.stage.rollback_with(Some("1.0"), start)).await;
            format!("before {step}: {}", afterwards(&clinic.stage, &end).await)
        })
    }))
    .await;
    insta::assert_snapshot!(told.join("\n\n"), @r#"
    before canary weight: gate: Allowed
    roll back advertisements in production to 1.0
    1/5 canary weight 0%: failed (terminated (SIGTERM))
    143 terminated: terminated (SIGTERM); nothing was changed
    recover: 14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 30%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`; someone else changed it
    rollback: 14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 30%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`; someone else changed it
    live: stable 1.0, canary 1.1 with 30%

    before canary to 0 replicas: gate: Allowed
    roll back advertisements in production to 1.0
    1/5 canary weight 0%: passed (commit ID)
    2/5 Deployment/advertisements to 1.0: skipped (already so)
    3/5 wait until stable runs 1.0: passed (live after 0s)
    4/5 canary to 0 replicas: failed (terminated (SIGTERM))
    way back: terminated (SIGTERM)
    1/3 back: canary weight 0%: passed (already so)
    2/3 back: the canary stays without the 30% that it had before, because 1.1 failed here before: passed
    3/3 back: wait until the previous version is healthy: passed
    51 cancelled-rolled-back: advertisements 1.0 in production was taken back, 1.0 is live again: terminated (SIGTERM); the canary stays without the 30% that it had before: 1.1 failed here before
    recover: 14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 0%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`; someone else changed it
    rollback: 14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 0%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`; someone else changed it
    live: stable 1.0, canary 1.1 with 0%
    "#);
}
