//! `rollback --progressive`: the weight goes down in steps, and stable is watched on the way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shipgate::{event::Event, ops::stop::StopReason, sim::Scenario};

use crate::{
    runs::Start,
    server::{Server, answer},
    stage::{CANARY, Stage, all},
    wire::{Call, Fate, When},
};

/// A run that is held with 90 % of the traffic on its canary.
async fn held(configure: impl FnOnce(String) -> String) -> Stage {
    let stage = Stage::edited(Scenario::Healthy, |text| {
        let text = text.replace("set_weight: 50", "set_weight: 90").replace(
            "- pause: {duration: 3m}\n        bake",
            "- pause: {}\n        bake",
        );
        configure(text)
    });
    stage.deploy("1.1").await.assert(42, "held");
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.live(), "stable 1.0, canary 1.1 with 90%");
    stage
}

fn progressive() -> Start {
    Start {
        progressive: true,
        ..Start::by("alex")
    }
}

#[tokio::test]
async fn it_goes_down_step_by_step_and_then_back() {
    let stage = held(|text| text).await;
    let end = stage.rollback_with(None, progressive()).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    gate: Allowed
    roll back advertisements in production
    1/3 back: canary weight 50%, and see that stable carries it: passed (good after 30s)
    2/3 back: canary weight 25%, and see that stable carries it: passed (good after 30s)
    3/3 back: canary weight 10%, and see that stable carries it: passed (good after 30s)
    way back: a test
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (a test)
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: traffic down to 10% (production) | advertisements 1.1: traffic down to 25% (production) | advertisements 1.1: traffic down to 50% (production) | advertisements 1.1: canary weight 90% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced held rolling-back rolling-back rolling-back rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    assert_eq!(end.outcome.deployment.as_ref().unwrap().commits.len(), 5);
    // Each weight was really there, and no request went nowhere.
    let mut weights: Vec<u8> = Vec::new();
    for moment in stage.world.history() {
        let weight = moment.state.weight.percent();
        if weights.last() != Some(&weight) {
            weights.push(weight);
        }
    }
    assert_eq!(weights, [0, 10, 90, 50, 25, 10, 0]);
    assert_eq!(stage.world.lost_requests(), 0);
    stage.deploy("1.1").await.assert(42, "another run");
}

