//! What other people and other runs do while a pull request is open.

use shipgate::ops::{deploy::OnCancel, stop::StopReason};

use super::github;
use crate::{
    forge::{Flavour, Standing, repository::others_push},
    runs::Start,
    stage::STABLE,
};

#[tokio::test]
async fn a_conflict_is_made_again_on_the_new_base() {
    let place = github("");
    place.forge.people(|desk, look| match look {
        // A line beside ours: git sees a conflict, the edit does not.
        2 => {
            let path = desk.repository().to_owned();
            others_push(
                &path,
                "main",
                STABLE,
                "image: registry.example/shop/advertisements:1.0",
                "image: registry.example/shop/advertisements:1.0  # mirrored",
            );
        }
        6 => {
            let number = desk.open();
            desk.merge(number, Flavour::Merge, None);
        }
        _ => {}
    });
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r#"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 27s)
    3/3 watch stable for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified
    log: Merge pull request #1 from shipgate/production/advertisements-1.1-RUN | robin: something else
    journal: started started started verified
    tree: advertisements.yaml: 1.0 -> 1.1 in 3 places
    advertisements.yaml: image: registry.example/shop/advertisements:1.0 -> image: registry.example/shop/advertisements:1.1  # mirrored
    live: stable 1.1, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) merged (Merge)
    branches: main
    "#);
    assert!(
        place
            .stage
            .text(STABLE)
            .contains("advertisements:1.1  # mirrored")
    );
}

#[tokio::test]
async fn a_value_that_somebody_else_sets_meanwhile_closes_the_pull_request() {
    let rows = [("9.9", 43), ("1.1", 0)];
    for (version, code) in rows {
        let place = github("");
        place.forge.people(move |desk, look| {
            if look == 2 {
                let path = desk.repository().to_owned();
                let to = format!("advertisements:{version}");
                others_push(&path, "main", STABLE, "advertisements:1.0", &to);
                if version == "1.1" {
                    others_push(
                        &path,
                        "main",
                        STABLE,
                        "version: \"1.0\"",
                        "version: \"1.1\"",
                    );
                    others_push(&path, "main", STABLE, "value: '1.0'", "value: '1.1'");
                }
            }
        });
        let end = place.stage.deploy("1.1").await;
        end.assert(code, version);
        assert_eq!(
            place.forge.desk().pulls[0].standing,
            Standing::Closed,
            "{version}"
        );
        assert_eq!(place.branches(), ["main"], "{version}");
    }
}

#[tokio::test]
async fn what_somebody_else_pushes_to_our_branch_is_left_alone() {
    let place = github("");
    place.forge.people(|desk, look| {
        if look == 2 {
            let path = desk.repository().to_owned();
            let branch = desk.pulls[0].head.clone();
            others_push(&path, &branch, "notes.md", "", "from a reviewer\n");
        }
    });
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: failed (`shipgate/production/advertisements-1.1-ID`, the branch of the pull request FORGE/git/gitops/pull/1, is at ID, which this run did not make; left alone)
    14 pull-request-changed: `shipgate/production/advertisements-1.1-ID`, the branch of the pull request FORGE/git/gitops/pull/1, is at ID, which this run did not make; left alone
      hint: once it is merged, run the same deploy again: it goes on from there
      hint: to give it up: `shipgate rollback --service advertisements --environment production` closes it
      hint: have it merged as it is, or take the other commits off
    log: 
    journal: started held
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) open
    branches: main, shipgate/production/advertisements-1.1-RUN
    ");
    // Merged with theirs: the values are ours, so the deployment goes on.
    place.forge.people(|_, _| {});
    place.forge.desk().merge(1, Flavour::Squash, None);
    place
        .stage
        .deploy("1.1")
        .await
        .assert(0, "merged with theirs");
    assert_eq!(place.stage.text("notes.md"), "from a reviewer\n");
}

#[tokio::test]
async fn a_signal_closes_the_pull_request_unless_it_is_to_be_held() {
    let rows = [
        (
            OnCancel::Rollback,
            StopReason::Interrupt,
            130,
            Standing::Closed,
            &["started", "withdrawn"][..],
        ),
        (
            OnCancel::Rollback,
            StopReason::Terminate,
            143,
            Standing::Closed,
            &["started", "withdrawn"][..],
        ),
        (
            OnCancel::Hold,
            StopReason::Terminate,
            143,
            Standing::Open,
            &["started", "held"],
        ),
        // Nothing is written in the name of somebody who is gone.
        (
            OnCancel::Rollback,
            StopReason::StarterGone,
            143,
            Standing::Open,
            &["started"],
        ),
    ];
    for (on_cancel, reason, code, standing, states) in rows {
        let what = format!("{on_cancel:?} {reason:?}");
        let place = github("");
        let start = Start {
            on_cancel,
            ..Start::new()
        };
        let stopper = start.stopper.clone();
        place.forge.people(move |_, look| {
            if look == 2 {
                stopper.stop(reason);
            }
        });
        let end = place.stage.deploy_with("1.1", start).await;
        end.assert(code, &what);
        assert_eq!(place.forge.desk().pulls[0].standing, standing, "{what}");
        assert_eq!(place.stage.journal(), states, "{what}");
        assert_eq!(place.stage.tree(), "as at first", "{what}");
    }
}

#[tokio::test]
async fn a_merge_that_is_faster_than_the_signal_is_taken_back() {
    let place = github("");
    let start = Start::new();
    let stopper = start.stopper.clone();
    place.forge.people(move |desk, look| match look {
        2 => stopper.stop(StopReason::Interrupt),
        // Asked for once more after it was closed: somebody had merged it in between.
        3 => {
            desk.pulls[0].standing = Standing::Open;
            desk.merge(1, Flavour::Merge, None);
        }
        _ => {
            if desk.pulls.len() == 2 && desk.pulls[1].standing == Standing::Open {
                desk.merge(2, Flavour::Merge, None);
            }
        }
    });
    let end = place.stage.deploy_with("1.1", start).await;
    end.assert(51, "rolled back");
    assert_eq!(place.stage.tree(), "as at first");
}

#[tokio::test]
async fn two_at_once_share_one_pull_request() {
    let place = github("");
    place.forge.people(|desk, look| {
        if look == 6 {
            let number = desk.open();
            desk.merge(number, Flavour::Squash, None);
        }
    });
    let ends = crate::stage::all([place.stage.deploy("1.1"), place.stage.deploy("1.1")]).await;
    let mut codes: Vec<_> = ends.iter().map(|end| end.code.unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 43], "{}\n{}", ends[0], ends[1]);
    assert_eq!(place.forge.desk().pulls.len(), 1);
    assert!(place.stage.tree().contains("advertisements:1.1"));
}
