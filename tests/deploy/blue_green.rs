//! Two colours: into the one that nobody uses, the switch, every way back, and the cleanup. No request
//! ever finds a colour without pods.

use std::time::Duration;

use shipgate::{event::Event, sim::Scenario};

use crate::{
    runs::Start,
    stage::{BLUE, CONFIG, GREEN, SERVICE, Stage, all},
    trail::End,
    wire::{Call, Fate, When},
};

const HOUR: Duration = Duration::from_secs(3_600);

impl Stage {
    /// Two colours, measured less often: for tests that need many.
    fn colours(scenario: Scenario) -> Self {
        Self::edited(scenario, |text| {
            text.replace("      interval: 15s", "      interval: 1m")
        })
    }

    /// Two colours, and a person who has to say yes.
    fn with_a_pause() -> Self {
        Self::edited(Scenario::BlueGreen, |text| {
            text.replace(
                "        bake_time: 3m",
                "        pause_before_switch: true\n        bake_time: 3m",
            )
            .replace("      interval: 15s", "      interval: 1m")
        })
    }

    #[track_caller]
    fn assert_nobody_lost(&self, what: &str) {
        self.clock.advance(Duration::from_secs(120));
        assert_eq!(self.world.lost_requests(), 0, "{what}: {:?}", self.log());
    }

    fn told(&self, end: &End) -> String {
        let story = self.story(end);
        self.assert_nobody_lost(&story);
        story
    }
}

