//! After any way back the old version is seen healthy again before that is said.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use shipgate::{event::Event, sim::Scenario};

use crate::{
    runs::Start,
    server::{Server, answer},
    stage::{Stage, starts},
};

/// A world whose health is what a test says.
pub struct Clinic {
    /// The world.
    pub stage: Stage,
    /// Does its health check fail?
    pub ill: Arc<AtomicBool>,
    server: Server,
}

impl Clinic {
    /// One whose health ends no watch.
    fn new(scenario: Scenario, ill: bool) -> Self {
        Self::failing_after(100_000, scenario, ill)
    }

    /// One whose health ends a watch when it has failed so often.
    pub fn failing_after(failures: u32, scenario: Scenario, ill: bool) -> Self {
        let ill = Arc::new(AtomicBool::new(ill));
        let seen = Arc::clone(&ill);
        let server = Server::with(move |_, _| {
            if seen.load(Ordering::SeqCst) {
                answer(500, "", "database is gone")
            } else {
                answer(200, "", "ok")
            }
        });
        let url = server.url.clone();
        let stage = Stage::edited(scenario, |text| {
            let (head, rest) = text.split_once("      health: [").unwrap();
            let (_, tail) = rest.split_once("]\n").unwrap();
            let health = format!("{{http: \"{url}/health\", failure_limit: {failures}}}");
            format!("{head}      health: [{health}]\n{tail}")
                .replace("interval: 15s", "interval: 1m")
        });
        Self { stage, ill, server }
    }

    fn falls_ill_on_the_way_back(&self) -> Start {
        let ill = Arc::clone(&self.ill);
        Start::new().hook(move |event| {
            if matches!(event, Event::WayBack { .. }) {
                ill.store(true, Ordering::SeqCst);
            }
        })
    }
}

#[tokio::test]
async fn an_old_version_that_is_not_healthy_pages_someone_and_stops_nobody() {
    let clinic = Clinic::new(Scenario::Latency, false);
    let begun = clinic.stage.clock_now();
    let start = clinic.falls_ill_on_the_way_back();
    let end = clinic.stage.deploy_with("1.1", start).await;
    insta::assert_snapshot!(clinic.stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: failed (latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements))
    way back: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: failed (1.0 is not healthy after 10m (health answered with status 500, wanted status 200 to 299))
    41 rollback-failed: advertisements 1.1 in production was taken back (latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)), and 1.0 is not healthy after 10m (health answered with status 500, wanted status 200 to 299)
      hint: page someone now: 1.0 is live, and something else is wrong
      hint: nothing is left to take back, and the next deploy is free to go
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    let took = (clinic.stage.clock_now() - begun).num_seconds();
    assert!((600..1200).contains(&took), "the deadline counts: {took} s");
    // All is back, so nothing is left for anybody, and a version that mends it may come.
    let before = clinic.stage.references();
    clinic.stage.recover().await.assert(0, "recovered");
    assert_eq!(clinic.stage.references(), before);
    clinic.ill.store(false, Ordering::SeqCst);
    clinic.stage.deploy("1.2").await.assert(0, "the next one");
}

#[tokio::test]
async fn it_is_waited_for_until_it_is_well_twice() {
    let clinic = Clinic::new(Scenario::Latency, false);
    let asked_before = clinic.server.requests().len();
    let ill = Arc::clone(&clinic.ill);
    let mut looks = 0;
    let start = Start::new().hook(move |event| match event {
        Event::WayBack { .. } => ill.store(true, Ordering::SeqCst),
        Event::Waiting { what, .. } if what.contains("to be healthy") => {
            looks += 1;
            // Ill, ill, well once, ill, well, well.
            ill.store(!matches!(looks, 2 | 4 | 5), Ordering::SeqCst);
        }
        _ => {}
    });
    let end = clinic.stage.deploy_with("1.1", start).await;
    end.assert(40, "well at last");
    clinic.stage.assert_restored("well at last");
    assert!(clinic.server.requests().len() >= asked_before + 6);
}

#[tokio::test]
async fn what_was_ill_before_is_told_and_not_waited_for() {
    let clinic = Clinic::new(Scenario::Latency, true);
    let end = clinic.stage.deploy("1.1").await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    warning: stable is not healthy before we start: health answered with status 500, wanted status 200 to 299 (0 of 1 measurement passed, too little to decide)
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: failed (latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements))
    way back: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed (as before the run began, 1.0 is not healthy: health answered with status 500, wanted status 200 to 299)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements); as before the run began, 1.0 is not healthy: health answered with status 500, wanted status 200 to 299
    ");
    clinic.stage.assert_restored("");
    // Whoever takes back what was killed knows it from the journal.
    let clinic = Clinic::new(Scenario::Healthy, true);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if starts(event, 4) {
            kill.notify_one();
        }
    });
    clinic.stage.deploy_with("1.1", start).await;
    let end = clinic.stage.recover().await;
    insta::assert_snapshot!(end.end(), @"0 ok: advertisements 1.1 in production is taken back; 1.0 is live (run ID (advanced) was recovered while it held the journal until 2026-03-10T10:20:37Z); as before the run began, 1.0 is not healthy: health answered with status 500, wanted status 200 to 299");
}

#[tokio::test]
async fn whoever_takes_back_by_hand_is_told_too() {
    for is_killed in [false, true] {
        let clinic = Clinic::new(Scenario::Healthy, false);
        let start = Start::new();
        let kill = start.kill.clone();
        let start = start.hook(move |event| {
            if is_killed && starts(event, 4) {
                kill.notify_one();
            }
        });
        clinic.stage.deploy_with("1.1", start).await;
        clinic.ill.store(true, Ordering::SeqCst);
        let end = if is_killed {
            clinic.stage.recover().await
        } else {
            clinic.stage.rollback(None).await
        };
        end.assert(41, "not healthy");
        assert!(
            end.end().contains("but 1.0 is not healthy after 10m"),
            "{end}"
        );
        clinic.stage.assert_restored("not healthy");
    }
}

#[tokio::test]
async fn without_health_checks_to_be_live_is_enough() {
    let stage = Stage::edited(Scenario::Latency, |text| {
        let (head, rest) = text.split_once("      health: [").unwrap();
        let (_, tail) = rest.split_once("]\n").unwrap();
        format!("{head}{tail}")
    });
    let end = stage.deploy("1.1").await;
    end.assert(40, "live");
    assert!(!end.to_string().contains("healthy"), "{end}");
}
