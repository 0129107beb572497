//! Somebody takes the pods of the stable workload away while a canary runs: no way back sends users there
//! before they are back.

use std::sync::Arc;

use shipgate::{
    event::Event,
    sim::{Scenario, Shape},
};

use crate::{
    runs::Start,
    stage::{STABLE, Stage, all, edit},
};

/// A canary in front of whose end somebody scales stable to nothing.
fn scales_stable_down(stage: &Stage, is_then: impl Fn(&Event) -> bool + 'static) -> Start {
    let world = Arc::clone(&stage.world);
    let mut is_done = false;
    Start::new().hook(move |event| {
        if !is_done && is_then(event) {
            is_done = true;
            edit(&world, STABLE, "replicas: 3", "replicas: 0");
        }
    })
}

#[tokio::test]
async fn stable_gets_its_pods_back_before_its_users() {
    let stage = Stage::brief(Scenario::Errors);
    let start = scales_stable_down(&stage, |event| {
        matches!(event, Event::StepFinished { index: 4, .. })
    });
    let end = stage.deploy_with("1.1", start).await;
    let steps: Vec<&String> = end
        .trail
        .iter()
        .filter(|line| line.contains("/6 back: "))
        .collect();
    insta::assert_snapshot!(format!("{steps:#?}\n{}", stage.log().join("\n")), @r#"
    [
        "1/6 back: pods for Deployment/advertisements, which served before: passed (commit ID)",
        "2/6 back: wait until stable runs the previous version: passed",
        "3/6 back: canary weight to what it was: passed (commit ID)",
        "4/6 back: version and replicas to what they were: passed (commit ID)",
        "5/6 back: wait until the canary no longer runs the new version: passed",
        "6/6 back: wait until the previous version is healthy: passed",
    ]
    advertisements 1.1: values back to 1.0 (production)
    advertisements 1.1: traffic back to 1.0 (production)
    advertisements 1.1: pods for the way back to 1.0 (production)
    robin: something else
    advertisements 1.1: canary weight 10% (production)
    advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    "#);
    end.assert(40, "taken back");
    stage.assert_restored("taken back");
}

#[tokio::test]
async fn whoever_recovers_does_the_same() {
    let rows = [
        (Shape::Ingress, 6),
        // Stable has the new version itself by then.
        (Shape::Ingress, 9),
        (Shape::Replicas, 6),
    ];
    all(rows.map(async |(shape, step)| {
        let what = format!("{shape:?} at step {step}");
        let stage = Stage::shaped(shape, Scenario::Healthy, |text| {
            text.replace("      interval: 15s", "      interval: 1m")
        });
        let start = Start::new();
        let kill = start.kill.clone();
        let start = start.hook(move |event| {
            if matches!(event, Event::StepStarted { index, .. } if *index == step) {
                kill.notify_one();
            }
        });
        assert_eq!(stage.deploy_with("1.1", start).await.code, None, "{what}");
        stage.edit(STABLE, "replicas: 3", "replicas: 0");
        let end = stage.recover().await;
        end.assert(0, &what);
        assert!(
            end.to_string().contains("which served before"),
            "{what}: {end}"
        );
        stage.assert_restored(&what);
    }))
    .await;
}

#[tokio::test]
async fn a_service_that_was_taken_down_after_its_deployment_stays_down() {
    let stage = Stage::brief(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deployed");
    stage.edit(STABLE, "replicas: 3", "replicas: 0");
    let end = stage.rollback(None).await;
    assert!(!end.to_string().contains("which served before"), "{end}");
    assert!(stage.text(STABLE).contains("replicas: 0"), "{end}");
}
