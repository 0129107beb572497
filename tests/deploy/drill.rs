//! Drills: the way back is rehearsed, timed, and says nothing about the version.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use shipgate::{
    clock::{Clock, SystemClock},
    event::{Event, WayBackTimes},
    sim::Scenario,
};

use crate::{
    endings::rolling_text,
    runs::Start,
    stage::{CONFIG, Stage, starts},
};

fn allowed(text: String) -> String {
    text.replace(
        "    on_unavailable_after",
        "    drills: true\n    on_unavailable_after",
    )
}

fn drill() -> Start {
    Start {
        drill: true,
        ..Start::new()
    }
}

#[tokio::test]
async fn a_drill_goes_to_the_first_users_and_back() {
    let stage = Stage::edited(Scenario::Healthy, allowed);
    let end = stage.deploy_with("1.1", drill()).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    way back: a drill: taken back as if it had been judged worse
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production: the drill was taken back as it should be: 0.0 s from the verdict to the pushed commit that takes the traffic back, 0.0 s to the one with the rest, 18.0 s until 1.0 was live again
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    let deployment = end.outcome.deployment.as_ref().unwrap();
    assert_eq!(deployment.commits.len(), 4);
    let seconds = |seconds| Some(std::time::Duration::from_secs(seconds));
    let expected = WayBackTimes {
        traffic: seconds(0),
        pushed: seconds(0),
        live: seconds(18),
    };
    assert_eq!(deployment.way_back, Some(expected));
    // It is nothing that the version must answer for.
    let end = stage.deploy("1.1").await;
    end.assert(0, "for real");
    stage.assert_deployed("for real");
}

#[tokio::test]
async fn without_a_weight_it_turns_round_once_it_is_live() {
    for text in ["rolling: {bake_time: 3m}", "rolling: {bake_time: 0s}"] {
        let stage = Stage::edited(Scenario::Healthy, |config| {
            allowed(rolling_text(config)).replace("rolling: {bake_time: 3m}", text)
        });
        let end = stage.deploy_with("1.1", drill()).await;
        end.assert(0, text);
        assert!(end.to_string().contains("3/3 back"), "{end}");
        assert!(!end.to_string().contains("watch"), "{end}");
        stage.assert_restored(text);
    }
}

#[tokio::test]
async fn nobody_drills_a_service_that_does_not_want_it() {
    let stage = Stage::new(Scenario::Healthy);
    let before = stage.references();
    let end = stage.deploy_with("1.1", drill()).await;
    insta::assert_snapshot!(end.end(), @r"
    14 no-drills: shipgate.yaml:9:5: `advertisements` does not say `drills: true`, so no drill brings a version to it
      hint: a drill sends real users to the new version for a moment; its owners allow that with `drills: true`
    ");
    assert_eq!(stage.references(), before);
}

#[tokio::test]
async fn a_version_that_is_bad_in_a_drill_is_taken_back_as_such() {
    // Trust that is not there yet does not keep a drill from its way back.
    for wish in ["", "    on_failure: alert\n"] {
        let stage = Stage::edited(Scenario::Healthy, |text| {
            allowed(text).replace("    drills: true\n", &format!("    drills: true\n{wish}"))
        });
        let world = Arc::clone(&stage.world);
        let start = drill().hook(move |event| {
            use crate::stage::{STABLE, edit};
            if starts(event, 2) {
                edit(&world, STABLE, "replicas: 3", "replicas: many");
            }
            if matches!(event, Event::WayBack { .. }) {
                edit(&world, STABLE, "replicas: many", "replicas: 3");
            }
        });
        stage.deploy_with("1.1", start).await.assert(40, wish);
        stage.assert_restored(wish);
    }
}

#[tokio::test]
async fn a_drill_that_dies_is_recovered_and_never_gone_on_with() {
    let stage = Stage::edited(Scenario::Healthy, allowed);
    let start = drill();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if starts(event, 3) {
            kill.notify_one();
        }
    });
    assert_eq!(stage.deploy_with("1.1", start).await.code, None);
    stage.deploy("1.1").await.assert(14, "it is another run");
    stage.recover().await.assert(0, "recovered");
    stage.assert_restored("recovered");
    stage.deploy("1.1").await.assert(0, "for real");
}

#[tokio::test]
async fn a_drill_that_is_held_says_with_which_command_it_goes_on() {
    // The pause comes before the first users.
    let stage = Stage::with_steps(
        Scenario::Healthy,
        "pause: {}\nset_weight: 10\npause: {duration: 3m}",
    );
    let config = stage.text(CONFIG);
    stage.edit(CONFIG, &config, &allowed(config.clone()));
    let held = stage.deploy_with("1.1", drill()).await;
    let other = stage.deploy("1.1").await;
    let recovered = stage.recover().await;
    let again = stage.deploy_with("1.1", drill()).await;
    let told = [held, other, recovered, again].map(|end| end.end());
    insta::assert_snapshot!(told.join("\n"), @r"
    42 held: advertisements 1.1 in production is held at weight 0%: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --drill --accept
      hint: to take it back: shipgate rollback --service advertisements --environment production
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, held) is not finished
      hint: it is held on purpose: deploy 1.1 again with --drill to go on, or take it back with `shipgate rollback --service advertisements --environment production`
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:00:37Z (waits for an approval)
    0 ok: run ID of advertisements in production is held on purpose (waits for an approval); left as it is
      hint: to go on: somebody else approves it (`shipgate approve --service advertisements --environment production --version 1.1 --push`; where the policy names nobody who may, --accept says so instead), then run the same deploy again, with --drill
      hint: to take it back: shipgate rollback --service advertisements --environment production
    42 held: advertisements 1.1 in production is held at weight 0% since 2026-03-10T10:00:37Z: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --drill --accept
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
    let accept = Start {
        accept: true,
        ..drill()
    };
    stage
        .deploy_with("1.1", accept)
        .await
        .assert(0, "the drill");
    stage.assert_restored("the drill");
}

#[tokio::test]
async fn from_the_verdict_to_the_pushed_commit_it_is_less_than_two_seconds() {
    // The clock of the runs stands still here, so this is what shipgate itself takes over loopback; the
    // best of three, because a machine that is busy elsewhere says nothing.
    let mut best = TimeDelta::MAX;
    for _ in 0..3 {
        let stage = Stage::edited(Scenario::Healthy, allowed);
        let pushes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&pushes);
        let mut verdict = None;
        let start = drill().hook(move |event| match event {
            Event::WayBack { .. } => verdict = Some(SystemClock.now()),
            Event::Pushed { .. } => {
                let took = verdict.map(|verdict| SystemClock.now() - verdict);
                seen.lock().unwrap().extend(took);
            }
            _ => {}
        });
        stage.deploy_with("1.1", start).await.assert(0, "drill");
        let pushes = pushes.lock().unwrap();
        assert_eq!(
            pushes.len(),
            2,
            "one commit for the traffic, one for the rest"
        );
        best = best.min(pushes[0]);
    }
    assert!(best < TimeDelta::seconds(2), "{best:?}");
}
