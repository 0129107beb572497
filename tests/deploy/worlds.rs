//! Everything that a world can do to a deployment, in one table: how it ends, and what is left.

use std::{sync::Arc, time::Duration};

use shipgate::{
    event::Event,
    sim::{Faults, Scenario, World, WorldOptions},
};

use crate::{
    endings::rolling_text,
    runs::Start,
    stage::{STABLE, Stage, edit, starts},
};

const MINUTE: Duration = Duration::from_secs(60);

/// What somebody or something does to a world.
type Happening = fn(&World);

/// A world, and what happens in it as a step begins.
struct Row {
    name: &'static str,
    stage: Stage,
    meanwhile: Option<(usize, Happening)>,
}

fn row(name: &'static str, stage: Stage) -> Row {
    Row {
        name,
        stage,
        meanwhile: None,
    }
}

/// A row in which something happens as a step begins.
fn at(name: &'static str, step: usize, happens: Happening) -> Row {
    Row {
        meanwhile: Some((step, happens)),
        ..row(name, Stage::brief(Scenario::Healthy))
    }
}

fn made(make: impl FnOnce(&mut WorldOptions)) -> Stage {
    Stage::built(Scenario::Healthy, make, |text| text)
}

/// Deploys, and tells how it ended and what is left two minutes later.
async fn told(row: Row) -> String {
    let Row {
        name,
        stage,
        meanwhile,
    } = row;
    let mut start = Start::new();
    let world = Arc::clone(&stage.world);
    if let Some((step, happens)) = meanwhile {
        start = start.hook(move |event: &Event| {
            if starts(event, step) {
                happens(&world);
            }
        });
    }
    let end = stage.deploy_with("1.1", start).await;
    stage.clock.advance(2 * MINUTE);
    let tree = stage.tree();
    let branch = match tree.lines().count() {
        1 => tree,
        lines => format!("{lines} lines differ"),
    };
    format!(
        "== {name}\n{}\nbranch: {branch}\ncluster: {}; {} requests found no pod\njournal: {}",
        end.end(),
        stage.live(),
        stage.world.lost_requests(),
        stage.journal().join(" "),
    )
}

