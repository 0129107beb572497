//! A git server that refuses: the branch is protected, or the journal may not be written.

use std::sync::Arc;

use shipgate::{
    event::Event,
    sim::{Faults, Scenario},
};

use crate::{
    runs::Start,
    stage::{Stage, WRITES, all, starts},
    trail::End,
};

/// Deploys to a server that refuses from a step on.
async fn refused_from(stage: &Stage, step: usize, faults: Faults) -> End {
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| {
        if starts(event, step) {
            world.set_faults(faults.clone());
        }
    });
    let end = stage.deploy_with("1.1", start).await;
    stage.world.set_faults(Faults::default());
    end
}

fn protected() -> Faults {
    Faults {
        protect_branch: true,
        ..Faults::default()
    }
}

fn no_journal() -> Faults {
    Faults {
        refuse_journal: true,
        ..Faults::default()
    }
}

#[tokio::test]
async fn a_protected_branch_is_told_and_stops_nobody_later() {
    let stage = Stage::brief(Scenario::Healthy);
    let end = refused_from(&stage, 1, protected()).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: failed (the git server refused the push to `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined)
    32 push-denied: the git server refused the push to `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined
      hint: check the token's rights and the protection of the branch
    log: 
    journal: started withdrawn
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
    stage.deploy("1.2").await.assert(0, "another version");
}

#[tokio::test]
async fn a_branch_that_becomes_protected_needs_a_person() {
    all(WRITES[1..4].iter().map(async |step| {
        let what = format!("step {step}");
        let stage = Stage::brief(Scenario::Healthy);
        let end = refused_from(&stage, *step, protected()).await;
        end.assert(41, &what);
        let tip = stage.world.tip().unwrap();
        if *step == 3 {
            insta::assert_snapshot!(end.end(), @r"
            41 rollback-failed: advertisements 1.1 in production could neither go on nor be taken back: the git server refused the push to `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined; the traffic is back on the branch, version and replicas are not
              hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
              hint: check the token's rights and the protection of the branch
            ");
        }
        // As long as nothing can be pushed, `recover` says so and changes nothing.
        stage.world.set_faults(protected());
        stage.recover().await.assert(32, &what);
        assert_eq!(stage.world.tip().unwrap(), tip, "{what}");
        stage.world.set_faults(Faults::default());
        stage.recover().await.assert(0, &what);
        stage.assert_restored(&what);
    }))
    .await;
}

#[tokio::test]
async fn a_good_version_stays_when_it_cannot_be_tidied_up() {
    let rows = WRITES[4..]
        .iter()
        .flat_map(|step| [(step, protected()), (step, no_journal())]);
    all(rows.map(async |(step, faults)| {
        let what = format!("step {step} {faults:?}");
        let stage = Stage::brief(Scenario::Healthy);
        let end = refused_from(&stage, *step, faults.clone()).await;
        end.assert(42, &what);
        if *step == 10 && faults.protect_branch {
            insta::assert_snapshot!(end.end(), @"
            42 held: advertisements 1.1 in production is live and was judged good, but is not tidied up: the git server refused the push to `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined
              hint: run the same deploy again: it does what is left
              hint: check the token's rights and the protection of the branch
            ");
            stage.world.set_faults(faults);
            stage.recover().await.assert(32, &what);
            stage.world.set_faults(Faults::default());
            stage.recover().await.assert(0, &what);
        } else {
            stage.deploy("1.1").await.assert(0, &what);
        }
        stage.assert_deployed(&what);
        assert_eq!(stage.commits(), WRITES.len(), "{what}");
    }))
    .await;
}

#[tokio::test]
async fn a_journal_that_is_refused_before_the_first_push_changes_nothing() {
    let stage = Stage::brief(Scenario::Healthy);
    let neither = Faults {
        protect_branch: true,
        ..no_journal()
    };
    let end = refused_from(&stage, 1, neither).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: failed (the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined; and as a commit on `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined)
    32 push-denied: the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined; and as a commit on `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined
      hint: allow the token to push references under refs/shipgate/
    log: 
    journal: 
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
}

#[tokio::test]
async fn a_journal_that_is_refused_later_does_not_stop_the_way_back() {
    all(WRITES[1..4].iter().map(async |step| {
        let what = format!("step {step}");
        let stage = Stage::brief(Scenario::Healthy);
        let end = refused_from(&stage, *step, no_journal()).await;
        end.assert(40, &what);
        stage.assert_restored(&what);
        if *step == 3 {
            insta::assert_snapshot!(end, @r"
            deploy advertisements 1.1 to production
            gate: Allowed
            plan: 11 steps, 5 back
            changes: 8
            1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
            2/11 wait until canary runs 1.1: passed (live after 37s)
            3/11 canary weight 10%: failed (the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined)
            way back: the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined
            1/4 back: canary weight to what it was: passed (already so)
            warning: the way back goes on without its record: the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined
            2/4 back: version and replicas to what they were: passed (commit ID)
            3/4 back: wait until the canary no longer runs the new version: passed
            4/4 back: wait until the previous version is healthy: passed
            warning: the way back is done, but its record is not: the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined
            40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined
              hint: nothing was found wrong with the version: once what broke is mended, run the same deploy again
              hint: allow the token to push references under refs/shipgate/
            ");
        }
        // The journal does not know yet; `recover` finds everything done and says so there.
        let tip = stage.world.tip().unwrap();
        stage.recover().await.assert(0, &what);
        assert_eq!(stage.world.tip().unwrap(), tip, "{what}");
        assert_eq!(stage.journal().last().unwrap(), "rolled-back");
    }))
    .await;
}

#[tokio::test]
async fn a_last_record_that_is_refused_is_no_success() {
    let stage = Stage::brief(Scenario::Healthy);
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| {
        if matches!(event, Event::StepFinished { index: 11, .. }) {
            world.set_faults(no_journal());
        }
    });
    let end = stage.deploy_with("1.1", start).await;
    insta::assert_snapshot!(end.end(), @"
    42 held: advertisements 1.1 in production is live and verified, but its record is missing: the git server refused the journal `refs/shipgate/production/advertisements`: error: only branches are kept here, not refs/shipgate/production/advertisements | pre-receive hook declined
      hint: run the same deploy again: it writes the record
      hint: allow the token to push references under refs/shipgate/
    ");
    stage.world.set_faults(Faults::default());
    let again = stage.deploy("1.1").await;
    again.assert(0, "again");
    assert_eq!(stage.commits(), WRITES.len());
    assert_eq!(stage.journal().last().unwrap(), "verified");
}

#[tokio::test]
async fn a_kustomization_beside_the_manifests_that_decides_is_not_ignored() {
    let images = |tag: &str| {
        format!(
            "resources: [advertisements.yaml, advertisements-canary.yaml]\nimages:\n  - name: \
             registry.example/shop/advertisements\n    newTag: \"{tag}\"\n"
        )
    };
    let path = "clusters/prod/kustomization.yaml";
    let mut told = Vec::new();
    for (text, version) in [
        (images("9.9"), "1.1"),
        // Also where the manifests have the version already.
        (images("9.9"), "1.0"),
    ] {
        let stage = Stage::brief(Scenario::Healthy);
        stage.world.write(path, text.as_bytes(), "robin").unwrap();
        let before = stage.references();
        let end = stage.deploy(version).await;
        assert_eq!(stage.references(), before);
        told.push(end.end());
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    30 edit-refused: clusters/prod/kustomization.yaml:4: this is the value of Deployment/advertisements too, expected of Deployment/advertisements-canary alone; a kustomization that is not among `manifests` of `advertisements` decides here
      hint: name no workload to change all of them, or give each a value of its own
    30 edit-refused: clusters/prod/kustomization.yaml:4: this is the value of Deployment/advertisements too, expected of Deployment/advertisements-canary alone; a kustomization that is not among `manifests` of `advertisements` decides here
      hint: name no workload to change all of them, or give each a value of its own
    ");
    let stage = Stage::brief(Scenario::Healthy);
    let text = "resources: [advertisements.yaml]\nlabels: []\n";
    stage.world.write(path, text.as_bytes(), "robin").unwrap();
    stage
        .deploy("1.1")
        .await
        .assert(0, "one that decides over nothing");
}

#[tokio::test]
async fn a_way_back_is_told_of_a_kustomization_that_decides_and_goes_on() {
    let stage = Stage::brief(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deploy");
    let text = "resources: [advertisements.yaml]\nimages:\n  - name: registry.example/shop/advertisements\n    \
                newTag: \"9.9\"\n";
    let path = "clusters/prod/kustomization.yaml";
    stage.world.write(path, text.as_bytes(), "robin").unwrap();
    // The cluster of this world builds no kustomizations, so the way back ends well here.
    let end = stage.rollback(Some("1.0")).await;
    insta::assert_snapshot!(stage.story(&end), @r"
    gate: Allowed
    roll back advertisements in production to 1.0
    warning: clusters/prod/kustomization.yaml:4: images[name=registry.example/shop/advertisements].newTag of clusters/prod/kustomization.yaml decides over a value of `advertisements` and is not among its `manifests`, so an edit there would be without effect
    1/3 Deployment/advertisements to 1.0: passed (commit ID)
    2/3 wait until stable runs 1.0: passed (live after 32s)
    3/3 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.0 in production is live and verified
    log: advertisements 1.0: Deployment/advertisements to 1.0 (production) | robin | advertisements 1.1: canary to 0 replicas (production) | advertisements 1.1: canary weight 0% (production) | advertisements 1.1: promote: Deployment/advertisements to 1.1 (production) | advertisements 1.1: canary weight 50% (production) | advertisements 1.1: canary weight 10% (production) | advertisements 1.1: Deployment/advertisements-canary to 1.1 with 1 replica (production)
    journal: started advanced advanced promoted promoted promoted verified started verified
    tree: advertisements-canary.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.0, canary nothing with 0%
    ");
}
