//! `on_failure`: the three stages of trust, and what is left of a version that was judged worse.

use shipgate::{event::Event, sim::Scenario};

use crate::{
    endings::rolling_text,
    runs::Start,
    stage::{STABLE, STEPS, Stage, edit, starts},
};

/// A world whose service does this with a bad verdict.
fn stage(scenario: Scenario, on_failure: &str) -> Stage {
    Stage::edited(scenario, |text| {
        wish(text, on_failure).replace("interval: 15s", "interval: 1m")
    })
}

fn wish(text: String, on_failure: &str) -> String {
    text.replace(
        "    on_unavailable_after",
        &format!("    on_failure: {on_failure}\n    on_unavailable_after"),
    )
}

#[tokio::test]
async fn hold_leaves_it_at_its_weight_and_a_person_decides() {
    let stage = stage(Scenario::Latency, "hold");
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.story(&end), @r#"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: failed (latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements))
    42 judged-worse: advertisements 1.1 in production is held at weight 10%: `on_failure: hold` does not take it back: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)
      hint: to have this step judged once more, and to go on where it is good: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    log: advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced held
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements-canary.yaml: replicas: 0   # kept at 0 between deployments -> replicas: 1   # kept at 0 between deployments
    advertisements-canary.yaml: nginx.ingress.kubernetes.io/canary-weight: "0"   # percent of the requests -> nginx.ingress.kubernetes.io/canary-weight: "10"   # percent of the requests
    live: stable 1.0, canary 1.1 with 10%
    "#);
    // Asked again it is judged once more, from now on, and is not let through by that.
    let begun = stage.clock_now();
    let again = stage.deploy("1.1").await;
    again.assert(42, "judged once more");
    assert!(again.end().contains("held at weight 10%"), "{again}");
    assert!((stage.clock_now() - begun).num_seconds() >= 60);
    // Nobody takes it back but who wants to.
    stage.recover().await.assert(0, "recover");
    assert!(stage.live().ends_with("canary 1.1 with 10%"));
    stage.deploy("1.2").await.assert(14, "another version");
    stage.rollback(None).await.assert(0, "rollback");
    stage.assert_restored("taken back");
}

#[tokio::test]
async fn alert_tells_and_goes_on_and_does_not_say_that_it_was_wanted() {
    let stage = stage(Scenario::Latency, "alert");
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
    warning: judged worse, and `on_failure: alert` only tells it: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)
    4/11 watch canary for 3m: failed (latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements))
    5/11 canary weight 50%: passed (commit ID)
    warning: judged worse, and `on_failure: alert` only tells it: latency_p95 is 1.40143, wanted at most 0.5 (2 of 2 measurements)
    6/11 watch canary for 3m: failed (latency_p95 is 1.40143, wanted at most 0.5 (2 of 2 measurements))
    7/11 promote: Deployment/advertisements to 1.1: passed (commit ID)
    8/11 wait until stable runs 1.1: passed (live after 27s)
    warning: judged worse, and `on_failure: alert` only tells it: latency_p95 is 1.39619, wanted at most 0.5 (2 of 2 measurements)
    9/11 watch stable for 2m: failed (latency_p95 is 1.39619, wanted at most 0.5 (2 of 2 measurements))
    10/11 canary weight 0%: passed (commit ID)
    11/11 canary to 0 replicas: passed (commit ID)
    42 judged-worse: advertisements 1.1 in production is live for everyone and was judged worse, which `on_failure: alert` only tells: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)
      hint: to take it back: shipgate rollback --service advertisements --environment production
      hint: to keep it (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --accept
    log: advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1: canary weight 0% (production) | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced advanced advanced promoted promoted promoted promoted alerted
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    ");
    stage.assert_deployed("it went on");
    let took = (stage.clock_now() - begun).num_seconds();
    assert!(
        took > 8 * 60,
        "a bad verdict makes nothing faster: {took} s"
    );
    assert_eq!(
        stage.history().await,
        ["canary alerted (1.0 -> 1.1, by robot)"]
    );
    let told = stage.world.log().unwrap();
    let told = told
        .iter()
        .filter(|line| line.body.contains("Shipgate-Judged-Worse: latency_p95"));
    assert_eq!(told.count(), 4, "every commit after the verdict says it");
    // It stops nobody, is nothing to recover, and a rollback goes to what ran before.
    let before = stage.references();
    stage.recover().await.assert(0, "recover");
    assert_eq!(stage.references(), before);
    stage.rollback(None).await.assert(0, "rollback");
    assert_eq!(stage.live(), "stable 1.0, canary nothing with 0%");
}

#[tokio::test]
async fn a_version_that_is_better_is_not_told_of() {
    for on_failure in ["hold", "alert"] {
        let stage = stage(Scenario::Healthy, on_failure);
        stage.deploy("1.1").await.assert(0, on_failure);
        assert_eq!(stage.journal().last().unwrap(), "verified");
    }
}

