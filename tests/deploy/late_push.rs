//! A push that lands after the record of its run was withdrawn: nobody has watched what it brought, so
//! nobody takes it for deployed.

use std::sync::Arc;

use shipgate::sim::Scenario;
use tokio::sync::Notify;

use crate::{
    endings::rolling_text,
    runs::Start,
    stage::Stage,
    trail::End,
    wire::{Call, Fate, Gate, When},
};

/// A world in which a deployment of 1.1 to everyone at once was withdrawn while its push was on its way.
async fn landed_late(scenario: Scenario) -> Stage {
    let stage = Stage::edited(scenario, |text| {
        rolling_text(text).replace("      interval: 15s", "      interval: 1m")
    });
    let (begun, gate) = (Arc::new(Notify::new()), Gate::default());
    let (told, closed) = (Arc::clone(&begun), gate.clone());
    stage.wire.at(Call::Branch, When::Before, 1, move || {
        told.notify_one();
        Fate::Wait(closed.clone())
    });
    let (deployed, recovered) = tokio::join!(stage.deploy("1.1"), async {
        begun.notified().await;
        let recovered = stage.recover().await;
        gate.open();
        recovered
    });
    recovered.assert(0, "nothing had landed");
    deployed.assert(43, "fenced out");
    assert_eq!(stage.journal(), ["started", "withdrawn"]);
    assert_eq!(stage.commits(), 1);
    stage.wire.rule(|_, _| Fate::Pass);
    stage
}

fn dry_run() -> Start {
    Start {
        dry_run: true,
        ..Start::new()
    }
}

impl Stage {
    async fn warned(&self, version: &str) -> String {
        let planned: End = self.deploy_with(version, dry_run()).await;
        let warnings = planned.trail.iter().filter(|line| line.contains("landed"));
        let warnings: Vec<&str> = warnings.map(String::as_str).collect();
        let checked = self.foreseen(version).await;
        format!(
            "plan {version}: {}, {}\ncheck {version}: {}",
            planned.code.unwrap(),
            warnings.join(", "),
            checked.end()
        )
    }
}

#[tokio::test]
async fn the_same_deployment_again_watches_it() {
    let stage = landed_late(Scenario::Healthy).await;
    let (_, gaps) = stage.audit().await;
    let run = stage.run_ids().into_iter().next().unwrap();
    assert_eq!(gaps.len(), 4, "{gaps:?}");
    insta::assert_snapshot!(gaps[0].replace(&run, "RUN"), @"WithdrawnRun to 1.1: run RUN was withdrawn before it landed, so nobody has watched it: deploy the same version again to watch it, or take it back with `shipgate recover`");
    let before = stage.references();
    insta::assert_snapshot!(stage.warned("1.1").await, @r"
    plan 1.1: 0, warning: run ID of 1.1: it was withdrawn, and its push landed after that, so nobody has watched what it brought
    check 1.1: 0 ok: run ID of the same version is not finished (started: it was withdrawn, and its push landed after that): the deployment goes on with it
    ");
    assert_eq!(stage.references(), before);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    warning: run ID of 1.1: it was withdrawn, and its push landed after that, so nobody has watched what it brought
    plan: 3 steps, 3 back
    changes: 4
    warning: before we start: shipgate.yaml:27:11: latency_p95 has no usable number: no series: the query matches nothing (stable)
    warning: before we start: shipgate.yaml:22:11: errors has no usable number: `total` matches nothing for stable: is the query right?
    note: an earlier try of this run got to step 1 of 3; going on from there
    1/3 Deployment/advertisements to 1.1: skipped (the branch has these values already)
    2/3 wait until stable runs 1.1: passed (live after 0s)
    3/3 watch stable for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified
    log: advertisements 1.1: Deployment/advertisements to 1.1 (production)
    journal: started withdrawn started verified
    tree: advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    ");
    assert_eq!(stage.audit().await.1, Vec::<String>::new());
    stage.deploy("1.1").await.assert(0, "there");
    assert_eq!(stage.history().await.len(), 1);
}

#[tokio::test]
async fn a_bad_one_is_taken_back_by_the_same_deployment() {
    let stage = landed_late(Scenario::Errors).await;
    stage.deploy("1.1").await.assert(40, "watched");
    stage.assert_restored("watched");
    assert_eq!(stage.audit().await.1, Vec::<String>::new());
}

#[tokio::test]
async fn another_version_has_it_taken_back_first() {
    let stage = landed_late(Scenario::Healthy).await;
    insta::assert_snapshot!(stage.warned("1.2").await, @r"
    plan 1.2: 14, warning: run ID of 1.1: it was withdrawn, and its push landed after that, so nobody has watched what it brought
    check 1.2: 0 ok: run ID of 1.1: it was withdrawn, and its push landed after that: the deployment recovers it first
    ");
    let end = stage.deploy("1.2").await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.2 to production
    gate: Allowed
    warning: run ID of 1.1: it was withdrawn, and its push landed after that, so nobody has watched what it brought
    note: it was withdrawn, and its push landed after that, so it is recovered first: advertisements 1.1 in production (run ID, started by robot, https://ci.example/robot): started at step 1/3, since 2026-03-10T10:00:00Z, expires 2026-03-10T10:00:00Z
    way back: run ID was interrupted (withdrawn)
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    1/3 Deployment/advertisements to 1.2: passed (commit ID)
    2/3 wait until stable runs 1.2: passed (live after 32s)
    3/3 watch stable for 3m: passed (good after 3m)
    0 ok: advertisements 1.2 in production is live and verified
    log: advertisements 1.2: Deployment/advertisements to 1.2 (production) | advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: Deployment/advertisements to 1.1 (production)
    journal: started withdrawn rolling-back rolled-back started verified
    tree: advertisements.yaml: 1.0 -> 1.2 in 4 places
    live: stable 1.2, canary nothing with 0%
    ");
    assert_eq!(stage.audit().await.1, Vec::<String>::new());
}

#[tokio::test]
async fn a_rollback_takes_it_back_and_not_the_deployment_before() {
    let stage = landed_late(Scenario::Healthy).await;
    let (back, recovery) = stage.shows().await;
    insta::assert_snapshot!(format!("{}\n{}", back.end(), recovery.end()), @r"
    0 ok: would take advertisements 1.1 in production back: 4 values in 1 file; dry run: nothing was pushed
    0 ok: would take advertisements 1.1 in production back: 4 values in 1 file; dry run: nothing was pushed
    ");
    stage.rollback(None).await.assert(0, "rolled back");
    stage.assert_restored("rolled back");
    stage.recover().await.assert(0, "nothing is left");
}

#[tokio::test]
async fn a_withdrawn_run_of_which_nothing_landed_stops_nobody() {
    let stage = Stage::brief(Scenario::Healthy);
    let start = Start::new();
    let kill = start.kill.clone();
    stage.wire.at(Call::Branch, When::Before, 1, move || {
        kill.notify_one();
        Fate::Drop
    });
    assert_eq!(stage.deploy_with("1.1", start).await.code, None);
    stage.wire.rule(|_, _| Fate::Pass);
    stage.recover().await.assert(0, "withdrawn");
    assert_eq!(stage.journal(), ["started", "withdrawn"]);
    assert_eq!(stage.foreseen("1.1").await.end(), "0 ok: free");
    let end = stage.deploy("1.1").await;
    end.assert(0, "from the beginning");
    assert!(!end.to_string().contains("landed"), "{end}");
    assert_eq!(stage.run_ids().len(), 1);
}
