//! What a run waits for, and how a wait ends in which nothing was merged.

use shipgate::{event::Event, sim::Scenario};

use super::{github, merge_at, merge_everything, place};
use crate::{
    forge::{CheckWord, Flavour, Kind},
    runs::Start,
    stage::CONFIG,
};

#[tokio::test]
async fn a_closed_pull_request_is_withdrawn() {
    let place = github("");
    place.forge.people(|desk, look| {
        if look == 2 {
            let number = desk.open();
            desk.close(number);
        }
    });
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: failed (the pull request FORGE/git/gitops/pull/1 was closed without being merged)
    14 pull-request-closed: the pull request FORGE/git/gitops/pull/1 was closed without being merged
      hint: ask whoever closed it; deploying again opens a new one
    log: 
    journal: started withdrawn
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) closed
    branches: main
    ");
    // Once more is a new run with a pull request of its own.
    merge_everything(&place);
    place.stage.deploy("1.1").await.assert(0, "again");
    assert_eq!(place.forge.desk().pulls.len(), 2);
}

#[tokio::test]
async fn what_nobody_merges_waits_and_the_same_deployment_goes_on() {
    let place = github(", timeout: 10m");
    place.forge.desk().wants_approval = true;
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: failed (the pull request FORGE/git/gitops/pull/1 was not merged within 10m (reviews or checks are missing))
    11 pull-request-open: the pull request FORGE/git/gitops/pull/1 was not merged within 10m (reviews or checks are missing)
      hint: once it is merged, run the same deploy again: it goes on from there
      hint: to give it up: `shipgate rollback --service advertisements --environment production` closes it
    log: 
    journal: started held
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) open
    branches: main, shipgate/production/advertisements-1.1-RUN
    ");
    // Another version does not get past it.
    place
        .stage
        .deploy("1.2")
        .await
        .assert(14, "another version");
    // Still nothing: the same pull request, no second one.
    place.stage.deploy("1.1").await.assert(11, "still waits");
    assert_eq!(place.forge.desk().pulls.len(), 1);
    // Merged while nobody waits, without a word of the run in its message.
    place
        .forge
        .desk()
        .merge(1, Flavour::Squash, Some("somebody's own message"));
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r#"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: an earlier try of this run got to step 1 of 3; going on from there
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 37s)
    3/3 watch stable for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified
    log: somebody's own message
    journal: started held started held started started verified
    tree: advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) merged (Squash)
    branches: main
    "#);
}

