//! What may have changed between a run's death and the one who finds it: the configuration, the
//! values, the branch itself.

use shipgate::sim::Scenario;

use crate::{
    runs::Start,
    stage::{CANARY, CONFIG, Stage, WRITES, starts},
};

/// A world in which a deployment of 1.1 died as a step began.
async fn killed_at(step: usize) -> Stage {
    let stage = Stage::new(Scenario::Healthy);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if starts(event, step) {
            kill.notify_one();
        }
    });
    assert_eq!(stage.deploy_with("1.1", start).await.code, None);
    stage
}

/// Moves the branch, as a forced push does.
fn force(stage: &Stage, to: &str) {
    let repository = stage.remote();
    let to = repository.revparse_single(to).unwrap().id();
    repository
        .reference("refs/heads/main", to, true, "forced")
        .unwrap();
}

#[tokio::test]
async fn a_run_counts_its_steps_by_the_configuration_it_began_with() {
    for recover in [true, false] {
        let stage = killed_at(6).await;
        stage.edit(
            CONFIG,
            "          - set_weight: 10\n",
            "          - set_weight: 5\n          - pause: {duration: 1m}\n          - set_weight: 10\n",
        );
        if recover {
            stage.recover().await.assert(0, "recover");
            stage.assert_restored("recover");
        } else {
            stage.deploy("1.1").await.assert(0, "again");
            assert_eq!(stage.commits(), WRITES.len(), "{:?}", stage.log());
            stage.assert_deployed("again");
        }
    }
}

#[tokio::test]
async fn a_run_whose_values_somebody_took_back_does_not_go_on() {
    let stage = killed_at(6).await;
    stage.edit(CANARY, "replicas: 1", "replicas: 0");
    let before = stage.references();
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(end.end(), @r"
    14 unfinished-run: clusters/prod/advertisements-canary.yaml: spec.replicas of Deployment/advertisements-canary is `0` now, an earlier try of this run left `1`; someone else changed it
      hint: run `shipgate rollback --service advertisements --environment production`: it takes back what that run left and leaves the rest alone
    ");
    assert_eq!(stage.references(), before);
    stage.recover().await.assert(0, "recover");
    stage.assert_restored("recover");
}

#[tokio::test]
async fn a_branch_that_was_set_back_leaves_nothing_to_recover() {
    for again in [true, false] {
        let stage = killed_at(6).await;
        let first = stage.world.log().unwrap().pop().unwrap().commit;
        force(&stage, &first);
        if again {
            stage.deploy("1.1").await.assert(0, "again");
            stage.assert_deployed("again");
            continue;
        }
        let end = stage.recover().await;
        insta::assert_snapshot!(end, @r"
        recover advertisements in production
        warning: run ID by robot (advanced, step 5/11) holds the journal until 2026-03-10T10:23:37Z and may still be under way: it is fenced out and taken back
        0 ok: advertisements 1.1 in production: nothing of it was on the branch; closed its record
        ");
        assert_eq!(stage.journal().last().unwrap(), "withdrawn");
        stage.deploy("1.2").await.assert(0, "next");
    }
}

#[tokio::test]
async fn a_branch_that_was_rebased_is_still_recovered() {
    let stage = killed_at(6).await;
    // The same commits on another beginning.
    let repository = stage.remote();
    let mut commits: Vec<_> = stage.world.log().unwrap();
    commits.reverse();
    let mut parent = None;
    for line in &commits {
        let old = repository
            .find_commit(line.commit.parse().unwrap())
            .unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let author = git2::Signature::new("Robin", "robin@shop.example", &git2::Time::new(7, 0));
        let id = repository
            .commit(
                None,
                &old.author(),
                &author.unwrap(),
                old.message().unwrap(),
                &old.tree().unwrap(),
                &parents,
            )
            .unwrap();
        parent = Some(repository.find_commit(id).unwrap());
    }
    force(&stage, &parent.unwrap().id().to_string());
    let end = stage.recover().await;
    end.assert(0, "rebased");
    stage.assert_restored("rebased");
}

#[tokio::test]
async fn a_rollback_on_a_branch_without_the_deployment_says_so() {
    let stage = Stage::new(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "deploy");
    let first = stage.world.log().unwrap().pop().unwrap().commit;
    // The base is the first commit; a branch without it knows neither.
    let repository = stage.remote();
    let old = repository.find_commit(first.parse().unwrap()).unwrap();
    let orphan = repository
        .commit(
            None,
            &old.author(),
            &old.author(),
            "anew",
            &old.tree().unwrap(),
            &[],
        )
        .unwrap();
    force(&stage, &orphan.to_string());
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(end.end(), @r"
    14 blocked-other: what run ID began with is not known: the branch was rewritten since
      hint: look at the branch, then deploy the version you want with `shipgate rollback --service advertisements --environment production --to VERSION`
    ");
    assert_eq!(stage.world.tip().unwrap(), orphan.to_string());
}