#[tokio::test]
async fn its_weights_and_times_are_shown_before() {
    let stage = held(|text| text).await;
    let references = stage.references();
    let shown = [
        stage.shows_progressive(None).await,
        stage
            .shows_progressive(Some(Duration::from_secs(300)))
            .await,
    ];
    let shown = shown.map(|end| end.end());
    insta::assert_snapshot!(shown.join("\n"), @r"
    0 ok: would take advertisements 1.1 in production back (canary weight 50%, 25%, 10%, stable watched for 30s at each, then the rest): 6 values in 1 file; dry run: nothing was pushed
    0 ok: would take advertisements 1.1 in production back (canary weight 50%, 25%, 10%, stable watched for 5m at each, then the rest): 6 values in 1 file; dry run: nothing was pushed
    ");
    assert_eq!(stage.references(), references);
    let start = Start {
        hold: Some(Duration::from_secs(300)),
        ..progressive()
    };
    let end = stage.rollback_with(None, start).await;
    end.assert(0, "in its own time");
    let watched = |line: &&String| line.contains("passed (good after 5m)");
    assert_eq!(end.trail.iter().filter(watched).count(), 3, "{end}");
    let stage = Stage::brief(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deployed");
    let end = stage.shows_progressive(None).await;
    assert!(
        end.end().contains("(at once, for there is no weight"),
        "{end}"
    );
}

#[tokio::test]
async fn where_stable_fails_it_stops_and_holds() {
    let ill = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ill);
    let server = Server::with(move |_, request| {
        let is_stable = request.starts_with("GET /stable");
        if is_stable && seen.load(Ordering::SeqCst) {
            answer(503, "", "too many requests")
        } else {
            answer(200, "", "ok")
        }
    });
    let url = server.url.clone();
    let stage = held(|text| {
        let (head, rest) = text.split_once("      health: [").unwrap();
        let (_, tail) = rest.split_once("]\n").unwrap();
        format!("{head}      health: [{{http: \"{url}/{{{{arm}}}}\"}}]\n{tail}")
    })
    .await;
    let falls = Arc::clone(&ill);
    let start = progressive().hook(move |event| {
        if matches!(event, Event::Pushed { subject, .. } if subject.contains("down to 25%")) {
            falls.store(true, Ordering::SeqCst);
        }
    });
    let end = stage.rollback_with(None, start).await;
    insta::assert_snapshot!(stage.story(&end), @r#"
    gate: Allowed
    roll back advertisements in production
    1/3 back: canary weight 50%, and see that stable carries it: passed (good after 30s)
    2/3 back: canary weight 25%, and see that stable carries it: failed (health answered with status 503, wanted status 200 to 299 (1 of 1 measurement))
    42 held: advertisements 1.1 in production is held at weight 25% on its way back: stable does not carry what came back to it: health answered with status 503, wanted status 200 to 299 (1 of 1 measurement)
      hint: once stable is well: shipgate rollback --service advertisements --environment production --progressive
      hint: to take it back at once all the same: shipgate rollback --service advertisements --environment production
    log: advertisements 1.1: traffic down to 25% (production) | advertisements 1.1: traffic down to 50% (production) | advertisements 1.1: canary weight 90% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced held rolling-back rolling-back held
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    advertisements-canary.yaml: nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests -> nginx.ingress.kubernetes.io/canary-weight: "25"   # percent of the requests
    live: stable 1.0, canary 1.1 with 50%
    "#);
    // Nobody goes forward with it, and nobody but a person goes on back.
    stage.recover().await.assert(0, "recover leaves it");
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.live(), "stable 1.0, canary 1.1 with 25%");
    let forward = stage.deploy("1.1").await;
    insta::assert_snapshot!(forward.end(), @r"
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, held) is not finished
      hint: its way back has begun, so nobody goes forward with it: shipgate rollback --service advertisements --environment production
      hint: it was started by alex, last sign of life 2026-03-10T10:05:07Z (stable does not carry what came back to it: health answered with status 503, wanted status 200 to 299 (1 of 1 measurement))
    ");
    ill.store(false, Ordering::SeqCst);
    stage
        .rollback_with(None, progressive())
        .await
        .assert(0, "well again");
    stage.assert_restored("well again");
}

#[tokio::test]
async fn what_asks_canary_and_stable_alike_holds_nobody() {
    let ill = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ill);
    let server = Server::with(move |_, _| match seen.load(Ordering::SeqCst) {
        true => answer(503, "", "every second pod is bad"),
        false => answer(200, "", "ok"),
    });
    let url = server.url.clone();
    let stage = held(|text| {
        let (head, rest) = text.split_once("      health: [").unwrap();
        let (_, tail) = rest.split_once("]\n").unwrap();
        let (tail, _) = tail.split_once("      metrics:").unwrap();
        format!("{head}      health: [{{http: \"{url}/health\"}}]\n{tail}")
    })
    .await;
    ill.store(true, Ordering::SeqCst);
    let mends = Arc::clone(&ill);
    let start = progressive().hook(move |event| {
        if matches!(event, Event::WayBack { .. }) {
            mends.store(false, Ordering::SeqCst);
        }
    });
    let end = stage.rollback_with(None, start).await;
    insta::assert_snapshot!(end, @r"
    gate: Allowed
    roll back advertisements in production
    1/3 back: canary weight 50%, and see that stable carries it: passed (health answered with status 503, wanted status 200 to 299 (1 of 1 measurement), which may be the canary: no check asks of stable alone, by {{workload}}, {{arm}} or {{version}})
    2/3 back: canary weight 25%, and see that stable carries it: passed (health answered with status 503, wanted status 200 to 299 (1 of 1 measurement), which may be the canary: no check asks of stable alone, by {{workload}}, {{arm}} or {{version}})
    3/3 back: canary weight 10%, and see that stable carries it: passed (health answered with status 503, wanted status 200 to 299 (1 of 1 measurement), which may be the canary: no check asks of stable alone, by {{workload}}, {{arm}} or {{version}})
    way back: a test
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (a test)
    ");
    stage.assert_restored("at once");
}

#[tokio::test]
async fn whoever_comes_after_a_death_finishes_it() {
    // Of each record and push: one, two, three steps down, traffic back, values back.
    let points = (1..=5).flat_map(|nth| {
        [Call::Journal, Call::Branch]
            .into_iter()
            .flat_map(move |call| [(call, When::Before, nth), (call, When::After, nth)])
    });
    let whos = ["progressive", "rollback", "recover"];
    all(points.enumerate().map(async |(index, (call, when, nth))| {
        let who = whos[index % 3];
        let what = format!("{who} after {call:?} {nth} {when:?}");
        let stage = held(|text| text.replace("interval: 15s", "interval: 1m")).await;
        let start = progressive();
        let kill = start.kill.clone();
        stage.wire.at(call, when, nth, move || {
            kill.notify_one();
            Fate::Drop
        });
        let end = stage.rollback_with(None, start).await;
        assert_eq!(end.code, None, "{what}:\n{end}");
        stage.wire.rule(|_, _| Fate::Pass);
        let end = match who {
            "progressive" => stage.rollback_with(None, progressive()).await,
            "rollback" => stage.rollback(None).await,
            // It leaves alone what was held; nothing of the way back has begun by then.
            _ if (call, when, nth) == (Call::Journal, When::Before, 1) => {
                stage.rollback(None).await
            }
            _ => stage.recover().await,
        };
        end.assert(0, &what);
        stage.assert_restored(&what);
        let before = stage.references();
        stage.recover().await.assert(0, &what);
        assert_eq!(stage.references(), before, "{what}");
    }))
    .await;
}

#[tokio::test]
async fn a_signal_leaves_it_for_whoever_comes_next() {
    let stage = held(|text| text).await;
    let start = progressive();
    let stopper = start.stopper.clone();
    let start = start.hook(move |event| {
        if matches!(event, Event::Pushed { subject, .. } if subject.contains("down to 50%")) {
            stopper.stop(StopReason::Interrupt);
        }
    });
    let end = stage.rollback_with(None, start).await;
    insta::assert_snapshot!(end.end(), @r"
    52 cancelled-left: interrupted (SIGINT); the way back of advertisements 1.1 in production stands at weight 50%
      hint: run `shipgate recover --service advertisements --environment production`
    ");
    stage.recover().await.assert(0, "recover");
    stage.assert_restored("recover");
}

#[tokio::test]
async fn a_weight_of_somebody_else_stays() {
    let stage = held(|text| text).await;
    let world = Arc::clone(&stage.world);
    let start = progressive().hook(move |event| {
        if matches!(event, Event::Pushed { subject, .. } if subject.contains("down to 50%")) {
            crate::stage::edit(
                &world,
                CANARY,
                "canary-weight: \"50\"",
                "canary-weight: \"33\"",
            );
        }
    });
    let end = stage.rollback_with(None, start).await;
    end.assert(43, "theirs");
    assert!(stage.text(CANARY).contains("canary-weight: \"33\""));
}

#[tokio::test]
async fn without_a_weight_it_is_the_usual_way_back() {
    let stage = Stage::brief(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deployed");
    let end = stage.rollback_with(None, progressive()).await;
    end.assert(0, "at once");
    assert!(end.to_string().contains("taken back at once"), "{end}");
    stage.assert_restored("at once");
}
