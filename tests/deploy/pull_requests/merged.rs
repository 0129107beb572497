//! What is merged goes live and is verified, or goes back by a second pull request.

use std::{sync::Arc, time::Duration};

use shipgate::sim::{Faults, Scenario};

use super::{github, merge_at, place};
use crate::{
    forge::{Flavour, Kind, Standing},
    runs::Start,
};

#[tokio::test]
async fn a_pull_request_is_merged_by_a_person_and_verified() {
    let place = github(", labels: [deploy], reviewers: [octocat, shop/platform]");
    merge_at(&place, 2, Flavour::Merge);
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r#"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 22s)
    3/3 watch stable for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified
    log: Merge pull request #1 from shipgate/production/advertisements-1.1-RUN
    journal: started started verified
    tree: advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) merged (Merge)
    branches: main
    "#);
    let desk = place.forge.desk();
    assert_eq!(desk.pulls[0].labels, ["deploy"]);
    assert_eq!(desk.pulls[0].reviewers, ["octocat", "team platform"]);
    let run = end.outcome.deployment.unwrap().run;
    let body: Vec<String> = desk.pulls[0]
        .body
        .lines()
        .filter(|line| !line.starts_with("policy"))
        .map(|line| line.replace(&run, "RUN"))
        .collect();
    insta::assert_snapshot!(body.join("\n"), @r#"
    shipgate deploys this once it is merged: it waits until it is live, watches it, and takes it back if it is worse. If no run waits for it any more when it is merged, run the same deploy again: it goes on from here.

    ```text
    service      advertisements
    environment  production
    version      1.0 -> 1.1
    run          RUN
    asked by     robot
    pipeline     https://ci.example/robot
    gate         Tuesday 2026-03-10 10:00 UTC is in the allowed window Mon-Thu 09:00-17:00 UTC
    gate         to be merged before 2026-03-10 17:00 UTC
    ```

    <details><summary>What changes</summary>

    ```diff
    --- a/clusters/prod/advertisements.yaml
    +++ b/clusters/prod/advertisements.yaml
    @@ -9,7 +9,7 @@
         app: advertisements
         tags.datadoghq.com/env: production
         tags.datadoghq.com/service: advertisements
    -    tags.datadoghq.com/version: "1.0"      # read by the Datadog agent
    +    tags.datadoghq.com/version: "1.1"      # read by the Datadog agent
     spec:
       replicas: 3
       selector:
    @@ -23,19 +23,19 @@
             track: stable
             tags.datadoghq.com/env: production
             tags.datadoghq.com/service: advertisements
    -        tags.datadoghq.com/version: "1.0"
    +        tags.datadoghq.com/version: "1.1"
         spec:
           containers:
             - name: advertisements
               # The tag is the only thing that a deployment changes here.
    -          image: registry.example/shop/advertisements:1.0
    +          image: registry.example/shop/advertisements:1.1
               ports:
                 - {name: http, containerPort: 8080}
               env:
                 - name: DD_ENV
                   value: production
                 - name: DD_VERSION
    -              value: '1.0'
    +              value: '1.1'
                 - name: GREETING
                   value: "version 1.0 is only a text here"
               readinessProbe:
    ```

    </details>

    Please push nothing to this branch: the run compares it with what it made.
    "#);
}