#[tokio::test]
async fn a_pull_request_that_waits_is_given_up_by_a_rollback() {
    let place = github(", timeout: 10m");
    place.forge.desk().wants_approval = true;
    place.stage.deploy("1.1").await.assert(11, "waits");
    place.stage.recover().await.assert(0, "recover leaves it");
    let end = place.stage.rollback(None).await;
    insta::assert_snapshot!(place.story(&end), @r"
    gate: Allowed
    roll back advertisements in production
    0 ok: advertisements 1.1 in production: nothing of it was on the branch; closed its record
    log: 
    journal: started held withdrawn
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) closed
    branches: main
    ");
    insta::assert_snapshot!(place.forge.desk().pulls[0].comments.join("\n"), @r"
    shipgate closes this, it is not to be merged any more:

    ```text
    a test
    ```
    ");
}

#[tokio::test]
async fn bad_checks_end_the_wait() {
    for kind in [Kind::GitHub, Kind::GitLab] {
        let place = place(kind, Scenario::Healthy, ", merge_method: squash");
        place.forge.desk().checks = CheckWord::Running;
        place.forge.people(|desk, look| {
            if look == 4 {
                desk.checks = CheckWord::Bad;
            }
        });
        let end = place.stage.deploy("1.1").await;
        end.assert(14, "checks");
        assert_eq!(end.outcome.reason_code, "checks-failed");
        assert_eq!(place.stage.journal(), ["started", "held"]);
        // Mended: the same deployment goes on with the same pull request.
        place.forge.desk().checks = CheckWord::Good;
        place.forge.people(|_, _| {});
        place.stage.deploy("1.1").await.assert(0, "mended");
        assert_eq!(place.forge.desk().pulls.len(), 1);
    }
}

#[tokio::test]
async fn a_run_may_leave_once_the_checks_are_through() {
    for (kind, checks) in [
        (Kind::GitHub, CheckWord::Good),
        (Kind::GitHub, CheckWord::None),
        (Kind::GitLab, CheckWord::Good),
        (Kind::GitLab, CheckWord::None),
    ] {
        let place = place(kind, Scenario::Healthy, ", wait_for: checks");
        place.forge.desk().checks = checks;
        let end = place.stage.deploy("1.1").await;
        end.assert(11, "checks are through");
        assert_eq!(end.outcome.reason_code, "pull-request-open");
        place.forge.desk().merge(1, Flavour::Squash, None);
        place.stage.deploy("1.1").await.assert(0, "merged");
    }
}

#[tokio::test]
async fn checks_that_the_token_may_not_read_do_not_let_a_merge_through_by_themselves() {
    let place = github(", merge_method: squash, timeout: 5m");
    place.forge.desk().hides_checks = true;
    place.forge.desk().wants_approval = true;
    place
        .stage
        .deploy("1.1")
        .await
        .assert(11, "GitHub says it is blocked");
    place.forge.desk().wants_approval = false;
    let end = place.stage.deploy("1.1").await;
    end.assert(0, "GitHub says it is clean");
    assert_eq!(
        end.trail
            .iter()
            .filter(|line| line.contains("its checks are not known"))
            .count(),
        1,
        "{end}"
    );
}

#[tokio::test]
async fn the_window_that_let_it_through_ends_the_wait() {
    let place = github(", timeout: 24h");
    place.forge.desk().wants_approval = true;
    let policy = "version: 1\ntimezone: UTC\nallowed_windows:\n  - {days: [tuesday], hours: \"09:00-10:30\"}\n";
    place
        .stage
        .world
        .write("policies/production.yaml", policy.as_bytes(), "policy")
        .unwrap();
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: failed (the pull request FORGE/git/gitops/pull/1 was not merged before the deployment window ended; it is closed)
    10 blocked-window: the pull request FORGE/git/gitops/pull/1 was not merged before the deployment window ended; it is closed
      hint: deploy again at the next opening: that opens a new one
    log: policy
    journal: started withdrawn
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) closed
    branches: main
    ");
}

#[tokio::test]
async fn waiting_is_told_with_what_it_waits_for() {
    let place = github("");
    place.forge.desk().wants_approval = true;
    merge_at(&place, 4, Flavour::Merge);
    let waits = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = std::rc::Rc::clone(&waits);
    let start = Start::new().hook(move |event| {
        if let Event::Waiting { what, .. } = event
            && what.contains("pull request")
        {
            seen.borrow_mut().push(what.clone());
        }
    });
    place
        .stage
        .deploy_with("1.1", start)
        .await
        .assert(0, "deployed");
    let told = waits.borrow().join("\n").replace(&place.forge.api, "FORGE");
    insta::assert_snapshot!(told, @r"
    the pull request FORGE/git/gitops/pull/1 to be merged (reviews or checks are missing)
    the pull request FORGE/git/gitops/pull/1 to be merged (reviews or checks are missing)
    the pull request FORGE/git/gitops/pull/1 to be merged (reviews or checks are missing)
    ");
    assert!(place.stage.text(CONFIG).contains("pull_request"));
}

#[tokio::test]
async fn a_dry_run_asks_the_forge_nothing() {
    let place = github("");
    let start = Start {
        dry_run: true,
        ..Start::new()
    };
    place
        .stage
        .deploy_with("1.1", start)
        .await
        .assert(0, "dry run");
    assert_eq!(place.forge.desk().log, []);
    assert_eq!(place.branches(), ["main"]);
}

#[tokio::test]
async fn a_kind_of_merge_that_the_project_forbids_is_refused_before_anything_is_pushed() {
    for (kind, settings) in [
        (Kind::GitHub, ", merge_method: squash"),
        (Kind::GitLab, ", merge_method: squash"),
    ] {
        let place = place(kind, Scenario::Healthy, settings);
        place.forge.desk().forbids = Some(Flavour::Squash);
        let end = place.stage.deploy("1.1").await;
        end.assert(32, settings);
        assert!(
            end.end().contains("does not allow `merge_method: squash`"),
            "{end}"
        );
        assert_eq!(place.branches(), ["main"]);
        assert!(place.stage.journal().is_empty());
    }
}
