//! Canaries by every object that splits traffic, and by numbers of pods: promoted where they are good,
//! taken back where they are not, byte for byte.

use shipgate::sim::{Arm, Scenario, Shape};

use crate::stage::{CANARY, STABLE, Stage, all};

async fn story(
    shape: Shape,
    scenario: Scenario,
    configure: impl FnOnce(String) -> String,
) -> String {
    let stage = Stage::shaped(shape, scenario, configure);
    let end = stage.deploy("1.1").await;
    let code = if scenario == Scenario::Healthy { 0 } else { 40 };
    end.assert(code, &format!("{shape:?}"));
    if code == 0 {
        stage.assert_deployed(&format!("{shape:?}"));
    } else {
        stage.assert_restored(&format!("{shape:?}"));
    }
    assert_eq!(stage.world.lost_requests(), 0, "{shape:?}");
    let mut log = stage.log();
    log.reverse();
    log.join("\n")
}

#[tokio::test]
async fn by_every_object_the_same_commits_are_made() {
    let objects = [
        Shape::HttpRoute,
        Shape::VirtualService,
        Shape::Traefik,
        Shape::Ingress,
    ];
    let stories = all(objects.map(async |shape| {
        let good = Box::pin(story(shape, Scenario::Healthy, |text| text)).await;
        let bad = Box::pin(story(shape, Scenario::Errors, |text| text)).await;
        (good, bad)
    }))
    .await;
    for (good, bad) in stories {
        insta::allow_duplicates! {
            insta::assert_snapshot!(good, @r"
            advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
            advertisements 1.1: canary weight 10% (production)
            advertisements 1.1: canary weight 50% (production)
            advertisements 1.1: promote: Deployment/advertisements to 1.1 (production)
            advertisements 1.1: canary weight 0% (production)
            advertisements 1.1: canary to 0 replicas (production)
            ");
            insta::assert_snapshot!(bad, @r"
            advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
            advertisements 1.1: canary weight 10% (production)
            advertisements 1.1: traffic back to 1.0 (production)
            advertisements 1.1: values back to 1.0 (production)
            ");
        }
    }
}

#[tokio::test]
async fn by_pods_the_share_is_what_the_pods_make_it() {
    let good = story(Shape::Replicas, Scenario::Healthy, |text| text).await;
    insta::assert_snapshot!(good, @r"
    advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 pod of 4 (25%) (production)
    advertisements 1.1: canary to 3 pods of 6 (50%) (production)
    advertisements 1.1: promote: Deployment/advertisements to 1.1 (production)
    advertisements 1.1: canary to 0 replicas (production)
    ");
    let bad = story(Shape::Replicas, Scenario::Errors, |text| text).await;
    insta::assert_snapshot!(bad, @r"
    advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 pod of 4 (25%) (production)
    advertisements 1.1: values back to 1.0 (production)
    ");
}

#[tokio::test]
async fn stable_keeps_its_pods_and_the_shares_are_as_planned() {
    let stage = Stage::shaped(Shape::Replicas, Scenario::Healthy, |text| text);
    stage.edit(STABLE, "replicas: 3", "replicas: 10");
    stage.deploy("1.1").await.assert(0, "ten pods");
    let mut seen = Vec::new();
    for moment in stage.world.history() {
        let state = moment.state;
        let pods = |arm| state.workload(arm).replicas;
        assert!(pods(Arm::Stable) == 10 || seen.is_empty(), "{state:?}");
        seen.push(format!(
            "{} and {} ({})",
            pods(Arm::Stable),
            pods(Arm::Canary),
            state.weight
        ));
    }
    seen.dedup();
    insta::assert_snapshot!(seen.join("\n"), @r"
    3 and 0 (0%)
    10 and 0 (0%)
    10 and 1 (9%)
    10 and 10 (50%)
    10 and 0 (0%)
    ");
}

#[tokio::test]
async fn pods_that_the_canary_has_before_go_first_and_come_back_with_the_old_version() {
    let stage = Stage::shaped(Shape::Replicas, Scenario::Errors, |text| text);
    stage.edit(CANARY, "replicas: 0", "replicas: 2");
    let before = [STABLE, CANARY].map(|path| stage.text(path));
    stage.clock.advance(std::time::Duration::from_secs(60));
    let end = stage.deploy("1.1").await;
    end.assert(40, "two pods before");
    assert_eq!([STABLE, CANARY].map(|path| stage.text(path)), before);
    insta::assert_snapshot!(stage.log().join("\n"), @r"
    advertisements 1.1: share of the canary back to 1.0 (production)
    advertisements 1.1: values back to 1.0 (production)
    advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 pod of 4 (25%) (production)
    advertisements 1.1: canary to 0 replicas (production)
    robin: something else
    ");
}

#[tokio::test]
async fn a_known_good_version_goes_to_everyone_once_the_canary_has_no_pods() {
    let stage = Stage::shaped(Shape::Replicas, Scenario::Healthy, |text| text);
    stage.edit(CANARY, "replicas: 0", "replicas: 2");
    stage.rollback(Some("0.9")).await.assert(0, "rollback --to");
    insta::assert_snapshot!(stage.log().join("\n"), @r"
    advertisements 0.9: Deployment/advertisements to 0.9 (production)
    advertisements 0.9: canary to 0 replicas (production)
    robin: something else
    ");
    stage.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(stage.live(), "stable 0.9, canary nothing with 0%");
}

#[tokio::test]
async fn generated_steps_are_run_as_written_ones() {
    let generated = |text: String| {
        let (head, rest) = text.split_once("        steps:\n").unwrap();
        let (_, tail) = rest.split_once("        bake_time:").unwrap();
        let three = "        step_weight: 20\n        max_weight: 50\n        interval: 3m\n";
        format!("{head}{three}        bake_time:{tail}")
    };
    let log = story(Shape::HttpRoute, Scenario::Healthy, generated).await;
    insta::assert_snapshot!(log, @r"
    advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    advertisements 1.1: canary weight 20% (production)
    advertisements 1.1: canary weight 40% (production)
    advertisements 1.1: canary weight 50% (production)
    advertisements 1.1: promote: Deployment/advertisements to 1.1 (production)
    advertisements 1.1: canary weight 0% (production)
    advertisements 1.1: canary to 0 replicas (production)
    ");
}

#[tokio::test]
async fn services_that_send_requests_elsewhere_are_found_before_the_first_push() {
    let by_pods = Stage::shaped(Shape::Replicas, Scenario::Healthy, |text| text);
    by_pods.edit(
        STABLE,
        "  selector:\n    app: advertisements\n",
        "  selector:\n    app: advertisements\n    track: stable\n",
    );
    let both = "    app: advertisements\n    track: stable\n  ports";
    let by_object = Stage::shaped(Shape::HttpRoute, Scenario::Healthy, |text| text);
    by_object.edit(STABLE, both, "    app: advertisements\n  ports");
    let no_pods = Stage::shaped(Shape::Replicas, Scenario::Healthy, |text| text);
    no_pods.edit(STABLE, "replicas: 3", "replicas: 0");
    let mut ends = Vec::new();
    for stage in [&by_pods, &by_object, &no_pods] {
        let end = stage.deploy("1.1").await;
        end.assert(30, "refused");
        assert_eq!(stage.commits(), 0);
        ends.push(end.to_string());
    }
    insta::assert_snapshot!(ends.join("\n"), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    30 edit-refused: clusters/prod/advertisements.yaml:44: Service/advertisements selects the pods of Deployment/advertisements and not those of Deployment/advertisements-canary, and no other selects both, so the canary would get no requests
      hint: let the selector of Service/advertisements have only labels that the pods of both have, or split by an object such as `http_route`
    deploy advertisements 1.1 to production
    gate: Allowed
    30 edit-refused: clusters/prod/advertisements.yaml:44: Service/advertisements selects the pods of Deployment/advertisements-canary as well as those of Deployment/advertisements, and none selects stable's alone, so the canary would get stable's requests at every weight
      hint: give the selector of Service/advertisements a label that only the pods of Deployment/advertisements have, or split by their numbers: `traffic: {replicas: {}}`
    deploy advertisements 1.1 to production
    gate: Allowed
    30 edit-refused: Deployment/advertisements has 0 replicas, so the canary would get all the traffic whatever its weight
      hint: give stable its pods first, then deploy the new version
    ");
}

#[tokio::test]
async fn backends_that_lead_to_the_wrong_pods_are_found_before_the_first_push() {
    let of_canary = "    track: canary\n  ports";
    let mut ends = Vec::new();
    for (shape, track) in [
        (Shape::HttpRoute, "stable"),
        (Shape::Ingress, "canarry"),
        (Shape::VirtualService, "stable"),
        (Shape::Traefik, "canarry"),
    ] {
        let stage = Stage::shaped(shape, Scenario::Healthy, |text| text);
        let track = format!("    track: {track}\n  ports");
        stage.edit(CANARY, of_canary, &track);
        let end = stage.deploy("1.1").await;
        end.assert(30, "refused");
        assert_eq!(stage.commits(), 0);
        ends.push(end.end());
    }
    insta::assert_snapshot!(ends.join("\n"), @r"
    30 edit-refused: clusters/prod/advertisements-canary.yaml:38: Service/advertisements-canary selects `app: advertisements`, `track: stable`, which are the pods of Deployment/advertisements and not those of Deployment/advertisements-canary, and HTTPRoute/advertisements (clusters/prod/advertisements-canary.yaml:62) has it as the backend of canary
      hint: give its selector a label that only the pods of Deployment/advertisements-canary have; does `traffic.canary` name the right backend?
    30 edit-refused: clusters/prod/advertisements-canary.yaml:38: Service/advertisements-canary selects `app: advertisements`, `track: canarry`, which the pods of Deployment/advertisements-canary do not have, and Ingress/advertisements-canary (clusters/prod/advertisements-canary.yaml:67) has it as the backend of canary
      hint: give its selector the labels of the pods of Deployment/advertisements-canary, or name another backend
    30 edit-refused: clusters/prod/advertisements-canary.yaml:38: Service/advertisements-canary selects `app: advertisements`, `track: stable`, which are the pods of Deployment/advertisements and not those of Deployment/advertisements-canary, and VirtualService/advertisements (clusters/prod/advertisements-canary.yaml:63) has it as the backend of canary
      hint: give its selector a label that only the pods of Deployment/advertisements-canary have; does `traffic.canary` name the right backend?
    30 edit-refused: clusters/prod/advertisements-canary.yaml:38: Service/advertisements-canary selects `app: advertisements`, `track: canarry`, which the pods of Deployment/advertisements-canary do not have, and TraefikService/advertisements (clusters/prod/advertisements-canary.yaml:61) has it as the backend of canary
      hint: give its selector the labels of the pods of Deployment/advertisements-canary, or name another backend
    ");
}

#[tokio::test]
async fn a_scaler_of_the_pods_is_warned_of() {
    let stage = Stage::shaped(Shape::Replicas, Scenario::Healthy, |text| text);
    let scaler = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: advertisements, namespace: shop}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: advertisements}\n  minReplicas: 6\n  maxReplicas: 20\n";
    let text = stage.text(STABLE);
    let text = format!("{text}{scaler}");
    stage
        .world
        .write(STABLE, text.as_bytes(), "scaled")
        .unwrap();
    let end = stage.deploy("1.1").await;
    end.assert(0, "scaled");
    let warnings: Vec<&String> = end
        .trail
        .iter()
        .filter(|line| line.contains("may give"))
        .collect();
    insta::assert_debug_snapshot!(warnings, @r#"
    [
        "warning: HorizontalPodAutoscaler/advertisements (clusters/prod/advertisements.yaml:56) may give Deployment/advertisements more pods than its minimum: the canary's share is smaller then than planned",
    ]
    "#);
}

#[tokio::test]
async fn the_policy_judges_the_share_that_the_pods_make() {
    let mut ends = Vec::new();
    for (pods, code) in [(3, 14), (9, 0)] {
        let stage = Stage::shaped(Shape::Replicas, Scenario::Healthy, |text| text);
        let policy =
            stage.text("policies/production.yaml") + "require: {largest_first_weight: 10}\n";
        let path = "policies/production.yaml";
        stage
            .world
            .write(path, policy.as_bytes(), "policy")
            .unwrap();
        stage.edit(STABLE, "replicas: 3", &format!("replicas: {pods}"));
        let end = stage.deploy("1.1").await;
        end.assert(code, "largest_first_weight");
        ends.push(end.end());
    }
    insta::assert_snapshot!(ends.join("\n"), @r"
    14 require: shipgate.yaml: the new version gets 25% of the traffic first; the policy requires at most 10%; closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)
    0 ok: advertisements 1.1 in production is live and verified
    ");
}