#[tokio::test]
async fn every_kind_of_merge_is_found_on_the_branch() {
    let rows = [
        (Kind::GitHub, Flavour::Merge, ""),
        (Kind::GitHub, Flavour::Squash, ""),
        (Kind::GitHub, Flavour::Rebase, ""),
        (Kind::GitLab, Flavour::Merge, ""),
        // GitLab's usual message of a squash has the title alone, so no trailer tells of the run.
        (Kind::GitLab, Flavour::Squash, ""),
        (Kind::GitLab, Flavour::SquashedMerge, ""),
        (Kind::GitLab, Flavour::FastForward, ""),
        (Kind::GitHub, Flavour::Merge, ", merge_method: merge"),
        (Kind::GitHub, Flavour::Squash, ", merge_method: squash"),
        (Kind::GitHub, Flavour::Rebase, ", merge_method: rebase"),
        (Kind::GitLab, Flavour::Merge, ", merge_method: merge"),
        (Kind::GitLab, Flavour::Squash, ", merge_method: squash"),
        (
            Kind::GitLab,
            Flavour::SquashedMerge,
            ", merge_method: squash",
        ),
        (Kind::GitLab, Flavour::FastForward, ", merge_method: merge"),
    ];
    for (kind, flavour, settings) in rows {
        let what = format!("{kind:?} {flavour:?} {settings}");
        let place = place(kind, Scenario::Healthy, settings);
        place.forge.desk().fast_forward = matches!(flavour, Flavour::FastForward | Flavour::Squash);
        if settings.is_empty() {
            merge_at(&place, 1, flavour);
        }
        let end = place.stage.deploy("1.1").await;
        end.assert(0, &what);
        let violations = place.forge.desk().violations.clone();
        assert_eq!(violations, Vec::<String>::new(), "{what}");
        let standing = place.forge.desk().pulls[0].standing.clone();
        let Standing::Merged(merged) = standing else {
            panic!("{what}: {standing:?}");
        };
        assert_eq!(merged.flavour, flavour, "{what}");
        let commits = end.outcome.deployment.unwrap().commits;
        assert_eq!(commits[0].sha, merged.commit, "{what}");
        assert_eq!(place.stage.world.tip().unwrap(), merged.commit, "{what}");
        assert!(place.stage.tree().contains("advertisements:1.1"), "{what}");
        assert_eq!(place.branches(), ["main"], "{what}");
        assert_eq!(
            place.stage.journal(),
            ["started", "started", "verified"],
            "{what}"
        );
        assert_eq!(place.stage.audit().await, (4, Vec::new()), "{what}");
        if !settings.is_empty() {
            continue;
        }
        // Whatever the commit says of itself, it can be taken back, by a second pull request.
        place.forge.people(move |desk, _| {
            if desk.pulls.len() == 2 && desk.pulls[1].standing == Standing::Open {
                desk.merge(2, flavour, None);
            }
        });
        let end = place.stage.rollback(None).await;
        end.assert(0, &what);
        assert_eq!(place.stage.tree(), "as at first", "{what}");
        assert_eq!(place.branches(), ["main"], "{what}");
    }
}

#[tokio::test]
async fn a_bad_version_is_taken_back_by_a_second_pull_request() {
    let place = place(Kind::GitHub, Scenario::Errors, "");
    place.forge.people(|desk, _| {
        let number = desk.open();
        desk.merge(number, Flavour::Squash, None);
    });
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 32s)
    3/3 watch stable for 3m: failed (errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    warning: the way back waits for somebody to merge the pull request FORGE/git/gitops/pull/2
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    log: advertisements 1.1: values back to 1.0 (production) (#2) | advertisements 1.1: Deployment/advertisements to 1.1 (production) (#1)
    journal: started started rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) merged (Squash) | advertisements 1.1: values back to 1.0 (production) merged (Squash)
    branches: main
    ");
}