#[tokio::test]
async fn a_good_version_goes_into_the_idle_colour_and_everyone_is_switched_over() {
    let stage = Stage::colours(Scenario::BlueGreen);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.told(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 6 steps, 5 back
    changes: 6
    1/6 Deployment/advertisements-green to 1.1 with 3 replicas: passed (commit ID)
    2/6 wait until advertisements-green runs 1.1: passed (live after 37s)
    3/6 check the preview for 1m: passed (good after 1m)
    4/6 switch Service/advertisements to Deployment/advertisements-green: passed (commit ID)
    5/6 wait until advertisements-green runs 1.1: passed (live after 0s)
    6/6 watch advertisements-green for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified
    log: advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted verified
    tree: advertisements-green.yaml: 0.9 -> 1.1 in 4 places
    advertisements-green.yaml: replicas: 0 -> replicas: 3
    advertisements-service.yaml: colour: blue          # the colour that serves -> colour: green          # the colour that serves
    live: blue 1.0, green 1.1 with 100%
    ");
    let serves = |end: &End| end.outcome.deployment.clone().unwrap().serves.unwrap();
    assert_eq!(serves(&end), "Deployment/advertisements-green");
    // The next one goes the other way.
    let end = stage.deploy("1.2").await;
    insta::assert_snapshot!(stage.told(&end), @r"
    deploy advertisements 1.2 to production
    gate: Allowed
    plan: 6 steps, 5 back
    changes: 6
    1/6 Deployment/advertisements-blue to 1.2 with 3 replicas: passed (commit ID)
    2/6 wait until advertisements-blue runs 1.2: passed (live after 27s)
    3/6 check the preview for 1m: passed (good after 1m)
    4/6 switch Service/advertisements to Deployment/advertisements-blue: passed (commit ID)
    5/6 wait until advertisements-blue runs 1.2: passed (live after 0s)
    6/6 watch advertisements-blue for 3m: passed (good after 3m)
    0 ok: advertisements 1.2 in production is live and verified
    log: advertisements 1.2: switch Service/advertisements to Deployment/advertisements-blue (production) | advertisements 1.2: Deployment/advertisements-blue to 1.2 with 3 replicas (production) | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted verified started promoted verified
    tree: advertisements-blue.yaml: 1.0 -> 1.2 in 4 places
    advertisements-green.yaml: 0.9 -> 1.1 in 4 places
    advertisements-green.yaml: replicas: 0 -> replicas: 3
    advertisements-service.yaml: colour: green -> colour: blue
    live: blue 1.2, green 1.1 with 0%
    ");
    assert_eq!(serves(&end), "Deployment/advertisements-blue");
    let back = stage.rollback(None).await;
    assert_eq!(serves(&back), "Deployment/advertisements-green");
    stage.deploy("1.2").await.assert(0, "1.2 again");
    let again = stage.deploy("1.2").await;
    insta::assert_snapshot!(again.end(), @"0 ok: advertisements 1.2 is in production already; nothing to do");
    assert_eq!(stage.gaps().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_fails_before_the_switch_is_noticed_by_nobody() {
    let stage = Stage::colours(Scenario::BlueGreenPreview);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.told(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 6 steps, 5 back
    changes: 6
    1/6 Deployment/advertisements-green to 1.1 with 3 replicas: passed (commit ID)
    2/6 wait until advertisements-green runs 1.1: passed (live after 37s)
    3/6 check the preview for 1m: failed (health answered with status 500, wanted status 200 to 299 (1 of 1 measurement))
    way back: health answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    1/4 back: switch to the colour that served before: passed (already so)
    2/4 back: version and replicas to what they were: passed (commit ID)
    3/4 back: wait until the other colour no longer runs the new version: passed
    4/4 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: health answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started rolling-back rolled-back
    tree: as at first
    live: blue 1.0, green nothing with 0%
    ");
    assert!(!stage.log().iter().any(|subject| subject.contains("switch")));
}

#[tokio::test]
async fn what_fails_after_the_switch_is_switched_back_first() {
    let stage = Stage::colours(Scenario::BlueGreenErrors);
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.told(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 6 steps, 5 back
    changes: 6
    1/6 Deployment/advertisements-green to 1.1 with 3 replicas: passed (commit ID)
    2/6 wait until advertisements-green runs 1.1: passed (live after 37s)
    3/6 check the preview for 1m: passed (good after 1m)
    4/6 switch Service/advertisements to Deployment/advertisements-green: passed (commit ID)
    5/6 wait until advertisements-green runs 1.1: passed (live after 0s)
    6/6 watch advertisements-green for 3m: failed (errors: now 8.31 % (1,851 of 22,272), before 0.20 % (161 of 80,108), ratio 41× (95 % range 30–58×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: now 8.31 % (1,851 of 22,272), before 0.20 % (161 of 80,108), ratio 41× (95 % range 30–58×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/5 back: switch to the colour that served before: passed (commit ID)
    2/5 back: version and replicas to what they were: passed (commit ID)
    3/5 back: wait until the colour that served before runs the previous version: passed
    4/5 back: wait until the other colour no longer runs the new version: passed
    5/5 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 8.31 % (1,851 of 22,272), before 0.20 % (161 of 80,108), ratio 41× (95 % range 30–58×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted rolling-back rolling-back rolled-back
    tree: as at first
    live: blue 1.0, green nothing with 0%
    ");
}

/// Somebody takes the pods of the colour away that served before, once everyone is switched over.
fn takes_the_old_colour_away(stage: &Stage) -> Start {
    let world = std::sync::Arc::clone(&stage.world);
    Start::new().hook(move |event| {
        if matches!(
            event,
            Event::StepStarted {
                index: 6,
                total: 6,
                ..
            }
        ) {
            crate::stage::edit(&world, BLUE, "replicas: 3", "replicas: 0");
        }
    })
}

#[tokio::test]
async fn nobody_is_switched_back_to_a_colour_whose_pods_were_taken_away_meanwhile() {
    let stage = Stage::colours(Scenario::BlueGreenErrors);
    let start = takes_the_old_colour_away(&stage);
    let end = stage.deploy_with("1.1", start).await;
    insta::assert_snapshot!(stage.told(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 6 steps, 5 back
    changes: 6
    1/6 Deployment/advertisements-green to 1.1 with 3 replicas: passed (commit ID)
    2/6 wait until advertisements-green runs 1.1: passed (live after 37s)
    3/6 check the preview for 1m: passed (good after 1m)
    4/6 switch Service/advertisements to Deployment/advertisements-green: passed (commit ID)
    5/6 wait until advertisements-green runs 1.1: passed (live after 0s)
    6/6 watch advertisements-green for 3m: failed (errors: now 8.31 % (1,851 of 22,272), before 0.20 % (161 of 80,108), ratio 41× (95 % range 30–58×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    way back: errors: now 8.31 % (1,851 of 22,272), before 0.20 % (161 of 80,108), ratio 41× (95 % range 30–58×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    1/7 back: pods for Deployment/advertisements-blue, which served before: passed (commit ID)
    2/7 back: wait until the colour that served before runs the previous version: passed
    3/7 back: switch to the colour that served before: passed (commit ID)
    4/7 back: version and replicas to what they were: passed (commit ID)
    5/7 back: wait until the colour that served before runs the previous version: passed
    6/7 back: wait until the other colour no longer runs the new version: passed
    7/7 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 8.31 % (1,851 of 22,272), before 0.20 % (161 of 80,108), ratio 41× (95 % range 30–58×); 99 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse; Deployment/advertisements-blue had no pods in git by then and got them back before anyone was sent there
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: pods for the way back to 1.0 (production) | robin: something else | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted rolling-back rolling-back rolling-back rolled-back
    tree: as at first
    live: blue 1.0, green nothing with 0%
    ");
    // Held or interrupted after the switch it is the same.
    let unsure = |text: String| text.replace("interval: 15s", "interval: 1m");
    for by in ["recover", "rollback"] {
        let stage = Stage::edited(Scenario::BlueGreen, unsure);
        let start = takes_the_old_colour_away(&stage);
        let kill = start.kill.clone();
        let mut hook = start.hook;
        let start = Start {
            hook: None,
            ..start
        };
        let start = start.hook(move |event| {
            if let Some(hook) = &mut hook {
                hook(event);
            }
            if matches!(
                event,
                Event::StepStarted {
                    index: 6,
                    total: 6,
                    ..
                }
            ) {
                kill.notify_one();
            }
        });
        assert_eq!(stage.deploy_with("1.1", start).await.code, None, "{by}");
        stage.clock.advance(HOUR);
        assert_eq!(stage.live(), "blue nothing, green 1.1 with 100%", "{by}");
        let end = match by {
            "recover" => stage.recover().await,
            _ => stage.rollback(None).await,
        };
        end.assert(0, by);
        assert!(
            end.outcome
                .reason
                .contains("Deployment/advertisements-blue had no pods in git by then"),
            "{by}: {end}"
        );
        assert_eq!(stage.tree(), "as at first", "{by}");
        stage.assert_nobody_lost(by);
    }
}

#[tokio::test]
async fn the_switch_waits_for_an_approval() {
    let stage = Stage::with_a_pause();
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(stage.told(&end), @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 7 steps, 5 back
    changes: 6
    1/7 Deployment/advertisements-green to 1.1 with 3 replicas: passed (commit ID)
    2/7 wait until advertisements-green runs 1.1: passed (live after 37s)
    3/7 check the preview for 1m: passed (good after 1m)
    4/7 hold for an approval: held (waits for an approval)
    42 held: advertisements 1.1 in production is held before the switch: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.1 --accept
      hint: to take it back: shipgate rollback --service advertisements --environment production
    log: advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started held
    tree: advertisements-green.yaml: 0.9 -> 1.1 in 4 places
    advertisements-green.yaml: replicas: 0 -> replicas: 3
    live: blue 1.0, green 1.1 with 0%
    ");
    stage.cleanup(true).await.assert(14, "held");
    let before = stage.references();
    stage.deploy("1.1").await.assert(42, "not approved");
    assert_eq!(stage.references(), before);
    stage.accept("1.1").await.assert(0, "approved");
    assert_eq!(stage.live(), "blue 1.0, green 1.1 with 100%");
    // Both versions are there: nothing is to be written before the approval, and it is asked for all
    // the same.
    let end = stage.deploy("1.0").await;
    insta::assert_snapshot!(end.end(), @r"
    42 held: advertisements 1.0 in production is held before the switch: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --service advertisements --environment production --version 1.0 --accept
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
    stage.deploy("1.0").await.assert(42, "not approved");
    stage.accept("1.0").await.assert(0, "approved");
    assert_eq!(stage.live(), "blue 1.0, green 1.1 with 0%");
    stage.assert_nobody_lost("there and back");
}

#[tokio::test]
async fn a_rollback_is_the_switch_back() {
    let stage = Stage::colours(Scenario::BlueGreen);
    stage.deploy("1.1").await.assert(0, "1.1");
    stage.edit(BLUE, "replicas: 3", "replicas: 5   # sale on Friday");
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(stage.told(&end), @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/6 back: wait until the colour that served before runs the previous version: passed
    2/6 back: switch to the colour that served before: passed (commit ID)
    3/6 back: version and replicas to what they were: passed (commit ID)
    4/6 back: wait until the colour that served before runs the previous version: passed
    5/6 back: wait until the other colour no longer runs the new version: passed
    6/6 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (a test)
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | robin: something else | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted verified rolling-back rolling-back rolled-back
    tree: advertisements-blue.yaml: replicas: 3 -> replicas: 5   # sale on Friday
    live: blue 1.0, green nothing with 0%
    ");
}

#[tokio::test]
async fn after_a_cleanup_the_old_colour_gets_its_pods_before_anyone_is_sent_there() {
    let stage = Stage::colours(Scenario::BlueGreen);
    stage.deploy("1.1").await.assert(0, "1.1");
    stage.cleanup(true).await.assert(0, "cleanup");
    stage.clock.advance(HOUR);
    assert_eq!(stage.live(), "blue nothing, green 1.1 with 100%");
    let (shown, _) = stage.shows().await;
    insta::assert_snapshot!(shown.end(), @"0 ok: would take advertisements 1.1 in production back: 7 values in 3 files; dry run: nothing was pushed");
    let end = stage.rollback(None).await;
    insta::assert_snapshot!(stage.told(&end), @r"
    gate: Allowed
    roll back advertisements in production
    way back: a test
    1/7 back: pods for Deployment/advertisements-blue, which served before: passed (commit ID)
    2/7 back: wait until the colour that served before runs the previous version: passed
    3/7 back: switch to the colour that served before: passed (commit ID)
    4/7 back: version and replicas to what they were: passed (commit ID)
    5/7 back: wait until the colour that served before runs the previous version: passed
    6/7 back: wait until the other colour no longer runs the new version: passed
    7/7 back: wait until the previous version is healthy: passed
    0 ok: advertisements 1.1 in production is taken back; 1.0 is live (a test); Deployment/advertisements-blue had no pods in git by then and got them back before anyone was sent there
    log: advertisements 1.1: values back to 1.0 (production) | advertisements 1.1: traffic back to 1.0 (production) | advertisements 1.1: pods for the way back to 1.0 (production) | advertisements 1.1: Deployment/advertisements-blue to 0 replicas (production) | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted verified promoted verified rolling-back rolling-back rolling-back rolled-back
    tree: as at first
    live: blue 1.0, green nothing with 0%
    ");
}

/// A world in which 1.1 was deployed and the old colour put away, and a rollback died at a push.
async fn died_after_a_cleanup(
    to: Option<&str>,
    (call, when, nth): (Call, When, usize),
    what: &str,
) -> Stage {
    let stage = Stage::colours(Scenario::BlueGreen);
    stage.deploy("1.1").await.assert(0, what);
    stage.cleanup(true).await.assert(0, what);
    stage.clock.advance(HOUR);
    let start = Start::by("alex");
    let kill = start.kill.clone();
    stage.wire.at(call, when, nth, move || {
        kill.notify_one();
        Fate::Drop
    });
    let end = stage.rollback_with(to, start).await;
    assert_eq!(end.code, None, "{what}:\n{end}");
    stage.wire.rule(|_, _| Fate::Pass);
    stage
}

#[tokio::test]
async fn a_rollback_after_a_cleanup_that_dies_anywhere_loses_nobody() {
    // Three commits, each with its record.
    let points = (1..=3).flat_map(|nth| {
        [
            (Call::Journal, When::After, nth),
            (Call::Branch, When::Before, nth),
            (Call::Branch, When::After, nth),
        ]
    });
    all(points.map(async |point| {
        let what = format!("{point:?}");
        let stage = Box::pin(died_after_a_cleanup(None, point, &what)).await;
        stage.recover().await.assert(0, &what);
        assert_eq!(stage.tree(), "as at first", "{what}");
        stage.assert_nobody_lost(&what);
    }))
    .await;
}

#[tokio::test]
async fn a_rollback_to_a_version_waits_for_it_too() {
    let stage = Stage::colours(Scenario::BlueGreen);
    stage.deploy("1.1").await.assert(0, "1.1");
    // Still there: only the switch.
    let end = stage.rollback(Some("1.0")).await;
    insta::assert_snapshot!(stage.told(&end), @r"
    gate: Allowed
    roll back advertisements in production to 1.0
    1/5 Deployment/advertisements-blue to 1.0 with 3 replicas: passed (commit ID)
    2/5 wait until advertisements-blue runs 1.0: passed (live after 0s)
    3/5 switch Service/advertisements to Deployment/advertisements-blue: passed (commit ID)
    4/5 wait until advertisements-blue runs 1.0: passed (live after 0s)
    5/5 watch advertisements-blue for 3m: passed (good after 3m)
    0 ok: advertisements 1.0 in production is live and verified
    log: advertisements 1.0: switch Service/advertisements to Deployment/advertisements-blue (production) | advertisements 1.0: Deployment/advertisements-blue to 1.0 with 3 replicas (production) | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted verified started promoted verified
    tree: advertisements-green.yaml: 0.9 -> 1.1 in 4 places
    advertisements-green.yaml: replicas: 0 -> replicas: 3
    advertisements-service.yaml: colour: green -> colour: blue
    live: blue 1.0, green 1.1 with 0%
    ");
    stage.cleanup(true).await.assert(0, "cleanup");
    stage.clock.advance(HOUR);
    // Without pods: they come first.
    let end = stage.rollback(Some("1.1")).await;
    insta::assert_snapshot!(stage.told(&end), @r"
    gate: Allowed
    roll back advertisements in production to 1.1
    1/5 Deployment/advertisements-green to 1.1 with 3 replicas: passed (commit ID)
    2/5 wait until advertisements-green runs 1.1: passed (live after 27s)
    3/5 switch Service/advertisements to Deployment/advertisements-green: passed (commit ID)
    4/5 wait until advertisements-green runs 1.1: passed (live after 0s)
    5/5 watch advertisements-green for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified
    log: advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production) | advertisements 1.0: Deployment/advertisements-green to 0 replicas (production) | advertisements 1.0: switch Service/advertisements to Deployment/advertisements-blue (production) | advertisements 1.0: Deployment/advertisements-blue to 1.0 with 3 replicas (production) | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted verified started promoted verified promoted verified started promoted verified
    tree: advertisements-green.yaml: 0.9 -> 1.1 in 4 places
    advertisements-green.yaml: replicas: 0 -> replicas: 3
    advertisements-service.yaml: colour: blue          # the colour that serves -> colour: green          # the colour that serves
    live: blue 1.0, green 1.1 with 100%
    ");
    let there = stage.rollback(Some("1.1")).await;
    insta::assert_snapshot!(there.end(), @"0 ok: advertisements in production is at 1.1 already");
}

#[tokio::test]
async fn a_rollback_to_a_version_that_dies_is_finished_without_losing_anyone() {
    let points = (1..=2).flat_map(|nth| {
        [
            (Call::Branch, When::Before, nth),
            (Call::Branch, When::After, nth),
        ]
    });
    all(points.map(async |point| {
        let what = format!("{point:?}");
        let stage = Box::pin(died_after_a_cleanup(Some("1.0"), point, &what)).await;
        stage.recover().await.assert(0, &what);
        stage.assert_nobody_lost(&what);
        let expected = if matches!(point, (_, When::Before, 1)) {
            "blue nothing, green 1.1 with 100%"
        } else {
            "blue 1.0, green 1.1 with 0%"
        };
        assert_eq!(stage.live(), expected, "{what}");
    }))
    .await;
}

/// The steps of the world's plan that wait or watch, and its pushes.
const WAITS: [usize; 4] = [2, 3, 5, 6];

#[derive(Debug, Clone, Copy)]
enum Point {
    Step(usize),
    Push(Call, When, usize),
}

/// A world in which a deployment of 1.1 was killed.
async fn killed(scenario: Scenario, point: Point) -> Stage {
    let stage = Stage::colours(scenario);
    let start = Start::new();
    let kill = start.kill.clone();
    let start = match point {
        Point::Step(step) => start.hook(move |event| {
            if matches!(event, Event::StepStarted { index, total: 6, .. } if *index == step) {
                kill.notify_one();
            }
        }),
        Point::Push(call, when, nth) => {
            stage.wire.at(call, when, nth, move || {
                kill.notify_one();
                Fate::Drop
            });
            start
        }
    };
    let end = stage.deploy_with("1.1", start).await;
    assert_eq!(end.code, None, "{point:?} was not reached:\n{end}");
    stage.wire.rule(|_, _| Fate::Pass);
    stage
}

fn every_point() -> impl Iterator<Item = Point> {
    let pushes = (1..=2).flat_map(|nth| {
        [
            Point::Push(Call::Journal, When::Before, nth),
            Point::Push(Call::Journal, When::After, nth),
            Point::Push(Call::Branch, When::Before, nth),
            Point::Push(Call::Branch, When::After, nth),
        ]
    });
    WAITS.map(Point::Step).into_iter().chain(pushes)
}

#[tokio::test]
async fn killed_at_any_step_it_is_taken_back_by_whoever_recovers() {
    all(every_point().map(async |point| {
        let what = format!("{point:?}");
        let stage = killed(Scenario::BlueGreen, point).await;
        stage.recover().await.assert(0, &what);
        assert_eq!(stage.tree(), "as at first", "{what}");
        stage.assert_nobody_lost(&what);
        assert_eq!(stage.live(), "blue 1.0, green nothing with 0%", "{what}");
        let before = stage.references();
        stage.recover().await.assert(0, &what);
        assert_eq!(stage.references(), before, "{what}");
    }))
    .await;
}

#[tokio::test]
async fn killed_at_any_step_the_same_deployment_goes_on() {
    all(every_point().map(async |point| {
        let what = format!("{point:?}");
        let stage = killed(Scenario::BlueGreen, point).await;
        stage.deploy("1.1").await.assert(0, &what);
        stage.assert_nobody_lost(&what);
        assert_eq!(stage.live(), "blue 1.0, green 1.1 with 100%", "{what}");
        assert_eq!(stage.commits(), 2, "{what}: {:?}", stage.log());
        assert_eq!(stage.run_ids().len(), 1, "{what}");
    }))
    .await;
}

#[tokio::test]
async fn killed_and_bad_it_is_taken_back_by_the_second_try() {
    all(every_point().map(async |point| {
        let what = format!("{point:?}");
        let stage = killed(Scenario::BlueGreenErrors, point).await;
        stage.deploy("1.1").await.assert(40, &what);
        assert_eq!(stage.tree(), "as at first", "{what}");
        stage.assert_nobody_lost(&what);
    }))
    .await;
}

#[tokio::test]
async fn the_old_colour_is_kept_and_then_put_away() {
    let stage = Stage::colours(Scenario::BlueGreen);
    let nothing_known = stage.cleanup(false).await;
    insta::assert_snapshot!(nothing_known.end(), @"0 ok: nothing to clean up: Deployment/advertisements-green of advertisements in production has no pods");
    stage.deploy("1.1").await.assert(0, "1.1");
    let references = stage.references();
    let early = stage.cleanup(false).await;
    insta::assert_snapshot!(early.end(), @r"
    14 kept: the old colour of advertisements in production is kept for 1h after the last deployment ended at 2026-03-10T10:04:37Z: until 2026-03-10T11:04:37Z
      hint: to do it all the same: --now with a --reason
    ");
    assert_eq!(early.outcome.reason_code, "kept");
    stage.clock.advance(HOUR);
    let mut start = Start::new();
    start.dry_run = true;
    let shown = stage.cleanup_with(false, start).await;
    insta::assert_snapshot!(shown.end(), @"0 ok: would put Deployment/advertisements-blue of advertisements in production away; dry run: nothing was pushed");
    assert_eq!(stage.references(), references);
    let end = stage.cleanup(false).await;
    insta::assert_snapshot!(stage.told(&end), @r"
    gate: Allowed
    clean up advertisements in production
    1/1 Deployment/advertisements-blue to 0 replicas: passed (commit ID)
    0 ok: Deployment/advertisements-blue of advertisements in production is put away; 1.1 serves
    log: advertisements 1.1: Deployment/advertisements-blue to 0 replicas (production) | advertisements 1.1: switch Service/advertisements to Deployment/advertisements-green (production) | advertisements 1.1: Deployment/advertisements-green to 1.1 with 3 replicas (production)
    journal: started promoted verified promoted verified
    tree: advertisements-blue.yaml: replicas: 3 -> replicas: 0
    advertisements-green.yaml: 0.9 -> 1.1 in 4 places
    advertisements-green.yaml: replicas: 0 -> replicas: 3
    advertisements-service.yaml: colour: blue          # the colour that serves -> colour: green          # the colour that serves
    live: blue 1.0, green 1.1 with 100%
    ");
    let references = stage.references();
    let again = stage.cleanup(false).await;
    insta::assert_snapshot!(again.end(), @"0 ok: nothing to clean up: Deployment/advertisements-blue of advertisements in production has no pods");
    assert_eq!(stage.references(), references);
    assert_eq!(stage.gaps().await, Vec::<String>::new());
    insta::assert_snapshot!(stage.history().await.join("\n"), @r"
    cleanup verified (1.1 -> 1.1, by alex)
    blue_green verified (1.0 -> 1.1, by robot)
    ");
    // What it left is no obstacle.
    stage.deploy("1.2").await.assert(0, "1.2");
    stage.assert_nobody_lost("1.2");
}

#[tokio::test]
async fn a_cleanup_that_dies_is_finished_by_anybody() {
    let points = [
        (Call::Journal, When::Before),
        (Call::Journal, When::After),
        (Call::Branch, When::Before),
        (Call::Branch, When::After),
    ];
    all(points.map(async |(call, when)| {
        for recovers in [true, false] {
            let what = format!("{call:?} {when:?} {recovers}");
            let stage = Stage::colours(Scenario::BlueGreen);
            Box::pin(stage.deploy("1.1")).await.assert(0, &what);
            let start = Start::by("alex");
            let kill = start.kill.clone();
            stage.wire.at(call, when, 1, move || {
                kill.notify_one();
                Fate::Drop
            });
            let end = Box::pin(stage.cleanup_with(true, start)).await;
            assert_eq!(end.code, None, "{what}:\n{end}");
            stage.wire.rule(|_, _| Fate::Pass);
            if recovers {
                Box::pin(stage.recover()).await.assert(0, &what);
            }
            Box::pin(stage.cleanup(true)).await.assert(0, &what);
            stage.clock.advance(Duration::from_secs(60));
            assert_eq!(stage.live(), "blue nothing, green 1.1 with 100%", "{what}");
            stage.assert_nobody_lost(&what);
            assert_eq!(stage.commits(), 3, "{what}: {:?}", stage.log());
        }
    }))
    .await;
}

#[tokio::test]
async fn a_canary_leaves_nothing_to_clean_up() {
    let stage = Stage::brief(Scenario::Healthy);
    let end = stage.cleanup(true).await;
    insta::assert_snapshot!(end.end(), @"0 ok: nothing to clean up: the strategy `canary` of advertisements in production leaves nothing behind");
    assert_eq!(stage.log(), Vec::<String>::new());
    // One that is held is not finished: it has left a canary.
    let stage = Stage::new(Scenario::Held);
    stage.deploy("1.1").await.assert(42, "held");
    let end = stage.cleanup(true).await;
    end.assert(14, "beside a held run");
    assert_eq!(end.outcome.reason_code, "unfinished-run");
}

#[tokio::test]
async fn a_selector_that_names_no_colour_is_refused() {
    let rows = [
        (SERVICE, "colour: blue  ", "colour: red  "),
        (
            SERVICE,
            "    colour: blue          # the colour that serves\n",
            "",
        ),
        (
            SERVICE,
            "    app: advertisements\n    colour: blue",
            "    app: shop\n    colour: blue",
        ),
        (
            GREEN,
            "        colour: green\n        tags",
            "        colour: blue\n        tags",
        ),
    ];
    let mut told = Vec::new();
    for (path, old, new) in rows {
        let stage = Stage::colours(Scenario::BlueGreen);
        stage.edit(path, old, new);
        let before = stage.references();
        told.push(stage.deploy("1.1").await.end());
        assert_eq!(stage.references(), before, "{old}");
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements selects `colour: red`, which is neither Deployment/advertisements-blue (`blue`) nor Deployment/advertisements-green (`green`)
      hint: let it lead to the colour that is to serve
    30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements: the pods of Deployment/advertisements-blue and Deployment/advertisements-green differ in no label that it selects by, so it leads to both or to neither; found `app: advertisements`
      hint: write the colour that serves into the selector of Service/advertisements, in a commit of your own: `colour: blue` or `colour: green`
    30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements selects `app: shop`, `colour: blue`, and the pods of Deployment/advertisements-blue have `app: advertisements`, `colour: blue`, `tags.datadoghq.com/version: 1.0`: it could not lead there
      hint: give the pods of both colours every other label of the selector
    30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements: the pods of Deployment/advertisements-blue and Deployment/advertisements-green differ in no label that it selects by, so it leads to both or to neither; found `app: advertisements`, `colour: blue`
      hint: give the pods of each colour a label of their own in its template (`colour: blue`, `colour: green`); once they run, write the one that serves into the selector of Service/advertisements
    ");
}

#[tokio::test]
async fn a_selector_without_a_colour_is_told_what_to_write() {
    let unselected = "    colour: blue          # the colour that serves\n";
    let rows = [
        (
            "no label of the pods either",
            true,
            "",
            "traffic: {service: Service/advertisements}",
        ),
        (
            "a label that is not there",
            false,
            "",
            "traffic: {service: Service/advertisements, label: colour}",
        ),
        (
            "a label of nobody",
            true,
            unselected,
            "traffic: {service: Service/advertisements, label: tier}",
        ),
        (
            "another label than the one that differs",
            false,
            unselected,
            "traffic: {service: Service/advertisements, label: tier}",
        ),
    ];
    let mut told = Vec::new();
    for (what, bare, selected, traffic) in rows {
        let stage = Stage::colours(Scenario::BlueGreen);
        stage.edit(
            CONFIG,
            "traffic: {service: Service/advertisements}",
            traffic,
        );
        stage.edit(SERVICE, unselected, selected);
        if bare {
            for (path, colour) in [(BLUE, "blue"), (GREEN, "green")] {
                stage.edit(
                    path,
                    &format!("        colour: {colour}\n        tags"),
                    "        tags",
                );
            }
        }
        let before = stage.references();
        let end = stage.deploy("1.1").await;
        told.push(format!("{what}: {}", end.end()));
        assert_eq!(stage.references(), before, "{what}");
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    no label of the pods either: 30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements: the pods of Deployment/advertisements-blue and Deployment/advertisements-green differ in no label that it selects by, so it leads to both or to neither; found `app: advertisements`
      hint: give the pods of each colour a label of their own in its template (`colour: blue`, `colour: green`); once they run, write the one that serves into the selector of Service/advertisements
    a label that is not there: 30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements does not select by the label `colour`; found `app: advertisements`
      hint: write the colour that serves into the selector of Service/advertisements, in a commit of your own: `colour: blue` or `colour: green`
    a label of nobody: 30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements does not select by the label `tier`; found `app: advertisements`, `colour: blue`
      hint: give the pods of each colour a label of their own in its template (`tier: blue`, `tier: green`); once they run, write the one that serves into the selector of Service/advertisements
    another label than the one that differs: 30 edit-refused: clusters/prod/advertisements-service.yaml:2: Service/advertisements does not select by the label `tier`; found `app: advertisements`, `colour: blue`
      hint: name a label of it by which the pods differ (`colour`)
    ");
}

#[tokio::test]
async fn nobody_is_switched_away_from_a_colour_without_pods() {
    let stage = Stage::colours(Scenario::BlueGreen);
    stage.edit(BLUE, "replicas: 3", "replicas: 0");
    let before = stage.references();
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(end.end(), @r"
    30 edit-refused: Deployment/advertisements-blue serves everyone and has 0 replicas, so a way back would send users to no pods
      hint: give Deployment/advertisements-blue its pods first, then deploy the new version
    ");
    assert_eq!(stage.references(), before);
}
