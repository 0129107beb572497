//! What others bring to the branch while a canary runs: a rule with users for it, a file that cannot be read,
//! fewer pods, another stable version, a narrower configuration.

use std::sync::Arc;

use shipgate::{
    event::Event,
    sim::{Scenario, Shape},
};

use crate::{
    runs::Start,
    stage::{CANARY, CONFIG, STABLE, Stage, all, edit, starts},
    trail::End,
};

const ROUTE: &str = "clusters/prod/advertisements-canary.yaml";
const BROKEN: &str = "clusters/prod/advertisements-notes.yaml";

/// A canary before one of whose steps somebody changes something.
async fn changed(
    stage: &Stage,
    step: usize,
    change: impl Fn(&shipgate::sim::World) + 'static,
) -> End {
    let world = Arc::clone(&stage.world);
    let start = Start::new().hook(move |event| match event {
        Event::StepStarted { index, name, .. } if *index == step && !name.starts_with("back") => {
            change(&world);
        }
        _ => {}
    });
    Box::pin(stage.deploy_with("1.1", start)).await
}

/// A world in which a deployment of 1.1 died at a step.
async fn died(stage: Stage, step: usize) -> Stage {
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

fn brief(shape: Shape, scenario: Scenario) -> Stage {
    Stage::shaped(shape, scenario, |text| {
        text.replace("      interval: 15s", "      interval: 1m")
    })
}

fn adds_a_rule(world: &shipgate::sim::World) {
    let rule = "    - matches: [{path: {value: /beta}}]
      backendRefs:
        - {name: advertisements, port: 80, weight: 2}
        - {name: advertisements-canary, port: 80, weight: 1}
";
    let text = String::from_utf8(world.read(ROUTE).unwrap().unwrap()).unwrap();
    let text = text.trim_end();
    world
        .write(ROUTE, format!("{text}\n{rule}").as_bytes(), "a rule")
        .unwrap();
}

fn brings_what_cannot_be_read(world: &shipgate::sim::World) {
    let text = b"a:\n\tb: 1\n";
    world.write(BROKEN, text, "notes").unwrap();
}

#[tokio::test]
async fn the_canary_keeps_its_pods_while_a_rule_of_somebody_else_sends_users_there() {
    let ends = all([(Scenario::Healthy, 5), (Scenario::Errors, 4)].map(
        async |(scenario, step)| {
            let stage = brief(Shape::HttpRoute, scenario);
            let end = changed(&stage, step, adds_a_rule).await;
            assert!(stage.text(CANARY).contains("replicas: 1"), "{end}");
            let recovered = stage.recover().await;
            format!("{scenario:?}: {}\nrecover: {}", end.end(), recovered.end())
        },
    ))
    .await;
    insta::assert_snapshot!(ends.join("\n\n"), @r"
    Healthy: 43 superseded: clusters/prod/advertisements-canary.yaml:65: HTTPRoute/advertisements gives Deployment/advertisements-canary 34%, so this would send users to no pods; someone else changed it
      hint: advertisements 1.1 in production is live and was judged good; what is not put away after it stays so: look at it
    recover: 0 ok: nothing is unfinished: advertisements in production

    Errors: 43 superseded: advertisements 1.1 in production could not be taken back (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse): clusters/prod/advertisements-canary.yaml:65: HTTPRoute/advertisements gives Deployment/advertisements-canary 34%, so this would send users to no pods; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 34%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    recover: 14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 34%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:65: HTTPRoute/advertisements gives Deployment/advertisements-canary 34%, so this would send users to no pods; someone else changed it
    ");
}

#[tokio::test]
async fn weights_that_are_no_percent_keep_nobody_from_a_named_version() {
    let stage = brief(Shape::HttpRoute, Scenario::Healthy);
    let end = changed(&stage, 5, |world| {
        adds_a_rule(world);
        edit(world, ROUTE, "weight: 90}", "weight: 70}");
        edit(world, ROUTE, "weight: 10}", "weight: 40}");
    })
    .await;
    let back = stage.rollback(Some("1.0")).await;
    insta::assert_snapshot!(format!("{}\n\n{back}", end.end()), @r"
    43 superseded: clusters/prod/advertisements-canary.yaml:61: spec.rules[0].backendRefs[name=advertisements].weight of HTTPRoute/advertisements is `70` now, and this run left `90`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 37%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what advertisements 1.1 in production had written is left as it is: clusters/prod/advertisements-canary.yaml:61: spec.rules[0].backendRefs[name=advertisements].weight of HTTPRoute/advertisements is `70` now, not `100`, `90` or `50`; someone else changed it

    gate: Allowed
    roll back advertisements in production to 1.0
    1/5 canary weight 0%: passed (commit ID)
    2/5 Deployment/advertisements to 1.0: skipped (already so)
    3/5 wait until stable runs 1.0: passed (live after 0s)
    4/5 canary to 0 replicas: passed (commit ID)
    5/5 watch stable for 2m: passed (good after 2m)
    0 ok: advertisements 1.0 in production is live and verified
    ");
    let text = stage.text(ROUTE);
    let weights = text.lines().filter(|line| line.contains("weight: "));
    let weights: Vec<&str> = weights.map(str::trim).collect();
    insta::assert_snapshot!(weights.join("\n"), @r"
    - {name: advertisements, port: 80, weight: 100}
    - {name: advertisements-canary, port: 80, weight: 0}   # percent of the requests
    - {name: advertisements, port: 80, weight: 100}
    - {name: advertisements-canary, port: 80, weight: 0}
    ");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_keeps_nobody_from_going_back() {
    // The controller of this world takes nothing from a branch with such a file, as Argo CD does.
    let stage = Stage::brief(Scenario::Healthy);
    let end = changed(&stage, 5, brings_what_cannot_be_read).await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 11 steps, 5 back
    changes: 8
    1/11 Deployment/advertisements-canary to 1.1 with 1 replica: passed (commit ID)
    2/11 wait until canary runs 1.1: passed (live after 37s)
    3/11 canary weight 10%: passed (commit ID)
    4/11 watch canary for 3m: passed (good after 3m)
    5/11 canary weight 50%: failed (clusters/prod/advertisements-notes.yaml:2: is not readable as YAML: tabs disallowed within this context (block indentation))
    way back: clusters/prod/advertisements-notes.yaml:2: is not readable as YAML: tabs disallowed within this context (block indentation)
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    warning: the way back goes on without a file that it needs nothing of: clusters/prod/advertisements-notes.yaml:2: is not readable as YAML: tabs disallowed within this context (block indentation)
    3/4 back: wait until the canary no longer runs the new version: failed (canary still runs 1.1 after 10m (runs 1.1))
    41 rollback-failed: advertisements 1.1 in production could not go on (clusters/prod/advertisements-notes.yaml:2: is not readable as YAML: tabs disallowed within this context (block indentation)) and not be taken back: canary still runs 1.1 after 10m (runs 1.1); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
      hint: a controller may take nothing of the branch while a file there cannot be read: clusters/prod/advertisements-notes.yaml:2: is not readable as YAML: tabs disallowed within this context (block indentation)
      hint: mend the YAML, or leave the file out of the files to edit
    ");
    let told = all(
        ["recover", "rollback", "rollback --to"].map(async |command| {
            let stage = died(Stage::brief(Scenario::Healthy), 6).await;
            brings_what_cannot_be_read(&stage.world);
            let end = match command {
                "recover" => stage.recover().await,
                "rollback" => stage.rollback(None).await,
                _ => {
                    stage.rollback(None).await.assert(41, command);
                    stage.rollback(Some("1.0")).await
                }
            };
            let canary = stage.text(CANARY);
            assert!(
                !canary.contains("1.1") && canary.contains("weight: \"0\""),
                "{command}: {end}"
            );
            stage.world.write(BROKEN, b"a: 1\n", "mended").unwrap();
            stage.clock.advance(std::time::Duration::from_secs(60));
            let again = stage.recover().await;
            format!("{command}: {}\nrecover, mended: {}", end.end(), again.end())
        }),
    )
    .await;
    insta::assert_snapshot!(told.join("\n\n"), @r"
    recover: 41 rollback-failed: advertisements 1.1 in production could not be taken back: canary still runs 1.1 after 10m (runs 1.1); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
      hint: a controller may take nothing of the branch while a file there cannot be read: clusters/prod/advertisements-notes.yaml:2: is not readable as YAML: tabs disallowed within this context (block indentation)
    recover, mended: 0 ok: advertisements 1.1 in production is taken back; 1.0 is live (run ID (rolling-back) was recovered while it held the journal until 2026-03-10T10:28:37Z)

    rollback: 41 rollback-failed: advertisements 1.1 in production could not be taken back: canary still runs 1.1 after 10m (runs 1.1); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
      hint: a controller may take nothing of the branch while a file there cannot be read: clusters/prod/advertisements-notes.yaml:2: is not readable as YAML: tabs disallowed within this context (block indentation)
    recover, mended: 0 ok: advertisements 1.1 in production is taken back; 1.0 is live (run ID (rolling-back) was recovered while it held the journal until 2026-03-10T10:28:37Z)

    rollback --to: 14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, rolling-back) is not finished
      hint: it was started by alex, last sign of life 2026-03-10T10:03:37Z (a test); it may still be under way until 2026-03-10T10:28:37Z
      hint: wait for its end: --wait-for-run 30m
      hint: only if it is known to be dead: `shipgate recover --service advertisements --environment production` takes it back at once
      hint: or take that run back first: shipgate rollback --service advertisements --environment production
    recover, mended: 0 ok: advertisements 1.1 in production is taken back; 1.0 is live (run ID (rolling-back) was recovered while it held the journal until 2026-03-10T10:28:37Z)
    ");
    // What holds the values themselves has to be read.
    let stage = died(Stage::brief(Scenario::Healthy), 6).await;
    stage.edit(CANARY, "  namespace: shop\n", "\tnamespace: shop\n");
    let ended = stage.recover().await;
    insta::assert_snapshot!(ended.end(), @r"
    30 edit-refused: clusters/prod/advertisements-canary.yaml:5: is not readable as YAML: while scanning a plain scalar, found a tab
      hint: mend the YAML, or leave the file out of the files to edit
    ");
}

#[tokio::test]
async fn the_canary_gets_no_larger_share_of_the_pods_than_planned() {
    let stage = brief(Shape::Replicas, Scenario::Healthy);
    stage.edit(STABLE, "replicas: 3", "replicas: 9");
    let end = changed(&stage, 4, |world| {
        edit(world, STABLE, "replicas: 9", "replicas: 3");
    })
    .await;
    insta::assert_snapshot!(end, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 10 steps, 4 back
    changes: 8
    1/10 Deployment/advertisements-canary to 1.1 with 1 pod of 10 (10%): passed (commit ID)
    2/10 wait until canary runs 1.1: passed (live after 37s)
    3/10 watch canary for 3m: passed (good after 3m)
    4/10 canary to 9 pods of 18 (50%): failed (Deployment/advertisements has 3 of the pods now, so 9 pods of 12 (75%) would be the canary's and not 50%; someone else changed it)
    way back: Deployment/advertisements has 3 of the pods now, so 9 pods of 12 (75%) would be the canary's and not 50%; someone else changed it
    1/3 back: version and replicas to what they were: passed (commit ID)
    2/3 back: wait until the canary no longer runs the new version: passed
    3/3 back: wait until the previous version is healthy: passed
    43 superseded: Deployment/advertisements has 3 of the pods now, so 9 pods of 12 (75%) would be the canary's and not 50%; someone else changed it
      hint: what advertisements 1.1 in production had written elsewhere was taken back
    ");
    let more = brief(Shape::Replicas, Scenario::Healthy);
    let end = changed(&more, 4, |world| {
        edit(world, STABLE, "replicas: 3", "replicas: 9");
    })
    .await;
    end.assert(0, "a smaller share is none too many");
}

#[tokio::test]
async fn another_stable_version_is_not_said_to_be_the_old_one() {
    let ends = all(["1.1", "1.0.1"].map(async |version| {
        let stage = Stage::brief(Scenario::Errors);
        let to = format!("shop/advertisements:{version}");
        let world = Arc::clone(&stage.world);
        let start = Start::new().hook(move |event| {
            if matches!(event, Event::WayBack { .. }) {
                edit(&world, STABLE, "shop/advertisements:1.0", &to);
            }
        });
        let end = Box::pin(stage.deploy_with("1.1", start)).await;
        let recovered = stage.recover().await;
        format!("{}\nrecover: {}", end.end(), recovered.end())
    }))
    .await;
    insta::assert_snapshot!(ends.join("\n\n"), @r"
    43 superseded: advertisements 1.1 in production was taken back (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse), but Deployment/advertisements has 1.1 on branch `main` and not 1.0: someone else changed it; still on branch `main`: Deployment/advertisements has 1.1 with 3 replicas, which serves everyone
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    recover: 14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:55Z; still on branch `main`: Deployment/advertisements has 1.1 with 3 replicas, which serves everyone
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: Deployment/advertisements has 1.1 on branch `main` and not 1.0: someone else changed it

    43 superseded: advertisements 1.1 in production was taken back (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse), but Deployment/advertisements has 1.0.1 on branch `main` and not 1.0: someone else changed it; no workload with pods or users has 1.1 on branch `main`
    recover: 0 ok: nothing is unfinished: advertisements in production
    ");
}

#[tokio::test]
async fn files_that_the_configuration_names_no_more_go_back_all_the_same() {
    let stage = died(Stage::brief(Scenario::Healthy), 6).await;
    stage.edit(
        CONFIG,
        "manifests: [\"{root}/advertisements*.yaml\"]",
        "manifests: [\"{root}/advertisements.yaml\"]",
    );
    let end = stage.recover().await;
    insta::assert_snapshot!(end, @r"
    recover advertisements in production
    warning: run ID by robot (advanced, step 5/11) holds the journal until 2026-03-10T10:23:37Z and may still be under way: it is fenced out and taken back
    way back: run ID (advanced) was recovered while it held the journal until 2026-03-10T10:23:37Z
    1/4 back: canary weight to what it was: passed (commit ID)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (run ID (advanced) was recovered while it held the journal until 2026-03-10T10:23:37Z)
    ");
    stage.assert_restored("narrowed");
}

#[tokio::test]
async fn a_version_that_is_still_on_its_way_back_is_no_past_of_its_own() {
    let stage = Stage::brief(Scenario::Errors);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = start.hook(move |event| {
        if matches!(event, Event::StepStarted { name, .. } if name.contains("version and replicas"))
        {
            kill.notify_one();
        }
    });
    assert_eq!(stage.deploy_with("1.1", start).await.code, None);
    let foreseen = stage.foreseen("1.1").await;
    let refused = stage.deploy("1.1").await;
    stage.clock.advance(std::time::Duration::from_secs(3600));
    let recovered = stage.deploy("1.1").await;
    insta::assert_snapshot!(format!("check: {}\n\n{refused}\n\n{recovered}", foreseen.end()), @r"
    check: 14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, rolling-back) is not finished
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:02:37Z (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); it may still be under way until 2026-03-10T10:27:37Z
      hint: wait for its end: --wait-for-run 30m
      hint: only if it is known to be dead: `shipgate recover --service advertisements --environment production` takes it back at once

    deploy advertisements 1.1 to production
    gate: Allowed
    14 unfinished-run: an earlier run (advertisements 1.1 in production, run ID, rolling-back) is not finished
      hint: it was started by robot, https://ci.example/robot, last sign of life 2026-03-10T10:02:37Z (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); it may still be under way until 2026-03-10T10:27:37Z
      hint: wait for its end: --wait-for-run 30m
      hint: only if it is known to be dead: `shipgate recover --service advertisements --environment production` takes it back at once

    deploy advertisements 1.1 to production
    gate: Allowed
    note: its writer is silent, so it is recovered first: advertisements 1.1 in production (run ID, started by robot, https://ci.example/robot): rolling-back at step back 1/4, since 2026-03-10T10:00:00Z, expires 2026-03-10T10:27:37Z
    way back: run ID was interrupted (rolling-back)
    1/4 back: canary weight to what it was: passed (already so)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the canary no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    gate: Blocked
    40 known-bad: advertisements 1.1 in production is taken back; 1.0 is live (run ID was interrupted (rolling-back)); after that: 1.1 failed here before: run `ID` took it back Tuesday 2026-03-10 11:02 UTC (errors: canary 8.59 % (193 of 2,246), stable 0.19 % (41 of 21,831), ratio 46× (95 % range 26–87×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)
      hint: to bring it all the same, somebody else signs `shipgate approve --service advertisements --environment production --version 1.1` now, then --force-version
    ");
    stage.assert_restored("recovered first");
}