#[tokio::test]
async fn the_verdict_is_not_forgotten_by_whoever_goes_on() {
    // Killed in each later step; then the same deploy, or whoever recovers what only needs tidying.
    for step in [6, 9, 11] {
        let what = format!("step {step}");
        let stage = stage(Scenario::Latency, "alert");
        let start = Start::new();
        let kill = start.kill.clone();
        let start = start.hook(move |event| {
            if starts(event, step) {
                kill.notify_one();
            }
        });
        let end = stage.deploy_with("1.1", start).await;
        assert_eq!(end.code, None, "{what}");
        let end = stage.deploy("1.1").await;
        end.assert(42, &what);
        assert_eq!(end.outcome.reason_code, "judged-worse", "{what}");
        assert_eq!(stage.journal().last().unwrap(), "alerted", "{what}");
        stage.assert_deployed(&what);
    }
    let stage = stage(Scenario::Latency, "alert");
    let start = Start::new();
    let kill = start.kill.clone();
    // In the pause after the last push but one has landed.
    let start = start.hook(move |event| {
        if matches!(event, Event::StepStarted { index: STEPS, .. }) {
            kill.notify_one();
        }
    });
    stage.deploy_with("1.1", start).await;
    stage.world.log().unwrap();
    let end = stage.recover().await;
    insta::assert_snapshot!(end.end(), @r"
    42 judged-worse: advertisements 1.1 in production is live for everyone and was judged worse, which `on_failure: alert` only tells: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)
      hint: to take it back: shipgate rollback --service advertisements --environment production
      hint: to keep it: run the same deploy again, which says how
    ");
}

#[tokio::test]
async fn what_does_not_come_up_is_held_by_both() {
    for on_failure in ["hold", "alert"] {
        let stage = stage(Scenario::Healthy, on_failure);
        let world = std::sync::Arc::clone(&stage.world);
        let start = Start::new().hook(move |event| {
            if starts(event, 2) {
                edit(&world, STABLE, "replicas: 3", "replicas: many");
            }
        });
        let end = stage.deploy_with("1.1", start).await;
        end.assert(42, on_failure);
        assert!(
            end.end().contains("canary does not run 1.1 after 10m"),
            "{end}"
        );
        stage.edit(STABLE, "replicas: many", "replicas: 3");
        stage.deploy("1.1").await.assert(0, "mended");
    }
}

#[tokio::test]
async fn the_same_holds_without_a_canary() {
    let rows = [("hold", "held"), ("alert", "alerted")];
    for (on_failure, state) in rows {
        let stage = Stage::edited(Scenario::Latency, |text| {
            wish(rolling_text(text), on_failure)
        });
        let end = stage.deploy("1.1").await;
        end.assert(42, on_failure);
        assert_eq!(stage.journal().last().unwrap(), state);
        assert_eq!(stage.live(), "stable 1.1, canary nothing with 0%");
        stage.rollback(None).await.assert(0, "rollback");
        stage.assert_restored(on_failure);
    }
}

#[tokio::test]
async fn a_preview_that_fails_brings_it_to_nobody_whatever_it_is_trusted_with() {
    for on_failure in ["hold", "alert"] {
        let stage = Stage::edited(Scenario::BlueGreenPreview, |text| wish(text, on_failure));
        let end = stage.deploy("1.1").await;
        end.assert(42, on_failure);
        assert_eq!(end.outcome.reason_code, "judged-worse", "{end}");
        assert!(
            end.to_string()
                .contains("3/6 check the preview for 1m: failed"),
            "{end}"
        );
        assert!(!stage.log().iter().any(|subject| subject.contains("switch")));
        assert_eq!(stage.live(), "blue 1.0, green 1.1 with 0%", "{on_failure}");
        stage.rollback(None).await.assert(0, on_failure);
        assert_eq!(stage.tree(), "as at first", "{on_failure}");
    }
}

#[tokio::test]
async fn what_was_only_told_of_is_told_again_until_somebody_accepts_it() {
    let stage = stage(Scenario::Latency, "alert");
    stage.deploy("1.1").await.assert(42, "told");
    let before = stage.references();
    let again = stage.deploy("1.1").await;
    insta::assert_snapshot!(again, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    42 judged-worse: advertisements 1.1 in production is live for everyone and was judged worse, which `on_failure: alert` only tells: latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements)
      hint: to take it back: shipgate rollback --service advertisements --environment production
      hint: to keep it (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --accept
    ");
    assert_eq!(stage.references(), before);
    let accepted = stage.accept("1.1").await;
    insta::assert_snapshot!(accepted.end(), @"0 ok: advertisements 1.1 in production stays although it was judged worse: accepted by alex with --accept (latency_p95 is 1.39322, wanted at most 0.5 (2 of 2 measurements))");
    assert_eq!(stage.journal().last().unwrap(), "accepted");
    assert_eq!(
        stage.history().await,
        ["canary accepted (1.0 -> 1.1, by alex)"]
    );
    assert_eq!(stage.gaps().await, Vec::<String>::new());
    let before = stage.references();
    stage.deploy("1.1").await.assert(0, "nothing to do");
    stage.recover().await.assert(0, "nothing to recover");
    assert_eq!(stage.references(), before);
    stage.rollback(None).await.assert(0, "rollback");
    assert_eq!(stage.live(), "stable 1.0, canary nothing with 0%");
}