#[tokio::test]
async fn a_way_back_that_nobody_merges_pages_someone_and_is_finished_later() {
    let place = place(Kind::GitHub, Scenario::Errors, "");
    merge_at(&place, 1, Flavour::Squash);
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 32s)
    3/3 watch stable for 3m: failed (errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    warning: the way back waits for somebody to merge the pull request FORGE/git/gitops/pull/2
    1/3 back: version and replicas to what they were: failed (the pull request FORGE/git/gitops/pull/2 was not merged within 10m (nothing stands in its way))
    41 rollback-failed: advertisements 1.1 in production could not go on (errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse) and not be taken back: the pull request FORGE/git/gitops/pull/2 was not merged within 10m (nothing stands in its way)
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
      hint: have it merged now: until then the bad version stays with its users
      hint: once it is merged, run `shipgate recover --service advertisements --environment production`: it finishes the way back
    log: advertisements 1.1: Deployment/advertisements to 1.1 (production) (#1)
    journal: started started rolling-back
    tree: advertisements.yaml: 1.0 -> 1.1 in 4 places
    live: stable 1.1, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) merged (Squash) | advertisements 1.1: values back to 1.0 (production) open
    branches: main, shipgate/production/advertisements-1.1-RUN-back-1
    ");
    place.forge.desk().merge(2, Flavour::Squash, None);
    place.stage.clock.advance(Duration::from_secs(60));
    let end = place.stage.recover().await;
    insta::assert_snapshot!(place.story(&end), @r"
    recover advertisements in production
    warning: run ID by robot (rolling-back, step back 1/3) holds the journal until 2026-03-10T10:36:22Z and may still be under way: it is fenced out and taken back
    way back: run ID (rolling-back) was recovered while it held the journal until 2026-03-10T10:36:22Z
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (run ID (rolling-back) was recovered while it held the journal until 2026-03-10T10:36:22Z)
    log: advertisements 1.1: values back to 1.0 (production) (#2) | advertisements 1.1: Deployment/advertisements to 1.1 (production) (#1)
    journal: started started rolling-back rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) merged (Squash) | advertisements 1.1: values back to 1.0 (production) merged (Squash)
    branches: main
    ");
}

#[tokio::test]
async fn a_way_back_may_be_pushed_where_the_configuration_says_so() {
    let place = place(Kind::GitHub, Scenario::Errors, ", way_back: push");
    place.forge.people({
        let world = Arc::clone(&place.stage.world);
        move |desk, _| {
            let number = desk.open();
            desk.merge(number, Flavour::Merge, None);
            // Shipgate may pass the protection.
            world.set_faults(Faults::default());
        }
    });
    let end = place.stage.deploy("1.1").await;
    insta::assert_snapshot!(place.story(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 3 steps, 3 back
    changes: 4
    note: opened the pull request FORGE/git/gitops/pull/1
    1/3 Deployment/advertisements to 1.1: passed (commit ID)
    2/3 wait until stable runs 1.1: passed (live after 32s)
    3/3 watch stable for 3m: failed (errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    log: advertisements 1.1: values back to 1.0 (production) | Merge pull request #1 from shipgate/production/advertisements-1.1-RUN
    journal: started started rolling-back rolled-back
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    forge: advertisements 1.1: Deployment/advertisements to 1.1 (production) merged (Merge)
    branches: main
    ");
}

#[tokio::test]
async fn a_pull_request_that_was_merged_meanwhile_is_taken_back_by_a_rollback() {
    for flavour in [Flavour::Merge, Flavour::Squash, Flavour::Rebase] {
        let place = github(", timeout: 10m");
        place.forge.desk().wants_approval = true;
        place.stage.deploy("1.1").await.assert(11, "waits");
        place
            .forge
            .desk()
            .merge(1, flavour, Some("somebody's own message"));
        place.forge.people(|desk, _| {
            if desk.pulls.len() == 2 && desk.pulls[1].standing == Standing::Open {
                desk.merge(2, Flavour::Squash, None);
            }
        });
        place.stage.clock.advance(Duration::from_secs(60));
        place.stage.rollback(None).await.assert(0, "rollback");
        place.stage.assert_restored(&format!("{flavour:?}"));
    }
}

#[tokio::test]
async fn nothing_that_was_said_becomes_markup_or_a_command_at_the_forge() {
    for kind in [Kind::GitHub, Kind::GitLab] {
        let place = place(kind, Scenario::Healthy, "");
        let start = Start {
            actor: "eve\n/merge\n```\n@shop/platform <img src=x>\u{202e}",
            ..Start::new()
        };
        place.forge.people(|desk, _| {
            let number = desk.open();
            desk.merge(number, Flavour::Squash, None);
        });
        place
            .stage
            .deploy_with("1.1", start)
            .await
            .assert(0, "deployed");
        let desk = place.forge.desk();
        assert_eq!(desk.violations, Vec::<String>::new());
        let body = &desk.pulls[0].body;
        let line = body
            .lines()
            .find(|line| line.starts_with("asked by"))
            .unwrap();
        assert_eq!(
            line,
            "asked by     eve /merge ``` @shop/platform <img src=x> "
        );
        // Its block has a longer fence.
        assert!(body.contains("\n````text\n"), "{body}");
    }
}