#[tokio::test]
async fn every_world_has_its_honest_ending() {
    let slow = |minutes: u32| made(|options| options.start_delay = minutes * MINUTE);
    let delayed = |minutes: u32| made(|options| options.sync_delay = minutes * MINUTE);
    let rows = vec![
        row("a good version", Stage::new(Scenario::Healthy)),
        row("errors from the start", Stage::new(Scenario::Errors)),
        row("errors that begin late", Stage::new(Scenario::LateOnset)),
        row(
            "errors that begin late, to everyone at once",
            Stage::edited(Scenario::LateOnset, |text| {
                rolling_text(text).replace("bake_time: 3m", "bake_time: 10m")
            }),
        ),
        row("slow answers", Stage::new(Scenario::Latency)),
        row("pods that take 8 minutes", slow(8)),
        row("pods that take 15 minutes", slow(15)),
        row("a controller that looks every 5 minutes", delayed(5)),
        row("a controller that looks every 25 minutes", delayed(25)),
        row(
            "a controller that never looks",
            made(|options| options.sync_delay = Duration::MAX),
        ),
        at("a controller that dies once the canary runs", 3, |world| {
            world.set_controller_dead(true);
        }),
        at("a controller that dies before the promotion", 7, |world| {
            world.set_controller_dead(true);
        }),
        row("no metrics before", Stage::new(Scenario::OutageBefore)),
        row("no metrics on the way", Stage::new(Scenario::Outage)),
        at("a protected branch", 1, |world| {
            world.set_faults(Faults {
                protect_branch: true,
                ..Faults::default()
            });
        }),
        at("a branch that is protected on the way", 5, |world| {
            world.set_faults(Faults {
                protect_branch: true,
                ..Faults::default()
            });
        }),
        at("answers that are lost", 3, |world| {
            world.set_faults(Faults {
                lost_answers: 2,
                ..Faults::default()
            });
        }),
        at("others who are quicker", 3, |world| {
            world.set_faults(Faults {
                rivals: 4,
                ..Faults::default()
            });
        }),
        at("somebody changes another value of a file", 4, |world| {
            edit(world, STABLE, "replicas: 3", "replicas: 5");
        }),
        at("somebody changes the same value", 4, |world| {
            edit(
                world,
                STABLE,
                "shop/advertisements:1.0",
                "shop/advertisements:1.0.1",
            );
        }),
        row("a hotfix on the way", Stage::new(Scenario::Superseded)),
        row("a pause for a person", Stage::new(Scenario::Held)),
        row("a blocked day", Stage::new(Scenario::Blocked)),
    ];
    let mut all = Vec::new();
    for row in rows {
        all.push(told(row).await);
    }
    insta::assert_snapshot!(all.join("\n"), @r"
    == a good version
    0 ok: advertisements 1.1 in production is live and verified
    branch: 8 lines differ
    cluster: stable 1.1, canary nothing with 0%; 0 requests found no pod
    journal: started advanced advanced promoted promoted promoted verified
    == errors from the start
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started advanced rolling-back rolling-back rolled-back
    == errors that begin late
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 4.89 % (633 of 12,953), stable 0.19 % (26 of 14,023), ratio 26× (95 % range 13–60×); 99.9 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started advanced advanced rolling-back rolling-back rolled-back
    == errors that begin late, to everyone at once
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 2.67 % (1,838 of 68,825), before 0.19 % (258 of 138,276), ratio 14× (95 % range 11–19×); 99.4 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started rolling-back rolled-back
    == slow answers
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: latency_p95 is 1.38149, wanted at most 0.5 (2 of 2 measurements)
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started advanced rolling-back rolling-back rolled-back
    == pods that take 8 minutes
    0 ok: advertisements 1.1 in production is live and verified
    branch: 8 lines differ
    cluster: stable 1.1, canary nothing with 0%; 0 requests found no pod
    journal: started advanced advanced promoted promoted promoted verified
    == pods that take 15 minutes
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: canary does not run 1.1 after 10m (WORLD answered with status 503)
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started rolling-back rolled-back
    == a controller that looks every 5 minutes
    42 held: advertisements 1.1 in production is held at weight 10%: latency_p95 has no usable number: NaN: nothing divided by nothing, often no traffic (5 answers without a usable number)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    branch: 6 lines differ
    cluster: stable 1.0, canary 1.1 with 0%; 0 requests found no pod
    journal: started advanced held
    == a controller that looks every 25 minutes
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: canary does not run 1.1 after 10m (WORLD answered with status 503)
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started rolling-back rolled-back
    == a controller that never looks
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: canary does not run 1.1 after 10m (WORLD answered with status 503)
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started rolling-back rolled-back
    == a controller that dies once the canary runs
    42 held: advertisements 1.1 in production is held at weight 10%: errors: canary no requests, stable 0.20 % (71 of 36,014), ratio unknown; canary received 0.0 % of the requests instead of 10.0 %: no verdict
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    branch: 6 lines differ
    cluster: stable 1.0, canary 1.1 with 0%; 0 requests found no pod
    journal: started advanced held
    == a controller that dies before the promotion
    41 rollback-failed: advertisements 1.1 in production could not go on (stable does not run 1.1 after 10m (runs 1.0)) and not be taken back: canary still runs 1.1 after 10m (runs 1.1); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
    branch: as at first
    cluster: stable 1.0, canary 1.1 with 50%; 0 requests found no pod
    journal: started advanced advanced promoted rolling-back rolling-back
    == no metrics before
    20 unavailable: before anything was changed: shipgate.yaml:36:11: latency_p95 could not be measured: WORLD answered with status 503 (stable)
      hint: nothing was pushed; run the same command again when the provider answers
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: 
    == no metrics on the way
    42 held: advertisements 1.1 in production is held at weight 10%: no answer for 2m: errors could not be measured: `bad` of canary: WORLD answered with status 503 (9 errors in a row)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    branch: 6 lines differ
    cluster: stable 1.0, canary 1.1 with 10%; 0 requests found no pod
    journal: started advanced held
    == a protected branch
    32 push-denied: the git server refused the push to `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined
      hint: check the token's rights and the protection of the branch
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal: started withdrawn
    == a branch that is protected on the way
    41 rollback-failed: advertisements 1.1 in production could neither go on nor be taken back: the git server refused the push to `main`: error: refs/heads/main is protected: changes go through a pull request | protected branch hook declined
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
      hint: check the token's rights and the protection of the branch
    branch: 6 lines differ
    cluster: stable 1.0, canary 1.1 with 10%; 0 requests found no pod
    journal: started advanced advanced rolling-back
    == answers that are lost
    0 ok: advertisements 1.1 in production is live and verified
    branch: 8 lines differ
    cluster: stable 1.1, canary nothing with 0%; 0 requests found no pod
    journal: started advanced advanced promoted promoted promoted verified
    == others who are quicker
    0 ok: advertisements 1.1 in production is live and verified
    branch: 8 lines differ
    cluster: stable 1.1, canary nothing with 0%; 0 requests found no pod
    journal: started advanced advanced advanced advanced advanced advanced promoted promoted promoted verified
    == somebody changes another value of a file
    0 ok: advertisements 1.1 in production is live and verified
    branch: 9 lines differ
    cluster: stable 1.1, canary nothing with 0%; 0 requests found no pod
    journal: started advanced advanced promoted promoted promoted verified
    == somebody changes the same value
    42 held: advertisements 1.1 in production is held at weight 10%: errors has no usable number: `total` matches nothing for stable any more: are its pods scraped?
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    branch: 7 lines differ
    cluster: stable 1.0.1, canary 1.1 with 10%; 0 requests found no pod
    journal: started advanced held
    == a hotfix on the way
    43 superseded: clusters/prod/advertisements.yaml:31: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements is `registry.example/shop/advertisements:1.0.1` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it; no workload with pods or users has 1.1 on branch `main`
      hint: what advertisements 1.1 in production had written elsewhere was taken back; Deployment/advertisements has 1.0.1 on branch `main` and not 1.0: someone else changed it
    branch: advertisements.yaml: image: registry.example/shop/advertisements:1.0 -> image: registry.example/shop/advertisements:1.0.1
    cluster: stable 1.0.1, canary nothing with 0%; 0 requests found no pod
    journal: started advanced advanced rolling-back rolling-back superseded
    == a pause for a person
    42 held: advertisements 1.1 in production is held at weight 10%: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --accept
      hint: to take it back: shipgate rollback --service advertisements --environment production
    branch: 6 lines differ
    cluster: stable 1.0, canary 1.1 with 10%; 0 requests found no pod
    journal: started advanced held
    == a blocked day
    10 blocked-date: Tuesday 2026-03-10 10:00 UTC is on the blocked date 2026-03-10 UTC; opens Wed 2026-03-11 09:00 UTC (2026-03-11T09:00:00Z)
      hint: going back stays allowed: `shipgate rollback --service advertisements --environment production`
    branch: as at first
    cluster: stable 1.0, canary nothing with 0%; 0 requests found no pod
    journal:
    ");
}
