//! What runs follows from the branch and the clock.

use std::sync::Arc;

use serde_json::Value;
use shipgate::{
    clock::Clock,
    config::Config,
    policy::{Action, Decision, Facts, Policy, Request, TrafficFact, evaluate},
    sim::{Scenario, Workload, World, WorldOptions},
};

use crate::stage::{CANARY, STABLE, Stage, instant, running};

#[test]
fn a_world_begins_with_a_small_shop_at_rest() {
    let stage = Stage::new(Scenario::Healthy);
    let live = stage.world.live();
    assert_eq!(live.stable, running("1.0", 3));
    assert_eq!(live.canary, Workload::default());
    assert_eq!(live.weight.percent(), 0);
    assert_eq!(stage.get("/stable/version").1, r#"{"version":"1.0"}"#);
    assert_eq!(stage.get("/version").1, r#"{"version":"1.0"}"#);
    assert_eq!(stage.get("/health"), (200, r#"{"status":"ok"}"#.to_owned()));
    assert_eq!(stage.get("/canary/health").0, 503);
    assert_eq!(stage.get("/canary/version").0, 503);
    assert_eq!(stage.get("/nowhere").0, 404);
    for path in [
        STABLE,
        CANARY,
        "clusters/prod/ingress.yaml",
        "shipgate.yaml",
        "policies/production.yaml",
    ] {
        let bytes = stage.world.read(path).unwrap().unwrap();
        for document in serde_yaml::Deserializer::from_slice(&bytes) {
            let value: Value = serde::Deserialize::deserialize(document).unwrap();
            assert!(value.is_object(), "{path}");
        }
    }
    let config = stage.text("shipgate.yaml");
    assert!(
        config.contains(stage.world.base_url()) && !config.contains('@'),
        "{config}"
    );
    assert_eq!(stage.world.log().unwrap().len(), 1);
}

#[test]
fn the_cluster_follows_the_branch_as_a_controller_does() {
    let stage = Stage::new(Scenario::Healthy);
    stage.wait(7);
    stage.edit(
        CANARY,
        &[("replicas: 0", "replicas: 1"), (":1.0\"", ":1.1\"")],
    );
    let pushed = stage.world.tip().unwrap();
    stage.wait(7);
    assert_ne!(stage.world.live().commit, pushed, "polled before its time");
    stage.wait(1);
    assert_eq!(stage.world.live().commit, pushed);
    assert_eq!(stage.world.live().canary, Workload::default());
    stage.wait(19);
    assert_eq!(stage.get("/canary/health").0, 503);
    stage.wait(1);
    assert_eq!(stage.get("/canary/health").0, 200);
    assert_eq!(stage.get("/canary/version").1, r#"{"version":"1.1"}"#);
    stage.edit(CANARY, &[("replicas: 1", "replicas: 0")]);
    stage.wait(15);
    assert_eq!(stage.get("/canary/health").0, 503);
    let history: Vec<_> = stage
        .world
        .history()
        .iter()
        .map(|moment| {
            format!(
                "{} canary {}",
                moment.at.format("%H:%M:%S"),
                moment.state.canary.version.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        history,
        [
            "10:00:00 canary -",
            "10:00:15 canary -",
            "10:00:35 canary 1.1",
            "10:00:45 canary -"
        ]
    );
}

#[test]
fn what_is_looked_at_late_happened_at_the_same_time() {
    let histories = [1_000, 3].map(|step| {
        let stage = Stage::new(Scenario::Healthy);
        stage.edit(STABLE, &[("advertisements:1.0", "advertisements:1.1")]);
        let mut passed = 0;
        while passed < 120 {
            let pause = step.min(120 - passed);
            stage.wait(pause);
            passed += pause;
            stage.world.live();
        }
        let moments = stage.world.history();
        moments
            .iter()
            .map(|moment| (moment.at, moment.state.stable.clone()))
            .collect::<Vec<_>>()
    });
    assert_eq!(histories[0], histories[1]);
    assert_eq!(histories[0].len(), 3);
}

#[test]
fn a_stable_rollout_serves_the_old_version_until_the_new_one_answers() {
    let stage = Stage::new(Scenario::Healthy);
    stage.edit(STABLE, &[("advertisements:1.0", "advertisements:1.1")]);
    stage.wait(34);
    assert_eq!(stage.world.live().stable, running("1.0", 3));
    stage.wait(1);
    assert_eq!(stage.world.live().stable, running("1.1", 3));
    assert_eq!(stage.world.lost_requests(), 0);
}

#[test]
fn a_commit_that_is_taken_back_in_time_never_runs() {
    let stage = Stage::new(Scenario::Healthy);
    stage.edit(STABLE, &[("advertisements:1.0", "advertisements:1.1")]);
    stage.wait(20);
    stage.edit(STABLE, &[("advertisements:1.1", "advertisements:1.0")]);
    stage.wait(300);
    let versions: Vec<_> = stage
        .world
        .history()
        .into_iter()
        .map(|moment| moment.state.stable)
        .collect();
    assert!(
        versions.iter().all(|stable| *stable == running("1.0", 3)),
        "{versions:?}"
    );
    assert_eq!(stage.world.live().commit, stage.world.tip().unwrap());
}

#[test]
fn what_cannot_be_applied_changes_nothing_and_says_why() {
    let rows = [
        (
            STABLE,
            "replicas: 3",
            "replicas: many",
            "replicas \"many\" is not a number",
        ),
        (
            STABLE,
            "kind: Deployment",
            "kind: [",
            "clusters/prod/advertisements.yaml:",
        ),
        (
            STABLE,
            "name: advertisements\n",
            "name: adverts\n",
            "no Deployment/advertisements",
        ),
        (
            STABLE,
            "track: stable",
            "track: \"1.1\"",
            "the selector of the stable Deployment is immutable",
        ),
        (
            CANARY,
            "canary-weight: \"0\"",
            "canary-weight: \"101\"",
            "found \"101\"",
        ),
    ];
    for (path, old, new, reason) in rows {
        let stage = Stage::new(Scenario::Healthy);
        stage.edit(path, &[(old, new), (":1.0", ":1.1")]);
        stage.wait(300);
        let live = stage.world.live();
        assert_eq!(live.stable, running("1.0", 3), "{reason}");
        let error = live.sync_error.unwrap_or_default();
        assert!(error.contains(reason), "{error:?} does not say {reason:?}");
        stage.edit(path, &[(new, old)]);
        stage.wait(300);
        assert_eq!(stage.world.live().sync_error, None);
    }
}

#[test]
fn the_policy_opens_and_blocks_as_the_story_says() {
    let rows = [
        (Scenario::Healthy, "2026-03-10T10:00:00Z", Decision::Allowed),
        (Scenario::Healthy, "2026-03-13T10:00:00Z", Decision::Blocked),
        (Scenario::Blocked, "2026-03-10T10:00:00Z", Decision::Blocked),
        (Scenario::Blocked, "2026-03-11T10:00:00Z", Decision::Allowed),
    ];
    for (scenario, at, decision) in rows {
        let stage = Stage::new(scenario);
        let text = stage.text("policies/production.yaml");
        let policy = Policy::parse(&text, "policies/production.yaml").unwrap();
        let request = Request::new(Action::Deploy);
        let facts = Facts {
            traffic: TrafficFact::NotAsked,
            ..Facts::default()
        };
        let verdict = evaluate(&policy, &request, &facts, instant(at));
        assert_eq!(verdict.decision, decision, "{scenario} at {at}");
    }
}

#[test]
fn the_configuration_is_one_that_shipgate_reads() {
    let stage = Stage::new(Scenario::Healthy);
    let config = Config::parse(&stage.text("shipgate.yaml")).unwrap();
    let environment = &config.environments["production"];
    let globs = config.services["advertisements"].globs(environment);
    assert_eq!(globs, ["clusters/prod/advertisements*.yaml"]);
}

#[test]
fn a_dropped_world_stops_answering() {
    let stage = Stage::new(Scenario::Healthy);
    let url = format!("{}/health", stage.world.base_url());
    assert!(stage.client.get(&url).send().is_ok());
    drop(stage.world);
    assert!(stage.client.get(&url).send().is_err());
}

#[test]
fn two_worlds_never_share_a_folder() {
    let stage = Stage::new(Scenario::Healthy);
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let again = World::start(WorldOptions::new(
        Scenario::Healthy,
        clock,
        stage.folder.path().to_owned(),
    ));
    assert!(again.is_err());
}

#[test]
fn scenarios_have_names_that_read_back() {
    for scenario in Scenario::ALL {
        assert_eq!(scenario.name().parse(), Ok(scenario));
    }
    let error = "doom".parse::<Scenario>().unwrap_err();
    insta::assert_snapshot!(error, @r#"found "doom", expected one of healthy, errors, late-onset, latency, outage-before, outage, blocked, held, drill, superseded, blue-green, blue-green-preview, blue-green-errors"#);
}
