//! A version that was judged bad and could not be taken back because somebody else changed a value: what of it
//! is still there is said, by the run and by `recover`, with the command that takes it away from there.

use std::sync::Arc;

use shipgate::{
    event::Event,
    ops::stop::StopReason,
    sim::{Scenario, Shape, World},
};

use crate::{
    runs::Start,
    stage::{CANARY, GREEN, STABLE, Stage, all, edit, starts},
    third_party::ThirdParty,
    trail::End,
};

/// Does something once a step of the way back begins whose name has this in it.
fn on_the_way_back(step: &'static str, mut act: impl FnMut() + 'static) -> Start {
    let mut is_done = false;
    Start::new().hook(move |event| {
        let Event::StepStarted { name, .. } = event else {
            return;
        };
        if !is_done && name.starts_with("back: ") && name.contains(step) {
            is_done = true;
            act();
        }
    })
}

fn brief(text: String) -> String {
    text.replace("      interval: 15s", "      interval: 1m")
}

/// Somebody commits during the way back.
async fn meddled(stage: &Stage, step: &'static str, change: impl Fn(&World) + 'static) -> End {
    let world = Arc::clone(&stage.world);
    let start = on_the_way_back(step, move || change(&world));
    Box::pin(stage.deploy_with("1.1", start)).await
}

/// Somebody gives the canary more users just before its way back.
pub async fn weighed_meanwhile(stage: &Stage) -> End {
    let change = |world: &World| {
        let (old, new) = ("canary-weight: \"10\"", "canary-weight: \"30\"");
        edit(world, CANARY, old, new);
    };
    meddled(stage, "weight", change).await
}

/// What is said between the verdict, which is long, and the end of it.
fn told(end: &End) -> String {
    let text = end.end();
    let Some((head, rest)) = text.split_once(" (errors: ") else {
        return text;
    };
    let (_, tail) = rest.split_once("— worse)").unwrap();
    format!("{head} (…){tail}")
}

