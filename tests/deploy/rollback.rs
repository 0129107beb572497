//! Going back by hand: to what ran before, to a named version, and again.

use shipgate::sim::Scenario;

use crate::{
    runs::Start,
    stage::{CANARY, STABLE, Stage},
    third_party::ThirdParty,
};

#[tokio::test]
async fn a_rollback_restores_values_and_keeps_what_others_wrote() {
    let stage = Stage::new(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deploy");
    stage.edit(STABLE, "replicas: 3", "replicas: 5   # sale on Friday");
    stage.edit(CANARY, "# The canary half", "# Half of a canary");
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/5 back: canary weight to what it was: passed (already so)
    2/5 back: version and replicas to what they were: passed (commit ID)
    3/5 back: wait until stable runs the previous version: passed
    4/5 back: wait until the canary no longer runs the new version: passed
    5/5 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (a test)
    log: advertisements 1.1: values back to 1.0 (production) | robin: something else | robin: something else | advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1: canary weight 0% (production) | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced promoted promoted promoted verified rolling-back rolled-back
    tree: advertisements-canary.yaml: # The canary half: no pods and no traffic unless a deployment is under way. -> # Half of a canary: no pods and no traffic unless a deployment is under way.
    advertisements.yaml: replicas: 3 -> replicas: 5   # sale on Friday
    live: stable 1.0, canary nothing with 0%
    ");
    insta::assert_snapshot!(stage.history().await.join("\n"), @"
    canary rolled-back (1.0 -> 1.1, by alex)
    canary verified (1.0 -> 1.1, by robot)
    ");
    let before = stage.references();
    let again = stage.rollback(None).await;
    insta::assert_snapshot!(again.end(), @"0 ok: advertisements in production was taken back already: 1.1 was rolled back at 2026-03-10T10:09:57Z");
    assert_eq!(stage.references(), before);
    // The version may be tried again, as a run of its own.
    stage.deploy("1.1").await.assert(0, "again");
}

#[tokio::test]
async fn a_rollback_to_a_version_brings_it_to_everyone_at_once() {
    let stage = Stage::new(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "1.1");
    stage.deploy("1.2").await.assert(0, "1.2");
    let end = stage.rollback(Some("1.0")).await;
    insta::assert_snapshot!(stage.story(&end), @r#"
    gate: Allowed
    roll back advertisements in production to 1.0
    1/3 Deployment/advertisements to 1.0: passed (commit ID)
    2/3 wait until stable runs 1.0: passed (live after 32s)
    3/3 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.0 in production is live and verified
    log: advertisements 1.0: Deployment/advertisements to 1.0 (production) | advertisements 1.2: canary to 0 replicas (production) | advertisements 1.2: canary weight 0% (production) | advertisements 1.2: promote: Deployment/advertisements to 1.2 (production) | advertisements 1.2: canary weight 50% (production) | advertisements 1.2: canary weight 10% (production) | advertisements 1.2: Deployment/advertisements-canary to 1.2 with 1 replica (production) | advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1: canary weight 0% (production) | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced promoted promoted promoted verified started advanced advanced promoted promoted promoted verified started verified
    tree: advertisements-canary.yaml: 1.0 -> 1.2 in 4 places
    live: stable 1.0, canary nothing with 0%
    "#);
    let again = stage.rollback(Some("1.0")).await;
    insta::assert_snapshot!(again.end(), @"0 ok: advertisements in production is at 1.0 already");
    // It is a deployment like any other: the last known good version is now 1.0, before it 1.2.
    let back = stage.rollback(None).await;
    back.assert(0, "back to 1.2");
    assert!(stage.live().starts_with("stable 1.2"), "{}", stage.live());
}

#[tokio::test]
async fn there_is_nothing_to_go_back_to_at_first() {
    let stage = Stage::new(Scenario::Healthy);
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(end.end(), @r"
    14 blocked-other: no deployment of advertisements in production is known, so there is no last known good version
      hint: name the version: shipgate rollback --service advertisements --environment production --to VERSION
    ");
}

#[tokio::test]
async fn a_rollback_never_overwrites_a_newer_version() {
    let stage = Stage::new(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deploy");
    stage.edit(STABLE, "advertisements:1.1", "advertisements:1.2-hotfix");
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(end.end(), @"43 superseded: clusters/prod/advertisements.yaml:31: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements is `registry.example/shop/advertisements:1.2-hotfix` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it; no workload with pods or users has 1.1 on branch `main`");
    assert!(stage.text(STABLE).contains("advertisements:1.2-hotfix"));
    // The next one is not stopped by that.
    stage.deploy("1.3").await.assert(0, "next");
}

/// Ends a run as SIGKILL would once its `nth` commit is on the branch.
async fn killed_rollback(stage: &Stage, to: Option<&str>, nth: usize) {
    use crate::wire::{Call, Fate, When};
    let start = Start::by("alex");
    let kill = start.kill.clone();
    stage.wire.at(Call::Branch, When::After, nth, move || {
        kill.notify_one();
        Fate::Drop
    });
    assert_eq!(stage.rollback_with(to, start).await.code, None);
    stage.wire.rule(|_, _| Fate::Pass);
}

#[tokio::test]
async fn a_killed_rollback_is_finished_by_recover() {
    for weight in ["0", "20"] {
        let stage = Stage::new(Scenario::Healthy);
        if weight != "0" {
            // A canary that gets traffic all the time makes the rollback two commits.
            stage.edit(CANARY, "canary-weight: \"0\"", "canary-weight: \"20\"");
        }
        let first = stage.text(CANARY);
        stage.deploy("1.1").await.assert(0, "deploy");
        killed_rollback(&stage, None, 1).await;
        let recovered = stage.recover().await;
        recovered.assert(0, weight);
        assert_eq!(stage.text(CANARY), first, "{recovered}");
        assert_eq!(stage.text(STABLE), stage.first[STABLE], "{recovered}");
        let before = stage.references();
        stage.recover().await.assert(0, "again");
        assert_eq!(stage.references(), before);
    }
}

#[tokio::test]
async fn a_killed_rollback_to_a_version_goes_on_to_that_version() {
    for again in [true, false] {
        let stage = Stage::new(Scenario::Healthy);
        stage.deploy("1.1").await.assert(0, "1.1");
        killed_rollback(&stage, Some("1.0"), 1).await;
        let end = if again {
            stage.rollback(Some("1.0")).await
        } else {
            stage.recover().await
        };
        end.assert(0, "finished");
        assert!(stage.live().starts_with("stable 1.0"), "{}", stage.live());
        assert_eq!(stage.journal().last().unwrap(), "verified");
    }
}

#[tokio::test]
async fn a_dry_run_of_going_back_pushes_nothing() {
    let stage = Stage::new(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deploy");
    let before = stage.references();
    let (back, recovery) = stage.shows().await;
    back.assert(0, "rollback");
    recovery.assert(0, "recover");
    assert_eq!(stage.references(), before);
    let diff = &back.outcome.diff;
    assert!(
        diff.contains("-          image: \"registry.example/shop/advertisements:1.1\""),
        "{diff}"
    );
    assert!(
        diff.contains("+          image: \"registry.example/shop/advertisements:1.0\""),
        "{diff}"
    );
    assert!(back.outcome.reason.ends_with("dry run: nothing was pushed"));
    assert!(recovery.outcome.reason.starts_with("nothing is unfinished"));
}

#[tokio::test]
async fn a_rollback_leaves_files_alone_that_somebody_moved() {
    let stage = Stage::new(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deploy");
    let others = ThirdParty::at(&stage.folder.path().join("gitops.git"));
    let text = stage.text(STABLE);
    let moved = [
        (STABLE, None),
        ("clusters/prod/advertisements-web.yaml", Some(text.as_str())),
    ];
    others.commit(&moved, "robin: moved", stage.clock_now().timestamp());
    let before = others.tip();
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(end.end(), @r#"
    43 superseded: clusters/prod/advertisements.yaml: metadata.labels["tags.datadoghq.com/version"] of Deployment/advertisements is gone now, not `1.0` or `1.1`; someone else changed it; still on branch `main`: Deployment/advertisements has 1.1 with 3 replicas, which serves everyone
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    "#);
    assert_eq!(others.tip(), before);
    // It can still be brought where it is now.
    let to = stage.rollback(Some("1.0")).await;
    to.assert(0, "by name");
    assert!(stage.live().starts_with("stable 1.0"), "{}", stage.live());
}