/// What somebody does, before which step of the way back.
type Row = (
    &'static str,
    Shape,
    Scenario,
    &'static str,
    &'static str,
    [&'static str; 2],
);

const ROWS: [Row; 5] = [
    (
        "the weight",
        Shape::Ingress,
        Scenario::Errors,
        "weight",
        CANARY,
        ["canary-weight: \"10\"", "canary-weight: \"30\""],
    ),
    (
        "the replicas, once the traffic is back",
        Shape::Ingress,
        Scenario::Errors,
        "version and replicas",
        CANARY,
        ["replicas: 1 ", "replicas: 3 "],
    ),
    (
        "the image",
        Shape::Ingress,
        Scenario::Errors,
        "version and replicas",
        CANARY,
        ["shop/advertisements:1.1", "shop/advertisements:1.1-debug"],
    ),
    (
        "the number of pods",
        Shape::Replicas,
        Scenario::Errors,
        "version and replicas",
        CANARY,
        ["replicas: 1", "replicas: 4"],
    ),
    (
        "the replicas of the idle colour",
        Shape::BlueGreen,
        Scenario::BlueGreenErrors,
        "version and replicas",
        GREEN,
        ["replicas: 3", "replicas: 5"],
    ),
];

#[tokio::test]
async fn what_stays_is_said_with_the_command_that_takes_it_away() {
    let told = all(ROWS.map(|(what, shape, scenario, step, path, [old, new])| {
        Box::pin(async move {
            let stage = Stage::shaped(shape, scenario, brief);
            let end = meddled(&stage, step, move |world| edit(world, path, old, new)).await;
            if end.code == Some(40) {
                return format!("{what}: {}", told(&end));
            }
            end.assert(43, what);
            let first = end.outcome.hints.first().cloned().unwrap_or_default();
            let before = stage.references();
            let recovered = stage.recover().await;
            let (_, shown) = stage.shows().await;
            assert_eq!(shown.end(), recovered.end(), "{what}");
            assert_eq!(stage.references(), before, "{what}");
            // Whoever does what it says is done with it.
            let done = if first.contains("shipgate cleanup") {
                stage.cleanup(true).await
            } else if first.contains("shipgate rollback") {
                Box::pin(stage.rollback(Some("1.0"))).await
            } else {
                recovered.assert(0, what);
                return format!("{what}: {}\n{}", told(&end), recovered.end());
            };
            done.assert(0, what);
            stage.recover().await.assert(0, what);
            stage.clock.advance(std::time::Duration::from_secs(120));
            assert!(!stage.live().contains("1.1"), "{what}: {}", stage.live());
            format!(
                "{what}: {}\n{}\n{}",
                told(&end),
                recovered.end(),
                done.end()
            )
        })
    }))
    .await;
    insta::assert_snapshot!(told.join("\n\n"), @r#"
    the weight: 43 superseded: advertisements 1.1 in production could not be taken back (…): clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 30%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 30%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`; someone else changed it
    0 ok: advertisements 1.0 in production is live and verified

    the replicas, once the traffic is back: 43 superseded: advertisements 1.1 in production could not be taken back (…): clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `3` now, not `0` or `1`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 3 replicas, weight 0%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 3 replicas, weight 0%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `3` now, not `0` or `1`; someone else changed it
    0 ok: advertisements 1.0 in production is live and verified

    the image: 43 superseded: advertisements 1.1 in production could not be taken back (…): clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `registry.example/shop/advertisements:1.1-debug` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it; no workload with pods or users has 1.1 on branch `main`
    0 ok: nothing is unfinished: advertisements in production

    the number of pods: 43 superseded: advertisements 1.1 in production could not be taken back (…): clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `4` now, not `0` or `1`; someone else changed it; still on branch `main`: Deployment/advertisements-canary has 1.1 with 4 replicas, weight 57%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 4 replicas, weight 57%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:13: spec.replicas of Deployment/advertisements-canary is `4` now, not `0` or `1`; someone else changed it
    0 ok: advertisements 1.0 in production is live and verified

    the replicas of the idle colour: 43 superseded: advertisements 1.1 in production could not be taken back (…): clusters/prod/advertisements-green.yaml:11: spec.replicas of Deployment/advertisements-green is `5` now, not `0` or `3`; someone else changed it; still on branch `main`: Deployment/advertisements-green has 1.1 with 5 replicas
      hint: to take it away from there: shipgate cleanup --service advertisements --environment production --now --reason 'taken back'
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:03:37Z; still on branch `main`: Deployment/advertisements-green has 1.1 with 5 replicas
      hint: to take it away from there: shipgate cleanup --service advertisements --environment production --now --reason 'taken back'
      hint: what was in the way: clusters/prod/advertisements-green.yaml:11: spec.replicas of Deployment/advertisements-green is `5` now, not `0` or `3`; someone else changed it
    0 ok: Deployment/advertisements-green of advertisements in production is put away; 1.0 serves
    "#);
}

const DIGEST: &str = "@sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

#[tokio::test]
async fn the_same_version_by_digest_or_from_another_registry_is_found_or_said_to_be_in_doubt() {
    let image = "registry.example/shop/advertisements:1.1";
    let pinned = format!("{image}{DIGEST}");
    let moved = "mirror.example/shop/advertisements:1.1".to_owned();
    let without_tag = format!("registry.example/shop/advertisements{DIGEST}");
    let other = "registry.example/shop/adverts:1.1".to_owned();
    let rows = [
        ("pinned", pinned),
        ("another registry", moved),
        ("a digest alone", without_tag),
        ("another image", other),
    ];
    let told = all(rows.map(|(what, new)| {
        Box::pin(async move {
            let stage = Stage::shaped(Shape::Ingress, Scenario::Errors, brief);
            let change = move |world: &World| edit(world, CANARY, image, &new);
            let end = meddled(&stage, "version and replicas", change).await;
            end.assert(43, what);
            let recovered = stage.recover().await;
            let short = |text: String| text.replace(DIGEST, "@DIGEST");
            let end = told(&end);
            let (_, end) = end.split_once("someone else changed it; ").unwrap();
            format!(
                "{what}: {}\n{}",
                short(end.to_owned()),
                short(recovered.end())
            )
        })
    }))
    .await;
    insta::assert_snapshot!(told.join("\n\n"), @r"
    pinned: still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 0%
      hint: to take it away from there: write the image registry.example/shop/advertisements:1.0 by hand; shipgate does not edit what is there now: Deployment/advertisements-canary (clusters/prod/advertisements-canary.yaml:29: the image `registry.example/shop/advertisements:1.1@sha256:ID` is fixed by its digest, expected a tag)
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 0%
      hint: to take it away from there: write the image registry.example/shop/advertisements:1.0 by hand; shipgate does not edit what is there now: Deployment/advertisements-canary (clusters/prod/advertisements-canary.yaml:29: the image `registry.example/shop/advertisements:1.1@sha256:ID` is fixed by its digest, expected a tag)
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `registry.example/shop/advertisements:1.1@sha256:ID` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it

    another registry: still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 0%
      hint: to take it away from there: write the image registry.example/shop/advertisements:1.0 by hand; shipgate does not edit what is there now: Deployment/advertisements-canary (clusters/prod/advertisements-canary.yaml:2: no container of Deployment/advertisements-canary runs the image `registry.example/shop/advertisements`; found `mirror.example/shop/advertisements:1.1`)
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 0%
      hint: to take it away from there: write the image registry.example/shop/advertisements:1.0 by hand; shipgate does not edit what is there now: Deployment/advertisements-canary (clusters/prod/advertisements-canary.yaml:2: no container of Deployment/advertisements-canary runs the image `registry.example/shop/advertisements`; found `mirror.example/shop/advertisements:1.1`)
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `mirror.example/shop/advertisements:1.1` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it

    a digest alone: whether 1.1 is still on branch `main` cannot be told: clusters/prod/advertisements-canary.yaml:29: the image `registry.example/shop/advertisements@sha256:ID` of Deployment/advertisements-canary has no tag, which says no version
      hint: to know: look at what runs there, and set that image by hand where it is not the one that is wanted
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; whether 1.1 is still on branch `main` cannot be told: clusters/prod/advertisements-canary.yaml:29: the image `registry.example/shop/advertisements@sha256:ID` of Deployment/advertisements-canary has no tag, which says no version
      hint: to know: look at what runs there, and set that image by hand where it is not the one that is wanted
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `registry.example/shop/advertisements@sha256:ID` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it

    another image: whether 1.1 is still on branch `main` cannot be told: clusters/prod/advertisements-canary.yaml:2: no container of Deployment/advertisements-canary runs an image called `advertisements`; found `registry.example/shop/adverts:1.1`
      hint: to know: look at what runs there, and set that image by hand where it is not the one that is wanted
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; whether 1.1 is still on branch `main` cannot be told: clusters/prod/advertisements-canary.yaml:2: no container of Deployment/advertisements-canary runs an image called `advertisements`; found `registry.example/shop/adverts:1.1`
      hint: to know: look at what runs there, and set that image by hand where it is not the one that is wanted
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:29: spec.template.spec.containers[name=advertisements].image of Deployment/advertisements-canary is `registry.example/shop/adverts:1.1` now, not `registry.example/shop/advertisements:1.0` or `registry.example/shop/advertisements:1.1`; someone else changed it
    ");
}

#[tokio::test]
async fn a_workload_of_another_name_that_has_the_version_is_found() {
    let stage = Stage::shaped(Shape::Ingress, Scenario::Errors, brief);
    let change = |world: &World| {
        edit(
            world,
            CANARY,
            "name: advertisements-canary\n",
            "name: advertisements-next\n",
        );
    };
    let end = meddled(&stage, "version and replicas", change).await;
    insta::assert_snapshot!(told(&end), @r#"
    43 superseded: advertisements 1.1 in production could not be taken back (…): clusters/prod/advertisements-canary.yaml: metadata.labels["tags.datadoghq.com/version"] of Deployment/advertisements-canary is gone now, not `1.0` or `1.1`; someone else changed it; still on branch `main`: Deployment/advertisements-next has 1.1 with 1 replica
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    "#);
}

#[tokio::test]
async fn a_journal_that_is_taken_away_leaves_nothing_unsaid() {
    let stage = Stage::brief(Scenario::Healthy);
    let folder = stage.folder.path().join("gitops.git");
    let mut is_done = false;
    let start = Start::new().hook(move |event| {
        if !is_done && starts(event, 4) {
            is_done = true;
            let remote = git2::Repository::open_bare(&folder).unwrap();
            let name = "refs/shipgate/production/advertisements";
            remote.find_reference(name).unwrap().delete().unwrap();
        }
    });
    let end = Box::pin(stage.deploy_with("1.1", start)).await;
    let recovered = stage.recover().await;
    let (_, shown) = stage.shows().await;
    assert_eq!(shown.end(), recovered.end());
    let back = Box::pin(stage.rollback(Some("1.0"))).await;
    let again = stage.recover().await;
    let ends = [end.end(), recovered.end(), back.end(), again.end()];
    insta::assert_snapshot!(ends.join("\n"), @r"
    43 superseded: the journal of advertisements in production was taken away; left alone; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 10%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    14 not-taken-back: advertisements in production has no journal, so no run of it is known, but its canary has users on branch `main`: Deployment/advertisements-canary has 1.1 with weight 10%; Deployment/advertisements has 1.0
      hint: to take its users off, and its pods: shipgate rollback --service advertisements --environment production --to 1.0
      hint: if it is meant to be so, there is nothing to do
    0 ok: advertisements 1.0 in production is live and verified
    0 ok: nothing is unfinished: advertisements in production
    ");
    assert!(!stage.live().contains("1.1"), "{}", stage.live());
}

#[tokio::test]
async fn files_that_somebody_has_moved_or_deleted_are_left_alone() {
    let stage = Stage::brief(Scenario::Healthy);
    stage.deploy("1.1").await.assert(0, "1.1");
    let folder = stage.folder.path().join("gitops.git");
    let at = stage.clock_now().timestamp();
    let moved = stage.text(STABLE);
    let edits = [
        (STABLE, None),
        (CANARY, None),
        ("clusters/prod/web.yaml", Some(moved.as_str())),
    ];
    ThirdParty::at(&folder).commit(&edits, "robin: web", at);
    let end = Box::pin(stage.rollback(None)).await;
    let recovered = stage.recover().await;
    insta::assert_snapshot!([end.end(), recovered.end()].join("\n"), @r"
    43 superseded: clusters/prod/advertisements-canary.yaml: moved or deleted by someone else, no manifest of `advertisements` matches `clusters/prod/advertisements*.yaml` at commit ID; where 1.1 is still is not known: no manifest of `advertisements` matches `clusters/prod/advertisements*.yaml` at commit ID
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:09:21Z; where 1.1 is still is not known: no manifest of `advertisements` matches `clusters/prod/advertisements*.yaml` at commit ID
      hint: to know: look at what runs there, and set that image by hand where it is not the one that is wanted
      hint: what was in the way: clusters/prod/advertisements-canary.yaml: moved or deleted by someone else, no manifest of `advertisements` matches `clusters/prod/advertisements*.yaml` at commit ID
    ");
}

#[tokio::test]
async fn a_later_run_that_goes_back_to_it_says_that_it_stays() {
    let stage = Stage::brief(Scenario::Errors);
    weighed_meanwhile(&stage).await.assert(43, "the first");
    stage.edit(CANARY, "replicas: 1 ", "replicas: 2 ");
    stage.clock.advance(std::time::Duration::from_secs(120));
    let refused = Box::pin(stage.deploy("1.1")).await;
    insta::assert_snapshot!(told(&refused), @r#"
    14 known-bad: 1.1 failed here before: run `ID` was to take it back Tuesday 2026-03-10 10:02 UTC (in the way of that: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`); closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)
      hint: to bring it all the same, somebody else signs `shipgate approve --service advertisements --environment production --version 1.1` now, then --force-version
    "#);
    stage.warn_of_known_bad();
    let again = Box::pin(stage.deploy("1.1")).await;
    insta::assert_snapshot!(told(&again), @r"
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 8.19 % (317 of 3,869), stable 0.21 % (66 of 32,097), ratio 40× (95 % range 25–66×); 99.9 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse; the canary stays without the 30% that it had before: they were of 1.1 already; still on branch `main`: Deployment/advertisements-canary has 1.1 with 2 replicas, weight 0%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
    ");
    again.assert(40, "the second");
    insta::assert_snapshot!(stage.recover().await.end(), @"0 ok: nothing is unfinished: advertisements in production");
    Box::pin(stage.rollback(Some("1.0")))
        .await
        .assert(0, "taken away");
    stage.clock.advance(std::time::Duration::from_secs(120));
    assert_eq!(stage.live(), "stable 1.0, canary nothing with 0%");
}

#[tokio::test]
async fn a_rollback_without_a_version_names_the_one_before() {
    let stage = Stage::brief(Scenario::Errors);
    weighed_meanwhile(&stage).await.assert(43, "superseded");
    // A step that always runs speaks of what its own pipeline has left, and of nothing else.
    let records = stage.remote();
    let journal = records.find_reference("refs/shipgate/production/advertisements");
    let newest = journal.unwrap().peel_to_commit().unwrap();
    let text = newest.message().unwrap();
    let own = text
        .lines()
        .find_map(|line| line.strip_prefix("Shipgate-Pipeline: "));
    stage.recover_own(own.unwrap()).await.assert(14, "its own");
    let other = stage.recover_own("https://ci.example/other").await;
    other.assert(0, "another's");
    insta::assert_snapshot!(stage.rollback(None).await.end(), @r#"
    14 not-taken-back: nothing is unfinished, but advertisements 1.1 in production was not taken back: run ID ended superseded at 2026-03-10T10:02:37Z; still on branch `main`: Deployment/advertisements-canary has 1.1 with 1 replica, weight 30%
      hint: to take it away from there: shipgate rollback --service advertisements --environment production --to 1.0
      hint: what was in the way: clusters/prod/advertisements-canary.yaml:57: metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] of Ingress/advertisements-canary is `30` now, not `0`, `10` or `50`; someone else changed it
    "#);
}

#[tokio::test]
async fn who_is_stopped_on_the_way_back_says_what_is_back() {
    let told = all(
        ["weight", "version and replicas", "healthy"].map(async |step| {
            let stage = Stage::brief(Scenario::Errors);
            let mut start = Start::new();
            let stopper = start.stopper.clone();
            start = start.hook({
                move |event| {
                    if let Event::StepStarted { name, .. } = event
                        && name.starts_with("back: ")
                        && name.contains(step)
                    {
                        stopper.stop(StopReason::Terminate);
                        stopper.stop(StopReason::Terminate);
                    }
                }
            });
            let end = Box::pin(stage.deploy_with("1.1", start)).await;
            let live = stage.live();
            let recovered = stage.recover().await;
            recovered.assert(0, step);
            stage.assert_restored(step);
            format!("before {step}: {}\n  {live}", told(&end))
        }),
    )
    .await;
    insta::assert_snapshot!(told.join("\n"), @r"
    before weight: 52 cancelled-left: advertisements 1.1 in production: terminated (SIGTERM) while it was taken back (…); nothing is back yet
      hint: run `shipgate recover --service advertisements --environment production`: it finishes the way back
      stable 1.0, canary 1.1 with 10%
    before version and replicas: 52 cancelled-left: advertisements 1.1 in production: terminated (SIGTERM) while it was taken back (…); the traffic is back on the branch, version and replicas are not
      hint: run `shipgate recover --service advertisements --environment production`: it finishes the way back
      stable 1.0, canary 1.1 with 10%
    before healthy: 52 cancelled-left: advertisements 1.1 in production: terminated (SIGTERM) while it was taken back (…); every value is back on the branch, 1.0 was not seen live and well yet
      hint: run `shipgate recover --service advertisements --environment production`: it finishes the way back
      stable 1.0, canary nothing with 0%
    ");
}
